//! The record around the trees: its keys in the order of delivered log files, and which of them are there when.

use super::identity::Form;
use super::{Call, Exchange, error_code};
use crate::table::Protocol;
use crate::timestamp;
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;

/// Since December 2024; from 1.09 on an empty `webIdFederationData` is no longer written.
const EVENT_VERSION: &str = "1.11";

/// One CloudTrail record. Serialises in the order of delivered files.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    event_version: &'static str,
    user_identity: Form,
    event_time: String,
    event_source: &'static str,
    event_name: &'static str,
    aws_region: String,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: String,
    user_agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    request_parameters: Option<Value>,
    response_elements: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_event_data: Option<super::s3::AdditionalData>,
    #[serde(rename = "requestID")]
    request_id: String,
    #[serde(rename = "eventID")]
    event_id: String,
    read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource>,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: String,
    #[serde(rename = "sharedEventID", skip_serializing_if = "Option::is_none")]
    shared_event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vpc_endpoint_id: Option<String>,
    event_category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_details: Option<TlsDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_credential_from_console: Option<&'static str>,

    #[serde(skip)]
    pub(super) facts: Facts,
}

/// What the event history indexes besides the record's own text.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub time: OffsetDateTime,
    pub user_name: Option<String>,
    pub access_key_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Resource {
    #[serde(rename = "accountId", skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(rename = "ARN", skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Instead of an ARN where a call is about a bucket's objects as a whole (ListObjects).
    #[serde(rename = "ARNPrefix", skip_serializing_if = "Option::is_none")]
    pub arn_prefix: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsDetails {
    tls_version: String,
    cipher_suite: String,
    client_provided_host_header: String,
}

impl Record {
    /// The record of a call.
    pub fn new(call: &Call<'_>) -> Record {
        let service = call.operation.service;
        let row = call.operation.row;
        let s3 = service.facts.protocol == Protocol::RestXml;
        let invoked_by = call.identity.invoked_by();
        let user_agent = match (invoked_by, s3) {
            (Some(service), _) => service.to_owned(),
            (None, true) => format!("[{}]", call.user_agent),
            (None, false) => call.user_agent.to_owned(),
        };
        // Between services the connection is S3's business at most, see its additionalEventData.
        let internal = invoked_by.is_some() || call.user_agent == "AWS Internal";
        let tls = call.tls.filter(|_| !internal);
        Record {
            event_version: EVENT_VERSION,
            user_identity: call.identity.form(),
            event_time: timestamp::iso_seconds(call.time),
            event_source: &service.facts.event_source,
            event_name: &row.event_name,
            aws_region: service.facts.global_region.as_deref().unwrap_or(call.region).to_owned(),
            source_ip_address: invoked_by.unwrap_or(call.source_ip).to_owned(),
            user_agent,
            error_code: call.error.map(|error| error_code(service, error)),
            error_message: call.error.map(|error| error.message.clone()),
            request_parameters: call.request_parameters(),
            response_elements: call.response_elements(),
            additional_event_data: match &call.exchange {
                Exchange::S3(exchange) => Some(exchange.additional_data(call.tls)),
                Exchange::Typed { .. } => None,
            },
            request_id: call.request_id.to_owned(),
            event_id: call.event_id.to_owned(),
            read_only: row.read_only,
            resources: call.resources(),
            event_type: "AwsApiCall",
            management_event: !row.data_event,
            recipient_account_id: call.recipient_account.to_owned(),
            shared_event_id: call.shared_event_id.map(str::to_owned),
            vpc_endpoint_id: call.vpc_endpoint_id.map(str::to_owned),
            event_category: if row.data_event { "Data" } else { "Management" },
            tls_details: tls.map(|tls| TlsDetails {
                tls_version: tls.version.to_owned(),
                cipher_suite: tls.cipher.to_owned(),
                client_provided_host_header: tls.host.to_owned(),
            }),
            session_credential_from_console: (call.from_console
                && call.identity.is_session()
                && !s3)
                .then_some("true"),
            facts: Facts {
                time: call.time,
                user_name: call.identity.display_name(),
                access_key_id: call.identity.access_key_id().map(str::to_owned),
            },
        }
    }

    /// The record's JSON on one line, as it stands in a log file and in LookupEvents.
    pub fn to_json(&self) -> String {
        // Strings, numbers and trees of them: nothing here can fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The record as a tree; the order of keys is lost in it.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    pub fn event_id(&self) -> &str {
        &self.event_id
    }

    pub fn event_name(&self) -> &str {
        self.event_name
    }

    pub fn event_source(&self) -> &str {
        self.event_source
    }

    pub fn region(&self) -> &str {
        &self.aws_region
    }

    pub fn time(&self) -> OffsetDateTime {
        self.facts.time
    }

    pub fn read_only(&self) -> bool {
        self.read_only
    }

    pub fn management_event(&self) -> bool {
        self.management_event
    }

    pub fn recipient_account(&self) -> &str {
        &self.recipient_account_id
    }

    pub fn request_parameters(&self) -> Option<&Value> {
        self.request_parameters.as_ref()
    }

    pub fn response_elements(&self) -> Option<&Value> {
        self.response_elements.as_ref()
    }

    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }
}
