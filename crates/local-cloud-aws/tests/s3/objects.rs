//! Object data: conditions, ranges, checksums, copies, versions.

use crate::client::lab;

/// CRC-32 of `123456789`, the catalogue's check value, in Base64.
const CRC32: &str = "y/Q5Jg==";
/// MD5 of the same.
const MD5: &str = "JfnnlDI7RTiF9RgfG2JNCw==";

#[tokio::test]
async fn what_is_put_comes_back_as_it_was() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-data", "").await.ok();
    let headers = [
        ("content-type", "text/csv"),
        ("cache-control", "no-store"),
        ("x-amz-meta-who", "maya"),
        ("x-amz-tagging", "a=1&b=2"),
        ("content-md5", MD5),
        ("x-amz-checksum-crc32", CRC32),
    ];
    let put = me.send("PUT", "/acme-data/a%20b/c%2Bd", &headers, b"123456789").await.ok();
    assert_eq!(put.header("etag"), "\"25f9e794323b453885f5181f1b624d0b\"");
    assert_eq!(put.header("x-amz-server-side-encryption"), "AES256");
    let mode = [("x-amz-checksum-mode", "ENABLED")];
    for method in ["GET", "HEAD"] {
        let got = me.send(method, "/acme-data/a%20b/c%2Bd", &mode, b"").await.ok();
        assert_eq!(got.header("content-type"), "text/csv");
        assert_eq!(got.header("cache-control"), "no-store");
        assert_eq!(got.header("x-amz-meta-who"), "maya");
        assert_eq!(got.header("x-amz-tagging-count"), "2");
        assert_eq!(got.header("x-amz-checksum-crc32"), CRC32);
        assert_eq!(got.header("content-length"), "9");
        assert_eq!(got.body, if method == "GET" { b"123456789".as_slice() } else { b"" });
    }
    let list = me.get("/acme-data?list-type=2").await.ok().xml();
    assert_eq!(list.at(&["Contents", "Key"]).unwrap().text, "a b/c+d");
    assert_eq!(list.at(&["Contents", "Size"]).unwrap().text, "9");
}

#[tokio::test]
async fn a_wrong_sum_is_refused_and_nothing_is_stored() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-sums", "").await.ok();
    for (header, value, code) in [
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-crc32", "nonsense", "InvalidRequest"),
        ("content-md5", "1B2M2Y8AsgTpgAmY7PhCfg==", "BadDigest"),
        ("content-md5", "nonsense", "InvalidDigest"),
    ] {
        let got = me.send("PUT", "/acme-sums/k", &[(header, value)], b"123456789").await;
        got.refused(400, code);
    }
    let both = [("x-amz-checksum-crc32", CRC32), ("x-amz-checksum-sha1", "x")];
    me.send("PUT", "/acme-sums/k", &both, b"123456789").await.refused(400, "InvalidRequest");
    me.head("/acme-sums/k").await.refused(404, "");
    let document = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    let wrong = [("content-md5", MD5)];
    me.send("PUT", "/acme-sums?versioning", &wrong, document.as_bytes())
        .await
        .refused(400, "BadDigest");
}

#[tokio::test]
async fn conditions_hold() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-if", "").await.ok();
    let absent = [("if-none-match", "*")];
    let put = me.send("PUT", "/acme-if/k", &absent, b"one").await.ok();
    let etag = put.header("etag").to_owned();
    me.send("PUT", "/acme-if/k", &absent, b"two").await.refused(412, "PreconditionFailed");
    me.send("PUT", "/acme-if/k", &[("if-match", "\"other\"")], b"two")
        .await
        .refused(412, "PreconditionFailed");
    me.send("PUT", "/acme-if/none", &[("if-match", etag.as_str())], b"two")
        .await
        .refused(404, "NoSuchKey");
    me.send("PUT", "/acme-if/k", &[("if-match", etag.as_str())], b"two").await.ok();
    let got = me.get("/acme-if/k").await.ok();
    assert_eq!(got.body, b"two");
    let (etag, modified) = (got.header("etag").to_owned(), got.header("last-modified").to_owned());
    for (name, value, status) in [
        ("if-none-match", etag.as_str(), 304),
        ("if-none-match", "\"other\"", 200),
        ("if-match", etag.as_str(), 200),
        ("if-match", "\"other\"", 412),
        ("if-modified-since", modified.as_str(), 304),
        ("if-unmodified-since", modified.as_str(), 200),
        ("if-unmodified-since", "Thu, 01 Jan 2015 00:00:00 GMT", 412),
    ] {
        for method in ["GET", "HEAD"] {
            let got = me.send(method, "/acme-if/k", &[(name, value)], b"").await;
            assert_eq!(got.status, status, "{method} {name}: {value}");
            if status == 304 {
                assert!(got.body.is_empty(), "{}", got.text());
                assert_eq!(got.header("etag"), etag);
            }
        }
    }
}

#[tokio::test]
async fn ranges_are_cut_out() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-range", "").await.ok();
    me.put("/acme-range/k", "0123456789").await.ok();
    me.put("/acme-range/empty", "").await.ok();
    for (range, body, told) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=0-99", "0123456789", "bytes 0-9/10"),
    ] {
        let got = me.send("GET", "/acme-range/k", &[("range", range)], b"").await.ok();
        assert_eq!((got.status, got.header("content-range")), (206, told), "{range}");
        assert_eq!(got.body, body.as_bytes(), "{range}");
    }
    for key in ["k", "empty"] {
        let path = format!("/acme-range/{key}");
        me.send("GET", &path, &[("range", "bytes=10-")], b"").await.refused(416, "InvalidRange");
    }
}

#[tokio::test]
async fn copies_take_along_or_replace() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-copy", "").await.ok();
    let headers = [("x-amz-meta-who", "maya"), ("x-amz-tagging", "a=1"), ("content-type", "a/b")];
    me.send("PUT", "/acme-copy/from", &headers, b"data").await.ok();
    let source = ("x-amz-copy-source", "/acme-copy/from");
    let copy = me.send("PUT", "/acme-copy/to", &[source], b"").await.ok().xml();
    assert!(copy.text_of("ETag").is_some(), "{copy:?}");
    let got = me.get("/acme-copy/to").await.ok();
    assert_eq!(got.body, b"data");
    assert_eq!((got.header("x-amz-meta-who"), got.header("content-type")), ("maya", "a/b"));
    assert_eq!(got.header("x-amz-tagging-count"), "1");
    let replace = [source, ("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-new", "1")];
    me.send("PUT", "/acme-copy/to", &replace, b"").await.ok();
    let got = me.head("/acme-copy/to").await.ok();
    assert_eq!((got.header("x-amz-meta-who"), got.header("x-amz-meta-new")), ("", "1"));
    me.send("PUT", "/acme-copy/from", &[source], b"").await.refused(400, "InvalidRequest");
    let missing = [("x-amz-copy-source", "/acme-copy/none")];
    me.send("PUT", "/acme-copy/to", &missing, b"").await.refused(404, "NoSuchKey");
}

#[tokio::test]
async fn versions_are_kept_marked_and_removed() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-versions", "").await.ok();
    me.put("/acme-versions/k", "null version").await.ok();
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    me.put("/acme-versions?versioning", enabled).await.ok();
    let one = me.put("/acme-versions/k", "one").await.ok().header("x-amz-version-id").to_owned();
    assert_eq!(one.len(), 32);
    let marker = me.delete("/acme-versions/k").await.ok();
    assert_eq!(marker.header("x-amz-delete-marker"), "true");
    let marker = marker.header("x-amz-version-id").to_owned();
    let gone = me.get("/acme-versions/k").await.refused(404, "NoSuchKey");
    assert_eq!(gone.header("x-amz-delete-marker"), "true");
    let of = |id: &str| format!("/acme-versions/k?versionId={id}");
    assert_eq!(me.get(&of("null")).await.ok().body, b"null version");
    assert_eq!(me.get(&of(&one)).await.ok().body, b"one");
    me.get(&of(&marker)).await.refused(405, "MethodNotAllowed");
    me.get(&of("nonsense")).await.refused(404, "NoSuchVersion");
    let listed = me.get("/acme-versions?versions").await.ok().xml();
    let ids: Vec<_> = listed.children.iter().filter_map(|c| c.text_of("VersionId")).collect();
    assert_eq!(ids.len(), 3);
    me.delete(&of(&marker)).await.ok();
    assert_eq!(me.get("/acme-versions/k").await.ok().body, b"one");
    me.put("/acme-versions?versioning", enabled.replace("Enabled", "Suspended")).await.ok();
    me.put("/acme-versions/k", "again").await.ok();
    assert_eq!(me.get(&of("null")).await.ok().body, b"again");
    assert_eq!(me.get(&of(&one)).await.ok().body, b"one");
    me.delete("/acme-versions").await.refused(409, "BucketNotEmpty");
}
