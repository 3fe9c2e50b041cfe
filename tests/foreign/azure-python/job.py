"""Microsoft's own Python SDK does one real job on the local cloud.

Everything comes from the environment that `lab cloud env` prints: production URLs, the
proxy, the CA bundle, a client id and its secret. It makes a container public and reads a
blob as nobody, locks it again, sees the read refused, opens it once more with the account's
key, and looks for its own records in the Activity Log: the listing of the keys is there, the
change made with the key is not. It exits non-zero when anything is not so.
"""

import datetime
import os
import sys
import time
import uuid

try:
    import requests
    from azure.core.exceptions import (
        ClientAuthenticationError,
        HttpResponseError,
        ResourceExistsError,
        ResourceNotFoundError,
    )
    from azure.identity import ClientSecretCredential, DefaultAzureCredential
    from azure.mgmt.storage import StorageManagementClient
    from azure.storage.blob import (
        AccountSasPermissions,
        BlobSasPermissions,
        BlobServiceClient,
        ContainerClient,
        PublicAccess,
        ResourceTypes,
        generate_account_sas,
        generate_blob_sas,
    )
except ImportError as missing:
    print(f"Microsoft's Python SDK is not here: {missing}")
    sys.exit(77)

SUBSCRIPTION = os.environ["AZURE_SUBSCRIPTION_ID"]
LOCATION = "westeurope"
# Fewer waits than the default: a failure should be seen soon.
QUICK = {"retry_total": 1, "logging_enable": False}


def check(what, holds):
    if not holds:
        print(f"FAILED {what}")
        sys.exit(1)
    print(f"ok     {what}")


def refused(what, call, error, code):
    try:
        call()
    except error as cause:
        found = getattr(cause, "error_code", None) or getattr(cause.error, "code", None)
        check(f"{what}: {found}", str(getattr(found, "value", found)) == code)
        return cause
    check(f"{what}: it went through", False)


def arm(credential, method, path, **kwargs):
    token = credential.get_token("https://management.azure.com/.default").token
    return requests.request(
        method,
        f"https://management.azure.com{path}",
        headers={"Authorization": f"Bearer {token}"},
        timeout=10,
        **kwargs,
    )


def main():
    credential = DefaultAzureCredential()
    unique = uuid.uuid4().hex[:8]
    group, account = f"rg-judge-{unique}", f"judge{unique}"
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{group}"
    began = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)

    wrong = ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], "wrong"
    )
    try:
        wrong.get_token("https://management.azure.com/.default")
        check("a wrong secret is refused", False)
    except ClientAuthenticationError as cause:
        check("a wrong secret is refused: AADSTS7000215", "AADSTS7000215" in str(cause))

    answer = arm(
        credential, "PUT", scope, params={"api-version": "2021-04-01"}, json={"location": LOCATION}
    )
    check("resource group made", answer.status_code == 201)

    storage = StorageManagementClient(credential, SUBSCRIPTION, **QUICK)
    refused(
        "an account that is not there",
        lambda: storage.storage_accounts.get_properties(group, account),
        ResourceNotFoundError,
        "ResourceNotFound",
    )
    made = storage.storage_accounts.begin_create(
        group,
        account,
        {
            "location": LOCATION,
            "kind": "StorageV2",
            "sku": {"name": "Standard_LRS"},
            "properties": {"allowBlobPublicAccess": True, "minimumTlsVersion": "TLS1_2"},
        },
    ).result()
    check("storage account made", made.provisioning_state == "Succeeded")
    check("it allows public access", made.allow_blob_public_access is True)
    check("its tier is told", made.sku.tier == "Standard")
    check(
        "it is in the list",
        account in [a.name for a in storage.storage_accounts.list()]
        and account in [a.name for a in storage.storage_accounts.list_by_resource_group(group)],
    )
    storage.blob_containers.create(group, account, "reports", {"properties": {}})
    check(
        "container made private",
        storage.blob_containers.get(group, account, "reports").public_access == "None",
    )

    url = f"https://{account}.blob.core.windows.net"
    blobs = BlobServiceClient(url, credential=credential, **QUICK)
    reports = blobs.get_container_client("reports")
    body = b"name,amount\nada,1\n"
    reports.upload_blob("2026/q1 report.csv", body, metadata={"owner": "finance"})
    big = os.urandom(5 << 20)
    blobs.get_blob_client("reports", "big.bin").upload_blob(big, max_concurrency=1)
    small_blocks = BlobServiceClient(
        url, credential=credential, max_single_put_size=1 << 20, max_block_size=1 << 20, **QUICK
    )
    small_blocks.get_blob_client("reports", "blocks.bin").upload_blob(big)
    check("whole blob reads back", reports.download_blob("big.bin").readall() == big)
    check("blocks make one blob", reports.download_blob("blocks.bin").readall() == big)
    check(
        "a range reads back",
        reports.download_blob("big.bin", offset=100, length=50).readall() == big[100:150],
    )
    reports.upload_blob("empty", b"")
    check("an empty blob reads back", reports.download_blob("empty").readall() == b"")
    check(
        "names and pages",
        [b.name for page in reports.list_blobs(results_per_page=1).by_page() for b in page]
        == ["2026/q1 report.csv", "big.bin", "blocks.bin", "empty"],
    )
    walked = [item.name for item in reports.walk_blobs(delimiter="/")]
    check("folders", walked == ["2026/", "big.bin", "blocks.bin", "empty"])
    refused(
        "a second upload without overwrite",
        lambda: reports.upload_blob("empty", b"x"),
        ResourceExistsError,
        "BlobAlreadyExists",
    )
    check("a blob that is not there", not reports.get_blob_client("nothing").exists())

    anonymous_url = f"{url}/reports/2026/q1%20report.csv"
    answer = requests.get(anonymous_url, timeout=10)
    check("private: an anonymous read is 404", answer.status_code == 404)
    answer = requests.get(anonymous_url, headers={"x-ms-version": "2026-10-06"}, timeout=10)
    check("private: a modern client is asked to sign in", answer.status_code == 401)

    storage.blob_containers.update(
        group, account, "reports", {"properties": {"publicAccess": "Blob"}}
    )
    answer = requests.get(anonymous_url, timeout=10)
    check("made public: an anonymous read is 200", (answer.status_code, answer.content) == (200, body))
    answer = requests.get(f"{url}/reports?restype=container&comp=list", timeout=10)
    check("made public by name only: a list is refused", answer.status_code == 404)

    storage.blob_containers.update(
        group, account, "reports", {"properties": {"publicAccess": "None"}}
    )
    answer = requests.get(anonymous_url, timeout=10)
    check("locked: an anonymous read is 404", answer.status_code == 404)

    keys = storage.storage_accounts.list_keys(group, account)["keys"]
    key = keys[0].value
    with_key = BlobServiceClient(url, credential=key, **QUICK)
    with_key.get_container_client("reports").set_container_access_policy(
        {}, public_access=PublicAccess.CONTAINER
    )
    answer = requests.get(f"{url}/reports?restype=container&comp=list", timeout=10)
    check("opened with the key: a list is 200", answer.status_code == 200 and "big.bin" in answer.text)
    seen = storage.blob_containers.get(group, account, "reports").public_access
    check("Resource Manager shows the level", seen == "Container")

    # The plain endpoint, account in the path: what clients of emulators do.
    plain = BlobServiceClient(
        f"{os.environ['HTTPS_PROXY']}/{account}",
        credential={"account_name": account, "account_key": key},
        **QUICK,
    )
    plain_reports = plain.get_container_client("reports")
    plain_reports.upload_blob("path style/with a space.txt", b"plain")
    check(
        "path style, signed with the key",
        plain_reports.download_blob("path style/with a space.txt").readall() == b"plain"
        and "reports" in [c.name for c in plain.list_containers()],
    )

    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    one = generate_blob_sas(
        account, "reports", "big.bin", account_key=key,
        permission=BlobSasPermissions(read=True), expiry=soon,
    )
    answer = requests.get(f"{url}/reports/big.bin?{one}", timeout=10)
    check("a signature for one blob reads it", answer.content == big)
    answer = requests.get(f"{url}/reports/blocks.bin?{one}", timeout=10)
    check("and no other", answer.headers.get("x-ms-error-code") == "AuthenticationFailed")
    answer = requests.delete(f"{url}/reports/big.bin?{one}", timeout=10)
    check(
        "and deletes nothing",
        answer.headers.get("x-ms-error-code") == "AuthorizationPermissionMismatch",
    )
    lists = generate_account_sas(
        account, account_key=key, resource_types=ResourceTypes(container=True),
        permission=AccountSasPermissions(list=True), expiry=soon,
    )
    listed = ContainerClient.from_container_url(f"{url}/reports?{lists}", **QUICK).list_blobs()
    check("a signature for the account lists", "big.bin" in [b.name for b in listed])

    stale = BlobServiceClient(url, credential="c3RhbGU=", **QUICK)
    refused(
        "a wrong key",
        lambda: next(iter(stale.list_containers())),
        ClientAuthenticationError,
        "AuthenticationFailed",
    )
    storage.storage_accounts.update(
        group, account, {"properties": {"allowSharedKeyAccess": False}}
    )
    refused(
        "keys switched off",
        lambda: next(iter(with_key.list_containers())),
        HttpResponseError,
        "KeyBasedAuthenticationNotPermitted",
    )
    storage.storage_accounts.update(
        group, account, {"properties": {"allowBlobPublicAccess": False}}
    )
    answer = requests.get(anonymous_url, timeout=10)
    check("account closed: 409 PublicAccessNotPermitted", answer.status_code == 409)
    refused(
        "a container cannot be opened then",
        lambda: storage.blob_containers.update(
            group, account, "reports", {"properties": {"publicAccess": "Blob"}}
        ),
        ResourceExistsError,
        "PublicAccessNotPermitted",
    )

    deadline = time.monotonic() + 20
    while True:
        answer = arm(
            credential,
            "GET",
            f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Insights/eventtypes/management/values",
            params={
                "api-version": "2015-04-01",
                "$filter": f"eventTimestamp ge '{began.strftime('%Y-%m-%dT%H:%M:%SZ')}' "
                f"and resourceGroupName eq '{group}'",
            },
        )
        records = answer.json()["value"]
        if records or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    operations = {
        (r["operationName"]["value"], r["status"]["value"], r["claims"]["appid"]) for r in records
    }
    me = os.environ["AZURE_CLIENT_ID"]
    prefix = "Microsoft.Storage/storageAccounts"
    check("own write in the log", (f"{prefix}/write", "Succeeded", me) in operations)
    check("own listKeys in the log", (f"{prefix}/listKeys/action", "Succeeded", me) in operations)
    check(
        "the failed opening is in the log",
        (f"{prefix}/blobServices/containers/write", "Failed", me) in operations,
    )
    text = str(records)
    check("no key is in the log", all(k.value not in text for k in keys))
    opened = [r for r in records if '"Container"' in str(r.get("properties", {}).get("requestbody"))]
    check("the change made with the key is not in the log", not opened)

    storage.storage_accounts.delete(group, account)
    answer = arm(credential, "DELETE", scope, params={"api-version": "2021-04-01"})
    check("cleaned up", answer.status_code == 200)
    print("azure-python: all as it should be")


if __name__ == "__main__":
    main()
