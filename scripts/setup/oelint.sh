#!/usr/bin/env bash
# Puts oelint-adv, the linter for Yocto recipes, and kas, whose schema the kas files are held to, at .runtime/oelint/bin: from
# wheels pinned by version. Does nothing when those versions are there.
set -euo pipefail
cd "$(dirname "$0")/../.."

wanted=$(sha256sum scripts/setup/oelint.txt)
into=.runtime/oelint
[ "$(cat $into/pinned 2>/dev/null)" = "$wanted" ] && exit 0

echo "set-up: installing oelint-adv"
mkdir -p .runtime
# Debian's own pip is externally managed, hence a virtual environment.
rm -rf $into
python3 -m venv $into
$into/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement scripts/setup/oelint.txt
echo "$wanted" >$into/pinned
