//! Who called, by each shape in which the three logs say it.

use event_formats::read_records;
use model::event::PrincipalType::{self, Anonymous, Human, Service, Unknown, Workload};
use serde_json::{Value, json};

#[track_caller]
fn check(record: Value, name: &str, kind: PrincipalType, via: &[&str], credential: Option<&str>) {
    let (events, rejected) = read_records([record.to_string()], None, "t");
    assert!(rejected.is_empty(), "{rejected:?}");
    let event = &events[0];
    assert_eq!((event.principal.name.as_str(), event.principal.kind), (name, kind));
    assert_eq!(event.principal.via, via);
    assert_eq!(event.credential_uid.as_deref(), credential);
}

fn aws(identity: Value) -> Value {
    json!({"eventTime": "2026-01-02T03:04:05Z", "eventSource": "s3.amazonaws.com",
        "eventName": "PutBucketPolicy", "userIdentity": identity})
}

fn session(role: &str, session: &str, context: Value) -> Value {
    let arn = format!("arn:aws:sts::111122223333:assumed-role/{role}/{session}");
    let mut context = context;
    context["sessionIssuer"] = json!({"type": "Role", "userName": role,
        "arn": format!("arn:aws:iam::111122223333:role/{role}")});
    aws(json!({"type": "AssumedRole", "principalId": format!("AROAX:{session}"), "arn": arn,
        "accessKeyId": "ASIAX", "sessionContext": context}))
}

#[test]
fn aws_users_and_root() {
    let user = |name: &str, mfa: Option<&str>| {
        let mut identity = json!({"type": "IAMUser", "userName": name, "accessKeyId": "AKIAX",
            "arn": format!("arn:aws:iam::111122223333:user/{name}")});
        if let Some(mfa) = mfa {
            identity["sessionContext"]["attributes"]["mfaAuthenticated"] = json!(mfa);
        }
        aws(identity)
    };
    check(user("ci-deploy", None), "ci-deploy", Unknown, &[], Some("AKIAX"));
    check(user("maya", Some("true")), "maya", Human, &[], Some("AKIAX"));
    check(user("maya", Some("false")), "maya", Unknown, &[], Some("AKIAX"));
    check(user("maya@example.com", None), "maya@example.com", Human, &[], Some("AKIAX"));
    let mut console = user("maya", None);
    console["sessionCredentialFromConsole"] = json!("true");
    check(console, "maya", Human, &[], Some("AKIAX"));
    check(aws(json!({"type": "Root", "arn": "arn:aws:iam::1:root"})), "root", Unknown, &[], None);
}

#[test]
fn aws_role_sessions() {
    let arn = |role: &str, s: &str| format!("arn:aws:sts::111122223333:assumed-role/{role}/{s}");
    let maya = "maya.chen@example.com";
    let via = arn("Developer", maya);
    // Anybody who may take up the role can call the session by her name.
    check(session("Developer", maya, json!({})), "Developer", Unknown, &[&via], Some("ASIAX"));
    let sso = "AWSReservedSSO_Admin_0123456789abcdef";
    check(session(sso, "mchen", json!({})), "mchen", Human, &[&arn(sso, "mchen")], Some("ASIAX"));
    for machine in ["i-0123456789abcdef0", "botocore-session-1700000000", "1700000000123456789"] {
        let via = arn("web", machine);
        check(session("web", machine, json!({})), "web", Workload, &[&via], Some("ASIAX"));
    }
    let github =
        json!({"webIdFederationData": {"federatedProvider": "arn:aws:iam::1:oidc-provider/g"}});
    let via = arn("deploy", "run-12");
    check(session("deploy", "run-12", github), "deploy", Workload, &[&via], Some("ASIAX"));
    check(session("deploy", "run-12", json!({})), "deploy", Unknown, &[&via], Some("ASIAX"));
    // What was vouched for when the session was opened wins over the session's name.
    let vouched = json!({"sourceIdentity": "lee.park@example.com"});
    let via = arn("Developer", maya);
    check(
        session("Developer", maya, vouched),
        "lee.park@example.com",
        Human,
        &[&via],
        Some("ASIAX"),
    );
    let mut forwarded = session("Developer", maya, json!({}));
    forwarded["userIdentity"]["invokedBy"] = json!("cloudformation.amazonaws.com");
    check(forwarded, "Developer", Unknown, &[&via, "cloudformation.amazonaws.com"], Some("ASIAX"));
}

#[test]
fn aws_others() {
    let service = json!({"type": "AWSService", "invokedBy": "config.amazonaws.com"});
    check(aws(service), "config.amazonaws.com", Service, &[], None);
    let event = json!({"accountId": "1", "invokedBy": "secretsmanager.amazonaws.com"});
    check(aws(event), "secretsmanager.amazonaws.com", Service, &[], None);
    let nobody =
        json!({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"});
    check(aws(nobody), "anonymous", Anonymous, &[], None);
    let other = json!({"type": "AWSAccount", "principalId": "AIDAX", "accountId": "444455556666"});
    check(aws(other), "AIDAX", Unknown, &[], None);
    check(aws(json!({})), "unknown", Unknown, &[], None);
    check(aws(json!("odd")), "unknown", Unknown, &[], None);
    let saml = json!({"type": "SAMLUser", "userName": "maya", "principalId": "x:maya"});
    check(aws(saml), "maya", Human, &[], None);
    let web = json!({"type": "WebIdentityUser", "userName": "repo:acme/app:ref:refs/heads/main"});
    check(aws(web), "repo:acme/app:ref:refs/heads/main", Workload, &[], None);
}

fn azure(claims: Value) -> Value {
    json!({"time": "2026-01-02T03:04:05Z", "operationName": "MICROSOFT.STORAGE/STORAGEACCOUNTS/WRITE",
        "resourceId": "/subscriptions/s/resourceGroups/g", "resultType": "Success",
        "identity": {"claims": claims}})
}

#[test]
fn azure_callers() {
    let upn = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn";
    let name = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name";
    let cli = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
    check(
        azure(json!({upn: "sam@example.com", "appid": cli, "uti": "T"})),
        "sam@example.com",
        Human,
        &[],
        Some("T"),
    );
    check(
        azure(json!({name: "live.com#guest@example.org"})),
        "guest@example.org",
        Human,
        &[],
        None,
    );
    check(
        azure(json!({"appid": "aaaa", "appidacr": "1", "idtyp": "app"})),
        "aaaa",
        Workload,
        &[],
        None,
    );
    let vm = "/subscriptions/s/resourcegroups/g/providers/Microsoft.Compute/virtualMachines/web-1";
    check(azure(json!({"appid": "a", "xms_mirid": vm})), "web-1", Workload, &[vm], None);
    let mut asked = json!({"eventTimestamp": "2026-01-02T03:04:05Z", "eventDataId": "e",
        "operationName": {"value": "Microsoft.Storage/storageAccounts/write"},
        "resourceId": "/subscriptions/s/resourceGroups/g", "status": {"value": "Succeeded"},
        "caller": "sam@example.com"});
    check(asked.clone(), "sam@example.com", Human, &[], None);
    asked["caller"] = json!("6b0b0b0b-0000-4000-8000-000000000001");
    check(asked, "6b0b0b0b-0000-4000-8000-000000000001", Unknown, &[], None);
    let mut policy = azure(json!({"appid": "x"}));
    policy["operationName"] = json!("Microsoft.Authorization/policies/audit/action");
    check(policy, "Azure Policy", Service, &[], None);
}

#[test]
fn google_callers() {
    let google = |authentication: Value| {
        json!({"timestamp": "2026-01-02T03:04:05Z", "protoPayload":
            {"methodName": "storage.setIamPermissions", "authenticationInfo": authentication}})
    };
    let robot = "deployer@acme-lab.iam.gserviceaccount.com";
    check(
        google(json!({"principalEmail": "lee@example.com"})),
        "lee@example.com",
        Human,
        &[],
        None,
    );
    check(google(json!({"principalEmail": robot})), robot, Workload, &[], None);
    let key = format!("//iam.googleapis.com/projects/p/serviceAccounts/{robot}/keys/0123");
    check(
        google(json!({"principalEmail": robot, "serviceAccountKeyName": key})),
        robot,
        Workload,
        &[],
        Some("0123"),
    );
    let chain = json!({"principalEmail": robot, "serviceAccountDelegationInfo": [
        {"firstPartyPrincipal": {"principalEmail": "lee@example.com"}},
        {"firstPartyPrincipal": {"principalEmail": "mid@acme-lab.iam.gserviceaccount.com"}}]});
    check(
        google(chain),
        "lee@example.com",
        Human,
        &["mid@acme-lab.iam.gserviceaccount.com", robot],
        None,
    );
    let subject = "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/gh/subject/repo:acme/app";
    check(google(json!({"principalSubject": subject})), "repo:acme/app", Workload, &[], None);
    check(
        google(json!({"principalEmail": "service-12@gcp-sa-logging.iam.gserviceaccount.com"})),
        "service-12@gcp-sa-logging.iam.gserviceaccount.com",
        Service,
        &[],
        None,
    );
    check(
        google(json!({"principalEmail": "system:serviceaccount:a:b"})),
        "system:serviceaccount:a:b",
        Service,
        &[],
        None,
    );
    check(google(json!({"serviceAccountDelegationInfo": [{}]})), "unknown", Unknown, &[], None);
}

/// A session may call itself whatever its caller likes; the key that it was given does not lie.
#[test]
fn a_session_is_linked_to_who_opened_it() {
    let opening = json!({"eventTime": "2026-01-02T03:04:05Z", "eventSource": "sts.amazonaws.com",
        "eventName": "AssumeRole", "userIdentity": {"type": "IAMUser", "userName": "ci-deploy",
            "arn": "arn:aws:iam::111122223333:user/ci-deploy", "accessKeyId": "AKIACI"},
        "responseElements": {"credentials": {"accessKeyId": "ASIAX", "expiration": "x"}}});
    let maya = "maya.chen@example.com";
    let used = session("Admin", maya, json!({}));
    let arn = format!("arn:aws:sts::111122223333:assumed-role/Admin/{maya}");
    let (mut events, _) = read_records([used.to_string(), opening.to_string()], None, "t");
    for _ in 0..2 {
        assert_eq!(events[0].principal.name, "ci-deploy");
        assert_eq!(events[0].principal.via, [arn.as_str()]);
        assert_eq!(events[1].principal.via, Vec::<String>::new());
        event_formats::link_sessions(&mut events);
    }
    // And on along a second role.
    let mut chained = session("Admin", maya, json!({}));
    chained["eventName"] = json!("AssumeRole");
    chained["eventSource"] = json!("sts.amazonaws.com");
    chained["responseElements"] = json!({"credentials": {"accessKeyId": "ASIAY"}});
    let mut last = session("Deep", "s", json!({}));
    last["userIdentity"]["accessKeyId"] = json!("ASIAY");
    let (events, _) =
        read_records([last.to_string(), chained.to_string(), opening.to_string()], None, "t");
    let deep = "arn:aws:sts::111122223333:assumed-role/Deep/s";
    assert_eq!(events[0].principal.name, "ci-deploy");
    assert_eq!(events[0].principal.via, [arn.as_str(), deep]);
    // The same out of separate files, in any order.
    let (mut one, _) = read_records([last.to_string()], None, "t");
    one.extend(read_records([opening.to_string(), chained.to_string()], None, "u").0);
    event_formats::link_sessions(&mut one);
    assert_eq!(one[0].principal, events[0].principal);
}
