//! A drift report of three invented clouds' worth of trouble, for every test here.

use model::event::{Principal, PrincipalType};
use model::finding::{
    AttributeChange, AttributedEvent, Attribution, AttributionStatus, DriftStatus, Effect,
    EffectSource, Finding, FindingClass, Searched,
};
use model::report::{
    DRIFT_REPORT_SCHEMA, DriftReport, ReportError, StateSummary, Summary, Tool, UnknownResource,
};
use model::{
    AttributePath, Confidence, ResourceAddress, Severity, Timestamp, Unknown, UnknownReason, Value,
    fingerprint,
};
use report::{NextStep, Options};

pub fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).expect("a time")
}

pub fn options(width: usize) -> Options {
    let mut options = Options::new(time("2026-01-02T14:10:00Z"));
    options.width = width;
    options.next = vec![NextStep::new(
        "lab lesson show first-drift",
        "find in the raw records what this report does not print",
    )];
    options
}

fn principal(name: &str, kind: PrincipalType, via: &[&str]) -> Principal {
    Principal {
        name: name.into(),
        kind,
        via: via.iter().map(|v| v.to_string()).collect(),
        uid: via.last().map(|v| v.to_string()),
    }
}

pub fn change(path: &str, desired: impl Into<Value>, live: impl Into<Value>) -> AttributeChange {
    AttributeChange {
        path: AttributePath::parse(path).expect("a path"),
        desired: desired.into(),
        live: live.into(),
        security_relevant: true,
        sensitive: false,
        summary: Vec::new(),
    }
}

fn searched(source: &str, gaps: &[&str], note: Option<&str>) -> Option<Searched> {
    Some(Searched {
        source: source.into(),
        from: Some(time("2025-12-28T00:00:00Z")),
        to: Some(time("2026-01-02T14:09:58Z")),
        gaps: gaps.iter().map(|g| g.to_string()).collect(),
        note: note.map(str::to_owned),
    })
}

fn event(
    who: Principal,
    operation: &str,
    at: &str,
    from: Option<&str>,
    id: &str,
) -> AttributedEvent {
    AttributedEvent {
        attributes: Vec::new(),
        principal: who,
        credential: None,
        operation: operation.into(),
        time: time(at),
        source_ip: from.map(str::to_owned),
        user_agent: Some("aws-cli/2.31.0 md/prompt#off".into()),
        event_id: id.into(),
        notes: Vec::new(),
    }
}

pub fn finding(
    cloud: &str,
    account: &str,
    address: &str,
    native_id: &str,
    status: DriftStatus,
    severity: Severity,
    why: &str,
) -> Finding {
    let address = ResourceAddress::parse(address).expect("an address");
    let fingerprint = fingerprint::drift(
        &cloud.into(),
        Some(account),
        &address.kind,
        native_id,
        status,
        Some(("state", &address.to_string())),
    );
    Finding {
        id: String::new(),
        fingerprint,
        change_digest: fingerprint::change(&[]),
        class: FindingClass::Drift,
        status,
        cloud: cloud.into(),
        account: Some(account.into()),
        region: None,
        kind: address.kind.clone(),
        address: Some(address),
        native_id: native_id.into(),
        state: Some(format!("terraform/environments/{cloud}/terraform.tfstate")),
        severity,
        confidence: Confidence::High,
        why: why.into(),
        techniques: Vec::new(),
        effect: None,
        attributes: Vec::new(),
        attribution: Attribution::not_asked(),
    }
}

const POLICY_BEFORE: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Tls","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::acme-exports/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
const POLICY_AFTER: &str = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Tls","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::acme-exports/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}},{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-exports/*"}]}"#;

fn public_policy() -> Finding {
    let mut f = finding(
        "aws",
        "111122223333",
        "aws_s3_bucket_policy.exports",
        "acme-exports",
        DriftStatus::Changed,
        Severity::Critical,
        "Anyone on the internet reads this bucket now.",
    );
    f.region = Some("us-east-1".into());
    f.techniques = vec!["T1530".into()];
    f.effect = Some(Effect {
        public: true,
        how: EffectSource::Probed,
        answer: Some(200),
        detail: "GET of one object without credentials".into(),
    });
    let mut policy = change("policy", POLICY_BEFORE, POLICY_AFTER);
    policy.summary = vec!["+ allow * s3:GetObject on acme-exports/*".into()];
    f.attributes = vec![policy];
    let user = "arn:aws:iam::111122223333:user/ci-deploy";
    let mut e = event(
        principal("ci-deploy", PrincipalType::Workload, &[]),
        "PutBucketPolicy",
        "2026-01-02T14:02:11Z",
        Some("198.51.100.23"),
        "4f0c8a4e-9b2d-4c36-a1f0-6f1d2a9b77e1",
    );
    e.principal.uid = Some(user.into());
    e.attributes = vec![AttributePath::root("policy")];
    e.credential = Some("AKIAIOSFODNN7EXA3QLD".into());
    e.notes = vec!["an address it never used before".into()];
    f.attribution = Attribution {
        status: AttributionStatus::Attributed,
        events: vec![e],
        searched: searched("cloudtrail:lookup-events", &[], None),
    };
    f
}

fn open_guard() -> Finding {
    let mut f = finding(
        "aws",
        "111122223333",
        "aws_s3_bucket_public_access_block.exports",
        "acme-exports",
        DriftStatus::Changed,
        Severity::High,
        "The guard that would have stopped a public policy is off.",
    );
    f.region = Some("us-east-1".into());
    f.techniques = vec!["T1562.007".into()];
    f.attributes = vec![
        change("block_public_policy", true, false),
        change("restrict_public_buckets", true, false),
    ];
    let via = "arn:aws:sts::111122223333:assumed-role/Developer/maya.chen@example.com";
    let mut e = event(
        principal("maya.chen@example.com", PrincipalType::Human, &[via]),
        "PutBucketPublicAccessBlock",
        "2026-01-02T13:58:40Z",
        Some("203.0.113.7"),
        "91d27c11-0f4e-4f55-8a7e-1d0c3b5a9907",
    );
    e.credential = Some("ASIAIOSFODNN7EXAMPLE".into());
    e.attributes = vec![
        AttributePath::root("block_public_policy"),
        AttributePath::root("restrict_public_buckets"),
    ];
    f.attribution = Attribution {
        status: AttributionStatus::Attributed,
        events: vec![e],
        searched: searched("cloudtrail:lookup-events", &[], None),
    };
    f
}

fn open_container() -> Finding {
    let account = "acmereports";
    let id = format!(
        "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/acme/providers/Microsoft.Storage/storageAccounts/{account}/blobServices/default/containers/reports"
    );
    let mut f = finding(
        "azure",
        "00000000-0000-0000-0000-000000000001",
        "azurerm_storage_container.reports",
        &id,
        DriftStatus::Changed,
        Severity::High,
        "Anyone who knows a name reads it.",
    );
    f.techniques = vec!["T1530".into()];
    f.effect = Some(Effect {
        public: true,
        how: EffectSource::Computed,
        answer: None,
        detail: "the container allows anonymous reads of blobs and so does its account".into(),
    });
    f.attributes = vec![change("container_access_type", "private", "blob")];
    let mut holder = event(
        principal("jo.okafor@example.com", PrincipalType::Human, &[]),
        "Microsoft.Storage/storageAccounts/listKeys/action",
        "2025-12-30T09:12:00Z",
        Some("203.0.113.40"),
        "5d9f3b7c-2222-4444-8888-0123456789ab",
    );
    holder.notes = vec!["got the account's keys".into()];
    let second = event(
        principal("reports-sync", PrincipalType::Workload, &[]),
        "Microsoft.Storage/storageAccounts/listKeys/action",
        "2026-01-01T06:00:00Z",
        Some("203.0.113.90"),
        "6e9f3b7c-2222-4444-8888-0123456789ab",
    );
    f.attribution = Attribution {
        status: AttributionStatus::Candidates,
        events: vec![holder, second],
        searched: searched(
            "azure:activity-log",
            &[],
            Some("the Activity Log does not hold changes made on the data plane"),
        ),
    };
    f
}

fn public_binding() -> Finding {
    let mut f = finding(
        "gcp",
        "acme-lab",
        "module.data[\"eu\"].google_storage_bucket_iam_binding.archive[0]",
        "b/acme-archive/roles/storage.objectViewer",
        DriftStatus::Changed,
        Severity::High,
        "Everybody may read the objects of this bucket.",
    );
    f.region = Some("europe-west1".into());
    f.techniques = vec!["T1530".into(), "T1098".into()];
    f.effect = Some(Effect {
        public: false,
        how: EffectSource::Probed,
        answer: Some(403),
        detail: "public access prevention is enforced on the bucket".into(),
    });
    let group = "group:data@example.com";
    f.attributes =
        vec![change("members", Value::strings([group]), Value::strings([group, "allUsers"]))];
    let e = event(
        principal("sam.lee@example.com", PrincipalType::Human, &[]),
        "storage.setIamPermissions",
        "2026-01-01T22:15:03Z",
        Some("203.0.113.12"),
        "1k2j3h4g5f6d",
    );
    f.attribution = Attribution {
        status: AttributionStatus::Attributed,
        events: vec![e],
        searched: searched("cloudaudit:entries.list", &[], None),
    };
    f
}

fn gone_user() -> Finding {
    let mut f = finding(
        "aws",
        "111122223333",
        "aws_iam_user.breakglass",
        "breakglass",
        DriftStatus::Missing,
        Severity::Medium,
        "The account for emergencies does not exist.",
    );
    f.attribution = Attribution {
        status: AttributionStatus::Unattributed,
        events: Vec::new(),
        searched: searched(
            "s3://log-archive/AWSLogs/",
            &["no file between 2025-12-29 04:00 and 2025-12-29 09:00"],
            None,
        ),
    };
    f
}

fn rotated_key() -> Finding {
    let mut f = finding(
        "aws",
        "111122223333",
        "aws_iam_access_key.ci",
        "AKIAIOSFODNN7EXAMPLE",
        DriftStatus::Changed,
        Severity::Low,
        "A key that the configuration keeps in use was switched off.",
    );
    let mut secret = change("ses_smtp_password_v4", Value::Redacted, Value::Redacted);
    secret.sensitive = true;
    f.attributes = vec![change("status", "Active", "Inactive"), secret];
    f.attribution =
        Attribution { status: AttributionStatus::Unattributed, events: Vec::new(), searched: None };
    f
}

fn unknown(address: &str, reason: UnknownReason, detail: &str, next: &str) -> UnknownResource {
    let address = ResourceAddress::parse(address).expect("an address");
    UnknownResource {
        kind: address.kind.clone(),
        address: Some(address),
        unknown: Unknown { reason, detail: detail.into(), next_step: next.into() },
    }
}

/// Six findings in three clouds, every kind of attribution, unknowns and an error.
pub fn report() -> DriftReport {
    let mut findings = vec![
        rotated_key(),
        gone_user(),
        open_guard(),
        public_policy(),
        open_container(),
        public_binding(),
    ];
    let prints: Vec<String> = findings.iter().map(|f| f.fingerprint.clone()).collect();
    let prints: Vec<&str> = prints.iter().map(String::as_str).collect();
    for (finding, id) in findings.iter_mut().zip(fingerprint::short_ids("F", &prints)) {
        finding.id = id;
        finding.change_digest = fingerprint::change(&finding.attributes);
    }
    let unsupported = "this version reads no resource of this kind";
    let later = "leave it out with --only, or follow the changelog for new kinds";
    DriftReport {
        schema: DRIFT_REPORT_SCHEMA.into(),
        tool: Tool { name: "lab".into(), version: "0.1.0".into() },
        target: "local".into(),
        started_at: time("2026-01-02T14:09:58.100Z"),
        finished_at: time("2026-01-02T14:09:58.420Z"),
        partial: true,
        states: ["aws", "azure", "gcp"]
            .iter()
            .zip([4u64, 2, 7])
            .map(|(cloud, serial)| StateSummary {
                source: format!("terraform/environments/{cloud}/terraform.tfstate"),
                lineage: format!("00000000-0000-0000-0000-00000000000{serial}"),
                serial,
                terraform_version: "1.11.4".into(),
                age_seconds: Some(86_400 * serial),
            })
            .collect(),
        summary: Summary {
            resources: 21,
            in_sync: 11,
            changed: 5,
            missing: 1,
            unmanaged: 0,
            unknown: 4,
        },
        findings,
        unknown: vec![
            unknown(
                "google_compute_firewall.ssh",
                UnknownReason::Denied,
                "compute.firewalls.get on projects/acme-lab, as drift-reader",
                "grant roles/compute.viewer, then run again",
            ),
            unknown("aws_lambda_function.api", UnknownReason::Unsupported, unsupported, later),
            unknown("aws_lambda_function.jobs", UnknownReason::Unsupported, unsupported, later),
            unknown("aws_vpc.main", UnknownReason::Unsupported, unsupported, later),
        ],
        errors: vec![ReportError {
            place: "s3://tf-states/old.tfstate".into(),
            what: "a Terraform state of version 3, written by Terraform 0.11 or older".into(),
            next_step: "run `terraform apply` with 0.12 or newer once; it rewrites the state"
                .into(),
        }],
        in_sync: vec!["aws_s3_bucket.exports".into(), "azurerm_resource_group.acme".into()],
        ignored: 2,
        ledger: Some(model::remediation::LedgerHead {
            entries: 12,
            hash: "sha256:ab12cd34".to_owned() + &"0".repeat(56),
        }),
    }
}
