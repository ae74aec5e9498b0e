#!/usr/bin/env bash
# The logic of updates without a virtual machine, in seconds: GRUB's own interpreter (grub-emu) chooses the slot by boot.cfg,
# boot-grub writes what RAUC would have it write, rauc judges real bundles, mark-good confirms or gives up. `make test-box`; needs
# root for a mount namespace. The machine's own files are not touched: everything runs over a copy-on-write view of its root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
if [ "${1:-}" != inside ]; then
    [ "$(id -u)" = 0 ] || { echo "test-box: needs root for a mount namespace: sudo make test-box" >&2; exit 1; }
    exec unshare -m "$0" inside
fi

began=$(date +%s)
step() { printf '%4d s  %s\n' $(($(date +%s) - began)) "$*"; }
fail() { echo "FAILED: $*" >&2; exit 1; }
work=/run/ocellus-test
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir $work
mount -t tmpfs tmpfs $work
mkdir $work/{upper,scratch,root,boot,bundles}

# --- The choice of a slot -------------------------------------------------------------------------------------------
export OCELLUS_BOOT=$work/boot
mkdir -p $OCELLUS_BOOT/ocellus /run/ocellus
disk=$work/esp.img
truncate -s 8M $disk
mformat -i $disk -v ESP ::
mmd -i $disk ::/ocellus
mcopy -i $disk "$here/boot.cfg" ::/ocellus/boot.cfg
printf 'set env_dev=hd0\nsource (hd0)/ocellus/boot.cfg\necho "SLOT=$slot=$partition"\nexit\n' >$work/grub.cfg
mcopy -i $disk $work/grub.cfg ::/ocellus/grub.cfg
echo "(hd0) $disk" >$work/map
fresh() {
    { printf '# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=0\nA_NEW=0\nB_OK=0\nB_TRY=0\nB_NEW=0\n'
        head -c 1024 /dev/zero | tr '\0' '#'; } | head -c 1024 >$OCELLUS_BOOT/ocellus/grubenv
    cp $OCELLUS_BOOT/ocellus/grubenv $OCELLUS_BOOT/ocellus/grubenv.copy
}
# starts SLOT WORDS: GRUB starts the box once, and takes this slot.
starts() {
    local file chosen
    for file in grubenv grubenv.copy; do mcopy -o -i $disk $OCELLUS_BOOT/ocellus/$file ::/ocellus/$file; done
    # It wants a terminal whose input stays open.
    chosen=$(timeout 60 script -qec "grub-emu -m $work/map -r hd0 -d /ocellus" /dev/null < <(sleep 60) | tr -d '\0' | grep -ao 'SLOT=[AB]=root-[ab]' | head -n1)
    for file in grubenv grubenv.copy; do mcopy -n -o -i $disk ::/ocellus/$file $OCELLUS_BOOT/ocellus/$file; done
    [ "$chosen" = "SLOT=$1=root-${1,,}" ] || fail "$2: GRUB took \"$chosen\" instead of $1; $(head -n 8 $OCELLUS_BOOT/ocellus/grubenv | tr '\n' ' ')"
    echo "        $2: $1"
}
backend() { "$here/boot-grub" "$@"; }

step "slots"
fresh
starts A "a new box"
starts A "a power cut before the confirmation"
starts A "and another"
starts A "all tries used, no other system: again"
backend set-state A good
[ "$(backend get-primary)" = A ] && [ "$(backend get-state A)" = good ] && [ "$(backend get-state B)" = bad ] || fail "the state of a new box"
# What RAUC does: bad before the first byte is written, primary when it is done.
backend set-state B bad
starts A "a power cut while an update is written"
backend set-state A good
backend set-primary B
[ "$(backend get-primary)" = B ] && [ "$(backend is-confirmed B)" = no ] || fail "an installed update"
starts B "first start of an update"
starts A "it was not confirmed: the second start is the system before it"
[ "$(backend get-state B)" = bad ] || fail "a failed update counts as good"
backend set-state A good
backend set-state B bad
backend set-primary B
starts B "another update"
backend set-state B good
[ "$(backend is-confirmed B)" = yes ] || fail "confirmation"
starts B "confirmed: a power cut"
starts B "and another"
starts B "and a third"
starts A "four starts without a confirmation: the other one"
backend set-state A good
backend set-primary A
starts A "rollback"
backend set-state A good
: >$OCELLUS_BOOT/ocellus/grubenv
starts A "a damaged order of start: its copy counts"
: >$OCELLUS_BOOT/ocellus/grubenv
: >$OCELLUS_BOOT/ocellus/grubenv.copy
starts A "both are damaged"
if backend set-primary C 2>/dev/null || backend set-state A maybe 2>/dev/null; then fail "a slot or a state that does not exist was taken"; fi
unset OCELLUS_BOOT

# --- A box over this machine's root ---------------------------------------------------------------------------------
step "a box"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/scratch" $work/root
root=$work/root
mkdir -p $root/data $root/run/ocellus
rm -f $root/etc/os-release
printf 'ID=debian\nIMAGE_ID=ocellus\nIMAGE_VERSION=0.2.0\n' >$root/etc/os-release
"$repository/packaging/image/keys.sh" $work/keys 2>/dev/null
"$repository/packaging/image/keys.sh" $work/stranger "Somebody else" 2>/dev/null
COMPATIBLE=ocellus-x86_64 KEYRING=$work/keys/ca.pem "$here/install.sh" $root
mount -t proc proc $root/proc
mount --rbind /dev $root/dev
echo "root=PARTLABEL=root-a rauc.slot=A" >$work/cmdline
mount --bind $work/cmdline $root/proc/cmdline
mount --bind $work/bundles $root/mnt
box() { chroot $root env -u OCELLUS_BOOT "$@"; }

# bundle NAME COMPATIBLE VERSION KEYS
bundle() {
    rm -rf $work/content
    mkdir $work/content
    head -c 300000 /dev/urandom >$work/content/root.img
    printf '[update]\ncompatible=%s\nversion=%s\n[bundle]\nformat=verity\n[image.rootfs]\nfilename=root.img\n' "$2" "$3" >$work/content/manifest.raucm
    rauc bundle --cert="$4/signing.pem" --key="$4/signing.key" --keyring="$4/ca.pem" $work/content "$work/bundles/$1.raucb" >/dev/null 2>&1
}
bundle newer ocellus-x86_64 0.10.0 $work/keys
bundle same ocellus-x86_64 0.2.0 $work/keys
bundle older ocellus-x86_64 0.1.9 $work/keys
bundle machine ocellus-imx8mp 0.10.0 $work/keys
bundle stranger ocellus-x86_64 0.10.0 $work/stranger
for size in 100 4096 200000; do
    cp $work/bundles/newer.raucb $work/bundles/cut$size.raucb
    truncate -s $size $work/bundles/cut$size.raucb
done
head -c 300000 /dev/urandom >$work/bundles/noise.raucb

# judged EXPECTED-CODE WORDS ARGUMENTS...
judged() {
    local code=0 expected=$1 words=$2 out
    shift 2
    out=$(box /usr/sbin/ocellus-update "$@" 2>&1) || code=$?
    [ $code = "$expected" ] && [[ "$out" == *"$words"* ]] || fail "ocellus-update $*: code $code, $out"
    echo "        ${out%%$'\n'*}"
}
step "bundles"
judged 0 "can be installed" --check /mnt/newer.raucb
judged 0 "can be installed" --check /mnt/same.raucb
judged 1 "holds version 0.1.9, which is older than version 0.2.0 that runs" /mnt/older.raucb
judged 0 "can be installed" --check --allow-older /mnt/older.raucb
judged 1 "is for the machine ocellus-imx8mp, and this is ocellus-x86_64" /mnt/machine.raucb
judged 1 "is not signed by a key that this box trusts" /mnt/stranger.raucb
for size in 100 4096 200000; do judged 1 "is cut off or damaged" /mnt/cut$size.raucb; done
judged 1 "is cut off or damaged" /mnt/noise.raucb
judged 1 "there is no file /mnt/none.raucb" /mnt/none.raucb
judged 2 "unknown option --force" --force /mnt/newer.raucb
judged 0 "" --if-newer --check /mnt/same.raucb
echo B >$root/data/update-pending
judged 1 "runs for the first time and is not confirmed yet" /mnt/newer.raucb
rm $root/data/update-pending
echo 0.10.0 >$root/data/update-failed
judged 0 "did not become ready when it was tried" --if-newer /mnt/newer.raucb

# --- Confirmation -----------------------------------------------------------------------------------------------------
# systemctl and rauc answer from files and write down what they were asked for.
cat >$root/usr/bin/systemctl <<'END'
#!/bin/sh
case $1 in
is-active) [ -e /data/ready ] ;;
show) echo 100 ;;
*) echo "systemctl $*" >>/data/calls ;;
esac
END
printf '#!/bin/sh\necho "rauc $*" >>/data/calls\n' >$root/usr/bin/rauc
sed -i 's/^stay_s=.*/stay_s=2/' $root/usr/lib/ocellus/box/mark-good
good() { rm -f $root/data/calls; box OCELLUS_READY_S=4 /usr/lib/ocellus/box/mark-good 2>&1 || true; }
calls() { cat $root/data/calls 2>/dev/null || true; }
step "confirmation"
touch $root/data/ready
out=$(good)
[[ "$out" == *"slot A is confirmed"* ]] && [ "$(calls)" = "rauc status mark-good" ] || fail "a box that is ready: $out $(calls)"
rm $root/data/ready
out=$(good)
[[ "$out" == *"keeps running"* ]] && [ -z "$(calls)" ] || fail "a confirmed box that is not ready must keep running: $out $(calls)"
box /usr/lib/ocellus/box/post-install
touch $root/data/ready
out=$(good)
[ -e $root/data/update-pending ] || fail "an update that waits for a restart was forgotten: $out"
echo 0.10.0 >$root/data/update-version
echo "rauc.slot=B" >$work/cmdline
rm $root/data/ready
out=$(good)
[[ "$out" == *"restarts with the system before it"* ]] && [ "$(calls)" = "systemctl reboot" ] || fail "an update that is not ready must restart the box: $out $(calls)"
echo "rauc.slot=A" >$work/cmdline
echo another >$root/data/update-boot
touch $root/data/ready
out=$(good)
[[ "$out" == *"did not become ready: the box is back on slot A"* ]] && [ ! -e $root/data/update-pending ] &&
    [ "$(cat $root/data/update-failed)" = 0.10.0 ] || fail "a box that fell back: $out"
box /usr/lib/ocellus/box/post-install
echo "rauc.slot=B" >$work/cmdline
out=$(good)
[[ "$out" == *"slot B is confirmed"* ]] && [ ! -e $root/data/update-pending ] && [ ! -e $root/data/update-failed ] || fail "an update that is ready: $out"
step "the logic of updates passed"
