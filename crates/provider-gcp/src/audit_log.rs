//! Cloud Audit Logs through `entries.list`, asked and not interpreted.

use crate::CLOUD;
use crate::kinds::BUCKET;
use crate::policy::{BucketName, Grant};
use crate::session::{GcpSession, Service};
use async_trait::async_trait;
use model::finding::Searched;
use model::{Attributes, Cloud, KindName};
use provider::audit_log::{About, AuditAnswer, AuditLog, AuditQuery};
use provider::layers::Call;
use provider::{ErrorKind, ProviderError};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The name under which `event-formats` knows these records.
const FORMAT: &str = "google_audit";
/// The most that the API gives at once.
const PAGE: u32 = 1000;
/// A thousand entries of 256 KB, the largest that Cloud Logging takes.
const LARGEST_PAGE: usize = 256 << 20;
const MOST_PAGES: usize = 1000;
/// A page may be empty and still not the last: the search goes on behind it.
const MOST_EMPTY_PAGES: usize = 100;
/// The query language takes filters of 20,000 characters; bucket names have at most 222.
const BUCKETS_A_FILTER: usize = 64;
/// Cloud Logging, "Log buckets": `_Required` keeps admin activity this long.
const KEPT: &str = "Google keeps admin activity for 400 days";
const DATA_ACCESS: &str = "reads and writes of objects are in the log only where data access logs are switched on; \
     they are off by default";

pub struct CloudAuditLogs {
    session: Arc<GcpSession>,
}

impl CloudAuditLogs {
    pub fn new(session: Arc<GcpSession>) -> Self {
        CloudAuditLogs { session }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Page {
    entries: Vec<Box<RawValue>>,
    next_page_token: String,
}

/// The filters that find what is asked about, one search each.
fn filters(query: &AuditQuery, project: &str) -> Vec<String> {
    let all_logs = || r#"logName:"cloudaudit.googleapis.com""#.to_owned();
    let about: Vec<Vec<String>> = match &query.about {
        About::Everything => vec![vec![all_logs()]],
        About::Credential(id) => {
            let key = "protoPayload.authenticationInfo.serviceAccountKeyName";
            vec![vec![all_logs(), format!("{key}:{}", quoted(id))]]
        }
        About::Resources(wanted) => {
            let activity = format!("projects/{project}/logs/cloudaudit.googleapis.com%2Factivity");
            let activity = format!("logName={}", quoted(&activity));
            let buckets: BTreeSet<BucketName> =
                wanted.iter().filter_map(|(kind, id)| bucket_of(kind, id)).collect();
            let buckets: Vec<String> = buckets.iter().map(|b| quoted(b.as_str())).collect();
            buckets
                .chunks(BUCKETS_A_FILTER)
                .map(|some| {
                    vec![
                        activity.clone(),
                        r#"resource.type="gcs_bucket""#.to_owned(),
                        format!("resource.labels.bucket_name=({})", some.join(" OR ")),
                    ]
                })
                .collect()
        }
    };
    let mut times = Vec::new();
    times.extend(query.from.map(|t| format!("timestamp>={}", quoted(&t.to_millis_text()))));
    times.extend(query.to.map(|t| format!("timestamp<={}", quoted(&t.to_millis_text()))));
    about.into_iter().map(|part| [part, times.clone()].concat().join(" AND ")).collect()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn bucket_of(kind: &KindName, id: &str) -> Option<BucketName> {
    if *kind == BUCKET {
        return BucketName::parse(id);
    }
    Grant::of(id, &Attributes::new()).map(|g| g.bucket)
}

#[async_trait]
impl AuditLog for CloudAuditLogs {
    fn cloud(&self) -> Cloud {
        CLOUD
    }

    async fn query(&self, query: &AuditQuery) -> Result<AuditAnswer, ProviderError> {
        let mut records = Vec::new();
        let mut gaps = Vec::new();
        let mut filters = filters(query, &self.session.project);
        if filters.is_empty() {
            // Nothing to look for; whether we may look is still an answer.
            filters.push(r#"logName="none""#.to_owned());
        }
        for filter in &filters {
            match self.search(filter, &mut records).await {
                Ok(None) => {}
                Ok(Some(gap)) => gaps.push(gap),
                Err(error) if records.is_empty() => return Err(error),
                Err(error) => {
                    gaps.push(format!("the log could not be read to its end: {error}"));
                    break;
                }
            }
        }
        if !matches!(query.about, About::Resources(_)) {
            gaps.push(DATA_ACCESS.to_owned());
        }
        Ok(AuditAnswer {
            format: FORMAT,
            records,
            searched: Searched {
                source: "cloud-audit-logs:entries-list".to_owned(),
                from: query.from,
                to: query.to,
                gaps,
                note: query.from.is_none().then(|| KEPT.to_owned()),
            },
        })
    }
}

impl CloudAuditLogs {
    /// All pages of one search; answers with what is missing at its end.
    async fn search(
        &self,
        filter: &str,
        records: &mut Vec<String>,
    ) -> Result<Option<String>, ProviderError> {
        let session = &self.session;
        let target = format!("project {}", session.project);
        let url = session.url(Service::Logging, "/v2/entries:list");
        let (mut token, mut empty) = (String::new(), 0);
        for _ in 0..MOST_PAGES {
            let call = Call::read("logging.logEntries.list", &target);
            let mut body = json!({
                "resourceNames": [format!("projects/{}", session.project)],
                "filter": filter,
                "orderBy": "timestamp desc",
                "pageSize": PAGE,
            });
            if !token.is_empty() {
                body["pageToken"] = token.as_str().into();
            }
            let answer = session
                .rest(&session.lookups, call.clone(), LARGEST_PAGE, |http| {
                    http.post(&url).json(&body)
                })
                .await?;
            let page: Page = serde_json::from_slice(&answer)
                .map_err(|e| call.error(ErrorKind::Malformed).because(e.to_string()))?;
            empty = if page.entries.is_empty() { empty + 1 } else { 0 };
            records.extend(page.entries.into_iter().map(|e| e.get().to_owned()));
            if page.next_page_token.is_empty() {
                return Ok(None);
            }
            if empty > MOST_EMPTY_PAGES || page.next_page_token == token {
                break;
            }
            token = page.next_page_token;
        }
        Ok(Some("the log holds more than was read: name a shorter time".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    fn query(about: About) -> AuditQuery {
        AuditQuery { from: Timestamp::parse("2026-01-02T03:04:05Z"), to: None, about }
    }

    #[test]
    fn filters_name_buckets_once_and_in_bounds() {
        let wanted = |n: usize| {
            let ids = (0..n).flat_map(|i| {
                let binding = format!("b/bucket-{i}/roles/x");
                [
                    (BUCKET, format!("bucket-{i}")),
                    ("google_storage_bucket_iam_binding".into(), binding),
                ]
            });
            About::Resources(ids.collect())
        };
        assert_eq!(
            filters(&query(wanted(1)), "acme-lab"),
            ["logName=\"projects/acme-lab/logs/cloudaudit.googleapis.com%2Factivity\" \
              AND resource.type=\"gcs_bucket\" AND resource.labels.bucket_name=(\"bucket-0\") \
              AND timestamp>=\"2026-01-02T03:04:05.000Z\""]
        );
        let found = filters(&query(wanted(1000)), "acme-lab");
        assert_eq!(found.len(), 1000_usize.div_ceil(BUCKETS_A_FILTER));
        assert!(found.iter().all(|f| f.len() < 20_000));
        assert!(filters(&query(wanted(0)), "acme-lab").is_empty());
    }

    #[test]
    fn a_quote_in_an_id_ends_no_filter() {
        let found = filters(&query(About::Credential("a\" OR \"b".into())), "p");
        assert!(found[0].contains(r#"serviceAccountKeyName:"a\" OR \"b""#), "{found:?}");
    }
}
