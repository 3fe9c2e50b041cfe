//! Holds the record derivation to real CloudTrail records from public collections: each record of an operation in
//! the tables is turned back into the call that it tells of, derived again, and compared, whole.
//!
//! The collections are not part of the repository. `LAB_CORPORA` names the folder that holds them; unset, nothing
//! runs and this says so; set and empty, it fails.

mod invert;
mod records;

use aws_protocol::cloudtrail::{Call, Exchange, Record, S3Exchange, Tls};
use aws_protocol::{Operation, Service, ServiceError};
use records::Real;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Single records that the rules do not reach, by operation and path.
const KNOWN: &[(&str, &str, &str)] = &[(
    "GetSessionToken",
    "requestParameters",
    "AccessDenied raised by STS itself, after decoding, keeps the parameters",
)];

fn main() -> ExitCode {
    let mut out = std::io::stdout();
    let Some(folder) = std::env::var_os("LAB_CORPORA") else {
        let _ = writeln!(out, "not run: LAB_CORPORA is not set");
        return ExitCode::SUCCESS;
    };
    let report = run(Path::new(&folder));
    let _ = writeln!(out, "{}", report.text);
    if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Report {
    text: String,
    ok: bool,
}

fn run(folder: &Path) -> Report {
    let sets = records::read(folder);
    let mut text = String::new();
    let mut ok = true;
    let mut checked = 0;
    let mut differences: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for (set, real) in &sets {
        if real.is_empty() {
            text += &format!("{set}: not run, no records of it in {}\n", folder.display());
            continue;
        }
        let mut counts = Counts::default();
        for record in real {
            check(set, record, &mut counts, &mut differences);
        }
        text += &format!(
            "{set}: {} records, {} of {} operations in the tables; equal as a whole {}, requests {} of {}, \
             responses {} of {}, key order {} of {}\n",
            real.len(),
            counts.checked,
            counts.operations.len(),
            counts.equal,
            counts.requests_equal,
            counts.requests,
            counts.responses_equal,
            counts.responses,
            counts.ordered,
            counts.with_order,
        );
        checked += counts.checked;
    }
    if checked == 0 {
        text += "nothing was checked\n";
        ok = false;
    }
    for (path, (count, example)) in differences {
        ok = false;
        text += &format!("differs: {path}: {count} times, for example {example}\n");
    }
    Report { text, ok }
}

#[derive(Default)]
struct Counts {
    checked: usize,
    operations: BTreeSet<(String, &'static str)>,
    equal: usize,
    requests: usize,
    requests_equal: usize,
    responses: usize,
    responses_equal: usize,
    with_order: usize,
    ordered: usize,
}

fn check(
    set: &str,
    real: &Real,
    counts: &mut Counts,
    differences: &mut BTreeMap<String, (usize, String)>,
) {
    let record = &real.value;
    let Some(operation) = operation_of(record) else { return };
    counts.checked += 1;
    counts.operations.insert((operation.service.facts.name.clone(), operation.name));
    let derived = derive(operation, record);
    let value = derived.to_value();

    let mut found = Vec::new();
    compare("", record, &value, &mut found);
    found.retain(|(path, _)| !expected(set, operation, record, path));
    counts.equal += usize::from(found.is_empty());
    for (part, all, equal) in [
        ("requestParameters", &mut counts.requests, &mut counts.requests_equal),
        ("responseElements", &mut counts.responses, &mut counts.responses_equal),
    ] {
        if !record[part].is_null() {
            *all += 1;
            *equal += usize::from(!found.iter().any(|(path, _)| path.starts_with(part)));
        }
    }
    for (path, what) in found {
        let entry = differences.entry(format!("{} {path}", operation.name)).or_default();
        entry.0 += 1;
        entry.1 = format!("{set} {}: {what}", record["eventID"]);
    }
    if let Some(order) = &real.order {
        counts.with_order += 1;
        let ours = records::key_order(&derived.to_json()).unwrap_or_default();
        let ours: Vec<&String> = ours.iter().filter(|key| order.contains(key)).collect();
        let theirs: Vec<&String> = order.iter().filter(|key| ours.contains(key)).collect();
        counts.ordered += usize::from(ours == theirs);
    }
}

/// What is different on purpose: the derivation writes version 1.11, and one collection replaced region names.
fn expected(set: &str, operation: Operation, record: &Value, path: &str) -> bool {
    let old = record["eventVersion"].as_str().is_some_and(|version| version <= "1.08");
    let empty_until_1_08 = |key: &str| {
        let context = &record["userIdentity"]["sessionContext"];
        old && path == format!("userIdentity.sessionContext.{key}")
            && context[key].as_object().is_some_and(|members| members.is_empty())
    };
    path == "eventVersion"
        || empty_until_1_08("webIdFederationData")
        || empty_until_1_08("sessionIssuer")
        || (set == "attack-stratus" && path == "awsRegion")
        || KNOWN.iter().any(|(name, known, _)| *name == operation.name && *known == path)
}

fn operation_of(record: &Value) -> Option<Operation> {
    if record["eventType"].as_str() != Some("AwsApiCall") {
        return None;
    }
    let service = Service::of_event_source(record["eventSource"].as_str()?)?;
    let name = record["eventName"].as_str()?;
    let mut named = service.operations().filter(|operation| operation.row.event_name == name);
    // Several API operations share an event name; the newest has the longest name.
    named.by_ref().max_by_key(|operation| operation.name.len())
}

/// The record that our rules write for the call of a real one.
fn derive(operation: Operation, record: &Value) -> Record {
    let text = |key: &str| record[key].as_str().unwrap_or_default();
    let error = record["errorCode"].as_str().map(|code| ServiceError {
        code: code.trim_start_matches("Client.").trim_start_matches("Server.").to_owned(),
        message: text("errorMessage").to_owned(),
        status: 400,
        receiver: code.starts_with("Server."),
    });
    let detail = |key: &str| record["tlsDetails"][key].as_str().unwrap_or_default();
    let tls =
        match (record["tlsDetails"].is_object(), &record["additionalEventData"]["CipherSuite"]) {
            (true, _) => Some(Tls {
                version: detail("tlsVersion"),
                cipher: detail("cipherSuite"),
                host: detail("clientProvidedHostHeader"),
            }),
            // S3 names the cipher of internal connections too.
            (false, Value::String(cipher)) => Some(Tls { version: "TLSv1.2", cipher, host: "" }),
            _ => None,
        };
    let user_agent = match operation.service.facts.name.as_str() {
        "s3" => text("userAgent").trim_start_matches('[').trim_end_matches(']'),
        _ => text("userAgent"),
    };
    let input = invert::request(operation, record);
    let output = invert::response(operation, record);
    let http = (operation.service.facts.name == "s3").then(|| invert::http(operation, record));
    let exchange = match &http {
        Some(http) => Exchange::S3(S3Exchange {
            bucket: http.bucket.as_deref(),
            key: http.key.as_deref(),
            host: &http.host,
            query: &http.query,
            headers: &http.headers,
            body: &http.body,
            response_headers: None,
            bucket_owner: http.bucket_owner.as_deref(),
            authentication: http.authentication,
            bytes_in: http.bytes_in,
            bytes_out: http.bytes_out,
            extended_request_id: &http.extended_request_id,
        }),
        None => Exchange::Typed { input: input.as_ref(), output: output.as_ref() },
    };
    let time = time::OffsetDateTime::parse(
        text("eventTime"),
        &time::format_description::well_known::Rfc3339,
    );
    Record::new(&Call {
        operation,
        identity: invert::identity(&record["userIdentity"]),
        time: time.unwrap_or(time::OffsetDateTime::UNIX_EPOCH),
        region: text("awsRegion"),
        source_ip: text("sourceIPAddress"),
        user_agent,
        exchange,
        error: error.as_ref(),
        request_id: text("requestID"),
        event_id: text("eventID"),
        recipient_account: text("recipientAccountId"),
        tls,
        shared_event_id: record["sharedEventID"].as_str(),
        vpc_endpoint_id: record["vpcEndpointId"].as_str(),
        from_console: record["sessionCredentialFromConsole"].as_str() == Some("true"),
    })
}

/// Every path at which two trees differ.
fn compare(path: &str, real: &Value, ours: &Value, found: &mut Vec<(String, String)>) {
    match (real, ours) {
        (Value::Object(real), Value::Object(ours)) => {
            let keys: BTreeSet<&String> = real.keys().chain(ours.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (real.get(key), ours.get(key)) {
                    (Some(real), Some(ours)) => compare(&path, real, ours, found),
                    (Some(real), None) => found.push((path, format!("{real} is missing"))),
                    (None, Some(ours)) => found.push((path, format!("{ours} is too much"))),
                    (None, None) => {}
                }
            }
        }
        (Value::Array(real), Value::Array(ours)) if real.len() == ours.len() => {
            for (real, ours) in real.iter().zip(ours) {
                compare(&format!("{path}[]"), real, ours, found);
            }
        }
        (real, ours) if real == ours => {}
        // Writers of records differ in the comma and the last space of a time.
        (Value::String(real), Value::String(ours))
            if invert::java_medium(real).is_some()
                && invert::java_medium(real) == invert::java_medium(ours) => {}
        (real, ours) => found.push((path.to_owned(), format!("{real} derived as {ours}"))),
    }
}
