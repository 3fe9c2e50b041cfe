//! Who used the access that a fix takes away, as the log at hand tells.

use crate::desk::{Desk, action};
use serde_json::{Value, json};

const POLICY: &str = "aws_s3_bucket_policy.exports";

/// A read of an object by nobody, as CloudTrail's data events have it (CloudTrail User Guide,
/// "Example: Amazon S3 log file entries").
fn read(n: usize, seconds_ago: i64, address: &str, refused: bool) -> Value {
    let time = crate::stage::now().plus_seconds(-seconds_ago);
    let time = time.to_millis_text();
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"},
        "eventTime": format!("{}Z", &time[..19]), "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject", "awsRegion": "us-east-1", "sourceIPAddress": address,
        "userAgent": "[curl/8.5.0]",
        "requestParameters": {"bucketName": "acme-exports", "key": "customers/2026-01.csv"},
        "responseElements": null, "requestID": format!("Q3M8E6Z1T5B2{n:04}"),
        "eventID": format!("91d20000-0000-4000-8000-{n:012}"), "readOnly": true,
        "resources": [
            {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::acme-exports/customers/2026-01.csv"},
            {"accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::acme-exports"},
        ],
        "eventType": "AwsApiCall", "managementEvent": false, "recipientAccountId": "111122223333",
        "eventCategory": "Data",
    });
    if refused {
        record["errorCode"] = json!("AccessDenied");
        record["errorMessage"] = json!("Access Denied");
    }
    record
}

fn decided(desk: &Desk, records: &[Value]) -> Value {
    let log = json!({"Records": records});
    desk.lab.write("log/111122223333_CloudTrail_us-east-1_1.json", log.to_string());
    action(&desk.plan(&["--events", "log"]), POLICY).clone()
}

#[test]
fn access_that_strangers_use_is_asked_about_with_how_much() {
    let desk = Desk::laid_out();
    let (one, two) = ("198.51.100.7", "203.0.113.9");
    let used = [
        read(1, 86_400, one, false),
        read(2, 80_000, one, false),
        read(3, 3600, two, false),
        read(4, 1800, two, false),
        // Refused, and long ago: neither is a use that a fix takes away.
        read(5, 1700, "192.0.2.99", true),
        read(6, 30 * 86_400, "192.0.2.98", false),
    ];
    let asked = decided(&desk, &used);
    assert_eq!(asked["decision"], "ask", "{asked:#}");
    assert_eq!(asked["impact"]["uses"], 4, "{asked:#}");
    assert_eq!(asked["impact"]["addresses"], 2);
    let told = asked["reason"].as_str().unwrap();
    assert_eq!(told, "read anonymously 4 times in the last 7 days, from 2 addresses: asking first");
    let screen = desk.run(&["run", "remediate", "--events", "log"]).expect(2).stdout;
    assert!(screen.contains("read anonymously 4 times"), "{screen}");

    let unused = decided(&desk, &used[4..]);
    assert_eq!(unused["decision"], "fix", "{unused:#}");
    assert_eq!(unused["impact"]["complete"], true);
    // No reads of data in it at all: said, and asked about where the policy wants that.
    let unknown = decided(&desk, &[]);
    assert_eq!(unknown["decision"], "fix", "{unknown:#}");
    let words = unknown["impact"]["words"].as_str().unwrap();
    assert!(words.contains("no reads of data"), "{words}");
    desk.lab.write("remediation.toml", "[impact]\nask_when_unknown = true\n");
    let asked = decided(&desk, &[]);
    assert_eq!(asked["decision"], "ask", "{asked:#}");
    assert!(asked["reason"].as_str().unwrap().ends_with("the policy asks then"), "{asked:#}");
    desk.lab.write("remediation.toml", "[impact]\nask_when_used = false\n");
    assert_eq!(decided(&desk, &used)["decision"], "fix");
    desk.lab.write("remediation.toml", "[impact]\ndays = 1\n");
    assert_eq!(decided(&desk, &used)["impact"]["uses"], 3);
    assert_eq!(desk.fixes(), [""; 0]);
}

/// A plan that was made before anybody looked at the reads is not a way around asking.
#[test]
fn an_apply_with_the_log_asks_what_its_plan_did_not_know() {
    let desk = Desk::laid_out();
    let blind = desk.plan(&[]);
    assert_eq!(action(&blind, POLICY)["decision"], "fix");
    let log = json!({"Records": [read(1, 600, "198.51.100.7", false)]});
    desk.lab.write("log/111122223333_CloudTrail_us-east-1_1.json", log.to_string());
    let run = desk.apply(&blind, &["--events", "log"]).expect(3);
    let told = format!("{}{}", run.stdout, run.stderr);
    assert!(told.contains("read anonymously once"), "{told}");
    assert_eq!(desk.fixes(), [""; 0]);
}
