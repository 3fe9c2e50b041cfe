//! An account with buckets, the states that want them, and somebody who changes them.

use crate::signed::Caller;
use journeys::lab::Lab;
use journeys::lambda::{Process, RuntimeApi};
use model::{Attributes, KindName, Resource, Value as Attribute};
use provider::Connection;
use provider::audit_log::{About, AuditQuery};
use serde_json::{Value, json};
use std::path::PathBuf;

pub const GUARD: &str = "aws_s3_bucket_public_access_block";
pub const FLAGS: [&str; 4] =
    ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"];

/// One running cloud.
pub struct Stage {
    pub lab: Lab,
    pub deployer: Connection,
    log_reader: Connection,
    /// For what no provider does: as the deployer.
    pub hands: Caller,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.lab.run(&["cloud", "stop"]);
    }
}

impl Stage {
    pub async fn new() -> Stage {
        let lab = Lab::default();
        lab.run(&["cloud", "start"]).expect(0);
        let deployer = connect(&lab, "deployer").await;
        let log_reader = connect(&lab, "log-reader").await;
        let hands = Caller::new(&variables(&lab, "deployer"));
        Stage { lab, deployer, log_reader, hands }
    }

    pub async fn caller(&self, name: &str) -> Connection {
        connect(&self.lab, name).await
    }

    /// Makes a guarded bucket, as Terraform would.
    pub async fn bucket(&self, name: &str) {
        let bucket = attributes([("bucket", name.into())]);
        self.deployer.writer.create(&"aws_s3_bucket".into(), &bucket).await.unwrap();
        let mut guard = attributes([("bucket", name.into())]);
        guard.extend(flags(true));
        self.deployer.writer.create(&GUARD.into(), &guard).await.unwrap();
    }

    /// Writes a state that wants these resources, and gives its URL.
    pub fn state(&self, serial: u64, resources: &[Value]) -> String {
        let path = self.lab.write("prod.tfstate", state(serial, resources).to_string());
        format!("file://{}", path.display())
    }

    pub fn ledger(&self) -> PathBuf {
        self.lab.path().join("ledger")
    }

    /// The variables of a function that runs as `caller`.
    pub fn variables(&self, caller: &str, states: &str, apply: bool) -> Vec<(String, String)> {
        let mut variables = variables(&self.lab, caller);
        let ledger = format!("file://{}", self.ledger().display());
        for (name, value) in [
            ("LAB_STATES", states),
            ("LAB_LEDGER", &ledger),
            ("LAB_APPLY", if apply { "true" } else { "false" }),
        ] {
            variables.push((name.to_owned(), value.to_owned()));
        }
        variables
    }

    /// Everything that the log holds of one bucket, oldest first, as the trail would write it.
    pub async fn records(&self, bucket: &str) -> Vec<Value> {
        self.records_of(GUARD, bucket).await
    }

    async fn records_of(&self, kind: &str, id: &str) -> Vec<Value> {
        let about = About::Resources(vec![(kind.into(), id.to_owned())]);
        let query = AuditQuery { from: None, to: None, about };
        let answer = self.log_reader.audit.query(&query).await.unwrap();
        answer.records.iter().map(|r| serde_json::from_str(r).unwrap()).collect()
    }

    /// The last record of this call on this bucket.
    pub async fn record(&self, bucket: &str, operation: &str) -> Value {
        self.record_of(GUARD, bucket, operation).await
    }

    pub async fn record_of(&self, kind: &str, id: &str, operation: &str) -> Value {
        let records = self.records_of(kind, id).await;
        let found = records.into_iter().rfind(|r| r["eventName"] == operation);
        found.unwrap_or_else(|| panic!("no {operation} of {id} in the log"))
    }

    /// What `caller` changed in a bucket: the names of the calls.
    pub async fn changes_by(&self, bucket: &str, caller: &str) -> Vec<String> {
        let records = self.records(bucket).await;
        records
            .iter()
            .filter(|r| r["readOnly"] == false && r["errorCode"].is_null())
            .filter(|r| r["userIdentity"]["arn"].as_str().unwrap().contains(caller))
            .map(|r| r["eventName"].as_str().unwrap().to_owned())
            .collect()
    }

    pub async fn live(&self, kind: &str, id: &str) -> Attributes {
        let wanted = provider::Wanted::new(KindName::from(kind), id);
        match self.deployer.reader.read(&wanted).await {
            model::Live::Present(resource) => resource.attributes,
            other => panic!("{kind} {id}: {other:?}"),
        }
    }

    pub async fn is_guarded(&self, bucket: &str) -> bool {
        let live = self.live(GUARD, bucket).await;
        FLAGS.iter().all(|flag| live[*flag] == Attribute::from(true))
    }
}

/// As `caller`, somebody takes a bucket's guard away.
pub async fn unguard(caller: &Connection, bucket: &str) {
    let guard = resource(GUARD, bucket);
    caller.writer.update(&guard, &flags(false)).await.unwrap();
}

pub fn resource(kind: &str, id: &str) -> Resource {
    Resource {
        cloud: provider_aws::CLOUD,
        account: None,
        region: None,
        kind: kind.into(),
        native_id: id.to_owned(),
        attributes: Attributes::new(),
    }
}

pub fn attributes<const N: usize>(pairs: [(&str, Attribute); N]) -> Attributes {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub fn flags(on: bool) -> Attributes {
    attributes(FLAGS.map(|flag| (flag, on.into())))
}

pub fn variables(lab: &Lab, caller: &str) -> Vec<(String, String)> {
    let env = lab.run(&["cloud", "env", "--as", caller, "--format", "json"]).expect(0).json();
    env.as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| name.starts_with("AWS_"))
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect()
}

async fn connect(lab: &Lab, caller: &str) -> Connection {
    let own = variables(lab, caller);
    let url = &own.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().1;
    let options = provider_aws::ConnectOptions::from_variables(&own, url);
    provider_aws::connect(options).await.unwrap()
}

/// A state, version 4.
pub fn state(serial: u64, resources: &[Value]) -> Value {
    json!({
        "version": 4, "terraform_version": "1.11.4", "serial": serial,
        "lineage": "6f1d2b9c-6d0a-4c1e-9f7e-0d9f5b1f2a11", "outputs": {}, "resources": resources,
    })
}

/// One resource of a state.
pub fn managed(kind: &str, name: &str, attributes: Value) -> Value {
    json!({
        "mode": "managed", "type": kind, "name": name,
        "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]",
        "instances": [{ "schema_version": 0, "attributes": attributes }],
    })
}

/// The guard of a bucket, as it is wanted.
pub fn guard(bucket: &str) -> Value {
    let name = bucket.replace('-', "_");
    managed(
        GUARD,
        &name,
        json!({
            "id": bucket, "bucket": bucket, "block_public_acls": true,
            "block_public_policy": true, "ignore_public_acls": true,
            "restrict_public_buckets": true,
        }),
    )
}

/// A record as EventBridge delivers it (EventBridge User Guide, "AWS service events delivered
/// via AWS CloudTrail").
pub fn event(record: &Value) -> Value {
    let service = record["eventSource"].as_str().unwrap_or_default();
    let source = service.split('.').next().unwrap_or_default();
    json!({
        "version": "0", "id": "36eb8523-97d0-4518-b33d-ee3579ff19f0",
        "detail-type": "AWS API Call via CloudTrail", "source": format!("aws.{source}"),
        "account": record["recipientAccountId"], "time": record["eventTime"],
        "region": record["awsRegion"], "resources": [], "detail": record,
    })
}

/// A batch as SQS gives it (Lambda Developer Guide, "Using Lambda with Amazon SQS").
pub fn batch<'a>(messages: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    let records: Vec<Value> = messages
        .into_iter()
        .map(|(id, body)| {
            json!({
                "messageId": id, "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a", "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1545082649185",
                },
                "messageAttributes": {}, "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs", "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:remediation",
            })
        })
        .collect();
    json!({ "Records": records })
}

/// A function over one state, with its Runtime API.
pub struct Function {
    pub api: RuntimeApi,
    pub process: Process,
}

impl Function {
    pub fn start(variables: &[(String, String)]) -> Function {
        let api = RuntimeApi::default();
        let process = Process::start(&api, variables);
        Function { api, process }
    }

    #[track_caller]
    pub fn call(&self, payload: &Value) -> journeys::lambda::Answer {
        self.api.call(payload.to_string())
    }
}
