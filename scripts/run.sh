#!/usr/bin/env bash
# The demo: a local broker if none listens, then the service. Prints the page's address, then changes of state only.
# Ends, broker and all, with Ctrl-C.
# usage: scripts/run.sh [CONFIG]
#   OCELLUS     the binary (target/debug/ocellus)
#   STATE_DIR   where it keeps its state, and this script its logs (target/demo-state)
#   MQTT_PORT   the local broker's port, instead of the one that the configuration names
#   VERBOSE=1   shows the whole log, and every event as "topic payload"
set -euo pipefail
cd "$(dirname "$0")/.."

config=${1:-config/ocellus.toml}
ocellus=${OCELLUS:-target/debug/ocellus}
state=${STATE_DIR:-target/demo-state}
verbose=${VERBOSE:-}
log=$state/ocellus.log
mkdir -p "$state"
helpers=()

# Each child has its own session, so that Ctrl-C reaches this script alone: the service ends first, and the broker lives
# until the service has disconnected. `exec`, so that $! is the child itself. Should this script be killed, the kernel
# ends the children.
child() { exec setsid setpriv --pdeathsig TERM "$@"; }
# shellcheck disable=SC2317 # the trap calls it
end_helpers() {
    [ ${#helpers[@]} = 0 ] || kill "${helpers[@]}" 2>/dev/null || true
    for _ in {1..40}; do
        kill -0 "${helpers[@]}" 2>/dev/null || break
        sleep 0.05
    done
}
trap end_helpers EXIT

# Changes a copy of the configuration. Paths in a configuration may be relative to its folder, so the copy lies among
# links to its neighbours.
edited=$state/config
edit_config() {
    if [ "$config" != "$edited/demo.toml" ]; then
        rm -rf "$edited"
        mkdir "$edited"
        find "$(realpath "$(dirname "$config")")" -mindepth 1 -maxdepth 1 -exec ln -s -t "$edited" {} +
        rm -f "$edited/demo.toml"
        cp "$config" "$edited/demo.toml"
        config=$edited/demo.toml
    fi
    sed -i "$@" "$config"
}

# The broker that the configuration names; mqtt://127.0.0.1:1883 where it names none.
url=$(sed -n '/^\[mqtt\]/,/^\[/s/^url *= *"\([^"]*\)".*/\1/p' "$config")
port=$(sed -nE 's#^mqtt://(127\.0\.0\.1|localhost)(:([0-9]+))?/?$#\3#p' <<<"${url:-mqtt://127.0.0.1:1883}")
if [ -n "${MQTT_PORT:-}" ]; then
    port=$MQTT_PORT
    if [ -n "$url" ]; then
        edit_config "/^\[mqtt\]/,/^\[/s#^url *=.*#url = \"mqtt://127.0.0.1:$port\"#"
    elif grep -q '^\[mqtt\]' "$config"; then
        edit_config "s#^\[mqtt\].*#&\nurl = \"mqtt://127.0.0.1:$port\"#"
    else
        edit_config "\$a\\\n[mqtt]\nurl = \"mqtt://127.0.0.1:$port\""
    fi
elif [ -z "$port" ] && [[ $url =~ ^mqtt://(127\.0\.0\.1|localhost)/?$ ]]; then
    port=1883
fi

listening() { (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
if [ -z "$port" ]; then
    broker=$url
elif listening; then
    broker="127.0.0.1:$port, which was there already"
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
    broker="127.0.0.1:$port, started for the demo (log: $state/mosquitto.log)"
fi

# The profile for inspection has to be taught what a good part looks like: with pictures of the scene itself.
if grep -q '^source = "scene:?line=plate' "$config" && ! "$ocellus" golden list --config "$config" --state-dir "$state" \
    2>/dev/null | grep -q '^plate: golden revision'; then
    echo "ocellus: teaching golden pictures of 8 sound plates (ocellus golden add plate ...)"
    "$ocellus" scene --line plate --seed 9 --first 400 --passages 8 --sound --out "$state/plates" >/dev/null
    "$ocellus" golden add plate "$state"/plates/ok/*.png --config "$config" --state-dir "$state" >/dev/null
fi

# The profile for attendance needs public models, which do not ship: where one of the folders of test data has them
# (`make data` brings both), they are verified and installed. Without a camera a video of people takes its place.
# `check` lists what is missing.
find_data() { # the first folder of test data that has the file $1, as tests look for theirs (tests/data/README.md)
    local folder
    for folder in ${OCELLUS_DATA:+"$OCELLUS_DATA"} ../shared/data tests/data; do
        [ ! -f "$folder/$1" ] || { echo "$folder/$1" && return; }
    done
}
if grep -q '^path = "models/mobilefacenet_float32.tflite' "$config"; then
    for model in face_detection_back:face_detection_back mobilefacenet:mobilefacenet_float32; do
        file=${model#*:}.tflite
        found=$(find_data "models/$file")
        if [ ! -f "models/$file" ] && [ -n "$found" ]; then
            "$ocellus" models add "${model%%:*}" --file "$found" --dir models
        elif [ ! -f "models/$file" ]; then
            echo "ocellus: models/$file is missing; \`make data\` fetches it" >&2
        fi
    done
    "$ocellus" check --config "$config" --state-dir "$state"
    source=$(sed -n 's/^source = "v4l2:\/\/\(.*\)".*/\1/p' "$config")
    video=$(find_data video/one-by-one-person-detection.mp4)
    if [ -n "$source" ] && [ ! -e "$source" ] && [ -n "$video" ]; then
        echo "ocellus: there is no $source; a video takes the place of the camera (nobody in it is enrolled)"
        edit_config "s|^source = .*|source = \"file://$(realpath "$video")\"\nrepeat = true|"
    fi
fi

# The profile for a laboratory is tried without hardware: a simulated instrument sends pictures, writes files and takes
# commands. Its files are among the logs, not beside the configuration.
instrument=
if grep -q '^folder = "lab-data/' "$config"; then
    edit_config "s|^folder = \"lab-data/|folder = \"$(realpath "$state")/lab-data/|"
    child "$ocellus" simulate instrument --config "$config" --state-dir "$state" >"$state/instrument.log" 2>&1 &
    helpers+=($!)
    # It makes the folders, so that the service finds them.
    for _ in {1..100}; do
        grep -q 'simulated instrument' "$state/instrument.log" && break
        kill -0 "${helpers[-1]}" 2>/dev/null || break
        sleep 0.05
    done
    instrument="
  the instrument            simulated (log: $state/instrument.log)"
fi

cat <<TEXT
ocellus: config $config, log $log
  the broker                $broker$instrument
  everything it publishes   mosquitto_sub -p ${port:-PORT} -t 'ocellus/#' -v
  what the topics mean      docs/mqtt/
  stop                      Ctrl-C
TEXT

# Waited for in the background, because bash puts off its traps while a child is in front of it. A second Ctrl-C is
# passed on too: it ends the service without its drain.
child "$ocellus" run --config "$config" --state-dir "$state" 2>"$log" &
service=$!
trap 'kill -TERM $service 2>/dev/null || true' INT TERM HUP

# One line that is written over, on a terminal only: what each camera does now.
clear_line() { [ ! -t 1 ] || printf '\r\033[K'; }
status_line() {
    local topic payload camera line
    declare -A cameras
    while read -r topic payload; do
        camera=${topic%/status}
        camera=${camera##*/}
        [[ $payload =~ \"state\":\"([a-z]+)\".*\"fps\":([0-9]+) ]] || continue
        cameras[$camera]="$camera ${BASH_REMATCH[1]}, ${BASH_REMATCH[2]} frames/s"
        line=$(printf '%s   ' "${cameras[@]}")
        printf '\r\033[K%.*s' "$((${COLUMNS:-80} - 1))" "$line"
    done
}
watch() { child stdbuf -oL mosquitto_sub -p "$port" "$@" 2>/dev/null; }

# What the log says before the service is ready is shown only if it does not get ready, and each part of a line only with
# VERBOSE=1: what is left are changes of state, warnings and errors.
show_log() {
    local line page='' started=$SECONDS ready='' address='' early=()
    while :; do
        if IFS= read -r -t 1 line; then
            [[ $line != *' the page is at '* ]] || page="  the page                  ${line##*the page is at }"
            if [ -n "$address" ] || [ -n "$verbose" ]; then
                [[ -z $verbose && $line == *' INFO line: part-'* ]] || { clear_line; printf '%s\n' "$line"; }
            elif [[ $line == *' WARN '* || $line == *' ERROR '* ]]; then
                printf '%s\n' "$line"
            else
                early+=("$line")
            fi
            [[ $line != *' ready; watch with: '* ]] || ready=$SECONDS
        elif [ $? -le 128 ]; then
            # The service has ended. Where it never got ready, this says why.
            [ -n "$address" ] || [ -n "$verbose" ] || printf '%s\n' "${early[@]}" >&2
            return
        fi
        [ -z "$address" ] || continue
        if [ -z "$ready" ]; then
            [ $((SECONDS - started)) -ge 15 ] || continue
            [ -n "$verbose" ] || printf '%s\n' "${early[@]}"
        elif [ -z "$page" ]; then
            # The page may be there a moment after the rest.
            [ $((SECONDS - ready)) -ge 3 ] || continue
        fi
        address=${page:-"  the page                  is off (web.enabled)"}
        printf '%s\n' "$address"
    done
}
# Named pipes and plain background jobs: after a process substitution bash 5.2 was seen to wait for the wrong child.
rm -f "$state"/*.pipe
mkfifo "$state/log.pipe" "$state/cameras.pipe"
child tail -n +1 -s 0.1 -f "$log" >"$state/log.pipe" &
tail=$!
show_log <"$state/log.pipe" &
shown=$!
helpers+=("$tail" "$shown")
if [ -n "$port" ] && [ -n "$verbose" ]; then
    topics=()
    for topic in status camera/+/status camera/+/event camera/+/attendance camera/+/inspection 'alarm/#'; do topics+=(-t "ocellus/+/$topic"); done
    watch "${topics[@]}" -F '%t %.160p' &
    helpers+=($!)
elif [ -n "$port" ] && [ -t 1 ]; then
    watch -t 'ocellus/+/camera/+/status' -F '%t %p' >"$state/cameras.pipe" &
    helpers+=($!)
    status_line <"$state/cameras.pipe" &
    helpers+=($!)
fi

# A signal cuts `wait` short; bash remembers the service's own exit code.
wait $service || true
while kill -0 $service 2>/dev/null; do wait $service || true; done
code=0
wait $service || code=$?
# `tail` reads the end of the log, then `show_log` shows it.
sleep 0.3
kill "$tail" 2>/dev/null || true
for _ in {1..40}; do
    kill -0 "$shown" 2>/dev/null || break
    sleep 0.05
done
exit $code
