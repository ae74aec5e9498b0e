#!/usr/bin/env bash
# Makes what a release consists of, in target/dist: for each architecture the Debian packages, a tarball for other systems,
# debug symbols and the list of what is inside (SBOM, CycloneDX), and SHA256SUMS of all. `make dist [ARCHS="amd64 arm64"]`
# The programs are built here, by packaging/build.sh; PROFILE=dev builds the quicker profile, for a proof.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)
native=$(dpkg --print-architecture)
out=$PWD/target/dist
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(packaging/epoch.sh)}
export SOURCE_DATE_EPOCH OUT=$out
# Runtime libraries are those of the set-up, pinned by their hash.
unset OCELLUS OCELLUS_RUNTIME_LIB OCELLUS_RUN VERSION
rm -rf "$out"
mkdir -p "$out"

for arch in ${ARCHS:-amd64 arm64}; do
    packaging/build.sh "$arch"
    case $arch in
    "$native") library=.runtime/libLiteRt.so ;;
    amd64) library=.runtime/x86_64/libLiteRt.so ;;
    *) library=.runtime/aarch64/libLiteRt.so ;;
    esac
    export ARCH=$arch OCELLUS=target/package/$arch/ocellus OCELLUS_RUNTIME_LIB=$library
    packaging/deb.sh
    packaging/tarball.sh
    packaging/sbom.sh "$arch" "$library" "$out/ocellus-$version-$arch.cdx.json"
    # What a scanner will find in the program is what was meant to be there.
    packaging/sbom.sh --check "$OCELLUS" "$out/ocellus-$version-$arch.cdx.json"
done
(cd "$out" && LC_ALL=C sha256sum ./* | sed 's| \./| |' >../SHA256SUMS && mv ../SHA256SUMS .)
cat "$out/SHA256SUMS"
