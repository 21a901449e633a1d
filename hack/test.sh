#!/usr/bin/env bash
# Usage: hack/test.sh FORMAT ARGUMENT...
#
# Runs `go test ARGUMENT...`, shown in a format of gotestsum. At the end it shows once more what failed, without the
# lines of the programs that tests run ("named| ..."), since a CI may keep no more than the end of a long log.
set -uo pipefail

gotestsum=$(cd "$(dirname "$0")/.." && pwd)/.cache/tools/gotestsum
events=$(mktemp)
trap 'rm -f "$events"' EXIT

"$gotestsum" --format "$1" --hide-summary all --jsonfile "$events" -- "${@:2}"
status=$?
if ((status)); then
	"$gotestsum" --format none --hide-summary skipped --raw-command cat "$events" | grep -Ev '^ +[a-z0-9-]+\| ' | tail -n 200
fi
exit "$status"
