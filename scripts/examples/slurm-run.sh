#!/bin/bash
# A whole batch job: the cluster comes up on every node of the allocation, the workflow runs with KUBECONFIG set, and
# everything is taken away, also when it fails. The job ends with the workflow's exit code.
#SBATCH --job-name=unet
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --time=2:00:00
# Warns the script two minutes before the time limit, so that the teardown has time.
#SBATCH --signal=B:TERM@120

# exec: the signal reaches unet, which passes it on to the workflow and takes the cluster down.
exec unet run --min-nodes 4 --timeout 10m -- ./workflow.sh
