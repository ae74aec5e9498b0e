#!/usr/bin/env bash
# Makes an authority and a signing key for update bundles where there are none: packaging/image/keys.sh DIR. A box accepts what
# the authority (ca.pem, inside the image) has signed for. Keep DIR: without it no box in the field can be updated again.
set -euo pipefail
dir=${1:?"the folder is missing: packaging/image/keys.sh DIR"}
name=${2:-Ocellus updates}

if [ -f "$dir/signing.pem" ]; then exit 0; fi
umask 077
mkdir -p "$dir"
extensions=$(mktemp)
trap 'rm -f "$extensions"' EXIT
printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' >"$extensions"
openssl req -x509 -newkey rsa:3072 -nodes -sha256 -days 9125 -subj "/CN=$name: authority" \
    -keyout "$dir/ca.key" -out "$dir/ca.pem" 2>/dev/null
openssl req -newkey rsa:3072 -nodes -sha256 -subj "/CN=$name: signing" \
    -keyout "$dir/signing.key" -out "$dir/signing.csr" 2>/dev/null
openssl x509 -req -in "$dir/signing.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -sha256 -days 3650 \
    -extfile "$extensions" -out "$dir/signing.pem.part" 2>/dev/null
mv "$dir/signing.pem.part" "$dir/signing.pem"
rm -f "$dir/signing.csr"
echo "keys: new ones in $dir; keep them in a safe place, ca.key away from the machine that builds" >&2
