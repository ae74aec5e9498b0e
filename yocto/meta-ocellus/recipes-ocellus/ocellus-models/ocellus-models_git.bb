SUMMARY = "Models that ship with Ocellus"
DESCRIPTION = "The model of the built-in scene with its card, and the catalogue of public models that `ocellus models list` shows."
SECTION = "multimedia"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "\
    file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://LICENSE-MIT;md5=7412e8647632130c473e2397809c3ae7 \
"

PV = "${OCELLUS_VERSION}+git"
SRC_URI = "git://${OCELLUS_TREE};protocol=file;usehead=1;nobranch=1;destsuffix=${BP}"
SRCREV = "${AUTOREV}"

inherit allarch

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${datadir}/ocellus/models
    install -m 644 ${S}/models/*.tflite ${S}/models/*.toml ${D}${datadir}/ocellus/models/
}

FILES:${PN} += "${datadir}/ocellus/models"
