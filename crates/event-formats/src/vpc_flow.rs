//! VPC flow logs: text with a header, as they lie in a bucket, and lines of the default format
//! as CloudWatch Logs passes them on (VPC User Guide, "Flow log records").

use crate::envelope;
use crate::format::Format;
use crate::ocsf::fields;
use crate::record::Record;
use model::event::{EventClass, EventStatus, Principal, PrincipalType};
use model::{Cloud, Event, Timestamp};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

pub(crate) struct VpcFlow;

/// The columns of the default format, version 2.
const DEFAULT: [&str; 14] = [
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
];

/// Every other column that a header may name, up to version 10.
const MORE: [&str; 30] = [
    "vpc-id",
    "subnet-id",
    "instance-id",
    "tcp-flags",
    "type",
    "pkt-srcaddr",
    "pkt-dstaddr",
    "region",
    "az-id",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "flow-direction",
    "traffic-path",
    "ecs-cluster-arn",
    "ecs-cluster-name",
    "ecs-container-instance-arn",
    "ecs-container-instance-id",
    "ecs-container-id",
    "ecs-second-container-id",
    "ecs-service-name",
    "ecs-task-definition-arn",
    "ecs-task-arn",
    "ecs-task-id",
    "reject-reason",
    "resource-id",
    "encryption-status",
    "tgw-id",
    "resource-type",
];

impl Format for VpcFlow {
    fn name(&self) -> &'static str {
        "vpc_flow"
    }

    fn product(&self) -> &'static str {
        "VPC Flow Logs"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        fields.contains_key("log-status")
            || (fields.contains_key("srcaddr") && fields.contains_key("dstaddr"))
    }

    fn header<'l>(&self, line: &'l str) -> Option<Vec<&'l str>> {
        let names: Vec<&str> = line.split_ascii_whitespace().collect();
        let known = |name: &&str| DEFAULT.contains(name) || MORE.contains(name);
        (names.len() >= 2 && names.iter().all(known)).then_some(names)
    }

    fn bare_line(&self, line: &str) -> Option<Map<String, Value>> {
        line.starts_with("2 ").then(|| envelope::columns(&DEFAULT, line).ok()).flatten()
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let original_time = record.required_text(&["start"])?;
        let time = seconds(&original_time).ok_or("start is not a time")?;
        let account = told(&mut record, "account-id");
        let region = told(&mut record, "region");
        let action = record.text(&["action"]);
        let activity = match action {
            Some("ACCEPT") => 6,
            Some("REJECT") => 5,
            _ => 0,
        };
        let status = match action {
            Some("ACCEPT") => EventStatus::Success,
            Some("REJECT") => EventStatus::Failure,
            _ => EventStatus::Unknown,
        };
        let source = record.text(&["srcaddr"]).filter(|a| *a != "-").map(str::to_owned);
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class: EventClass::NetworkActivity,
            activity,
            time,
            original_time,
            // A flow has no id: its line is all that it is.
            uid: raw_hash.clone(),
            correlation_uid: None,
            cloud: Cloud::from_static("aws"),
            account,
            region,
            product: self.product().to_owned(),
            service: "ec2.amazonaws.com".to_owned(),
            operation: "flow".to_owned(),
            read_only: true,
            request_uid: None,
            request: Value::Null,
            response: Value::Null,
            status,
            error_code: None,
            error_message: None,
            principal: Principal {
                name: "unknown".to_owned(),
                kind: PrincipalType::Unknown,
                via: Vec::new(),
                uid: None,
            },
            credential_uid: None,
            source,
            user_agent: None,
            resources: Vec::new(),
            unmapped,
            raw_hash,
            location,
        })
    }

    fn shape(&self, event: &Event, ocsf: &mut Map<String, Value>) {
        let mut columns = match ocsf.remove("unmapped") {
            Some(Value::Object(columns)) => columns,
            _ => Map::new(),
        };
        let interface = text(&mut columns, "interface-id").filter(|i| *i != "-");
        let mut end = |address: &str, port: &str| {
            let ip = columns.get(address).and_then(Value::as_str);
            let ip = ip.filter(|ip| ip.parse::<IpAddr>().is_ok()).map(str::to_owned);
            if ip.is_some() {
                columns.remove(address);
            }
            fields(json!({"ip": ip, "port": number(&mut columns, port, 65_535)}))
        };
        let (mut source, mut target) = (end("srcaddr", "srcport"), end("dstaddr", "dstport"));
        // Which of the two is the observed interface follows from the direction.
        let direction = columns.get("flow-direction").and_then(Value::as_str);
        let (direction, own) = match direction {
            Some("ingress") => (1, &mut target),
            Some("egress") => (2, &mut source),
            _ if !target.is_empty() || source.is_empty() => (0, &mut target),
            _ => (0, &mut source),
        };
        if let Some(interface) = interface {
            own.insert("interface_uid".to_owned(), json!(interface));
            for (column, name) in [
                ("vpc-id", "vpc_uid"),
                ("subnet-id", "subnet_uid"),
                ("instance-id", "instance_uid"),
            ] {
                if let Some(value) = text(&mut columns, column) {
                    own.insert(name.to_owned(), json!(value));
                }
            }
        }
        let named = |end: &Map<String, Value>| {
            ["ip", "interface_uid", "instance_uid"].iter().any(|name| end.contains_key(*name))
        };
        if !named(&source) && !named(&target) {
            target.insert("name".to_owned(), json!("unknown"));
        }
        for (name, mut end) in [("src_endpoint", source), ("dst_endpoint", target)] {
            if !named(&end) && !end.contains_key("name") {
                if end.is_empty() {
                    continue;
                }
                end.insert("name".to_owned(), json!("unknown"));
            }
            ocsf.insert(name.to_owned(), Value::Object(end));
        }
        let connection = fields(json!({
            "direction_id": direction,
            "protocol_num": number(&mut columns, "protocol", 255),
            "tcp_flags": number(&mut columns, "tcp-flags", 255),
        }));
        ocsf.insert("connection_info".to_owned(), Value::Object(connection));
        let traffic = fields(json!({
            "bytes": number(&mut columns, "bytes", i64::MAX),
            "packets": number(&mut columns, "packets", i64::MAX),
        }));
        if !traffic.is_empty() {
            ocsf.insert("traffic".to_owned(), Value::Object(traffic));
        }
        ocsf.insert("start_time".to_owned(), json!(event.time.unix_millis()));
        let last = columns.get("end").and_then(Value::as_str).and_then(seconds);
        if let Some(last) = last {
            ocsf.insert("end_time".to_owned(), json!(last.unix_millis()));
        }
        if let Some(code) = text(&mut columns, "log-status") {
            ocsf.insert("status_code".to_owned(), json!(code));
        }
        if let Some(zone) = text(&mut columns, "az-id")
            && let Some(cloud) = ocsf.get_mut("cloud")
        {
            cloud["zone"] = json!(zone);
        }
        if !columns.is_empty() {
            ocsf.insert("unmapped".to_owned(), Value::Object(columns));
        }
    }
}

fn seconds(text: &str) -> Option<Timestamp> {
    let seconds = text.parse::<i64>().ok()?;
    time::OffsetDateTime::from_unix_timestamp(seconds).ok().map(Timestamp::new)
}

/// `-` stands where a column does not apply.
fn told(record: &mut Record, column: &str) -> Option<String> {
    record.text(&[column]).filter(|value| *value != "-")?;
    record.take_text(&[column])
}

fn text(columns: &mut Map<String, Value>, column: &str) -> Option<String> {
    match columns.get(column)? {
        Value::String(text) if text != "-" => match columns.remove(column)? {
            Value::String(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// A number that is written as a machine writes it; anything else stays where it is.
fn number(columns: &mut Map<String, Value>, column: &str, most: i64) -> Option<i64> {
    let text = columns.get(column)?.as_str()?;
    let number = text.parse::<i64>().ok().filter(|n| (0..=most).contains(n))?;
    if number.to_string() != text {
        return None;
    }
    columns.remove(column);
    Some(number)
}
