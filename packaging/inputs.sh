# To be sourced by what makes packages: . packaging/inputs.sh WHO OUT
# Checks and completes what packages are made from (the variables that packaging/deb.sh names), and sets
#   version, native, arch, machine (Rust's name), tools (prefix of the binutils), level (of compression), out, stage (a
#   folder that is removed at the end); exports OCELLUS, OCELLUS_RUNTIME_LIB, OCELLUS_RUN and SOURCE_DATE_EPOCH.
who=$1
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n1)}
native=$(dpkg --print-architecture)
arch=${ARCH:-$native}
# The quick compression for a package that only a test installs.
case ${PROFILE:-release} in dev) built=debug level=0 ;; *) built=${PROFILE:-release} level=6 ;; esac
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(packaging/epoch.sh)}
case $arch in
amd64) machine=x86_64 ;;
arm64) machine=aarch64 ;;
*)
    echo "$who: $arch is not known; ARCH is amd64 or arm64" >&2
    exit 2
    ;;
esac
tools=
if [ "$arch" = "$native" ]; then
    OCELLUS=${OCELLUS:-target/$built/ocellus} OCELLUS_RUNTIME_LIB=${OCELLUS_RUNTIME_LIB:-.runtime/libLiteRt.so}
    maker=build
else
    tools=$machine-linux-gnu-
    OCELLUS=${OCELLUS:-target/$machine-unknown-linux-gnu/$built/ocellus}
    # The Makefile exports the library of this machine.
    case ${OCELLUS_RUNTIME_LIB:-} in "" | "$PWD/.runtime/libLiteRt.so") OCELLUS_RUNTIME_LIB=.runtime/$machine/libLiteRt.so ;; esac
    # Manual pages and completions are written by the program itself.
    OCELLUS_RUN=${OCELLUS_RUN:-qemu-$machine-static -L target/cross/sysroot-$arch $OCELLUS}
    export OCELLUS_RUN
    maker=cross
fi
export OCELLUS OCELLUS_RUNTIME_LIB SOURCE_DATE_EPOCH
for needed in "$OCELLUS" "$OCELLUS_RUNTIME_LIB"; do
    [ -f "$needed" ] || {
        echo "$who: there is no $needed; \`make $maker\` makes it" >&2
        exit 1
    }
    # Byte 18 of an ELF file is its machine: 62 (x86-64) or 183 (AArch64).
    case $arch:$(od -An -tu2 -j18 -N2 "$needed" | tr -d ' ') in
    amd64:62 | arm64:183) ;;
    *)
        echo "$who: $needed is not a program or library for $arch" >&2
        exit 1
        ;;
    esac
done
# A dangling link in a sysroot makes the linker take libm.a, which belongs to one version of the C library only.
if readelf -VW "$OCELLUS" | grep 'Name: GLIBC_PRIVATE' >/dev/null; then
    echo "$who: WARNING: $OCELLUS uses what the C library keeps private (GLIBC_PRIVATE), and runs with the version of its sysroot" \
        "only; is each link below the sysroot's usr/lib a relative one (libm.so)?" >&2
fi

umask 022
out=${OUT:-$2}
mkdir -p "$out"
out=$(cd "$out" && pwd)
stage=$(mktemp -d "$out/stage.XXXXXX")
trap 'rm -rf "$stage"' EXIT

# split_symbols PROGRAM FOLDER: its debug symbols go below FOLDER, where gdb and coredumpctl look for them by the build id.
split_symbols() {
    local id
    id=$(readelf -n "$1" | sed -n 's/.*Build ID: //p')
    [ -n "$id" ] || { echo "$who: the program has no build id; was it linked with --build-id?" >&2; exit 1; }
    mkdir -p "$2/.build-id/${id:0:2}"
    "${tools}objcopy" --only-keep-debug --compress-debug-sections=zlib "$1" "$2/.build-id/${id:0:2}/${id:2}.debug"
    "${tools}strip" --strip-unneeded "$1"
}
