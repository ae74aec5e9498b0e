#!/usr/bin/env bash
# What a cross build needs, without containers: a cross compiler, the sysroot, the standard library of the target for the
# Rust toolchain that is there, and LiteRT for the target. Quick when nothing is missing.
# usage: cross/setup.sh TARGET [PACKAGE...]     PACKAGE: more packages for this machine
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?which target?}
shift
# shellcheck source=cross/env.sh
. cross/env.sh "$target"
unset CARGO_BUILD_TARGET

if [ "$(dpkg --print-architecture 2>/dev/null)" = "$arch" ]; then
    echo "cross: this machine is $arch itself; build with: make build" >&2
    exit 2
fi
# debian-archive-keyring: Ubuntu does not know the keys of the box's Debian.
scripts/setup/system.sh mmdebstrap debian-archive-keyring "gcc-$triple" "$@"
scripts/setup/rust.sh
# shellcheck source=cross/env.sh
. cross/env.sh "$target"
unset CARGO_BUILD_TARGET
cross/sysroot.sh "$arch"
scripts/setup/litert.sh aarch64

# Only the toolchain that is there gets the target's library, by the manifest that it was installed from. A library of
# another build of the compiler, Debian's for instance, would not do (E0514).
library() { compgen -G "$(rustc --print sysroot)/lib/rustlib/$target/lib/libstd-*.rlib" >/dev/null; }
library && exit 0
toolchain=$(rustc --print sysroot)
if ! command -v rustup >/dev/null; then
    echo "cross: the Rust in $toolchain has no standard library for $target, and there is no rustup to add it." \
        "Install that library from where this Rust came from, in the same version ($(rustc -V))" >&2
    exit 1
fi
echo "cross: adding the standard library of $target to ${toolchain##*/}"
before=$(rustc -vV)
rustup target add --toolchain "${toolchain##*/}" "$target" || {
    echo "cross: the standard library of $target could not be added to ${toolchain##*/}; rustup's reason is above" >&2
    exit 1
}
[ "$(rustc -vV)" = "$before" ] || {
    echo "cross: adding a target changed the compiler: it was $(head -n1 <<<"$before"), it is $(rustc -V)." \
        "Nothing is built with it; put the toolchain back, or accept it by running this again" >&2
    exit 1
}
library || {
    echo "cross: rustup added $target, but it is not in $toolchain; does RUSTUP_TOOLCHAIN (${RUSTUP_TOOLCHAIN:-not set}) name another?" >&2
    exit 1
}
