#!/bin/sh
# run.sh ORACLE_FOLDER [COUNT] [SEED] [all]: see README.md.
set -eu
oracle=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/generate.py" "${2:-20000}" "${3:-1}" ${4:-} >"$work/cases"
(cd "$here/.." && cargo run --quiet -p iam-policy --example evaluate_cases) <"$work/cases" >"$work/ours"
(cd "$oracle" && node "$here/oracle.mjs") <"$work/cases" >"$work/theirs"
python3 "$here/compare.py" "$work/cases" "$work/ours" "$work/theirs"
