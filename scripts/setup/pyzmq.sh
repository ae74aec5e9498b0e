#!/usr/bin/env bash
# Puts pyzmq into a virtual environment at .runtime/pyzmq: the peer of the ZeroMQ bridge's tests. Does nothing when that
# version is there.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=27.1.0
into=.runtime/pyzmq
[ "$("$into/bin/python" -c 'import zmq; print(zmq.__version__)' 2>/dev/null)" = "$version" ] && exit 0

echo "set-up: installing pyzmq $version"
mkdir -p .runtime
# Debian's own pip is externally managed, hence a virtual environment.
rm -rf "$into"
python3 -m venv "$into"
"$into/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: "pyzmq==$version"
