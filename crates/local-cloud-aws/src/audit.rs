//! The native record of every call: CloudTrail's, out of the operation tables.
//!
//! Management events, reads included, stand in the event history at once; data events (S3
//! objects) are kept where a trail selects them. A service calls [`record`] in the same
//! change of the store that the call makes.

use crate::principal::{Kind, Principal};
use crate::state::cloudtrail;
use crate::story::ACCOUNT;
use aws_protocol::cloudtrail::{Exchange, Record, Tls};
use aws_protocol::{Operation, ServiceError};
use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// What the event history and delivery look through; the text lies in [`RECORDS`].
pub const HEADS: &str = "aws/audit/heads";
/// The records' own JSON, under the same keys.
pub const RECORDS: &str = "aws/audit/records";

/// One call as its service saw it.
pub struct Call<'a> {
    pub operation: Operation,
    pub principal: &'a Principal,
    /// By the lab's clock.
    pub time: Timestamp,
    /// As the signature's scope names it.
    pub region: &'a str,
    pub user_agent: &'a str,
    pub exchange: Exchange<'a>,
    pub error: Option<&'a ServiceError>,
    pub request_id: &'a str,
    /// The `Host` header of a call that came through TLS; `None` on the plain endpoint.
    pub tls_host: Option<&'a str>,
}

/// What is known of a record without reading it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    pub time: Timestamp,
    pub event_id: String,
    pub source: String,
    pub name: String,
    pub region: String,
    pub read_only: bool,
    pub management: bool,
    pub user: Option<String>,
    pub access_key_id: Option<String>,
    /// Type and name, as the event history lists them.
    pub resources: Vec<(String, String)>,
    /// What a data event is about; empty for management events.
    pub arns: Vec<String>,
}

/// The form of TLS that the front door ends.
const TLS_VERSION: &str = "TLSv1.3";
const TLS_CIPHER: &str = "TLS_AES_128_GCM_SHA256";

/// A request id as every service but S3 gives them.
pub fn request_id(tx: &mut Tx<'_>) -> String {
    tx.fresh_uuid("aws/request")
}

/// A request id of S3: 16 characters.
pub fn s3_request_id(tx: &mut Tx<'_>) -> String {
    tx.fresh_text("aws/s3-request", b"0123456789ABCDEFGHJKMNPQRSTVWXYZ", 16)
}

/// Leaves the record of a call. Answers with the event's id when it is one that is kept.
pub fn record(tx: &mut Tx<'_>, call: &Call<'_>) -> Option<String> {
    let event_id = tx.fresh_uuid("aws/event");
    // Calls between services are linked by an id of their own.
    let shared =
        matches!(call.principal.kind, Kind::Service(_)).then(|| tx.fresh_uuid("aws/shared-event"));
    let record = Record::new(&aws_protocol::cloudtrail::Call {
        operation: call.operation,
        identity: call.principal.identity(),
        time: call.time.inner(),
        region: call.region,
        source_ip: &call.principal.origin,
        user_agent: call.user_agent,
        exchange: reborrow(&call.exchange),
        error: call.error,
        request_id: call.request_id,
        event_id: &event_id,
        recipient_account: ACCOUNT,
        tls: call.tls_host.map(|host| Tls { version: TLS_VERSION, cipher: TLS_CIPHER, host }),
        shared_event_id: shared.as_deref(),
        vpc_endpoint_id: None,
        from_console: false,
    });
    let resources = record.looked_up_resources();
    let arns = match record.management_event() {
        true => Vec::new(),
        false => record
            .resources()
            .iter()
            .filter_map(|r| r.arn.clone().or_else(|| r.arn_prefix.clone()))
            .collect(),
    };
    let head = Head {
        time: call.time,
        event_id: event_id.clone(),
        source: record.event_source().to_owned(),
        name: record.event_name().to_owned(),
        region: record.region().to_owned(),
        read_only: record.read_only(),
        management: record.management_event(),
        user: record.user_name().map(str::to_owned),
        access_key_id: record.access_key_id().map(str::to_owned),
        resources: resources.into_iter().map(|(kind, name)| (kind.to_owned(), name)).collect(),
        arns,
    };
    if !head.management && !cloudtrail::any_trail_selects(&tx.view(), &head) {
        return None;
    }
    let number = tx.append(HEADS, &head);
    tx.put(RECORDS, &key(number), &record.to_json());
    Some(event_id)
}

/// Keys are running numbers, so that key order is the order of the calls.
fn key(number: u64) -> String {
    format!("{number:012}")
}

/// The text of a record, under its head's key.
pub fn text(view: &View<'_>, key: &str) -> Option<String> {
    view.get(RECORDS, key)
}

/// An exchange is read, not consumed.
fn reborrow<'a>(exchange: &'a Exchange<'a>) -> Exchange<'a> {
    match exchange {
        Exchange::Typed { input, output } => Exchange::Typed { input: *input, output: *output },
        Exchange::S3(s3) => Exchange::S3(aws_protocol::cloudtrail::S3Exchange { ..*s3 }),
    }
}
