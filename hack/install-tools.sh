#!/usr/bin/env bash
# Usage: hack/install-tools.sh test|bench
#
# Installs what the tests or the benchmark call and Go does not build: on Debian and its kin with apt-get, as root or
# through sudo. Elsewhere it says what is missing. It does nothing if all is there.
set -euo pipefail

# What is looked for, and the Debian package that has it.
case $1 in
test) tools=(
	"gcc gcc"                       # for -race
	"dig bind9-dnsutils"            # asks the servers; delv and nsupdate come with it
	"named-checkzone bind9-utils"   # the checkers read every zone file
	"ldns-verify-zone ldnsutils"    # and validate signed ones
	"nsd-checkzone nsd"
	"kzonecheck knot-dnssecutils"
	"named bind9"                   # the servers serve them
	"knotd knot"
	"promtool prometheus"           # reads alert rules and metrics
	"buildah buildah"               # builds the container image
	"mkfs.btrfs btrfs-progs"        # is a disk with a quota
	"mkfs.ext4 e2fsprogs"           # and one that hangs
	"groff groff-base"              # reads the manual pages
	"script bsdutils"               # is a terminal
	"fusermount3 fuse3"             # mounts a filesystem of the tests' own
	"shellcheck shellcheck"         # for make lint
) ;;
bench) tools=(
	"dnsperf dnsperf"               # asks as much as a server answers
	"taskset util-linux"            # keeps programs on a core
	"knotd knot"                    # is compared with
) ;;
esac

PATH=$PATH:/usr/sbin # not in everybody's PATH, but in that of the tests
missing=() packages=()
for tool in "${tools[@]}"; do
	read -r command package <<<"$tool"
	if ! command -v "$command" >/dev/null; then
		missing+=("$command") packages+=("$package")
	fi
done
((${#missing[@]})) || exit 0
[[ " ${packages[*]} " != *" gcc "* ]] || packages+=(libc6-dev)

sudo=
if [[ $(id -u) != 0 ]]; then
	sudo="sudo"
fi
if ! command -v apt-get >/dev/null || { [[ $sudo ]] && ! command -v sudo >/dev/null; }; then
	echo "${missing[*]} are missing here. On Debian: apt-get install ${packages[*]}" >&2
	exit 1
fi

echo "Installing ${packages[*]}, for ${missing[*]}"
# The servers must not start here, now or later, by themselves: the tests start their own.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
	trap '$sudo rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
	$sudo chmod +x "$policy"
fi
$sudo apt-get -qq -o Acquire::Retries=3 update
DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
	install --no-install-recommends --yes "${packages[@]}" >/dev/null
for service in nsd:nsd bind9:named knot:knot prometheus:prometheus; do
	if [[ " ${packages[*]} " == *" ${service%%:*} "* ]] && command -v systemctl >/dev/null; then
		$sudo systemctl disable --quiet "${service#*:}.service" || true # no systemd is running: nothing will start it
	fi
done
