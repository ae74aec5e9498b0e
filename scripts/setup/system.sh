#!/usr/bin/env bash
# Installs the system packages that are missing: those of packages.txt and those named as arguments.
# Does nothing, in well under a second, when none is.
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v dpkg-query >/dev/null; then
    echo "set-up: this is neither Debian nor Ubuntu: install the packages of scripts/setup/packages.txt by hand" >&2
    exit 0
fi

# `ID` is debian, ubuntu, …
system=$(. /etc/os-release && echo "$ID")
installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | tr '\n' ' ') "
missing=()
while read -r package where _; do
    [[ -n $package && $where != "!$system" ]] || continue
    [[ "$installed" == *" $package "* ]] || missing+=("$package")
done < <(grep -v '^#' packages.txt; printf '%s\n' "$@")
[ ${#missing[@]} -gt 0 ] || exit 0

echo "set-up: installing ${missing[*]}"
root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "set-up: not root, and sudo is missing. As root: apt-get install ${missing[*]}" >&2
        exit 1
    }
    root=(sudo)
fi

# Debian starts a service when its package is installed. The mosquitto of a developer's machine should not
# run by itself: `make run` starts its own. A policy that is already there is left alone.
policy=/usr/sbin/policy-rc.d
forget_policy() { :; }
if [[ " ${missing[*]} " == *" mosquitto "* && ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
    "${root[@]}" chmod 755 "$policy"
    forget_policy() { "${root[@]}" rm -f "$policy"; }
    trap forget_policy EXIT
fi

apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -qq)
"${apt[@]}" update
"${apt[@]}" install -y --no-install-recommends "${missing[@]}"

if [[ " ${missing[*]} " == *" mosquitto "* ]] && [ -d /run/systemd/system ]; then
    "${root[@]}" systemctl disable --quiet mosquitto.service || true
fi
