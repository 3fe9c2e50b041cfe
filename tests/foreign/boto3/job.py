#!/usr/bin/env python3
"""One real job for boto3 on the local cloud: make a bucket public, read it as nobody, lock it,
be refused, find the own records in the event history and in the trail's own files.

Takes the AWS_* variables that `lab cloud env` prints; exits non-zero on the first surprise.
"""

import gzip
import json
import os
import time
import uuid

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

assert os.environ.get("AWS_ENDPOINT_URL"), "run this under lab cloud exec"
# A refusal is an answer here, not something to try again.
once = Config(retries={"total_max_attempts": 1})
s3 = boto3.client("s3", config=once)
sts = boto3.client("sts", config=once)
iam = boto3.client("iam", config=once)
cloudtrail = boto3.client("cloudtrail", config=once)
anybody = boto3.client("s3", config=once.merge(Config(signature_version=UNSIGNED)))


def refused(code, call, **parameters):
    try:
        call(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        return error.response["Error"]["Message"]
    raise AssertionError(f"{call.__name__} was let through, {code} expected")


me = sts.get_caller_identity()
assert me["Account"] == "111122223333", me
bucket = f"acme-boto3-{uuid.uuid4().hex[:12]}"
statement = {
    "Sid": "Temp",
    "Effect": "Allow",
    "Principal": "*",
    "Action": "s3:GetObject",
    "Resource": f"arn:aws:s3:::{bucket}/*",
}
policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def block(on):
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={name: on for name in names}
    )


# Closed from the beginning.
s3.create_bucket(Bucket=bucket)
s3.put_object(Bucket=bucket, Key="hello.txt", Body=b"hello")
block_now = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
assert block_now == {name: True for name in names}, block_now
refused("AccessDenied", anybody.get_object, Bucket=bucket, Key="hello.txt")
refused("AccessDenied", s3.put_bucket_policy, Bucket=bucket, Policy=policy)

# Opened.
block(False)
s3.put_bucket_policy(Bucket=bucket, Policy=policy)
assert anybody.get_object(Bucket=bucket, Key="hello.txt")["Body"].read() == b"hello"

# Locked.
block(True)
refused("AccessDenied", anybody.get_object, Bucket=bucket, Key="hello.txt")

# Found within a second.
began = time.monotonic()
events = cloudtrail.lookup_events(
    LookupAttributes=[{"AttributeKey": "ResourceName", "AttributeValue": bucket}]
)["Events"]
records = [json.loads(event["CloudTrailEvent"]) for event in events]
found = [record["eventName"] for record in records]
assert found.count("PutBucketPublicAccessBlock") == 2, found
assert found.count("PutBucketPolicy") == 2, found
assert {record["userIdentity"]["arn"] for record in records} == {me["Arn"]}
denied = [r for r in records if r["eventName"] == "PutBucketPolicy" and "errorCode" in r]
assert len(denied) == 1 and denied[0]["errorCode"] == "AccessDenied", denied
put = [r for r in records if r["eventName"] == "PutBucketPolicy" and "errorCode" not in r]
assert put[0]["requestParameters"]["bucketPolicy"]["Statement"][0]["Sid"] == "Temp"

# The same records lie in the trail's files.
trail = cloudtrail.describe_trails()["trailList"][0]
prefix = f"AWSLogs/{me['Account']}/CloudTrail/"
pages = s3.get_paginator("list_objects_v2").paginate(Bucket=trail["S3BucketName"], Prefix=prefix)
delivered = []
for page in pages:
    for item in page.get("Contents", []):
        body = s3.get_object(Bucket=trail["S3BucketName"], Key=item["Key"])["Body"].read()
        delivered += json.loads(gzip.decompress(body))["Records"]
ids = [record["eventID"] for record in delivered]
assert len(ids) == len(set(ids)), "a record was delivered twice"
for record in records:
    assert record in delivered, record["eventName"]

# A role: trusted, assumed, and no more than its session policy.
role = f"boto3-{uuid.uuid4().hex[:8]}"
trust = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": me["Account"]}, "Action": "sts:AssumeRole"}
    ],
}
made = iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
assert made["AssumeRolePolicyDocument"] == trust, made
reading = "arn:aws:iam::aws:policy/ReadOnlyAccess"
iam.attach_role_policy(RoleName=role, PolicyArn=reading)
credentials = sts.assume_role(RoleArn=made["Arn"], RoleSessionName="judge")["Credentials"]
session = boto3.Session(
    aws_access_key_id=credentials["AccessKeyId"],
    aws_secret_access_key=credentials["SecretAccessKey"],
    aws_session_token=credentials["SessionToken"],
)
as_role = session.client("iam", config=once)
assert any(user["UserName"] == "deployer" for user in as_role.list_users()["Users"])
said = refused("AccessDenied", as_role.create_user, UserName="backdoor")
assert f"assumed-role/{role}/judge" in said and "iam:CreateUser" in said, said
iam.detach_role_policy(RoleName=role, PolicyArn=reading)
iam.delete_role(RoleName=role)

s3.delete_object(Bucket=bucket, Key="hello.txt")
s3.delete_bucket(Bucket=bucket)
print(f"boto3: ok ({boto3.__version__}, looked up in {time.monotonic() - began:.1f} s)")
