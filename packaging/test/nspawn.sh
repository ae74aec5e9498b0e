#!/usr/bin/env bash
# The package on a booted Debian 12, with systemd as PID 1 in a container (systemd-nspawn): installation, READY=1, restart,
# reload, SIGKILL, the watchdog, upgrade with the state kept, removal, purge. `make test-deb`; needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo "test-deb: systemd-nspawn needs root: sudo make test-deb" >&2; exit 1; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)
arch=$(dpkg --print-architecture)
package=target/deb/ocellus_${version}_$arch.deb
next=$version+next1
cache=target/nspawn
mkdir -p $cache

began=$(date +%s)
step() { printf '%4d s  %s\n' $(($(date +%s) - began)) "$*"; }
fail() {
    echo "FAILED: $*" >&2
    if [ -n "${init:-}" ]; then inside journalctl -u ocellus -n 40 --no-pager >&2 || true; fi
    exit 1
}

# A bare system is made once and kept; each run works on a copy.
base=$cache/base.tar
if [ ! -f $base ]; then
    step "a bare Debian 12 is made"
    mmdebstrap --quiet --variant=minbase --include=systemd-sysv,dbus,mosquitto,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good,libsystemd0,libudev1 \
        bookworm $base.part
    mv $base.part $base
fi
root=$(mktemp -d "$PWD/$cache/root.XXXXXX")
container=
init=
cleanup() {
    # Only what was started here: the container's own process; its children end with it.
    if [ -n "$container" ]; then kill -TERM "$container" 2>/dev/null || true; wait "$container" 2>/dev/null || true; fi
    rm -rf "$root"
}
trap cleanup EXIT
tar -xf $base -C "$root"
printf 'listener 1883 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n' >"$root/etc/mosquitto/conf.d/local.conf"
cp "$package" "$root/first.deb"
step "a package of a later version is made, to upgrade to"
VERSION=$next packaging/deb.sh >/dev/null
cp "target/deb/ocellus_${next}_$arch.deb" "$root/second.deb"

step "the system boots"
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn -q --keep-unit --register=no --private-network --console=pipe \
    -D "$root" --boot </dev/null >"$root.log" 2>&1 &
container=$!
for _ in $(seq 300); do
    init=$(pgrep -P "$container" | head -n1 || true)
    [ -n "$init" ] && break
    sleep 0.1
done
[ -n "$init" ] || fail "the container did not start: $(cat "$root.log")"
inside() { nsenter -t "$init" -m -p -u -i -n env PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
# until_true SECONDS WORDS COMMAND...
until_true() {
    local seconds=$1 words=$2
    shift 2
    for _ in $(seq $((seconds * 10))); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "$words (waited $seconds s)"
}
running() { inside systemctl is-system-running | grep -qE 'running|degraded'; }
active() { inside systemctl is-active --quiet ocellus; }
process() { inside systemctl show -p MainPID --value ocellus; }
until_true 120 "the system did not boot" running

step "the package is installed; its service starts by itself"
inside dpkg -i /first.deb >"$root/install.log" 2>&1 || fail "dpkg: $(cat "$root/install.log")"
until_true 60 "the service did not become active" active
inside journalctl -u ocellus --no-pager -o cat | grep -q 'ready' || fail "no word of being ready in the journal"
inside journalctl -u ocellus --no-pager -o json -n 1 | grep -q '"PRIORITY"' || fail "journal lines have no priority"
[ "$(inside stat -c %U:%a /var/lib/ocellus)" = ocellus:700 ] || fail "/var/lib/ocellus is not the service's own, mode 700"
[ "$(inside stat -c %U:%G:%a /etc/ocellus/ocellus.toml)" = root:ocellus:640 ] || fail "the configuration's owner or mode"
inside ocellus --version
inside ocellus check --config /etc/ocellus/ocellus.toml >/dev/null || fail "the shipped configuration does not pass check"
inside test -f /usr/share/man/man1/ocellus.1.gz || fail "no manual page"
inside ocellus status --config /etc/ocellus/ocellus.toml | head -n1

step "restart, reload"
before=$(process)
inside systemctl restart ocellus || fail "restart"
active || fail "not active after a restart"
[ "$(process)" != "$before" ] || fail "a restart kept the process"
before=$(process)
inside systemctl reload ocellus || fail "reload"
active && [ "$(process)" = "$before" ] || fail "a reload did not keep the process"

step "SIGKILL: it comes back by itself"
before=$(process)
inside systemctl kill -s KILL ocellus
again() { active && [ "$(process)" != "$before" ] && [ "$(process)" != 0 ]; }
until_true 60 "not active again after SIGKILL" again

step "SIGSTOP: the watchdog ends it, and it comes back"
before=$(process)
inside kill -STOP "$before"
until_true 120 "the watchdog did not act" again
inside journalctl -u ocellus --no-pager -o cat | grep -qi 'watchdog' || fail "no word of the watchdog"

step "hardening"
exposure=$(inside systemd-analyze security --no-pager ocellus.service | sed -n 's/.*exposure level for ocellus.service: \([0-9.]*\).*/\1/p')
echo "        exposure $exposure"
awk "BEGIN { exit !($exposure <= 1.6) }" || fail "exposure $exposure is above 1.6"

step "upgrade: a changed configuration and the state stay"
inside sh -c 'echo "# changed by hand" >>/etc/ocellus/ocellus.toml'
inside sh -c 'ls -A /var/lib/ocellus | sort' >"$root/state.before"
inside dpkg -i /second.deb >"$root/install.log" 2>&1 || fail "upgrade: $(cat "$root/install.log")"
until_true 60 "not active after the upgrade" active
inside grep -q 'changed by hand' /etc/ocellus/ocellus.toml || fail "the changed configuration was lost"
inside sh -c 'ls -A /var/lib/ocellus | sort' | diff "$root/state.before" - >/dev/null || fail "the state changed"
[ "$(inside dpkg-query -W -f '${Version}' ocellus)" = "$next" ] || fail "the new version is not installed"

step "a copy in /usr/local is named"
inside sh -c 'cp /usr/bin/ocellus /usr/local/bin/ocellus'
inside dpkg -i /second.deb 2>&1 | grep -q '/usr/local/bin/ocellus was installed by hand' || fail "the hand-made copy is not named"
inside rm /usr/local/bin/ocellus

step "removal keeps state and configuration; purge removes them"
inside dpkg -r ocellus >/dev/null 2>&1 || fail "remove"
inside test -d /var/lib/ocellus && inside test -f /etc/ocellus/ocellus.toml || fail "removal took state or configuration"
if active; then fail "it runs after its removal"; fi
inside dpkg -P ocellus >/dev/null 2>&1 || fail "purge"
if inside test -e /var/lib/ocellus || inside test -e /etc/ocellus; then fail "purge left state or configuration"; fi
step "the package passed"
