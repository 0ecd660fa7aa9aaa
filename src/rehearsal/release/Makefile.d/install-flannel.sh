#!/bin/bash
# Interpreted by the rehearsed node (`make install-flannel`), never run on the host.
echo >&2 "$0: runs inside a node only"
exit 1
