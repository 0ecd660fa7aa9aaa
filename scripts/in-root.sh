#!/bin/bash
# Runs a command in another distribution's root directory, as root: `scripts/in-root.sh ROOT COMMAND…`. The checkout is at its own
# path there; /proc and /dev are the machine's, /tmp and /run are empty, the network is one that leads nowhere. Mounts and network
# go with the command.
set -euo pipefail
root="$1"
shift
checkout="$(cd "$(dirname "$0")/.." && pwd)"
exec unshare --mount --propagation private --net bash -euc '
  root="$1" checkout="$2"
  shift 2
  # A root that is no mount point cannot be pivoted to, and unshare(1) refuses to work in it.
  mount --rbind "$root" "$root"
  cd "$root"
  mkdir -p ".$checkout" mnt
  mount --rbind "$checkout" ".$checkout"
  for name in proc sys dev; do mount --rbind "/$name" "$name"; done
  for name in tmp run; do mount -t tmpfs -o mode=1777 tmpfs "$name"; done
  chmod 755 run
  mkdir -p run/netns run/lock run/user
  pivot_root . mnt
  umount -l /mnt
  cd "$checkout"
  # An address that other addresses of this network reach, and a default route, as a host has them.
  ip link set lo up
  ip link add eth0 type veth peer name nowhere
  ip link set nowhere up
  ip addr add 198.18.0.1/24 dev eth0
  ip link set eth0 up
  ip route add default via 198.18.0.254
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TMPDIR=/tmp
  exec "$@"
' in-root "$root" "$checkout" "$@"
