#!/usr/bin/env bash
# Holds the layer against oe-core itself, offline: yocto/verify.sh TREES MACHINE [STEP...]. By hand; each machine takes 3 to 6
# minutes of one core for its first step, since bitbake reads about a thousand recipes.
#   TREES    a folder with checkouts: bitbake, openembedded-core, meta-rauc; genericx86-64: meta-yocto; raspberrypi5:
#            meta-raspberrypi; imx8mp-lpddr4-evk: meta-freescale; for SERIES=scarthgap: meta-rust-bin
#   MACHINE  qemuarm64, genericx86-64, raspberrypi5, imx8mp-lpddr4-evk
#   STEP     parse (every recipe), graph (all dependencies of ocellus-image and ocellus-bundle), fetch (sources of ocellus and
#            litert from a local mirror, which needs the wheels in TREES/wheels and crates in the cargo home), check
#            (yocto-check-layer); by default parse, graph and fetch
# Runs as a plain user (bitbake refuses root), writes into BUILD (default ./yocto-verify), and needs the locale en_US.UTF-8.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
trees=$(cd "${1:?"is missing: yocto/verify.sh TREES MACHINE [STEP...]"}" && pwd)
machine=${2:?"is missing: yocto/verify.sh TREES MACHINE [STEP...]"}
shift 2
steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(parse graph fetch)
build=$(mkdir -p "${BUILD:-yocto-verify}" && cd "${BUILD:-yocto-verify}" && pwd)/${SERIES:-wrynose}-$machine
keys=${OCELLUS_KEYS:-$build/keys}

[ "$(id -u)" != 0 ] || { echo "verify: bitbake does not run as root; use a plain user" >&2; exit 1; }
for program in chrpath diffstat gawk makeinfo cpio lz4 zstd; do
    command -v $program >/dev/null || { echo "verify: $program is missing: apt-get install chrpath diffstat gawk texinfo cpio lz4 zstd" >&2; exit 1; }
done
locale -a | grep -qi 'en_US.utf-\?8' || { echo "verify: the locale en_US.UTF-8 is missing: localedef -i en_US -f UTF-8 en_US.UTF-8" >&2; exit 1; }
"$here/keys.sh" "$keys"

layers=(openembedded-core/meta meta-rauc)
case $machine in
genericx86-64) layers+=(meta-yocto/meta-yocto-bsp) ;;
raspberrypi5) layers+=(meta-raspberrypi) ;;
imx8mp*) layers+=(meta-freescale) ;;
esac
more=
if [ "${SERIES:-wrynose}" = scarthgap ]; then
    layers+=(meta-rust-bin)
    more=$(sed -n '/^  scarthgap: |/,$p' "$here/kas/scarthgap.yml" | sed -n 's/^    //p')
fi
mkdir -p "$build/conf" "$build/downloads"
# Written only where it changes: bitbake reads every recipe anew when a configuration file is younger than its cache.
keep() { cat >"$1.new" && if cmp -s "$1.new" "$1"; then rm "$1.new"; else mv "$1.new" "$1"; fi; }
{
    echo 'BBPATH = "${TOPDIR}"'
    echo 'BBFILES ?= ""'
    echo "BBLAYERS = \"$(printf "$trees/%s " "${layers[@]}")$here/meta-ocellus\""
} | keep "$build/conf/bblayers.conf"
keep "$build/conf/local.conf" <<END
MACHINE = "$machine"
DISTRO ?= "ocellus-os"
CONF_VERSION = "2"
OCELLUS_KEYS = "$keys"
ACCEPT_FSL_EULA = "1"
DL_DIR = "\${TOPDIR}/downloads"
BB_NO_NETWORK = "1"
BB_DISKMON_DIRS = ""
BB_NUMBER_PARSE_THREADS = "${THREADS:-1}"
BB_NUMBER_THREADS = "${THREADS:-1}"
SANITY_TESTED_DISTROS = ""
$more
END
export LC_ALL=en_US.UTF-8 LANG=en_US.UTF-8 BUILDDIR=$build BBPATH=$build PYTHONPATH=$trees/bitbake/lib
export PATH=$trees/openembedded-core/scripts:$trees/bitbake/bin:$PATH
cd "$build"

for step in "${steps[@]}"; do
    echo "verify: $step, $machine, ${SERIES:-wrynose}"
    case $step in
    parse) bitbake -p ;;
    graph)
        bitbake -g ocellus-image ocellus-bundle
        echo "verify: $(wc -l <pn-buildlist) recipes build ocellus-image and ocellus-bundle"
        ;;
    fetch)
        # The cache of cargo (cargo fetch --locked) holds the very files that crate:// names; a .done file says that bitbake has them.
        while read -r crate; do
            cp -u "${CARGO_HOME:-$HOME/.cargo}"/registry/cache/*/"$crate" downloads/
            touch "downloads/$crate.done"
        done < <(sed -n 's|.*crate://crates.io/\(.*\)/\([^ ]*\) .*|\1-\2.crate|p' "$here/meta-ocellus/recipes-ocellus/ocellus/ocellus-crates.inc")
        for wheel in "$trees"/wheels/*.whl; do
            name=$(basename "$wheel" .whl).zip
            cp -u "$wheel" "downloads/$name"
            touch "downloads/$name.done"
        done
        bitbake -c fetch ocellus litert
        echo "verify: $(ls downloads | grep -c '\.crate$') crates and $(ls downloads | grep -c '\.zip$') wheels in the mirror"
        ;;
    check)
        # Without our distribution: the layer must change nothing for somebody who only adds it.
        sed -i '/^DISTRO /d' conf/local.conf
        yocto-check-layer "$here/meta-ocellus" --dependency "$trees/meta-rauc" --no-auto-dependency -o "$build/check.log"
        ;;
    *) echo "verify: unknown step $step" >&2; exit 2 ;;
    esac
done
