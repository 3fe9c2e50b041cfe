//! CloudTrail's event history (LookupEvents): 90 days of management events of one region,
//! asked by one attribute at a time.

use crate::CLOUD;
use crate::session::{AwsSession, DEFAULT_REGION};
use async_trait::async_trait;
use model::finding::Searched;
use model::{Cloud, KindName, Timestamp};
use provider::audit_log::{About, AuditAnswer, AuditLog, AuditQuery};
use provider::{ErrorKind, ProviderError};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The most events of one lookup: at 50 a page and two pages a second this is 100 seconds.
const MOST_EVENTS: usize = 10_000;

/// CloudTrail API reference, LookupEvents: `MaxResults`.
const PAGE: u64 = 50;

/// CloudTrail User Guide, "Working with CloudTrail event history".
const KEPT_DAYS: i64 = 90;

pub struct EventHistory {
    session: Arc<AwsSession>,
}

/// IAM User Guide, "Unique identifiers": the key ids of sessions.
const SESSION_KEY: &str = "ASIA";

/// One question to the history of one region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lookup {
    region: String,
    /// Attribute key and value; empty: every event.
    by: Option<(&'static str, String)>,
}

impl EventHistory {
    pub fn new(session: Arc<AwsSession>) -> Self {
        EventHistory { session }
    }

    /// Bucket events lie in the bucket's region, IAM's in its home region, and a call made
    /// to another endpoint in that one's: each is asked for where it can be.
    fn lookups(&self, about: &About) -> BTreeSet<Lookup> {
        let here = self.session.region().to_owned();
        let home = match self.session.partition() {
            "aws" => DEFAULT_REGION.to_owned(),
            _ => here.clone(),
        };
        let by = |key: &'static str, value: &str| Some((key, value.to_owned()));
        let mut lookups = BTreeSet::new();
        match about {
            About::Everything => {
                for region in [here, home] {
                    lookups.insert(Lookup { region, by: None });
                }
            }
            About::Credential(key) => {
                for region in [here, home] {
                    lookups.insert(Lookup { region: region.clone(), by: by("AccessKeyId", key) });
                    // The call that opened a session was not signed with the session's key.
                    // It answers with it, and the event history has it as a resource.
                    if key.starts_with(SESSION_KEY) {
                        lookups.insert(Lookup { region, by: by("ResourceName", key) });
                    }
                }
            }
            About::Resources(resources) => {
                for (kind, id) in resources {
                    // Terraform's id of a bucket's setting may go on with the owner.
                    let id = id.split(',').next().unwrap_or(id);
                    let regions = match is_global(kind) {
                        true => vec![home.clone()],
                        false => vec![here.clone(), self.session.bucket_region(id)],
                    };
                    for region in regions {
                        lookups.insert(Lookup { region, by: by("ResourceName", id) });
                    }
                }
            }
        }
        lookups
    }

    /// All pages of one lookup. An error in the middle leaves what was read before it.
    async fn ask(
        &self,
        lookup: &Lookup,
        query: &AuditQuery,
        found: &mut Found,
    ) -> Result<Option<String>, ProviderError> {
        let target = match &lookup.by {
            Some((_, name)) => format!("events of {name}"),
            None => "all events".to_owned(),
        };
        let mut input = json!({ "MaxResults": PAGE });
        if let Some((key, value)) = &lookup.by {
            input["LookupAttributes"] = json!([{ "AttributeKey": key, "AttributeValue": value }]);
        }
        if let Some(from) = query.from {
            input["StartTime"] = from.to_seconds_text().into();
        }
        if let Some(to) = query.to {
            // Whole seconds only: the last one is asked for as a whole.
            input["EndTime"] = to.plus_seconds(1).to_seconds_text().into();
        }
        let mut read = 0;
        loop {
            let service = self.session.cloudtrail(&lookup.region);
            let page = match service.call("LookupEvents", &target, &input).await {
                Ok(page) => page,
                Err(error) if read == 0 => return Err(error),
                Err(error) => {
                    return Ok(Some(format!(
                        "{target}: only the newest {read} were read: {error}"
                    )));
                }
            };
            for event in page["Events"].as_array().into_iter().flatten() {
                read += 1;
                if let Some(record) = event["CloudTrailEvent"].as_str() {
                    found.add(event, record);
                }
            }
            let Some(token) = page["NextToken"].as_str().filter(|t| !t.is_empty()) else {
                return Ok(None);
            };
            if read >= MOST_EVENTS {
                return Ok(Some(format!("{target}: only the newest {read} were read")));
            }
            input["NextToken"] = token.into();
        }
    }
}

/// Each event once: several lookups find the same one.
#[derive(Default)]
struct Found {
    ids: BTreeSet<String>,
    /// Newest first within a lookup, as they came.
    records: Vec<(i64, String)>,
}

impl Found {
    fn add(&mut self, event: &Value, record: &str) {
        let parsed: Value = serde_json::from_str(record).unwrap_or_default();
        let id = event["EventId"].as_str().or_else(|| parsed["eventID"].as_str());
        if self.ids.insert(id.unwrap_or(record).to_owned()) {
            let time = parsed["eventTime"].as_str().and_then(Timestamp::parse);
            self.records.push((time.map_or(0, |t| t.unix()), record.to_owned()));
        }
    }

    /// The oldest first. Records know whole seconds only; within one, the order in which the
    /// service told them is kept.
    fn in_order(mut self) -> Vec<String> {
        self.records.reverse();
        self.records.sort_by_key(|(time, _)| *time);
        self.records.into_iter().map(|(_, record)| record).collect()
    }
}

fn is_global(kind: &KindName) -> bool {
    kind.as_str().starts_with("aws_iam_")
}

#[async_trait]
impl AuditLog for EventHistory {
    fn cloud(&self) -> Cloud {
        CLOUD
    }

    async fn query(&self, query: &AuditQuery) -> Result<AuditAnswer, ProviderError> {
        let lookups = self.lookups(&query.about);
        let mut found = Found::default();
        let mut gaps = Vec::new();
        let (mut answered, mut failed) = (0, None);
        for lookup in &lookups {
            match self.ask(lookup, query, &mut found).await {
                Ok(gap) => {
                    answered += 1;
                    gaps.extend(gap);
                }
                // Without permission the rest is refused too.
                Err(error) if error.is(ErrorKind::Denied) => return Err(error),
                Err(error) => {
                    gaps.push(error.to_string());
                    failed = Some(error);
                }
            }
        }
        if let (0, Some(error)) = (answered, failed) {
            return Err(error);
        }
        let regions: BTreeSet<&str> = lookups.iter().map(|l| l.region.as_str()).collect();
        let regions: Vec<&str> = regions.into_iter().collect();
        gaps.push(format!(
            "the event history holds {KEPT_DAYS} days of management events, asked in {}",
            regions.join(" and ")
        ));
        Ok(AuditAnswer {
            format: "cloudtrail",
            records: found.in_order(),
            searched: Searched {
                source: "cloudtrail:lookup-events".to_owned(),
                from: query.from,
                to: query.to,
                gaps,
                note: None,
            },
        })
    }
}
