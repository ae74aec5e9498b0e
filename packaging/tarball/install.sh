#!/bin/sh
# Installs Ocellus from this folder: sudo ./install.sh. Again with a newer folder: an upgrade. It keeps /etc/ocellus and
# /var/lib/ocellus, also when it is removed: sudo ./install.sh --remove
# DESTDIR=DIR installs into an image and starts nothing.
set -eu
cd "$(dirname "$0")"
root=${DESTDIR:-}
read -r version arch <VERSION

die() {
    echo "install: $*" >&2
    exit 1
}
systemd() { [ -z "$root" ] && [ -d /run/systemd/system ]; }

[ -n "$root" ] || [ "$(id -u)" = 0 ] || die "it writes to /usr/local and /etc: sudo ./install.sh"
case ${1:-} in
"") ;;
--remove)
    if systemd; then systemctl disable --now ocellus.service || true; fi
    while read -r file; do rm -f "$root$file"; done <FILES
    rm -rf "$root/usr/local/share/ocellus" "$root/usr/local/share/doc/ocellus" "$root/usr/local/lib/ocellus"
    if systemd; then systemctl daemon-reload; fi
    echo "install: removed; $root/etc/ocellus and $root/var/lib/ocellus (configuration; events, people, pictures) are kept"
    exit 0
    ;;
*) die "$1 is not known; ./install.sh [--remove]" ;;
esac

machine=$(uname -m)
case $arch:$machine in
amd64:x86_64 | arm64:aarch64) ;;
*) [ -n "$root" ] || die "this is the build for $arch, and this machine is $machine: take the other tarball" ;;
esac
if [ -z "$root" ]; then
    if [ -e /usr/bin/ocellus ]; then
        die "the package ocellus is installed (/usr/bin/ocellus): upgrade that, or remove it first: apt-get remove ocellus"
    fi
    missing=$(ldd files/usr/local/bin/ocellus 2>&1 | sed -n 's/^[[:space:]]*\([^ ]*\) => not found$/\1/p' | tr '\n' ' ')
    [ -z "$missing" ] || die "libraries are missing: $missing
install GStreamer 1.22 or newer (plugin sets base and good), libsystemd and libudev by the system's package manager, then again"
    ldd files/usr/local/bin/ocellus >/dev/null 2>&1 || die "the program does not run here: $(ldd files/usr/local/bin/ocellus 2>&1 | tail -n 1)"
fi

# Each file is put beside its place and renamed: a program that runs keeps its own, and a power cut leaves one of both.
while read -r file; do
    target=$root$file
    mkdir -p "${target%/*}"
    cp -p "files$file" "$target.new"
    mv -f "$target.new" "$target"
done <FILES
if [ ! -e "$root/etc/ocellus/ocellus.toml" ]; then
    mkdir -p "$root/etc/ocellus"
    cp ocellus.toml "$root/etc/ocellus/ocellus.toml"
fi
if [ -z "$root" ]; then
    systemd-sysusers /usr/local/lib/sysusers.d/ocellus.conf
    chown root:ocellus /etc/ocellus /etc/ocellus/ocellus.toml
    chmod 750 /etc/ocellus
    chmod 640 /etc/ocellus/ocellus.toml
    systemd-tmpfiles --create /usr/local/lib/tmpfiles.d/ocellus.conf || true
fi
if systemd; then
    systemctl daemon-reload
    udevadm control --reload 2>/dev/null || true
    systemctl enable --quiet ocellus.service
    systemctl restart ocellus.service ||
        die "Ocellus $version is installed, but the service did not start; see: journalctl -u ocellus -n 50"
fi
echo "install: Ocellus $version is installed; configuration: $root/etc/ocellus/ocellus.toml"
