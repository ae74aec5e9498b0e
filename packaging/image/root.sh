#!/usr/bin/env bash
# Turns a bare Debian in DIR into the root of a box: Ocellus, kernel and initramfs, the box's files; without what a box never
# uses. Called by build.sh. No program of the target runs, so that it works for another architecture alike.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${1:?"the folder is missing"}
here=packaging/image

# The list of what is installed; the package system itself stays behind.
install -d "$root/usr/share/ocellus"
awk '/^Package: / { name = $2 } /^Version: / { print name, $2 }' "$root/var/lib/dpkg/status" | sort >"$root/usr/share/ocellus/packages.txt"

# The kernel's modules without what a camera box has no use for: sound, radio, display, data centre, odd file systems.
dpkg-deb --fsys-tarfile "$root/boot/kernel.deb" | tar -C "$root" --keep-directory-symlink -xf - --exclude='./usr/share/*' --exclude='./boot/System.map*'
rm "$root/boot/kernel.deb"
release=$(basename "$root"/lib/modules/*)
modules=$root/lib/modules/$release/kernel
rm -rf "$modules"/sound/{soc,pci,firewire,isa} "$modules"/drivers/{infiniband,gpu,isdn,comedi,mtd,target,staging,bluetooth,firewire,accel,fpga,iio,atm} \
    "$modules"/drivers/scsi/{lpfc,qla2xxx,qla4xxx,be2iscsi,bfa,aacraid,mpi3mr,mpt3sas,megaraid,smartpqi,hpsa*,bnx2i,bnx2fc,cxgbi,csiostor,aic7xxx,aic94xx,mvsas,pm8001,elx,snic,fnic,qedf,qedi,isci,ufs} \
    "$modules"/drivers/net/{wireless,wan,fddi,hamradio,can,ieee802154,wwan,arcnet,plip,wireguard,fjes,thunderbolt} \
    "$modules"/drivers/net/ethernet/{mellanox,qlogic,chelsio,cavium,cisco,emulex,netronome,pensando,sfc,huawei,neterion,brocade,fungible,microsoft,amazon,google} \
    "$modules"/drivers/net/ethernet/intel/{ice,i40e,iavf,fm10k,ixgbevf} "$modules"/drivers/net/ethernet/broadcom/{bnxt,bnx2x} \
    "$modules"/drivers/media/{dvb-frontends,dvb-core,tuners,radio,firewire,mmc,spi} "$modules"/drivers/media/rc/{keymaps,img-ir} "$modules"/drivers/media/usb/{dvb-usb,dvb-usb-v2,cx231xx,em28xx,siano,pvrusb2,b2c2,ttusb-dec,ttusb-budget,as102} \
    "$modules"/drivers/media/pci "$modules"/drivers/media/common/{b2c2,siano,saa7146} "$modules"/drivers/crypto \
    "$modules"/fs/{btrfs,xfs,ocfs2,f2fs,gfs2,ceph,afs,nfs,nfsd,smb,jfs,reiserfs,nilfs2,ubifs,jffs2,coda,orangefs,9p,dlm,udf,hfs,hfsplus,ufs,ntfs,ntfs3,lockd,nfs_common,zonefs,quota} \
    "$modules"/net/{bluetooth,mac80211,wireless,sunrpc,ceph,sctp,tipc,rds,bridge,batman-adv,openvswitch,dccp,9p,atm,ax25,netrom,rose,can,ieee802154,mac802154,6lowpan,nfc,smc,l2tp,mpls,sched,rxrpc,vmw_vsock,hsr,appletalk,lapb,x25,phonet,caif,decnet,key,xfrm} \
    "$modules"/net/netfilter/ipvs "$modules"/lib/test_* "$modules"/arch/x86/kvm "$modules"/drivers/hwmon
depmod -b "$root" "$release" 2>/dev/null
mv "$root/boot/vmlinuz-$release" "$root/boot/vmlinuz"
"$here/initramfs.sh" "$root" "$release" "$root/boot/initrd.img"
rm -f "$root/boot/config-$release"

# Ocellus: unpacked, with its user by hand and its unit enabled. The numbers are the same in every version, since files on /data
# outlive it.
dpkg-deb --fsys-tarfile "$DEB" | tar -C "$root" --keep-directory-symlink -xf - --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*'
id=980
if ! grep -q '^ocellus:' "$root/etc/passwd"; then
    echo "ocellus:x:$id:$id:Ocellus vision service:/var/lib/ocellus:/usr/sbin/nologin" >>"$root/etc/passwd"
    echo 'ocellus:!*:19000::::::' >>"$root/etc/shadow"
    echo "ocellus:x:$id:" >>"$root/etc/group"
    echo 'ocellus:!*::' >>"$root/etc/gshadow"
    sed -i -E '/^(video|render|dialout):/ { s/([^:])$/\1,ocellus/; s/:$/:ocellus/ }' "$root/etc/group" "$root/etc/gshadow"
fi
chown -R 0:$id "$root/etc/ocellus"
chmod 0750 "$root/etc/ocellus"
wants=$root/etc/systemd/system/multi-user.target.wants
install -d "$wants"
ln -sfn /usr/lib/systemd/system/ocellus.service "$wants/ocellus.service"

COMPATIBLE=$COMPATIBLE KEYRING=$KEYRING BOOTLOADER=grub DEBUG=${DEBUG:-} packaging/box/install.sh "$root"
printf 'IMAGE_ID=ocellus\nIMAGE_VERSION=%s\n' "$VERSION" >>"$root/usr/lib/os-release"
# The broker of a box that was told of no other: on loopback.
printf 'listener 1883 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\n' >"$root/etc/mosquitto/conf.d/local.conf"

# Network and clock by systemd; name servers as DHCP says.
for unit in systemd-networkd systemd-resolved systemd-timesyncd; do ln -sfn "/usr/lib/systemd/system/$unit.service" "$wants/$unit.service"; done
ln -sfn ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
printf '# / is chosen by the boot loader, /data and its parts are mounted by packaging/box/preinit.\ntmpfs /tmp tmpfs nosuid,nodev,size=25%% 0 0\n' >"$root/etc/fstab"
sed -i 's|^root:[^:]*:|root:!*:|' "$root/etc/shadow"
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
    systemd-networkd-wait-online.service systemd-pcrphase.service systemd-pcrphase-sysinit.service getty-static.service \
    systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-user-sessions.service; do
    ln -sfn /dev/null "$root/etc/systemd/system/$unit"
done

if [ -n "${DEBUG:-}" ]; then
    echo 'vivid' >"$root/etc/modules-load.d/vivid.conf"
    echo 'options vivid n_devs=1 node_types=0x1' >"$root/etc/modprobe.d/vivid.conf"
    ln -sfn /usr/lib/systemd/system/debug-shell.service "$wants/debug-shell.service"
    install -d "$root/etc/systemd/system/debug-shell.service.d"
    printf '[Unit]\nConditionPathExists=\n[Service]\nTTYPath=/dev/ttyS1\n' >"$root/etc/systemd/system/debug-shell.service.d/serial.conf"
fi

# What no box uses: package system, perl, documents, hardware names in text.
rm -rf "$root"/usr/share/{doc,man,info,locale,perl,perl5,lintian,gdb,iso-codes,fonts,X11,xml,bash-completion,zsh,fish,pixmaps,menu,mime/packages,GConf,gtk-doc,dict,calendar,common-licenses/GFDL*} \
    "$root"/usr/lib/*/perl "$root"/usr/lib/*/perl5 "$root"/usr/lib/*/gconv "$root"/usr/lib/udev/hwdb.d "$root"/usr/lib/apt "$root"/usr/bin/perl* "$root"/usr/lib/*/dri \
    "$root"/usr/lib/*/libicudata.so.*.bak "$root"/var/lib/apt "$root"/var/cache/* "$root"/var/lib/dpkg "$root"/var/log/* "$root"/var/backups/* \
    "$root"/etc/apt "$root"/usr/share/gcc "$root"/usr/lib/gcc
mkdir -p "$root/var/log/journal" "$root/var/lib/ocellus" "$root/var/cache" "$root/data"
