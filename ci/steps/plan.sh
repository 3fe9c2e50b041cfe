#!/usr/bin/env bash
# What would be mended, and how: DRIFT_DIR/plan.json and a page for people, made of that file
# and no second plan. Changes nothing, and the identity that it runs with could not: there is no
# variable for --apply.
set -euo pipefail
# shellcheck source=say.sh
. "$(dirname "$0")/say.sh"

dir=${DRIFT_DIR:-drift}
unset LAB_EXIT_ZERO
mkdir -p "$dir"
rm -f "$dir/plan.json" "$dir/plan.md"

code=0
quoted lab run remediate --format json -o "$dir/plan.json" || code=$?
case $code in
  0 | 2) ;;
  3) say warning "the plan covers only what could be read" ;;
  *)
    say error "lab run remediate ended with $code"
    exit "$code"
    ;;
esac
jq -r -f "$(dirname "$0")/plan.jq" "$dir/plan.json" >"$dir/plan.md"
summary "$dir/plan.md"
hand_on plan "$(jq -r .hash "$dir/plan.json")"
