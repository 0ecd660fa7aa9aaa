#!/bin/bash
# What the real preflight says on a machine where nothing is wrong; no engine and no module is needed.
set -eu
here="${BASH_SOURCE[0]%/*}"
: "${CONTAINER_ENGINE_TYPE:=$("${here}/detect-container-engine.sh" CONTAINER_ENGINE_TYPE)}"
echo >&2 -e "\e[104m\e[97m[INFO]\e[49m\e[39m Detected container engine type: ${CONTAINER_ENGINE_TYPE}"
if ! command -v kubectl >/dev/null 2>&1; then
	echo >&2 -e "\e[101m\e[97m[WARNING]\e[49m\e[39m Command \"kubectl\" is not installed"
fi
# A process start only where a rehearsed failure asks for it.
case "${UNET_REHEARSAL:-}" in
*preflight*) exec "${here}/../bin/compose" preflight ;;
esac
