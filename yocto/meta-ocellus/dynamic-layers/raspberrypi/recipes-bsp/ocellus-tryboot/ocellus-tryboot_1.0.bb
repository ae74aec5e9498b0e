SUMMARY = "RAUC's boot loader backend for the Raspberry Pi's tryboot"
DESCRIPTION = "Makes the firmware try a new slot once, and keep it when the box has confirmed it."
SECTION = "bootloaders"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

SRC_URI = "\
    file://boot-tryboot \
    file://ocellus-tryboot.service \
"
S = "${UNPACKDIR}"

inherit allarch systemd

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -D -m 755 ${UNPACKDIR}/boot-tryboot ${D}${nonarch_libdir}/ocellus/box/boot-tryboot
    install -D -m 644 ${UNPACKDIR}/ocellus-tryboot.service ${D}${systemd_system_unitdir}/ocellus-tryboot.service
}

SYSTEMD_SERVICE:${PN} = "ocellus-tryboot.service"
FILES:${PN} += "${nonarch_libdir}/ocellus/box ${systemd_system_unitdir}"
RDEPENDS:${PN} += "coreutils util-linux-flock util-linux-mount util-linux-umount"
