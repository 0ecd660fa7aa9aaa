#!/bin/bash
# A batch job of Flux on cloud instances that share no filesystem (flux batch flux-cloud.sh). unet, Node, make and the Usernetes
# release are in the image, at the same path on every node: none of it is sent, and each node's release is checked against
# the first one's. The join record goes by flux archive.
#flux: --job-name=unet-cloud
#flux: --nodes=4
#flux: --exclusive
#flux: --time-limit=2h
#flux: --signal=TERM@120s

export UNET_RELEASE=${UNET_RELEASE:-/opt/usernetes}
# The job's state and logs, on this node alone; the other nodes find the cluster by Flux.
export UNET_JOB_DIR=${UNET_JOB_DIR:-/var/tmp/unet-$(id -u)}

exec unet run --stage none --join-via flux-archive --timeout 10m -- ./workflow.sh
