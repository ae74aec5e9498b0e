#!/usr/bin/env bash
# Provides a Rust toolchain that is new enough. An existing one is used as it is and never changed, also where there is no
# network; where a newer one is needed, it is installed beside it. One that is not `stable` is named in .runtime/toolchain,
# which the Makefile reads.
set -euo pipefail
cd "$(dirname "$0")/../.."

# What a fresh machine gets: one known version, so that a new lint of tomorrow's compiler fails nobody's build.
fresh=1.95.0
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

new_enough() {
    local have
    have=$(cargo --version 2>/dev/null | awk '{print $2}')
    [ -n "$have" ] && [ "$(printf '%s\n' "$wanted" "$have" | sort -V | head -n1)" = "$wanted" ]
}

# rust-toolchain.toml asks for `stable`. On a machine without it, rustup would download it at the first `cargo`, though
# another toolchain that is there may do: so the list is read first, and `stable` is tried only where it is in it.
toolchains() { rustup toolchain list 2>/dev/null | awk '/^[[:alnum:]]/ {print $1}'; }
if ! command -v rustup >/dev/null || [ -n "${RUSTUP_TOOLCHAIN:-}" ] || toolchains | grep -q '^stable'; then
    new_enough && exit 0
fi
# Released toolchains before nightly ones: a new lint of tomorrow's compiler fails the build of nobody who has another.
for toolchain in $(toolchains | grep -v '^nightly') $(toolchains | grep '^nightly'); do
    if RUSTUP_TOOLCHAIN=$toolchain new_enough; then
        mkdir -p .runtime
        echo "$toolchain" >.runtime/toolchain
        exit 0
    fi
done

echo "set-up: Rust $wanted or newer is needed; installing $fresh"
if ! command -v rustup >/dev/null; then
    if [ -n "$(apt-cache policy rustup 2>/dev/null | awk '/Candidate:/ && $2 != "(none)" {print $2}')" ]; then
        root=()
        [ "$(id -u)" = 0 ] || root=(sudo)
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -qq install -y rustup
    else
        curl --proto '=https' --tlsv1.2 -sSf --retry 3 https://sh.rustup.rs |
            sh -s -- -y --no-modify-path --profile minimal --default-toolchain none
    fi
fi
rustup toolchain install "$fresh" --no-self-update --profile minimal --component clippy,rustfmt
mkdir -p .runtime
echo "$fresh" >.runtime/toolchain
RUSTUP_TOOLCHAIN=$fresh new_enough || {
    echo "set-up: cargo is still missing or too old: is $(command -v cargo || echo 'no cargo') first in PATH?" >&2
    exit 1
}
