SUMMARY = "Vision sensor software for a Linux computer with cameras"
DESCRIPTION = "Ocellus detects, recognises and inspects with TensorFlow Lite / LiteRT models on pictures of cameras, and reports over MQTT."
SECTION = "multimedia"
LICENSE = "Apache-2.0 | MIT"
LIC_FILES_CHKSUM = "\
    file://LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://LICENSE-MIT;md5=7412e8647632130c473e2397809c3ae7 \
"

DEPENDS += "\
    cmake-native \
    glib-2.0 \
    gstreamer1.0 \
    gstreamer1.0-plugins-base \
    litert \
    python3-native \
    qemu-native \
    systemd \
"
# libjpeg-turbo's SIMD for x86 is written for it.
DEPENDS:append:x86-64 = " nasm-native"

PV = "${OCELLUS_VERSION}+git"

# Made from Cargo.lock by yocto/crates.py; CI compares.
require ocellus-crates.inc

SRC_URI += "git://${OCELLUS_TREE};protocol=file;usehead=1;nobranch=1;name=ocellus;destsuffix=${BP}"
SRCREV_ocellus = "${AUTOREV}"

# "cargo" is oe-core's; "cargo_bin" comes with meta-rust-bin, where oe-core's Rust is too old (scarthgap).
OCELLUS_CARGO_CLASS ??= "cargo"
inherit pkgconfig systemd useradd bash-completion qemu features_check
inherit_defer ${OCELLUS_CARGO_CLASS}

# The built-in scene stays in: a box without a camera shows it. The feature `tflitec` stays out: it needs a BSP's own library,
# and clang for its bindings.
PACKAGECONFIG ??= "demo"
PACKAGECONFIG[demo] = "--features demo"
CARGO_BUILD_FLAGS:append = " --bin ocellus --no-default-features --features litert"

# cargo_bin has neither the vendored crates' configuration nor oe-core's names of folders.
EXTRA_CARGO_FLAGS = "--frozen --bin ocellus ${PACKAGECONFIG_CONFARGS} --no-default-features --features litert"
OCELLUS_BINARY = "${B}/target/${CARGO_TARGET_SUBDIR}/ocellus"
OCELLUS_BINARY:ocellus-cargo-bin = "${CARGO_BINDIR}/ocellus"
do_configure:append:ocellus-cargo-bin() {
    printf '[source.bitbake]\ndirectory = "%s"\n[source.crates-io]\nreplace-with = "bitbake"\n' ${CARGO_HOME}/bitbake >${CARGO_HOME}/config.toml
}

# Manual pages and completions are written by the program itself. QEMU's user mode runs it here, so that they are those of
# the program that is installed, and one script installs the same files for every packaging.
OCELLUS_RUN = "env ${@qemu_wrapper_cmdline(d, d.getVar('STAGING_DIR_HOST'), [d.expand('${STAGING_DIR_HOST}${libdir}'), d.expand('${STAGING_DIR_HOST}${base_libdir}')])} ${OCELLUS_BINARY}"

do_install() {
    DESTDIR=${D} PREFIX=${prefix} OCELLUS=${OCELLUS_BINARY} OCELLUS_RUN="${OCELLUS_RUN}" \
        OCELLUS_RUNTIME_LIB=${STAGING_DIR_HOST}${nonarch_libdir}/ocellus/libLiteRt.so \
        ${S}/packaging/install.sh
    # These have packages of their own: litert, ocellus-models.
    rm -r ${D}${nonarch_libdir}/ocellus ${D}${datadir}/ocellus/models
    install -d -m 750 ${D}${sysconfdir}/ocellus
    chown -R root:ocellus ${D}${sysconfdir}/ocellus
}

REQUIRED_DISTRO_FEATURES = "systemd"
SYSTEMD_SERVICE:${PN} = "ocellus.service"
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system render"
USERADD_PARAM:${PN} = "--system --user-group --no-create-home --home-dir ${localstatedir}/lib/ocellus --shell /sbin/nologin --groups video,render,dialout ocellus"

PACKAGE_BEFORE_PN += "${PN}-zsh-completion ${PN}-fish-completion"
FILES:${PN}-zsh-completion += "${datadir}/zsh"
FILES:${PN}-fish-completion += "${datadir}/fish"
FILES:${PN} += "\
    ${nonarch_libdir}/sysusers.d \
    ${nonarch_libdir}/tmpfiles.d \
    ${nonarch_libdir}/udev/rules.d \
    ${systemd_system_unitdir} \
"

# A package for each GStreamer element that src/camera opens by name.
RDEPENDS:${PN} += "\
    gstreamer1.0-plugins-base-app \
    gstreamer1.0-plugins-base-playback \
    gstreamer1.0-plugins-base-rawparse \
    gstreamer1.0-plugins-base-typefindfunctions \
    gstreamer1.0-plugins-base-videoconvertscale \
    gstreamer1.0-plugins-good-isomp4 \
    gstreamer1.0-plugins-good-jpeg \
    gstreamer1.0-plugins-good-matroska \
    gstreamer1.0-plugins-good-multipart \
    gstreamer1.0-plugins-good-rtp \
    gstreamer1.0-plugins-good-rtpmanager \
    gstreamer1.0-plugins-good-rtsp \
    gstreamer1.0-plugins-good-soup \
    gstreamer1.0-plugins-good-udp \
    gstreamer1.0-plugins-good-video4linux2 \
    litert \
"
RRECOMMENDS:${PN} += "ocellus-models"
