//! How long a plan takes where much has drifted: the pure part, no cloud asked.

use crate::measure::Row;
use auto_remediation::{History, Policy, Subject, plan};
use model::finding::{AttributeChange, Attribution, DriftStatus, FindingClass};
use model::knowledge::Catalog;
use model::{
    AttributePath, Attributes, Confidence, Finding, Knowledge, Resource, ResourceAddress, Severity,
    Timestamp,
};
use std::collections::BTreeMap;
use std::time::Instant;

const FINDINGS: usize = 10_000;
const KIND: &str = "aws_s3_bucket_public_access_block";
const GUARDS: [&str; 4] =
    ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"];

fn guards(on: bool, bucket: &str) -> Attributes {
    let mut all: Attributes = GUARDS.iter().map(|g| ((*g).to_owned(), on.into())).collect();
    all.insert("bucket".to_owned(), bucket.into());
    all.insert("id".to_owned(), bucket.into());
    all
}

fn finding(n: usize) -> Finding {
    let bucket = format!("acme-{n:05}");
    let fingerprint = model::fingerprint::digest([bucket.as_bytes()]);
    Finding {
        id: format!("F-{}", fingerprint.get(7..13).unwrap_or_default()),
        change_digest: fingerprint.clone(),
        fingerprint,
        class: FindingClass::Drift,
        status: DriftStatus::Changed,
        cloud: provider_aws::CLOUD,
        account: Some("111122223333".to_owned()),
        region: Some("us-east-1".to_owned()),
        kind: KIND.into(),
        address: Some(ResourceAddress::root(KIND, format!("b{n:05}"))),
        native_id: bucket,
        state: Some("big.tfstate".to_owned()),
        severity: Severity::High,
        confidence: Confidence::High,
        why: "The guard against public policies is off.".to_owned(),
        techniques: vec!["T1562.007".to_owned()],
        effect: None,
        attributes: GUARDS
            .iter()
            .map(|guard| AttributeChange {
                path: AttributePath::root(*guard),
                desired: true.into(),
                live: false.into(),
                security_relevant: true,
                sensitive: false,
                summary: Vec::new(),
            })
            .collect(),
        attribution: Attribution::not_asked(),
    }
}

pub fn planning() -> Result<Vec<Row>, String> {
    let knowledge: &dyn Knowledge =
        provider_aws::CATALOG.kind(&KIND.into()).ok_or("the kind is not there")?;
    let findings: Vec<Finding> = (0..FINDINGS).map(finding).collect();
    let subjects: Vec<Subject<'_>> = findings
        .iter()
        .map(|finding| Subject {
            finding,
            knowledge,
            desired: Some(guards(true, &finding.native_id)),
            live: Some(Resource {
                cloud: finding.cloud.clone(),
                account: finding.account.clone(),
                region: finding.region.clone(),
                kind: finding.kind.clone(),
                native_id: finding.native_id.clone(),
                attributes: guards(false, &finding.native_id),
            }),
            state: None,
            tags: BTreeMap::new(),
            live_tags: BTreeMap::new(),
            impact: None,
            credential: None,
        })
        .collect();
    let now = Timestamp::from_unix(1_767_600_000).ok_or("no such moment")?;
    let began = Instant::now();
    let planned = plan("bench", &subjects, &Policy::default(), &History::default(), now);
    let took = began.elapsed();
    if planned.actions.len() != FINDINGS {
        return Err(format!("{} actions for {FINDINGS} findings", planned.actions.len()));
    }
    Ok(vec![Row {
        what: "a plan for 10,000 findings".to_owned(),
        figure: format!("{} ms", took.as_millis()),
        budget: "under 1,000 ms".to_owned(),
    }])
}
