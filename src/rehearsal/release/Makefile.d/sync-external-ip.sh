#!/bin/bash
# Interpreted by the rehearsed node (`make sync-external-ip`), never run on the host.
echo >&2 "$0: runs inside a node only"
exit 1
