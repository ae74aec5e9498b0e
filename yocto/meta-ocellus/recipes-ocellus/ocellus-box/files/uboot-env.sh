# Sourced by preinit, which has $device, the data partition: says where U-Boot's two environments are, on the disk that the
# box started from (a card is mmcblk1, the eMMC mmcblk2). U-Boot's side: dynamic-layers/freescale-layer/recipes-bsp/u-boot.
case $device in
/dev/mmcblk*p*) printf '%s 0x700000 0x4000\n%s 0x704000 0x4000\n' "${device%p*}" "${device%p*}" >/run/ocellus/fw_env.config ;;
esac
