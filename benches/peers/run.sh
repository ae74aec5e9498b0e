#!/usr/bin/env bash
# Ocellus against its Python peer, in turn. Arguments go to side_by_side.py (--rounds N, --only peer).
set -euo pipefail
cd "$(dirname "$0")/../.."

data=${OCELLUS_DATA:-../shared/data}
venv=.runtime/peers
[ -x $venv/bin/pip ] || python3 -m venv $venv
$venv/bin/pip install --quiet --disable-pip-version-check --only-binary=:all: -r benches/peers/requirements.txt
exec $venv/bin/python benches/peers/side_by_side.py --video target/bench/720p.mp4 \
    --model "$data/models/tf2_mobilenet_v2_1.0_224_ptq.tflite" "$@"
