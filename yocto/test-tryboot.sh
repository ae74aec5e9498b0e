#!/usr/bin/env bash
# The Raspberry Pi's boot loader backend, without a Pi: what RAUC calls in an update, and what the firmware would start next.
set -euo pipefail
cd "$(dirname "$0")"
backend=$PWD/meta-ocellus/dynamic-layers/raspberrypi/recipes-bsp/ocellus-tryboot/files/boot-tryboot
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OCELLUS_RUN_DIR=$work/run OCELLUS_BOOTSEL=$work/bootsel OCELLUS_CMDLINE=$work/cmdline OCELLUS_REBOOT_PARAM=$work/param
mkdir -p "$OCELLUS_RUN_DIR" "$OCELLUS_BOOTSEL"
file=$OCELLUS_BOOTSEL/autoboot.txt

# The image's first file: as ocellus-tryboot-image_1.0.bb writes it.
printf '[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n# A=good B=bad\n' >"$file"
head -c $((255 - $(wc -c <"$file"))) /dev/zero | tr '\0' '#' >>"$file"
echo >>"$file"

fail() { echo "test-tryboot: $*" >&2; cat "$file" >&2; exit 1; }
is() { [ "$("$backend" $2)" = "$3" ] || fail "$1: \`$2\` says $("$backend" $2), not $3"; }
# section NAME: the partition that the firmware takes there.
section() { sed -n "/^\[$1\]/,/^\[.*\]$/{s/^boot_partition=//p}" "$file" | head -n1; }
# What the firmware does at a start: a restart with the flag, or anything else (power cut, crash, watchdog).
start() {
    local from=all
    if [ "${1:-}" = restart ]; then
        "$backend" arm
        if [ "$(cat "$OCELLUS_REBOOT_PARAM" 2>/dev/null)" = "0 tryboot" ]; then from=tryboot; fi
    fi
    if [ "$(section $from)" = 2 ]; then running=A; else running=B; fi
    echo "root=PARTLABEL=x rauc.slot=$running" >"$OCELLUS_CMDLINE"
    rm -rf "$OCELLUS_RUN_DIR" "$OCELLUS_REBOOT_PARAM"
    mkdir -p "$OCELLUS_RUN_DIR"
    [ "$(wc -c <"$file")" = 256 ] || fail "autoboot.txt has $(wc -c <"$file") bytes, not 256"
}
runs() { [ "$running" = "$2" ] || fail "$1: slot $running runs, not $2"; }
install() { "$backend" set-state "$1" bad; "$backend" set-primary "$1"; }

start
runs "first start" A
is "the empty slot" "get-state B" bad
is "the first slot" "get-state A" good
is "the order" get-primary A

install B
is "an update waits" get-primary B
start restart
runs "trial after an update" B
start
runs "power cut before the confirmation" A
is "and the box says so" get-primary A

install B
start restart
"$backend" set-state B good
start
runs "power cut after the confirmation" B
is "the confirmed slot" get-primary B

install A
start restart
runs "the next update" A
start restart
runs "a restart that nobody confirmed" B

"$backend" set-primary A
start restart
"$backend" set-state A good
start
runs "back by command, confirmed" A

install B
"$backend" set-state A good
start restart
runs "the running slot is confirmed while an update waits" B
"$backend" set-state B bad
start
runs "a slot that is marked bad" A

if "$backend" set-state C good 2>/dev/null; then fail "slot C was accepted"; fi
if "$backend" set-state A maybe 2>/dev/null; then fail "the state maybe was accepted"; fi
echo "test-tryboot: update, trial, fallback, confirmation and the way back agree with what the firmware starts"
