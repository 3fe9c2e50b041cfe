#!/usr/bin/env bash
# How the run ends, when everything else is reported: 0, or the exit code that lab gave.
#
#   DRIFT_FAIL_ON_FINDINGS=true  findings end the run with 2 (else they are a warning: the issue
#                                and the alerts are what somebody acts on)
#   DRIFT_ALLOW_INCOMPLETE=true  what could not be read is a warning (else it ends the run with
#                                3: a check that sees less every night must not stay green)
set -euo pipefail
# shellcheck source=say.sh
. "$(dirname "$0")/say.sh"

dir=${DRIFT_DIR:-drift}
code=$(cat "$dir/code")
report=$dir/drift.json
verdict=0

unread=$(jq '(.unknown | length) + (.errors | length)' "$report")
if [ "$code" = 3 ] || [ "$unread" != 0 ] || jq -e .partial "$report" >/dev/null; then
  text="incomplete: $(jq '.unknown | length' "$report") unknown, $(jq '.errors | length' "$report") errors"
  if [ "${DRIFT_ALLOW_INCOMPLETE:-false}" = true ]; then
    say warning "$text"
  else
    say error "$text"
    verdict=3
  fi
fi
if [ "$code" = 2 ]; then
  text="findings: $(jq '.findings | length' "$report")"
  if [ "${DRIFT_FAIL_ON_FINDINGS:-false}" = true ]; then
    say error "$text"
    verdict=2
  else
    say warning "$text"
  fi
fi
[ "$code:$verdict" != 0:0 ] || say notice "clean: $(jq .summary.in_sync "$report") resources in sync"
exit "$verdict"
