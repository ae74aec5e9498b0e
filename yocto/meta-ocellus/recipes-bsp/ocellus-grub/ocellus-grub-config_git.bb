SUMMARY = "GRUB's configuration for a box with two slots"
DESCRIPTION = "grub.cfg starts the kernel of the slot that packaging/box/boot.cfg chooses; grubenv holds the order of slots and their tries."
SECTION = "bootloaders"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "\
    file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://LICENSE-MIT;md5=7412e8647632130c473e2397809c3ae7 \
"

PV = "${OCELLUS_VERSION}+git"
SRC_URI = "\
    git://${OCELLUS_TREE};protocol=file;usehead=1;nobranch=1;destsuffix=${BP} \
    file://grub.cfg.in \
"
SRCREV = "${AUTOREV}"
S = "${UNPACKDIR}/${BP}"

PACKAGE_ARCH = "${MACHINE_ARCH}"
COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"
OCELLUS_CONSOLE ??= "console=tty0"

inherit nopackages deploy

do_configure[noexec] = "1"
do_install[noexec] = "1"

do_compile() {
    sed -e 's|@KERNEL@|${KERNEL_IMAGETYPE}|' -e 's|@CONSOLE@|${OCELLUS_CONSOLE}|' ${UNPACKDIR}/grub.cfg.in >${B}/grub.cfg
    # 1,024 bytes, filled up with #: GRUB requires it. Slot B is empty, and so not ready, until the first update.
    printf '# GRUB Environment Block\nORDER=A B\nA_OK=1\nA_TRY=0\nA_NEW=0\nB_OK=0\nB_TRY=0\nB_NEW=0\n' >${B}/grubenv
    head -c "$(expr 1024 - "$(wc -c <${B}/grubenv)")" /dev/zero | tr '\0' '#' >>${B}/grubenv
}

do_deploy() {
    install -d ${DEPLOYDIR}/ocellus-grub
    install -m 644 ${B}/grub.cfg ${B}/grubenv ${S}/packaging/box/boot.cfg ${DEPLOYDIR}/ocellus-grub/
}

addtask deploy after do_compile before do_build
