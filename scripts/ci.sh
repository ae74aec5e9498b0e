#!/usr/bin/env bash
# Lint, documentation and tests side by side. Most tests wait and leave two thirds of the processor; what compiles takes what
# is left and gives way to them (SCHED_IDLE). It begins when the tests are compiled: cargo lets one at a time write to target/.
set -uo pipefail
cd "$(dirname "$0")/.."
mkdir -p target
tests=target/ci-tests.log
beside=target/ci-beside.log
: >"$tests"

{
    until grep -qE '^ +(Starting|Running) |^tests ended$' "$tests"; do sleep 1; done
    exec chrt --idle 0 make --no-print-directory lint docs loom
} >"$beside" 2>&1 &
lint=$!

make --no-print-directory test-main 2>&1 | tee -a "$tests"
main=${PIPESTATUS[0]}
echo "tests ended" >>"$tests"
wait "$lint"
lint=$?
echo "--- beside the tests: lint, docs, loom"
cat "$beside"
make --no-print-directory test-tflitec
tflitec=$?
[ "$main$lint$tflitec" = 000 ] || { echo "ci: failed: tests $main, lint, docs and loom $lint, test-tflitec $tflitec" >&2; exit 1; }
