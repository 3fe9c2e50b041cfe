//! AWS CloudTrail: a trail's files (`{"Records": [...]}`), LookupEvents answers (whose
//! entries carry the record as text) and bare records.

use crate::cloudtrail_identity::{Identified, identify};
use crate::format::Format;
use crate::ocsf::put;
use crate::record::{Record, read_time};
use model::event::{EventClass, EventResource, EventStatus};
use model::{Cloud, Event};
use serde_json::{Map, Value, json};

pub(crate) struct CloudTrail;

const CLOUD: Cloud = Cloud::from_static("aws");

impl Format for CloudTrail {
    fn name(&self) -> &'static str {
        "cloudtrail"
    }

    fn product(&self) -> &'static str {
        "CloudTrail"
    }

    fn recognises(&self, fields: &Map<String, Value>) -> bool {
        let text = |key| fields.get(key).is_some_and(Value::is_string);
        text("eventSource") && text("eventName") && !fields.contains_key("CloudTrailEvent")
    }

    fn envelopes(&self) -> &'static [&'static str] {
        &["Records", "Events"]
    }

    /// Digest files lie beside the logs and hold hashes of them.
    fn is_companion(&self, fields: &Map<String, Value>) -> bool {
        fields.contains_key("digestStartTime") && fields.contains_key("logFiles")
    }

    fn event(&self, mut record: Record) -> Result<Event, String> {
        let (time, original_time) = record.required_time(&["eventTime"])?;
        let service = record.required_text(&["eventSource"])?;
        let operation = record.required_text(&["eventName"])?;
        let identity = record.get(&["userIdentity"]).cloned().unwrap_or_default();
        let console = matches!(
            record.get(&["sessionCredentialFromConsole"]),
            Some(Value::Bool(true)) | Some(Value::String(_))
        ) || operation == "ConsoleLogin";
        let Identified { principal, credential } = identify(&identity, console);

        let uid = record.take_text(&["eventID"]);
        let error_code = record.take_text(&["errorCode"]);
        let error_message = record.take_text(&["errorMessage"]);
        let request = record.take(&["requestParameters"]);
        let response = record.take(&["responseElements"]);
        let account = record
            .take_text(&["recipientAccountId"])
            .or_else(|| record.text(&["userIdentity", "accountId"]).map(str::to_owned));
        let region = record.take_text(&["awsRegion"]);
        let read_only = record
            .get(&["readOnly"])
            .and_then(Value::as_bool)
            .unwrap_or_else(|| is_read(&operation));
        // A sign-in that failed has no error code, only its word.
        let refused = response.get(operation.as_str()).and_then(Value::as_str) == Some("Failure");
        let failed = error_code.is_some() || error_message.is_some() || refused;
        let (class, activity) = match (service.as_str(), operation.as_str()) {
            ("sso.amazonaws.com", "CreateAccountAssignment") if assignment(&request).is_some() => {
                (EventClass::UserAccess, 1)
            }
            ("sso.amazonaws.com", "DeleteAccountAssignment") if assignment(&request).is_some() => {
                (EventClass::UserAccess, 2)
            }
            _ => classify(&service, &operation, read_only),
        };
        let partition = partition_of(record.text(&["userIdentity", "arn"]), region.as_deref());
        let resources = resources_of(
            record.get(&["resources"]),
            &request,
            &response,
            &service,
            partition,
            account.as_deref(),
        );
        let correlation_uid = record.take_text(&["sharedEventID"]);
        let request_uid = record.take_text(&["requestID"]);
        let source = record.take_text(&["sourceIPAddress"]);
        let user_agent = record.take_text(&["userAgent"]);
        let (unmapped, raw_hash, location) = record.rest();
        Ok(Event {
            class,
            activity,
            time,
            original_time,
            uid: uid.unwrap_or_else(|| raw_hash.clone()),
            correlation_uid,
            cloud: CLOUD,
            account,
            region,
            product: self.product().to_owned(),
            service,
            operation,
            read_only,
            request_uid,
            request,
            response,
            status: if failed { EventStatus::Failure } else { EventStatus::Success },
            error_code,
            error_message,
            principal,
            credential_uid: credential,
            source,
            user_agent,
            resources,
            unmapped,
            raw_hash,
            location,
        })
    }

    fn shape(&self, event: &Event, ocsf: &mut Map<String, Value>) {
        let raw = &event.unmapped;
        let text = |pointer: &str| raw.pointer(pointer).and_then(Value::as_str);
        let mut put = |path: &[&str], value: Option<Value>| {
            if let Some(value) = value {
                put(ocsf, path, value);
            }
        };
        let json = |text: Option<&str>| text.filter(|t| !t.is_empty()).map(Value::from);
        put(&["metadata", "product", "version"], json(text("/eventVersion")));
        let category = json(text("/eventCategory"));
        put(&["metadata", "product", "feature"], category.map(|name| json!({"name": name})));
        put(&["metadata", "event_code"], json(text("/eventType")));
        put(&["api", "version"], json(text("/apiVersion")));
        put(&["actor", "invoked_by"], json(text("/userIdentity/invokedBy")));
        put(&["actor", "user", "uid_alt"], json(text("/userIdentity/principalId")));
        let account = json(text("/userIdentity/accountId"));
        let account = account.map(|uid| json!({"uid": uid, "type_id": 10}));
        put(&["actor", "user", "account"], account);
        let provider = text("/userIdentity/sessionContext/webIdFederationData/federatedProvider");
        put(&["actor", "idp"], json(provider).map(|name| json!({"name": name})));
        let partition = text("/userIdentity/arn").and_then(|arn| arn.split(':').nth(1));
        put(&["cloud", "cloud_partition"], json(partition));
        let session = |name: &str| text(&format!("/userIdentity/sessionContext/attributes/{name}"));
        if let Some(begun) = session("creationDate").and_then(read_time) {
            put(&["actor", "session", "created_time"], Some(json!(begun.unix_millis())));
            put(&["actor", "session", "created_time_dt"], Some(json!(begun.to_millis_text())));
        }
        let mfa = session("mfaAuthenticated").map(|told| json!(told == "true"));
        put(&["actor", "session", "is_mfa"], mfa);
        match event.class {
            EventClass::Authentication => {
                let used = text("/additionalEventData/MFAUsed").map(|told| json!(told == "Yes"));
                put(&["is_mfa"], used);
            }
            EventClass::AccountChange => {
                let policy = event.request.get("policyArn").and_then(Value::as_str);
                put(&["policy"], json(policy).map(|uid| json!({"uid": uid})));
            }
            EventClass::UserAccess => {
                if let Some((user, right)) = assignment(&event.request) {
                    put(&["user"], Some(json!({"uid": user})));
                    put(&["privileges"], Some(json!([right])));
                }
            }
            _ => {}
        }
    }
}

/// The first of the ends of an assignment that the request names.
fn assignment(request: &Value) -> Option<(&str, &str)> {
    let text = |key: &str| request.get(key).and_then(Value::as_str).filter(|s| !s.is_empty());
    Some((text("principalId")?, text("permissionSetArn")?))
}

/// By the verb of the operation's name, for records that do not say.
fn is_read(operation: &str) -> bool {
    ["Get", "List", "Describe", "Head", "Lookup", "BatchGet", "Search"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

fn classify(service: &str, operation: &str, read_only: bool) -> (EventClass, u8) {
    use EventClass::{AccountChange, ApiActivity, Authentication};
    match (service, operation) {
        ("signin.amazonaws.com", "ConsoleLogin") => return (Authentication, 1),
        ("signin.amazonaws.com", "SwitchRole" | "ExitRole") => return (Authentication, 7),
        ("signin.amazonaws.com", _) => return (Authentication, 99),
        (
            "sts.amazonaws.com",
            "AssumeRole"
            | "AssumeRoleWithSAML"
            | "AssumeRoleWithWebIdentity"
            | "AssumeRoot"
            | "GetSessionToken"
            | "GetFederationToken",
        ) => return (Authentication, 3),
        ("iam.amazonaws.com", operation) => {
            let activity = match operation {
                "CreateUser" => 1,
                "ChangePassword" => 3,
                "UpdateLoginProfile" => 4,
                "DeleteUser" => 6,
                "AttachUserPolicy" => 7,
                "DetachUserPolicy" => 8,
                "EnableMFADevice" => 10,
                "DeactivateMFADevice" => 11,
                // OCSF has no activity for keys and login profiles.
                "CreateAccessKey" | "UpdateAccessKey" | "DeleteAccessKey"
                | "CreateLoginProfile" | "DeleteLoginProfile" | "UpdateUser" | "PutUserPolicy"
                | "DeleteUserPolicy" => 99,
                _ => 0,
            };
            if activity != 0 {
                return (AccountChange, activity);
            }
        }
        _ => {}
    }
    let starts = |verbs: &[&str]| verbs.iter().any(|verb| operation.starts_with(verb));
    let activity = if read_only || is_read(operation) {
        2
    } else if starts(&["Create", "Run", "Allocate"]) {
        1
    } else if starts(&["Delete", "Terminate"]) {
        4
    } else if starts(&["Put", "Update", "Modify", "Attach", "Detach", "Set", "Add", "Remove"]) {
        3
    } else {
        99
    };
    (ApiActivity, activity)
}

fn partition_of<'a>(arn: Option<&'a str>, region: Option<&str>) -> &'a str {
    if let Some(partition) = arn.and_then(|a| a.split(':').nth(1)) {
        return partition;
    }
    match region {
        Some(r) if r.starts_with("cn-") => "aws-cn",
        Some(r) if r.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// What the record lists, then what its parameters name. IAM names carry no path, so an
/// ARN made of one is exact only for users and roles at the root; an ARN in the answer is
/// taken where there is one.
fn resources_of(
    listed: Option<&Value>,
    request: &Value,
    response: &Value,
    service: &str,
    partition: &str,
    account: Option<&str>,
) -> Vec<EventResource> {
    let mut resources: Vec<EventResource> = Vec::new();
    let mut add = |uid: String, kind: Option<&str>| {
        if !uid.is_empty() && resources.iter().all(|r| r.uid != uid) {
            resources.push(EventResource { uid, kind: kind.map(str::to_owned) });
        }
    };
    for item in listed.and_then(Value::as_array).into_iter().flatten() {
        if let Some(arn) = item.get("ARN").and_then(Value::as_str) {
            add(arn.to_owned(), item.get("type").and_then(Value::as_str));
        }
    }
    let parameter = |key: &str| request.get(key).and_then(Value::as_str).filter(|s| !s.is_empty());
    if let Some(bucket) = parameter("bucketName") {
        add(format!("arn:{partition}:s3:::{bucket}"), Some("AWS::S3::Bucket"));
        if let Some(key) = parameter("key") {
            add(format!("arn:{partition}:s3:::{bucket}/{key}"), Some("AWS::S3::Object"));
        }
    }
    if service == "iam.amazonaws.com" {
        for (name, answer, word, kind) in [
            ("userName", "user", "user", "AWS::IAM::User"),
            ("roleName", "role", "role", "AWS::IAM::Role"),
            ("groupName", "group", "group", "AWS::IAM::Group"),
        ] {
            let told = response.pointer(&format!("/{answer}/arn")).and_then(Value::as_str);
            match (told, parameter(name), account) {
                (Some(arn), _, _) => add(arn.to_owned(), Some(kind)),
                (None, Some(name), Some(account)) => {
                    add(format!("arn:{partition}:iam::{account}:{word}/{name}"), Some(kind));
                }
                _ => {}
            }
        }
        let key = parameter("accessKeyId")
            .or_else(|| response.pointer("/accessKey/accessKeyId").and_then(Value::as_str));
        if let Some(key) = key {
            add(key.to_owned(), Some("AWS::IAM::AccessKey"));
        }
    }
    for value in request.as_object().into_iter().flat_map(Map::values) {
        if let Some(arn) = value.as_str().filter(|s| is_arn(s)) {
            add(arn.to_owned(), None);
        }
    }
    resources
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:aws") && text.len() < 2048 && text.split(':').count() >= 6
}
