#!/usr/bin/env bash
# A small initramfs: busybox and the modules of the disks that a box may have. It finds the partition that the kernel command line
# names (root=PARTLABEL=NAME), mounts it read-only and starts init= from it. initramfs.sh ROOT RELEASE TARGET
set -euo pipefail
root=${1:?} release=${2:?} target=${3:?}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{bin,dev,proc,sys,run,new,lib}
install -m 755 "$root/bin/busybox" "$work/bin/busybox"
ln -s busybox "$work/bin/sh"

# Only what exists in this architecture's kernel; modprobe says which others they need.
wanted=(virtio_blk virtio_pci virtio_mmio ext4 crc32c_generic crc32c_intel ahci ata_piix sd_mod nvme mmc_block sdhci_pci sdhci_acpi
    usb_storage uas xhci_pci ehci_pci virtio_scsi)
from=$root/lib/modules/$release
: >"$work/list"
for module in "${wanted[@]}"; do
    # `modprobe --show-depends` prints the insmod lines in their order; a module that is built in prints "builtin".
    modprobe -d "$root" -S "$release" --show-depends "$module" 2>/dev/null | sed -n 's/^insmod \([^ ]*\).*/\1/p' >>"$work/list" || true
done
to=$work/lib/modules/$release
mkdir -p "$to"
sort -u "$work/list" | while read -r file; do
    # The path is below ROOT already.
    install -D -m 644 "$file" "$to/kernel/${file#"$from"/kernel/}"
done
cp "$from"/modules.{order,builtin,builtin.modinfo} "$to"
depmod -b "$work" "$release" 2>/dev/null
rm -f "$work/list" "$to"/modules.*.bin "$to"/modules.{devname,softdep,symbols,builtin.modinfo,order}

cat >"$work/init" <<'END'
#!/bin/sh
/bin/busybox mkdir -p /proc /sys /dev
/bin/busybox --install -s /bin
PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
root= init=/sbin/init
for word in $(cat /proc/cmdline); do
    case $word in
    root=PARTLABEL=*) root=${word#root=PARTLABEL=} ;;
    init=*) init=${word#init=} ;;
    esac
done
# Drivers for the devices that are there, again for those that appear behind them (a bus, then its disk).
drivers() { find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u | xargs -r modprobe -q -a 2>/dev/null; }
# Without a fork for each entry: this runs a hundred times on a slow box.
device=
found() {
    for entry in /sys/class/block/*/uevent; do
        name= part=
        while IFS='=' read -r key value; do
            case $key in
            DEVNAME) name=$value ;;
            PARTNAME) part=$value ;;
            esac
        done <"$entry"
        if [ "$part" = "$root" ]; then
            device=/dev/$name
            return 0
        fi
    done
    return 1
}
# The most frequent disks first; only where none of them has the partition are all devices gone through.
modprobe -q -a ext4 crc32c_intel crc32c_generic virtio_pci virtio_blk nvme ahci sd_mod mmc_block 2>/dev/null
tries=0
until found; do
    drivers
    found && break
    tries=$((tries + 1))
    if [ $tries -gt 60 ]; then
        echo "initramfs: no partition is named \"$root\"; restart in 10 s" >/dev/console
        sleep 10
        reboot -f
    fi
    sleep 0.3
done
if ! mount -t ext4 -o ro "$device" /new; then
    echo "initramfs: $device ($root) cannot be mounted; restart in 10 s" >/dev/console
    sleep 10
    reboot -f
fi
mount --move /dev /new/dev
umount /sys /proc
exec switch_root /new "$init"
END
chmod 755 "$work/init"
(cd "$work" && find . -print0 | sort -z | cpio --null --quiet -o -H newc -R 0:0) | zstd -q -12 -f -o "$target"
