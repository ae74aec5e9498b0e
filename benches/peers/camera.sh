#!/usr/bin/env bash
# Ocellus's camera server against its Python peer, in turn. Arguments go to camera_side_by_side.py (--seconds N, --record).
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=.runtime/peers
[ -x $venv/bin/pip ] || python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check --only-binary=:all: -r benches/peers/requirements.txt
exec $venv/bin/python benches/peers/camera_side_by_side.py "$@"
