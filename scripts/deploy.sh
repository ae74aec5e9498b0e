#!/usr/bin/env bash
# Puts a binary onto a box on which Ocellus is installed, and takes it back if the service does not come up with it.
# usage: scripts/deploy.sh HOST [BINARY]
#   HOST          what ssh takes: box7, root@10.0.0.7, a name in ~/.ssh/config. Root, or a user with sudo without a password
#   BINARY        by default what `cross build --release` or `make cross` made for the box's architecture
#   SSH_CONFIG    another file than ~/.ssh/config
#   STAY_SECONDS  how long the service has to stay active before the new binary counts (10)
#   WAIT_SECONDS  how long it may take to become active (90)
# The box's architecture, its file system and `ocellus check` with its own configuration are looked at before anything
# is replaced. The old binary stays beside the new one as ocellus.old.
# Exit code: 0 the new binary runs; 1 refused, the box is as it was; 2 wrong call; 3 rolled back; 4 rolled back, and the
# old binary does not run either.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
    echo "deploy: $*" >&2
    exit 1
}
[ $# = 1 ] || [ $# = 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
host=$1
binary=${2:-}
[[ $host != -* ]] || { echo "deploy: the host comes first, not an option: $host" >&2; exit 2; }
stay=${STAY_SECONDS:-10}
wait=${WAIT_SECONDS:-90}
[[ $stay$wait =~ ^[0-9]+$ ]] || { echo "deploy: STAY_SECONDS and WAIT_SECONDS are whole seconds" >&2; exit 2; }

work=$(mktemp -d)
away=
cleanup() {
    # shellcheck disable=SC2029 # the folder's name is meant to be put in here
    [ -z "$away" ] || ssh "${options[@]}" "$host" "rm -rf '$away'" 2>/dev/null || true
    ssh "${options[@]}" -O exit "$host" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
# One connection for all that follows, so that a password is asked for once.
options=(-o ConnectTimeout=10 -o ControlMaster=auto -o "ControlPath=$work/%C" -o ControlPersist=60)
[ -z "${SSH_CONFIG:-}" ] || options+=(-F "$SSH_CONFIG")

# What the box is. Every line is NAME=VALUE; nothing is changed.
code=0
ssh "${options[@]}" "$host" sh -s >"$work/box" 2>"$work/error" <<'BOX' || code=$?
root=
[ "$(id -u)" = 0 ] || root="sudo -n"
echo "machine=$(uname -m)"
command -v systemctl >/dev/null || { echo "fault=no-systemd"; exit 0; }
$root true 2>/dev/null || { echo "fault=no-root"; exit 0; }
start=$(systemctl show -p ExecStart --value ocellus.service)
path=$(echo "$start" | sed -n 's/.*{ path=\([^ ;]*\).*/\1/p')
[ -n "$path" ] || { echo "fault=no-unit"; exit 0; }
echo "path=$path"
echo "config=$(echo "$start" | sed -n 's/.*argv\[\]=[^;]* --config \([^ ;]*\).*/\1/p')"
echo "folder=$(systemctl show -p WorkingDirectory --value ocellus.service)"
echo "root=$root"
$root test -x "$path" || { echo "fault=no-binary"; exit 0; }
$root test -w "${path%/*}" || { echo "fault=read-only"; exit 0; }
# Where the service looks for the runtime (crates/engine/src/runtime.rs).
for library in /usr/lib/ocellus /usr/local/lib/ocellus /usr/lib /usr/local/lib; do
    if $root test -e "$library/libLiteRt.so"; then echo "library=$library/libLiteRt.so"; break; fi
done
away=$(mktemp -d /var/tmp/ocellus-deploy.XXXXXX) || { echo "fault=no-room"; exit 0; }
echo "away=$away"
BOX
[ $code = 0 ] || fail "$host cannot be reached by ssh (exit code $code): $(tail -n 1 "$work/error")." \
    "Nothing was changed. Try: ssh $host true"
box() { sed -n "s/^$1=//p" "$work/box"; }
away=$(box away)
machine=$(box machine)
path=$(box path)
case $(box fault) in
'') ;;
no-systemd) fail "$host has no systemctl: this script is for boxes with systemd" ;;
no-root) fail "the user at $host is not root, and sudo asks for a password or is missing: use root@…, or allow sudo without one" ;;
no-unit) fail "$host has no unit ocellus.service: install the package once (docs/install.md); then this script can replace its binary" ;;
no-binary) fail "the unit of $host names $path, which is not there: install the package again" ;;
read-only) fail "${path%/*} of $host cannot be written: its root is read-only, as on the Yocto and Debian images. Update such a box" \
    "with a bundle, which goes to the other slot and falls back by itself; nothing was changed" ;;
no-room) fail "no folder can be made in /var/tmp of $host (full, or read-only?); nothing was changed" ;;
*) fail "$host gave an answer that is not understood: $(cat "$work/box")" ;;
esac
[ -n "$away" ] || fail "$host gave an answer that is not understood: $(cat "$work/box")"

case $machine in
x86_64) elf=62 target=x86_64-unknown-linux-gnu default=target/release/ocellus library=.runtime tools= ;;
aarch64) elf=183 target=aarch64-unknown-linux-gnu default=target/$target/release/ocellus library=.runtime/aarch64 tools=aarch64-linux-gnu- ;;
*) fail "$host is a $machine; binaries for it are not known. Nothing was changed" ;;
esac
[ "$machine" != "$(uname -m)" ] || { default=target/release/ocellus library=.runtime tools=; }
binary=${binary:-$default}
[ -f "$binary" ] || fail "there is no $binary; $host is a $machine: make cross TARGET=$target (or, on such a machine, make build)"
is=$(od -An -tu1 -N4 "$binary" | tr -d ' ')
[ "$is" = 127697670 ] || fail "$binary is not a program (no ELF file)"
is=$(od -An -tu2 -j18 -N2 "$binary" | tr -d ' ')
[ "$is" = $elf ] || fail "$binary is built for another architecture (ELF machine $is); $host is a $machine ($elf)." \
    "Nothing was changed. Build with: make cross TARGET=$target"

# Debug symbols stay here: they are five sixths of the file.
if ! "${tools}strip" --strip-unneeded -o "$work/ocellus" "$binary" 2>/dev/null; then cp "$binary" "$work/ocellus"; fi
files=("$work/ocellus" scripts/deploy-on-box.sh)
runtime=
if [ -z "$(box library)" ] && [ -n "$library" ] && [ -f "$library/libLiteRt.so" ]; then
    files+=("$library/libLiteRt.so")
    case $path in /usr/bin/*) runtime=/usr/lib/ocellus ;; *) runtime=/usr/local/lib/ocellus ;; esac
fi
echo "deploy: $binary goes to $host as $path ($(($(stat -c %s "$work/ocellus") / 1048576)) MiB${runtime:+, and the runtime library to $runtime})"
scp -q "${options[@]}" "${files[@]}" "$host:$away/" || fail "copying to $host failed; its service was not touched"

# shellcheck disable=SC2029 # everything is meant to be put in here
ssh "${options[@]}" "$host" "$(box root) sh '$away/deploy-on-box.sh' '$away' '$path' '$(box config)' '$(box folder)' '$runtime' $stay $wait" || code=$?
case $code in
0) echo "deploy: $host runs the new binary; the old one is $path.old" ;;
1 | 3 | 4) exit $code ;;
*)
    away=
    fail "the connection to $host ended in the middle (exit code $code). The box finishes by itself, rolling back if need be:" \
        "look with: ssh $host systemctl status ocellus"
    ;;
esac
