#!/usr/bin/env bash
# cargo for another architecture: sets up what is missing, then runs cargo against the sysroot.
# usage: cross/cargo.sh TARGET COMMAND...      cross/cargo.sh aarch64-unknown-linux-gnu build --release --bin ocellus
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?which target? usage: cross/cargo.sh TARGET COMMAND...}
shift
"$here/setup.sh" "$target"
# shellcheck source=cross/env.sh
. "$here/env.sh" "$target"
exec cargo "$@"
