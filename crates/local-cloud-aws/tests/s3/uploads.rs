//! Multipart uploads.

use crate::client::{As, lab};

const MIB: usize = 1024 * 1024;

async fn begin(me: &As<'_>, path: &str) -> String {
    let begun = me.post(&format!("{path}?uploads"), "").await.ok().xml();
    begun.text_of("UploadId").unwrap().to_owned()
}

async fn part(me: &As<'_>, path: &str, id: &str, number: u32, body: &[u8]) -> String {
    let path = format!("{path}?partNumber={number}&uploadId={id}");
    me.put(&path, body).await.ok().header("etag").to_owned()
}

fn complete(parts: &[(u32, &str)]) -> String {
    let part = |(number, etag): &(u32, &str)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
    };
    let parts: String = parts.iter().map(part).collect();
    format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>")
}

#[tokio::test]
async fn parts_become_one_object() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-parts", "").await.ok();
    let path = "/acme-parts/big";
    let id = begin(&me, path).await;
    let data: Vec<u8> = (0..5 * MIB).map(|n| (n % 251) as u8).collect();
    let one = part(&me, path, &id, 1, &data).await;
    part(&me, path, &id, 3, b"replaced").await;
    let three = part(&me, path, &id, 3, b"end").await;
    let listed = me.get(&format!("{path}?uploadId={id}")).await.ok().xml();
    assert_eq!(listed.children.iter().filter(|child| child.name == "Part").count(), 2);
    let uploads = me.get("/acme-parts?uploads").await.ok().xml();
    assert_eq!(uploads.at(&["Upload", "Key"]).unwrap().text, "big");
    // Not there until it is complete.
    me.head(path).await.refused(404, "");

    let finish = format!("{path}?uploadId={id}");
    for (parts, code) in [
        (complete(&[(3, &three), (1, &one)]), "InvalidPartOrder"),
        (complete(&[(1, "\"other\"")]), "InvalidPart"),
        (complete(&[(2, &one)]), "InvalidPart"),
        (complete(&[]), "MalformedXML"),
    ] {
        me.post(&finish, parts).await.refused(400, code);
    }
    let done = me.post(&finish, complete(&[(1, &one), (3, &three)])).await.ok().xml();
    assert!(done.text_of("ETag").unwrap().ends_with("-2\""), "{done:?}");
    me.get(&finish).await.refused(404, "NoSuchUpload");
    let got = me.get(path).await.ok();
    assert_eq!(got.body, [data.as_slice(), b"end"].concat());
    let range = format!("bytes={}-{}", 5 * MIB - 2, 5 * MIB);
    let got = me.send("GET", path, &[("range", &range)], b"").await.ok();
    assert_eq!(got.body, [&data[5 * MIB - 2..], b"e"].concat());
    let second = me.get(&format!("{path}?partNumber=2")).await.ok();
    assert_eq!((second.body.as_slice(), second.header("x-amz-mp-parts-count")), (&b"end"[..], "2"));
}

#[tokio::test]
async fn a_part_can_be_copied_out_of_another_object() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-parts", "").await.ok();
    me.put("/acme-parts/from", "0123456789").await.ok();
    let path = "/acme-parts/to";
    let id = begin(&me, path).await;
    let headers =
        [("x-amz-copy-source", "acme-parts/from"), ("x-amz-copy-source-range", "bytes=2-4")];
    let part = format!("{path}?partNumber=1&uploadId={id}");
    let copied = me.send("PUT", &part, &headers, b"").await.ok().xml();
    let etag = copied.text_of("ETag").unwrap();
    me.post(&format!("{path}?uploadId={id}"), complete(&[(1, etag)])).await.ok();
    assert_eq!(me.get(path).await.ok().body, b"234");
    // A copy of an object in parts is one object again.
    let source = [("x-amz-copy-source", "acme-parts/to")];
    me.send("PUT", "/acme-parts/again", &source, b"").await.ok();
    let head = me.head("/acme-parts/again").await.ok();
    assert_eq!(head.header("etag"), "\"289dff07669d7a23de0ef88d2f7129e7\"");
}

#[tokio::test]
async fn small_parts_and_aborted_uploads_come_to_nothing() {
    let lab = lab().await;
    let me = lab.deployer().await;
    me.put("/acme-parts", "").await.ok();
    let path = "/acme-parts/k";
    let id = begin(&me, path).await;
    let (one, two) = (part(&me, path, &id, 1, b"a").await, part(&me, path, &id, 2, b"b").await);
    let finish = format!("{path}?uploadId={id}");
    me.post(&finish, complete(&[(1, &one), (2, &two)])).await.refused(400, "EntityTooSmall");
    me.put(&format!("{path}?partNumber=10001&uploadId={id}"), "x")
        .await
        .refused(400, "InvalidArgument");
    me.delete(&finish).await.ok();
    me.post(&finish, complete(&[(1, &one)])).await.refused(404, "NoSuchUpload");
    me.put(&format!("{path}?partNumber=1&uploadId={id}"), "x").await.refused(404, "NoSuchUpload");
    me.head(path).await.refused(404, "");
    // An upload under way does not keep a bucket.
    begin(&me, path).await;
    me.delete("/acme-parts").await.ok();
}
