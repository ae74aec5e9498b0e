#!/usr/bin/env bash
# Makes ocellus-VERSION-ARCH.tar.xz: the tree of `make install PREFIX=/usr/local` with an install.sh, for systems without dpkg;
# and ocellus-VERSION-ARCH-debug.tar.xz, its debug symbols. Takes the variables of packaging/deb.sh; OUT is target/dist by default.
set -euo pipefail
cd "$(dirname "$0")/.."
. packaging/inputs.sh tarball target/dist

name=ocellus-$version-$arch
tree=$stage/$name
packaging/third_party.py --target "$machine-unknown-linux-gnu" --out target/THIRD-PARTY.txt
DESTDIR=$tree/files PREFIX=/usr/local packaging/install.sh
split_symbols "$tree/files/usr/local/bin/ocellus" "$stage/$name-debug/usr/local/lib/debug"
install -m 644 config/ocellus.toml "$tree/ocellus.toml"
install -m 755 packaging/tarball/install.sh "$tree/install.sh"
echo "$version $arch" >"$tree/VERSION"
# What install.sh writes, and --remove takes away again.
(cd "$tree/files" && find . -type f -printf '/%P\n' | LC_ALL=C sort) >"$tree/FILES"

for folder in "$name" "$name-debug"; do
    tar --sort=name --format=gnu --owner=root:0 --group=root:0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
        --mode=u+rwX,go+rX,go-w -C "$stage" -c "$folder" | xz "-$level" -T1 >"$out/$folder.tar.xz"
    echo "tarball: $out/$folder.tar.xz: $(stat -c %s "$out/$folder.tar.xz") bytes"
done
