#!/bin/bash
# Runs the core of the tests in Debian 13 (make 4.4, Slurm 24.11, podman 5.4, its own Node), and the unit tests and the rehearsal on
# later Nodes. As root, on a Debian with debootstrap; after `npm ci` and `npm run build`. What it makes is kept for the next time in
# $UNET_TEST_CACHE (default /var/cache/unet-test).
set -euo pipefail
cd "$(dirname "$0")/.."
cache="${UNET_TEST_CACHE:-/var/cache/unet-test}"
root="$cache/trixie"
mkdir -p "$cache"

packages=(make nodejs ca-certificates jq iproute2 procps passwd util-linux gettext-base openssl git tmux
  slurm-wlm munge openssh-server sshfs kubernetes-client
  podman podman-compose runc conmon catatonit uidmap slirp4netns passt fuse-overlayfs netavark aardvark-dns nftables iptables)
stamp="${packages[*]}"

make_root() {
  if [ ! -d "$root" ]; then
    rm -rf "$root.partial"
    debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
      trixie "$root.partial" "$(scripts/debian-mirror.sh)" >"$cache/debootstrap.log" || { tail "$cache/debootstrap.log"; return 1; }
    mv "$root.partial" "$root"
  fi
  if [ "$(cat "$root/.packages" 2>/dev/null)" != "$stamp" ]; then
    # Nothing that is installed here is to be started.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod +x "$root/usr/sbin/policy-rc.d"
    chroot "$root" apt-get update -qq
    chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}" \
      >"$cache/install.log" || { tail "$cache/install.log"; return 1; }
    chroot "$root" apt-get clean
    echo "$stamp" >"$root/.packages"
  fi
}

in_root() { scripts/in-root.sh "$root" env -i CI=true UNET_TEST_TIME_SCALE="${UNET_TEST_TIME_SCALE:-3}" PATH="$PATH" HOME=/root TMPDIR=/tmp "$@"; }
vitest_in_root() { in_root node node_modules/vitest/vitest.mjs run --reporter=dot "$@"; }

debian13() {
  echo "== Debian 13: $(in_root bash -c 'make --version | head -n 1; slurmd -V; podman --version; echo "Node $(node --version)"' | paste -sd ' ')"
  in_root bash -c 'cd && node "$0/bin/unet.js" rehearse --output plain 2>&1 | tail -n 4 && node "$0/bin/unet.js" down' "$PWD"
  vitest_in_root test/engine test/provision/probe.test.ts test/process
  vitest_in_root test/lab/slurm.test.ts -t 'with unet run has|step by step|that ends without down|under salloc|scancel during|an agent killed'
  vitest_in_root test/lab/hooks.test.ts -t 'gets a cluster from the prolog|that is cancelled|is not touched'
  vitest_in_root test/containers -t 'two nodes come up'
}

majors=(22 24 26)
bin_of() { echo "$cache/node-$1/node_modules/node-linux-$(node -p process.arch)/bin"; }

fetch_nodes() {
  for major in "${majors[@]}"; do
    [ -x "$(bin_of "$major")/node" ] || npm install --no-audit --no-fund --silent --prefix "$cache/node-$major" \
      "node-linux-$(node -p process.arch)@$major"
  done
}

later_nodes() {
  for major in "${majors[@]}"; do
    later="$(bin_of "$major")"
    echo "== Node $("$later/node" --version)"
    home="$(mktemp -d)"
    env -i PATH="$later:$PATH" HOME="$home" bash -euo pipefail -c \
      'cd; node "$0/bin/unet.js" rehearse --output plain 2>&1 | tail -n 4; node "$0/bin/unet.js" down; rm -rf "$HOME"' "$PWD"
    PATH="$later:$PATH" "$later/node" node_modules/vitest/vitest.mjs run --reporter=dot \
      test/config test/engine test/events test/files test/join test/process test/provision
  done
}

# `prepare` fetches everything, and may run beside the build and the first tests.
case "${1:-all}" in
all) make_root && fetch_nodes && debian13 && later_nodes ;;
prepare) make_root && fetch_nodes ;;
debian13) make_root && debian13 ;;
nodes) fetch_nodes && later_nodes ;;
*)
  echo "usage: scripts/second-world.sh [all|prepare|debian13|nodes]" >&2
  exit 2
  ;;
esac
