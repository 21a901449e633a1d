#!/usr/bin/env bash
# Usage: hack/fuzz.sh DURATION
#
# Runs every fuzz target of the module for this long; `go test -fuzz` takes only one at a time.
set -euo pipefail

grep -rHoE --include='*_test.go' --exclude-dir=e2e '^func Fuzz[A-Za-z0-9_]*' . | sort |
	while IFS=: read -r file func; do
		target=${func#func }
		hack/step.sh "fuzzing $target for $1" \
			go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$(dirname "$file")" </dev/null
	done
