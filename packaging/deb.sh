#!/usr/bin/env bash
# Makes target/deb/ocellus_VERSION_ARCH.deb, and its debug symbols as a package beside it: `make deb`.
# Two builds of one commit with the same tools give the same bytes: times come from the commit, owners are root.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)}
arch=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)}
export SOURCE_DATE_EPOCH
out=target/deb
mkdir -p "$out"
stage=$(mktemp -d "$PWD/$out/stage.XXXXXX")
trap 'rm -rf "$stage"' EXIT
umask 022

main=$stage/main symbols=$stage/symbols
DESTDIR=$main PREFIX=/usr packaging/install.sh

# The debug symbols lie where gdb and coredumpctl look for them, named by the build id.
binary=$main/usr/bin/ocellus
build_id=$(readelf -n "$binary" | sed -n 's/.*Build ID: //p')
[ -n "$build_id" ] || { echo "deb: the program has no build id; was it linked with --build-id?" >&2; exit 1; }
debug=$symbols/usr/lib/debug/.build-id/${build_id:0:2}
mkdir -p "$debug"
objcopy --only-keep-debug --compress-debug-sections=zlib "$binary" "$debug/${build_id:2}.debug"
strip --strip-unneeded "$binary"

# A first configuration: a conffile, so that dpkg keeps what somebody changed and asks where both sides changed it.
install -d -m 755 "$main/etc/ocellus"
install -m 640 config/ocellus.toml "$main/etc/ocellus/ocellus.toml"

# Which packages hold the libraries that the program is linked with: dpkg's own tool reads it from the binary.
mkdir -p "$stage/shlibs/debian"
printf 'Source: ocellus\n\nPackage: ocellus\nArchitecture: any\n' >"$stage/shlibs/debian/control"
libraries=$(cd "$stage/shlibs" && dpkg-shlibdeps -O -e "$binary" 2>/dev/null | sed -n 's/^shlibs:Depends=//p')
[ -n "$libraries" ] || { echo "deb: dpkg-shlibdeps found no libraries" >&2; exit 1; }

# package FOLDER NAME: writes control data and builds.
package() {
    local folder=$1 name=$2 size
    size=$(du -k -s --apparent-size "$folder" | cut -f1)
    mkdir -p "$folder/DEBIAN"
    sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/; s/@LIBRARIES@/$libraries/" \
        "packaging/debian/$name.control" >"$folder/DEBIAN/control"
    (cd "$folder" && find . -path ./DEBIAN -prune -o -type f -print0 | sort -z | xargs -0 md5sum | sed 's| \./| |') \
        >"$folder/DEBIAN/md5sums"
    find "$folder" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz --build "$folder" "$out/${name}_${version}_$arch.deb" >/dev/null
}

mkdir -p "$main/DEBIAN"
echo /etc/ocellus/ocellus.toml >"$main/DEBIAN/conffiles"
install -m 755 packaging/debian/{postinst,prerm,postrm} "$main/DEBIAN"
package "$main" ocellus
package "$symbols" ocellus-dbgsym
(cd "$out" && sha256sum ocellus_"$version"_"$arch".deb ocellus-dbgsym_"$version"_"$arch".deb >SHA256SUMS)
ls -l "$out"/*_"$version"_"$arch".deb
