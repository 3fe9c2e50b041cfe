//! Who may: tokens, role assignments, data roles, keys.

mod lab;

use lab::{ARM, ARM_SCOPE, BLOB_SCOPE, Lab, REPORTS, REPORTS_HOST};
use local_cloud_azure::story::SUBSCRIPTION;
use serde_json::{Value, json};

#[tokio::test]
async fn removing_a_role_assignment_refuses_the_next_call() {
    let lab = Lab::new();
    lab.reports().await;
    assert_eq!(lab.arm("drift-reader", "GET", REPORTS, Value::Null).await.status, 200);

    let all = "/providers/Microsoft.Authorization/roleAssignments";
    let assignments = lab.arm("deployer", "GET", all, Value::Null).await.json();
    let claims = lab.token("drift-reader", ARM_SCOPE).await;
    let reader = object_id(&claims);
    let mine = assignments["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|a| a["properties"]["principalId"] == reader)
        .expect("drift-reader holds a role");
    let name = mine["name"].as_str().unwrap();
    let gone = lab.arm("deployer", "DELETE", &format!("{all}/{name}"), Value::Null).await;
    assert_eq!(gone.status, 200);

    let refused = lab.arm("drift-reader", "GET", REPORTS, Value::Null).await;
    assert_eq!(refused.code(), (403, "AuthorizationFailed".to_owned()));
    let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("'Microsoft.Storage/storageAccounts/read'"), "{message}");
    let scope = format!("over scope '/subscriptions/{SUBSCRIPTION}{REPORTS}'");
    assert!(message.contains(&scope), "{message}");

    let body = json!({"properties": mine["properties"]});
    let back = lab.arm("deployer", "PUT", &format!("{all}/{name}"), body.clone()).await;
    assert_eq!(back.status, 201, "{}", back.text());
    assert_eq!(lab.arm("drift-reader", "GET", REPORTS, Value::Null).await.status, 200);
    let twice = lab.arm("deployer", "PUT", &format!("{all}/{name}"), body).await;
    assert_eq!(twice.code(), (409, "RoleAssignmentExists".to_owned()));
    let twin = format!("{all}/6f1f0d0a-0000-4000-8000-000000000002");
    let body = json!({"properties": mine["properties"]});
    let twin = lab.arm("deployer", "PUT", &twin, body).await;
    assert_eq!(twin.code(), (409, "RoleAssignmentExists".to_owned()), "under another name");
}

fn object_id(token: &str) -> String {
    use base64::Engine;
    let payload = token.split('.').nth(1).expect("a token of three parts");
    let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64");
    let claims: Value = serde_json::from_slice(&bytes).expect("claims");
    claims["oid"].as_str().expect("an object id").to_owned()
}

#[tokio::test]
async fn each_caller_may_what_its_title_says() {
    let lab = Lab::new();
    lab.reports().await;
    let open = json!({"properties": {"allowBlobPublicAccess": false}});
    let keys = format!("{REPORTS}/listKeys");
    let log = "/providers/Microsoft.Insights/eventtypes/management/values?$filter=\
               eventTimestamp%20ge%20'2000-01-01T00:00:00Z'";
    for (caller, read, write, list_keys, read_log) in [
        ("deployer", 200, 200, 200, 200),
        ("drift-reader", 200, 403, 403, 200),
        ("log-reader", 403, 403, 403, 200),
        ("remediator", 200, 200, 403, 200),
        ("dana.ortiz@example.com", 200, 200, 200, 403),
        ("backup-job", 200, 403, 200, 200),
        ("pipeline", 200, 200, 200, 200),
    ] {
        let status = |answer: lab::Answer| answer.status.as_u16();
        assert_eq!(status(lab.arm(caller, "GET", REPORTS, Value::Null).await), read, "{caller}");
        let patched = lab.arm(caller, "PATCH", REPORTS, open.clone()).await;
        assert_eq!(status(patched), write, "{caller}");
        let listed = lab.arm(caller, "POST", &keys, Value::Null).await;
        assert_eq!(status(listed), list_keys, "{caller}");
        assert_eq!(status(lab.arm(caller, "GET", log, Value::Null).await), read_log, "{caller}");
    }
}

/// Deleting a group safely takes a look into it, which reading the group alone does not allow.
#[tokio::test]
async fn what_lies_in_a_group_is_seen_by_whoever_may_delete_it() {
    let lab = Lab::new();
    lab.reports().await;
    let path = "/resourceGroups/acme-data/resources";
    assert_eq!(lab.arm("remediator", "GET", path, Value::Null).await.status, 200);
    let refused = lab.arm("drift-reader", "GET", path, Value::Null).await;
    assert_eq!(refused.code(), (403, "AuthorizationFailed".to_owned()));
    let action = "Microsoft.Resources/subscriptions/resourcegroups/resources/read";
    assert!(refused.text().contains(action), "{}", refused.text());
}

#[tokio::test]
async fn a_contributor_grants_nothing() {
    let lab = Lab::new();
    lab.reports().await;
    let path = "/resourceGroups/acme-data/providers/Microsoft.Authorization/roleAssignments/\
                6f1f0d0a-0000-4000-8000-000000000001";
    let refused = lab.arm("dana.ortiz@example.com", "PUT", path, json!({})).await;
    assert_eq!(refused.code(), (403, "AuthorizationFailed".to_owned()));
    assert!(refused.text().contains("dana.ortiz@example.com"));
}

/// Owner of a subscription without a data role reads no blob by token.
#[tokio::test]
async fn control_plane_roles_read_no_blobs() {
    let lab = Lab::new();
    lab.reports().await;
    let refused = lab.blob("dana.ortiz@example.com", "GET", "/reports/q1.csv", b"").await;
    assert_eq!(refused.code(), (403, "AuthorizationPermissionMismatch".to_owned()));
    assert_eq!(lab.blob("drift-reader", "GET", "/reports/q1.csv", b"").await.body, b"a,b\n");
    let refused = lab.blob("drift-reader", "PUT", "/reports/new", b"x").await;
    assert_eq!(refused.code(), (403, "AuthorizationPermissionMismatch".to_owned()));
}

#[tokio::test]
async fn tokens_are_for_one_service_and_not_to_be_made_up() {
    let lab = Lab::new();
    lab.reports().await;
    let target = format!("/subscriptions/{SUBSCRIPTION}{REPORTS}?api-version=2023-05-01");
    let storage = format!("Bearer {}", lab.token("deployer", BLOB_SCOPE).await);
    for (header, code) in [
        (None, "AuthenticationFailed"),
        (Some("Bearer nonsense"), "InvalidAuthenticationToken"),
        (Some("Basic eDp5"), "InvalidAuthenticationToken"),
        (Some(storage.as_str()), "InvalidAuthenticationTokenAudience"),
    ] {
        let headers: Vec<_> = header.map(|h| ("authorization", h)).into_iter().collect();
        let refused = lab.send("GET", ARM, &target, &headers, b"").await;
        assert_eq!(refused.code(), (401, code.to_owned()));
        assert!(refused.headers.contains_key("www-authenticate"), "{code}");
    }
    let arm = format!("Bearer {}", lab.token("deployer", ARM_SCOPE).await);
    let refused =
        lab.send("GET", REPORTS_HOST, "/reports/q1.csv", &[("authorization", &arm)], b"").await;
    assert_eq!(refused.code(), (401, "InvalidAuthenticationInfo".to_owned()));
}

/// What a client needs to remember who signed in; no service takes it as a key.
#[tokio::test]
async fn a_person_is_told_who_they_are() {
    let lab = Lab::new();
    let variables = lab.variables("dana.ortiz@example.com");
    let form = [
        ("grant_type", "password"),
        ("client_id", variables["AZURE_CLIENT_ID"].as_str()),
        ("username", variables["AZURE_USERNAME"].as_str()),
        ("password", variables["AZURE_PASSWORD"].as_str()),
        ("scope", "https://management.azure.com/.default openid profile offline_access"),
        ("client_info", "1"),
    ];
    let answer = lab.sign_in(&form).await.json();
    let identity = answer["id_token"].as_str().expect("an identity token");
    assert_eq!(object_id(identity), object_id(answer["access_token"].as_str().unwrap()));
    assert!(answer["client_info"].is_string());
    let target = format!("/subscriptions/{SUBSCRIPTION}?api-version=2022-12-01");
    let bearer = format!("Bearer {identity}");
    let refused = lab.send("GET", ARM, &target, &[("authorization", &bearer)], b"").await;
    assert_eq!(refused.code(), (401, "InvalidAuthenticationToken".to_owned()));
}

#[tokio::test]
async fn sign_in_refusals_carry_entras_numbers() {
    let lab = Lab::new();
    let variables = lab.variables("deployer");
    let client = variables["AZURE_CLIENT_ID"].as_str();
    for (form, status, number) in [
        (
            vec![
                ("grant_type", "client_credentials"),
                ("client_id", client),
                ("client_secret", "x"),
                ("scope", ARM_SCOPE),
            ],
            401,
            7_000_215,
        ),
        (
            vec![
                ("grant_type", "client_credentials"),
                ("client_id", "nobody"),
                ("client_secret", "x"),
                ("scope", ARM_SCOPE),
            ],
            400,
            700_016,
        ),
        (
            vec![
                ("grant_type", "password"),
                ("client_id", client),
                ("username", "dana.ortiz@example.com"),
                ("password", "x"),
                ("scope", ARM_SCOPE),
            ],
            400,
            50_126,
        ),
        (
            vec![
                ("grant_type", "client_credentials"),
                ("client_id", client),
                ("scope", "https://graph.example"),
            ],
            400,
            500_011,
        ),
        (
            vec![("grant_type", "device_code"), ("client_id", client), ("scope", ARM_SCOPE)],
            400,
            70_003,
        ),
    ] {
        let refused = lab.sign_in(&form).await;
        assert_eq!(refused.status, status, "{}", refused.text());
        assert_eq!(refused.json()["error_codes"][0], number, "{}", refused.text());
    }
}

#[tokio::test]
async fn the_key_opens_until_it_is_renewed_or_switched_off() {
    let lab = Lab::new();
    lab.reports().await;
    let key = lab.key("dana.ortiz@example.com").await;
    assert_eq!(lab.set_acl(&key, "blob").await.status, 200);
    assert_eq!(lab.anonymous("/reports/q1.csv").await.status, 200);

    let renew = json!({"keyName": "key1"});
    let renewed = lab.arm("deployer", "POST", &format!("{REPORTS}/regenerateKey"), renew).await;
    assert_eq!(renewed.status, 200);
    let refused = lab.set_acl(&key, "container").await;
    assert_eq!(refused.code(), (403, "AuthenticationFailed".to_owned()));

    let key = lab.key("deployer").await;
    assert_eq!(lab.set_acl(&key, "blob").await.status, 200);
    let off = json!({"properties": {"allowSharedKeyAccess": false}});
    assert_eq!(lab.arm("deployer", "PATCH", REPORTS, off).await.status, 200);
    let refused = lab.set_acl(&key, "blob").await;
    assert_eq!(refused.code(), (403, "KeyBasedAuthenticationNotPermitted".to_owned()));
}

/// A list above what a caller may see is trimmed, as Resource Manager does.
#[tokio::test]
async fn lists_are_trimmed_to_what_a_caller_sees() {
    let lab = Lab::new();
    lab.reports().await;
    let other = json!({"location": "westeurope"});
    lab.arm("deployer", "PUT", "/resourceGroups/elsewhere", other).await;
    let names = |answer: &lab::Answer| -> Vec<String> {
        let json = answer.json();
        let list = json["value"].as_array().unwrap();
        list.iter().map(|g| g["name"].as_str().unwrap().to_owned()).collect()
    };
    let all = lab.arm("deployer", "GET", "/resourcegroups", Value::Null).await;
    assert_eq!(names(&all), ["acme-data", "acme-platform", "elsewhere"]);
    let seen = lab.arm("dana.ortiz@example.com", "GET", "/resourcegroups", Value::Null).await;
    assert_eq!(names(&seen), ["acme-data", "acme-platform"]);
    let path = "/resourceGroups/elsewhere/providers/Microsoft.Storage/storageAccounts/acmehidden";
    let body =
        json!({"location": "westeurope", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}});
    assert_eq!(lab.arm("deployer", "PUT", path, body).await.status, 200);
    let path = "/providers/Microsoft.Storage/storageAccounts";
    let accounts = lab.arm("deployer", "GET", path, Value::Null).await;
    assert_eq!(names(&accounts), ["acmehidden", "acmelogs", "acmereports"]);
    let accounts = lab.arm("dana.ortiz@example.com", "GET", path, Value::Null).await;
    assert_eq!(names(&accounts), ["acmelogs", "acmereports"]);
}
