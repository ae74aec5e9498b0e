#!/usr/bin/env bash
# The time that packages carry (SOURCE_DATE_EPOCH, seconds since 1970): that of the commit; without git, that of Cargo.toml.
set -euo pipefail
cd "$(dirname "$0")/.."
git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml
