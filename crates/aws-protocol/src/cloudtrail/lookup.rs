//! What LookupEvents tells about a record beside its text.

use super::Record;
use serde_json::Value;

/// Members that name a resource, and the type that the event history gives it.
const NAMED: &[(&str, &str, &str)] = &[
    ("s3.amazonaws.com", "bucketName", "AWS::S3::Bucket"),
    ("iam.amazonaws.com", "userName", "AWS::IAM::User"),
    ("iam.amazonaws.com", "roleName", "AWS::IAM::Role"),
    ("iam.amazonaws.com", "policyArn", "AWS::IAM::Policy"),
    ("iam.amazonaws.com", "policyName", "AWS::IAM::Policy"),
    ("iam.amazonaws.com", "accessKeyId", "AWS::IAM::AccessKey"),
    // The key of the session that a call opened, by which the opening is found again.
    ("sts.amazonaws.com", "accessKeyId", "AWS::IAM::AccessKey"),
    ("sts.amazonaws.com", "arn", "AWS::STS::AssumedRole"),
    ("sts.amazonaws.com", "assumedRoleId", "AWS::STS::AssumedRole"),
    ("sts.amazonaws.com", "roleArn", "AWS::IAM::Role"),
    ("sts.amazonaws.com", "roleSessionName", "AWS::STS::AssumedRole"),
    ("cloudtrail.amazonaws.com", "trailName", "AWS::CloudTrail::Trail"),
    ("cloudtrail.amazonaws.com", "s3BucketName", "AWS::S3::Bucket"),
    ("ec2.amazonaws.com", "groupId", "AWS::EC2::SecurityGroup"),
];

impl Record {
    /// `Username` of the event history.
    pub fn user_name(&self) -> Option<&str> {
        self.facts.user_name.as_deref()
    }

    /// `AccessKeyId` of the event history.
    pub fn access_key_id(&self) -> Option<&str> {
        self.facts.access_key_id.as_deref()
    }

    /// `Resources` of the event history, (type, name): what the request and the response name.
    pub fn looked_up_resources(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let trees = [self.request_parameters(), self.response_elements()];
        for tree in trees.into_iter().flatten() {
            self.collect(tree, 0, &mut found);
        }
        // CloudTrail's own calls name the trail `name`.
        if self.event_source() == "cloudtrail.amazonaws.com"
            && let Some(name) = self.request_parameters().and_then(|tree| tree["name"].as_str())
        {
            found.push(("AWS::CloudTrail::Trail", name.to_owned()));
        }
        found.sort();
        found.dedup();
        found
    }

    fn collect(&self, tree: &Value, depth: usize, found: &mut Vec<(&'static str, String)>) {
        // `{"accessKey": {"userName": ..., "accessKeyId": ...}}` is as deep as names lie.
        if depth > 2 {
            return;
        }
        for (key, value) in tree.as_object().into_iter().flatten() {
            match value {
                Value::String(name) => {
                    let named =
                        NAMED.iter().find(|row| row.0 == self.event_source() && row.1 == key);
                    if let Some((_, _, kind)) = named {
                        found.push((kind, name.clone()));
                    }
                }
                other => self.collect(other, depth + 1, found),
            }
        }
    }
}
