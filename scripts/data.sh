#!/usr/bin/env bash
# Test data that the repository does not hold, from its public sources: each file by URL, SHA-256 and size.
#
#   scripts/data.sh [MANIFEST [FOLDER]]     tests/data/manifest.tsv, and the folder that it lies in
#
# A file that is there with the right hash is left alone, one that was cut short goes on where it ended, and one whose
# hash is wrong is thrown away: a test never reads a file that nobody checked. All files are tried before the end.
set -euo pipefail

manifest=${1:-$(dirname "$0")/../tests/data/manifest.tsv}
folder=${2:-$(dirname "$manifest")}
[ -r "$manifest" ] || { echo "data: cannot read $manifest" >&2; exit 2; }

is_sound() { [ -f "$1" ] && [ "$(sha256sum <"$1" | cut -d' ' -f1)" = "$2" ]; }

# download URL PART HASH: into PART, from where it ended last time; a rest that the server does not have begins again.
download() {
    is_sound "$2" "$3" && return
    local options=(-sSfL --proto '=http,https' --proto-redir '=http,https' --retry 2 --connect-timeout 20
        --speed-limit 500 --speed-time 30)
    if [ -s "$2" ]; then
        curl "${options[@]}" -C - -o "$2" "$1" 2>/dev/null && is_sound "$2" "$3" && return
        rm -f "$2"
    fi
    curl "${options[@]}" -o "$2" "$1"
}

present=0 fetched=0 failed=0
while IFS=$'\t' read -r path bytes hash kept _licence source; do
    [ "$kept" = fetch ] || continue
    file=$folder/$path
    if is_sound "$file" "$hash"; then
        present=$((present + 1))
        continue
    fi
    mkdir -p "$(dirname "$file")"
    if ! download "$source" "$file.part" "$hash"; then
        echo "data: $path: cannot be fetched from $source" >&2
    elif ! is_sound "$file.part" "$hash"; then
        echo "data: $path: $source has another content ($(wc -c <"$file.part") bytes, expected $bytes with SHA-256 $hash)" >&2
        rm -f "$file.part"
    else
        mv "$file.part" "$file"
        fetched=$((fetched + 1))
        continue
    fi
    failed=$((failed + 1))
done <"$manifest"

echo "data: $fetched fetched, $present already there, $failed failed"
[ "$failed" = 0 ] || { echo "data: run this again when the network is there; it goes on where it ended" >&2; exit 1; }
