#!/usr/bin/env python3
"""Real Terraform with the real AWS provider: terraform/deploy/aws-lambda validates, plans on a
local cloud, and plans exactly the policy under which the function is proved.

The environment is that of `lab cloud exec`. Needs terraform and the provider's binary.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def not_here(why):
    print(why)
    sys.exit(77)


if not shutil.which("terraform"):
    not_here("terraform is not installed")
# The provider is taken from the machine: the registry is no part of the lab.
places = ["/opt", "/usr/local/share", "/usr/share", os.path.expanduser("~/.terraform.d")]
found = [p for place in places for p in pathlib.Path(place).rglob("terraform-provider-aws_v5*")]
if not found:
    not_here("no binary of the AWS provider 5.x on this machine")
mirror = str(found[0]).split("/registry.terraform.io/")[0]

root = pathlib.Path(os.environ["LAB_ROOT"])
module = root / "terraform/deploy/aws-lambda"
work = pathlib.Path(tempfile.mkdtemp())
environment = {
    **os.environ,
    "TF_IN_AUTOMATION": "1",
    "TF_CLI_ARGS": "-no-color",
    "CHECKPOINT_DISABLE": "1",
    "TF_CLI_CONFIG_FILE": "/dev/null",
}


def terraform(*arguments, refused=None):
    done = subprocess.run(
        ["terraform", *arguments], cwd=work, env=environment, capture_output=True, text=True
    )
    said = done.stdout + done.stderr
    if refused is None:
        assert done.returncode == 0, f"{arguments}: {said}"
    else:
        assert done.returncode != 0, f"{arguments} was let through, {refused} expected"
        words = " ".join(said.replace("│", " ").split())
        assert refused in words, said
    return done.stdout


def root_module(**variables):
    given = {
        "source": str(module),
        "zip": "function.zip",
        "states": ["s3://acme-tf-states/prod/*.tfstate"],
        "ledger": "s3://acme-tf-record/ledger",
        "policy": "s3://acme-tf-states/remediation.toml",
        **variables,
    }
    # Terraform reads JSON as well as its own language.
    configuration = {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "provider": {"aws": {"region": "us-east-1"}},
        "module": {"remediation": given},
    }
    (work / "main.tf.json").write_text(json.dumps(configuration))


try:
    (work / "function.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    root_module()
    terraform("init", "-input=false", f"-plugin-dir={mirror}")
    terraform("validate")
    terraform("plan", "-input=false", "-out=plan")
    plan = json.loads(terraform("show", "-json", "plan"))
    planned = {
        f"{r['type']}.{r['name']}": r.get("values", {})
        for r in plan["planned_values"]["root_module"]["child_modules"][0]["resources"]
    }

    # The policy, rendered here once more out of the same two files.
    known = json.loads((module / "kinds.json").read_text())
    kinds = ["aws_s3_bucket_policy", "aws_s3_bucket_public_access_block", "aws_s3_bucket_versioning"]
    arn = "arn:aws:s3:::"
    values = {
        "read": sorted({a for k in kinds for a in known[k]["read"]}),
        "update": sorted({a for k in kinds for a in known[k]["update"]}),
        "list_buckets": [arn + "acme-tf-states"],
        "objects": [
            arn + "acme-tf-states/prod/*.tfstate",
            arn + "acme-tf-states/prod/*.tfstate.tflock",
            arn + "acme-tf-states/remediation.toml",
        ],
        "ledger_bucket": arn + "acme-tf-record",
        "ledger_keys": "ledger/*",
        "ledger_objects": arn + "acme-tf-record/ledger/*",
    }
    text = (module / "policy.json.tftpl").read_text()
    for name, value in values.items():
        text = text.replace("${" + name + "}", json.dumps(value))
    own = json.loads(planned["aws_iam_role_policy.remediation"]["policy"])
    assert own == json.loads(text), own

    function = planned["aws_lambda_function.function"]
    assert function["runtime"] == "provided.al2023" and function["handler"] == "bootstrap"
    assert function["reserved_concurrent_executions"] == 5
    settings = function["environment"][0]["variables"]
    assert settings["LAB_APPLY"] == "false", "nothing is changed unless somebody says so"
    assert settings["LAB_KINDS"].split(",") == kinds, settings
    mapping = planned["aws_lambda_event_source_mapping.events"]
    assert mapping["function_response_types"] == ["ReportBatchItemFailures"]
    queue = planned["aws_sqs_queue.events"]
    assert queue["visibility_timeout_seconds"] >= 6 * function["timeout"]
    rule = json.loads(planned["aws_cloudwatch_event_rule.changes"]["event_pattern"])
    assert rule["source"] == ["aws.s3"], rule
    assert "PutBucketPublicAccessBlock" in rule["detail"]["eventName"], rule
    assert planned["aws_cloudwatch_metric_alarm.failed"]["threshold"] == 0

    # What is wrong is refused before anything is asked.
    for wrong, told in [
        ({"states": []}, "Name at least one state."),
        ({"states": ["gs://bucket/x.tfstate"]}, "Each state is s3://BUCKET/KEY"),
        ({"ledger": "s3://acme-tf-record/ledger/"}, "without a slash at its end"),
        ({"kinds": ["aws_instance"]}, "Only kinds that kinds.json lists."),
        ({"concurrency": 1}, "At least 2, or null"),
        ({"timeout": 5}, "20 to 900 seconds."),
        ({"name": "Remediation"}, "lowercase letters"),
        ({"policy": "remediation.toml"}, "Give s3://BUCKET/KEY of one object."),
    ]:
        root_module(**wrong)
        terraform("plan", "-input=false", refused=told)
finally:
    shutil.rmtree(work)
print(f"deploy-aws-lambda: {len(planned)} resources planned, the policy is the proved one")
