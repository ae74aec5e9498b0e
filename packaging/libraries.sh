#!/usr/bin/env bash
# Prints what a package depends on: which Debian packages hold the libraries that the program BINARY is linked with, and
# from which version on they have its symbols. packaging/libraries.sh ARCH BINARY
#
# dpkg-shlibdeps reads it from the program and from the packages' own lists of symbols. For another architecture these
# packages are fetched, unpacked and read, not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
arch=$1 binary=$(realpath "$2")

# Every package that has a library that we are linked with; `dpkg-shlibdeps` names a library that is in none of them.
packages=(libc6 libgcc-s1 libglib2.0-0 libgstreamer1.0-0 libgstreamer-plugins-base1.0-0 libsystemd0 libudev1)
work=$(mktemp -d target/libraries.XXXXXX)
work=$(cd "$work" && pwd)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/debian"
printf 'Source: ocellus\n\nPackage: ocellus\nArchitecture: any\n' >"$work/debian/control"

options=()
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
    kept=target/cross/libraries-$arch
    if [ ! -d "$kept" ]; then
        rm -rf "$kept.part"
        mkdir -p "$kept.part"
        mmdebstrap --quiet --variant=custom --skip=check/qemu --architectures="$arch" --format=tar \
            --customize-hook='mkdir "$1/debs" && cd "$1/debs" && APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq download '"${packages[*]}" \
            bookworm - | tar -x -C "$kept.part" ./debs
        for deb in "$kept.part"/debs/*.deb; do
            name=$(dpkg-deb -f "$deb" Package)
            dpkg-deb -R "$deb" "$kept.part/$name"
        done
        rm -rf "$kept.part/debs"
        mv "$kept.part" "$kept"
    fi
    export DEB_HOST_ARCH=$arch
    for package in "${packages[@]}"; do options+=("-S$PWD/$kept/$package"); done
fi
if ! libraries=$(cd "$work" && dpkg-shlibdeps -O "${options[@]}" -e "$binary" 2>"$work/errors" | sed -n 's/^shlibs:Depends=//p') ||
    [ -z "$libraries" ]; then
    echo "libraries: dpkg-shlibdeps did not find the packages of all libraries of $binary:" >&2
    cat "$work/errors" >&2
    exit 1
fi
echo "$libraries"
