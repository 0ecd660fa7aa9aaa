#!/bin/bash
# The same in steps, with an MPI step of the same job beside the cluster.
#SBATCH --job-name=unet-steps
#SBATCH --nodes=4
#SBATCH --time=2:00:00
set -e
trap 'unet down' EXIT

unet up
eval "$(unet env)"

kubectl get nodes
kubectl create configmap settings --from-literal=size=large   # your own services: kubectl apply -f services.yaml

# --overlap: beside the agents' step, which holds the whole nodes as well.
srun --overlap --ntasks-per-node=1 ./simulation
