#!/usr/bin/env bash
# Serves examples/ on this machine until Ctrl-C: zonegen writes the zone files, CoreDNS serves them with
# corefile.example. `make run` builds both and calls this.
#
# Ports can be moved: DNS_PORT, HTTP_PORT (zonegen), HEALTH_PORT, READY_PORT and METRICS_PORT (CoreDNS).
# shellcheck disable=SC2317 # functions are called by trap and by until_true
set -euo pipefail
set -m # each background job in a process group of its own: Ctrl-C comes here only, and this script ends them
cd "$(dirname "$0")/.."

dns=${DNS_PORT:-1053} http=${HTTP_PORT:-8053}
health=${HEALTH_PORT:-18080} ready=${READY_PORT:-18181} metrics=${METRICS_PORT:-19153}
dir=.cache/run/$dns
zonegen='' coredns=''

fail() {
	printf 'make run: %s\n' "$*" >&2
	exit 1
}

# stop ends what was started, and waits for it.
stop() {
	trap '' HUP INT TERM
	for pid in $coredns $zonegen; do
		kill "$pid" 2>/dev/null || continue
		wait "$pid" || true
	done
}
trap stop EXIT
trap 'exit 0' INT
trap 'exit 129' HUP
trap 'exit 143' TERM

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

for port in "DNS_PORT $dns" "HTTP_PORT $http" "HEALTH_PORT $health" "READY_PORT $ready" "METRICS_PORT $metrics"; do
	read -r name number <<<"$port"
	if listens "$number"; then
		fail "port $number is taken; move it: make run $name=$((number + 1))"
	fi
done

# until_true waits up to 30 seconds for a command to succeed, unless the process PID ends before.
until_true() { # PID WHAT COMMAND...
	local pid=$1 what=$2 end=$((SECONDS + 30))
	shift 2
	until "$@"; do
		kill -0 "$pid" 2>/dev/null || fail "$what has ended, see above"
		((SECONDS < end)) || fail "$what is not ready after 30 seconds, see above"
		sleep 0.1
	done
}

# answers asks for a page by HTTP and returns whether it is there.
answers() { # PORT PATH
	listens "$1" || return 1
	exec 4<>"/dev/tcp/127.0.0.1/$1"
	printf 'GET %s HTTP/1.0\r\n\r\n' "$2" >&4
	local status
	read -r _ status _ <&4 || true
	exec 4>&-
	[[ $status == 200 ]]
}

# The logs of both go to the terminal. What shows them must not end before they do.
prefix() { sed -u "s/^/$1 | /"; }

rm -rf "$dir"
mkdir -p "$dir/zones"
bin/zonegen run -f examples --zone-dir "$dir/zones" --http "127.0.0.1:$http" > >(prefix zonegen) 2>&1 &
zonegen=$!
until_true "$zonegen" zonegen answers "$http" /readyz

sed -e "s|/zones|$PWD/$dir/zones|; s|:1053|:$dns|g; s|:8080|:$health|; s|:8181|:$ready|; s|:9153|:$metrics|" \
	corefile.example >"$dir/Corefile"
bin/coredns -conf "$dir/Corefile" > >(prefix coredns) 2>&1 &
coredns=$!
until_true "$coredns" coredns answers "$ready" /ready

dig="dig @127.0.0.1 -p $dns"
cat <<END

clusterset.local is served on port $dns. Try:

  $dig checkout.shop.svc.clusterset.local              # a service with an address of its own
  $dig web.sites.svc.clusterset.local                  # a headless one: all its ready pods, in two clusters
  $dig web-0.tokyo.web.sites.svc.clusterset.local      # one pod of it
  $dig SRV _http._tcp.web.sites.svc.clusterset.local   # their ports
  $dig -x 10.61.2.8                                    # and back from an address
  $dig AXFR clusterset.local                           # the whole zone; or read the file:
  cat $dir/zones/db.clusterset.local

Change a file in examples/ and ask again. zonegen's metrics: http://127.0.0.1:$http/metrics
END
if ! command -v dig >/dev/null; then
	echo "dig is missing here; it is in bind9-dnsutils (Debian, Ubuntu), bind-utils (Fedora), bind (Homebrew)."
fi
echo "Ctrl-C ends both."
echo

wait -n "$zonegen" "$coredns" || true
fail "zonegen or coredns has ended, see above"
