#!/usr/bin/env bash
# Puts mdBook at .runtime/mdbook/bin/mdbook: from a wheel pinned by version and SHA-256, or compiled where there is no wheel.
# Does nothing when that version is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.5.4
into=.runtime/mdbook
[ "$("$into/bin/mdbook" --version 2>/dev/null)" = "mdbook v$version" ] && exit 0

echo "set-up: installing mdBook $version"
mkdir -p .runtime
case $(uname -m) in
x86_64 | aarch64)
    # Debian's own pip is externally managed, hence a virtual environment.
    rm -rf "$into"
    python3 -m venv "$into"
    "$into/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --requirement scripts/setup/mdbook.txt
    ;;
*) cargo install --quiet --locked --version "$version" --root "$into" mdbook ;;
esac
