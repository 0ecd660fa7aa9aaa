#!/bin/bash
# Prints the address of the Debian mirror that this machine's apt uses.
set -euo pipefail
targets() { apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages'; }
indexes="$(targets)"
if [ -z "$indexes" ]; then
  apt-get update -qq >&2
  indexes="$(targets)"
fi
awk '$3 == "main" && $1 ~ /debian\/?$/ {print $1; exit}' <<<"$indexes"
