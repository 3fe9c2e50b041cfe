//! Records, where the real ones of the corpora test are not at hand: the forms, the order, and that nothing secret
//! gets in.

use crate::properties::{exchange, marked};
use aws_protocol::cloudtrail::{
    Authentication, Call, Exchange, Identity, Issuer, Record, S3Exchange, Session, Tls,
};
use aws_protocol::{Operation, Service, ServiceError};
use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05.678 UTC);
const TLS: Tls<'_> =
    Tls { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256", host: "iam.amazonaws.com" };

fn user() -> Identity {
    Identity::IamUser {
        principal_id: "AIDACKCEVSQ6C2EXAMPLE".into(),
        arn: "arn:aws:iam::111122223333:user/ci".into(),
        account_id: "111122223333".into(),
        access_key_id: Some("AKIAIOSFODNN7EXAMPLE".into()),
        user_name: "ci".into(),
        session: None,
        invoked_by: None,
    }
}

fn role() -> Identity {
    Identity::AssumedRole {
        principal_id: "AROAEXAMPLE:maya.chen@example.com".into(),
        arn: "arn:aws:sts::111122223333:assumed-role/Developer/maya.chen@example.com".into(),
        account_id: "111122223333".into(),
        access_key_id: Some("ASIAEXAMPLE".into()),
        issuer: Issuer {
            principal_id: "AROAEXAMPLE".into(),
            arn: "arn:aws:iam::111122223333:role/Developer".into(),
            account_id: "111122223333".into(),
            user_name: "Developer".into(),
        },
        session: Session {
            created_at: datetime!(2026-01-02 02:00:00 UTC),
            mfa: false,
            source_identity: None,
            federated_provider: None,
        },
        ec2_role_delivery: None,
        invoked_by: None,
    }
}

fn call<'a>(
    service: &str,
    operation: &str,
    identity: Identity,
    exchange: Exchange<'a>,
) -> Call<'a> {
    Call {
        operation: Operation::named(service, operation).unwrap(),
        identity,
        time: NOW,
        region: "eu-west-1",
        source_ip: "198.51.100.23",
        user_agent: "aws-cli/2.0",
        exchange,
        error: None,
        request_id: "REQUEST",
        event_id: "EVENT",
        recipient_account: "111122223333",
        tls: None,
        shared_event_id: None,
        vpc_endpoint_id: None,
        from_console: false,
    }
}

fn typed<'a>(input: &'a Value, output: &'a Value) -> Exchange<'a> {
    Exchange::Typed { input: Some(input), output: Some(output) }
}

/// An S3 request, and what the record test wants to vary of it.
fn s3<'a>(
    key: Option<&'a str>,
    query: &'a str,
    headers: &'a HeaderMap,
    body: &'a [u8],
) -> S3Exchange<'a> {
    S3Exchange {
        bucket: Some("exports"),
        key,
        host: "exports.s3.eu-west-1.amazonaws.com",
        query,
        headers,
        body,
        response_headers: None,
        bucket_owner: Some("111122223333"),
        authentication: Some(Authentication::Header),
        bytes_in: body.len() as u64,
        bytes_out: 0,
        extended_request_id: "ID2",
    }
}

#[test]
fn a_record_is_written_in_the_order_of_delivered_files() {
    let (input, output) = (
        json!({"UserName": "ci"}),
        json!({"AccessKey": {
            "UserName": "ci", "AccessKeyId": "AKIAI44QH8DHBEXAMPLE", "Status": "Active",
            "SecretAccessKey": "wJalr", "CreateDate": "2026-01-02T03:04:05Z",
        }}),
    );
    let call =
        Call { tls: Some(TLS), ..call("iam", "CreateAccessKey", user(), typed(&input, &output)) };
    assert_eq!(
        Record::new(&call).to_json(),
        concat!(
            r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDACKCEVSQ6C2EXAMPLE","#,
            r#""arn":"arn:aws:iam::111122223333:user/ci","accountId":"111122223333","#,
            r#""accessKeyId":"AKIAIOSFODNN7EXAMPLE","userName":"ci"},"eventTime":"2026-01-02T03:04:05Z","#,
            r#""eventSource":"iam.amazonaws.com","eventName":"CreateAccessKey","awsRegion":"us-east-1","#,
            r#""sourceIPAddress":"198.51.100.23","userAgent":"aws-cli/2.0","requestParameters":{"userName":"ci"},"#,
            r#""responseElements":{"accessKey":{"accessKeyId":"AKIAI44QH8DHBEXAMPLE","#,
            r#""createDate":"Jan 2, 2026, 3:04:05 AM","status":"Active","userName":"ci"}},"requestID":"REQUEST","#,
            r#""eventID":"EVENT","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"#,
            r#""recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","#,
            r#""cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"iam.amazonaws.com"}}"#
        )
    );
}

#[test]
fn a_read_shows_no_response_and_a_call_without_parameters_null() {
    let record = Record::new(&call(
        "iam",
        "GetUser",
        user(),
        typed(&json!({}), &json!({"User": {"UserName": "ci"}})),
    ));
    let value = record.to_value();
    assert_eq!(
        (&value["requestParameters"], &value["responseElements"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(value["readOnly"], true);
}

#[test]
fn errors_have_the_names_that_records_use() {
    let recorded = |service: &str, operation: &str, error: &ServiceError| {
        let (input, output) = (json!({"UserName": "ci", "Name": "main"}), json!({}));
        let call =
            Call { error: Some(error), ..call(service, operation, user(), typed(&input, &output)) };
        let value = Record::new(&call).to_value();
        assert_eq!(value["errorMessage"], error.message);
        (value["errorCode"].as_str().unwrap().to_owned(), !value["requestParameters"].is_null())
    };
    let [iam, cloudtrail, ec2] =
        ["iam", "cloudtrail", "ec2"].map(|name| Service::named(name).unwrap());
    // Found before decoding: no parameters. After it: they stay.
    assert_eq!(
        recorded("iam", "GetUser", &iam.access_denied("no")),
        ("AccessDenied".into(), false)
    );
    assert_eq!(
        recorded("cloudtrail", "GetTrail", &cloudtrail.access_denied("no")),
        ("AccessDenied".into(), false)
    );
    assert_eq!(recorded("iam", "GetUser", &iam.throttled()), ("ThrottlingException".into(), false));
    assert_eq!(
        recorded("iam", "GetUser", &iam.error("NoSuchEntity", "x")),
        ("NoSuchEntityException".into(), true)
    );
    assert_eq!(
        recorded("cloudtrail", "GetTrail", &cloudtrail.error("TrailNotFoundException", "x")),
        ("TrailNotFoundException".into(), true)
    );
    assert_eq!(
        recorded("ec2", "DescribeRegions", &ec2.access_denied("no")),
        ("Client.UnauthorizedOperation".into(), true)
    );
}

#[test]
fn assuming_a_role_is_a_read_with_a_response_and_a_resource() {
    let input = json!({"RoleArn": "arn:aws:iam::444455556666:role/Audit", "RoleSessionName": "s"});
    let output = json!({
        "Credentials": {"AccessKeyId": "ASIA", "SecretAccessKey": "secret", "SessionToken": "token",
            "Expiration": "2026-01-02T15:04:05Z"},
        "AssumedRoleUser": {"AssumedRoleId": "AROA:s", "Arn": "arn"},
    });
    let value = Record::new(&call("sts", "AssumeRole", role(), typed(&input, &output))).to_value();
    assert_eq!(value["readOnly"], true);
    assert_eq!(
        value["responseElements"]["credentials"],
        json!({"accessKeyId": "ASIA", "sessionToken": "token", "expiration": "Jan 2, 2026, 3:04:05 PM"})
    );
    assert_eq!(
        value["resources"],
        json!([{"accountId": "444455556666", "type": "AWS::IAM::Role", "ARN": "arn:aws:iam::444455556666:role/Audit"}])
    );
    assert_eq!(value["awsRegion"], "eu-west-1");
    assert_eq!(value["userIdentity"]["sessionContext"]["attributes"]["mfaAuthenticated"], "false");
}

#[test]
fn a_bucket_configuration_is_recorded_as_its_http_request() {
    let body = br#"<PublicAccessBlockConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <BlockPublicAcls>true</BlockPublicAcls><BlockPublicPolicy>false</BlockPublicPolicy></PublicAccessBlockConfiguration>"#;
    let headers = HeaderMap::new();
    let exchange = Exchange::S3(s3(None, "publicAccessBlock=", &headers, body));
    let value = Record::new(&call("s3", "PutPublicAccessBlock", role(), exchange)).to_value();
    assert_eq!(value["eventName"], "PutBucketPublicAccessBlock");
    assert_eq!(value["userAgent"], "[aws-cli/2.0]");
    assert_eq!(
        value["requestParameters"],
        json!({
            "bucketName": "exports", "Host": "exports.s3.eu-west-1.amazonaws.com", "publicAccessBlock": "",
            "PublicAccessBlockConfiguration": {
                "xmlns": "http://s3.amazonaws.com/doc/2006-03-01/", "BlockPublicAcls": true, "BlockPublicPolicy": false,
            },
        })
    );
    assert_eq!(value["responseElements"], Value::Null);
    assert_eq!(
        value["resources"],
        json!([{"accountId": "111122223333", "type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::exports"}])
    );
    assert_eq!(value["managementEvent"], true);
}

#[test]
fn a_bucket_policy_is_recorded_parsed() {
    let headers = HeaderMap::new();
    let exchange =
        Exchange::S3(s3(None, "policy", &headers, br#"{"Statement": [{"Principal": "*"}]}"#));
    let value = Record::new(&call("s3", "PutBucketPolicy", user(), exchange)).to_value();
    assert_eq!(value["requestParameters"]["policy"], "");
    assert_eq!(value["requestParameters"]["bucketPolicy"]["Statement"][0]["Principal"], "*");
}

#[test]
fn an_anonymous_read_of_an_object_is_a_data_event_of_nobody() {
    let headers = HeaderMap::new();
    let mut exchange = s3(Some("a/b.csv"), "", &headers, b"");
    exchange.authentication = None;
    let value = Record::new(&call("s3", "GetObject", Identity::Anonymous, Exchange::S3(exchange)))
        .to_value();
    assert_eq!(
        value["userIdentity"],
        json!({"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"})
    );
    assert_eq!(
        (&value["managementEvent"], &value["eventCategory"]),
        (&json!(false), &json!("Data"))
    );
    assert_eq!(value["requestParameters"]["key"], "a/b.csv");
    assert_eq!(
        value["resources"][0],
        json!({"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::exports/a/b.csv"})
    );
    assert_eq!(value["resources"][1]["type"], "AWS::S3::Bucket");
    assert_eq!(
        value["additionalEventData"],
        json!({"bytesTransferredIn": 0, "bytesTransferredOut": 0, "x-amz-id-2": "ID2"})
    );
}

#[test]
fn a_listing_is_about_a_prefix_and_keeps_its_parameters_as_text() {
    let headers = HeaderMap::new();
    let exchange = Exchange::S3(s3(None, "list-type=2&prefix=a%20b%2F&max-keys=5", &headers, b""));
    let value = Record::new(&call("s3", "ListObjectsV2", user(), exchange)).to_value();
    assert_eq!(value["eventName"], "ListObjects");
    let parameters = &value["requestParameters"];
    assert_eq!(
        (&parameters["list-type"], &parameters["prefix"], &parameters["max-keys"]),
        (&json!("2"), &json!("a b/"), &json!("5"))
    );
    assert_eq!(
        value["resources"][0],
        json!({"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::exports/"})
    );
}

#[test]
fn s3_keeps_secrets_and_object_bytes_out_of_the_record() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("x-amz-acl", "public-read"),
        ("x-amz-server-side-encryption-customer-key", "CANARY-1"),
        ("x-amz-security-token", "CANARY-2"),
        ("authorization", "CANARY-3"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let query = "X-Amz-Signature=CANARY-4&X-Amz-Security-Token=CANARY-5&X-Amz-Credential=CANARY-6&X-Amz-Date=d";
    let mut exchange = s3(Some("k"), query, &headers, b"<a>CANARY-7</a>");
    exchange.authentication = Some(Authentication::Query);
    let record = Record::new(&call("s3", "PutObject", user(), Exchange::S3(exchange)));
    assert!(!record.to_json().contains("CANARY"), "{}", record.to_json());
    let value = record.to_value();
    assert_eq!(value["requestParameters"]["x-amz-acl"], "public-read");
    assert_eq!(value["requestParameters"]["X-Amz-Date"], "d");
    assert_eq!(value["additionalEventData"]["AuthenticationMethod"], "QueryString");
}

#[test]
fn a_bucket_that_is_not_there_is_no_resource() {
    let headers = HeaderMap::new();
    let error = ServiceError::new("NoSuchBucket", "The specified bucket does not exist", 404);
    let exchange =
        Exchange::S3(S3Exchange { bucket_owner: None, ..s3(None, "acl", &headers, b"") });
    let call = Call { error: Some(&error), ..call("s3", "GetBucketAcl", user(), exchange) };
    let value = Record::new(&call).to_value();
    assert_eq!((&value["errorCode"], value.get("resources")), (&json!("NoSuchBucket"), None));
}

#[test]
fn ec2_has_two_styles() {
    let (input, output) = (json!({"GroupIds": ["sg-1"]}), json!({}));
    let value = Record::new(&call("ec2", "DescribeSecurityGroups", user(), typed(&input, &output)))
        .to_value();
    assert_eq!(
        value["requestParameters"],
        json!({"securityGroupIdSet": {"items": [{"groupId": "sg-1"}]}, "securityGroupSet": {}, "filterSet": {}})
    );
    let input = json!({"SecurityGroupRuleIds": ["sgr-1"], "MaxResults": 5, "Filters": [{"Name": "n", "Values": ["true", "b"]}]});
    let value =
        Record::new(&call("ec2", "DescribeSecurityGroupRules", user(), typed(&input, &output)))
            .to_value();
    assert_eq!(
        value["requestParameters"],
        json!({"DescribeSecurityGroupRulesRequest": {
            "MaxResults": 5,
            "SecurityGroupRuleId": {"tag": 1, "content": "sgr-1"},
            "Filter": {"tag": 1, "Name": "n", "Value": [{"tag": 1, "content": true}, {"tag": 2, "content": "b"}]},
        }})
    );
    let input = json!({"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22,
        "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]});
    let value =
        Record::new(&call("ec2", "AuthorizeSecurityGroupIngress", user(), typed(&input, &output)))
            .to_value();
    assert_eq!(
        value["requestParameters"],
        json!({"groupId": "sg-1", "ipPermissions": {"items": [{
            "ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "groups": {}, "prefixListIds": {}, "ipv6Ranges": {},
            "ipRanges": {"items": [{"cidrIp": "0.0.0.0/0"}]},
        }]}})
    );
    assert_eq!(value["responseElements"], json!({"requestId": "REQUEST", "_return": true}));
}

#[test]
fn a_service_that_calls_for_someone_stands_in_every_place() {
    let identity = Identity::AwsService { invoked_by: "cloudtrail.amazonaws.com".into() };
    let input = json!({"RoleArn": "arn:aws:iam::111122223333:role/R", "RoleSessionName": "s"});
    let call = Call {
        tls: Some(TLS),
        shared_event_id: Some("SHARED"),
        ..call("sts", "AssumeRole", identity, typed(&input, &Value::Null))
    };
    let value = Record::new(&call).to_value();
    assert_eq!(
        value["userIdentity"],
        json!({"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"})
    );
    assert_eq!(value["sourceIPAddress"], "cloudtrail.amazonaws.com");
    assert_eq!(value["userAgent"], "cloudtrail.amazonaws.com");
    assert_eq!(value["sharedEventID"], "SHARED");
    assert_eq!(value.get("tlsDetails"), None);
}

#[test]
fn the_other_callers_have_the_forms_of_the_documentation() {
    let form = |identity: Identity| {
        Record::new(&call("sts", "GetCallerIdentity", identity, typed(&json!({}), &json!({}))))
            .to_value()["userIdentity"]
            .clone()
    };
    assert_eq!(
        form(Identity::Root {
            account_id: "111122223333".into(),
            access_key_id: None,
            session: None
        }),
        json!({"type": "Root", "principalId": "111122223333", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333"})
    );
    assert_eq!(
        form(Identity::AwsAccount {
            principal_id: "AIDA".into(),
            account_id: "444455556666".into()
        }),
        json!({"type": "AWSAccount", "principalId": "AIDA", "accountId": "444455556666"})
    );
    assert_eq!(
        form(Identity::WebIdentityUser {
            principal_id: "accounts.google.com:aud:sub".into(),
            user_name: "sub".into(),
            identity_provider: "accounts.google.com".into(),
        }),
        json!({"type": "WebIdentityUser", "principalId": "accounts.google.com:aud:sub", "userName": "sub",
            "identityProvider": "accounts.google.com"})
    );
}

#[test]
fn the_event_history_knows_user_key_and_resources() {
    let input =
        json!({"UserName": "leaked", "AccessKeyId": "AKIAI44QH8DHBEXAMPLE", "Status": "Inactive"});
    let record = Record::new(&call("iam", "UpdateAccessKey", role(), typed(&input, &json!({}))));
    assert_eq!(record.user_name(), Some("maya.chen@example.com"));
    assert_eq!(record.access_key_id(), Some("ASIAEXAMPLE"));
    assert_eq!(
        record.looked_up_resources(),
        [
            ("AWS::IAM::AccessKey", "AKIAI44QH8DHBEXAMPLE".to_owned()),
            ("AWS::IAM::User", "leaked".to_owned())
        ]
    );
    let headers = HeaderMap::new();
    let exchange = Exchange::S3(s3(None, "acl", &headers, b""));
    let record = Record::new(&call("s3", "GetBucketAcl", user(), exchange));
    assert_eq!(record.looked_up_resources(), [("AWS::S3::Bucket", "exports".to_owned())]);
    assert_eq!(record.user_name(), Some("ci"));
}

proptest! {
    #[test]
    fn no_sensitive_member_gets_into_a_record((operation, input, output) in exchange()) {
        let service = operation.service;
        let input = operation.input().map_or(input.clone(), |shape| marked(service, shape, &input));
        let output = operation.output().map_or(output.clone(), |shape| marked(service, shape, &output));
        let call = Call { operation, ..call("iam", "GetUser", role(), typed(&input, &output)) };
        let text = Record::new(&call).to_json();
        prop_assert!(!text.contains("CANARY"), "{}", text);
    }
}
