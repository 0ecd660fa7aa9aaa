#!/bin/bash
# Faults in real Slurm jobs: `npm run test:faults -- --seed N --count N`, `--only K` for one of them again.
set -eu
cd "$(dirname "$0")/.."
while [ $# -gt 0 ]; do
  case "$1" in
    --seed | --count | --only | --kill-wait)
      [[ "${2-}" =~ ^[0-9]+$ ]] || { echo "$1 takes a number" >&2; exit 2; }
      name="${1#--}"
      name="${name//-/_}"
      export "UNET_FAULTS_${name^^}=$2"
      shift 2
      ;;
    *) echo "usage: npm run test:faults -- [--seed N] [--count N] [--only K] [--kill-wait SECONDS]" >&2; exit 2 ;;
  esac
done
exec node_modules/.bin/vitest run test/faults
