#!/usr/bin/env bash
# The whole lesson, in a folder of its own. Needs lab, curl, jq; what the story does with the
# AWS CLI is done with curl here, so that the tests can run this wherever they run.
set -euo pipefail
lab=${LAB_BIN:-lab}

# What ends with 2 (somebody must decide) is no failure here.
may() { "$@" || [ $? = "$expected" ]; }
key_action() {
    "$lab" run remediate --format json --exit-zero -q |
        jq -r '.hash, (.actions[] | select(.remedy == "deactivate_key") | .id)'
}

# 1, 2: a plan, and a yes to the key's action.
mapfile -t first < <(key_action)
"$lab" remediate approve "${first[1]}" --plan "${first[0]}"

# 3: Maya, meanwhile.
"$lab" cloud exec --as maya.chen -- "$(dirname "$0")/maya.sh"

# 4: the plan that was read is refused, and says which event moved it.
expected=3
refusal=$(may "$lab" run remediate --apply --plan "${first[0]}" 2>&1)
echo "$refusal" >&2
moved_by=$(grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' <<<"$refusal" | tail -1)

# 5: a new plan, a new yes, and exactly that.
mapfile -t second < <(key_action)
"$lab" remediate approve "${second[1]}" --plan "${second[0]}"
expected=2
applied=$(may "$lab" run remediate --apply --plan "${second[0]}" --format json -q)

# 6: one fix back, and one that the guard does not let back.
of_kind() { jq -r --arg kind "$1" '.actions[] | select(.kind == $kind) | .id' <<<"$applied"; }
account=$(of_kind azurerm_storage_account)
"$lab" remediate undo "$account"
expected=3
may "$lab" remediate undo "$(of_kind aws_s3_bucket_policy)"

# 7: what the ledger says.
ledger=$("$lab" ledger list --format json)
before=$(jq -r --arg kind azurerm_storage_account \
    'first(.entries[] | select(.kind == "intent" and .body.action.kind == $kind) | .seq)' <<<"$ledger")
head=$(jq -r '"\(.head.entries):\(.head.hash)"' <<<"$ledger")
"$lab" ledger verify --head "$head"
"$lab" lesson check fix-and-undo --answer "moved_by=$moved_by" \
    --answer "unused_plan=${first[0]}" --answer "before=$before" --answer "head=$head"
