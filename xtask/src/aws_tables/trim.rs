//! One service model and its rules in, one table out: the served operations, the shapes they reach, their errors,
//! and what a CloudTrail record of each looks like.

use super::models::Models;
use super::rules;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// CloudTrail's readOnly, by the verb an operation's name starts with; exceptions are in rules.toml.
const READ_VERBS: &[&str] = &[
    "Get", "List", "Describe", "Head", "Lookup", "Search", "Simulate", "BatchGet", "Select",
    "Query", "Scan",
];

pub fn table(
    models: &Models,
    service: &str,
    rule: &rules::Service,
) -> Result<Map<String, Value>, String> {
    let versions = models.api_versions(service)?;
    let newest = versions.last().ok_or("no API version")?;
    let model = models.read(service, newest)?;
    let metadata = &model["metadata"];
    let all = model["operations"].as_object().ok_or("a model without operations")?;
    let served: BTreeSet<String> = if rule.operations == ["*"] {
        all.keys().cloned().collect()
    } else {
        rule.operations.iter().cloned().collect()
    };
    let history = History::read(models, service, &versions, rule)?;

    let mut out = Map::new();
    out.insert(
        "provenance".into(),
        json!({
            "botocore": models.version,
            "model": format!("botocore/data/{service}/{newest}/service-2.json.gz"),
            "source": "https://github.com/boto/botocore",
            "licence": "Apache-2.0, Copyright Amazon.com, Inc. or its affiliates",
            "changed": "trimmed to the operations served, documentation removed, CloudTrail columns added",
            "made_by": "cargo xtask aws-tables",
        }),
    );
    let text = |key: &str| metadata[key].as_str().map(str::to_owned);
    let mut head = json!({
        "name": service,
        "full_name": text("serviceFullName"),
        "protocol": text("protocol"),
        "api_version": text("apiVersion"),
        "endpoint_prefix": text("endpointPrefix"),
        "signing_name": text("signingName").or_else(|| text("endpointPrefix")),
        "event_source": rule.event_source,
        "sensitive": rule.sensitive,
    });
    let optional = [
        ("xml_namespace", text("xmlNamespace")),
        ("json_version", text("jsonVersion")),
        ("target_prefix", text("targetPrefix")),
        ("global_region", rule.global_region.clone()),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            head[key] = value.into();
        }
    }
    out.insert("service".into(), head);

    let mut operations = Map::new();
    let mut shapes = Shapes { model: &model, rule, found: BTreeMap::new() };
    let mut errors: BTreeSet<String> = BTreeSet::new();
    for name in &served {
        let operation =
            all.get(name).ok_or(format!("{service}: the model has no operation {name}"))?;
        let mut row = json!({
            "method": operation["http"]["method"],
            "uri": operation["http"]["requestUri"],
            "event_name": rule.event_names.get(name).unwrap_or(name),
            "read_only": read_only(rule, name),
            "style": history.style(rule, metadata, name),
        });
        if rule.shapes {
            for part in ["input", "output"] {
                if let Some(shape) = operation[part]["shape"].as_str() {
                    row[part] = shape.into();
                    shapes.collect(shape, part == "input")?;
                }
            }
            if let Some(wrapper) = operation["output"]["resultWrapper"].as_str() {
                row["result_wrapper"] = wrapper.into();
            }
            let raised: Vec<&str> =
                array(&operation["errors"]).filter_map(|e| e["shape"].as_str()).collect();
            errors.extend(raised.iter().map(|e| (*e).to_owned()));
            if !raised.is_empty() {
                row["errors"] = raised.into();
            }
        } else if let Some(input) = operation["input"]["shape"].as_str() {
            let headers = logged_headers(&model, input);
            if !headers.is_empty() {
                row["headers"] = headers.into();
            }
        }
        if !rule.no_permission.contains(name) {
            let action = rule.actions.get(name).unwrap_or(name);
            // Policies name what signs: S3 Control's actions are `s3:` ones.
            let prefix = match service {
                "s3control" => "s3",
                other => other,
            };
            row["action"] = format!("{prefix}:{action}").into();
        }
        if operation["authtype"] == "none" {
            row["unsigned"] = true.into();
        }
        if rule.logs_response.contains(name) || (rule.shapes && row["read_only"] == false) {
            row["logs_response"] = true.into();
        }
        if rule.data_events.operations.contains(name) {
            row["data_event"] = true.into();
        }
        let lists = history.first_lists(rule, name);
        if !lists.is_empty() {
            row["always_lists"] = lists.into();
        }
        operations.insert(name.clone(), row);
    }
    check_names(service, rule, all)?;

    out.insert("operations".into(), operations.into());
    if rule.shapes {
        let rows = errors.iter().map(|name| error(&model, name).map(|row| (name.clone(), row)));
        out.insert("errors".into(), Value::Object(rows.collect::<Result<_, String>>()?));
        out.insert("shapes".into(), Value::Object(shapes.found.into_iter().collect()));
        let not_served: Vec<&String> = all.keys().filter(|name| !served.contains(*name)).collect();
        out.insert("not_served".into(), json!(not_served));
    }
    Ok(out)
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn read_only(rule: &rules::Service, name: &str) -> bool {
    rule.read_only
        .get(name)
        .copied()
        .unwrap_or_else(|| READ_VERBS.iter().any(|verb| name.starts_with(verb)))
}

/// Code and status of one error; the models leave out what is the protocol's default (400, the shape's own name).
fn error(model: &Value, name: &str) -> Result<Value, String> {
    let shape = &model["shapes"][name];
    if shape["exception"] != true {
        return Err(format!("{name} is not an error"));
    }
    let mut row = json!({
        "code": shape["error"]["code"].as_str().unwrap_or(name),
        "status": shape["error"]["httpStatusCode"].as_u64().unwrap_or(400),
    });
    if shape["fault"] == true {
        row["receiver"] = true.into();
    }
    Ok(row)
}

/// Request headers that a record of an S3 call may show: modelled, not secret, not about the body's checksum.
fn logged_headers(model: &Value, input: &str) -> Vec<String> {
    let members = model["shapes"][input]["members"].as_object();
    let mut names: Vec<String> = members
        .into_iter()
        .flatten()
        .filter(|(_, member)| member["location"] == "header" || member["location"] == "headers")
        .filter_map(|(_, member)| Some(member["locationName"].as_str()?.to_owned()))
        .filter(|name| {
            let name = name.to_ascii_lowercase();
            name.starts_with("x-amz-")
                && !name.contains("checksum")
                && !name.contains("-customer-key")
                && !name.ends_with("meta-")
                && name != "x-amz-mfa"
                // S3 Control's, which no record shows: the account is the recipient.
                && name != "x-amz-account-id"
        })
        .collect();
    names.sort();
    names
}

fn check_names(
    service: &str,
    rule: &rules::Service,
    all: &Map<String, Value>,
) -> Result<(), String> {
    let named = rule
        .read_only
        .keys()
        .chain(&rule.logs_response)
        .chain(&rule.no_permission)
        .chain(rule.event_names.keys())
        .chain(rule.actions.keys())
        .chain(&rule.data_events.operations)
        .chain(rule.lists_left_out.keys());
    for name in named {
        if !all.contains_key(name) {
            return Err(format!("rules.toml, {service}: the model has no operation {name}"));
        }
    }
    Ok(())
}

struct Shapes<'a> {
    model: &'a Value,
    rule: &'a rules::Service,
    found: BTreeMap<String, Value>,
}

impl Shapes<'_> {
    fn collect(&mut self, name: &str, input: bool) -> Result<(), String> {
        if self.found.contains_key(name) {
            return Ok(());
        }
        let shape = &self.model["shapes"][name];
        let kind = shape["type"].as_str().ok_or(format!("the model has no shape {name}"))?;
        let mut row = json!({ "type": kind });
        for (ours, theirs) in [
            ("required", "required"),
            ("enum", "enum"),
            ("min", "min"),
            ("max", "max"),
            ("sensitive", "sensitive"),
            ("flattened", "flattened"),
        ] {
            if !shape[theirs].is_null() {
                row[ours] = shape[theirs].clone();
            }
        }
        // Remember the shape before its members: shapes are recursive.
        self.found.insert(name.to_owned(), Value::Null);
        if let Some(members) = shape["members"].as_object() {
            let mut rows = Map::new();
            for (name, member) in members {
                rows.insert(name.clone(), self.member(name, member, input)?);
            }
            row["members"] = rows.into();
        }
        for part in ["member", "key", "value"] {
            if shape[part].is_object() {
                row[part] = self.member("", &shape[part], false)?;
            }
        }
        self.found.insert(name.to_owned(), row);
        Ok(())
    }

    fn member(&mut self, name: &str, member: &Value, top_of_input: bool) -> Result<Value, String> {
        let shape = member["shape"].as_str().ok_or("a member without a shape")?;
        self.collect(shape, false)?;
        let mut row = json!({ "shape": shape });
        for (ours, theirs) in
            [("wire", "locationName"), ("query", "queryName"), ("flattened", "flattened")]
        {
            if !member[theirs].is_null() {
                row[ours] = member[theirs].clone();
            }
        }
        // How a record of the old EC2 style calls a list parameter.
        if !self.rule.list_names.is_empty()
            && !name.is_empty()
            && self.model["shapes"][shape]["type"] == "list"
        {
            let wire = member["locationName"].as_str().unwrap_or(name);
            if top_of_input || wire.starts_with(|c: char| c.is_ascii_uppercase()) {
                let default = if wire.ends_with("Set") {
                    lower_first(wire)
                } else {
                    lower_first(wire) + "Set"
                };
                let listed = self.rule.list_names.get(&upper_first(wire));
                let nested_tags = wire == "Tag" && !top_of_input;
                row["record_list"] = if nested_tags {
                    "tags".into()
                } else {
                    listed.cloned().unwrap_or(default).into()
                };
                if let Some(item) = self.rule.item_names.get(&upper_first(wire)) {
                    row["record_item"] = item.as_str().into();
                }
            }
        }
        Ok(row)
    }
}

/// What older API versions of the service tell: EC2 records an operation by the age of it.
#[derive(Default)]
struct History {
    first_version: BTreeMap<String, String>,
    /// List parameters of a Describe* in its first API version.
    first_lists: BTreeMap<String, Vec<String>>,
}

impl History {
    fn read(
        models: &Models,
        service: &str,
        versions: &[String],
        rule: &rules::Service,
    ) -> Result<Self, String> {
        let mut history = History::default();
        if rule.old_style_until.is_none() {
            return Ok(history);
        }
        for version in versions {
            let model = models.read(service, version)?;
            for name in &rule.operations {
                let operation = &model["operations"][name];
                if operation.is_null() || history.first_version.contains_key(name) {
                    continue;
                }
                history.first_version.insert(name.clone(), version.clone());
                let members = operation["input"]["shape"]
                    .as_str()
                    .and_then(|s| model["shapes"][s]["members"].as_object());
                let lists = members
                    .into_iter()
                    .flatten()
                    .filter(|(_, member)| {
                        member["shape"]
                            .as_str()
                            .is_some_and(|s| model["shapes"][s]["type"] == "list")
                    })
                    .map(|(name, _)| name.clone());
                history.first_lists.insert(name.clone(), lists.collect());
            }
        }
        Ok(history)
    }

    fn style(&self, rule: &rules::Service, metadata: &Value, name: &str) -> &'static str {
        match (metadata["protocol"].as_str(), &rule.old_style_until, self.first_version.get(name)) {
            (Some("rest-xml"), _, _) => "http",
            (Some("ec2"), Some(until), Some(first)) if first <= until => "ec2_old",
            (Some("ec2"), _, _) => "ec2_new",
            _ => "plain",
        }
    }

    fn first_lists(&self, rule: &rules::Service, name: &str) -> Vec<String> {
        let old = matches!((&rule.old_style_until, self.first_version.get(name)), (Some(until), Some(first)) if first <= until);
        if !old || !name.starts_with("Describe") {
            return Vec::new();
        }
        let left_out = rule.lists_left_out.get(name);
        let lists = self.first_lists.get(name).into_iter().flatten();
        lists.filter(|list| !left_out.is_some_and(|out| out.contains(list))).cloned().collect()
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + chars.as_str())
        .unwrap_or_default()
}

fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + chars.as_str())
        .unwrap_or_default()
}
