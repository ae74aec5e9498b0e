# shellcheck shell=bash
# A Debian that is booted in a container (systemd-nspawn). Sourced by the tests here, which set `root`, the container's root folder,
# and have a function `fail` that says why and ends the test. Needs root.

: "${root:?}"
container=
init=

# Process 1 of the container, by its number here. systemd-nspawn has other children too while it starts, which soon end: a child
# that was merely the first to be seen once was one of them.
process_one() {
    local child
    for child in $(pgrep -P "$container"); do
        if grep -qE '^NSpid:.*[[:space:]]1$' "/proc/$child/status" 2>/dev/null; then
            echo "$child"
            return 0
        fi
    done
    return 1
}

# boot SECONDS: starts the container and waits until systemd has booted in it. `init` is its process 1, seen from here.
boot() {
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn -q --keep-unit --register=no --private-network --console=pipe \
        -D "$root" --boot </dev/null >"$root.log" 2>&1 &
    container=$!
    for _ in $(seq 300); do
        init=$(process_one) && break
        kill -0 "$container" 2>/dev/null || break
        sleep 0.1
    done
    [ -n "$init" ] || fail "the container did not start: $(cat "$root.log")"
    until_true "$1" "the system did not boot" running
    rm -f "$root.log"
}

# Only what was started here: the container's own process; its children end with it.
halt() {
    if [ -n "$container" ]; then kill -TERM "$container" 2>/dev/null || true; wait "$container" 2>/dev/null || true; fi
    container='' init=''
}

# A command inside, without the environment of the caller, which names a runtime library of its own.
inside() {
    nsenter -t "$init" -m -p -u -i -n env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

# until_true SECONDS WORDS COMMAND...
until_true() {
    local seconds=$1 words=$2
    shift 2
    for _ in $(seq $((seconds * 10))); do
        if "$@" >/dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    fail "$words (waited $seconds s)"
}

# Reads to the end, unlike `grep -q`, which would end the writer before it with SIGPIPE.
has() { grep "$@" >/dev/null; }
running() { inside systemctl is-system-running | has -E 'running|degraded'; }
active() { inside systemctl is-active --quiet ocellus; }
process() { inside systemctl show -p MainPID --value ocellus; }
