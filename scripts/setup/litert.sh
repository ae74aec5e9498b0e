#!/usr/bin/env bash
# Puts the LiteRT runtime at .runtime/libLiteRt.so: from its PyPI wheel, pinned by version and SHA-256.
# usage: scripts/setup/litert.sh [x86_64|aarch64]   of another architecture than this machine's: .runtime/ARCH/libLiteRt.so
set -euo pipefail
cd "$(dirname "$0")/../.."

machine=${1:-$(uname -m)}
case $machine in
x86_64) library=eec47eb35e2924b3166015887e652a58edc9af823ae38e02bf83bef2548300bb ;;
aarch64) library=b57687dc234d2b8b0598aef5a9c961ed24263df8f8b3f56adbee1cff618e544b ;;
*)
    echo "set-up: there is no LiteRT wheel for $machine: set OCELLUS_RUNTIME_LIB to a library built for it" >&2
    exit 1
    ;;
esac

into=.runtime
[ "$machine" = "$(uname -m)" ] || into=.runtime/$machine

right() { [ -f "$1" ] && echo "$library  $1" | sha256sum --check --status; }
right "$into/libLiteRt.so" && exit 0

echo "set-up: fetching the LiteRT runtime for $machine"
mkdir -p "$into"
# Debian's own pip is externally managed, hence a virtual environment.
[ -x .runtime/venv/bin/pip ] || python3 -m venv .runtime/venv
work=$(mktemp -d .runtime/litert.XXXXXX)
trap 'rm -rf "$work"' EXIT
.runtime/venv/bin/pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --implementation cp --python-version 3.11 --abi cp311 --platform "manylinux_2_27_$machine" \
    --dest "$work" --requirement scripts/setup/litert.txt
.runtime/venv/bin/python - "$work" <<'PYTHON'
import pathlib, sys, zipfile

work = pathlib.Path(sys.argv[1])
(wheel,) = work.glob("*.whl")
(work / "libLiteRt.so").write_bytes(zipfile.ZipFile(wheel).read("ai_edge_litert/libLiteRt.so"))
PYTHON
right "$work/libLiteRt.so" || {
    echo "set-up: libLiteRt.so of the wheel is not the pinned one ($library): nothing was installed" >&2
    exit 1
}
mv "$work/libLiteRt.so" "$into/libLiteRt.so"
