# What a box needs of its kernel (only with DISTRO = "ocellus-os").
FILESEXTRAPATHS:prepend:ocellus-os := "${THISDIR}/../../../../recipes-kernel/linux/linux-yocto:"
SRC_URI:append:ocellus-os = " file://ocellus.cfg"
