//! The Activity Log through its query API: 90 days, pages of some 200 records, and a filter
//! that takes a span of time and at most one other thing.

use crate::CLOUD;
use crate::id::group_of;
use crate::session::AzureSession;
use async_trait::async_trait;
use model::finding::Searched;
use model::{Cloud, Timestamp};
use provider::layers::Call;
use provider::{About, AuditAnswer, AuditLog, AuditQuery, ErrorKind, ProviderError};
use std::collections::BTreeSet;
use std::sync::Arc;
use url::Url;

/// `event-formats` reads the query API's records under this name.
const FORMAT: &str = "azure_activity";
pub(crate) const ACTION: &str = "Microsoft.Insights/eventtypes/values/read";
const VERSION: &str = "2015-04-01";
/// The log keeps 90 days; asking for a moment more is refused.
const DAYS: i64 = 89;
/// Some 100,000 records: more than that the export is for.
const MOST_PAGES: usize = 500;
/// Further groups are asked for together: one query for everything.
const MOST_GROUPS: usize = 20;

pub(crate) struct ActivityLog {
    session: Arc<AzureSession>,
}

/// What one query is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Everything,
    Group(String),
}

impl ActivityLog {
    pub fn new(session: Arc<AzureSession>) -> ActivityLog {
        ActivityLog { session }
    }

    fn filter(part: &Part, from: Timestamp, to: Option<Timestamp>) -> String {
        let mut filter = format!("eventTimestamp ge '{}'", from.to_millis_text());
        if let Some(to) = to {
            filter.push_str(&format!(" and eventTimestamp le '{}'", to.to_millis_text()));
        }
        if let Part::Group(group) = part {
            filter.push_str(&format!(" and resourceGroupName eq '{}'", group.replace('\'', "''")));
        }
        filter
    }

    /// All pages of one query into `records`. A later page that fails is a gap.
    async fn ask(
        &self,
        filter: &str,
        records: &mut Vec<String>,
        gaps: &mut Vec<String>,
    ) -> Result<(), ProviderError> {
        let subscription = self.session.subscription().await?;
        let target = format!("the Activity Log of subscription {subscription}");
        let call = Call::read(ACTION, &target);
        let path = format!(
            "https://management.azure.com/subscriptions/{subscription}\
             /providers/Microsoft.Insights/eventtypes/management/values"
        );
        let mut next =
            Url::parse_with_params(&path, [("api-version", VERSION), ("$filter", filter)])
                .map(Some)
                .map_err(|e| call.error(ErrorKind::Invalid).because(e.to_string()))?;
        let mut pages = 0;
        while let Some(at) = next {
            if pages == MOST_PAGES {
                gaps.push(format!("only the newest {} records were read", records.len()));
                break;
            }
            match self.session.page(&call, &at).await {
                Ok(page) => {
                    records.extend(page.items.iter().map(|record| record.to_string()));
                    next = page.next;
                }
                Err(error) if pages == 0 => return Err(error),
                Err(error) => {
                    gaps.push(format!("the log was not read to its end: {error}"));
                    break;
                }
            }
            pages += 1;
        }
        Ok(())
    }
}

/// The groups in which the wanted things lie: a group's query holds what was done to the
/// group, its accounts and their containers, and who was given an account's keys. A
/// container that is known by its URL does not say where it lies.
fn parts(about: &About) -> BTreeSet<Part> {
    let About::Resources(wanted) = about else { return [Part::Everything].into() };
    let groups: Option<BTreeSet<Part>> = wanted
        .iter()
        .map(|(_, id)| group_of(id).map(|group| Part::Group(group.to_lowercase())))
        .collect();
    match groups {
        Some(groups) if groups.len() <= MOST_GROUPS => groups,
        _ => [Part::Everything].into(),
    }
}

#[async_trait]
impl AuditLog for ActivityLog {
    fn cloud(&self) -> Cloud {
        CLOUD
    }

    async fn query(&self, query: &AuditQuery) -> Result<AuditAnswer, ProviderError> {
        let now = Timestamp::new(time::OffsetDateTime::now_utc());
        let oldest = now.plus_seconds(-DAYS * 86_400);
        let from = query.from.map_or(oldest, |from| from.max(oldest));
        let mut answer = AuditAnswer {
            format: FORMAT,
            records: Vec::new(),
            searched: Searched {
                source: "activity-log:query".to_owned(),
                from: Some(from),
                to: query.to,
                gaps: Vec::new(),
                note: None,
            },
        };
        // A token lives for an hour and the log has no index of them: the records of one tell
        // nothing of what its holder is used to do.
        if matches!(query.about, About::Credential(_)) {
            return Ok(answer);
        }
        let searched = &mut answer.searched;
        if query.from.is_some_and(|from| from < oldest) {
            searched.gaps.push("the Activity Log keeps 90 days".to_owned());
        }
        if !self.session.rerouted {
            let note = "the Activity Log shows a call up to 20 minutes after it was made";
            searched.note = Some(note.to_owned());
        }
        let mut parts = parts(&query.about);
        let mut from = from;
        if parts.is_empty() {
            // Nothing to look for: whether we may ask is all that is asked.
            parts.insert(Part::Everything);
            from = now.plus_seconds(-60).max(from);
        }
        let mut refused: Option<ProviderError> = None;
        let mut answered = false;
        for part in parts {
            let filter = Self::filter(&part, from, query.to);
            match self.ask(&filter, &mut answer.records, &mut searched.gaps).await {
                Ok(()) => answered = true,
                Err(error) => {
                    if let Part::Group(group) = &part {
                        searched.gaps.push(format!("resource group {group}: {error}"));
                    }
                    refused = Some(error);
                }
            }
        }
        match refused {
            Some(error) if !answered => Err(error),
            _ => Ok(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_once_and_everything_where_one_is_unknown() {
        let account =
            "/subscriptions/s/resourceGroups/RG/providers/Microsoft.Storage/storageAccounts/a";
        let about = |ids: &[&str]| {
            About::Resources(ids.iter().map(|id| ("k".into(), (*id).to_owned())).collect())
        };
        let container = format!("{account}/blobServices/default/containers/c");
        assert_eq!(
            parts(&about(&[account, &container, "/subscriptions/s/resourceGroups/rg"])),
            [Part::Group("rg".to_owned())].into()
        );
        let url = "https://a.blob.core.windows.net/c";
        assert_eq!(parts(&about(&[account, url])), [Part::Everything].into());
        assert_eq!(parts(&About::Everything), [Part::Everything].into());
        assert!(parts(&about(&[])).is_empty());
    }

    #[test]
    fn a_quote_in_a_name_stays_a_name() {
        let from = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        let filter = ActivityLog::filter(&Part::Group("o'x".to_owned()), from, Some(from));
        assert_eq!(
            filter,
            "eventTimestamp ge '2026-01-02T03:04:05.000Z' and eventTimestamp le \
             '2026-01-02T03:04:05.000Z' and resourceGroupName eq 'o''x'"
        );
    }
}
