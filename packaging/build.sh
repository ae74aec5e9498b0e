#!/usr/bin/env bash
# Builds the program for packages: with the list of its dependencies inside (cargo auditable), and without a trace of the
# folder that it was built in, so that two builds of one commit by the same tools give the same bytes. On amd64 the folder of
# crates (CARGO_HOME) must be the same: NASM 2.16 writes the names of libjpeg-turbo's assembly into debug symbols, and cannot map them.
# packaging/build.sh [amd64|arm64]: the program is at target/package/ARCH/ocellus then.
# PROFILE=dev builds the quicker profile (for a proof of the packaging; nobody ships it).
set -euo pipefail
cd "$(dirname "$0")/.."

native=$(dpkg --print-architecture)
arch=${1:-$native}
profile=${PROFILE:-release}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(packaging/epoch.sh)}
export SOURCE_DATE_EPOCH CARGO_INCREMENTAL=0 PATH=$PWD/.runtime/tools/bin:$PATH

# As the Makefile: a toolchain that the set-up installed because the machine's own was missing or too old.
[ ! -f .runtime/toolchain ] || { RUSTUP_TOOLCHAIN=$(cat .runtime/toolchain) && export RUSTUP_TOOLCHAIN; }

case $arch in
amd64) rust=x86_64-unknown-linux-gnu ;;
arm64) rust=aarch64-unknown-linux-gnu ;;
*)
    echo "build: $arch is not known; it is amd64 or arm64" >&2
    exit 2
    ;;
esac
command -v cargo-auditable >/dev/null || {
    echo "build: cargo-auditable is missing; scripts/setup/dist-tools.sh installs it" >&2
    exit 1
}
if [ "$arch" != "$native" ]; then
    # The sysroot, its pkg-config, and the cross compiler. It sets CARGO_BUILD_TARGET, and names of its own.
    cross/setup.sh "$rust"
    . cross/env.sh "$rust"
fi

# rustc and the C compiler write the names of the files that they read into messages of panics and debug symbols. The
# standard library's sources are named by its compiler's commit where they are not installed, so the same where they are.
home=$(cd "${CARGO_HOME:-$HOME/.cargo}" && pwd -P)
library=$(rustc --print sysroot)/lib/rustlib/src/rust
commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
maps=("$home=/cargo" "$PWD=/ocellus" "$library=/rustc/$commit")
remap=() c=()
for map in "${maps[@]}"; do
    remap+=("--remap-path-prefix=$map")
    c+=("-ffile-prefix-map=$map")
done
# The flags of a target (a cross compiler's sysroot) would be hidden by RUSTFLAGS.
flags=CARGO_TARGET_$(tr 'a-z-' 'A-Z_' <<<"$rust")_RUSTFLAGS
export RUSTFLAGS="${RUSTFLAGS:-} ${remap[*]} ${!flags:-}"
for variable in CFLAGS CXXFLAGS; do
    own=${variable}_${rust//-/_}
    export "$own=${!own:-${!variable:-}} ${c[*]}"
done

export CARGO_TARGET_DIR=$PWD/target/package
cargo auditable build --profile "$profile" --locked --bin ocellus

built=$CARGO_TARGET_DIR${CARGO_BUILD_TARGET:+/$rust}/$([ "$profile" = dev ] && echo debug || echo "$profile")/ocellus
mkdir -p "target/package/$arch"
cp --remove-destination "$built" "target/package/$arch/ocellus"
