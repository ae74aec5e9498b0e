#!/usr/bin/env bash
# Runs a program that was built for another architecture, under qemu-user with the libraries of its sysroot.
# usage: cross/emulate.sh TARGET PROGRAM ARGUMENT...
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${1:?which target?}
shift
# shellcheck source=cross/env.sh
. "$here/env.sh" "$target"
qemu="qemu-aarch64-static"

# Plugins of GStreamer are looked for once, and not in a process of its own, which qemu would have to start.
export QEMU_LD_PREFIX=$sysroot GST_REGISTRY_FORK=no GST_REGISTRY=$top/target/cross/gst-registry-$arch
export OCELLUS_RUNTIME_LIB=${EMULATED_RUNTIME_LIB:-$top/.runtime/aarch64/libLiteRt.so}

# A real board's processor (Raspberry Pi 4; its /proc/cpuinfo is below), not qemu's own "max": under that one, with SVE and the
# like, LiteRT's kernels computed without a fault and found nothing (qemu 7.2; Cortex-A53, A72 and A76 give what x86-64 does).
export QEMU_CPU=${QEMU_CPU:-cortex-a72}

# LiteRT asks /proc/cpuinfo what the processor can do. qemu before 8.2 shows this machine's own there, and the library
# follows a null pointer; so a file of an ARM processor is bound over it, for this process alone.
version=$($qemu --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
if [ "$(printf '%s\n' 8.2 "$version" | sort -V | head -n1)" = 8.2 ]; then
    exec $qemu "$@"
fi
own_namespace=(--mount)
[ "$(id -u)" = 0 ] || own_namespace+=(--map-root-user)
# shellcheck disable=SC2016 # the inner shell expands it
exec unshare "${own_namespace[@]}" sh -c 'mount --bind "$0" /proc/cpuinfo && exec "$@"' "$here/cpuinfo-arm64" $qemu "$@"
