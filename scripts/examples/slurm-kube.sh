#!/bin/bash
# A job of Slurm that is objects of Kubernetes (sbatch slurm-kube.sh): a template's, in the cluster of $KUBECONFIG or ~/.kube/config.
# Its output is the log of the pods, its exit code that of the container that failed; scancel and the time limit delete the objects.
#SBATCH --job-name=unet-kube
#SBATCH --ntasks=1
#SBATCH --time=1:00:00
# A minute before the time limit, so that the objects are deleted in peace: at the limit Slurm kills after KillWait.
#SBATCH --signal=B:TERM@60

# exec: the signal reaches unet.
exec unet kube run "${TEMPLATE:-./kube-template.yaml}" -o "${OVERRIDES:-{\"COMMAND\": \"echo hello\"\}}"
