SUMMARY = "A camera box: read-only root, two slots, provisioning, nobody logs in"
DESCRIPTION = "The image to flash: systemd, Ocellus, RAUC with signed bundles, a watchdog, a bounded journal on /data, first-boot provisioning from a stick."
LICENSE = "MIT"

IMAGE_INSTALL = "packagegroup-ocellus-box ocellus-box-login"
IMAGE_LINGUAS = ""
# Packages are part of the slot; a box is updated whole.
IMAGE_FEATURES = "read-only-rootfs"

inherit core-image ocellus_box_image

# The password of root is locked, whatever another layer or a local.conf asks for.
ROOTFS_POSTPROCESS_COMMAND += "ocellus_lock_root"
ocellus_lock_root() {
    sed -i 's/^root:[^:]*:/root:!*:/' ${IMAGE_ROOTFS}${sysconfdir}/shadow
}
