#!/bin/bash
# The README's tour on the rehearsal release: three nodes on this machine, up, used, down. Needs Node and make; uses
# kubectl where there is one.
set -euo pipefail
cd "$(dirname "$0")/.."
unet() { node bin/unet.js "$@"; }
say() { printf '\n$ %s\n' "$*"; }

export UNET_ALLOCATION=local UNET_NAME=tour
trap 'unet down >/dev/null 2>&1 || true' EXIT

say 'unet rehearse --nodes 3'
unet rehearse --nodes 3

say 'unet status'
unet status

say 'eval "$(unet env)"'
eval "$(unet env)"
echo "KUBECONFIG=$KUBECONFIG"

if command -v kubectl >/dev/null; then
  say 'kubectl get nodes -o wide'
  kubectl get nodes -o wide
  say 'kubectl create configmap greeting --from-literal=hello=world'
  kubectl create configmap greeting --from-literal=hello=world
  say 'unet kubectl get configmap greeting -o jsonpath={.data.hello}'
  unet kubectl get configmap greeting -o 'jsonpath={.data.hello}'
  echo
else
  echo '(no kubectl on this machine: the cluster is shown by "unet status" alone)'
fi

say 'unet down'
unet down
trap - EXIT
