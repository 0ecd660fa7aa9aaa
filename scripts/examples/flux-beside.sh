#!/bin/bash
# A batch job of Flux (flux batch flux-beside.sh) with other work beside the cluster: a multi-prog job whose first task is a
# client of the cluster and whose others are a simulation. The cluster takes none of the instance's resources from it.
#flux: --job-name=unet-beside
#flux: --nodes=4
#flux: --exclusive
#flux: --time-limit=2h
#flux: --signal=TERM@120s
set -e
# At once, also while a job is waited for; the exit takes the cluster down. HUP is what the script gets when Flux sends its
# signal to the brokers of the job.
trap 'exit 143' TERM HUP
trap 'unet down' EXIT

unet up

# Each task asks for the kubeconfig on its own node, so nothing has to be shared: see client.sh.
cat > programs.conf <<'END'
0 ./client.sh
* ./simulation.sh %t
END
nodes=$(flux getattr size)
# Before Flux 0.76 there is no multi-prog: two "flux submit" instead.
flux run --nodes="$nodes" --ntasks="$nodes" flux multi-prog programs.conf &
wait $!
