#!/usr/bin/env bash
# The image in QEMU, without KVM: `make test-image`; by hand, since a start costs about 100 s of processor time. Needs root: QEMU
# runs in a chroot of its own, so that this machine's packages stay as they are. STEPS="first refusals update" picks steps.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/image
[ "$(id -u)" = 0 ] || { echo "test-image: needs root for chroot: sudo make test-image" >&2; exit 1; }
export ARCH=amd64 KEYS=$PWD/target/image/keys
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)
out=target/image/test
tools=$PWD/target/image/tools
mkdir -p $out

packages=qemu-system-x86,ovmf,mosquitto,mosquitto-clients,busybox-static
if [ ! -x "$tools/usr/bin/qemu-system-x86_64" ]; then
    rm -rf "$tools"
    mmdebstrap --quiet --variant=apt --include=$packages --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' bookworm "$tools"
fi
work=$tools/work
mkdir -p "$work"

# What is tested is made anew when the package or these files have changed.
stamp=$(find target/deb/ocellus_"$version"_amd64.deb $here packaging/box -type f -not -name '*.py' -print0 | sort -z | xargs -0 cat | sha256sum | cut -c 1-16)
if [ "$(cat $out/stamp 2>/dev/null)" != "$stamp" ]; then
    data=$(mktemp -d)
    mkdir -p "$data/etc/ocellus/recipes"
    cp $here/test/ocellus.toml "$data/etc/ocellus/"
    cp $here/test/bars.toml "$data/etc/ocellus/recipes/"
    DEBUG=1 FAST=1 OUT=$out DATA=$data ONLY=image VERSION=0.1.0 $here/build.sh
    mv $out/ocellus-0.1.0-x86_64.img "$work/first.img"
    rm -rf "$data"
    small=$(mktemp -d "$out/bundles.XXXXXX")
    # bundle NAME COMPATIBLE VERSION KEYS ROOT
    bundle() {
        rm -rf "$small/content"
        mkdir -p "$small/content"
        ln "$5" "$small/content/root.img"
        printf '[update]\ncompatible=%s\nversion=%s\n[bundle]\nformat=verity\n[image.rootfs]\nfilename=root.img\n' "$2" "$3" >"$small/content/manifest.raucm"
        rm -f "$small/$1.raucb"
        rauc bundle --cert="$4/signing.pem" --key="$4/signing.key" --keyring="$4/ca.pem" \
            --mksquashfs-args="-comp zstd -Xcompression-level 1 -b 128K -quiet -no-progress" "$small/content" "$small/$1.raucb" >/dev/null 2>&1
    }
    # The next version is the same root with another number; the broken one has a program that ends at once.
    root=$out/root.ext4
    # replace FILE PATH: puts FILE into the root without mounting it.
    replace() { printf 'rm %s\nwrite %s %s\nsif %s mode 0%s\n' "$2" "$1" "$2" "$2" "$3" | debugfs -w "$root" >/dev/null 2>&1; }
    # Slot A of the image: 768 MiB at 66 MiB (disk.sh), of which the file system takes what its superblock says.
    dd if="$work/first.img" of="$root" bs=1M skip=66 count=768 conv=sparse status=none
    truncate -s "$(($(dumpe2fs -h "$root" 2>/dev/null | sed -n 's/^Block count: *//p') * 4096))" "$root"
    debugfs -R 'cat /usr/lib/os-release' "$root" 2>/dev/null >$out/os-release
    sed -i 's/^IMAGE_VERSION=.*/IMAGE_VERSION=0.2.0/' $out/os-release
    replace $out/os-release /usr/lib/os-release 100644
    bundle next ocellus-x86_64 0.2.0 "$KEYS" "$root"
    sed -i 's/^IMAGE_VERSION=.*/IMAGE_VERSION=0.3.0/' $out/os-release
    replace $out/os-release /usr/lib/os-release 100644
    printf '#!/bin/sh\necho "a broken version" >&2\nexit 1\n' >$out/broken
    replace $out/broken /usr/bin/ocellus 100755
    sed 's/OCELLUS_READY_S:-300/OCELLUS_READY_S:-40/' packaging/box/mark-good >$out/broken
    replace $out/broken /usr/lib/ocellus/box/mark-good 100755
    bundle broken ocellus-x86_64 0.3.0 "$KEYS" "$root"
    rm -f "$root"

    # Bundles that are refused before anything of them is installed hold a few bytes only.
    $here/keys.sh "$small/stranger" "Somebody else" 2>/dev/null
    head -c 1048576 /dev/urandom >"$out/small.img"
    bundle older ocellus-x86_64 0.0.9 "$KEYS" "$out/small.img"
    bundle machine ocellus-imx8mp 0.9.0 "$KEYS" "$out/small.img"
    bundle stranger ocellus-x86_64 0.9.0 "$small/stranger" "$out/small.img"
    bundle cut ocellus-x86_64 0.9.0 "$KEYS" "$out/small.img"
    truncate -s 700K "$small/cut.raucb"
    rm -rf "$small/content" "$small/stranger"
    mke2fs -q -t ext4 -O ^has_journal -L BUNDLES -d "$small" "$work/bundles.img" "$(($(du -sm "$small" | cut -f1) * 11 / 10 + 16))M" >/dev/null
    rm -rf "$small"
    truncate -s 16M "$work/stick.img"
    mformat -i "$work/stick.img" -v OCELLUS ::
    mcopy -i "$work/stick.img" $here/test/stick.toml ::/provision.toml
    echo "$stamp" >$out/stamp
fi
[ -z "${PREPARE:-}" ] || exit 0
PYTHONPATH=$here exec python3 $here/test.py "$tools" ${STEPS:-first refusals update}
