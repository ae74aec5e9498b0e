#!/usr/bin/env bash
# Puts cargo-auditable and cargo-cyclonedx below .runtime/tools, each in the version named here: what `make dist` builds and
# lists dependencies with. Does nothing when these versions are there.
set -euo pipefail
cd "$(dirname "$0")/../.."

into=.runtime/tools
for tool in cargo-auditable=0.7.7 cargo-cyclonedx=0.5.9; do
    name=${tool%=*} version=${tool#*=}
    grep -qs "\"$name $version " "$into/.crates.toml" && [ -x "$into/bin/$name" ] && continue
    echo "set-up: installing $name $version"
    # The dev profile: it compiles in a quarter of the time, and these run for a second.
    cargo install --quiet --locked --debug --version "$version" --root "$into" "$name"
done
