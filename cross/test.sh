#!/usr/bin/env bash
# Proves the cross build under qemu-user: the kernels of NEON give the bits of the portable ones, and the program loads LiteRT
# for ARM, passes `check` with the demo's configuration, and publishes what the shipped model finds on the demo's frames.
# usage: cross/test.sh [TARGET]      `make test-cross`
# BINARY names a program that was built already; then only that one is run.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-aarch64-unknown-linux-gnu}
work=target/cross/test
began=$(date +%s)
step() { printf '%4d s  %s\n' $(($(date +%s) - began)) "$*"; }
fail() {
    echo "FAILED: $*" >&2
    exit 1
}

cross/setup.sh "$target" qemu-user-static
# shellcheck source=cross/env.sh
. cross/env.sh "$target"
export PATH=$PATH:/usr/sbin
rm -rf "$work"
mkdir -p "$work"

if [ -z "${BINARY:-}" ]; then
    step "the program and the tests of its kernels are built for $target"
    # Cargo repeats the warnings of what it need not compile again: one that only this architecture has is found each time.
    cargo build --locked --bin ocellus >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; fail "it does not build"; }
    if grep '^warning' "$work/build.log" >&2; then fail "$target has warnings: cross/cargo.sh $target build"; fi
    step "kernels: NEON and portable, bit for bit"
    cargo test --locked --package ocellus-image --lib -- --quiet simd:: outside dots || fail "the kernels differ"
    BINARY=target/$target/debug/ocellus
fi
run() { cross/emulate.sh "$target" "$BINARY" "$@"; }

step "--version and check"
run --version
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'listener %s 127.0.0.1\nallow_anonymous true\n' "$port" >"$work/mosquitto.conf"
# A configuration's relative paths are found beside it, too.
config=$work/demo.toml
# One frame a second: painting 30 would leave nothing to the model under emulation.
sed "s#^url = .*#url = \"mqtt://127.0.0.1:$port\"#; /^\[web\]/,/^\[/s#^enabled = .*#enabled = false#;
    s#^source = \"scene:\"#source = \"scene:?fps=1\"#" config/ocellus.toml >"$config"
grep -q '^source = "scene:?fps=1"' "$config" || fail "config/ocellus.toml no longer has the built-in scene"
run check --config "$config" --state-dir "$work/state" || fail "check"

step "the demo: the first message with what the model found"
helpers=()
# shellcheck disable=SC2317 # the trap calls it
cleanup() { [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null || true; }
trap cleanup EXIT
mosquitto -c "$work/mosquitto.conf" >"$work/mosquitto.log" 2>&1 &
helpers+=($!)
for _ in {1..100}; do
    if (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then break; fi
    sleep 0.1
done
timeout 300 mosquitto_sub -p "$port" -t 'ocellus/+/camera/+/detections' >"$work/messages" &
helpers+=($!)
cross/emulate.sh "$target" "$BINARY" run --config "$config" --state-dir "$work/state" >"$work/log" 2>&1 &
service=$!
helpers+=("$service")
# x86-64 finds nine parts on the first frame with a score above 0.8.
found() { grep -m 1 -oE '"label":"(washer|gear|plate|bracket)","score":0\.[89][0-9]*' "$work/messages" | head -n 9; }
for _ in {1..600}; do
    if [ -s "$work/messages" ] && [ -n "$(found)" ]; then break; fi
    kill -0 $service 2>/dev/null || break
    sleep 0.5
done
[ "$(found | wc -l)" -ge 5 ] || { cat "$work/log" >&2; fail "the model found nothing: $(head -c 300 "$work/messages")"; }
found | head -n 5
kill -TERM $service
code=0
wait $service || code=$?
[ $code = 0 ] || { cat "$work/log" >&2; fail "exit code $code after SIGTERM"; }
step "the cross build passed"
