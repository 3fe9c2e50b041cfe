//! The kinds of this cloud. One line makes a kind known; everything it is lies in its stem
//! of files under `kinds/`.

mod storage_bucket;
mod storage_bucket_iam_binding;
mod storage_bucket_iam_member;

use crate::session::GcpSession;
use model::KindName;
use model::knowledge::KindFacts;
use provider::registry::Kinds;

/// Sorted by name.
pub const KINDS: Kinds<GcpSession> = &[
    &storage_bucket::StorageBucket,
    &storage_bucket_iam_binding::StorageBucketIamBinding,
    &storage_bucket_iam_member::StorageBucketIamMember,
];

pub const BUCKET: KindName = KindName::from_static("google_storage_bucket");
pub const BINDING: KindName = KindName::from_static("google_storage_bucket_iam_binding");
pub const MEMBER: KindName = KindName::from_static("google_storage_bucket_iam_member");

/// The facts of a stem. They are part of the program; a test reads every one.
fn facts(toml: &str) -> KindFacts {
    toml::from_str(toml).expect("a kind's facts are checked when it is built")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_is_sorted_and_holds_every_stem() {
        let names: Vec<&str> = KINDS.iter().map(|k| k.facts().kind.as_str()).collect();
        assert!(names.is_sorted());
        let listed: BTreeSet<String> =
            names.iter().map(|n| n.trim_start_matches("google_").to_owned()).collect();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kinds");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        for stem in &listed {
            for end in [".rs", ".toml", ".wire.json", ".resource.json"] {
                assert!(files.contains(&format!("{stem}{end}")), "{stem}{end} is missing");
            }
        }
        assert_eq!(files.len(), listed.len() * 4, "{files:?}");
    }
}
