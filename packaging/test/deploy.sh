#!/usr/bin/env bash
# scripts/deploy.sh against a box: Debian 12 booted in a container (systemd-nspawn), reached by ssh. `make test-deploy`; root.
# No network is used: ssh reaches the container's sshd through its standard input and output.
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo "test-deploy: systemd-nspawn needs root: sudo make test-deploy" >&2; exit 1; }
ocellus=${OCELLUS:-target/debug/ocellus}
[ -x "$ocellus" ] || { echo "test-deploy: there is no $ocellus: cargo build --bin ocellus" >&2; exit 1; }
cache=target/nspawn
mkdir -p $cache

began=$(date +%s)
step() { printf '%4d s  %s\n' $(($(date +%s) - began)) "$*"; }
fail() {
    echo "FAILED: $*" >&2
    [ ! -s "$work/said" ] || sed 's/^/    /' "$work/said" >&2
    exit 1
}

base=$cache/box.tar
if [ ! -f $base ]; then
    step "a bare Debian 12 with sshd is made"
    mmdebstrap --quiet --format=tar --variant=minbase \
        --include=systemd-sysv,dbus,gstreamer1.0-plugins-base,libsystemd0,libudev1,openssh-server,sudo bookworm $base.part
    mv $base.part $base
fi
root=$(mktemp -d "$PWD/$cache/box.XXXXXX")
work=$(mktemp -d)
. packaging/test/booted.sh
cleanup() {
    halt
    rm -rf "$root" "$root.log" "$work"
}
trap cleanup EXIT
tar -xf $base -C "$root"

step "the box gets Ocellus, a user with sudo, and our key"
strip -o "$work/ocellus" "$ocellus"
DESTDIR=$root PREFIX=/usr OCELLUS=$work/ocellus packaging/install.sh
install -d "$root/etc/ocellus"
sed 's/^bind = .*/bind = "127.0.0.1:8080"/' config/ocellus.toml >"$root/etc/ocellus/ocellus.toml"
ssh-keygen -q -t ed25519 -N '' -f "$work/key"
useradd --root "$root" --create-home --shell /bin/sh tech
useradd --root "$root" --create-home --shell /bin/sh guest
echo 'tech ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/tech"
for home in root home/tech home/guest; do
    install -d -m 700 "$root/$home/.ssh"
    install -m 600 "$work/key.pub" "$root/$home/.ssh/authorized_keys"
done
chown -R --reference="$root/home/tech" "$root/home/tech/.ssh"
chown -R --reference="$root/home/guest" "$root/home/guest/.ssh"

step "the box boots"
boot 300
inside chown -R root:ocellus /etc/ocellus
inside systemctl start ocellus || { inside journalctl -u ocellus -n 30 --no-pager >&2; fail "the service does not start"; }
inside ip link set lo up 2>/dev/null || true

cat >"$work/config" <<SSH
Host box tech@box guest@box
    ProxyCommand nsenter -t $init -m -p -u -i -n sh -c 'mkdir -p /run/sshd; exec /usr/sbin/sshd -i'
Host nowhere
    HostName 127.0.0.1
    Port 1
Host *
    User root
    IdentityFile $work/key
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
SSH
export SSH_CONFIG=$work/config STAY_SECONDS=3

here() { sha256sum <"$root/usr/bin/ocellus"; }
# expect CODE PATTERN ARGUMENT...: deploys; the exit code, and what has to be said.
expect() {
    local code=0 wanted=$1 words=$2
    shift 2
    scripts/deploy.sh "$@" >"$work/said" 2>&1 || code=$?
    [ $code = "$wanted" ] || fail "exit code $code instead of $wanted"
    grep -qE "$words" "$work/said" || fail "it did not say: $words"
}
# refused WORDS ARGUMENT...: as it was, and still the same process.
refused() {
    local words=$1 bytes pid
    shift
    bytes=$(here) pid=$(process)
    expect 1 "$words" "$@"
    [ "$(here)" = "$bytes" ] || fail "a refused binary was installed"
    [ "$(process)" = "$pid" ] || fail "the service was restarted though nothing was installed"
    [ -z "$(compgen -G "$root/usr/bin/ocellus.new")$(compgen -G "$root/var/tmp/ocellus-deploy.*")" ] || fail "something was left behind"
}

# Stand-ins for faulty binaries: programs that answer --version and check, and then fail each in its own way.
stand_in() {
    echo "#include <string.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <unistd.h>
        int main(int n, char **word) {
            if (n > 1 && !strcmp(word[1], \"--version\")) return puts(\"ocellus 9.9.9\") < 0;
            if (n > 1 && !strcmp(word[1], \"check\")) { $2 }
            $3
        }" | cc -x c -o "$work/$1" -
}
stand_in crashes 'return 0;' 'abort();'
stand_in late 'return 0;' 'sleep(1); return 1;'
stand_in refuses 'puts("camera \"front\": unknown key colour"); return 3;' 'return 3;'
stand_in hangs 'return 0;' 'pause(); return 0;'
cp "$work/crashes" "$work/foreign"
printf '\xf3\x00' | dd of="$work/foreign" bs=1 seek=18 conv=notrunc status=none

step "a good binary: it runs, the old one is kept"
old=$(here) before=$(process)
objcopy --add-section .another.build=Makefile "$work/ocellus" "$work/next"
expect 0 'runs the new binary' box "$work/next"
active || fail "not active"
[ "$(here)" != "$old" ] || fail "still the old binary"
[ "$(process)" != "$before" ] || fail "the service was not restarted"
[ "$(sha256sum <"$root/usr/bin/ocellus.old")" = "$old" ] || fail "the old binary is not kept"
expect 0 'runs the new binary' tech@box "$work/ocellus"
grep -q 'ready' "$work/said" || fail "the journal's last lines are not shown"

step "refused before anything is touched"
refused 'built for another architecture.*Nothing was changed' box "$work/foreign"
refused 'unknown key colour' box "$work/refuses"
refused 'no ELF file' box Makefile
refused 'there is no .*make cross' box "$work/missing"
refused 'cannot be reached by ssh' nowhere "$work/ocellus"
refused 'sudo asks for a password' guest@box "$work/ocellus"
expect 2 usage
expect 2 'the host comes first' -v

step "a binary that crashes, one that ends later, one that never gets ready: rolled back"
for kind in crashes late hangs; do
    bytes=$(here)
    WAIT_SECONDS=5 expect 3 'rolling back' box "$work/$kind"
    grep -q 'the old binary runs again' "$work/said" || fail "no word of the old binary"
    [ "$(here)" = "$bytes" ] || fail "not the old binary"
    active || fail "not active after the rollback of '$kind'"
done

step "a runtime library that is missing comes along"
rm "$root/usr/lib/ocellus/libLiteRt.so"
expect 0 'the runtime library to /usr/lib/ocellus' box "$work/ocellus"
[ -s "$root/usr/lib/ocellus/libLiteRt.so" ] || fail "no runtime library"

step "a read-only root"
inside mount --bind /usr /usr
inside mount -o remount,bind,ro /usr
refused 'its root is read-only.*bundle' box "$work/ocellus"
inside umount -l /usr

step "a box without the package"
inside systemctl stop ocellus
rm "$root/usr/lib/systemd/system/ocellus.service"
inside systemctl daemon-reload
expect 1 'has no unit ocellus.service.*install the package' box "$work/ocellus"
step "the deployment passed"
