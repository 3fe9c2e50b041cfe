#!/usr/bin/env bash
# Applies one plan: exactly the one whose hash was typed, or nothing.
#
#   PLAN       the plan's file, as the check left it (default: plan.json in DRIFT_DIR)
#   PLAN_HASH  the hash that somebody read and chose, or its first 8 digits or more
#   APPROVE    actions that ask first and are approved by this run: A-03fe A-51b2
#
# Ends with 0 when all is done or what is left waits for an approval, 3 when something was
# refused or held back, 1 when something failed.
set -euo pipefail
# shellcheck source=say.sh
. "$(dirname "$0")/say.sh"

dir=${DRIFT_DIR:-drift}
plan=${PLAN:-$dir/plan.json}
unset LAB_EXIT_ZERO
mkdir -p "$dir"
rm -f "$dir/applied.json" "$dir/applied.md"

wrong() {
  say error "$1"
  exit 64
}

[[ ${PLAN_HASH:-} =~ ^(sha256:)?[0-9a-f]{8,64}$ ]] ||
  wrong "PLAN_HASH is not the hash of a plan: 8 to 64 hexadecimal digits"
hash=$(jq -er '.hash | select(test("^sha256:[0-9a-f]{64}$"))' "$plan") ||
  wrong "the plan's file has no hash"
[[ ${hash#sha256:} == "${PLAN_HASH#sha256:}"* ]] ||
  wrong "the plan's file holds another plan than the one that was chosen"

# Whoever is let through here was let through by the pipeline's own gate; the ledger names the
# run's identity beside each approval. The file is given, not the hash: lab reckons it anew.
approvals=${APPROVE:-}
read -ra actions <<<"${approvals//,/ }"
for action in "${actions[@]}"; do
  [[ $action =~ ^A-[0-9a-f]{4,64}$ ]] || wrong "APPROVE holds something that is no action"
done
for action in "${actions[@]}"; do
  quoted lab remediate approve "$action" --plan "$plan"
done

code=0
quoted lab run remediate --apply --plan "$plan" --format json -o "$dir/applied.json" || code=$?
if [ -s "$dir/applied.json" ]; then
  jq -r -f "$(dirname "$0")/plan.jq" "$dir/applied.json" >"$dir/applied.md"
  summary "$dir/applied.md"
fi
case $code in
  0) say notice "applied and verified" ;;
  2)
    say warning "applied; what is left waits for an approval"
    code=0
    ;;
  3) say error "something was refused, rejected or held back: read why in the summary" ;;
  *) say error "lab run remediate --apply ended with $code" ;;
esac
exit "$code"
