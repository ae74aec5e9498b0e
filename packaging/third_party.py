#!/usr/bin/env python3
"""Writes THIRD-PARTY.txt: every crate that is linked into the program, and what lies beside it, with their licences' texts.

    packaging/third_party.py [--target TRIPLE] [--out FILE]        FILE is target/THIRD-PARTY.txt by default

The list comes from `cargo tree` (default features, no build scripts, no proc macros, no test crates), the texts from the
crates' own sources, also from C sources that they carry. A text that several have is printed once. Every crate must have
a text, or a licence whose standard text is known here: the script fails otherwise, so that nothing goes unnamed.
"""

import argparse
import collections
import json
import os
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
# Names of files with licences, attributions and notices.
NAMES = re.compile(r"^(un)?licen[cs]e|^copying|^copyright|^notice|^authors$|^readme\.ijg$|^third[-_]party", re.I)
# Folders of a crate whose licences concern nothing that is linked.
ASIDE = {"tests", "test", "testimages", "benches", "examples", "fuzz", "doc", "docs", "java", "target", ".github"}
# What is in the package beside the crates: name, where from, licence, file with the text.
BESIDE = [
    (
        "LiteRT (libLiteRt.so)",
        "taken unchanged from the PyPI package ai-edge-litert; its wheel carries this licence and no list of the parts\n"
        "that are compiled into it (among them XNNPACK, Eigen, gemmlowp, ruy, Abseil)",
        "Apache-2.0",
        TOP / "LICENSE-APACHE",
    ),
    (
        "DejaVu Sans 2.37, a subset (in the program)",
        "draws the words on live pictures; https://dejavu-fonts.github.io",
        "Bitstream Vera's licence",
        TOP / "crates/image/src/draw/font/LICENSE",
    ),
    (
        "The Rust standard library (in the program)",
        "of the compiler that the program was built with; https://www.rust-lang.org",
        "MIT OR Apache-2.0",
        TOP / "LICENSE-APACHE",
    ),
]


def cargo(*arguments):
    done = subprocess.run([os.environ.get("CARGO", "cargo"), *arguments], cwd=TOP, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"third-party: cargo {arguments[0]} failed (above)")
    return done.stdout


def linked(target):
    """Names and versions of the crates that come into the program."""
    tree = cargo("tree", "--locked", "--package", "ocellus", "--edges", "normal,no-proc-macro", "--prefix", "none",
                 "--target", target, "--format", "{p}")
    found = set()
    for line in tree.splitlines():
        parts = line.split()
        # A crate of this workspace has its folder behind its version.
        if len(parts) >= 2 and not (len(parts) > 2 and parts[2].startswith("(/")):
            found.add((parts[0], parts[1].lstrip("v")))
    return sorted(found)


def texts(folder, depth=3):
    """Files with licences in `folder`, sorted by path."""
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            if depth > 1 and entry.name not in ASIDE:
                found += texts(entry, depth - 1)
        elif entry.is_file() and (NAMES.match(entry.name) or entry.parent.name == "LICENSES"):
            if entry.suffix not in {".rs", ".c", ".h", ".py", ".in", ".toml", ".html"}:
                found.append(entry)
    return found


def standard(licence, authors):
    """The standard text of a licence whose crate carries none; None where it is not known here."""
    words = set(re.findall(r"[A-Za-z0-9.\-]+", licence)) - {"OR", "AND", "WITH"}
    if "Apache-2.0" in words:
        return (TOP / "LICENSE-APACHE").read_text()
    if "MIT" in words:
        ours = (TOP / "LICENSE-MIT").read_text()
        return re.sub(r"(?m)^Copyright.*$", f"Copyright (c) {authors or 'the authors of the crate'}", ours, count=1)
    return None


def main():
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    reader.add_argument("--target", default="x86_64-unknown-linux-gnu")
    reader.add_argument("--out", type=pathlib.Path, default=TOP / "target/THIRD-PARTY.txt")
    options = reader.parse_args()

    meta = cargo("metadata", "--locked", "--format-version", "1", "--filter-platform", options.target)
    packages = {(package["name"], package["version"]): package for package in json.loads(meta)["packages"]}
    rows, users, order = [], collections.defaultdict(list), {}
    missing = []

    def add(text, user):
        key = " ".join(text.split())
        order.setdefault(key, text.rstrip() + "\n")
        if user not in users[key]:
            users[key].append(user)

    for name, version in linked(options.target):
        package = packages[name, version]
        licence = (package["license"] or "see its text").replace("/", " OR ")
        rows.append((name, version, licence, package["repository"] or ""))
        found = texts(pathlib.Path(package["manifest_path"]).parent)
        for file in found:
            add(file.read_text(errors="replace"), f"{name} {version}")
        if not found:
            text = standard(licence, ", ".join(package["authors"]))
            if text is None:
                missing.append(f"{name} {version} ({licence})")
            else:
                add(text, f"{name} {version} (standard text: its sources carry none)")
    if missing:
        sys.exit("third-party: no licence text, neither in the sources nor known by the script: " + ", ".join(missing))
    for name, _, _, file in BESIDE:
        add(file.read_text(), name)

    lines = ["What Ocellus is built with", "=" * 26, "",
             "Ocellus itself is licensed under Apache-2.0 or MIT (LICENSE-APACHE, LICENSE-MIT). This file names what others made", 
             "and what is given on with it, under the licences below. The program also loads libraries of the system it runs on",
             "(GStreamer, GLib, libsystemd, libudev, the C library); they are not part of it.", "", "Beside the crates", "-" * 17]
    for name, where, licence, _ in BESIDE:
        lines += ["", f"{name}: {licence}", *("    " + line for line in where.splitlines())]
    lines += ["", "", f"Crates ({len(rows)})", "-" * len(f"Crates ({len(rows)})"), ""]
    wide = max(len(f"{name} {version}") for name, version, _, _ in rows)
    lines += [f"{name + ' ' + version:{wide}}  {licence}  {where}".rstrip() for name, version, licence, where in rows]
    lines += ["", "", f"Texts ({len(order)})", "-" * len(f"Texts ({len(order)})")]
    for key in sorted(order, key=lambda key: (users[key][0].lower(), key)):
        lines += ["", "=" * 100, *("  " + user for user in users[key]), "=" * 100, "", order[key].rstrip()]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n".join(lines) + "\n")
    print(f"third-party: {len(rows)} crates, {len(order)} texts: {options.out}", file=sys.stderr)


main()
