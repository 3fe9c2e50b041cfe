//! Messages as AWS and its clients write them.

use crate::botocore;
use aws_protocol::codec::{self, Failure, Incoming, xml};
use aws_protocol::{Operation, Service, ServiceError, timestamp};
use http::HeaderMap;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn operation(service: &str, name: &str) -> Operation {
    Operation::named(service, name).unwrap()
}

/// What a form request is answered with where it is refused.
fn refused(service: &str, body: &str) -> ServiceError {
    let service = Service::named(service).unwrap();
    let incoming = Incoming { headers: &HeaderMap::new(), query: "", body: body.as_bytes() };
    codec::decode_request(service, incoming)
        .map(|request| request.operation.name)
        .unwrap_err()
        .error
}

fn refused_json(target: &str, body: &str) -> ServiceError {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-target", target.parse().unwrap());
    let incoming = Incoming { headers: &headers, query: "", body: body.as_bytes() };
    let service = Service::named("cloudtrail").unwrap();
    codec::decode_request(service, incoming)
        .map(|request| request.operation.name)
        .unwrap_err()
        .error
}

const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";

/// Times as our trees write them, so that two writers' trees can be compared.
fn with_iso_times(value: &Value) -> Value {
    match value {
        Value::String(text) if text.ends_with('Z') => {
            timestamp::parse(text).map_or_else(|| value.clone(), |time| timestamp::iso(time).into())
        }
        Value::Array(items) => items.iter().map(with_iso_times).collect(),
        Value::Object(members) => {
            members.iter().map(|(k, v)| (k.clone(), with_iso_times(v))).collect()
        }
        other => other.clone(),
    }
}

#[test]
fn requests_written_by_botocore_are_read() {
    for request in botocore::recording().requests {
        let service = Service::named(&request.service).unwrap();
        let headers = request.headers();
        let incoming =
            Incoming { headers: &headers, query: request.query(), body: request.body.as_bytes() };
        let decoded = codec::decode_request(service, incoming);
        let decoded =
            decoded.unwrap_or_else(|refusal| panic!("{}: {}", request.operation, refusal.error));
        assert_eq!(decoded.operation.name, request.operation);
        assert_eq!(decoded.input, with_iso_times(&request.input), "{}", request.operation);
    }
}

#[test]
fn requests_are_written_as_botocore_writes_them() {
    for request in botocore::recording().requests.iter().filter(|request| !request.presigned) {
        let ours =
            codec::encode_request(operation(&request.service, &request.operation), &request.input)
                .unwrap();
        let headers = request.headers();
        for (name, value) in &ours.headers {
            assert_eq!(headers.get(*name).unwrap(), value, "{}", request.operation);
        }
        if request.service == "cloudtrail" {
            let body: Value = serde_json::from_str(&request.body).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&ours.body).unwrap(), body);
        } else {
            let pairs = |body: &[u8]| -> BTreeSet<(String, String)> {
                form_urlencoded::parse(body).into_owned().collect()
            };
            assert_eq!(pairs(&ours.body), pairs(request.body.as_bytes()), "{}", request.operation);
        }
    }
}

#[test]
fn a_query_response_has_its_wrapper_and_its_request_id() {
    let output = json!({
        "Users": [{"Path": "/", "UserName": "a<b>&\"", "UserId": "AIDA", "Arn": "arn", "CreateDate": "2026-01-02T03:04:05Z"}],
        "IsTruncated": false,
    });
    let response = codec::encode_response(operation("iam", "ListUsers"), &output, "id-1").unwrap();
    let text = String::from_utf8(response.body).unwrap();
    assert_eq!(
        text,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <ListUsersResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><ListUsersResult>\
         <IsTruncated>false</IsTruncated><Users><member><Arn>arn</Arn><CreateDate>2026-01-02T03:04:05Z</CreateDate>\
         <Path>/</Path><UserId>AIDA</UserId><UserName>a&lt;b&gt;&amp;&quot;</UserName></member></Users>\
         </ListUsersResult><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></ListUsersResponse>"
    );
    let header = |name| response.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
    assert_eq!(header("x-amzn-requestid"), Some("id-1"));
    assert!(header("content-type").unwrap().starts_with("text/xml"));
    // An operation without an output has no result element.
    let response =
        codec::encode_response(operation("iam", "DeleteUser"), &json!({}), "id-2").unwrap();
    assert!(!String::from_utf8(response.body).unwrap().contains("Result"));
}

#[test]
fn an_ec2_response_is_flat() {
    let output = json!({"Regions": [{"RegionName": "us-east-1", "Endpoint": "ec2.us-east-1.amazonaws.com"}]});
    let response =
        codec::encode_response(operation("ec2", "DescribeRegions"), &output, "id-1").unwrap();
    let root = xml::parse(&response.body).unwrap();
    assert_eq!(root.name, "DescribeRegionsResponse");
    assert_eq!(root.namespace.as_deref(), Some("http://ec2.amazonaws.com/doc/2016-11-15/"));
    assert_eq!(root.text_of("requestId"), Some("id-1"));
    let item = root.at(&["regionInfo", "item"]).unwrap();
    assert_eq!(item.text_of("regionName"), Some("us-east-1"));
}

#[test]
fn a_json_response_has_times_as_seconds() {
    let output = json!({"Events": [{"EventId": "e", "EventTime": "2026-01-02T03:04:05Z", "ReadOnly": "false"}]});
    let response =
        codec::encode_response(operation("cloudtrail", "LookupEvents"), &output, "id").unwrap();
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["Events"][0]["EventTime"], json!(1_767_323_045));
    assert!(response.headers.contains(&("content-type", "application/x-amz-json-1.1".into())));
}

#[test]
fn an_output_that_is_not_of_its_shape_is_our_mistake() {
    let list = operation("iam", "ListUsers");
    for (wrong, path) in [
        (json!({"users": []}), "(whole)"),
        (json!({"Users": {}}), "Users"),
        (json!({"Users": [{"UserName": 5}]}), "Users[0].UserName"),
        (json!({"Users": [{"CreateDate": "yesterday"}]}), "Users[0].CreateDate"),
    ] {
        assert_eq!(codec::encode_response(list, &wrong, "id").unwrap_err().path, path);
    }
}

#[test]
fn errors_are_in_the_wrapper_of_their_protocol_and_come_back_whole() {
    for (service, name, status, wire) in [
        ("iam", "NoSuchEntity", 404, vec!["Error", "Code"]),
        ("sts", "MalformedPolicyDocumentException", 400, vec!["Error", "Code"]),
        ("ec2", "InvalidGroup.NotFound", 400, vec!["Errors", "Error", "Code"]),
    ] {
        let service = Service::named(service).unwrap();
        let error = service.error(name, "it <is> not there");
        assert_eq!(error.status, status);
        let response = codec::encode_error(service, &error, "id-1");
        let root = xml::parse(&response.body).unwrap();
        assert_eq!(root.at(&wire).unwrap().text, error.code);
        assert_eq!(received(service, &response), (error, Some("id-1".to_owned())));
    }
    let cloudtrail = Service::named("cloudtrail").unwrap();
    let error = cloudtrail.error("TrailNotFoundException", "Unknown trail: main");
    let response = codec::encode_error(cloudtrail, &error, "id-1");
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(body["__type"], "TrailNotFoundException");
    assert_eq!(received(cloudtrail, &response), (error, Some("id-1".to_owned())));
}

fn received(
    service: &'static Service,
    response: &codec::Response,
) -> (ServiceError, Option<String>) {
    let operation = service.operations().next().unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in &response.headers {
        headers.insert(*name, value.parse().unwrap());
    }
    match codec::decode_response(operation, response.status, &headers, &response.body) {
        Err(Failure::Service { error, request_id }) => (error, request_id),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_answer_of_no_protocol_is_unreadable() {
    for (service, name) in
        [("iam", "GetUser"), ("cloudtrail", "LookupEvents"), ("ec2", "DescribeRegions")]
    {
        for (status, body) in
            [(200, "<html>"), (200, ""), (502, "<html>Bad Gateway</html>"), (503, "")]
        {
            let failure = codec::decode_response(
                operation(service, name),
                status,
                &HeaderMap::new(),
                body.as_bytes(),
            );
            assert!(
                matches!(failure, Err(Failure::Unreadable { status: s, .. }) if s == status),
                "{service} {body}"
            );
        }
    }
}

#[test]
fn unknown_operations_and_versions_are_refused_as_the_service_does() {
    let error = refused("iam", "Action=Frobnicate&Version=2010-05-08");
    assert_eq!((&*error.code, error.status), ("InvalidAction", 400));
    assert_eq!(error.message, "Could not find operation Frobnicate for version 2010-05-08");
    assert_eq!(
        refused("iam", "Action=GetUser").message,
        "Could not find operation GetUser for version NO_VERSION_SPECIFIED"
    );
    assert_eq!(refused("sts", "Action=GetCallerIdentity&Version=2010-05-08").code, "InvalidAction");
    assert_eq!(refused("ec2", "Action=Frobnicate&Version=2016-11-15").code, "InvalidAction");
    assert_eq!(refused("iam", "").code, "MissingAction");
    assert_eq!(
        refused_json(&format!("{TARGET}.Frobnicate"), "{}").code,
        "UnknownOperationException"
    );
    assert_eq!(
        refused_json("DynamoDB_20120810.ListTables", "{}").code,
        "UnknownOperationException"
    );
    // The service has it, we do not: never a false success, never a 5xx that clients retry.
    assert_eq!(refused("iam", "Action=CreateGroup&Version=2010-05-08").status, 501);
    assert_eq!(refused_json(&format!("{TARGET}.CreateChannel"), "{}").status, 501);
}

#[test]
fn an_input_that_breaks_the_model_is_refused_as_the_service_does() {
    let error = refused("iam", "Action=CreateUser&Version=2010-05-08");
    assert_eq!((&*error.code, error.status), ("ValidationError", 400));
    assert_eq!(
        error.message,
        "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null"
    );
    let error = refused(
        "iam",
        "Action=UpdateAccessKey&Version=2010-05-08&AccessKeyId=AKIAIOSFODNN7EXAMPLE&Status=Off",
    );
    assert!(error.message.starts_with("1 validation error detected: Value 'Off' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive"), "{error}");
    let error = refused(
        "iam",
        &format!("Action=CreateUser&Version=2010-05-08&UserName={}", "u".repeat(65)),
    );
    assert!(error.message.ends_with("Member must have length less than or equal to 64"), "{error}");
    let error = refused("iam", "Action=ListUsers&Version=2010-05-08&MaxItems=many");
    assert_eq!(error.code, "MalformedInput");
    let error = refused("iam", "Action=CreateUser&Version=2010-05-08&UserName=a%00b");
    assert_eq!(error.code, "ValidationError");
    let error = refused("ec2", "Action=DescribeRegions&Version=2016-11-15&AllRegions=perhaps");
    assert_eq!(error.code, "InvalidParameterValue");
    assert_eq!(refused_json(&format!("{TARGET}.GetTrail"), "{}").code, "ValidationException");
    assert_eq!(
        refused_json(&format!("{TARGET}.GetTrail"), "{\"Name\": 5}").code,
        "SerializationException"
    );
    assert_eq!(refused_json(&format!("{TARGET}.GetTrail"), "[").code, "SerializationException");
    assert_eq!(refused_json(&format!("{TARGET}.GetTrail"), "null").code, "SerializationException");
}

#[test]
fn a_flood_of_parameters_is_refused() {
    let many: String = (0..20_000).map(|n| format!("&TagKeys.member.{n}=k")).collect();
    let body = format!("Action=UntagUser&Version=2010-05-08&UserName=u{many}");
    assert_eq!(refused("iam", &body).code, "MalformedQueryString");
    let deep = ".a".repeat(100_000);
    assert_eq!(
        refused("iam", &format!("Action=GetUser&Version=2010-05-08&x{deep}=1")).code,
        "MalformedQueryString"
    );
    let nested = "[".repeat(100_000);
    assert_eq!(refused_json(&format!("{TARGET}.GetTrail"), &nested).code, "SerializationException");
}

#[test]
fn a_client_does_not_send_what_the_model_refuses() {
    let error = codec::encode_request(operation("iam", "CreateUser"), &json!({})).unwrap_err();
    assert!(error.what.contains("'userName'"), "{error}");
    let error = codec::encode_request(operation("iam", "CreateUser"), &json!({"Username": "a"}))
        .unwrap_err();
    assert_eq!(error.what, "the model has no member Username");
}

#[test]
fn an_unsigned_call_finds_its_service() {
    let service = |headers: &HeaderMap, body: &str| {
        let incoming = Incoming { headers, query: "", body: body.as_bytes() };
        codec::service_of_unsigned(incoming).map(|service| service.facts.name.as_str())
    };
    let none = HeaderMap::new();
    let web_identity = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=r";
    assert_eq!(service(&none, web_identity), Some("sts"));
    assert_eq!(service(&none, "Action=ListUsers&Version=2010-05-08"), Some("iam"));
    assert_eq!(service(&none, "Action=Frobnicate&Version=2010-05-08"), None);
    assert_eq!(service(&none, "<Delete/>"), None);
    let mut target = HeaderMap::new();
    target.insert("x-amz-target", format!("{TARGET}.LookupEvents").parse().unwrap());
    assert_eq!(service(&target, "{}"), Some("cloudtrail"));
    target.insert("x-amz-target", "DynamoDB_20120810.ListTables".parse().unwrap());
    assert_eq!(service(&target, "{}"), None);
}
