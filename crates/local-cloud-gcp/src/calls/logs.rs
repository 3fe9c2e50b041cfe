//! The log, asked: `entries:list`.

use super::{Call, Calls};
use crate::audit::{Entry, TABLE};
use crate::authorize::{self, On};
use crate::error::ApiError;
use crate::log_filter::Filter;
use crate::story;
use local_cloud::FaultAction;
use serde_json::Value;

const SERVICE: &str = "logging.googleapis.com";
const METHOD: &str = "google.logging.v2.LoggingServiceV2.ListLogEntries";
const LIST: &str = "logging.logEntries.list";
const LIST_PRIVATE: &str = "logging.privateLogEntries.list";

pub struct Asked {
    pub resource_names: Vec<String>,
    pub filter: Filter,
    pub newest_first: bool,
    pub limit: usize,
    /// How many matching entries earlier pages held, and the newest number they looked at.
    pub page: Option<(usize, String)>,
}

pub struct Found {
    pub entries: Vec<Value>,
    pub next: Option<(usize, String)>,
}

impl Calls {
    /// Listing the log is itself data access, logged only where the project asks for it; a
    /// log that grew by being read would never end, so not even then by this cloud.
    pub async fn list_entries(&self, call: &Call, asked: &Asked) -> Result<Found, ApiError> {
        if asked.resource_names.is_empty() {
            return Err(ApiError::invalid(
                "resource_names must contain at least one resource name",
            ));
        }
        for name in &asked.resource_names {
            let project = name.strip_prefix("projects/").map(|p| p.split('/').next().unwrap_or(p));
            if !matches!(project, Some(story::PROJECT | story::PROJECT_NUMBER)) {
                return Err(ApiError::denied(
                    format!(
                        "Permission 'logging.logEntries.list' denied on resource {name} (or it may not exist)."
                    ),
                    LIST,
                ));
            }
        }
        let fault = self.ground.faults.check(&story::CLOUD, SERVICE, METHOD).await;
        match fault {
            FaultAction::Throttle => return Err(ApiError::throttled()),
            FaultAction::Fail => return Err(ApiError::backend()),
            FaultAction::Deny => {
                return Err(authorize::refusal(&call.caller.who, LIST, On::Project));
            }
            FaultAction::Proceed | FaultAction::LoseAnswer => {}
        }
        let now = self.ground.clock.now();
        self.ground.store.read(|view| {
            let who = &call.caller.who;
            authorize::require(view, who, LIST, On::Project, now)?;
            let private = authorize::may(view, who, LIST_PRIVATE, On::Project, now);
            let mut all = view.scan::<Entry>(TABLE, "");
            // Pages of one search see one moment: what came later is not in them.
            let (skip, until) = match &asked.page {
                Some((skip, until)) => (*skip, Some(until.clone())),
                None => (0, all.last().map(|(key, _)| key.clone())),
            };
            if let Some(until) = &until {
                all.retain(|(key, _)| key <= until);
            }
            all.retain(|(_, e)| (private || e.log == "activity") && asked.filter.matches(&e.entry));
            // Equal times keep the order in which they were written.
            all.sort_by(|(a, x), (b, y)| (time_of(x), a).cmp(&(time_of(y), b)));
            if asked.newest_first {
                all.reverse();
            }
            let more = all.len() > skip + asked.limit;
            let entries: Vec<Value> =
                all.into_iter().skip(skip).take(asked.limit).map(|(_, e)| e.entry).collect();
            let next = if more { until.map(|u| (skip + asked.limit, u)) } else { None };
            Ok(Found { entries, next })
        })
    }
}

fn time_of(entry: &Entry) -> &str {
    entry.entry.get("timestamp").and_then(Value::as_str).unwrap_or_default()
}
