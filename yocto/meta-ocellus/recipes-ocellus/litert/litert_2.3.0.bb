SUMMARY = "LiteRT, the runtime for TensorFlow Lite models"
DESCRIPTION = "The runtime library that Ocellus opens when it starts, taken unchanged from the wheel of the Python package ai-edge-litert."
# nooelint: oelint.vars.homepageping - the linter asks the network
HOMEPAGE = "https://ai.google.dev/edge/litert"
SECTION = "libs"
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://${WHEEL_INFO}/licenses/LICENSE;md5=86d3f3a95c324c9479bd8986968f4327"

# One wheel for each architecture. A wheel is a zip file: bitbake unpacks it under that name only.
WHEEL_ARCH = "none"
WHEEL_ARCH:aarch64 = "aarch64"
WHEEL_ARCH:x86-64 = "x86_64"
WHEEL = "ai_edge_litert-${PV}-cp311-cp311-manylinux_2_27_${WHEEL_ARCH}"
WHEEL_INFO = "ai_edge_litert-${PV}.dist-info"

# The index that oe-core's class takes source archives from has wheels under the Python version that they are for.
inherit pypi
PYPI_PACKAGE = "ai-edge-litert"
PYPI_SRC_URI = "${@pypi_src_uri(d).split('/packages/')[0]}/packages/cp311/a/${PYPI_PACKAGE}/${WHEEL}.whl;downloadfilename=${WHEEL}.zip;subdir=${BP};name=${WHEEL_ARCH}"
SRC_URI[aarch64.sha256sum] = "853fc608f96da87bd5f3458465dfb9abbf18d5ae6b94eceacead407146f175ae"
SRC_URI[x86_64.sha256sum] = "1f15078a6725d2357d9de9221664c29afa0545d807559c5f7199ce5e40b96b23"

S = "${UNPACKDIR}/${BP}"

# Other architectures have no wheel: set [runtime] to a library that was built for them.
COMPATIBLE_HOST = "(aarch64|x86_64).*-linux"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${nonarch_libdir}/ocellus
    install -m 644 ${S}/ai_edge_litert/libLiteRt.so ${D}${nonarch_libdir}/ocellus/
}

# Opened by its name at run time: no version in it, no development package, and it is stripped already.
FILES:${PN} += "${nonarch_libdir}/ocellus"
SYSROOT_DIRS += "${nonarch_libdir}/ocellus"
INHIBIT_PACKAGE_STRIP = "1"
INHIBIT_SYSROOT_STRIP = "1"
# It was linked without --hash-style=gnu flags of this build, and without its own soname.
# nooelint: oelint.vars.insaneskip
INSANE_SKIP:${PN} += "already-stripped ldflags"
# nooelint: oelint.vars.mispell.unknown
PRIVATE_LIBS:${PN} = "libLiteRt.so"
RDEPENDS:${PN} += "libstdc++"
