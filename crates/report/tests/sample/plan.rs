//! A plan for the sample report: every decision and remedy, and what an apply makes of it.

use crate::sample::{options, report, time};
use model::remediation::{
    Action, ActionChange, ActionState, Belts, Decision, HeldBack, Identified, IdentifiedBy, Impact,
    LedgerHead, PLAN_SCHEMA, Preconditions, RemediationPlan, Unremedied,
};
use model::report::{DriftReport, ReportError, Tool};
use model::{AttributePath, Finding, ResourceAddress, Value, fingerprint};
use report::Options;
use report::ledger::Row;
use report::remediation::{Happened, MovedLine};

fn finding_of<'r>(report: &'r DriftReport, address: &str) -> &'r Finding {
    let is = |f: &&Finding| f.address.as_ref().is_some_and(|a| a.to_string() == address);
    report.findings.iter().find(is).expect("a finding")
}

/// Without the drift report's own next steps.
pub fn plan_options(width: usize) -> Options {
    Options { next: Vec::new(), ..options(width) }
}

fn change(path: &str, from: impl Into<Value>, to: impl Into<Value>) -> ActionChange {
    ActionChange {
        path: AttributePath::parse(path).expect("a path"),
        from: from.into(),
        to: to.into(),
        summary: Vec::new(),
    }
}

fn action(
    finding: &Finding,
    remedy: &str,
    decision: Decision,
    reason: &str,
    changes: Vec<ActionChange>,
) -> Action {
    let digest = fingerprint::digest([finding.fingerprint.as_bytes(), remedy.as_bytes()]);
    Action {
        id: String::new(),
        digest,
        finding: finding.id.clone(),
        fingerprint: finding.fingerprint.clone(),
        cloud: finding.cloud.clone(),
        account: finding.account.clone(),
        region: finding.region.clone(),
        kind: finding.kind.clone(),
        address: finding.address.clone(),
        native_id: finding.native_id.clone(),
        source: finding.state.clone(),
        severity: finding.severity,
        remedy: remedy.into(),
        decision,
        reason: reason.into(),
        rule: None,
        changes,
        preconditions: Preconditions {
            state_serial: Some(4),
            state_lineage: Some("00000000-0000-0000-0000-000000000004".into()),
            live_digest: fingerprint::digest([finding.native_id.as_bytes()]),
        },
        sealed: vec![AttributePath::root("password")],
        impact: None,
        state: ActionState::Planned,
        outcome: None,
        took_ms: None,
        event_ids: finding.attribution.events.iter().map(|e| e.event_id.clone()).collect(),
    }
}

const CLOSES: &str = "it shuts strangers out, and nobody who is named loses anything";

/// Restores what the finding says has changed.
fn restored(finding: &Finding) -> Vec<ActionChange> {
    finding
        .attributes
        .iter()
        .map(|c| ActionChange {
            path: c.path.clone(),
            from: c.live.clone(),
            to: c.desired.clone(),
            summary: c.summary.iter().map(|s| s.replacen('+', "-", 1)).collect(),
        })
        .collect()
}

fn policy_actions(f: &Finding) -> [Action; 2] {
    let mut policy =
        action(f, "remove_additions", Decision::Ask, "tagged data=customer", restored(f));
    policy.rule = Some("remediation.toml:14".into());
    policy.impact = Some(Impact {
        uses: 400,
        addresses: 2,
        last: Some(time("2026-01-02T14:08:31Z")),
        complete: true,
        words: "read anonymously 400 times in the last 7 days, from 2 addresses".into(),
    });
    let mut key = action(
        f,
        "deactivate_key",
        Decision::Ask,
        &format!(
            "it made the change of {}; whatever else works with this key stops, so a person decides",
            f.id
        ),
        vec![change("status", "Active", "Inactive")],
    );
    key.kind = "aws_iam_access_key".into();
    key.address = ResourceAddress::parse("aws_iam_access_key.ci_deploy");
    key.native_id = "AKIAIOSFODNN7EXA3QLD".into();
    [policy, key]
}

fn gone(f: &Finding) -> Action {
    let mut action = action(
        f,
        "recreate",
        Decision::Ask,
        "it is missing: somebody took it away, and what it held stays gone",
        vec![change("name", Value::Null, "breakglass"), change("path", Value::Null, "/")],
    );
    action.preconditions.live_digest = "absent".into();
    action
}

fn stray(f: &Finding) -> Action {
    let mut action = action(
        f,
        "remove_unmanaged",
        Decision::Ask,
        "no state manages it: somebody may have made it on purpose",
        vec![
            change("role", "roles/storage.objectViewer", Value::Null),
            change("members", Value::strings(["allUsers"]), Value::Null),
        ],
    );
    action.address = None;
    action.source = None;
    action.account = None;
    action.preconditions.state_serial = None;
    action.preconditions.state_lineage = None;
    action
}

/// What a check of the sample's world would propose.
pub fn plan() -> RemediationPlan {
    let report = report();
    let of = |address: &str| finding_of(&report, address);
    let mut actions = vec![
        gone(of("aws_iam_user.breakglass")),
        action(
            of("aws_s3_bucket_public_access_block.exports"),
            "restore_attributes",
            Decision::Fix,
            CLOSES,
            restored(of("aws_s3_bucket_public_access_block.exports")),
        ),
    ];
    actions.extend(policy_actions(of("aws_s3_bucket_policy.exports")));
    let mut container = action(
        of("azurerm_storage_container.reports"),
        "restore_attributes",
        Decision::Fix,
        CLOSES,
        restored(of("azurerm_storage_container.reports")),
    );
    container.impact = Some(Impact {
        uses: 0,
        addresses: 0,
        last: None,
        complete: false,
        words: "the log at hand holds no reads of data: who used it is not known".into(),
    });
    actions.push(container);
    let archive = of("module.data[\"eu\"].google_storage_bucket_iam_binding.archive[0]");
    actions.push(action(archive, "remove_additions", Decision::Fix, CLOSES, restored(archive)));
    let mut key = of("aws_iam_access_key.ci").clone();
    key.severity = model::Severity::Low;
    actions.push(action(
        &key,
        "restore_attributes",
        Decision::Accept,
        "A-03fe switched it off on 2026-01-02T13:00:00Z; record that in Terraform",
        vec![
            change("status", "Inactive", "Active"),
            change("ses_smtp_password_v4", Value::Redacted, Value::Redacted),
        ],
    ));
    let mut grant = archive.clone();
    grant.native_id = "b/acme-archive/roles/storage.legacyObjectReader".into();
    grant.severity = model::Severity::Medium;
    grant.id = "F-77aa".into();
    grant.fingerprint = fingerprint::digest([b"a grant of no state".as_slice()]);
    actions.push(stray(&grant));
    name(&mut actions);
    let digests: Vec<&[u8]> = actions.iter().map(|a| a.digest.as_bytes()).collect();
    RemediationPlan {
        schema: PLAN_SCHEMA.into(),
        hash: fingerprint::digest(digests),
        target: "local".into(),
        tool: Tool { name: "lab".into(), version: "0.1.0".into() },
        made_at: time("2026-01-02T14:09:58Z"),
        made_by: Some(Identified { name: "drift-reader".into(), by: IdentifiedBy::Cloud }),
        actions,
        without_remedy: vec![Unremedied {
            finding: "F-b0b0".into(),
            kind: "aws_s3_bucket".into(),
            address: ResourceAddress::parse("aws_s3_bucket.logs"),
            native_id: "acme-logs".into(),
            reason: "object_lock_enabled cannot be changed in place here".into(),
            next_step: "terraform plan shows whether it is changed or replaced".into(),
        }],
        held_back: HeldBack { count: 0, flag: "--max-changes".into() },
        belts: Belts { per_run: 20, per_minute: 20 },
        ledger: Some(LedgerHead { entries: 12, hash: fingerprint::digest([b"12".as_slice()]) }),
        unknown: 4,
        partial: true,
        errors: vec![ReportError {
            place: "s3://tf-states/old.tfstate".into(),
            what: "a Terraform state of version 3, written by Terraform 0.11 or older".into(),
            next_step: "run `terraform apply` with 0.12 or newer once; it rewrites the state"
                .into(),
        }],
    }
}

fn name(actions: &mut [Action]) {
    let digests: Vec<String> = actions.iter().map(|a| a.digest.clone()).collect();
    let digests: Vec<&str> = digests.iter().map(String::as_str).collect();
    for (action, id) in actions.iter_mut().zip(fingerprint::short_ids("A", &digests)) {
        action.id = id;
    }
}

fn act<'p>(plan: &'p mut RemediationPlan, address: &str) -> &'p mut Action {
    plan.actions
        .iter_mut()
        .find(|a| a.address.as_ref().is_some_and(|is| is.to_string() == address))
        .expect("an action")
}

/// One of every state, and a full ledger.
pub fn after() -> (RemediationPlan, Vec<String>) {
    let mut plan = plan();
    plan.errors.clear();
    plan.partial = false;
    let mut ran = Vec::new();
    let mut tell = |address: &str, state, outcome: &str, took| {
        let action = act(&mut plan, address);
        action.state = state;
        action.outcome = Some(outcome.into());
        action.took_ms = took;
        if took.is_some() {
            ran.push(action.id.clone());
        }
    };
    use ActionState::{Failed, HeldBack, Rejected, Verified};
    tell("aws_s3_bucket_public_access_block.exports", Verified, "read back equal", Some(41));
    tell(
        "azurerm_storage_container.reports",
        Verified,
        "read back equal, anonymous GET 200 -> 409",
        Some(38),
    );
    tell(
        "module.data[\"eu\"].google_storage_bucket_iam_binding.archive[0]",
        Failed,
        "nothing was written: storage.buckets.setIamPolicy on acme-archive as remediator: denied",
        Some(12_345),
    );
    tell(
        "aws_iam_access_key.ci_deploy",
        Rejected,
        "rejected by jo.okafor: the nightly export uses it",
        None,
    );
    tell("aws_iam_user.breakglass", HeldBack, "", None);
    plan.held_back.count = 1;
    plan.ledger = Some(LedgerHead { entries: 20, hash: fingerprint::digest([b"20".as_slice()]) });
    (plan, ran)
}

/// What an earlier run had left open.
pub fn settled() -> Vec<(String, String, String)> {
    vec![(
        "A-9c01".into(),
        "aws_iam_account_password_policy.acme".into(),
        "cut off after the write; read back equal".into(),
    )]
}

pub fn happened() -> Vec<Happened> {
    let line = |at: &str, what: &str, by: Option<&str>, detail: &str, seq| Happened {
        time: time(at),
        what: what.into(),
        by: by.map(str::to_owned),
        detail: detail.into(),
        seq: Some(seq),
    };
    vec![
        line("2026-01-02T14:09:58Z", "planned", Some("drift-reader"), "", 12),
        line(
            "2026-01-02T14:12:40Z",
            "approved",
            Some("jo.okafor@example.com"),
            "until 2026-01-03 14:12:40 UTC",
            13,
        ),
        line("2026-01-02T14:13:02Z", "begun", Some("remediator"), "", 14),
        line(
            "2026-01-02T14:13:02Z",
            "verified",
            None,
            "read back equal, anonymous GET 200 -> 403",
            15,
        ),
    ]
}

pub fn moved() -> Vec<MovedLine> {
    let line = |action: &str, place: &str, what: &str, unknown| MovedLine {
        action: action.into(),
        place: place.into(),
        what: what.into(),
        unknown,
    };
    vec![
        line(
            "A-51b2",
            "aws_s3_bucket_public_access_block.exports",
            "block_public_policy has moved\nblock_public_acls  true -> false\n\
             maya.chen@example.com, 2026-01-02T14:09:02Z, PutBucketPublicAccessBlock, event \
             c2d7f1aa-0f4e-4f55-8a7e-1d0c3b5a9951",
            false,
        ),
        line(
            "A-88d0",
            "terraform/environments/azure/terraform.tfstate",
            "the state has moved: serial 2 -> 3",
            false,
        ),
    ]
}

/// Entries as the ledger's list shows them.
pub fn rows() -> Vec<Row> {
    let row = |seq, at: &str, kind: &str, subject: &str, words: &str, by: Option<&str>| Row {
        seq: Some(seq),
        time: time(at),
        kind: kind.into(),
        subject: subject.into(),
        words: words.into(),
        by: by.map(str::to_owned),
    };
    let policy = "A-03fe aws_s3_bucket_policy.exports";
    vec![
        row(8, "2026-01-01T23:59:58Z", "plan", "7f3a9c21", "6 actions", Some("drift-reader")),
        row(
            9,
            "2026-01-02T14:12:40Z",
            "approval",
            policy,
            "until 2026-01-03 14:12:40 UTC",
            Some("jo.okafor@example.com"),
        ),
        row(10, "2026-01-02T14:13:02Z", "intent", policy, "", Some("remediator")),
        row(
            11,
            "2026-01-02T14:13:02Z",
            "outcome",
            policy,
            "verified: read back equal, anonymous GET 200 -> 403",
            None,
        ),
        row(
            12,
            "2026-01-02T14:20:00Z",
            "rejection",
            "A-77b1 module.data[\"eu\"].google_storage_bucket_iam_binding.archive[0]",
            "the nightly export uses it",
            Some("jo.okafor@example.com"),
        ),
    ]
}
