//! CloudTrail: trails, what they select, whether they log.

use crate::audit::Head;
use crate::operation::{Cx, Outcome, refused};
use crate::state::selectors::{self, Selectors};
use crate::state::{s3, trail_bucket};
use crate::story::ACCOUNT;
use aws_protocol::ServiceError;
use local_cloud::{Tx, View};
use model::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const TABLE: &str = "aws/cloudtrail/trails";
/// CloudTrail's quota a region.
const MOST: usize = 5;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trail {
    pub name: String,
    pub home_region: String,
    pub bucket: String,
    pub prefix: Option<String>,
    pub multi_region: bool,
    /// Events of IAM and STS, which have one region.
    pub global: bool,
    pub selectors: Selectors,
    pub tags: BTreeMap<String, String>,
    pub logging: bool,
    pub started: Option<Timestamp>,
    pub stopped: Option<Timestamp>,
    /// The key of the last record that was delivered or passed by.
    pub delivered: String,
    pub last_delivery: Option<Timestamp>,
    pub last_attempt: Option<Timestamp>,
    pub last_error: Option<String>,
}

impl Trail {
    pub fn new(name: &str, region: &str, bucket: &str) -> Self {
        Trail {
            name: name.to_owned(),
            home_region: region.to_owned(),
            bucket: bucket.to_owned(),
            prefix: None,
            multi_region: false,
            global: true,
            selectors: Selectors::default(),
            tags: BTreeMap::new(),
            logging: false,
            started: None,
            stopped: None,
            delivered: String::new(),
            last_delivery: None,
            last_attempt: None,
            last_error: None,
        }
    }

    pub fn arn(&self) -> String {
        arn_of(&self.home_region, &self.name)
    }

    pub fn save(&self, tx: &mut Tx<'_>) {
        tx.put(TABLE, &self.name, self);
    }

    /// Whether a record belongs into this trail's files.
    pub fn selects(&self, head: &Head) -> bool {
        let global = matches!(head.source.as_str(), "iam.amazonaws.com" | "sts.amazonaws.com");
        (self.multi_region || head.region == self.home_region)
            && (self.global || !global)
            && self.selectors.select(head)
    }

    /// The members that CreateTrail and UpdateTrail answer with.
    fn tree(&self) -> Value {
        let mut tree = json!({
            "Name": self.name, "S3BucketName": self.bucket,
            "IncludeGlobalServiceEvents": self.global, "IsMultiRegionTrail": self.multi_region,
            "TrailARN": self.arn(), "LogFileValidationEnabled": false, "IsOrganizationTrail": false,
        });
        if let Some(prefix) = &self.prefix {
            tree["S3KeyPrefix"] = prefix.as_str().into();
        }
        tree
    }

    fn description(&self) -> Value {
        let mut tree = self.tree();
        tree["HomeRegion"] = self.home_region.as_str().into();
        tree["HasCustomEventSelectors"] = (self.selectors != Selectors::default()).into();
        tree["HasInsightSelectors"] = false.into();
        tree
    }
}

pub fn arn_of(region: &str, name: &str) -> String {
    match name.starts_with("arn:") {
        true => name.to_owned(),
        false => format!("arn:aws:cloudtrail:{region}:{ACCOUNT}:trail/{name}"),
    }
}

pub fn trails(view: &View<'_>) -> Vec<Trail> {
    view.scan(TABLE, "").into_iter().map(|(_, trail)| trail).collect()
}

pub fn any_trail_selects(view: &View<'_>, head: &Head) -> bool {
    trails(view).iter().any(|trail| trail.logging && trail.selects(head))
}

/// The trail that a name or an ARN means.
fn named(cx: &Cx<'_, '_>, input: &Value, member: &str) -> Result<Trail, ServiceError> {
    let name = input[member].as_str().unwrap_or_default();
    find(cx, name).ok_or_else(|| {
        let message = format!("Unknown trail: {} for the user: {ACCOUNT}", arn_of(cx.region, name));
        refused("TrailNotFoundException", message, 400)
    })
}

fn find(cx: &Cx<'_, '_>, name: &str) -> Option<Trail> {
    let wanted = arn_of(cx.region, name);
    let fits = |trail: &Trail| {
        trail.arn() == wanted
            || (trail.multi_region && !name.starts_with("arn:") && trail.name == name)
    };
    trails(&cx.tx.view()).into_iter().find(fits)
}

/// Changes are made where the trail was made.
fn at_home(cx: &Cx<'_, '_>, trail: &Trail) -> Result<(), ServiceError> {
    if trail.home_region == cx.region {
        return Ok(());
    }
    let message = format!("The trail {} must be changed in {}.", trail.name, trail.home_region);
    Err(refused("InvalidHomeRegionException", message, 400))
}

/// What this cloud has no counterpart for is refused by name, never accepted and forgotten.
fn only_served(cx: &Cx<'_, '_>, input: &Value) -> Result<(), ServiceError> {
    let unserved =
        ["SnsTopicName", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "KmsKeyId"];
    let text = unserved.into_iter().find(|m| input[*m].as_str().is_some_and(|t| !t.is_empty()));
    let flag = ["EnableLogFileValidation", "IsOrganizationTrail"];
    let flag = flag.into_iter().find(|member| input[*member] == true);
    match text.or(flag) {
        None => Ok(()),
        Some(member) => {
            let message = format!("{member} of {} is not implemented here", cx.operation.name);
            Err(refused("UnsupportedOperationException", message, 400))
        }
    }
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let legal = (3..=128).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.ends_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if legal {
        return Ok(());
    }
    let message = "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, \
        periods (.), hyphens (-), and underscores (_), and must have 3 to 128 characters.";
    Err(refused("InvalidTrailNameException", message, 400))
}

/// Bucket and prefix of a request, checked as CloudTrail checks them before it delivers.
fn take_bucket(cx: &Cx<'_, '_>, trail: &mut Trail, input: &Value) -> Result<(), ServiceError> {
    if let Some(bucket) = input["S3BucketName"].as_str() {
        trail.bucket = bucket.to_owned();
    }
    if let Some(prefix) = input["S3KeyPrefix"].as_str() {
        trail.prefix = (!prefix.is_empty()).then(|| prefix.trim_end_matches('/').to_owned());
    }
    if trail.prefix.as_ref().is_some_and(|prefix| prefix.len() > 200) {
        let message = "S3 prefix is longer than maximum length.";
        return Err(refused("InvalidS3PrefixException", message, 400));
    }
    let view = cx.tx.view();
    let Some(bucket) = s3::bucket(&view, &trail.bucket) else {
        let message = format!("S3 bucket {} does not exist!", trail.bucket);
        return Err(refused("S3BucketDoesNotExistException", message, 400));
    };
    if !trail_bucket::admits(&bucket, trail, cx.now) {
        let message =
            format!("Incorrect S3 bucket policy is detected for bucket: {}", trail.bucket);
        return Err(refused("InsufficientS3BucketPolicyException", message, 400));
    }
    Ok(())
}

fn take_flags(trail: &mut Trail, input: &Value) -> Result<(), ServiceError> {
    if let Some(multi) = input["IsMultiRegionTrail"].as_bool() {
        trail.multi_region = multi;
    }
    if let Some(global) = input["IncludeGlobalServiceEvents"].as_bool() {
        trail.global = global;
    }
    if trail.multi_region && !trail.global {
        let message = "Multi-Region trail must include global service events.";
        return Err(refused("InvalidParameterCombinationException", message, 400));
    }
    Ok(())
}

pub fn create_trail(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    only_served(cx, input)?;
    let name = input["Name"].as_str().unwrap_or_default();
    check_name(name)?;
    let existing = trails(&cx.tx.view());
    if existing.iter().any(|trail| trail.name == name) {
        let message = format!("Trail {name} already exists for customer: {ACCOUNT}");
        return Err(refused("TrailAlreadyExistsException", message, 400));
    }
    if existing.len() >= MOST {
        let message = format!("User: {ACCOUNT} already has {MOST} trails in {}.", cx.region);
        return Err(refused("MaximumNumberOfTrailsExceededException", message, 400));
    }
    let mut trail = Trail::new(name, cx.region, "");
    take_flags(&mut trail, input)?;
    take_bucket(cx, &mut trail, input)?;
    trail.tags = read_tags(&input["TagsList"]);
    trail.save(cx.tx);
    Ok(trail.tree())
}

pub fn update_trail(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    only_served(cx, input)?;
    let mut trail = named(cx, input, "Name")?;
    at_home(cx, &trail)?;
    take_flags(&mut trail, input)?;
    take_bucket(cx, &mut trail, input)?;
    trail.save(cx.tx);
    Ok(trail.tree())
}

pub fn delete_trail(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let trail = named(cx, input, "Name")?;
    at_home(cx, &trail)?;
    cx.tx.delete(TABLE, &trail.name);
    Ok(json!({}))
}

pub fn get_trail(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let trail = named(cx, input, "Name")?;
    Ok(json!({ "Trail": trail.description() }))
}

pub fn describe_trails(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let shadows = input["includeShadowTrails"].as_bool().unwrap_or(true);
    let named: Option<Vec<&str>> = input["trailNameList"]
        .as_array()
        .map(|names| names.iter().filter_map(Value::as_str).collect());
    let named = named.filter(|names| !names.is_empty());
    let here = |trail: &Trail| trail.home_region == cx.region || (shadows && trail.multi_region);
    let asked = |trail: &Trail| {
        named.as_ref().is_none_or(|names| {
            names.iter().any(|name| *name == trail.name || *name == trail.arn())
        })
    };
    let all = trails(&cx.tx.view());
    let list: Vec<Value> =
        all.iter().filter(|trail| here(trail) && asked(trail)).map(Trail::description).collect();
    Ok(json!({ "trailList": list }))
}

pub fn list_trails(cx: &mut Cx<'_, '_>, _: &Value) -> Outcome {
    let list: Vec<Value> = trails(&cx.tx.view())
        .iter()
        .map(|trail| {
            json!({ "Name": trail.name, "TrailARN": trail.arn(), "HomeRegion": trail.home_region })
        })
        .collect();
    Ok(json!({ "Trails": list }))
}

pub fn get_trail_status(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let trail = named(cx, input, "Name")?;
    let mut status = Map::new();
    status.insert("IsLogging".into(), trail.logging.into());
    let mut time = |name: &str, text_name: Option<&str>, moment: Option<Timestamp>| {
        let text = moment.map(|moment| moment.to_seconds_text());
        if let Some(text) = &text {
            status.insert(name.into(), text.as_str().into());
        }
        if let Some(name) = text_name {
            status.insert(name.into(), text.unwrap_or_default().into());
        }
    };
    time("StartLoggingTime", Some("TimeLoggingStarted"), trail.started);
    time("StopLoggingTime", Some("TimeLoggingStopped"), trail.stopped);
    time("LatestDeliveryTime", Some("LatestDeliveryAttemptSucceeded"), trail.last_delivery);
    let attempt = trail.last_attempt.map(|at| at.to_seconds_text()).unwrap_or_default();
    status.insert("LatestDeliveryAttemptTime".into(), attempt.into());
    if let Some(error) = &trail.last_error {
        status.insert("LatestDeliveryError".into(), error.as_str().into());
    }
    status.insert("LatestNotificationAttemptTime".into(), "".into());
    status.insert("LatestNotificationAttemptSucceeded".into(), "".into());
    Ok(Value::Object(status))
}

pub fn start_logging(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut trail = named(cx, input, "Name")?;
    at_home(cx, &trail)?;
    if !trail.logging {
        trail.logging = true;
        trail.started = Some(cx.now);
        // What happened while it was off is not delivered later.
        trail.delivered = crate::deliver::newest(&cx.tx.view());
    }
    trail.save(cx.tx);
    Ok(json!({}))
}

pub fn stop_logging(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut trail = named(cx, input, "Name")?;
    at_home(cx, &trail)?;
    if trail.logging {
        trail.logging = false;
        trail.stopped = Some(cx.now);
    }
    trail.save(cx.tx);
    Ok(json!({}))
}

pub fn put_event_selectors(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut trail = named(cx, input, "TrailName")?;
    at_home(cx, &trail)?;
    trail.selectors = selectors::read(input)?;
    trail.save(cx.tx);
    let mut output = trail.selectors.tree();
    output["TrailARN"] = trail.arn().into();
    Ok(output)
}

pub fn get_event_selectors(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let trail = named(cx, input, "TrailName")?;
    let mut output = trail.selectors.tree();
    output["TrailARN"] = trail.arn().into();
    Ok(output)
}

fn read_tags(list: &Value) -> BTreeMap<String, String> {
    let text = |tag: &Value, name: &str| tag[name].as_str().unwrap_or_default().to_owned();
    let tags = list.as_array().into_iter().flatten();
    tags.map(|tag| (text(tag, "Key"), text(tag, "Value"))).collect()
}

pub fn add_tags(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut trail = tagged(cx, input["ResourceId"].as_str().unwrap_or_default())?;
    trail.tags.extend(read_tags(&input["TagsList"]));
    if trail.tags.len() > 50 {
        let message = "A trail can have 50 tags at most.";
        return Err(refused("TagsLimitExceededException", message, 400));
    }
    trail.save(cx.tx);
    Ok(json!({}))
}

pub fn list_tags(cx: &mut Cx<'_, '_>, input: &Value) -> Outcome {
    let mut list = Vec::new();
    for arn in input["ResourceIdList"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let trail = tagged(cx, arn)?;
        let tags: Vec<Value> =
            trail.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        list.push(json!({ "ResourceId": arn, "TagsList": tags }));
    }
    Ok(json!({ "ResourceTagList": list }))
}

fn tagged(cx: &Cx<'_, '_>, arn: &str) -> Result<Trail, ServiceError> {
    find(cx, arn).filter(|trail| trail.arn() == arn).ok_or_else(|| {
        refused("ResourceNotFoundException", format!("Resource not found: {arn:.256}"), 400)
    })
}
