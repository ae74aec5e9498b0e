#!/usr/bin/env bash
# The package on a booted Debian 12, with systemd as PID 1 in a container (systemd-nspawn): installation, READY=1, restart,
# reload, SIGKILL, the watchdog, hardening, journal, upgrade with the state kept, a step back over a newer state, a boot,
# removal, purge; then the tarball. `make test-deb [PROFILE=dev]`; needs root. Prints figures, and asserts no times.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo "test-deb: systemd-nspawn needs root: sudo make test-deb" >&2; exit 1; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)
arch=$(dpkg --print-architecture)
package=${PACKAGE:-target/deb/ocellus_${version}_$arch.deb}
tarball=${TARBALL:-target/deb/ocellus-$version-$arch.tar.xz}
next=$version+next1
cache=target/nspawn
mkdir -p $cache
for needed in "$package" "$tarball"; do
    [ -f "$needed" ] || { echo "test-deb: there is no $needed; \`make test-deb\` makes it" >&2; exit 1; }
done

began=$(date +%s)
step() { printf '%4d s  %s\n' $(($(date +%s) - began)) "$*"; }
figure() { printf '        %s\n' "$*"; }
fail() {
    echo "FAILED: $*" >&2
    if [ -n "${init:-}" ]; then inside journalctl -n 40 --no-pager >&2 || true; fi
    if [ -s "$root.log" ]; then tail -n 20 "$root.log" >&2; fi
    exit 1
}

# A bare system is made once and kept; each run works on a copy.
base=$cache/base.tar
if [ ! -f $base ]; then
    step "a bare Debian 12 is made"
    mmdebstrap --quiet --format=tar --variant=minbase --include=systemd-sysv,dbus,mosquitto,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good,libsystemd0,libudev1 \
        bookworm $base.part
    mv $base.part $base
fi
root=$(mktemp -d "$PWD/$cache/root.XXXXXX")
. packaging/test/booted.sh
cleanup() {
    halt
    rm -rf "$root"
}
trap cleanup EXIT
tar -xf $base -C "$root"
printf 'listener 1883 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n' >"$root/etc/mosquitto/conf.d/local.conf"
cp "$package" "$root/first.deb"
mkdir "$root/opt/tarball"
tar -xf "$tarball" -C "$root/opt/tarball" --strip-components=1
# The next version: the same files under a higher number, not compressed, since it is installed at once.
dpkg-deb -R "$package" "$root/next"
sed -i "s/^Version: .*/Version: $next/" "$root/next/DEBIAN/control"
dpkg-deb --root-owner-group -Znone --build "$root/next" "$root/second.deb" >/dev/null
rm -rf "$root/next"

again() { active && [ "$(process)" != "$before" ] && [ "$(process)" != 0 ]; }
log_has() { inside journalctl -u ocellus --no-pager -o cat | has -- "$1"; }
# From the start of the unit to READY=1, by systemd's clock.
ready_after() {
    local begun ready
    begun=$(inside systemctl show -p ExecMainStartTimestampMonotonic --value ocellus)
    ready=$(inside systemctl show -p ActiveEnterTimestampMonotonic --value ocellus)
    echo "$(((ready - begun) / 1000)) ms from the start of the unit to READY=1"
}
# Every file of the state: owner, mode, time, bytes. The lock and the socket belong to a process, not to the state.
state() {
    inside sh -c 'cd /var/lib/ocellus && find . -type f ! -name "*.lock" -printf "%p %U %m %T@\n" | sort &&
        find . -type f ! -name "*.lock" -print0 | sort -z | xargs -0 sha256sum'
}

step "the system boots"
boot 120
# A copy that somebody made by hand is there before the package, and must be named.
inside sh -c 'printf "#!/bin/sh\nexit 1\n" >/usr/local/bin/ocellus && chmod 755 /usr/local/bin/ocellus'

step "the package is installed; its service starts by itself"
inside dpkg -i /first.deb >"$root/install.log" 2>&1 || fail "dpkg: $(cat "$root/install.log")"
grep -q '/usr/local/bin/ocellus was installed by hand' "$root/install.log" || fail "the copy made by hand is not named"
inside rm /usr/local/bin/ocellus
until_true 60 "the service did not become active" active
log_has ready || fail "no word of being ready in the journal"
figure "$(ready_after) (first start)"
figure "$(inside dpkg-query -W -f '${Installed-Size}' ocellus) KiB installed, package $(stat -c %s "$package") bytes"
[ "$(inside stat -c %U:%a /var/lib/ocellus)" = ocellus:700 ] || fail "/var/lib/ocellus is not the service's own, mode 700"
[ "$(inside stat -c %U:%G:%a /etc/ocellus/ocellus.toml)" = root:ocellus:640 ] || fail "the configuration's owner or mode"
inside ocellus --version
inside ocellus check --config /etc/ocellus/ocellus.toml >/dev/null || fail "the shipped configuration does not pass check"
for file in man/man1/ocellus.1.gz bash-completion/completions/ocellus doc/ocellus/THIRD-PARTY.txt doc/ocellus/copyright; do
    inside test -s "/usr/share/$file" || fail "no /usr/share/$file"
done
inside ocellus status --config /etc/ocellus/ocellus.toml | head -n1

step "journal: priority, name, unit and source of each line"
for field in PRIORITY SYSLOG_IDENTIFIER TARGET CODE_FILE; do
    inside journalctl _SYSTEMD_UNIT=ocellus.service --no-pager -o json | has "\"$field\"" || fail "no field $field in the journal"
done

step "restart, reload"
before=$(process)
inside systemctl restart ocellus || fail "restart"
active || fail "not active after a restart"
[ "$(process)" != "$before" ] || fail "a restart kept the process"
figure "$(ready_after) (restart)"
before=$(process)
inside systemctl reload ocellus || fail "reload"
{ active && [ "$(process)" = "$before" ]; } || fail "a reload did not keep the process"
until_true 30 "no word of the reload in the journal" log_has '[Rr]eload'

step "SIGKILL: it comes back by itself"
before=$(process)
inside systemctl kill -s KILL ocellus
until_true 60 "not active again after SIGKILL" again

step "SIGSTOP: the watchdog ends it, and it comes back"
[ "$(inside systemctl show -p WatchdogUSec --value ocellus)" = 30s ] || fail "the unit's watchdog is not that of 30 s"
# A shorter one than the unit's, so that the test waits less; the service takes its pace from systemd.
inside mkdir -p /run/systemd/system/ocellus.service.d
inside sh -c 'printf "[Service]\nWatchdogSec=6\n" >/run/systemd/system/ocellus.service.d/test.conf'
inside systemctl daemon-reload
inside systemctl restart ocellus || fail "restart with a shorter watchdog"
before=$(process)
inside kill -STOP "$before"
until_true 120 "the watchdog did not act" again
inside journalctl -u ocellus --no-pager -o cat | has -i watchdog || fail "no word of the watchdog"
inside rm -r /run/systemd/system/ocellus.service.d
inside systemctl daemon-reload
inside systemctl restart ocellus || fail "restart"

step "hardening"
exposure=$(inside systemd-analyze security --no-pager ocellus.service | sed -n 's/.*exposure level for ocellus.service: \([0-9.]*\).*/\1/p')
figure "exposure $exposure"
awk "BEGIN { exit !($exposure <= 1.6) }" || fail "exposure $exposure is above 1.6"
main=$(process)
for line in 'NoNewPrivs:[[:space:]]*1' 'Seccomp:[[:space:]]*2' 'CapEff:[[:space:]]*0000000000000000' 'CapBnd:[[:space:]]*0000000000000000'; do
    inside grep -q "^$line" "/proc/$main/status" || fail "the process lacks $line: $(inside cat "/proc/$main/status")"
done
# In the service's own view of the file system, even root cannot write.
for folder in /usr/bin /etc /home; do
    if inside nsenter -t "$main" -m touch "$folder/written" 2>/dev/null; then fail "$folder can be written in the service's sandbox"; fi
done
inside nsenter -t "$main" -m touch /var/lib/ocellus/written || fail "the state cannot be written in the service's sandbox"
inside rm /var/lib/ocellus/written

step "upgrade: a changed configuration and the state stay"
inside sh -c 'echo "# changed by hand" >>/etc/ocellus/ocellus.toml'
inside sh -c 'ls -A /var/lib/ocellus | sort' >"$root/state.before"
before=$(process)
inside dpkg -i /second.deb >"$root/install.log" 2>&1 || fail "upgrade: $(cat "$root/install.log")"
until_true 60 "not active after the upgrade, or the old process runs" again
inside grep -q 'changed by hand' /etc/ocellus/ocellus.toml || fail "the changed configuration was lost"
inside sh -c 'ls -A /var/lib/ocellus | sort' | diff "$root/state.before" - || fail "the state changed"
[ "$(inside dpkg-query -W -f '${Version}' ocellus)" = "$next" ] || fail "the new version is not installed"

step "a step back over a state that a newer version wrote: refused with the words, nothing touched"
inside systemctl stop ocellus
inside grep -q '^schema = 1$' /var/lib/ocellus/store/ocellus || fail "the store's mark names no schema"
inside sed -i 's/^schema = 1$/schema = 2/' /var/lib/ocellus/store/ocellus
state >"$root/state.before"
inside dpkg -i /first.deb >"$root/install.log" 2>&1 || fail "step back: $(cat "$root/install.log")"
grep -q 'the service did not start' "$root/install.log" || fail "the installation does not say that the service did not start: $(cat "$root/install.log")"
until_true 30 "no word of the newer store in the journal" log_has 'has schema 2, this program knows up to 1; install the newer version again'
# It tries again every 2 s; the second try must be as harmless as the first.
until_true 30 "no second try" sh -c "[ \$($(declare -f inside); init=$init; inside journalctl -u ocellus --no-pager -o cat | grep -c 'has schema 2') -ge 2 ]"
if active; then fail "it runs on the state of a newer version"; fi
inside systemctl stop ocellus || true
state | diff "$root/state.before" - || fail "a refused start changed the state (above)"
inside sed -i 's/^schema = 2$/schema = 1/' /var/lib/ocellus/store/ocellus
inside dpkg -i /second.deb >"$root/install.log" 2>&1 || fail "the newer version again: $(cat "$root/install.log")"
until_true 60 "not active with the newer version again" active

step "a boot with the package installed"
halt
boot 120
until_true 60 "not active after a boot" active
figure "$(inside systemd-analyze time | head -n1)"
figure "$(ready_after) (boot)"
[ -z "$(inside systemctl --failed --no-legend --plain)" ] || figure "failed units: $(inside systemctl --failed --no-legend --plain | tr '\n' ' ')"

step "the tarball: not beside the package"
inside /opt/tarball/install.sh >"$root/install.log" 2>&1 && fail "the tarball installed itself beside the package"
grep -q 'the package ocellus is installed' "$root/install.log" || fail "no word of the package: $(cat "$root/install.log")"

step "removal keeps state and configuration; purge removes them"
inside dpkg -r ocellus >/dev/null 2>&1 || fail "remove"
{ inside test -d /var/lib/ocellus && inside test -f /etc/ocellus/ocellus.toml; } || fail "removal took state or configuration"
if active; then fail "it runs after its removal"; fi
inside dpkg -P ocellus >/dev/null 2>&1 || fail "purge"
if inside test -e /var/lib/ocellus || inside test -e /etc/ocellus; then fail "purge left state or configuration"; fi
left=$(inside sh -c 'find / -xdev \( -path /proc -o -path /sys -o -path /opt/tarball -o -path /var/lib/dpkg \) -prune -o -iname "*ocellus*" -print')
[ -z "$(grep -vE '^/(var/lib/systemd/deb-systemd-helper|var/log|run|tmp)' <<<"$left")" ] || fail "purge left: $left"

step "the tarball: installed, upgraded over itself, removed"
inside /opt/tarball/install.sh || fail "the tarball's install.sh"
until_true 60 "the tarball's service is not active" active
[ "$(inside systemctl show -p FragmentPath --value ocellus)" = /usr/local/lib/systemd/system/ocellus.service ] || fail "another unit runs"
inside sh -c 'echo "# changed by hand" >>/etc/ocellus/ocellus.toml'
before=$(process)
inside /opt/tarball/install.sh || fail "the tarball again"
until_true 60 "not active after the second installation, or the old process runs" again
inside grep -q 'changed by hand' /etc/ocellus/ocellus.toml || fail "the tarball took a changed configuration"
inside /opt/tarball/install.sh --remove || fail "the tarball's removal"
if active; then fail "it runs after the tarball's removal"; fi
inside test -f /etc/ocellus/ocellus.toml || fail "the tarball's removal took the configuration"
if inside test -e /usr/local/bin/ocellus; then fail "the tarball's removal left the program"; fi

step "the package passed"
halt
# The container was this script's child, so its time is counted too. In a pipe `times` would speak of another process.
times >"$root/times"
figure "CPU time of the test with its container (user, system): $(tail -n1 "$root/times")"
