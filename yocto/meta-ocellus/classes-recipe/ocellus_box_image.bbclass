# An image with two slots, /data and a read-only root. ocellus-image and ocellus-dev-image inherit it after core-image.

inherit features_check
REQUIRED_DISTRO_FEATURES = "rauc systemd"

# The slot's file system is an image of its own: the same bytes go onto the disk and into a bundle.
IMAGE_FSTYPES = "ext4 wic.zst wic.bmap"
# nooelint: oelint.vars.mispell,oelint.vars.specific - wic is an image type here
IMAGE_TYPEDEP:wic = "ext4"
WKS_FILE = "ocellus-${OCELLUS_BOOT}.wks.in"

# GRUB and U-Boot read this file system: none of the features that they do not know. Fixed seeds, so that two builds agree.
# nooelint: oelint.vars.specific - ext4 is an image type here
EXTRA_IMAGECMD:ext4 = "-i 4096 -b 4096 -O ^metadata_csum_seed,^orphan_file -E hash_seed=0ce11050-0000-4000-8000-000000000000"
IMAGE_ROOTFS_EXTRA_SPACE = "0"
IMAGE_ROOTFS_ALIGNMENT = "4"
IMAGE_ROOTFS_MAXSIZE = "${@int(d.getVar('OCELLUS_SLOT_MIB') or '768') * 1024}"

# What the boot partition holds; it is written once, and no update touches it.
IMAGE_BOOT_FILES = "${OCELLUS_BOOT_FILES}"
# nooelint: oelint.file.requirenotfound - in oe-core
require conf/image-uefi.conf

do_image_wic[depends] += "${@' '.join('%s:do_deploy' % recipe for recipe in (d.getVar('OCELLUS_BOOT_RECIPES') or '').split())}"
do_image_wic[depends] += "virtual/kernel:do_deploy dosfstools-native:do_populate_sysroot mtools-native:do_populate_sysroot"

WICVARS:append = " OCELLUS_SLOT_MIB OCELLUS_WIC_BOOT IMX_BOOT_SEEK"

# ocellus-mark-good confirms a slot once ocellus is ready; RAUC's own unit would confirm every slot that reaches the end of
# its start.
BAD_RECOMMENDATIONS += "rauc-mark-good rauc-conf"

python __anonymous() {
    if not d.getVar('OCELLUS_BOOT'):
        raise bb.parse.SkipRecipe("OCELLUS_BOOT is not set: choose DISTRO = \"ocellus-os\", or set what conf/distro/include/ocellus-machines.inc sets")
}
