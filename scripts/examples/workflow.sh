#!/bin/bash
# What runs in the cluster: an ordinary script with kubectl.
set -euo pipefail
echo "cluster $UNET_JOB_ID, lead $UNET_JOB_LEAD, nodes: $UNET_JOB_NODES"
kubectl get nodes -o wide
kubectl create configmap hello --from-literal=from="$UNET_JOB_ID"
kubectl get configmap hello -o yaml
