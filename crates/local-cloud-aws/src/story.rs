//! The account of the story, and the forms of AWS's names.

/// The one account that this cloud has.
pub const ACCOUNT: &str = "111122223333";
pub const ALIAS: &str = "acme-lab";
/// Where calls go that name no region, and where global services are recorded.
pub const REGION: &str = "us-east-1";

/// The alphabet of ids and access keys (base 32 of RFC 4648).
pub const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// `arn:aws:iam::111122223333:user/PATH/NAME`; the path has its slashes.
pub fn iam_arn(kind: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{kind}{path}{name}")
}

/// `AIDA` and 17 more characters: a user's; `AROA` a role's, `ANPA` a policy's.
pub fn unique_id(tx: &mut local_cloud::Tx<'_>, prefix: &str) -> String {
    format!("{prefix}{}", tx.fresh_text("aws/unique-id", BASE32, 17))
}
