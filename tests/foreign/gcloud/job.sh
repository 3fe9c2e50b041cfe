#!/usr/bin/env bash
# One real job with `gcloud storage` on a local cloud: make a bucket public, read it
# anonymously, lock it, read refused, find the own record in the audit log.
# The environment is that of `lab cloud env`. Needs gcloud and curl.
set -euo pipefail
command -v gcloud >/dev/null || { echo "gcloud is not here"; exit 77; }
command -v curl >/dev/null || { echo "curl is not here"; exit 77; }

CLOUDSDK_CONFIG=$(mktemp -d)
export CLOUDSDK_CONFIG CLOUDSDK_CORE_DISABLE_PROMPTS=1 CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true
work=$(mktemp -d)
trap 'rm -rf "$work" "$CLOUDSDK_CONFIG"' EXIT

endpoint=${CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE%/storage/v1/}
bucket="judge-gcloud-$RANDOM$RANDOM"
fail() { echo "gcloud: $*" >&2; exit 1; }
status() { curl --silent --max-time 20 --output "$work/answer" --write-out '%{http_code}' "$@"; }

gcloud storage buckets create "gs://$bucket" --location=us-central1 --quiet
gcloud storage buckets list --format='value(name)' | grep -qx "$bucket" || fail "the new bucket is not listed"

echo 'a,b' > "$work/report.csv"
gcloud storage cp "$work/report.csv" "gs://$bucket/reports/q1.csv" --quiet
head -c 9000000 /dev/urandom > "$work/big"
gcloud storage cp "$work/big" "gs://$bucket/big" --quiet
gcloud storage cp "gs://$bucket/big" "$work/back" --quiet
cmp "$work/big" "$work/back" || fail "what came back differs"
[ "$(gcloud storage cat "gs://$bucket/reports/q1.csv")" = 'a,b' ] || fail "cat"
gcloud storage ls "gs://$bucket/" | grep -q "gs://$bucket/reports/" || fail "ls shows no folder"

url="https://storage.googleapis.com/$bucket/reports/q1.csv"
[ "$(status "$url")" = 403 ] || fail "a private object was readable: $(cat "$work/answer")"

gcloud storage buckets add-iam-policy-binding "gs://$bucket" \
  --member=allUsers --role=roles/storage.objectViewer --quiet > /dev/null
[ "$(status "$url")" = 200 ] || fail "a public object was not readable: $(cat "$work/answer")"
grep -qx 'a,b' "$work/answer" || fail "other bytes than stored"

gcloud storage buckets update "gs://$bucket" --uniform-bucket-level-access --quiet
gcloud storage buckets update "gs://$bucket" --public-access-prevention --quiet
[ "$(gcloud storage buckets describe "gs://$bucket" --format='value(public_access_prevention)')" = enforced ] \
  || fail "the lock does not show"
[ "$(status "$url")" = 403 ] || fail "a locked bucket was readable: $(cat "$work/answer")"

printf '{"resourceNames":["projects/%s"],"filter":"protoPayload.methodName=\\"storage.setIamPermissions\\" AND protoPayload.resourceName=\\"projects/_/buckets/%s\\""}' \
  "$CLOUDSDK_CORE_PROJECT" "$bucket" > "$work/ask"
[ "$(status --header "Authorization: Bearer $(cat "$CLOUDSDK_AUTH_ACCESS_TOKEN_FILE")" \
  --header 'Content-Type: application/json' --data "@$work/ask" "$endpoint/v2/entries:list")" = 200 ] \
  || fail "the log does not answer: $(cat "$work/answer")"
grep -q '"member":"allUsers"' "$work/answer" || fail "the own record is not in the log: $(cat "$work/answer")"
grep -q 'gcloud/' "$work/answer" || fail "the record does not name the tool"

gcloud storage rm --recursive "gs://$bucket" --quiet
[ "$(status "$url")" = 404 ] || fail "the bucket is still there: $(cat "$work/answer")"
echo "gcloud: ok"
