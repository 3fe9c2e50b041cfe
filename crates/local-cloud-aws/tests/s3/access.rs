//! Who may: policies, Block Public Access, ACLs, signatures.

use crate::client::{anyone_reads, block, lab};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};

#[tokio::test]
async fn a_bucket_opens_and_closes_as_s3_does() {
    let lab = lab().await;
    let (me, nobody) = (lab.deployer().await, lab.nobody());
    me.put("/acme-exports", "").await.ok();
    me.put("/acme-exports/reports/a.csv", "a,b").await.ok();
    nobody.get("/acme-exports/reports/a.csv").await.refused(403, "AccessDenied");

    let refused = me.put("/acme-exports?policy", anyone_reads("acme-exports")).await;
    let refused = refused.refused(403, "AccessDenied");
    assert!(refused.text().contains("BlockPublicPolicy"), "{}", refused.text());

    me.put("/acme-exports?publicAccessBlock", block(false, false, false, false)).await.ok();
    let put = me.put("/acme-exports?policy", anyone_reads("acme-exports")).await.ok();
    assert_eq!(put.status, 204);
    let status = me.get("/acme-exports?policyStatus").await.ok().xml();
    assert_eq!(status.text_of("IsPublic"), Some("true"));
    let read = nobody.get("/acme-exports/reports/a.csv").await.ok();
    assert_eq!(read.body, b"a,b");
    // Nobody may list, so nobody learns what is not there.
    nobody.get("/acme-exports/none").await.refused(403, "AccessDenied");
    nobody.get("/acme-exports?list-type=2").await.refused(403, "AccessDenied");
    nobody.put("/acme-exports/mine", "x").await.refused(403, "AccessDenied");
    nobody.get("/acme-exports?policy").await.refused(403, "AccessDenied");

    me.put("/acme-exports?publicAccessBlock", block(false, false, false, true)).await.ok();
    nobody.get("/acme-exports/reports/a.csv").await.refused(403, "AccessDenied");
    me.get("/acme-exports/reports/a.csv").await.ok();
    me.delete("/acme-exports?publicAccessBlock").await.ok();
    nobody.get("/acme-exports/reports/a.csv").await.ok();
    me.get("/acme-exports?publicAccessBlock")
        .await
        .refused(404, "NoSuchPublicAccessBlockConfiguration");

    let account = "/v20180820/configuration/publicAccessBlock";
    let id = ("x-amz-account-id", "111122223333");
    let all = block(true, true, true, true);
    me.send("PUT", account, &[id], all.as_bytes()).await.ok();
    nobody.get("/acme-exports/reports/a.csv").await.refused(403, "AccessDenied");
    me.put("/acme-exports?policy", anyone_reads("acme-exports")).await.refused(403, "AccessDenied");
    me.send("DELETE", account, &[id], b"").await.ok();
    nobody.get("/acme-exports/reports/a.csv").await.ok();
    me.send("GET", account, &[id], b"").await.refused(404, "NoSuchPublicAccessBlockConfiguration");
    let other = ("x-amz-account-id", "444455556666");
    me.send("GET", account, &[other], b"").await.refused(403, "AccessDenied");

    me.delete("/acme-exports?policy").await.ok();
    nobody.get("/acme-exports/reports/a.csv").await.refused(403, "AccessDenied");
}

#[tokio::test]
async fn an_acl_opens_an_object_where_acls_are_allowed() {
    let lab = lab().await;
    let (me, nobody) = (lab.deployer().await, lab.nobody());
    let public = [("x-amz-acl", "public-read")];
    me.put("/acme-acl", "").await.ok();
    me.send("PUT", "/acme-acl/k", &public, b"x")
        .await
        .refused(400, "AccessControlListNotSupported");
    me.send("PUT", "/acme-acl?acl", &public, b"")
        .await
        .refused(400, "AccessControlListNotSupported");
    let controls = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership>\
                    </Rule></OwnershipControls>";
    me.put("/acme-acl?ownershipControls", controls).await.ok();
    me.send("PUT", "/acme-acl/k", &public, b"x").await.refused(403, "AccessDenied");
    me.delete("/acme-acl?publicAccessBlock").await.ok();
    me.send("PUT", "/acme-acl/k", &public, b"x").await.ok();
    nobody.get("/acme-acl/k").await.ok();
    nobody.get("/acme-acl").await.refused(403, "AccessDenied");
    me.send("PUT", "/acme-acl?acl", &public, b"").await.ok();
    nobody.get("/acme-acl").await.ok();
    let enforced = controls.replace("ObjectWriter", "BucketOwnerEnforced");
    me.put("/acme-acl?ownershipControls", &enforced)
        .await
        .refused(400, "InvalidBucketAclWithObjectOwnership");
    me.put("/acme-acl?publicAccessBlock", block(false, true, false, false)).await.ok();
    nobody.get("/acme-acl/k").await.refused(403, "AccessDenied");
    nobody.get("/acme-acl").await.refused(403, "AccessDenied");
    let acl = me.get("/acme-acl/k?acl").await.ok().xml();
    let grants = &acl.child("AccessControlList").unwrap().children;
    assert_eq!(grants.len(), 2, "{acl:?}");
}

#[tokio::test]
async fn a_public_acl_cannot_be_made_with_the_bucket() {
    let lab = lab().await;
    let me = lab.deployer().await;
    let public = ("x-amz-acl", "public-read");
    me.send("PUT", "/acme-open", &[public], b"")
        .await
        .refused(400, "InvalidBucketAclWithObjectOwnership");
    let writer = ("x-amz-object-ownership", "ObjectWriter");
    me.send("PUT", "/acme-open", &[public, writer], b"")
        .await
        .refused(400, "InvalidBucketAclWithBlockPublicAccessError");
    me.head("/acme-open").await.refused(404, "");
    me.send("PUT", "/acme-open", &[("x-amz-acl", "private")], b"").await.ok();
}

#[tokio::test]
async fn a_reader_reads_and_nothing_else() {
    let lab = lab().await;
    let (me, reader) = (lab.deployer().await, lab.caller("drift-reader").await);
    me.put("/acme-data", "").await.ok();
    reader.get("/acme-data?publicAccessBlock").await.ok();
    let refused = reader
        .put("/acme-data?publicAccessBlock", block(false, false, false, false))
        .await
        .refused(403, "AccessDenied");
    let text = refused.text();
    assert!(text.contains("is not authorized to perform: s3:PutBucketPublicAccessBlock"), "{text}");
    reader.delete("/acme-data").await.refused(403, "AccessDenied");
    reader.get("/acme-not-there?policy").await.refused(404, "NoSuchBucket");
    let after = me.get("/acme-data?publicAccessBlock").await.ok().xml();
    assert!(after.children.iter().all(|flag| flag.text == "true"), "{after:?}");

    // An explicit Deny of the bucket's policy holds for who may do everything.
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*",
        "Action":"s3:PutObject","Resource":"arn:aws:s3:::acme-data/locked/*"}}"#;
    me.put("/acme-data?policy", policy).await.ok();
    me.put("/acme-data/locked/k", "x").await.refused(403, "AccessDenied");
    me.put("/acme-data/open/k", "x").await.ok();
}

#[tokio::test]
async fn deleting_many_asks_for_each() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-many", "").await.ok();
    for key in ["keep/1", "go/1", "go/2"] {
        me.put(&format!("/acme-many/{key}"), "x").await.ok();
    }
    let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*",
        "Action":"s3:DeleteObject","Resource":"arn:aws:s3:::acme-many/keep/*"}}"#;
    me.put("/acme-many?policy", policy).await.ok();
    let document = "<Delete><Object><Key>keep/1</Key></Object><Object><Key>go/1</Key></Object>\
                    <Object><Key>never</Key></Object></Delete>";
    let answer = me.post("/acme-many?delete", document).await.ok().xml();
    let named = |element: &str| -> Vec<String> {
        answer
            .children
            .iter()
            .filter(|child| child.name == element)
            .map(|child| child.text_of("Key").unwrap().to_owned())
            .collect()
    };
    assert_eq!(named("Deleted"), ["go/1", "never"]);
    assert_eq!(named("Error"), ["keep/1"]);
    me.head("/acme-many/keep/1").await.ok();
    me.head("/acme-many/go/1").await.refused(404, "");
}

#[tokio::test]
async fn plain_http_to_a_production_name_is_no_tls() {
    let lab = lab().await;
    let (me, nobody) = (lab.deployer().await, lab.nobody());
    me.put("/acme-tls", "").await.ok();
    me.put("/acme-tls/k", "x").await.ok();
    me.delete("/acme-tls?publicAccessBlock").await.ok();
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-tls/*"},
        {"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::acme-tls/*",
         "Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#;
    me.put("/acme-tls?policy", policy).await.ok();
    nobody.get("/acme-tls/k").await.ok();
    let host = ("host", "acme-tls.s3.us-east-1.amazonaws.com");
    nobody.send("GET", "/k", &[host], b"").await.refused(403, "AccessDenied");
    me.put("/acme-tls?policy", anyone_reads("acme-tls")).await.ok();
    assert_eq!(nobody.send("GET", "/k", &[host], b"").await.ok().body, b"x");
}

#[tokio::test]
async fn signatures_that_do_not_hold_are_refused_in_s3s_words() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-sign", "").await.ok();
    me.put("/acme-sign/k", "x").await.ok();
    let id = me.credentials.as_ref().unwrap().access_key_id().to_owned();
    lab.with(&id, "wrong").get("/acme-sign/k").await.refused(403, "SignatureDoesNotMatch");
    lab.with("AKIANOBODYHASTHIS000", "x").get("/").await.refused(403, "InvalidAccessKeyId");
    lab.nobody()
        .send("GET", "/acme-sign/k", &[("authorization", "Bearer x")], b"")
        .await
        .refused(400, "InvalidArgument");

    let fetch =
        async |url: String| lab.send(http::Request::get(url).body(Vec::new()).unwrap()).await;
    let now = SystemTime::now();
    let hour = Duration::from_secs(3600);
    let url = me.presigned("/acme-sign/k", now, hour);
    assert_eq!(fetch(url.clone()).await.ok().body, b"x");
    fetch(url.replace("/k?", "/other?")).await.refused(403, "SignatureDoesNotMatch");
    let old = me.presigned("/acme-sign/k", now - 2 * hour, hour);
    let refused = fetch(old).await.refused(403, "AccessDenied");
    assert!(refused.text().contains("Request has expired"), "{}", refused.text());

    // The body must be the one that was signed.
    let credentials = me.credentials.as_ref().unwrap();
    for path in ["/acme-sign?policy", "/acme-sign/other"] {
        let mut request = http::Request::put(lab.url(path))
            .header("x-amz-content-sha256", hex::encode(Sha256::digest("data")))
            .body(b"data".to_vec())
            .unwrap();
        aws_protocol::sign::sign_request(&mut request, credentials, "s3", "us-east-1", now)
            .unwrap();
        *request.body_mut() = b"dada".to_vec();
        lab.send(request).await.refused(400, "XAmzContentSHA256Mismatch");
    }
    me.head("/acme-sign/other").await.refused(404, "");
}

#[tokio::test]
async fn a_bucket_in_another_region_names_it() {
    let lab = lab().await;
    let me = lab.deployer().await;
    let place = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>\
                 </CreateBucketConfiguration>";
    me.put("/acme-eu", place).await.ok();
    let refused = me.get("/acme-eu?location").await;
    let refused = refused.refused(400, "AuthorizationHeaderMalformed");
    assert_eq!(refused.header("x-amz-bucket-region"), "eu-west-1");
    assert!(refused.message().ends_with("expecting 'eu-west-1'"), "{}", refused.message());
    me.put("/acme-eu", place).await.refused(409, "BucketAlreadyOwnedByYou");
    me.put("/acme-us", "").await.ok();
    me.put("/acme-us", "").await.ok();
}
