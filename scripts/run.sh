#!/usr/bin/env bash
# The demo: a local broker if none listens, then the service, then what it publishes. Ends, broker and all, with Ctrl-C.
# usage: scripts/run.sh [CONFIG]; OCELLUS is the binary, STATE_DIR where it keeps its state, MQTT_PORT the broker's port.
set -euo pipefail
cd "$(dirname "$0")/.."

config=${1:-config/ocellus.toml}
ocellus=${OCELLUS:-target/release/ocellus}
state=${STATE_DIR:-target/demo-state}
port=${MQTT_PORT:-1883}
mkdir -p "$state"
helpers=()

# Each child has its own session, so that Ctrl-C reaches this script alone: the service is told first, and the broker
# lives until it has said goodbye. `exec`, so that $! is the child itself. Should this script be killed, the kernel ends them.
child() { exec setsid setpriv --pdeathsig TERM "$@"; }
# shellcheck disable=SC2317 # the trap calls it
end_helpers() { [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null || true; }
trap end_helpers EXIT

listening() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
if listening; then
    echo "ocellus: using the broker that listens on 127.0.0.1:$port"
else
    command -v mosquitto >/dev/null || PATH=$PATH:/usr/sbin
    # Without set_tcp_nodelay a stream of QoS 0 messages reaches its subscriber up to 40 ms late.
    printf 'listener %s 127.0.0.1\nallow_anonymous true\nset_tcp_nodelay true\nuser %s\n' "$port" "$(id -un)" \
        >"$state/mosquitto.conf"
    child mosquitto -c "$state/mosquitto.conf" >"$state/mosquitto.log" 2>&1 &
    helpers+=($!)
    for _ in {1..100}; do
        listening && break
        kill -0 "${helpers[0]}" 2>/dev/null || break
        sleep 0.05
    done
    listening || {
        echo "ocellus: the local broker did not start; it said:" >&2
        cat "$state/mosquitto.log" >&2
        exit 1
    }
    echo "ocellus: started a broker on 127.0.0.1:$port, log in $state/mosquitto.log"
fi

# The profile for inspection has to be taught what a good part looks like: with pictures of the scene itself.
if grep -q '^source = "scene:?line=plate' "$config" && ! "$ocellus" golden list --config "$config" --state-dir "$state" \
    2>/dev/null | grep -q '^plate: golden revision'; then
    echo "ocellus: teaching golden pictures of 8 sound plates (ocellus golden add plate ...)"
    "${SCENE_DUMP:-target/release/examples/scene_dump}" \
        --line plate --seed 9 --first 400 --passages 8 --sound --out "$state/plates" >/dev/null
    "$ocellus" golden add plate "$state"/plates/ok/*.png --config "$config" --state-dir "$state" >/dev/null
fi

# The profile for attendance needs public models, which do not ship: where somebody has put them beside the repository,
# they are verified and installed. Without a camera a video of people takes its place. `check` tells what is missing.
if grep -q '^path = "models/mobilefacenet_float32.tflite' "$config"; then
    data=${OCELLUS_DATA:-../shared/data}
    for model in face_detection_back:face_detection_back mobilefacenet:mobilefacenet_float32; do
        file=${model#*:}.tflite
        [ -f "models/$file" ] || [ ! -f "$data/models/$file" ] ||
            "$ocellus" models add "${model%%:*}" --file "$data/models/$file" --dir models
    done
    "$ocellus" check --config "$config" --state-dir "$state"
    source=$(sed -n 's/^source = "v4l2:\/\/\(.*\)".*/\1/p' "$config")
    video=$data/video/one-by-one-person-detection.mp4
    if [ -n "$source" ] && [ ! -e "$source" ] && [ -f "$video" ]; then
        echo "ocellus: there is no $source; a video takes the place of the camera (its people are strangers to the box)"
        sed "s|^source = .*|source = \"file://$(realpath "$video")\"\nrepeat = true|" "$config" >"$state/attendance.toml"
        config=$state/attendance.toml
    fi
fi

cat <<TEXT
ocellus: config $config, state in $state
  the page                  http://127.0.0.1:8080
  everything it publishes   mosquitto_sub -p $port -t 'ocellus/#' -v
  what the topics mean      docs/mqtt/
  stop                      Ctrl-C
below: the log of the service, and (as "topic payload", shortened) its status and its events
TEXT
# Detections come with every frame: too many for a terminal.
topics=()
for topic in status camera/+/status camera/+/event camera/+/attendance camera/+/inspection 'alarm/#'; do topics+=(-t "ocellus/+/$topic"); done
child stdbuf -oL mosquitto_sub -p "$port" "${topics[@]}" -F '%t %.160p' 2>/dev/null &
helpers+=($!)

# Waited for in the background, because bash puts off its traps while a child is in front of it. A second Ctrl-C is
# passed on too: it ends the service without its drain.
child "$ocellus" run --config "$config" --state-dir "$state" &
service=$!
trap 'kill -TERM $service 2>/dev/null || true' INT TERM HUP
# A signal cuts `wait` short; bash remembers the service's own exit code.
wait $service || true
while kill -0 $service 2>/dev/null; do wait $service || true; done
code=0
wait $service || code=$?
exit $code
