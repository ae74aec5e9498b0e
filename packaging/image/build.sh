#!/usr/bin/env bash
# Makes a disk image and an update bundle of Ocellus on Debian 12: `make image`. docs/image.md explains both.
#   VERSION=1.2.3         of the image and the bundle; by default that of Cargo.toml
#   DEB=FILE              the package that goes in; by default target/deb/ocellus_*_ARCH.deb
#   KEYS=DIR              authority and signing key; made there when there are none
#   OUT=DIR               by default target/image
#   DEBUG=1               a root shell on the second serial port, and the virtual camera vivid: for tests and development only
#   DATA=DIR              what the partition /data holds at first
#   ONLY=image|bundle     only one of the two; FAST=1 compresses quickly and not well
# No root and no loop device: file systems are filled by mke2fs -d and mtools, ownership is kept by fakeroot.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=packaging/image
arch=${ARCH:-amd64}
cargo_version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)
version=${VERSION:-$cargo_version}
case $arch in
amd64) machine=x86_64 ;;
*) echo "image: only amd64 is made here, not $arch; for boards with ARM there is yocto/" >&2; exit 2 ;;
esac
compatible=${COMPATIBLE:-ocellus-$machine}
out=${OUT:-target/image}
keys=${KEYS:-$out/keys}
cache=target/image/$arch
deb=${DEB:-target/deb/ocellus_${cargo_version}_$arch.deb}
[ -f "$deb" ] || { echo "image: there is no package $deb; make it with: make deb" >&2; exit 1; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH
began=$(date +%s)
step() { printf '%4d s  %s\n' $(($(date +%s) - began)) "$*" >&2; }
mkdir -p "$cache" "$out"

# Ownership needs root or a pretence of it: the script starts itself again under fakeroot, after what needs the real thing.
if [ "${OCELLUS_IMAGE_STAGE:-}" != files ]; then
    "$here/keys.sh" "$keys"
    ARCH=$arch "$here/base.sh" "$cache"
    fake=()
    if [ "$(id -u)" != 0 ]; then fake=(fakeroot); fi
    OCELLUS_IMAGE_STAGE=files ARCH=$arch exec "${fake[@]}" "$0" "$@"
fi

work=$(mktemp -d "$PWD/$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
umask 022
root=$work/root
mkdir "$root"
step "root: Debian, kernel, Ocellus"
tar -C "$root" --numeric-owner -xpf "$cache/base.tar"
DEB=$deb COMPATIBLE=$compatible VERSION=$version KEYRING=$keys/ca.pem MACHINE=$machine DEBUG=${DEBUG:-} "$here/root.sh" "$root"
if [ -n "${HOOK:-}" ]; then "$HOOK" "$root"; fi

step "root file system"
# A tenth more than its files; a slot of the disk is larger, so that later versions have room.
used=$(du -sm --apparent-size "$root" | cut -f1)
size=$((used * 112 / 100 + 16))
slot=768
[ $size -le $slot ] || { echo "image: the root needs $size MiB, a slot has $slot" >&2; exit 1; }
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
mke2fs -q -t ext4 -b 4096 -O ^has_journal,^resize_inode -m 0 -L root -U 0ce11005-0000-4000-8000-000000000001 \
    -E hash_seed=0ce11005-0000-4000-8000-000000000002 -d "$root" "$work/root.ext4" "${size}M"

if [ "${ONLY:-bundle}" = bundle ]; then
    bundle=$out/ocellus-$version-$machine.raucb
    step "update bundle"
    mkdir "$work/bundle"
    ln "$work/root.ext4" "$work/bundle/root.img"
    cat >"$work/bundle/manifest.raucm" <<END
[update]
compatible=$compatible
version=$version

[bundle]
format=verity

[image.rootfs]
filename=root.img
END
    rm -f "$bundle"
    level=19
    if [ -n "${FAST:-}" ]; then level=3; fi
    rauc bundle --cert="$keys/signing.pem" --key="$keys/signing.key" --keyring="$keys/ca.pem" \
        --mksquashfs-args="-comp zstd -Xcompression-level $level -b 256K -quiet -no-progress" "$work/bundle" "$bundle" >/dev/null 2>"$work/rauc.log" ||
        { cat "$work/rauc.log" >&2; exit 1; }
    ls -l "$bundle"
fi
[ "${ONLY:-image}" = image ] || exit 0

step "disk"
image=$out/ocellus-$version-$machine.img
SLOT=$slot ARCH=$arch DATA=${DATA:-} DEBUG=${DEBUG:-} "$here/disk.sh" "$work" "$image"
if [ -z "${FAST:-}" ]; then
    step "compression"
    xz -T0 -6 --keep --force "$image"
    ls -l "$image.xz"
    (cd "$out" && sha256sum "ocellus-$version-$machine".*{raucb,xz} >"SHA256SUMS-$machine" 2>/dev/null || true)
fi
step "done: $image ($(du -m "$image" | cut -f1) MiB on disk, $(stat -c %s "$image") bytes)"
