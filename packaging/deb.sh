#!/usr/bin/env bash
# Makes target/deb/ocellus_VERSION_ARCH.deb, and its debug symbols as a package beside it: `make deb [ARCH=arm64]`.
# Two builds of one commit with the same tools give the same bytes: times come from the commit, owners are root.
#
#   ARCH                  amd64 or arm64; default: this machine's
#   PROFILE               release, or dev for a package to be tested with: its program is that of `make run`
#   OCELLUS               the program; default: what `make build` or `make cross` made
#   OCELLUS_RUNTIME_LIB   LiteRT for that architecture; default: what the set-up fetched
#   OCELLUS_RUN           a command that runs the program; default: itself, or QEMU on another architecture
#   VERSION, OUT          another version than Cargo.toml's, another folder than target/deb
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/inputs.sh deb target/deb

main=$stage/main symbols=$stage/symbols
packaging/third_party.py --target "$machine-unknown-linux-gnu" --out target/THIRD-PARTY.txt
DESTDIR=$main PREFIX=/usr packaging/install.sh
split_symbols "$main/usr/bin/ocellus" "$symbols/usr/lib/debug"

# A first configuration: a conffile, so that dpkg keeps what somebody changed and asks where both sides changed it.
install -d -m 755 "$main/etc/ocellus"
install -m 640 config/ocellus.toml "$main/etc/ocellus/ocellus.toml"
libraries=$(packaging/libraries.sh "$arch" "$main/usr/bin/ocellus")

# package FOLDER NAME: writes control data and builds.
package() {
    local folder=$1 name=$2 size file=$out/$2_${version}_$arch.deb
    size=$(du -k -s --apparent-size "$folder" | cut -f1)
    mkdir -p "$folder/DEBIAN"
    sed -e "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/; s/@LIBRARIES@/$libraries/" \
        "packaging/debian/$name.control" >"$folder/DEBIAN/control"
    (cd "$folder" && find . -path ./DEBIAN -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum | sed 's| \./| |') \
        >"$folder/DEBIAN/md5sums"
    find "$folder" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    dpkg-deb --root-owner-group -Zxz "-z$level" --build "$folder" "$file" >/dev/null
    echo "deb: $file: $(stat -c %s "$file") bytes, installed $size KiB"
}

mkdir -p "$main/DEBIAN"
echo /etc/ocellus/ocellus.toml >"$main/DEBIAN/conffiles"
install -m 755 packaging/debian/{postinst,prerm,postrm} "$main/DEBIAN"
package "$main" ocellus
package "$symbols" ocellus-dbgsym
