#!/bin/bash
# What an expert would write instead of unet, for several nodes on this machine: the same make targets on as many
# copies of the release, everything at the same time that can be, and nothing waited for longer than needed. There is
# no error handling, no deadline and no cleaning up after a failure; `make` stops it where a step fails.
#
#   straight.sh up|down    with RELEASE, DIRECTORY (of the copies), NODES, FIRST_PORT
#
# Node 0 is the control plane. Prints one line "SECONDS STEP" for each thing that the critical path went through.
set -eu -o pipefail
: "${RELEASE:?}" "${DIRECTORY:?}" "${NODES:?}" "${FIRST_PORT:?}"
export KUBECONFIG="${DIRECTORY}/node-0/kubeconfig"
read -r HOST_IP _ < <(hostname -I)
HOST_IP="${HOST_IP:-127.0.0.1}"

# Asked inside the node, as unet does: a client for each look would notice later, and cost the others their CPU.
ASK='n=0; until [ -S /run/containerd/containerd.sock ] && ctr version; do n=$((n+1)); [ $n -lt 250 ] || { ctr version; exit 1; }; sleep 0.04; done'

mark() { echo "${EPOCHREALTIME} $1"; }

# The variables of node $1; run it in a subshell.
enter() {
	local port=$((FIRST_PORT + 10 * $1))
	export HOST_IP NODE_NAME="u7s-straight-$1" NODE_SUBNET="10.$((100 + $1)).0.0/24" QUICK=1
	export PORT_ETCD=${port} PORT_KUBELET=$((port + 1)) PORT_FLANNEL=$((port + 2)) PORT_KUBE_APISERVER=$((port + 3))
	export COMPOSE_PROJECT_NAME="straight-$1" COMPOSE="${DIRECTORY}/node-$1/bin/compose"
	# The release need not look for its engine at every target.
	export CONTAINER_ENGINE=rehearsal CONTAINER_ENGINE_TYPE=rehearsal
	cd "${DIRECTORY}/node-$1"
}

start() {
	(($1 > 0)) || mark start
	cp -r "${RELEASE}" "${DIRECTORY}/node-$1"
	enter "$1"
	(($1 > 0)) || mark stage
	make up >up.log 2>&1
	(($1 > 0)) || mark up
	until ${COMPOSE} exec -T node sh -c "${ASK}" >boot.log 2>&1; do sleep 0.15; done
	(($1 > 0)) || mark boot
}

target() (
	enter "$1"
	make "$2" >"$2.log" 2>&1
)

join() {
	cp "${DIRECTORY}/node-0/join-command" "${DIRECTORY}/node-$1/join-command"
	target "$1" kubeadm-join
}

# A watch is better than the best polling: no process starts, and nothing is noticed late.
all_ready() {
	local -A ready=()
	local name status
	while read -r name status _; do
		[[ ${status} == Ready ]] && ready[${name}]=1
		((${#ready[@]} < NODES)) || break
	done < <(exec kubectl get nodes --watch --no-headers)
	kill $!
}

up() {
	local i
	mkdir -p "${DIRECTORY}"
	for ((i = 1; i < NODES; i++)); do
		(start "$i") &
		started[i]=$!
	done
	(start 0)
	target 0 kubeadm-init
	mark init
	target 0 install-flannel &
	local others=($!)
	{
		target 0 kubeconfig
		kubectl -n kube-system wait deployment/coredns --for=condition=Available --timeout=60s >"${DIRECTORY}/dns.log" &
		local dns=$!
		all_ready
		mark ready
		wait "${dns}"
	} &
	others+=($!)
	target 0 join-command
	mark publish
	local joining=()
	for ((i = 1; i < NODES; i++)); do
		wait "${started[i]}"
		join "$i" &
		joining+=($!)
	done
	for i in "${joining[@]}"; do wait "$i"; done
	mark join
	target 0 sync-external-ip
	mark sync
	for i in "${others[@]}"; do wait "$i"; done
}

down() {
	local i removing=()
	for ((i = 0; i < NODES; i++)); do
		[[ ! -d ${DIRECTORY}/node-$i ]] || (target "$i" down-v && rm -rf "${DIRECTORY}/node-$i") &
		removing+=($!)
	done
	for i in "${removing[@]}"; do wait "$i"; done
	rm -rf "${DIRECTORY}"
}

case "${1:-}" in
up) up ;;
down) down ;;
*)
	echo >&2 "usage: $0 up|down"
	exit 2
	;;
esac
