#!/usr/bin/env bash
# A bare Debian 12 with what a box needs and its kernel, as DIR/base.tar and DIR/kernel.deb. Made once and kept; removed by hand
# or by a change of this file. Runs without root where the machine allows user namespaces.
set -euo pipefail
cd "$(dirname "$0")/../.."
dir=${1:?"the folder is missing"}
arch=${ARCH:?}
stamp=$(sha256sum "$0" | cut -c 1-16)
if [ "$(cat "$dir/base.stamp" 2>/dev/null)" = "$stamp" ] && [ -f "$dir/base.tar" ]; then exit 0; fi

packages=(systemd-sysv dbus udev kmod mosquitto gstreamer1.0-plugins-base gstreamer1.0-plugins-good
    libsystemd0 libudev1 rauc rauc-service e2fsprogs fdisk systemd-resolved systemd-timesyncd busybox-static)
quiet=(--quiet)
echo "image: a bare Debian 12 for $arch is made; this takes minutes" >&2
# The kernel's own package is only unpacked: installing it would draw in initramfs-tools and build an initramfs that is not used.
cat >"$dir/kernel.sh" <<'END'
set -e
root=$1 meta=$2
cd "$root/boot"
kernel=$(apt-cache depends "$meta" | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n1)
apt-get download "$kernel"
mv linux-image-*.deb kernel.deb
END
mmdebstrap "${quiet[@]}" --variant=minbase --architectures="$arch" --include="$(IFS=,; echo "${packages[*]}")" \
    --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
    --customize-hook="APT_CONFIG=\"\$MMDEBSTRAP_APT_CONFIG\" sh '$PWD/$dir/kernel.sh' \"\$1\" linux-image-$arch" \
    bookworm "$dir/base.part.tar"
mv "$dir/base.part.tar" "$dir/base.tar"
echo "$stamp" >"$dir/base.stamp"
