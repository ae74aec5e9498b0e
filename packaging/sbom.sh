#!/usr/bin/env bash
# Writes what a package consists of as CycloneDX 1.5 (JSON), from Cargo.lock by cargo-cyclonedx, with the runtime library, its
# hash and the font beside the crates: packaging/sbom.sh ARCH LIBRARY FILE
# packaging/sbom.sh --check PROGRAM FILE compares it with the list that cargo auditable put into the program.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.runtime/tools/bin:$PATH
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(packaging/epoch.sh)}
export SOURCE_DATE_EPOCH

if [ "$1" = --check ]; then
    readelf -SW "$2" | grep -q ' \.dep-v0 ' || {
        echo "sbom: $2 has no list of its dependencies; packaging/build.sh builds it with cargo auditable" >&2
        exit 1
    }
    python3 - "$2" "$3" <<'PYTHON'
import json, struct, sys, zlib

program, bom = sys.argv[1:]
data = open(program, "rb").read()
# The table of sections of a 64-bit little-endian ELF file.
start, = struct.unpack_from("<Q", data, 40)
size, count, names = struct.unpack_from("<HHH", data, 58)
rows = [struct.unpack_from("<IIQQQQ", data, start + size * number) for number in range(count)]
name = lambda row: data[rows[names][4] + row[0]:].split(b"\0", 1)[0]
row = next(row for row in rows if name(row) == b".dep-v0")
inside = json.loads(zlib.decompress(data[row[4]:row[4] + row[5]]))["packages"]
linked = {(package["name"], package["version"]) for package in inside if package.get("kind", "runtime") == "runtime"}
document = json.load(open(bom))
listed = {(part["name"], part["version"]) for part in document["components"]} | {("ocellus", document["metadata"]["component"]["version"])}
missing = linked - listed
if missing:
    sys.exit(f"sbom: {bom} lacks what is in {program}: {sorted(missing)}")
print(f"sbom: {bom}: {len(listed)} components; the program names {len(linked)} crates, all of them listed")
PYTHON
    exit
fi

arch=$1 library=$2 file=$3
case $arch in amd64) triple=x86_64-unknown-linux-gnu ;; arm64) triple=aarch64-unknown-linux-gnu ;; *) exit 2 ;; esac
# The tool writes a file beside each Cargo.toml of the workspace; only the product's is kept.
name=ocellus-sbom-$arch
trap 'rm -f "$name.json" crates/*/"$name.json"' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --target "$triple" --override-filename "$name"
python3 - "$name.json" "$library" "$file" <<'PYTHON'
import hashlib, json, os, re, sys

source, library, target = sys.argv[1:]
# References name the folder that it was made in.
text = open(source).read().replace(f"path+file://{os.getcwd()}", "path+file:///ocellus")
bom = json.loads(text)
pins = open("scripts/setup/litert.txt").read()
version = re.search(r"^ai-edge-litert==(\S+)", pins, re.M).group(1)
bom["components"] += [
    {
        "type": "library", "bom-ref": "libLiteRt.so", "name": "ai-edge-litert", "version": version, "scope": "required",
        "description": "LiteRT runtime, libLiteRt.so, taken unchanged from the wheel",
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(open(library, "rb").read()).hexdigest()}],
        "licenses": [{"license": {"id": "Apache-2.0"}}], "purl": f"pkg:pypi/ai-edge-litert@{version}",
    },
    {
        "type": "data", "bom-ref": "sans.ttf", "name": "DejaVu Sans", "version": "2.37", "scope": "required",
        "description": "a subset, compiled into the program", "licenses": [{"license": {"id": "Bitstream-Vera"}}],
    },
]
json.dump(bom, open(target, "w"), indent=1, ensure_ascii=False)
PYTHON
