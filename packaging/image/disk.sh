#!/usr/bin/env bash
# Puts a disk together: disk.sh WORK IMAGE; WORK holds root.ext4 and the folder root. GPT with bios, esp, root-a, root-b and data,
# GRUB for BIOS and EFI. Called by build.sh; writes files only, at offsets.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:?} image=${2:?}
esp_mib=64 slot_mib=${SLOT:-768} data_mib=${DATA_MIB:-64}
bios_at=1 esp_at=2
a_at=$((esp_at + esp_mib))
b_at=$((a_at + slot_mib))
data_at=$((b_at + slot_mib))
total=$((data_at + data_mib + 1))

rm -f "$image"
truncate -s "${total}M" "$image"
linux=0FC63DAF-8483-4772-8E79-3D69D8477DE4
sfdisk --quiet --no-reread --no-tell-kernel "$image" <<END
label: gpt
label-id: 0CE11005-0000-4000-8000-00000000000A
start=$((bios_at * 2048)), size=2048, type=21686148-6449-6E6F-744E-656564454649, name=bios
start=$((esp_at * 2048)), size=$((esp_mib * 2048)), type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp
start=$((a_at * 2048)), size=$((slot_mib * 2048)), type=$linux, name=root-a
start=$((b_at * 2048)), size=$((slot_mib * 2048)), type=$linux, name=root-b
start=$((data_at * 2048)), size=$((data_mib * 2048)), type=$linux, name=data
END
put() { dd if="$1" of="$image" bs=1M seek="$2" conv=notrunc,sparse status=none; }
put "$work/root.ext4" $a_at

# The ESP: GRUB, its configuration, and the order of start with its copy.
esp=$work/esp.img
truncate -s ${esp_mib}M "$esp"
mformat -i "$esp" -F -v ESP -N 0CE11005 ::
mmd -i "$esp" ::/EFI ::/EFI/BOOT ::/ocellus
modules=(part_gpt fat ext2 normal linux loadenv test regexp sleep reboot echo configfile true all_video serial terminal)
efi=x86_64-efi file=BOOTX64.EFI console="console=tty0 console=ttyS0,115200"
grub=${GRUB:-/usr/lib/grub}
# "(,gpt2)": the second partition of the disk from which the firmware started GRUB.
grub-mkimage -d "$grub/$efi" -O "$efi" -p '(,gpt2)/ocellus' -o "$work/$file" "${modules[@]}"
mcopy -i "$esp" "$work/$file" ::/EFI/BOOT/$file
{
    printf '# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=0\nA_NEW=0\nB_OK=0\nB_TRY=0\nB_NEW=0\n'
    head -c 1024 /dev/zero | tr '\0' '#'
} | head -c 1024 >"$work/grubenv"
mcopy -i "$esp" "$work/grubenv" ::/ocellus/grubenv
mcopy -i "$esp" "$work/grubenv" ::/ocellus/grubenv.copy
mcopy -i "$esp" packaging/box/boot.cfg ::/ocellus/boot.cfg
# No menu and no prompt: nobody can pass other words to the kernel. The superuser has no password that would fit.
quiet="quiet loglevel=3"
# A box that is emulated has no use for what protects from a processor's faults.
if [ -n "${DEBUG:-}" ]; then quiet="$quiet mitigations=off"; fi
cat >"$work/grub.cfg" <<END
set superusers="nobody"
set timeout=0
set env_dev=\$root
regexp --set=1:disk '^([^,]*),' "\$root"
source (\$env_dev)/ocellus/boot.cfg
if [ "\$slot" = A ]; then set root=\$disk,gpt3; else set root=\$disk,gpt4; fi
linux /boot/vmlinuz root=PARTLABEL=\$partition rauc.slot=\$slot init=/usr/lib/ocellus/box/preinit ro panic=10 $console $quiet systemd.show_status=0
initrd /boot/initrd.img
boot
echo "slot \$slot cannot be started; restart in 5 s"
sleep 5
reboot
END
mcopy -i "$esp" "$work/grub.cfg" ::/ocellus/grub.cfg
put "$esp" $esp_at

grub-mkimage -d "$grub/i386-pc" -O i386-pc -p '(,gpt2)/ocellus' -o "$work/core.img" biosdisk "${modules[@]}"
# What grub-bios-setup writes: where the core image lies, into the MBR (byte 92) and into the list of blocks at the end of the
# core image's first sector (byte 500).
python3 - "$image" "$grub/i386-pc/boot.img" "$work/core.img" $((bios_at * 2048)) <<'END'
import struct, sys
image, boot_file, core_file, sector = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
boot, core = open(boot_file, "rb").read(), bytearray(open(core_file, "rb").read())
assert len(core) <= 1 << 20, "GRUB's core image does not fit into its partition"
code = bytearray(boot[:440])
struct.pack_into("<Q", code, 92, sector)
# Some BIOSes pass a wrong drive number: the jump over its check is taken out, as grub-bios-setup does for hard disks.
code[0x66:0x68] = b"\x90\x90"
struct.pack_into("<Q", core, 500, sector + 1)
with open(image, "r+b") as disk:
    disk.write(code)
    disk.seek(sector * 512)
    disk.write(core)
END


# /data: empty, or what DATA holds. It grows to the end of the disk on the first start.
data=$work/data
mkdir -p "$data"
if [ -n "${DATA:-}" ]; then cp -a "$DATA/." "$data/"; fi
mke2fs -q -t ext4 -b 4096 -m 1 -L data -d "$data" "$work/data.ext4" "${data_mib}M"
put "$work/data.ext4" $data_at
