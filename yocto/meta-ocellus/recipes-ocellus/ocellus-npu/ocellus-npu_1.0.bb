# nooelint: oelint.var.mandatoryvar.SRC_URI - made from variables and other recipes' files alone
SUMMARY = "Access to NPUs for the vision service"
DESCRIPTION = "The unit of ocellus lets the service open cameras and serial ports only. Each package here adds one kind of NPU and gives its device to the group render."
SECTION = "base"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://${COMMON_LICENSE_DIR}/MIT;md5=0835ade698e0bcf8506ecda2f7b4f302"

# NAME:device group in /proc/devices:udev match. galcore: i.MX 8M Plus; ethosu: i.MX 93; apex: Coral; hailo: Hailo-8.
NPUS = "\
    galcore:char-galcore:KERNEL=="galcore" \
    ethosu:char-ethosu:KERNEL=="ethosu[0-9]*" \
    apex:char-apex:SUBSYSTEM=="apex" \
    hailo:char-hailo:SUBSYSTEM=="hailo_chardev" \
"

S = "${UNPACKDIR}"

inherit allarch

do_configure[noexec] = "1"

python do_compile() {
    for npu in d.getVar('NPUS').split():
        name, device, match = npu.split(':', 2)
        with open(d.expand('${B}/npu-%s.conf' % name), 'w') as unit:
            unit.write('# The NPU %s for the vision service.\n[Service]\nDeviceAllow=%s rw\n' % (name, device))
        with open(d.expand('${B}/61-ocellus-npu-%s.rules' % name), 'w') as rules:
            rules.write('%s, GROUP="render", MODE="0660"\n' % match)
}

do_install() {
    install -d ${D}${systemd_system_unitdir}/ocellus.service.d ${D}${nonarch_libdir}/udev/rules.d
    install -m 644 ${B}/npu-*.conf ${D}${systemd_system_unitdir}/ocellus.service.d/
    install -m 644 ${B}/61-ocellus-npu-*.rules ${D}${nonarch_libdir}/udev/rules.d/
}

PACKAGES = "${PN}-galcore ${PN}-ethosu ${PN}-apex ${PN}-hailo"
python () {
    for npu in d.getVar('NPUS').split():
        name = npu.split(':', 1)[0]
        d.setVar('SUMMARY:${PN}-%s' % name, 'Access to the NPU %s for the vision service' % name)
        d.setVar('FILES:${PN}-%s' % name, '${systemd_system_unitdir}/ocellus.service.d/npu-%s.conf ${nonarch_libdir}/udev/rules.d/61-ocellus-npu-%s.rules' % (name, name))
}
