#!/bin/bash
# A task beside the cluster, and a client of it: on whichever node it runs, unet env knows the cluster of this instance.
set -euo pipefail
eval "$(unet env)"
kubectl get nodes
kubectl create configmap found --from-literal=by="task ${FLUX_TASK_RANK:-}"
