#!/usr/bin/env bash
# The container image, built by buildah and run by podman on this machine: it starts as a user without rights, is healthy, publishes
# to a broker on loopback, and ends cleanly. `make test-container`; needs root, and no registry: the base image is made here by
# mmdebstrap. Works in machines that are containers themselves (runc, chroot isolation, the host's network).
set -euo pipefail
cd "$(dirname "$0")/../.."

[ "$(id -u)" = 0 ] || { echo "test-container: needs root: sudo make test-container" >&2; exit 1; }
image=localhost/ocellus-test
name=ocellus-test-$$
work=$(mktemp -d)
started=()
began=$(date +%s)
step() { printf '%4d s  %s\n' $(($(date +%s) - began)) "$*"; }
fail() {
    echo "FAILED: $*" >&2
    podman logs "$name" 2>&1 | tail -n 30 >&2 || true
    exit 1
}
cleanup() {
    podman rm -f -v "$name" >/dev/null 2>&1 || true
    [ ${#started[@]} = 0 ] || kill "${started[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

if ! podman image exists localhost/debian-base; then
    step "a base image is made"
    mmdebstrap --quiet --variant=apt --format=tar bookworm "$work/base.tar"
    podman import -q "$work/base.tar" debian-base >/dev/null
    rm "$work/base.tar"
fi
step "the image is built"
BASE=localhost/debian-base IMAGE=$image BUILD_OPTIONS='--isolation=chroot --network=host' packaging/container/build.sh >"$work/build.log" 2>&1 ||
    { tail -n 30 "$work/build.log" >&2; fail "the image was not built"; }
size=$(podman image inspect --format '{{.Size}}' "$image")
echo "        image: $((size / 1000000)) MB, $(((size - $(podman image inspect --format '{{.Size}}' localhost/debian-base)) / 1000000)) MB of them above the base"

# A port of its own on loopback, in case something listens on 1883 and 8080.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
page=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mosquitto -p "$port" >"$work/mosquitto.log" 2>&1 &
started+=($!)
for _ in $(seq 100); do
    mosquitto_pub -h 127.0.0.1 -p "$port" -t test -n 2>/dev/null && break
    sleep 0.1
done
mosquitto_sub -h 127.0.0.1 -p "$port" -V 311 -t 'ocellus/#' -v >"$work/heard" 2>/dev/null &
started+=($!)
mkdir "$work/etc"
sed -e "s|^url = .*|url = \"mqtt://127.0.0.1:$port\"|" -e "s|127.0.0.1:8080|127.0.0.1:$page|" config/ocellus.toml >"$work/etc/ocellus.toml"
chmod -R a+rX "$work" "$work/etc"

step "it starts"
podman --runtime runc run -d --name "$name" --network=host --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
    --read-only --tmpfs /tmp --cap-drop=all --security-opt no-new-privileges \
    -v "$work/etc:/etc/ocellus:ro" "$image" >/dev/null || fail "podman run"
for _ in $(seq 300); do
    podman healthcheck run "$name" >/dev/null 2>&1 && break
    [ "$(podman inspect --format '{{.State.Running}}' "$name")" = true ] || fail "it has ended"
    sleep 0.2
done
podman healthcheck run "$name" >/dev/null || fail "it is not healthy"
step "healthy"
[ "$(podman exec "$name" id -un)" = ocellus ] || fail "it runs as $(podman exec "$name" id -un)"
for _ in $(seq 100); do
    grep -q '/detections ' "$work/heard" && break
    sleep 0.2
done
grep -q '/detections ' "$work/heard" || fail "nothing was published; heard: $(cut -c1-80 "$work/heard" | head -n 5)"
step "it publishes: $(grep -c . "$work/heard") messages so far"
podman stop -t 30 "$name" >/dev/null || fail "podman stop"
code=$(podman inspect --format '{{.State.ExitCode}}' "$name")
[ "$code" = 0 ] || fail "it ended with $code"
podman logs "$name" >"$work/log" 2>&1
grep -q stopped "$work/log" || fail "no word of an orderly end"
step "stopped with exit code 0; the container passed"
