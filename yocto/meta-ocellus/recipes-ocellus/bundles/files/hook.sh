#!/bin/sh
# Runs on the box after RAUC has written a boot partition: its kernel starts the root of its own slot.
set -eu
[ "$1" = slot-post-install ] || exit 0
case $RAUC_SLOT_NAME in
boot.0) slot=a ;;
boot.1) slot=b ;;
*) exit 0 ;;
esac
cp "$RAUC_SLOT_MOUNT_POINT/cmdline-$slot.txt" "$RAUC_SLOT_MOUNT_POINT/cmdline.txt"
sync
