//! Bucket configurations: what is there, what is absent, what is not served.

use crate::client::lab;

#[tokio::test]
async fn what_was_never_set_reads_as_s3_reads_it() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-fresh", "").await.ok();
    for (name, code) in [
        ("cors", "NoSuchCORSConfiguration"),
        ("website", "NoSuchWebsiteConfiguration"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("replication", "ReplicationConfigurationNotFoundError"),
        ("object-lock", "ObjectLockConfigurationNotFoundError"),
        ("tagging", "NoSuchTagSet"),
        ("policy", "NoSuchBucketPolicy"),
        ("policyStatus", "NoSuchBucketPolicy"),
    ] {
        me.get(&format!("/acme-fresh?{name}")).await.refused(404, code);
        me.get(&format!("/acme-none?{name}=")).await.refused(404, "NoSuchBucket");
    }
    for name in ["accelerate", "logging", "notification", "location", "versioning"] {
        let got = me.get(&format!("/acme-fresh?{name}")).await.ok();
        assert!(got.xml().children.is_empty(), "{name}: {}", got.text());
    }
    let payer = me.get("/acme-fresh?requestPayment").await.ok().xml();
    assert_eq!(payer.text_of("Payer"), Some("BucketOwner"));
    let head = me.head("/acme-fresh").await.ok();
    assert_eq!(head.header("x-amz-bucket-region"), "us-east-1");
    let encryption = me.get("/acme-fresh?encryption").await.ok().xml();
    let algorithm = ["Rule", "ApplyServerSideEncryptionByDefault", "SSEAlgorithm"];
    assert_eq!(encryption.at(&algorithm).map(|e| e.text.as_str()), Some("AES256"));
    let controls = me.get("/acme-fresh?ownershipControls").await.ok().xml();
    let ownership = controls.at(&["Rule", "ObjectOwnership"]).unwrap();
    assert_eq!(ownership.text, "BucketOwnerEnforced");
    let block = me.get("/acme-fresh?publicAccessBlock").await.ok().xml();
    assert_eq!(block.children.len(), 4);
    assert!(block.children.iter().all(|flag| flag.text == "true"));
}

#[tokio::test]
async fn what_is_not_served_says_so_and_changes_nothing() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-keep", "").await.ok();
    for (method, path, operation) in [
        ("PUT", "/acme-keep?cors", "PutBucketCors"),
        ("PUT", "/acme-keep?lifecycle", "PutBucketLifecycleConfiguration"),
        ("PUT", "/acme-keep?abac", "PutBucketAbac"),
        ("DELETE", "/acme-keep?metadataConfiguration", "DeleteBucketMetadataConfiguration"),
        ("DELETE", "/acme-keep?analytics&id=1", "DeleteBucketAnalyticsConfiguration"),
        ("GET", "/acme-keep?inventory", "ListBucketInventoryConfigurations"),
        ("GET", "/acme-keep/k?torrent", "GetObjectTorrent"),
        ("PUT", "/acme-keep/k?renameObject", "RenameObject"),
    ] {
        let body = match path {
            "/acme-keep?cors" => {
                "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod>\
                 <AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"
            }
            "/acme-keep?lifecycle" => {
                "<LifecycleConfiguration><Rule><Status>Enabled</Status></Rule>\
                 </LifecycleConfiguration>"
            }
            _ => "",
        };
        let got = me.send(method, path, &[], body.as_bytes()).await;
        let got = got.refused(501, "NotImplemented");
        assert!(got.text().contains(operation), "{}", got.text());
    }
    let form = [("content-type", "multipart/form-data; boundary=x")];
    me.send("POST", "/acme-keep", &form, b"--x--").await.refused(501, "NotImplemented");
    me.send("PATCH", "/acme-keep", &[], b"").await.refused(405, "MethodNotAllowed");
    me.head("/acme-keep").await.ok();
    let list = me.get("/acme-keep").await.ok().xml();
    assert!(list.child("Contents").is_none());
}

#[tokio::test]
async fn policies_are_held_to_their_grammar_and_their_bucket() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-policy", "").await.ok();
    let with = |action: &str, resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*",
                "Action":"{action}","Resource":"{resource}"}}]}}"#
        )
    };
    for malformed in [
        String::new(),
        "nonsense".to_owned(),
        "{}".to_owned(),
        with("s3:GetObject", "arn:aws:s3:::other/*"),
        with("s3:GetObject", "arn:aws:s3:::acme-policy-2/*"),
        with("iam:GetUser", "arn:aws:s3:::acme-policy/*"),
        with("s3:GetObject", "arn:aws:s3:::acme-policy"),
        with("s3:ListBucket", "arn:aws:s3:::acme-policy/*"),
        with("s3:GetObject", "arn:aws:s3:::acme-policy/*")
            .replace(r#""*","#, r#"{"AWS":"arn:aws:iam::111122223333:user/nobody-here"},"#),
        with("s3:GetObject", &format!("arn:aws:s3:::acme-policy/{}", "x".repeat(20 * 1024))),
    ] {
        let got = me.put("/acme-policy?policy", &malformed).await;
        let code = got.code();
        assert!(
            got.status == 400
                && matches!(code.as_str(), "MalformedPolicy" | "MissingRequestBodyError"),
            "{malformed}: {}",
            got.text()
        );
    }
    for fine in [
        with("s3:Delete*", "arn:aws:s3:::acme-policy"),
        with("s3:Get*", "arn:aws:s3:::acme-policy/*"),
        with("s3:GetObjectVersion", "arn:aws:s3:::acme-policy*"),
        with("s3:ListBucket", "arn:aws:s3:::acme-policy"),
        with("s3:DeleteObject", "arn:aws:s3:::acme-policy/*").replace(
            r#""*","#,
            r#"{"AWS":["arn:aws:iam::111122223333:user/ci-deploy","444455556666"]},"#,
        ),
    ] {
        me.put("/acme-policy?policy", &fine).await.ok();
    }
    let put = with("s3:GetObject", "arn:aws:s3:::acme-policy/*");
    me.put("/acme-policy?policy", &put).await.ok();
    let got = me.get("/acme-policy?policy").await.ok();
    let compact = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-policy/*"}]}"#;
    assert_eq!(String::from_utf8(got.body).unwrap(), compact);
}

#[tokio::test]
async fn buckets_are_listed_in_pages() {
    let lab = lab().await;
    let me = lab.deployer().await;
    for name in ["acme-a", "acme-b", "acme-c", "other"] {
        me.put(&format!("/{name}"), "").await.ok();
    }
    let names = |element: &aws_protocol::codec::xml::Element| -> Vec<String> {
        let buckets = element.child("Buckets").unwrap();
        buckets.children.iter().map(|b| b.text_of("Name").unwrap().to_owned()).collect()
    };
    let first = me.get("/?max-buckets=2&prefix=acme-").await.ok().xml();
    assert_eq!(names(&first), ["acme-a", "acme-b"]);
    let token = first.text_of("ContinuationToken").unwrap();
    let path = format!("/?max-buckets=2&prefix=acme-&continuation-token={token}");
    let second = me.get(&path).await.ok().xml();
    assert_eq!(names(&second)[..1], ["acme-c"]);
    lab.nobody().get("/").await.refused(403, "AccessDenied");
}

#[tokio::test]
async fn names_and_emptiness_are_minded() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/Acme_Bad", "").await.refused(400, "InvalidBucketName");
    me.put("/192.168.1.1", "").await.refused(400, "InvalidBucketName");
    me.put("/acme-full", "").await.ok();
    me.put("/acme-full/k", "x").await.ok();
    me.delete("/acme-full").await.refused(409, "BucketNotEmpty");
    me.delete("/acme-full/k").await.ok();
    assert_eq!(me.delete("/acme-full").await.ok().status, 204);
    me.delete("/acme-full").await.refused(404, "NoSuchBucket");
}

#[tokio::test]
async fn tags_come_back_and_are_held_to_their_rules() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-tags", "").await.ok();
    let tag = |key: &str| format!("<Tag><Key>{key}</Key><Value>v</Value></Tag>");
    let set = |tags: String| format!("<Tagging><TagSet>{tags}</TagSet></Tagging>");
    me.put("/acme-tags?tagging", set(tag("b") + &tag("a"))).await.ok();
    let got = me.get("/acme-tags?tagging").await.ok().xml();
    let tags = &got.child("TagSet").unwrap().children;
    assert_eq!(tags.iter().map(|t| t.text_of("Key").unwrap()).collect::<Vec<_>>(), ["b", "a"]);
    me.put("/acme-tags?tagging", set(tag("a") + &tag("a"))).await.refused(400, "InvalidTag");
    me.put("/acme-tags?tagging", set(tag("aws:x"))).await.refused(400, "InvalidTag");
    me.put("/acme-tags?tagging", "<Tagging>").await.refused(400, "MalformedXML");
    me.delete("/acme-tags?tagging").await.ok();
    me.get("/acme-tags?tagging").await.refused(404, "NoSuchTagSet");
}
