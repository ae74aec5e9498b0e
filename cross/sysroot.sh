#!/usr/bin/env bash
# Makes target/cross/sysroot-ARCH: Debian's headers and libraries of another architecture, unpacked, nothing of it run.
# usage: cross/sysroot.sh arm64
# Does nothing when it is there and was made from the same list. This machine's own packages are not touched, and its
# dpkg need not know the architecture. SUITE names another release of Debian than the box's, bookworm.
set -euo pipefail
cd "$(dirname "$0")/.."

arch=${1:?which architecture? arm64}
suite=${SUITE:-bookworm}
sysroot=target/cross/sysroot-$arch
mapfile -t packages < <(sed 's/ *#.*//; /^$/d' cross/packages.txt)
include=$(IFS=,; echo "${packages[*]}")

# Of what is unpacked, this is not needed to compile or to run.
left_out=(./dev ./proc ./sys ./usr/share/doc ./usr/share/gtk-doc ./usr/share/info ./usr/share/locale ./usr/share/man ./var)
stamp=$(printf '%s\n' "links are relative" "$suite" "$arch" "$include" "${left_out[@]}" | sha256sum | cut -d' ' -f1)
[ "$(cat "$sysroot/.made-from" 2>/dev/null)" = "$stamp" ] && exit 0

echo "cross: making $sysroot (Debian $suite, $arch)"
mkdir -p target/cross
work=$(mktemp -d "target/cross/sysroot-$arch.XXXXXX")
trap 'rm -rf "$work"' EXIT
# By way of a tar file, so that all files belong to the caller and can be removed without root.
mmdebstrap --quiet --variant=extract --architectures="$arch" --include="$include" --format=tar "$suite" "$work/root.tar" || {
    echo "cross: mmdebstrap could not unpack Debian $suite for $arch; what it said is above (is a Debian mirror reachable?)" >&2
    exit 1
}
mkdir "$work/root"
tar -xf "$work/root.tar" -C "$work/root" --no-same-owner --no-same-permissions "${left_out[@]/#/--exclude=}"
# Links that begin with / would lead out of the sysroot. The linker took libm.a where libm.so led nowhere, and the program then
# used symbols that the C library keeps private, which binds it to one version of that library.
find "$work/root" -type l -lname '/*' -print0 | while IFS= read -r -d '' link; do
    ln -sfn "$(realpath -ms --relative-to="$(dirname "$link")" "$work/root$(readlink "$link")")" "$link"
done
echo "$stamp" >"$work/root/.made-from"
chmod 755 "$work/root"
rm -rf "$sysroot"
mv "$work/root" "$sysroot"
