//! Whatever is put, deleted and listed, in whatever order: the local S3 agrees with a model
//! that is simple enough to be right.

use crate::client::{As, lab};
use aws_protocol::codec::xml::Element;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
enum Step {
    Put { key: String, body: Vec<u8>, if_absent: bool },
    Delete { key: String },
    DeleteVersion { nth: usize },
    Versioning { on: bool },
    List { prefix: String, delimiter: bool, size: usize },
}

/// Keys that lie close together: prefixes of each other, below and above the delimiter.
const KEYS: [&str; 10] = ["a", "a/", "a/b", "a/b/c", "a0", "a b", "a+%", "b", "é/ü", "~"];

fn step() -> impl Strategy<Value = Step> {
    let key = || prop::sample::select(KEYS.as_slice()).prop_map(str::to_owned);
    let body = prop::collection::vec(any::<u8>(), 0..8);
    let prefix = prop::sample::select(["", "a", "a/", "a/b", "é", "zz"].as_slice());
    prop_oneof![
        4 => (key(), body, any::<bool>())
            .prop_map(|(key, body, if_absent)| Step::Put { key, body, if_absent }),
        2 => key().prop_map(|key| Step::Delete { key }),
        1 => (0..20usize).prop_map(|nth| Step::DeleteVersion { nth }),
        1 => any::<bool>().prop_map(|on| Step::Versioning { on }),
        3 => (prefix, any::<bool>(), 1..5usize).prop_map(|(prefix, delimiter, size)| {
            Step::List { prefix: prefix.to_owned(), delimiter, size }
        }),
    ]
}

/// Newest first; `None` is a delete marker.
type Versions = Vec<(String, Option<Vec<u8>>)>;

#[derive(Default)]
struct Model {
    keys: BTreeMap<String, Versions>,
    /// `None`: never switched on.
    versioning: Option<bool>,
}

impl Model {
    fn current(&self, key: &str) -> Option<&Vec<u8>> {
        self.keys.get(key)?.first()?.1.as_ref()
    }

    /// Adds a version under the id that S3 gave it.
    fn add(&mut self, key: &str, id: &str, body: Option<Vec<u8>>) {
        let versions = self.keys.entry(key.to_owned()).or_default();
        if id == "null" {
            versions.retain(|(known, _)| known != "null");
        }
        versions.insert(0, (id.to_owned(), body));
    }

    fn remove(&mut self, key: &str, id: &str) {
        if let Some(versions) = self.keys.get_mut(key) {
            versions.retain(|(known, _)| known != id);
        }
        self.keys.retain(|_, versions| !versions.is_empty());
    }

    fn all(&self) -> Vec<(String, String)> {
        let of = |(key, versions): (&String, &Versions)| {
            versions.iter().map(|(id, _)| (key.clone(), id.clone())).collect::<Vec<_>>()
        };
        self.keys.iter().flat_map(of).collect()
    }

    /// Objects and common prefixes in one order, as pages run through them.
    fn list(&self, prefix: &str, delimiter: bool) -> Vec<String> {
        let mut found = Vec::new();
        for key in self.keys.keys().filter(|key| self.current(key).is_some()) {
            let Some(rest) = key.strip_prefix(prefix) else { continue };
            let name = match rest.find('/').filter(|_| delimiter) {
                Some(end) => format!("{prefix}{}/*", &rest[..end]),
                None => key.clone(),
            };
            if found.last() != Some(&name) {
                found.push(name);
            }
        }
        found
    }
}

/// As signatures want it: everything but the unreserved characters of RFC 3986.
const RESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, RESERVED).to_string()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn path(bucket: &str, key: &str) -> String {
    let parts: Vec<String> = key.split('/').map(encoded).collect();
    format!("/{bucket}/{}", parts.join("/"))
}

fn named(list: &Element, element: &str, member: &str) -> Vec<String> {
    let of = list.children.iter().filter(|child| child.name == element);
    of.map(|child| decoded(child.text_of(member).unwrap())).collect()
}

/// More than any list here has: one that does not end is wrong too.
const MOST_PAGES: usize = 200;

/// All pages of a list: objects, and common prefixes with a star.
async fn pages(
    me: &As<'_>,
    bucket: &str,
    prefix: &str,
    delimiter: bool,
    size: usize,
) -> Vec<String> {
    let mut found = Vec::new();
    let mut token = String::new();
    for _ in 0..MOST_PAGES {
        let mut query =
            format!("list-type=2&encoding-type=url&max-keys={size}&prefix={}", encoded(prefix));
        if delimiter {
            query.push_str("&delimiter=%2F");
        }
        if !token.is_empty() {
            query.push_str(&format!("&continuation-token={token}"));
        }
        let page = me.get(&format!("/{bucket}?{query}")).await.ok().xml();
        let mut names = named(&page, "Contents", "Key");
        names.extend(named(&page, "CommonPrefixes", "Prefix").iter().map(|p| format!("{p}*")));
        assert!(names.len() <= size);
        assert_eq!(page.text_of("KeyCount").unwrap(), names.len().to_string());
        names.sort();
        found.extend(names);
        match page.text_of("NextContinuationToken") {
            Some(next) => token = next.to_owned(),
            None => {
                assert_eq!(page.text_of("IsTruncated"), Some("false"));
                return found;
            }
        }
    }
    panic!("the list does not end: {found:?}");
}

/// All versions, in the order of the list, and which of them are the latest.
async fn versions(me: &As<'_>, bucket: &str) -> Vec<(String, String, bool)> {
    let mut found = Vec::new();
    let mut marker = String::new();
    for _ in 0..MOST_PAGES {
        let query = format!("versions&encoding-type=url&max-keys=3{marker}");
        let page = me.get(&format!("/{bucket}?{query}")).await.ok().xml();
        for element in ["Version", "DeleteMarker"] {
            for child in page.children.iter().filter(|child| child.name == element) {
                let text = |name| child.text_of(name).unwrap();
                let latest = text("IsLatest") == "true";
                found.push((decoded(text("Key")), text("VersionId").to_owned(), latest));
            }
        }
        if page.text_of("IsTruncated") != Some("true") {
            found.sort();
            return found;
        }
        let key = page.text_of("NextKeyMarker").unwrap();
        let id = page.text_of("NextVersionIdMarker").unwrap();
        // It is percent-encoded already.
        marker = format!("&key-marker={key}&version-id-marker={id}");
    }
    panic!("the list does not end: {found:?}");
}

async fn follow(me: &As<'_>, bucket: &str, steps: Vec<Step>) {
    me.put(&format!("/{bucket}"), "").await.ok();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Put { key, body, if_absent } => {
                let condition = [("if-none-match", "*")];
                let headers = if if_absent { condition.as_slice() } else { &[] };
                let got = me.send("PUT", &path(bucket, &key), headers, &body).await;
                if if_absent && model.current(&key).is_some() {
                    got.refused(412, "PreconditionFailed");
                    continue;
                }
                let got = got.ok();
                let id = match model.versioning {
                    None => "null",
                    Some(_) => got.header("x-amz-version-id"),
                };
                assert_eq!(id == "null", model.versioning != Some(true));
                model.add(&key, id, Some(body));
            }
            Step::Delete { key } => {
                let got = me.delete(&path(bucket, &key)).await.ok();
                match model.versioning {
                    None => model.remove(&key, "null"),
                    Some(_) => model.add(&key, got.header("x-amz-version-id"), None),
                }
            }
            Step::DeleteVersion { nth } => {
                let all = model.all();
                let Some((key, id)) = all.get(nth % all.len().max(1)) else { continue };
                me.delete(&format!("{}?versionId={id}", path(bucket, key))).await.ok();
                model.remove(key, id);
            }
            Step::Versioning { on } => {
                let status = if on { "Enabled" } else { "Suspended" };
                let document = format!(
                    "<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>"
                );
                me.put(&format!("/{bucket}?versioning"), document).await.ok();
                model.versioning = Some(on);
            }
            Step::List { prefix, delimiter, size } => {
                let found = pages(me, bucket, &prefix, delimiter, size).await;
                let mut expected = model.list(&prefix, delimiter);
                // A common prefix stands where its name does.
                expected.sort_by(|a, b| a.trim_end_matches('*').cmp(b.trim_end_matches('*')));
                let mut sorted = found.clone();
                sorted.sort_by(|a, b| a.trim_end_matches('*').cmp(b.trim_end_matches('*')));
                assert_eq!(sorted, expected, "{prefix:?} {delimiter} {size}");
            }
        }
    }
    for key in KEYS {
        let got = me.get(&path(bucket, key)).await;
        match model.current(key) {
            Some(body) => assert_eq!(&got.ok().body, body),
            None => drop(got.refused(404, "NoSuchKey")),
        }
    }
    let mut expected: Vec<(String, String, bool)> = Vec::new();
    for (key, versions) in &model.keys {
        for (nth, (id, body)) in versions.iter().enumerate() {
            expected.push((key.clone(), id.clone(), nth == 0));
            if let Some(body) = body {
                let of_version = format!("{}?versionId={id}", path(bucket, key));
                assert_eq!(&me.get(&of_version).await.ok().body, body);
            }
        }
    }
    expected.sort();
    assert_eq!(versions(me, bucket).await, expected);
}

#[test]
fn any_sequence_agrees_with_the_model() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let lab = runtime.block_on(lab());
    let me = runtime.block_on(lab.deployer());
    let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
    let number = std::cell::Cell::new(0);
    let outcome = runner.run(&prop::collection::vec(step(), 1..40), |steps| {
        number.set(number.get() + 1);
        let bucket = format!("acme-model-{}", number.get());
        let follow = std::panic::AssertUnwindSafe(|| {
            runtime.block_on(follow(&me, &bucket, steps.clone()));
        });
        std::panic::catch_unwind(follow)
            .map_err(|_| TestCaseError::fail(format!("the model disagrees after {steps:?}")))
    });
    outcome.unwrap();
}
