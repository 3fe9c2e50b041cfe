//! Well-known logs that are not read, so that a refusal can call them by name.

use serde_json::{Map, Value};

/// The fields that give it away, and what it is.
const STRANGERS: &[(&[&str], &str)] = &[
    (&["webaclId", "httpRequest"], "an AWS WAF log"),
    (&["bucketowner"], "an S3 server access log"),
    (&["bucket", "requester"], "an S3 server access log"),
    (&["query_name", "query_type", "rcode"], "a Route 53 Resolver query log"),
    (&["class_uid", "metadata"], "an OCSF event"),
    (&["modelId", "operation"], "a Bedrock model invocation log"),
    (&["configRuleId", "invokingEvent"], "an AWS Config rule's invocation"),
    (&["configurationItem"], "an AWS Config item"),
    (&["eventtype", "actor", "outcome"], "an Okta system log"),
    (&["eventType", "actor", "outcome"], "an Okta system log"),
    (&["insightName", "insightResults"], "a Security Hub insight"),
    (&["jsonPayload", "logName"], "a Google log that is no audit log"),
    (&["jsonpayload", "logname"], "a Google log that is no audit log"),
    (&["Workload", "Operation", "CreationTime"], "a Microsoft 365 audit record"),
    (&["workload", "operation", "creationtime"], "a Microsoft 365 audit record"),
    (&["@timestamp", "aws"], "an OpenSearch document"),
    (&["definitions"], "a list of definitions"),
];

pub(crate) fn stranger(fields: &Map<String, Value>) -> Option<&'static str> {
    STRANGERS
        .iter()
        .find(|(marks, _)| marks.iter().all(|mark| fields.contains_key(*mark)))
        .map(|(_, what)| *what)
}
