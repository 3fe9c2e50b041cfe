//! Signatures: what foreign signers sign, we verify; what is not right, we refuse in the service's own words.

use crate::botocore;

use aws_credential_types::Credentials;
use aws_protocol::Service;
use aws_protocol::canonical::{HttpParts, Scope, Signed};
use aws_protocol::sign::{self, AuthError, SecretKey};
use proptest::prelude::*;
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn key(token: Option<&str>) -> SecretKey {
    let session_token = token.map(str::to_owned);
    SecretKey { secret: SECRET.to_owned(), session_token, expires_at: None }
}

fn at(unix: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(unix).unwrap()
}

#[test]
fn requests_signed_by_botocore_are_verified() {
    let recording = botocore::recording();
    let now = recording.signed_at() + Duration::from_secs(60);
    assert_eq!(recording.secret, SECRET);
    for request in &recording.requests {
        let parts = request.parts();
        let http = HttpParts::new(&parts, request.body.as_bytes());
        let key = key(request.session.then_some(recording.session_token.as_str()));
        let name = format!("{} session={}", request.operation, request.session);

        let signed = sign::authenticate(&http, now, |access_key| {
            assert_eq!(access_key, recording.access_key);
            Some(key.clone())
        });
        let signed = signed.unwrap_or_else(|error| panic!("{name}: {error}")).unwrap();
        assert_eq!(signed.presigned_for.is_some(), request.presigned, "{name}");
        signed.is_for(Service::named(&request.service).unwrap()).unwrap();
        assert_eq!(Scope::of(&parts.headers, request.query()).unwrap(), signed.scope);

        // One byte of the body, the method, the secret, the token: each makes it another request.
        let tampered = HttpParts { body: b"Action=DeleteUser", ..http };
        assert_eq!(signed.verify(&tampered, &key, now), Err(AuthError::Mismatch), "{name}");
        let tampered = HttpParts { method: "PUT", ..http };
        assert_eq!(signed.verify(&tampered, &key, now), Err(AuthError::Mismatch), "{name}");
        let other = SecretKey { secret: "other".into(), ..key.clone() };
        assert_eq!(signed.verify(&http, &other, now), Err(AuthError::Mismatch), "{name}");
        let other = SecretKey { session_token: Some("other".into()), ..key.clone() };
        assert_eq!(signed.verify(&http, &other, now), Err(AuthError::UnknownKey), "{name}");
        assert_eq!(sign::authenticate(&http, now, |_| None), Err(AuthError::UnknownKey), "{name}");
        let over = SecretKey { expires_at: Some(now), ..key };
        assert_eq!(signed.verify(&http, &over, now), Err(AuthError::ExpiredToken), "{name}");
    }
}

#[test]
fn the_example_of_the_documentation_is_verified() {
    // "Signature Version 4 signing process", the ListUsers example of August 2015.
    let parts =
        http::Request::get("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("host", "iam.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            )
            .body(())
            .unwrap()
            .into_parts()
            .0;
    let key = SecretKey {
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
        session_token: None,
        expires_at: None,
    };
    let http = HttpParts::new(&parts, b"");
    let signed = Signed::read(&http).unwrap().unwrap();
    assert_eq!(signed.verify(&http, &key, at(1_440_938_160)), Ok(()));
}

#[test]
fn what_the_sdk_signs_for_us_is_verified() {
    let now = at(1_767_322_800);
    for (token, query) in [(None, ""), (Some("token+/="), "?a=%20b&c=~d&a=1&empty")] {
        let token_text = token.map(str::to_owned);
        let credentials = Credentials::new("AKIA", SECRET, token_text, None, "test");
        for presign in [false, true] {
            let url = format!("http://127.0.0.1:4566/a%20b/../c//d{query}");
            let mut request = http::Request::post(url)
                .header("x-amz-target", " a  b ")
                .body(b"body".to_vec())
                .unwrap();
            let clock = SystemTime::from(now);
            let (service, region) = ("cloudtrail", "eu-west-1");
            if presign {
                let ten_minutes = Duration::from_secs(600);
                sign::presign_request(
                    &mut request,
                    &credentials,
                    service,
                    region,
                    clock,
                    ten_minutes,
                )
                .unwrap();
            } else {
                sign::sign_request(&mut request, &credentials, service, region, clock).unwrap();
            }
            let (parts, body) = request.into_parts();
            let http = HttpParts::new(&parts, &body);
            let outcome = sign::authenticate(&http, now, |_| Some(key(token)));
            assert_eq!(outcome.unwrap().unwrap().scope.region, region);
        }
    }
}

#[test]
fn an_unsigned_request_is_anonymous_and_a_broken_signature_is_not() {
    let read = |authorization: Option<&str>, query: &str| {
        let mut request = http::Request::get(format!("http://127.0.0.1/?{query}"));
        if let Some(value) = authorization {
            request =
                request.header("authorization", value).header("x-amz-date", "20260102T030405Z");
        }
        let parts = request.body(()).unwrap().into_parts().0;
        Signed::read(&HttpParts::new(&parts, b"")).map(|signed| signed.is_some())
    };
    assert_eq!(read(None, ""), Ok(false));
    assert_eq!(read(None, "list-type=2"), Ok(false));
    for header in [
        "",
        "Bearer x",
        "AWS AKID:signature",
        "AWS4-HMAC-SHA256 Credential=AKID/20260102/us-east-1/iam/aws4_request",
        "AWS4-HMAC-SHA256 Credential=AKID/iam, SignedHeaders=host, Signature=00",
    ] {
        assert!(matches!(read(Some(header), ""), Err(AuthError::Incomplete(_))), "{header}");
    }
    for query in [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Signature=00",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260102%2Fus-east-1%2Fiam%2Faws4_request\
         &X-Amz-Date=20260102T030405Z&X-Amz-Expires=-1&X-Amz-SignedHeaders=host&X-Amz-Signature=00",
    ] {
        assert!(matches!(read(None, query), Err(AuthError::Incomplete(_))), "{query}");
    }
}

#[test]
fn a_signature_is_good_for_its_time_only() {
    let recording = botocore::recording();
    let signed_at = recording.signed_at();
    let minutes = time::Duration::minutes;
    let verify = |presigned: bool, now: OffsetDateTime| {
        let fits = |r: &&botocore::Request| {
            !r.session && r.presigned == presigned && r.operation == "GetCallerIdentity"
        };
        let request = recording.requests.iter().find(fits).unwrap();
        let parts = request.parts();
        let http = HttpParts::new(&parts, request.body.as_bytes());
        Signed::read(&http).unwrap().unwrap().verify(&http, &key(None), now)
    };
    assert_eq!(verify(false, signed_at + minutes(15)), Ok(()));
    assert_eq!(verify(false, signed_at - minutes(5)), Ok(()));
    assert!(matches!(verify(false, signed_at - minutes(6)), Err(AuthError::TooNew { .. })));
    // Presigned for ten minutes.
    assert_eq!(verify(true, signed_at + minutes(10)), Ok(()));
    assert!(matches!(verify(true, signed_at + minutes(11)), Err(AuthError::TooOld { .. })));

    let late = verify(false, signed_at + minutes(20)).unwrap_err();
    let codes = ["iam", "cloudtrail", "ec2"].map(|service| {
        let error = late.service_error(Service::named(service).unwrap());
        (error.code, error.status)
    });
    assert_eq!(
        codes,
        [
            ("SignatureDoesNotMatch".into(), 403),
            ("InvalidSignatureException".into(), 400),
            ("RequestExpired".into(), 400)
        ]
    );
    assert_eq!(
        late.to_string(),
        "Signature expired: 20260102T030405Z is now earlier than 20260102T030905Z (20260102T032405Z - 15 min.)"
    );
}

#[test]
fn refusals_have_the_codes_of_their_service() {
    let code = |error: AuthError, service: &str| {
        let error = error.service_error(Service::named(service).unwrap());
        (error.code, error.status)
    };
    assert_eq!(code(AuthError::UnknownKey, "sts"), ("InvalidClientTokenId".into(), 403));
    assert_eq!(
        code(AuthError::UnknownKey, "cloudtrail"),
        ("UnrecognizedClientException".into(), 400)
    );
    assert_eq!(code(AuthError::UnknownKey, "ec2"), ("AuthFailure".into(), 401));
    assert_eq!(code(AuthError::Mismatch, "iam"), ("SignatureDoesNotMatch".into(), 403));
    assert_eq!(code(AuthError::Missing, "iam"), ("MissingAuthenticationToken".into(), 403));
    assert_eq!(code(AuthError::ExpiredToken, "sts"), ("ExpiredToken".into(), 403));
    assert_eq!(code(AuthError::ExpiredToken, "cloudtrail"), ("ExpiredTokenException".into(), 400));
}

#[test]
fn secrets_do_not_show() {
    let recording = botocore::recording();
    let request = recording.requests.iter().find(|request| request.session).unwrap();
    let parts = request.parts();
    let signed = Signed::read(&HttpParts::new(&parts, b"")).unwrap().unwrap();
    let shown = format!("{signed:?} {:?}", key(Some(&recording.session_token)));
    assert!(!shown.contains(&recording.session_token) && !shown.contains(SECRET), "{shown}");
}

proptest! {
    #[test]
    fn no_request_makes_it_panic(
        authorization in proptest::option::of("(AWS4-HMAC-SHA256 )?(Credential=[A-Z/0-9a-z_%]{0,40},?)?(SignedHeaders=[a-z;-]{0,20},)?(Signature=[0-9a-f]{0,8})?"),
        date in proptest::option::of("[0-9]{8}T[0-9]{6}Z"),
        query in "([A-Za-z0-9%=&+./_-]|X-Amz-Algorithm=AWS4-HMAC-SHA256&|X-Amz-Date=[0-9]{8}T[0-9]{6}Z&|X-Amz-Expires=[0-9]{1,7}&){0,30}",
        path in "[/a-z.%0-9]{0,20}",
        body in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut headers = http::HeaderMap::new();
        for (name, value) in [("authorization", authorization), ("x-amz-date", date)] {
            if let Some(value) = value.and_then(|value| value.parse().ok()) {
                headers.insert(name, value);
            }
        }
        let http = HttpParts { method: "GET", path: &path, query: &query, authority: Some("h"), headers: &headers, body: &body };
        let _ = Scope::of(&headers, &query);
        let outcome = sign::authenticate(&http, at(1_767_322_800), |_| Some(key(None)));
        prop_assert!(!matches!(outcome, Ok(Some(_))), "a made-up signature was taken");
    }
}
