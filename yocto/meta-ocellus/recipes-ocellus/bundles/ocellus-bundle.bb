# nooelint: oelint.file.underscores - named like an image: bitbake ocellus-bundle
SUMMARY = "An update of ocellus-image for boxes in the field"
DESCRIPTION = "A signed RAUC bundle: a box checks the signature and the machine's name, writes it into the slot that does not run, and tries it."
LICENSE = "MIT"

inherit bundle features_check
REQUIRED_DISTRO_FEATURES = "rauc systemd"

# Of ocellus-dev-image: OCELLUS_BUNDLE_IMAGE = "ocellus-dev-image".
OCELLUS_BUNDLE_IMAGE ??= "ocellus-image"
OCELLUS_COMPATIBLE ??= "ocellus-${MACHINE}"

RAUC_BUNDLE_FORMAT = "verity"
RAUC_BUNDLE_COMPATIBLE = "${OCELLUS_COMPATIBLE}"
RAUC_BUNDLE_VERSION = "${OCELLUS_VERSION}"
RAUC_BUNDLE_DESCRIPTION = "Ocellus for ${MACHINE}"
RAUC_BUNDLE_SLOTS = "rootfs"

RAUC_SLOT_rootfs = "${OCELLUS_BUNDLE_IMAGE}"
RAUC_SLOT_rootfs[fstype] = "ext4"
# Slots are raw to RAUC: their bytes are those that the bundle's digest stands for.
RAUC_SLOT_rootfs[rename] = "rootfs.img"

# Raspberry Pi: kernel, device trees and firmware lie in a FAT partition of the slot. Elsewhere the hook has nothing to do.
SRC_URI += "file://hook.sh"
RAUC_BUNDLE_HOOKS[file] = "hook.sh"
RAUC_BUNDLE_SLOTS:append:rpi = " boot"
RAUC_SLOT_boot = "ocellus-tryboot-image"
RAUC_SLOT_boot[type] = "file"
RAUC_SLOT_boot[file] = "ocellus-tryboot/boot.vfat"
RAUC_SLOT_boot[rename] = "boot.vfat"
RAUC_SLOT_boot[hooks] = "post-install"
