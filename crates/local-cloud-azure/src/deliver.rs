//! The Activity Log's files. As Azure's own export does, each hour of a subscription has
//! one append blob in the log account, and records are appended to it: when many wait,
//! when somebody lists the log container, and when the cloud stops or starts.

use crate::audit;
use crate::state::blob::{self, Blob};
use crate::state::{account, container};
use crate::story::{LOG_ACCOUNT, LOG_CONTAINER, SUBSCRIPTION};
use local_cloud::{Ground, StoreError};
use model::Timestamp;
use std::collections::BTreeMap;
use time::macros::format_description;

const CHECKPOINT: &str = "azure/delivery";
/// So many records wait before a file is written without anybody asking.
pub const ENOUGH: u64 = 500;

fn delivered(view: &local_cloud::View<'_>) -> u64 {
    view.get(CHECKPOINT, "activity").unwrap_or(0)
}

/// Records that are in no file yet.
pub fn waiting(ground: &Ground) -> u64 {
    ground.store.read(|v| {
        let last = v.get::<u64>("counters", audit::TABLE).unwrap_or(0);
        last.saturating_sub(delivered(v))
    })
}

/// `resourceId=/SUBSCRIPTIONS/{S}/y=2026/m=01/d=02/h=03/m=00/PT1H.json`
pub fn path(moment: Timestamp) -> String {
    let form = format_description!("y=[year]/m=[month]/d=[day]/h=[hour]/m=00/PT1H.json");
    let hour = moment.inner().format(&form).unwrap_or_default();
    format!("resourceId=/SUBSCRIPTIONS/{}/{hour}", SUBSCRIPTION.to_uppercase())
}

/// Appends every waiting record to its hour's file; the checkpoint moves in the same change.
/// Without the log account nothing is delivered and nothing is lost: the records wait.
pub fn deliver(ground: &Ground) -> Result<(), StoreError> {
    if waiting(ground) == 0 {
        return Ok(());
    }
    let store = &ground.store;
    store.write(|tx| {
        let view = tx.view();
        let log_account = account::get(&view, LOG_ACCOUNT);
        let place = container::get(&view, LOG_ACCOUNT, LOG_CONTAINER);
        if log_account.is_none() || place.is_none() {
            return Ok(());
        }
        let records = audit::after(&view, delivered(&view), usize::MAX);
        let mut hours: BTreeMap<String, (Vec<u8>, Timestamp)> = BTreeMap::new();
        let mut last = delivered(&view);
        for (number, record) in records {
            let hour = hours.entry(path(record.time)).or_insert_with(|| (Vec::new(), record.time));
            hour.0.extend_from_slice(record.exported().to_string().as_bytes());
            hour.0.extend_from_slice(b"\r\n");
            hour.1 = hour.1.max(record.time);
            last = number;
        }
        for (name, (lines, moment)) in hours {
            let old = blob::get(&tx.view(), LOG_ACCOUNT, LOG_CONTAINER, &name);
            let mut bytes = match &old {
                Some(old) => store.blob(&old.content)?.to_vec(),
                None => Vec::new(),
            };
            bytes.extend_from_slice(&lines);
            let content = store.put_blob(&bytes)?;
            let mut new = Blob::new(tx, &name, content, bytes.len() as u64, moment);
            new.kind = "AppendBlob".to_owned();
            new.created = old.map_or(moment, |o| o.created);
            blob::put(tx, LOG_ACCOUNT, LOG_CONTAINER, &new);
        }
        tx.put(CHECKPOINT, "activity", &last);
        Ok(())
    })
}
