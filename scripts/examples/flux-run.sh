#!/bin/bash
# A whole batch job of Flux (flux batch flux-run.sh): the cluster comes up on every node, the workflow runs with KUBECONFIG
# set, and everything is taken away, also when it fails. The job ends with the workflow's exit code.
#flux: --job-name=unet
#flux: --nodes=4
#flux: --exclusive
#flux: --time-limit=2h
# Two minutes before the time limit, so that the teardown has time: at the limit itself Flux kills after five seconds.
#flux: --signal=TERM@120s

# exec: the signal reaches unet, which passes it on to the workflow and takes the cluster down.
exec unet run --min-nodes 4 --timeout 10m -- ./workflow.sh
