#!/usr/bin/env python3
"""Writes meta-ocellus/recipes-ocellus/ocellus/ocellus-crates.inc from Cargo.lock: yocto/crates.py [--check].

The form is that of `bitbake -c update_crates ocellus`, which needs a build folder and the network; this needs neither.
--check writes nothing: exit code 1 where the file, or the version in conf/layer.conf, is not that of this commit.
"""

import pathlib
import re
import sys
import tomllib

top = pathlib.Path(__file__).resolve().parent.parent
target = top / "yocto/meta-ocellus/recipes-ocellus/ocellus/ocellus-crates.inc"
layer = top / "yocto/meta-ocellus/conf/layer.conf"

packages = tomllib.loads((top / "Cargo.lock").read_text())["package"]
crates = [p for p in packages if "crates.io" in p.get("source", "")]
foreign = [p["name"] for p in packages if "source" in p and p not in crates]
if foreign:
    sys.exit(f"crates: {', '.join(foreign)} do not come from crates.io: add their SRC_URI to ocellus_git.bb by hand, and a case here")

lines = ["# Made from Cargo.lock by yocto/crates.py; do not edit.", "", 'SRC_URI += "\\']
lines += [f"    crate://crates.io/{p['name']}/{p['version']} \\" for p in crates]
lines += ['"', ""]
lines += [f'SRC_URI[{p["name"]}-{p["version"]}.sha256sum] = "{p["checksum"]}"' for p in crates]
text = "\n".join(lines) + "\n"

version = tomllib.loads((top / "Cargo.toml").read_text())["workspace"]["package"]["version"]
named = re.search(r'^OCELLUS_VERSION \?= "(.*)"$', layer.read_text(), re.MULTILINE).group(1)

if sys.argv[1:] == ["--check"]:
    faults = []
    if not target.exists() or target.read_text() != text:
        faults.append(f"{target.relative_to(top)} is not what Cargo.lock says; run yocto/crates.py and commit its result")
    if named != version:
        faults.append(f"{layer.relative_to(top)} names version {named}, and Cargo.toml {version}; run yocto/crates.py and commit its result")
    if faults:
        sys.exit("\n".join(f"crates: {fault}" for fault in faults))
    print(f"crates: {len(crates)} crates and version {version} agree with Cargo.lock and Cargo.toml")
elif len(sys.argv) == 1:
    target.write_text(text)
    layer.write_text(layer.read_text().replace(f'OCELLUS_VERSION ?= "{named}"', f'OCELLUS_VERSION ?= "{version}"'))
    print(f"crates: {len(crates)} crates, version {version}")
else:
    sys.exit(__doc__)
