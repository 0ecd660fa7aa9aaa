#!/bin/bash
# Answers as the real script does: everything without an argument, one value with its name. ENGINE_COMMAND is
# only here: what to call for images.
set -eu -o pipefail
here="${BASH_SOURCE[0]%/*}"
root="$(cd "${here}/.." && pwd)"
: "${CONTAINER_ENGINE:=rehearsal}"
: "${COMPOSE:=${root}/bin/compose}"
CONTAINER_ENGINE_TYPE=rehearsal

if [ "$#" -gt 1 ]; then
	echo >&2 "$0: too many arguments"
	exit 1
fi
case "${1:-all}" in
all)
	printf '%s\n' "CONTAINER_ENGINE=${CONTAINER_ENGINE}" \
		"CONTAINER_ENGINE_TYPE=${CONTAINER_ENGINE_TYPE}" "COMPOSE=${COMPOSE}" \
		"ENGINE_COMMAND=${root}/bin/engine"
	;;
CONTAINER_ENGINE | CONTAINER_ENGINE_TYPE | COMPOSE) echo "${!1}" ;;
*)
	echo >&2 "$0: unknown argument: $1"
	exit 1
	;;
esac
