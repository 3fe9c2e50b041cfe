"""Writes requests.json: what botocore puts on the wire for some calls, signed with the keys of the AWS documentation
at a fixed time. Run it where botocore is installed: python3 record.py > requests.json
"""
import datetime
import json
import sys
from unittest import mock

import botocore
import botocore.auth
import botocore.session

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQW"
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5)

CALLS = [
    ("iam", "CreateUser", {"UserName": "maya", "Path": "/team a/", "Tags": [{"Key": "team", "Value": "a b&c=é"}, {"Key": "k", "Value": ""}]}),
    ("iam", "CreateUser", {"UserName": "no-tags", "Tags": []}),
    ("iam", "GetUser", {}),
    ("iam", "ListAccessKeys", {"UserName": "maya", "MaxItems": 5}),
    ("iam", "PutUserPolicy", {"UserName": "maya", "PolicyName": "p", "PolicyDocument": "{\n  \"Version\": \"2012-10-17\"\n}"}),
    ("iam", "UntagUser", {"UserName": "maya", "TagKeys": ["a", "b", "c"]}),
    ("iam", "UpdateAccessKey", {"UserName": "maya", "AccessKeyId": KEY, "Status": "Inactive"}),
    ("sts", "GetCallerIdentity", {}),
    ("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::111122223333:role/Developer", "RoleSessionName": "maya.chen@example.com", "DurationSeconds": 900, "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}], "TransitiveTagKeys": ["x"]}),
    ("cloudtrail", "LookupEvents", {"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": "exports"}], "StartTime": "2026-01-01T00:00:00Z", "EndTime": "2026-01-02T03:04:05Z", "MaxResults": 50}),
    ("cloudtrail", "CreateTrail", {"Name": "main", "S3BucketName": "audit", "IsMultiRegionTrail": True, "TagsList": [{"Key": "a", "Value": "b"}]}),
    ("ec2", "DescribeRegions", {"RegionNames": ["us-east-1", "eu-west-1"], "AllRegions": False}),
    ("ec2", "DescribeSecurityGroups", {"Filters": [{"Name": "group-name", "Values": ["a", "b"]}, {"Name": "vpc-id", "Values": ["vpc-1"]}], "GroupIds": ["sg-1"]}),
    ("ec2", "AuthorizeSecurityGroupIngress", {"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "for a minute"}]}]}),
]


class Stop(Exception):
    pass


def record(service, operation, params, token, presigned=False):
    session = botocore.session.Session()
    session.set_credentials(KEY, SECRET, token)
    client = session.create_client(service, region_name="us-east-1")
    seen = {}

    def send(request, **_):
        seen["request"] = request
        raise Stop()

    client.meta.events.register("before-send", send)
    method = botocore.xform_name(operation)
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: NOW):
        if presigned:
            url = client.generate_presigned_url(method, Params=params, ExpiresIn=600, HttpMethod="GET" if service == "sts" else None)
            request = mock.Mock(method="GET" if service == "sts" else "POST", url=url, headers={}, body=b"")
        else:
            try:
                getattr(client, method)(**params)
            except Stop:
                pass
            request = seen["request"]
    text = lambda v: v.decode() if isinstance(v, bytes) else str(v)
    # The signature was recorded; what else the client says about itself is noise.
    keep = ("authorization", "content-type", "x-amz-date", "x-amz-target", "x-amz-security-token", "x-amz-content-sha256", "host")
    return {
        "service": service,
        "operation": operation,
        "input": params,
        "session": token is not None,
        "presigned": presigned,
        "method": request.method,
        "url": request.url,
        "headers": {k.lower(): text(v) for k, v in request.headers.items() if k.lower() in keep},
        "body": text(request.body or b""),
    }


requests = [record(*call, token) for call in CALLS for token in (None, TOKEN)]
requests += [record("sts", "GetCallerIdentity", {}, token, presigned=True) for token in (None, TOKEN)]
json.dump(
    {
        "made_by": "record.py with botocore " + botocore.__version__,
        "access_key": KEY,
        "secret": SECRET,
        "session_token": TOKEN,
        "signed_at": NOW.isoformat() + "Z",
        "requests": requests,
    },
    sys.stdout,
    indent=1,
    ensure_ascii=False,
)
print()
