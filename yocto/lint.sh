#!/usr/bin/env bash
# Checks the Yocto layer without bitbake: `make lint-yocto`. The crates of Cargo.lock against the recipe's, recipes against
# oe-core's style guide (oelint-adv), scripts, kas files. Seconds; the checks that need oe-core are yocto/verify.sh.
set -euo pipefail
cd "$(dirname "$0")"

python3 ./crates.py --check
for licence in ../LICENSE-*; do
    sum=$(md5sum <"$licence" | cut -d' ' -f1)
    if grep -rn "file://$(basename "$licence");" meta-ocellus | grep -v "md5=$sum "; then
        echo "lint: these recipes name another $(basename "$licence"); its sum is $sum" >&2
        exit 1
    fi
done
# The wheels of scripts/setup/litert.txt are those of the recipe.
for sum in $(sed -n 's/.*sha256:\([0-9a-f]*\).*/\1/p' ../scripts/setup/litert.txt); do
    grep -q "$sum" meta-ocellus/recipes-ocellus/litert/*.bb || { echo "lint: the recipe litert lacks the wheel $sum of scripts/setup/litert.txt" >&2; exit 1; }
done

tools=../.runtime/oelint/bin
[ -x $tools/oelint-adv ] || { echo "lint: oelint-adv is missing; scripts/setup/wheels.sh oelint installs it" >&2; exit 1; }

# Each rule that is left out, and why.
suppress=(
    oelint.var.mandatoryvar.HOMEPAGE # the project has no home page
    oelint.var.licenseremotefile     # recipes that only hold files of the layer name the common licence
    oelint.vars.autorev              # the layer lies in the repository that it builds, and builds what is committed there
    oelint.vars.fileextrapaths       # bbappends bring a kernel's and U-Boot's configuration
    oelint.task.noanonpython         # ocellus-npu: one package for each line of a list; ocellus_box_image: a clear refusal
)
mapfile -t files < <(find meta-ocellus \( -name '*.bb' -o -name '*.bbappend' -o -name '*.bbclass' -o -name '*.conf' \) | sort)
$tools/oelint-adv --release wrynose --jobs 1 --quiet --hide info --constantmods +oelint.json \
    $(printf -- '--suppress %s ' "${suppress[@]}") "${files[@]}"
echo "lint: ${#files[@]} recipes, classes and configurations agree with the style guide"

# kas reads its files only where it can fetch what they name; its schema it brings along.
$tools/python - <<'PYTHON'
import json, pathlib, sys
import jsonschema, kas, yaml

schema = json.loads((pathlib.Path(kas.__file__).parent / "schema-kas.json").read_text())
files = sorted(pathlib.Path("kas").glob("*.yml"))
for file in files:
    content = yaml.safe_load(file.read_text())
    try:
        jsonschema.validate(content, schema)
    except jsonschema.ValidationError as fault:
        sys.exit(f"lint: yocto/{file}: {'.'.join(map(str, fault.absolute_path))}: {fault.message}")
    for other in content["header"].get("includes", []):
        if not (file.parent / other).exists():
            sys.exit(f"lint: yocto/{file}: it includes {other}, which is not there")
    for name, repo in content.get("repos", {}).items():
        if "branch" in (repo or {}) and "commit" not in repo:
            sys.exit(f"lint: yocto/{file}: {name} has no commit: what was checked must be what is built")
print(f"lint: {len(files)} kas files agree with kas's schema and pin every layer")
PYTHON
