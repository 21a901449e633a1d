#!/usr/bin/env bash
# Usage: hack/step.sh TITLE COMMAND [ARGUMENT...]
#
# Runs a command between two lines that say what it is and how long it took. A line a minute shows that it is alive,
# since compilers and `go test` are silent for minutes the first time.
set -uo pipefail

title=$1
shift

say() { printf '%s == %s\n' "$(date +%T)" "$*" >&2; }

say "$title"
SECONDS=0
(
	trap 'kill "$!" 2>/dev/null; exit' TERM
	while :; do
		sleep 60 &
		wait "$!"
		say "$title: ${SECONDS}s so far"
	done
) &
beat=$!
trap 'kill "$beat" 2>/dev/null; wait "$beat" 2>/dev/null' EXIT

"$@"
status=$?
if ((status)); then
	say "$title: FAILED after ${SECONDS}s"
else
	say "$title: done in ${SECONDS}s"
fi
exit "$status"
