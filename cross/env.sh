# shellcheck shell=bash
# To be sourced: what cargo, the compilers and pkg-config need to build for another architecture against its sysroot.
#   . cross/env.sh TARGET        TARGET is a Rust target: aarch64-unknown-linux-gnu
# Sets `top`, `triple` (GNU's name), `arch` (Debian's name) and `sysroot`, and exports the environment. Most variables carry
# the target in their names, so that build scripts and proc macros are compiled for this machine as always.

case ${1:?which target?} in
aarch64-unknown-linux-gnu) triple=aarch64-linux-gnu arch=arm64 ;;
*)
    echo "cross: $1 is not a known target; known: aarch64-unknown-linux-gnu (cross/README.md says why no other)" >&2
    exit 2
    ;;
esac
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
sysroot=$top/target/cross/sysroot-$arch
lower=${1//-/_}
upper=${lower^^}

# A toolchain that the set-up chose, because the machine's own is missing or too old.
if [ -z "${RUSTUP_TOOLCHAIN:-}" ] && [ -f "$top/.runtime/toolchain" ]; then
    RUSTUP_TOOLCHAIN=$(cat "$top/.runtime/toolchain")
    export RUSTUP_TOOLCHAIN
fi

export CARGO_BUILD_TARGET=$1
export "PKG_CONFIG_ALLOW_CROSS_$lower=1"
export "PKG_CONFIG_SYSROOT_DIR_$lower=$sysroot"
export "PKG_CONFIG_LIBDIR_$lower=$sysroot/usr/lib/$triple/pkgconfig:$sysroot/usr/share/pkgconfig"
export "CC_$lower=$triple-gcc" "AR_$lower=$triple-ar" "CFLAGS_$lower=--sysroot=$sysroot"
export "CARGO_TARGET_${upper}_LINKER=$triple-gcc"
export "CARGO_TARGET_${upper}_RUSTFLAGS=-C link-arg=--sysroot=$sysroot"
export "CARGO_TARGET_${upper}_RUNNER=$top/cross/emulate.sh $1"
