//! `aws_s3_bucket_policy`: who may do what with a bucket, compared and judged by meaning.

mod restoring;

use super::records;
use crate::exposure;
use crate::s3::Bucket;
use crate::session::AwsSession;
use async_trait::async_trait;
use iam_policy::{Change, Effect, Policy, PrincipalId, Principals, Selection, Statement};
use model::knowledge::{EventChange, EventEffect, Exposure, Judgement, KindFacts, Restoring};
use model::{AttributePath, Attributes, Event, Knowledge, Resource, Severity, Value};
use provider::{FactsFile, Kind, Probe, ProviderError, Wanted};

pub(super) use restoring::{restoring, without_additions};

pub(super) struct BucketPolicy;

static FACTS: FactsFile = FactsFile::new(include_str!("s3_bucket_policy.toml"));

impl Knowledge for BucketPolicy {
    fn facts(&self) -> &KindFacts {
        FACTS.get()
    }

    fn equal(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<bool> {
        equal(path, desired, live)
    }

    fn summary(&self, path: &AttributePath, desired: &Value, live: &Value) -> Vec<String> {
        summary(path, desired, live)
    }

    fn judge(&self, path: &AttributePath, desired: &Value, live: &Value) -> Option<Judgement> {
        judge(path, desired, live)
    }

    fn restoring(
        &self,
        _native_id: &str,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Restoring {
        let known = restoring(path, desired, live);
        known.unwrap_or_else(|| self.facts().restoring(path, desired, live))
    }

    fn without_additions(
        &self,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Option<Value> {
        without_additions(path, desired, live)
    }

    fn exposure(&self, live: &Resource, neighbours: &[Resource]) -> Option<Exposure> {
        exposure::of_bucket(live, neighbours)
    }

    fn belongs_to(&self, resource: &Resource) -> String {
        exposure::bucket_of(resource).unwrap_or(&resource.native_id).to_owned()
    }

    /// A bucket's name is taken once in all accounts.
    fn id_is_global(&self) -> bool {
        true
    }

    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        let (operation, bucket) = records::s3(event)?;
        let change = match operation {
            "PutBucketPolicy" => written(event),
            "DeleteBucketPolicy" | "DeleteBucket" => EventChange::Deletes,
            _ => return None,
        };
        records::effect(bucket, change)
    }
}

/// The policy that a record of PutBucketPolicy holds.
pub(super) fn written(event: &Event) -> EventChange {
    let policy = match event.request.get("bucketPolicy") {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(document @ serde_json::Value::Object(_)) => document.to_string(),
        _ => return EventChange::Opaque,
    };
    records::sets([("policy", policy.into())])
}

fn both(path: &AttributePath, desired: &Value, live: &Value) -> Option<(Policy, Policy)> {
    if path.attribute() != "policy" {
        return None;
    }
    let read = |value: &Value| match value {
        Value::Null => Some(none_at_all()),
        Value::String(text) if text.is_empty() => Some(none_at_all()),
        Value::String(text) => Policy::parse(text).ok(),
        _ => None,
    };
    Some((read(desired)?, read(live)?))
}

/// No policy: the bucket's owner alone.
fn none_at_all() -> Policy {
    Policy { version: iam_policy::Version::V2012, id: None, statements: Vec::new() }
}

pub(super) fn equal(path: &AttributePath, desired: &Value, live: &Value) -> Option<bool> {
    let (desired, live) = both(path, desired, live)?;
    Some(iam_policy::equal(&desired, &live))
}

/// One line a statement: `+ allow * s3:GetObject on acme-exports/*`.
pub(super) fn summary(path: &AttributePath, desired: &Value, live: &Value) -> Vec<String> {
    let Some((desired, live)) = both(path, desired, live) else { return Vec::new() };
    iam_policy::diff(&desired, &live)
        .iter()
        .map(|change| {
            let sign = match change.change {
                Change::Added => '+',
                Change::Removed => '-',
            };
            format!("{sign} {}", iam_policy::describe(&change.statement))
        })
        .collect()
}

/// What a change of a bucket's policy means. That it lets strangers in is *high* here and
/// becomes *critical* where nothing stops it: the access block is another resource.
pub(super) fn judge(path: &AttributePath, desired: &Value, live: &Value) -> Option<Judgement> {
    let (was, is) = both(path, desired, live)?;
    let changes = iam_policy::diff(&was, &is);
    let public = iam_policy::public_statements(&is);
    let judged = changes.iter().map(|change| match (change.change, change.statement.effect) {
        (Change::Added, Effect::Allow) if public.contains(&change.index) => {
            newly_public(&change.statement)
        }
        (Change::Added, Effect::Allow) => widened(&change.statement),
        (Change::Removed, Effect::Deny) => Judgement {
            severity: Severity::High,
            why: "A rule that refused access to this bucket is gone.".to_owned(),
            techniques: vec!["T1562".to_owned()],
        },
        (Change::Removed, Effect::Allow) => Judgement {
            severity: Severity::Low,
            why: "Access that the configuration grants is gone.".to_owned(),
            techniques: Vec::new(),
        },
        (Change::Added, Effect::Deny) => Judgement {
            severity: Severity::Medium,
            why: "A new rule refuses access that the configuration grants.".to_owned(),
            techniques: vec!["T1531".to_owned()],
        },
    });
    let mut worst: Option<Judgement> = None;
    for judgement in judged {
        if worst.as_ref().is_none_or(|w| judgement.severity > w.severity) {
            worst = Some(judgement);
        }
    }
    worst
}

/// What a statement lets its principals do with objects and with the bucket itself.
struct Powers {
    read: bool,
    write: bool,
    govern: bool,
}

fn powers(statement: &Statement) -> Powers {
    let any = |tests: &[&str]| match &statement.actions {
        Selection::AllBut(_) => true,
        Selection::Only(actions) => actions.iter().any(|action| {
            let action = action.to_ascii_lowercase();
            let action = action.strip_prefix("s3:").unwrap_or(&action);
            // A pattern holds an operation when either begins like the other.
            let fixed = action.split(['*', '?']).next().unwrap_or(action);
            let pattern = fixed.len() < action.len();
            tests.iter().any(|t| action.starts_with(t) || (pattern && t.starts_with(fixed)))
        }),
    };
    Powers {
        read: any(&["getobject", "listbucket"]),
        write: any(&["putobject", "deleteobject", "restoreobject", "abortmultipart"]),
        govern: any(&[
            "putbucket",
            "deletebucket",
            "putencryption",
            "putlifecycle",
            "putreplication",
            "bypassgovernance",
        ]),
    }
}

fn newly_public(statement: &Statement) -> Judgement {
    let powers = powers(statement);
    let (why, technique) = match powers {
        Powers { read: true, write: true, .. } => {
            ("The policy lets anyone on the internet read and change this bucket now.", "T1530")
        }
        Powers { read: true, .. } => {
            ("The policy lets anyone on the internet read this bucket now.", "T1530")
        }
        Powers { write: true, .. } => {
            ("The policy lets anyone on the internet change this bucket now.", "T1565.001")
        }
        _ => ("The policy lets anyone on the internet use this bucket now.", "T1530"),
    };
    Judgement {
        severity: Severity::High,
        why: why.to_owned(),
        techniques: vec![technique.to_owned()],
    }
}

fn widened(statement: &Statement) -> Judgement {
    let powers = powers(statement);
    let who = match &statement.principals {
        Principals::Only(ids) => match ids.as_slice() {
            [PrincipalId::Service(service)] => service.clone(),
            [PrincipalId::Aws(id)] => id.clone(),
            [_] => "Somebody else".to_owned(),
            ids => format!("{} principals more", ids.len()),
        },
        _ => "Somebody else".to_owned(),
    };
    let (severity, what) = match powers {
        Powers { govern: true, .. } => (Severity::High, "govern this bucket"),
        Powers { write: true, .. } => (Severity::High, "change what is in this bucket"),
        Powers { read: true, .. } => (Severity::Medium, "read this bucket"),
        _ => (Severity::Medium, "use this bucket"),
    };
    Judgement {
        severity,
        why: format!("{who} may {what} now."),
        techniques: vec!["T1530".to_owned()],
    }
}

#[async_trait]
impl Kind<AwsSession> for BucketPolicy {
    async fn read(
        &self,
        session: &AwsSession,
        wanted: &Wanted,
    ) -> Result<Option<Resource>, ProviderError> {
        let name = wanted.native_id.as_str();
        let bucket = Bucket::new(session, name, wanted.region.as_deref());
        let absent = ["NoSuchBucketPolicy", "NoSuchBucket"];
        let answer = bucket
            .find("GetBucketPolicy", &absent, |client| {
                client.get_bucket_policy().bucket(name).send()
            })
            .await?;
        let Some(policy) = answer.and_then(|a| a.policy).filter(|p| !p.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(Resource {
            cloud: crate::CLOUD,
            account: session.account().await,
            region: Some(bucket.region()),
            kind: self.facts().kind.clone(),
            native_id: name.to_owned(),
            attributes: records::attributes([
                ("id", name.into()),
                ("bucket", name.into()),
                ("policy", policy.into()),
            ]),
        }))
    }

    async fn list(&self, session: &AwsSession) -> Result<Vec<Resource>, ProviderError> {
        super::s3_bucket::of_every_bucket(self, session).await
    }

    async fn create(
        &self,
        session: &AwsSession,
        wanted: &Attributes,
    ) -> Result<Resource, ProviderError> {
        let name = self.required(wanted, "bucket")?;
        put(session, name, None, self.required(wanted, "policy")?).await?;
        super::read_back(self, session, name).await
    }

    async fn update(
        &self,
        session: &AwsSession,
        current: &Resource,
        changes: &Attributes,
    ) -> Result<(), ProviderError> {
        let policy = self.required(changes, "policy")?;
        put(session, &current.native_id, current.region.as_deref(), policy).await
    }

    async fn delete(&self, session: &AwsSession, current: &Resource) -> Result<(), ProviderError> {
        let name = current.native_id.as_str();
        Bucket::new(session, name, current.region.as_deref())
            .write("DeleteBucketPolicy", |client| client.delete_bucket_policy().bucket(name).send())
            .await?;
        Ok(())
    }

    async fn probe(
        &self,
        session: &AwsSession,
        live: &Resource,
    ) -> Result<Option<Probe>, ProviderError> {
        let policy = live.attributes.get("policy").and_then(Value::as_str);
        crate::probe::bucket(session, live, policy).await
    }

    fn read_permissions(&self) -> &'static [&'static str] {
        &["s3:GetBucketPolicy"]
    }

    fn list_permissions(&self) -> &'static [&'static str] {
        &["s3:ListAllMyBuckets"]
    }

    fn write_permissions(&self) -> &'static [&'static str] {
        &["s3:DeleteBucketPolicy", "s3:PutBucketPolicy"]
    }

    fn update_permissions(&self) -> &'static [&'static str] {
        &["s3:PutBucketPolicy"]
    }
}

pub(super) async fn put(
    session: &AwsSession,
    name: &str,
    region: Option<&str>,
    policy: &str,
) -> Result<(), ProviderError> {
    Bucket::new(session, name, region)
        .write("PutBucketPolicy", |client| {
            client.put_bucket_policy().bucket(name).policy(policy).send()
        })
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(statements: &[&str]) -> Value {
        format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(",")).into()
    }

    const CI: &str = r#"{"Sid":"Ci","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci"},
        "Action":"s3:PutObject","Resource":"arn:aws:s3:::acme-exports/*"}"#;
    const ALL: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject",
        "Resource":"arn:aws:s3:::acme-exports/*"}"#;
    const TLS: &str = r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*",
        "Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;

    fn check(was: &[&str], is: &[&str], severity: Severity, why: &str, lines: &[&str]) {
        let path = AttributePath::root("policy");
        let (was, is) = (policy(was), policy(is));
        assert_eq!(BucketPolicy.equal(&path, &was, &is), Some(false));
        let judged = BucketPolicy.judge(&path, &was, &is).unwrap();
        assert_eq!((judged.severity, judged.why.contains(why)), (severity, true), "{}", judged.why);
        assert_eq!(BucketPolicy.summary(&path, &was, &is), lines);
    }

    #[test]
    fn a_change_is_judged_by_what_it_lets_whom_do() {
        check(
            &[CI],
            &[CI, ALL],
            Severity::High,
            "anyone on the internet read this bucket",
            &["+ allow * s3:GetObject on acme-exports/*"],
        );
        let any = ALL.replace("s3:GetObject", "s3:*");
        let why = "anyone on the internet read and change";
        check(&[CI], &[CI, &any], Severity::High, why, &["+ allow * s3:* on acme-exports/*"]);
        let role = CI.replace("role/ci", "role/other");
        let line = "+ allow 111122223333:role/other s3:PutObject on acme-exports/*";
        check(&[CI], &[CI, &role], Severity::High, "may change what is in", &[line]);
        let line = "- deny * s3:* on * if Bool aws:SecureTransport false";
        check(&[CI, TLS], &[CI], Severity::High, "refused access", &[line]);
        let line = "- allow 111122223333:role/ci s3:PutObject on acme-exports/*";
        check(&[CI, TLS], &[TLS], Severity::Low, "is gone", &[line]);
    }

    #[test]
    fn a_policy_written_otherwise_is_the_same() {
        let path = AttributePath::root("policy");
        let other = CI.replace(r#""Action":"s3:PutObject""#, r#""Action":["s3:putobject"]"#);
        assert_eq!(BucketPolicy.equal(&path, &policy(&[CI]), &policy(&[&other])), Some(true));
        assert_eq!(BucketPolicy.equal(&path, &policy(&[CI]), &"{".into()), None);
    }
}
