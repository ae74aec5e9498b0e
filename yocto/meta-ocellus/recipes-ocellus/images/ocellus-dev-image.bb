SUMMARY = "The camera box for developers: a root login on the console and over SSH, tools"
DESCRIPTION = "Like ocellus-image, with an SSH server, an empty root password, gdb, strace and GStreamer's tools. Never for a line."
LICENSE = "MIT"

IMAGE_INSTALL = "packagegroup-ocellus-box"
IMAGE_LINGUAS = ""
# nooelint: oelint.var.badimagefeature.allow-empty-password,oelint.var.badimagefeature.allow-root-login,oelint.var.badimagefeature.empty-root-password - what it is for
IMAGE_FEATURES = "read-only-rootfs allow-empty-password allow-root-login empty-root-password ssh-server-dropbear"

inherit core-image ocellus_box_image

# The package that takes every prompt away stays out.
BAD_RECOMMENDATIONS += "ocellus-box-login"
IMAGE_INSTALL:append = "\
    gdb \
    gstreamer1.0 \
    gstreamer1.0-plugins-base-videotestsrc \
    htop \
    strace \
    v4l-utils \
"
