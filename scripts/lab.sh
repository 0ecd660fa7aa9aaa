#!/bin/bash
# Real Slurm hosts on this machine, for development by hand: see `scripts/lab.sh help` and test/lab/lab/index.ts.
set -eu
cd "$(dirname "$0")/.."
bundle=node_modules/.cache/unet-lab.mjs
node_modules/.bin/esbuild test/lab/lab/by-hand.ts --bundle --platform=node --format=esm --target=node20 \
  --packages=external --outfile="$bundle" --log-level=warning
exec node "$bundle" "$@"
