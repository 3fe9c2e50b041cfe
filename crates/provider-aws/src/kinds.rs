//! The supported kinds, one stem of files each: `.rs` (the calls and the meaning), `.toml`
//! (the facts), `.wire.xml` and `.resource.json` (what AWS answers, and what becomes of it).

mod iam_access_key;
mod iam_user;
mod s3_bucket;
mod s3_bucket_policy;
mod s3_bucket_public_access_block;
mod s3_bucket_versioning;

pub(crate) mod attributes;
pub(crate) mod records;

#[cfg(test)]
mod golden;

use crate::session::AwsSession;
use model::Resource;
use provider::{ErrorKind, Kind, ProviderError, Wanted};

/// Sorted by name; a test compares it with the folder.
pub const KINDS: &[&dyn Kind<AwsSession>] = &[
    &iam_access_key::AccessKey,
    &iam_user::User,
    &s3_bucket::Bucket,
    &s3_bucket_policy::BucketPolicy,
    &s3_bucket_public_access_block::PublicAccessBlock,
    &s3_bucket_versioning::BucketVersioning,
];

/// What has just been made, as AWS tells it.
async fn read_back(
    kind: &dyn Kind<AwsSession>,
    session: &AwsSession,
    native_id: &str,
) -> Result<Resource, ProviderError> {
    let name = kind.facts().kind.clone();
    let read = kind.read(session, &Wanted::new(name.clone(), native_id)).await?;
    read.ok_or_else(|| {
        ProviderError::new(ErrorKind::Malformed, format!("create {name}"), native_id)
            .because("it was made, and is not there")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn files(ending: &str) -> BTreeSet<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/kinds");
        std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(ending).map(|stem| format!("aws_{stem}")))
            .collect()
    }

    #[test]
    fn every_kind_is_one_stem_of_files_and_one_line() {
        let named: Vec<String> = KINDS.iter().map(|k| k.facts().kind.to_string()).collect();
        let mut sorted = named.clone();
        sorted.sort();
        assert_eq!(named, sorted, "KINDS is sorted by name");
        let named: BTreeSet<String> = named.into_iter().collect();
        assert_eq!(named, files(".toml"));
        assert_eq!(named, files(".wire.xml"));
        assert_eq!(named, files(".resource.json"));
        assert!(named.is_subset(&files(".rs")));
    }

    #[test]
    fn facts_name_attributes_of_the_schema() {
        // Types and flags of AWS provider 5.100.0, from `terraform providers schema -json`.
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../tests/schema/aws-5.100.0.json")).unwrap();
        for kind in KINDS {
            let facts = kind.facts();
            let of_kind = &schema[facts.kind.as_str()];
            assert!(
                of_kind.is_object(),
                "{} is not in the extract: tests/schema/SOURCE.md says how to widen it",
                facts.kind
            );
            for name in facts.attributes.keys() {
                let mut block = of_kind;
                let steps: Vec<&str> = name.split('.').collect();
                for (i, step) in steps.iter().enumerate() {
                    let attribute = &block["attributes"][step];
                    let nested = &block["blocks"][step];
                    let last = i + 1 == steps.len();
                    assert!(
                        nested.is_object() || (last && attribute.is_object()),
                        "{} has no {name}",
                        facts.kind
                    );
                    block = nested;
                }
            }
            for (name, flags) in of_kind["attributes"].as_object().unwrap() {
                let read_only = flags["computed"] == true && flags["optional"].is_null();
                let known = facts.attributes.get(name);
                if read_only {
                    assert!(known.is_some_and(|f| f.computed || f.sensitive), "{name}");
                }
                if flags["sensitive"] == true {
                    assert!(known.is_some_and(|f| f.sensitive), "{name} is sensitive");
                }
            }
        }
    }
}
