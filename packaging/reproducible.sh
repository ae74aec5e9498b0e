#!/usr/bin/env bash
# Builds one commit twice, in two folders with different names, and compares the packages byte by byte: `make reproducible`.
# PROFILE=dev proves the packaging in a quicker build. ARCHS names what is built (default: this machine's architecture).
# Takes two whole builds; folders below target/reproducible are kept, so that a build that was broken off goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

commit=$(git rev-parse --verify "${COMMIT:-HEAD}")
profile=${PROFILE:-release}
archs=${ARCHS:-$(dpkg --print-architecture)}
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "$commit")
export SOURCE_DATE_EPOCH
work=$PWD/target/reproducible
folders=("$work/a" "$work/a-longer-name")
[ -z "$(git status --porcelain --untracked-files=no)" ] ||
    echo "reproducible: changes that are not committed are left out; $commit is built"

for folder in "${folders[@]}"; do
    if [ "$(cat "$folder/.commit" 2>/dev/null)" != "$commit" ]; then
        mkdir -p "$folder"
        # Sources of another commit go; target/ stays, since cargo knows what changed.
        find "$folder" -mindepth 1 -maxdepth 1 ! -name target -exec rm -rf {} +
        git archive "$commit" | tar -x -C "$folder"
        ln -sfn "$PWD/.runtime" "$folder/.runtime"
        echo "$commit" >"$folder/.commit"
    fi
    mkdir -p "$folder/target"
    [ ! -d target/cross ] || ln -sfn "$PWD/target/cross" "$folder/target/cross"
    echo "reproducible: $folder"
    (cd "$folder" && PROFILE=$profile ARCHS=$archs packaging/dist.sh)
done

if ! diff "${folders[@]/%//target/dist/SHA256SUMS}"; then
    for arch in $archs; do
        cmp "${folders[@]/%//target/package/$arch/ocellus}" || true
    done
    echo "reproducible: the builds DIFFER (above; diffoscope shows where)" >&2
    exit 1
fi
echo "reproducible: the same bytes twice; profile $profile, commit $commit:"
cat "${folders[0]}/target/dist/SHA256SUMS"
