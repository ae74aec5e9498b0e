#!/usr/bin/env bash
# Installs what `make build` and the set-up made: `make install [DESTDIR=DIR] [PREFIX=/usr/local]`. Packages use it too,
# so that every way of installing has the same files in the same places. OCELLUS and OCELLUS_RUNTIME_LIB name another program
# and runtime library; OCELLUS_RUN is a command that runs the program where this machine cannot (another architecture).
set -euo pipefail
cd "$(dirname "$0")/.."

root=${DESTDIR:-}
prefix=${PREFIX:-/usr/local}
binary=${OCELLUS:-target/release/ocellus}
runtime=${OCELLUS_RUNTIME_LIB:-.runtime/libLiteRt.so}
share=$prefix/share/ocellus
third=target/THIRD-PARTY.txt
read -ra run <<<"${OCELLUS_RUN:-$binary}"

for needed in "$binary" "$runtime"; do
    [ -f "$needed" ] || {
        echo "install: there is no $needed; run \`make build\` first" >&2
        exit 1
    }
done
# What is linked in changes with Cargo.lock; `sudo make install` finds the file that `make build` wrote.
[ $third -nt Cargo.lock ] || packaging/third_party.py --out $third

# put MODE TARGET FILE...: TARGET is a folder below DESTDIR.
put() {
    local mode=$1 folder=$root$2
    shift 2
    install -d "$folder"
    install -m "$mode" -t "$folder" "$@"
}

put 755 "$prefix/bin" "$binary"
put 644 "$prefix/lib/ocellus" "$runtime"
put 644 "$share/models" models/scene.tflite models/scene.toml models/catalogue.toml
put 644 "$share" config/ocellus.toml config/inspection.toml config/attendance.toml config/lab.toml
put 644 "$share/recipes" config/recipes/*.toml
put 644 "$prefix/share/doc/ocellus" README.md LICENSE-APACHE LICENSE-MIT CHANGELOG.md
put 644 "$prefix/share/doc/ocellus" packaging/debian/copyright $third
put 644 "$prefix/share/doc/ocellus/mqtt" docs/mqtt/*
put 644 "$prefix/share/doc/ocellus" docs/*.md docs/*.jpg docs/mosquitto.acl

# Manual pages and completions are written by the program itself, from the same definitions as its --help.
manual=$(mktemp -d)
trap 'rm -rf "$manual"' EXIT
"${run[@]}" manual --out "$manual"
gzip -9n "$manual"/*.1
put 644 "$prefix/share/man/man1" "$manual"/*.1.gz
"${run[@]}" completions bash >"$manual/ocellus"
put 644 "$prefix/share/bash-completion/completions" "$manual/ocellus"
"${run[@]}" completions zsh >"$manual/_ocellus"
put 644 "$prefix/share/zsh/vendor-completions" "$manual/_ocellus"
"${run[@]}" completions fish >"$manual/ocellus.fish"
put 644 "$prefix/share/fish/vendor_completions.d" "$manual/ocellus.fish"

# systemd reads units below /usr/lib, and those of /usr/local only below /usr/local/lib/systemd.
units=$prefix/lib
sed -e "s|/usr/bin/ocellus|$prefix/bin/ocellus|; s|/usr/share/ocellus|$share|" systemd/ocellus.service >"$manual/ocellus.service"
put 644 "$units/systemd/system" "$manual/ocellus.service"
put 644 "$units/sysusers.d" systemd/sysusers.d/ocellus.conf
sed -e "s|/usr/share/ocellus|$share|" systemd/tmpfiles.d/ocellus.conf >"$manual/ocellus.conf"
put 644 "$units/tmpfiles.d" "$manual/ocellus.conf"
# udev looks into /usr/lib and /etc only.
if [ "$prefix" = /usr ]; then rules=/usr/lib/udev/rules.d; else rules=/etc/udev/rules.d; fi
put 644 "$rules" systemd/udev/*.rules

if [ -z "$root" ]; then
    systemd-sysusers "$units/sysusers.d/ocellus.conf"
    systemd-tmpfiles --create "$units/tmpfiles.d/ocellus.conf"
    echo "installed below $prefix; start it with: systemctl daemon-reload && systemctl enable --now ocellus"
fi
