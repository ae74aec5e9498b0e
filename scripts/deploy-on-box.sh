#!/bin/sh
# The part of scripts/deploy.sh that runs on the box, as root: check, swap, restart, wait, roll back.
# usage: deploy-on-box.sh FOLDER PATH CONFIG WORKING_FOLDER RUNTIME STAY WAIT
#   FOLDER has the new binary (and libLiteRt.so, which goes into the folder RUNTIME unless that is empty).
# It goes on to its end when the connection is lost: a box is not left half way.
set -u
trap '' HUP PIPE TERM
from=$1 path=$2 config=$3 folder=$4 runtime=$5 stay=$6 wait=$7
new=$path.new old=$path.old
say() { echo "deploy: $*" 2>/dev/null || :; }
show() { systemctl show -p "$1" --value ocellus.service; }
# Not journalctl's own -n: together with --since it gives the first lines, not the last.
journal() { journalctl -u ocellus --no-pager -o cat --since "@$began" 2>/dev/null | tail -n "$1" | sed 's/^/    /' || :; }
refuse() {
    rm -f "$new"
    [ -z "$placed" ] || rm -f "$placed"
    say "$*. Nothing was changed"
    exit 1
}
placed=

# One at a time: two would take each other's new binary for the old one. The lock goes with the process.
exec 9>/run/lock/ocellus-deploy || refuse "/run/lock/ocellus-deploy cannot be written"
flock -n 9 || { say "another deployment is under way on this box. Nothing was changed"; exit 1; }

# In its final folder, so that the swap is a rename, and libraries beside it are found as they will be.
cp "$from/ocellus" "$new" && chmod 755 "$new" && sync "$new" || refuse "the new binary cannot be written as $new (is the disk full?)"
if [ -n "$runtime" ] && [ ! -e "$runtime/libLiteRt.so" ]; then
    mkdir -p "$runtime" && placed=$runtime/libLiteRt.so && cp "$from/libLiteRt.so" "$placed" && chmod 644 "$placed" ||
        refuse "the runtime library cannot be written to $runtime"
fi
case ${folder:-/} in -*) folder=${folder#-} ;; '!'*) folder=${folder#!} ;; esac
cd "${folder:-/}" || cd /
version=$("$new" --version 2>&1) || refuse "the new binary does not run here: $version"
say "$version; $("$path" --version 2>&1 || echo 'the old binary does not run') is there now"
# Under the unit's own environment, where a drop-in may name another runtime library.
if [ -n "$config" ]; then
    # shellcheck disable=SC2046 # words of the form NAME=VALUE
    answer=$(env $(show Environment) "$new" check --config "$config" 2>&1) ||
        refuse "the new binary refuses this box's configuration, $config:
$(echo "$answer" | sed 's/^/    /')
deploy: correct the configuration, or deploy another version"
fi

# Restarts, then waits until the service has been active, as one process, for $stay seconds. A process that ends is not given
# another try. What still belongs to the run before the restart does not count; every run has an id of its own.
up() {
    before=$(show InvocationID)
    began=$(date +%s)
    systemctl reset-failed ocellus.service 2>/dev/null
    systemctl --no-block restart ocellus.service
    process=0 since=0
    while :; do
        sleep 0.3
        now=$(date +%s)
        properties=$(systemctl show -p ActiveState -p SubState -p MainPID -p InvocationID ocellus.service)
        is=$(property ActiveState)/$(property SubState) pid=$(property MainPID) run=$(property InvocationID)
        [ "$run" != "$before" ] || is=before
        case $is in
        active/running)
            if [ "$process" = 0 ]; then process=$pid since=$now; fi
            [ "$pid" = "$process" ] || return 1
            [ $((now - since)) -lt "$stay" ] || return 0
            ;;
        failed/* | inactive/* | */auto-restart) return 1 ;;
        *)
            [ "$process" = 0 ] || return 1
            [ $((now - began)) -lt "$wait" ] || return 1
            ;;
        esac
    done
}
property() { echo "$properties" | sed -n "s/^$1=//p"; }

ln -f "$path" "$old" 2>/dev/null || cp -p "$path" "$old" || refuse "the old binary cannot be kept as $old"
mv -f "$new" "$path" || refuse "$path cannot be replaced"
if up; then
    say "active for $stay s as process $process; the journal's last lines:"
    journal 5
    exit 0
fi
say "the service does not run with the new binary ($is); the journal's last lines:"
journal 20
say "rolling back"
if ! { ln -f "$old" "$path.back" 2>/dev/null || cp -p "$old" "$path.back"; } || ! mv -f "$path.back" "$path"; then
    say "$path could not be put back; the old binary is $old"
    exit 4
fi
[ -z "$placed" ] || rm -f "$placed"
if up; then
    say "the old binary runs again"
    exit 3
fi
say "the old binary does not come up either ($is): the cause lies elsewhere. The journal's last lines:"
journal 20
exit 4
