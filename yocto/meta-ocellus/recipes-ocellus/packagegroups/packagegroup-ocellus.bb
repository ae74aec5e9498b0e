SUMMARY = "Everything that runs on a camera box"
SUMMARY:${PN} = "The vision service, its runtime and its models"
SUMMARY:${PN}-box = "A whole box: the service, the system below it, slots, provisioning"
DESCRIPTION = "The vision service with its runtime and models, the box's own files, and the system below them; for other images too."
LICENSE = "MIT"

PACKAGE_ARCH = "${MACHINE_ARCH}"
inherit packagegroup features_check
REQUIRED_DISTRO_FEATURES = "systemd"

PACKAGES = "${PN} ${PN}-box"

# The service alone, for an image of another product.
H264 = "${@bb.utils.contains('OCELLUS_H264', '1', 'gstreamer1.0-libav gstreamer1.0-plugins-bad-videoparsersbad', '', d)}"
RDEPENDS:${PN} = "\
    ${H264} \
    litert \
    ocellus \
    ocellus-models \
"

# NPUs: access to the device for the service, and the vendor's delegate where its layer is there.
NPU = ""
NPU:mx8mp-generic-bsp = "ocellus-npu-galcore ${@bb.utils.contains('BBFILE_COLLECTIONS', 'imx-machine-learning', 'tensorflow-lite-vx-delegate', '', d)}"
NPU:rpi = "ocellus-npu-apex ocellus-npu-hailo"

RDEPENDS:${PN}-box = "\
    ${MACHINE_ESSENTIAL_EXTRA_RDEPENDS} \
    ${NPU} \
    base-files \
    base-passwd \
    busybox \
    kernel-image \
    kernel-modules \
    netbase \
    ocellus-box \
    os-release \
    packagegroup-ocellus \
    systemd \
    tzdata-core \
    udev \
"
RDEPENDS:${PN}-box:append:mx8mp-generic-bsp = " kernel-devicetree"
RRECOMMENDS:${PN}-box = "\
    ca-certificates \
    ocellus-box-login \
    ${MACHINE_ESSENTIAL_EXTRA_RRECOMMENDS} \
    ${MACHINE_EXTRA_RRECOMMENDS} \
"
