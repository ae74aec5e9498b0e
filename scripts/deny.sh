#!/usr/bin/env bash
# Licences, sources and known advisories of everything that we build on, by deny.toml. What could not be checked is said:
# a quiet pass would be taken for a clean one. CARGO may name another cargo.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
deny() { $cargo deny --log-level error "$@"; }

if ! $cargo deny --version >/dev/null 2>&1; then
    echo "lint: licences, sources and advisories of dependencies were NOT CHECKED: cargo-deny is not installed" \
        "(cargo install cargo-deny --locked)"
    exit 0
fi
deny check licenses bans sources

offline=
if ! deny fetch db >/dev/null 2>&1; then
    offline=--offline
    copy=$(find "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" -maxdepth 1 -name 'advisory-db-*' 2>/dev/null | head -n1 || true)
    if [ -z "$copy" ]; then
        echo "lint: advisories were NOT CHECKED: their database (github.com/RustSec/advisory-db) cannot be fetched here," \
            "and there is no copy of it; run \`make lint\` where it can"
        exit 0
    fi
    echo "lint: the database of advisories cannot be fetched here; its copy of" \
        "$(git -C "$copy" log -1 --format=%cs 2>/dev/null || echo 'unknown date') is used"
fi
deny $offline check advisories
