"""One real job with Google's own Python client on a local cloud.

Make a bucket public, read it anonymously, lock it, read refused, find the own record in the
audit log. The environment is that of `lab cloud env`; a service-account key signs for the
caller. The job runs twice: with production URLs and the environment alone (the proxy and its
certificate), and with `api_endpoint` pointing at the plain endpoint.
"""

import json
import os
import subprocess
import sys

try:
    import google.auth
    import requests
    from google.api_core.client_options import ClientOptions
    from google.api_core.exceptions import Forbidden, NotFound, PreconditionFailed
    from google.auth.transport.requests import AuthorizedSession, Request
    from google.cloud import storage
except ImportError as missing:
    print(f"google-cloud-storage is not here: {missing}")
    sys.exit(77)

SCOPE = ["https://www.googleapis.com/auth/cloud-platform"]
PROJECT = os.environ["GOOGLE_CLOUD_PROJECT"]


def job(label, bucket_name, client, anonymous_url, logging_url):
    credentials, _ = google.auth.default(scopes=SCOPE)
    session = AuthorizedSession(credentials)

    bucket = client.create_bucket(bucket_name, location="US-CENTRAL1")
    assert bucket.iam_configuration.public_access_prevention == "inherited", label
    blob = bucket.blob("reports/2026 q1.csv")
    blob.metadata = {"origin": "nightly"}
    blob.upload_from_string("a,b\n1,2\n", content_type="text/csv")
    big = os.urandom(9 * 1024 * 1024)
    bucket.blob("big.bin", chunk_size=2 * 1024 * 1024).upload_from_string(big)
    assert bucket.blob("big.bin").download_as_bytes() == big, label
    assert bucket.blob("big.bin").download_as_bytes(start=5, end=9) == big[5:10], label
    names = [b.name for b in client.list_blobs(bucket_name, prefix="reports/")]
    assert names == ["reports/2026 q1.csv"], names

    url = anonymous_url(bucket_name, "reports/2026%20q1.csv")
    refused = requests.get(url, timeout=20)
    assert refused.status_code in (401, 403), (label, refused.status_code)
    assert "storage.objects.get" in refused.text, refused.text

    # Make public: read, change, write the policy.
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.bindings.append({"role": "roles/storage.objectViewer", "members": {"allUsers"}})
    bucket.set_iam_policy(policy)
    opened = requests.get(url, timeout=20)
    assert (opened.status_code, opened.text) == (200, "a,b\n1,2\n"), (label, opened.status_code)
    # An Authorization header that is no good is refused even so.
    bad = requests.get(url, headers={"Authorization": "Bearer nonsense"}, timeout=20)
    assert bad.status_code == 401, (label, bad.status_code)
    # The etag of before no longer fits.
    try:
        bucket.set_iam_policy(policy)
        raise AssertionError(f"{label}: a stale etag was taken")
    except PreconditionFailed:
        pass

    # Lock.
    bucket.iam_configuration.uniform_bucket_level_access_enabled = True
    bucket.iam_configuration.public_access_prevention = "enforced"
    bucket.patch()
    locked = client.get_bucket(bucket_name)
    assert locked.iam_configuration.uniform_bucket_level_access_enabled is True, label
    assert locked.iam_configuration.public_access_prevention == "enforced", label
    refused = requests.get(url, timeout=20)
    assert refused.status_code in (401, 403), (label, refused.status_code)
    policy = locked.get_iam_policy(requested_policy_version=3)
    policy.bindings = [b for b in policy.bindings if "allUsers" not in b["members"]]
    policy = locked.set_iam_policy(policy)
    try:
        policy.bindings.append({"role": "roles/storage.objectViewer", "members": {"allUsers"}})
        locked.set_iam_policy(policy)
        raise AssertionError(f"{label}: allUsers was taken under enforced prevention")
    except PreconditionFailed as error:
        assert "public access prevention is enforced" in str(error), error

    # The own record.
    found = session.post(
        logging_url,
        json={
            "resourceNames": [f"projects/{PROJECT}"],
            "filter": 'logName="projects/%s/logs/cloudaudit.googleapis.com%%2Factivity" AND '
            'protoPayload.methodName="storage.setIamPermissions" AND '
            'protoPayload.resourceName="projects/_/buckets/%s"' % (PROJECT, bucket_name),
            "orderBy": "timestamp desc",
        },
        timeout=20,
    )
    assert found.status_code == 200, found.text
    entries = found.json()["entries"]
    with open(os.environ["GOOGLE_APPLICATION_CREDENTIALS"], encoding="utf-8") as key_file:
        key = json.load(key_file)
    # What counts is the change that went through: refused ones have no delta.
    adds = [
        e
        for e in entries
        for d in e["protoPayload"].get("serviceData", {}).get("policyDelta", {}).get("bindingDeltas", [])
        if d == {"action": "ADD", "role": "roles/storage.objectViewer", "member": "allUsers"}
    ]
    assert len(adds) == 1, json.dumps(entries, indent=1)
    who = adds[0]["protoPayload"]["authenticationInfo"]
    assert who["principalEmail"] == key["client_email"], who
    assert who["serviceAccountKeyName"].endswith(key["private_key_id"]), who
    assert adds[0]["protoPayload"]["status"] == {}, adds[0]
    assert "gcloud-python" in adds[0]["protoPayload"]["requestMetadata"]["callerSuppliedUserAgent"]

    try:
        client.get_bucket("no-such-" + bucket_name)
        raise AssertionError("a bucket that is not there was found")
    except NotFound:
        pass
    locked.delete(force=True)
    print(f"{label}: ok")


def may_not(client, bucket_name):
    """A caller that only reads is refused, and told what is missing."""
    try:
        client.create_bucket(bucket_name)
        raise AssertionError("a reader made a bucket")
    except Forbidden as error:
        assert "storage.buckets.create" in str(error), error


def reader_credentials():
    """The credential file of a caller that only reads, where the lab's program is at hand."""
    program = os.environ.get("LAB_BIN")
    if not program:
        return os.environ.get("LAB_READER_CREDENTIALS")
    command = [program, "--data", os.environ["LAB_DATA"], "cloud", "env"]
    command += ["--as", "drift-reader", "--format", "json"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(told)["GOOGLE_APPLICATION_CREDENTIALS"]


def main():
    endpoint = os.environ["CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE"].removesuffix("/storage/v1/")
    suffix = os.urandom(4).hex()
    assert os.environ["HTTPS_PROXY"] and os.environ["REQUESTS_CA_BUNDLE"]
    job(
        "production URLs, environment alone",
        f"judge-env-{suffix}",
        storage.Client(),
        lambda bucket, name: f"https://storage.googleapis.com/{bucket}/{name}",
        "https://logging.googleapis.com/v2/entries:list",
    )
    job(
        "api_endpoint",
        f"judge-api-{suffix}",
        storage.Client(client_options=ClientOptions(api_endpoint=endpoint)),
        lambda bucket, name: f"{endpoint}/storage/v1/b/{bucket}/o/{name.replace('/', '%2F')}?alt=media",
        f"{endpoint}/v2/entries:list",
    )
    reader = reader_credentials()
    if reader:
        credentials, _ = google.auth.load_credentials_from_file(reader, scopes=SCOPE)
        may_not(storage.Client(project=PROJECT, credentials=credentials), f"judge-no-{suffix}")
        print("a reader is refused: ok")
    # The metadata server, for tools without a key file.
    del os.environ["GOOGLE_APPLICATION_CREDENTIALS"]
    credentials, _ = google.auth.default(scopes=SCOPE)
    credentials.refresh(Request())
    assert storage.Client(project=PROJECT, credentials=credentials).list_buckets() is not None
    print("metadata server: ok")


if __name__ == "__main__":
    sys.exit(main())
