#!/usr/bin/env bash
# Makes the authority that signs update bundles, and a first key for signing: yocto/keys.sh FOLDER [NAME].
#   authority.key.pem, authority.cert.pem   the authority; the certificate goes into every image, the key into a safe
#   signing.key.pem, signing.cert.pem       what signs bundles; a lost one is replaced without touching the boxes
# A box believes this authority only, and for ever: without authority.key.pem no box in the field can be updated. Nothing
# that is there is overwritten; with an authority there and no signing key, only the latter is made.
set -euo pipefail
folder=${1:?"is missing: yocto/keys.sh FOLDER [NAME]"}
name=${2:-Ocellus}
command -v openssl >/dev/null || { echo "keys: openssl is missing; install it" >&2; exit 1; }
umask 077
mkdir -p "$folder"
cd "$folder"

# Bundles are checked by the box's clock, which may stand at 1970 on a board without a battery: valid from then on.
from=19700101000000Z
to=99991231235959Z
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
request() { openssl req -new -newkey rsa:4096 -noenc -keyout "$1.key.pem.new" -subj "/O=$name/CN=$name $2" -out "$work/$1.csr" 2>/dev/null; }
# sign NAME CA-OPTIONS...: openssl ca is the one tool of Debian 12 that takes a beginning and an end.
sign() {
    local what=$1
    shift
    : >"$work/index"
    cat >"$work/ca.cnf" <<END
[ca]
default_ca = own
[own]
database = $work/index
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
organizationName = supplied
commonName = supplied
[authority]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[signing]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = emailProtection
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
    openssl ca -batch -notext -config "$work/ca.cnf" -startdate $from -enddate $to -in "$work/$what.csr" -out "$work/$what.cert.pem" "$@" 2>"$work/log" ||
        { cat "$work/log" >&2; exit 1; }
    mv "$what.key.pem.new" "$what.key.pem"
    install -m 644 "$work/$what.cert.pem" "$what.cert.pem"
}

if [ ! -e authority.cert.pem ]; then
    [ ! -e authority.key.pem ] || { echo "keys: $folder/authority.key.pem is there without its certificate: nothing was made" >&2; exit 1; }
    request authority "bundle authority"
    sign authority -selfsign -keyfile authority.key.pem.new -extensions authority
    echo "keys: the authority is at $folder/authority.cert.pem; keep authority.key.pem offline, and a copy of it"
fi
if [ ! -e signing.cert.pem ]; then
    [ -e authority.key.pem ] || { echo "keys: $folder/authority.key.pem is not here: bring it to make a new signing key" >&2; exit 1; }
    request signing "bundle signing $(date +%Y-%m-%d)"
    sign signing -cert authority.cert.pem -keyfile authority.key.pem -extensions signing
    echo "keys: bundles are signed with $folder/signing.key.pem"
fi
openssl verify -CAfile authority.cert.pem signing.cert.pem >/dev/null
