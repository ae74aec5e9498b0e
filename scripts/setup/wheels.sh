#!/usr/bin/env bash
# Installs the wheels of scripts/setup/NAME.txt, pinned by version and SHA-256, into a virtual environment at .runtime/NAME.
# Does nothing when those are there.
# usage: scripts/setup/wheels.sh NAME   (mdbook, oelint, pyzmq)
set -euo pipefail
cd "$(dirname "$0")/../.."

name=${1:-}
[ -n "$name" ] || { echo "usage: scripts/setup/wheels.sh NAME" >&2; exit 2; }
wheels=scripts/setup/$name.txt
into=.runtime/$name
[ -f "$wheels" ] || { echo "set-up: $wheels is missing: there are no wheels of that name" >&2; exit 2; }
# The copy is made last, so a set-up that was interrupted begins again. An upgrade of the system may remove the venv's Python.
[ -x "$into/bin/python" ] && cmp --quiet "$wheels" "$into/pinned" && exit 0

echo "set-up: installing $(sed -n 's/^\([A-Za-z0-9_.-]*==[^ ]*\).*/\1/p' "$wheels" | paste -sd' ')"
mkdir -p .runtime
# Debian's own pip is externally managed, hence a virtual environment.
rm -rf "$into"
python3 -m venv "$into"
"$into/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes --requirement "$wheels" || {
    echo "set-up: $wheels was not installed: the package registry cannot be reached, or none of the wheels fits" \
        "$(python3 --version) on $(uname -m); pip's message is above" >&2
    exit 1
}
cp "$wheels" "$into/pinned"
