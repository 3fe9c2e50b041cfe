//! Identities of findings: the same trouble has the same fingerprint in every run, and a
//! later, worse change of the same resource another digest.

use crate::finding::{AttributeChange, DriftStatus};
use crate::resource::{Cloud, KindName};
use sha2::{Digest, Sha256};

/// SHA-256 over length-prefixed parts, so that no two lists of parts read alike.
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    format!("sha256:{}", hex::encode(hasher.finalize()))
}

/// Cloud, account, kind, native id, status; for what is missing also state and address,
/// because there a resource is known by the one who wants it.
pub fn drift(
    cloud: &Cloud,
    account: Option<&str>,
    kind: &KindName,
    native_id: &str,
    status: DriftStatus,
    wanted_by: Option<(&str, &str)>,
) -> String {
    let (state, address) = match status {
        DriftStatus::Missing => wanted_by.unwrap_or_default(),
        _ => ("", ""),
    };
    digest(
        [
            "drift",
            cloud.as_str(),
            account.unwrap_or(""),
            kind.as_str(),
            native_id,
            status.as_str(),
            state,
            address,
        ]
        .map(str::as_bytes),
    )
}

/// What was seen: the changed paths and their live values, already normalised.
pub fn change(changes: &[AttributeChange]) -> String {
    let mut parts: Vec<(String, String)> =
        changes.iter().map(|c| (c.path.to_string(), c.live.to_json().to_string())).collect();
    parts.sort();
    digest(parts.iter().flat_map(|(p, v)| [p.as_bytes(), v.as_bytes()]))
}

/// The shortest prefixes, four digits or more, that tell these fingerprints apart.
pub fn short_ids<'a>(prefix: &str, fingerprints: &[&'a str]) -> Vec<String> {
    let bare: Vec<&'a str> =
        fingerprints.iter().map(|f| f.strip_prefix("sha256:").unwrap_or(f)).collect();
    // Sorted, whoever shares the longest beginning with one stands next to it.
    let mut sorted = bare.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let shared = |a: &str, b: &str| a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    bare.iter()
        .map(|mine| {
            let at = sorted.binary_search(mine).unwrap_or_default();
            let before = at.checked_sub(1).and_then(|i| sorted.get(i));
            let nearest = before.into_iter().chain(sorted.get(at + 1));
            let needed = nearest.map(|other| shared(mine, other) + 1).max().unwrap_or(0);
            format!("{prefix}-{}", mine.get(..needed.max(4)).unwrap_or(mine))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_until_they_are_unique() {
        let ids = short_ids("F", &["sha256:abcd01", "sha256:abcd12", "sha256:ffff00"]);
        assert_eq!(ids, ["F-abcd0", "F-abcd1", "F-ffff"]);
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(digest([b"ab".as_slice(), b"c"]), digest([b"a".as_slice(), b"bc"]));
    }

    #[test]
    fn a_changed_resource_is_the_same_in_another_state() {
        let id = |status, state| {
            drift(&"c".into(), Some("1"), &"k".into(), "n", status, Some((state, "a")))
        };
        assert_eq!(id(DriftStatus::Changed, "s1"), id(DriftStatus::Changed, "s2"));
        assert_ne!(id(DriftStatus::Missing, "s1"), id(DriftStatus::Missing, "s2"));
    }
}
