#!/usr/bin/env bash
# One real job for the aws CLI on the local cloud: make a bucket public, read it as nobody,
# lock it, be refused, find the own record in the event history.
# Takes the AWS_* variables that `lab cloud env` prints; exits non-zero on the first surprise.
set -euo pipefail

: "${AWS_ENDPOINT_URL:?run this under lab cloud exec}" "${AWS_ACCESS_KEY_ID:?}" "${AWS_SECRET_ACCESS_KEY:?}"
export AWS_PAGER="" AWS_EC2_METADATA_DISABLED=true
bucket="acme-cli-$(date +%s)-$$"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

fail() { echo "aws-cli: $*" >&2; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: expected $2, found $3"; }
# What anybody on the internet gets: an unsigned GET.
anybody() { curl --silent --output "$work/read" --write-out '%{http_code}' "$AWS_ENDPOINT_URL/$bucket/hello.txt"; }

me="$(aws sts get-caller-identity --query Arn --output text)"
case "$me" in arn:aws:*:111122223333:*) ;; *) fail "an unknown caller: $me" ;; esac

aws s3api create-bucket --bucket "$bucket" >/dev/null
printf 'hello' >"$work/hello.txt"
aws s3 cp --only-show-errors "$work/hello.txt" "s3://$bucket/hello.txt"
expect "a new bucket, read by anybody" 403 "$(anybody)"

policy='{"Version":"2012-10-17","Statement":[{"Sid":"Temp","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::'"$bucket"'/*"}]}'
if aws s3api put-bucket-policy --bucket "$bucket" --policy "$policy" 2>"$work/refused"; then
  fail "a public policy was taken although public policies are blocked"
fi
grep -q AccessDenied "$work/refused" || fail "the refusal is not AccessDenied: $(cat "$work/refused")"

aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
  BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=false,RestrictPublicBuckets=false
aws s3api put-bucket-policy --bucket "$bucket" --policy "$policy"
expect "a public bucket, read by anybody" 200 "$(anybody)"
expect "what anybody reads" hello "$(cat "$work/read")"
expect "policy status" True "$(aws s3api get-bucket-policy-status --bucket "$bucket" --query PolicyStatus.IsPublic --output text)"

aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
  BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
expect "a locked bucket, read by anybody" 403 "$(anybody)"

aws cloudtrail lookup-events --lookup-attributes "AttributeKey=ResourceName,AttributeValue=$bucket" \
  --query 'Events[?EventName==`PutBucketPublicAccessBlock`].CloudTrailEvent' --output json >"$work/events"
python3 - "$work/events" "$bucket" "$me" <<'PYTHON'
import json, sys
path, bucket, me = sys.argv[1:]
records = [json.loads(text) for text in json.load(open(path))]
assert len(records) == 2, f"2 records expected, {len(records)} found"
for record in records:
    assert record["userIdentity"]["arn"] == me, record["userIdentity"]
    assert record["requestParameters"]["bucketName"] == bucket
    assert record["eventSource"] == "s3.amazonaws.com" and record["readOnly"] is False
    assert not record["sourceIPAddress"].startswith("127."), record["sourceIPAddress"]
    assert "aws-cli" in record["userAgent"], record["userAgent"]
restricts = [r["requestParameters"]["PublicAccessBlockConfiguration"]["RestrictPublicBuckets"] for r in records]
assert restricts == [True, False], f"newest first: {restricts}"
PYTHON

# IAM: a key that is switched off opens nothing.
user="cli-$$-$(date +%s)"
aws iam create-user --user-name "$user" --tags Key=made-by,Value=aws-cli >/dev/null
key="$(aws iam create-access-key --user-name "$user" --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text)"
as_user() { AWS_SESSION_TOKEN='' AWS_ACCESS_KEY_ID="${key%%$'\t'*}" AWS_SECRET_ACCESS_KEY="${key##*$'\t'}" aws "$@"; }
as_user sts get-caller-identity >/dev/null
aws iam update-access-key --user-name "$user" --access-key-id "${key%%$'\t'*}" --status Inactive
if as_user sts get-caller-identity >/dev/null 2>"$work/refused"; then
  fail "an inactive key was let in"
fi
grep -q InvalidClientTokenId "$work/refused" || fail "unexpected refusal: $(cat "$work/refused")"
aws iam delete-access-key --user-name "$user" --access-key-id "${key%%$'\t'*}"
aws iam delete-user --user-name "$user"

aws s3 rm --only-show-errors --recursive "s3://$bucket"
aws s3api delete-bucket --bucket "$bucket"
echo "aws-cli: ok ($(aws --version 2>&1))"
