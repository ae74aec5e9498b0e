SUMMARY = "What makes a computer a box: slots, /data, provisioning, confirmation of updates"
SUMMARY:${PN}-login = "Nobody logs in: consoles without a prompt"
DESCRIPTION = "Installs packaging/box of the program's repository, which the Debian image uses as well, and RAUC's configuration for this machine."
SECTION = "base"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "\
    file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://LICENSE-MIT;md5=7412e8647632130c473e2397809c3ae7 \
"

PV = "${OCELLUS_VERSION}+git"
SRC_URI = "\
    git://${OCELLUS_TREE};protocol=file;usehead=1;nobranch=1;destsuffix=${BP} \
    file://uboot-env.sh \
"
SRCREV = "${AUTOREV}"
S = "${UNPACKDIR}/${BP}"

PACKAGE_ARCH = "${MACHINE_ARCH}"
inherit features_check
REQUIRED_DISTRO_FEATURES = "systemd"

PACKAGES =+ "${PN}-login"

# Read at build time, and part of the package: a box accepts bundles of this authority only.
do_install[file-checksums] += "${@'${RAUC_KEYRING_FILE}:False' if d.getVar('RAUC_KEYRING_FILE') else ''}"
do_configure[noexec] = "1"
do_compile[noexec] = "1"

OCELLUS_BOOTLOADER ??= "grub"
OCELLUS_COMPATIBLE ??= "ocellus-${MACHINE}"
RAUC_KEYRING_FILE ??= ""

do_install() {
    [ -f "${RAUC_KEYRING_FILE}" ] || bbfatal "there is no certificate of the authority that signs bundles, ${RAUC_KEYRING_FILE}: make it with yocto/keys.sh FOLDER, and name the folder in OCELLUS_KEYS"
    COMPATIBLE=${OCELLUS_COMPATIBLE} KEYRING=${RAUC_KEYRING_FILE} BOOTLOADER=${OCELLUS_BOOTLOADER} \
        ${S}/packaging/box/install.sh ${D}
    # The image and the package ocellus have these.
    rm ${D}${sysconfdir}/machine-id ${D}${sysconfdir}/hostname
    rm -r ${D}${localstatedir} ${D}${sysconfdir}/ocellus
    chown -R root:root ${D}
}
do_install:append:rpi() {
    for slot in 0:a 1:b; do
        printf '\n[slot.boot.%s]\ndevice=/dev/disk/by-partlabel/boot-%s\ntype=vfat\nparent=rootfs.%s\n' ${slot%:*} ${slot#*:} ${slot%:*} \
            >>${D}${sysconfdir}/rauc/system.conf
    done
}
do_install:append:mx8mp-generic-bsp() {
    # A fresh update gets one try, as with the other boot loaders.
    sed -i 's/^bootloader=uboot$/&\nboot-attempts=3\nboot-attempts-primary=1/' ${D}${sysconfdir}/rauc/system.conf
    install -D -m 644 ${UNPACKDIR}/uboot-env.sh ${D}${nonarch_libdir}/ocellus/box/preinit.d/uboot-env.sh
    ln -s /run/ocellus/fw_env.config ${D}${sysconfdir}/fw_env.config
}

FILES:${PN}-login += "${sysconfdir}/systemd/system"
FILES:${PN} += "\
    /data \
    ${nonarch_libdir} \
"
ALLOW_EMPTY:${PN}-login = "1"

RDEPENDS:${PN} += "\
    coreutils \
    e2fsprogs-e2fsck \
    e2fsprogs-resize2fs \
    ocellus \
    rauc \
    util-linux-blkid \
    util-linux-flock \
    util-linux-mount \
    util-linux-partx \
    util-linux-sfdisk \
    util-linux-umount \
"
RDEPENDS:${PN}:append:rpi = " ocellus-tryboot"
RDEPENDS:${PN}:append:mx8mp-generic-bsp = " libubootenv-bin"
RPROVIDES:${PN} += "virtual-rauc-conf"
RCONFLICTS:${PN} = "rauc-conf rauc-mark-good"
