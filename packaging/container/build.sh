#!/usr/bin/env bash
# Builds the container image ocellus:VERSION from the package in target/deb: `make container`. Uses docker or podman/buildah,
# whichever is there; BASE and EXTRA are those of the Dockerfile, IMAGE is another name.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)
arch=${ARCH:-$(dpkg --print-architecture)}
package=${PACKAGE:-target/deb/ocellus_${version}_$arch.deb}
image=${IMAGE:-ocellus:$version}
[ -f "$package" ] || { echo "container: there is no $package; \`make deb\` makes it" >&2; exit 1; }

# Only what is needed goes to the builder.
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$package" "$context/ocellus.deb"
options=(--file packaging/container/Dockerfile --tag "$image")
[ -z "${BASE:-}" ] || options+=(--build-arg "BASE=$BASE")
[ -z "${EXTRA+set}" ] || options+=(--build-arg "EXTRA=$EXTRA")

if command -v buildah >/dev/null; then
    # The health check is docker's; the OCI format has none. BUILD_OPTIONS: what the machine needs (--isolation=chroot …).
    read -ra more <<<"${BUILD_OPTIONS:-}"
    buildah bud --format docker "${more[@]}" "${options[@]}" "$context"
elif command -v docker >/dev/null; then
    docker build --platform "linux/$arch" "${options[@]}" "$context"
else
    echo "container: neither docker nor buildah is installed (apt-get install buildah podman)" >&2
    exit 1
fi
