# nooelint: oelint.var.mandatoryvar.SRC_URI - made from variables and other recipes' files alone
SUMMARY = "Boot files of a slot for the Raspberry Pi, and autoboot.txt"
DESCRIPTION = "A FAT file system with firmware, kernel and device trees, the same for both slots; a bundle's hook chooses its command line."
SECTION = "bootloaders"
LICENSE = "MIT"

PACKAGE_ARCH = "${MACHINE_ARCH}"
COMPATIBLE_MACHINE = "(raspberrypi5)"
OCELLUS_CONSOLE ??= "console=ttyAMA10,115200"
# MiB; the partition of the slot is a little larger than what is needed.
BOOT_MIB = "128"

inherit nopackages deploy

do_fetch[noexec] = "1"
do_unpack[noexec] = "1"
do_patch[noexec] = "1"
do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install[noexec] = "1"

do_deploy[depends] += "\
    dosfstools-native:do_populate_sysroot \
    mtools-native:do_populate_sysroot \
    rpi-bootfiles:do_deploy \
    virtual/kernel:do_deploy \
"
do_deploy[cleandirs] = "${WORKDIR}/boot"
do_deploy[vardeps] += "IMAGE_BOOT_FILES"

do_deploy() {
    out=${DEPLOYDIR}/ocellus-tryboot
    boot=${WORKDIR}/boot
    install -d $out
    # FILES or FILES;TARGET, as the machine lists them for wic.
    entries="${IMAGE_BOOT_FILES}"
    set -f
    for entry in $entries; do
        from=${entry%%;*}
        to=""
        case $entry in *\;*) to=${entry#*;} ;; esac
        set +f
        for file in ${DEPLOY_DIR_IMAGE}/$from; do
            if [ -n "$to" ]; then install -D -m 644 $file $boot/$to; else cp -rL $file $boot/; fi
        done
        set -f
    done
    set +f

    for slot in a b; do
        echo "root=PARTLABEL=root-$slot ro rootwait rauc.slot=$(echo $slot | tr ab AB) init=${nonarch_libdir}/ocellus/box/preinit panic=10 net.ifnames=0 ${OCELLUS_CONSOLE}" >$boot/cmdline-$slot.txt
    done
    # The image is written with slot A; a bundle's hook chooses for the slot that it is installed into.
    cp $boot/cmdline-a.txt $boot/cmdline.txt

    rm -f $out/boot.vfat
    mkdosfs -n OCELBOOT -i 0ce11050 -C $out/boot.vfat "$(expr ${BOOT_MIB} \* 1024)"
    mcopy -i $out/boot.vfat -s $boot/* ::/

    # The fixed size that boot-tryboot writes in place.
    printf '[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n# A=good B=bad\n' >$out/autoboot.txt
    head -c "$(expr 255 - "$(wc -c <$out/autoboot.txt)")" /dev/zero | tr '\0' '#' >>$out/autoboot.txt
    echo >>$out/autoboot.txt
}

addtask deploy after do_install before do_build
