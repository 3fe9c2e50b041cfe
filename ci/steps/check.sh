#!/usr/bin/env bash
# One drift check, written three times into the folder DRIFT_DIR: drift.json (what the other
# steps read), drift.sarif and drift.md. Target, states and all else come from lab.toml and the
# LAB_* variables. Findings do not end the step: verdict.sh judges when everything is reported.
set -euo pipefail
# shellcheck source=say.sh
. "$(dirname "$0")/say.sh"

dir=${DRIFT_DIR:-drift}
unset LAB_EXIT_ZERO # advisory or not is for verdict.sh to say; here the code is needed
mkdir -p "$dir"
rm -f "$dir"/drift.{json,sarif,md} "$dir/code"

check() {
  local format=$1 file=$2 code=0
  quoted lab run drift-check --format "$format" -o "$file" || code=$?
  case $code in
    0 | 2 | 3) last=$code ;;
    *)
      say error "lab run drift-check --format $format ended with $code"
      exit "$code"
      ;;
  esac
}

check json "$dir/drift.json"
printf '%s\n' "$last" >"$dir/code"
check sarif "$dir/drift.sarif"
check markdown "$dir/drift.md"

# Whatever takes an absent finding for a mended one (code scanning does, and so do issues) may
# only be told of a check that read everything.
complete=false
if jq -e '(.partial | not) and .unknown == [] and .errors == []' "$dir/drift.json" >/dev/null &&
  jq -e '[.runs[].invocations[].toolExecutionNotifications[]
          | select(.descriptor.id | IN("error", "unknown"))] == []' "$dir/drift.sarif" >/dev/null; then
  complete=true
fi
upload=$complete
[ "${DRIFT_ALLOW_INCOMPLETE:-false}" != true ] || upload=true

hand_on code "$(cat "$dir/code")"
hand_on complete "$complete"
hand_on upload "$upload"
summary "$dir/drift.md"
