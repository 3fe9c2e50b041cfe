#!/usr/bin/env python3
"""Random requests and policies as JSON lines: generate.py [COUNT] [SEED] [all].

Small alphabets on purpose: a pattern has to have a fair chance to match. Without `all`, what the
two engines are known to read differently is left out (README.md lists it): the rate that `all`
gives is the agreement, the other one only says that nothing else differs.
"""

import json
import random
import sys

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
ALL = sys.argv[3:] == ["all"]
rng = random.Random(SEED)

OWN, OTHER = "111111111111", "222222222222"
USERS = [f"arn:aws:iam::{OWN}:user/alice", f"arn:aws:iam::{OWN}:user/eng/bob",
         f"arn:aws:iam::{OTHER}:user/carol"]
SESSIONS = [f"arn:aws:sts::{OWN}:assumed-role/ops/s1", f"arn:aws:sts::{OTHER}:assumed-role/dev/s2"]
SERVICES = ["cloudtrail.amazonaws.com", "s3.amazonaws.com"]
PROVIDER = f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"

# service -> actions, resources, patterns of either
WORLD = {
    "s3": {
        "actions": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
        "resources": ["arn:aws:s3:::b/k", "arn:aws:s3:::b/alice/k", "arn:aws:s3:::c/x/y",
                      "arn:aws:s3:::b/été", "arn:aws:s3:::b/a:b"],
        "patterns": ["*", "arn:aws:s3:::b/*", "arn:aws:s3:::*/k", "arn:aws:s3:::c/?/y",
                     "arn:aws:s3:::b/k", "arn:aws:s3:::*", "arn:aws:s3:::b/${aws:username}/*",
                     "arn:aws:s3:::b/${*}x", "arn:aws:s3:::b/${aws:PrincipalTag/team, 'alice'}/*",
                     "arn:aws:s3:::?/*", "arn:aws:s3:::b/*:b", "arn:aws:s3:::b/?t?", "arn:aws:s3:::B/*",
                     "arn:aws:s3:::${aws:PrincipalTag/team}/*"],
        "wild_actions": ["*", "s3:*", "s3:Get*", "s3:?etObject", "S3:PUTOBJECT", "s3:GetObject",
                         "ec2:*", "s3:Delete*", "s3:*Object", "s3:G*t*"],
    },
    "sqs": {
        "actions": ["sqs:SendMessage", "sqs:ReceiveMessage"],
        "resources": [f"arn:aws:sqs:us-east-1:{OWN}:jobs", f"arn:aws:sqs:eu-west-1:{OWN}:jobs-2"],
        "patterns": ["*", f"arn:aws:sqs:us-east-1:{OWN}:jobs", "arn:aws:sqs:*:*:jobs*",
                     f"arn:aws:sqs:us-*-1:{OWN}:*", f"arn:aws:sqs:*:{OWN}:jobs?2",
                     "arn:aws:sqs:us-east-?:1*:jobs", "arn:*:sqs:*:*:*"],
        "wild_actions": ["*", "sqs:*", "sqs:Send*", "sqs:ReceiveMessage", "SQS:sendmessage"],
    },
    "sts": {
        "actions": ["sts:AssumeRole", "sts:TagSession"],
        "resources": [f"arn:aws:iam::{OWN}:role/ci"],
        "patterns": ["*", f"arn:aws:iam::{OWN}:role/ci", f"arn:aws:iam::{OWN}:role/*",
                     f"arn:aws:iam::{OTHER}:role/*"],
        "wild_actions": ["*", "sts:*", "sts:AssumeRole", "sts:Assume*", "sts:TagSession"],
    },
    "kms": {
        "actions": ["kms:Decrypt", "kms:Encrypt"],
        "resources": [f"arn:aws:kms:us-east-1:{OWN}:key/k1"],
        "patterns": ["*", f"arn:aws:kms:us-east-1:{OWN}:key/*", f"arn:aws:kms:*:{OWN}:key/k1"],
        "wild_actions": ["*", "kms:*", "kms:Decrypt", "kms:?ncrypt"],
    },
}

PRINCIPALS = [
    "*", {"AWS": "*"}, {"AWS": OWN}, {"AWS": f"arn:aws:iam::{OTHER}:root"}, {"AWS": USERS[0]},
    {"AWS": [USERS[1], USERS[2]]}, {"AWS": f"arn:aws:iam::{OWN}:role/ops"}, {"AWS": SESSIONS[0]},
    {"AWS": [OWN, OTHER]}, {"AWS": f"arn:aws:iam::{OWN}:root", "Service": SERVICES[0]},
    {"Service": SERVICES[0]}, {"Service": SERVICES},
    {"AWS": f"arn:aws:iam::{OTHER}:role/dev", "Service": SERVICES[1]}, {"Federated": PROVIDER},
]
# To a federated caller: the oracle counts a provider as a member of the account in its ARN.
FEDERATED_ONLY = ["*", {"AWS": "*"}, {"Federated": PROVIDER}, {"AWS": USERS[0]}]
# Beside a session policy: the oracle lets it cap a grant to everyone or to the session by name.
NOT_DIRECT = [p for p in PRINCIPALS if p not in ("*", {"AWS": "*"}, {"AWS": SESSIONS[0]})]
NOT_PRINCIPALS = [
    {"AWS": [USERS[0], f"arn:aws:iam::{OWN}:root"]}, {"AWS": USERS[2]}, {"AWS": OWN},
    {"AWS": [SESSIONS[0], f"arn:aws:iam::{OWN}:role/ops", OWN]}, {"Service": SERVICES[0]},
]

VALUES = {
    "aws:PrincipalTag/team": ["red", "blue", "b*d"],
    "aws:SourceIp": ["10.1.2.3", "192.0.2.9", "203.0.113.200"],
    "aws:SecureTransport": ["true", "false"],
    "aws:CurrentTime": ["2026-11-24T12:00:00Z", "2024-01-01T00:00:00Z"],
    "s3:max-keys": ["5", "100", "7.5"],
    "aws:SourceArn": [f"arn:aws:sns:us-east-1:{OWN}:t", f"arn:aws:sqs:eu-west-1:{OTHER}:q",
                      f"arn:aws:iam::{OWN}:user/eng/bob"],
    "aws:PrincipalOrgID": ["o-1", "o-2"],
}
LISTS = {"aws:TagKeys": [["env", "team"], ["env"], ["x"], ["env", "x", "team"]]}
STRING_OPERATORS = ["StringEquals", "StringNotEquals", "StringLike", "StringNotLike",
                    "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"]
STRING_WANTED = ["red", "BLUE", "b*", "?ed", "alice", "env", "team", "x", "o-?", "*",
                 "${aws:PrincipalTag/team, 'red'}"]
TYPED = {
    "aws:SourceIp": (["IpAddress", "NotIpAddress"],
                     ["10.0.0.0/8", "192.0.2.9", "192.0.2.0/29", "203.0.113.128/25", "128.0.0.0/1"] + ["0.0.0.0/0"] * ALL),
    "aws:SecureTransport": (["Bool"], ["true", "false", "TRUE"]),
    "aws:CurrentTime": (["DateLessThan", "DateGreaterThan", "DateEquals", "DateNotEquals",
                         "DateLessThanEquals", "DateGreaterThanEquals"],
                        ["2025-06-01T00:00:00Z", "2024-01-01T00:00:00Z", "2026-11-24",
                         "2024-01-01", "2026-11-24T13:00:00+01:00"]),
    "s3:max-keys": (["NumericLessThan", "NumericEquals", "NumericNotEquals",
                     "NumericGreaterThanEquals", "NumericLessThanEquals", "NumericGreaterThan"],
                    ["5", "50", "100", "7.50", "05"]),
    "aws:SourceArn": (["ArnLike", "ArnEquals", "ArnNotLike", "ArnNotEquals"],
                      ["arn:aws:sns:*:*:t", "arn:aws:sqs:*:*:*", "arn:aws:s?s:*:2*:?",
                       f"arn:aws:sns:us-east-1:{OWN}:t", "arn:aws:iam::*:user/*"]),
}
FULL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def some(options):
    chosen = rng.sample(options, rng.choice([1, 1, 1, 2]))
    return chosen[0] if len(chosen) == 1 else chosen


def condition():
    key = rng.choice(list(VALUES) + list(LISTS))
    if rng.random() < 0.06:
        return {"Null": {key: rng.choice(["true", "false"])}}
    operators, wanted = TYPED.get(key, (STRING_OPERATORS, STRING_WANTED))
    operator = rng.choice(operators)
    strings = key not in TYPED
    if strings and ALL:
        wanted = wanted + ["b${*}d", "${aws:username}", "${aws:PrincipalOrgID}"]
    elif operator == "StringLike":
        wanted = wanted + ["b${*}d"]
    if not ALL and operator in ("StringEquals", "StringLike", "StringEqualsIgnoreCase"):
        wanted = wanted + ["${aws:username}", "${aws:PrincipalOrgID}"]
    quantifier = rng.choice(["ForAllValues:", "ForAnyValue:"]) if key in LISTS else ""
    if rng.random() < 0.25 and (ALL or quantifier != "ForAnyValue:"):
        operator += "IfExists"
    operator = quantifier + operator
    if rng.random() < 0.2:
        key = key.upper()
    return {operator: {key: some(wanted)}}


def statement(world, kind, principals):
    out = {"Effect": "Allow" if rng.random() < 0.72 else "Deny"}
    out["Action" if rng.random() < 0.87 else "NotAction"] = some(world["wild_actions"])
    if kind != "trust":
        out["Resource" if rng.random() < 0.87 else "NotResource"] = some(world["patterns"])
    if kind in ("resource", "trust"):
        if out["Effect"] == "Deny" and rng.random() < 0.15 and principals is not FEDERATED_ONLY:
            out["NotPrincipal"] = rng.choice(NOT_PRINCIPALS)
        else:
            out["Principal"] = rng.choice(principals)
    block = {}
    for _ in range(rng.choice([0, 0, 1, 1, 2])):
        for operator, keys in condition().items():
            block.setdefault(operator, {}).update(keys)
    if block:
        out["Condition"] = block
    return out


def policy(world, kind="identity", principals=()):
    statements = [statement(world, kind, principals) for _ in range(rng.choice([1, 1, 2, 3]))]
    return {"Version": "2012-10-17", "Statement": statements}


def case(number):
    service = rng.choice(["s3", "s3", "s3", "sqs", "sts", "kms"])
    world = WORLD[service]
    callers = USERS + SESSIONS + [f"service:{SERVICES[0]}"]
    if service in ("s3", "sqs"):
        callers.append("anonymous")
    if service == "sts":
        callers.append(f"federated:{PROVIDER}")
    principal = rng.choice(callers)
    identity_side = principal.startswith("arn:")
    context = {key: rng.choice(values) for key, values in (VALUES | LISTS).items()
               if rng.random() < 0.6}
    if ":user/" in principal:
        context["aws:username"] = principal.rsplit("/", 1)[1]
    with_policy = rng.random() < 0.7 or not identity_side or service in ("sts", "kms")
    kind = "trust" if service == "sts" else "resource"
    identity = []
    if identity_side:
        identity = [policy(world) for _ in range(rng.choice([0, 1, 1, 2]))]
        if rng.random() < 0.3:
            identity.append(FULL)

    def cap(chance):
        if not identity_side or rng.random() >= chance:
            return None
        return FULL if rng.random() < 0.4 else policy(world)

    session = cap(0.25) if ":assumed-role/" in principal else None
    principals = NOT_DIRECT if session and not ALL else PRINCIPALS
    if not ALL and principal.startswith("federated:"):
        principals = FEDERATED_ONLY
    return {
        "id": str(number), "expect": "", "principal": principal,
        "action": rng.choice(world["actions"]), "resource": rng.choice(world["resources"]),
        "resource_account": rng.choice([OWN, OWN, OTHER]) if service == "s3" else OWN,
        "context": context, "identity": identity,
        "resource_policy": policy(world, kind, principals) if with_policy else None,
        "boundary": cap(0.2),
        "session": session,
        "scps": [[FULL], [policy(world), policy(world)]]
        if identity_side and rng.random() < 0.15 else [],
    }


for number in range(COUNT):
    print(json.dumps(case(number), ensure_ascii=False))
