#!/usr/bin/env bash
# Installs what every box with slots has, the Debian image and the Yocto image alike: packaging/box/install.sh DESTDIR.
#   COMPATIBLE=ocellus-x86_64   machine name in bundles (required)
#   KEYRING=FILE                certificate of the authority whose bundles the box accepts (required)
#   BOOTLOADER=grub             grub (this folder's own backend, a custom one to RAUC), uboot, or a path: a board's own backend
#   DEBUG=1                     debug-shell.service stays available: for development only
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=${1:-}
[ -n "$root" ] || { echo "install: the folder is missing: packaging/box/install.sh DESTDIR" >&2; exit 2; }
compatible=${COMPATIBLE:?"is missing: the machine name in bundles, such as ocellus-x86_64"}
keyring=${KEYRING:?"is missing: the certificate of the authority that signs bundles"}
bootloader=${BOOTLOADER:-grub}
[ -f "$keyring" ] || { echo "install: there is no $keyring" >&2; exit 1; }

put() { install -D -m "$1" "$here/$2" "$root$3"; }

box=/usr/lib/ocellus/box
for program in preinit provision mark-good grow-data post-install stick-update; do put 755 $program $box/$program; done
put 755 ocellus-update /usr/sbin/ocellus-update

backend=
case $bootloader in
grub)
    put 755 boot-grub $box/boot-grub
    backend=$box/boot-grub
    ;;
/*) backend=$bootloader ;;
esac
install -d "$root/etc/rauc"
sed -e "s|@COMPATIBLE@|$compatible|" \
    -e "s|@BOOTLOADER@|$([ -n "$backend" ] && echo custom || echo "$bootloader")|" \
    -e "s|@BACKEND@|${backend:+bootloader-custom-backend=$backend}|" \
    "$here/rauc/system.conf.in" >"$root/etc/rauc/system.conf"
install -m 644 "$keyring" "$root/etc/rauc/keyring.pem"

# Units are enabled here: no preset and no systemctl at build time.
units=/usr/lib/systemd/system
wants=$root$units/multi-user.target.wants
install -d "$wants"
for unit in ocellus-provision ocellus-mark-good ocellus-grow-data; do
    put 644 units/$unit.service $units/$unit.service
    ln -sfn ../$unit.service "$wants/$unit.service"
done
put 644 units/ocellus-stick-update.service $units/ocellus-stick-update.service
put 644 stick.rules /usr/lib/udev/rules.d/61-ocellus-stick.rules
put 644 units/box.conf $units/ocellus.service.d/box.conf
put 644 journald.conf /usr/lib/systemd/journald.conf.d/50-ocellus.conf
put 644 watchdog.conf /usr/lib/systemd/system.conf.d/50-ocellus.conf
put 644 wired.network /usr/lib/systemd/network/80-ocellus-wired.network

# Folders and files that preinit binds onto must be there: the root is read-only.
install -d "$root/data" "$root/etc/ocellus" "$root/var/lib/ocellus" "$root/var/log/journal"
: >"$root/etc/machine-id"
echo ocellus >"$root/etc/hostname"

# Nobody logs in: no prompt on any console, no shell for rescue, and no password would open one.
masked=(getty@.service serial-getty@.service console-getty.service container-getty@.service autovt@.service
    debug-shell.service getty.target systemd-firstboot.service systemd-logind.service)
install -d "$root/etc/systemd/system"
for unit in "${masked[@]}"; do
    if [ -n "${DEBUG:-}" ] && [ "$unit" = debug-shell.service ]; then continue; fi
    ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done
if [ -z "${DEBUG:-}" ]; then
    for unit in emergency rescue; do put 644 units/emergency.service /etc/systemd/system/$unit.service; done
fi
