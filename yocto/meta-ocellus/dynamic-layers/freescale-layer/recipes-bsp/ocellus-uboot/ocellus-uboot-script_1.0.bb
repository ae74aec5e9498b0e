SUMMARY = "U-Boot's script for a box with two slots"
DESCRIPTION = "Starts the kernel of the slot that RAUC's variables BOOT_ORDER and BOOT_A_LEFT, BOOT_B_LEFT choose, and counts its try."
SECTION = "bootloaders"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

DEPENDS += "u-boot-mkimage-native"

SRC_URI = "file://boot.cmd.in"
S = "${UNPACKDIR}"

PACKAGE_ARCH = "${MACHINE_ARCH}"
COMPATIBLE_MACHINE = "(mx8mp-generic-bsp)"
OCELLUS_CONSOLE ??= "console=ttymxc1,115200"

inherit nopackages deploy

do_configure[noexec] = "1"
do_install[noexec] = "1"

do_compile() {
    sed -e 's|@KERNEL@|${KERNEL_IMAGETYPE}|' -e 's|@CONSOLE@|${OCELLUS_CONSOLE}|' \
        -e 's|@FDT@|${@os.path.basename((d.getVar('KERNEL_DEVICETREE') or '').split()[0])}|' ${UNPACKDIR}/boot.cmd.in >${B}/boot.cmd
    mkimage -A arm64 -T script -C none -n "Ocellus" -d ${B}/boot.cmd ${B}/boot.scr
}

do_deploy() {
    install -D -m 644 ${B}/boot.scr ${DEPLOYDIR}/ocellus-uboot/boot.scr
}

addtask deploy after do_compile before do_build
