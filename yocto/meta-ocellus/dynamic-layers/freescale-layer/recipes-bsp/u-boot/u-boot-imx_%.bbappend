# Two environments, so that a power cut while one is written leaves the other (only with DISTRO = "ocellus-os").
FILESEXTRAPATHS:prepend:ocellus-os := "${THISDIR}/files:"
SRC_URI:append:ocellus-os = " file://ocellus-env.cfg"
