//! What is known of AWS without asking it anything.

use crate::CLOUD;
use crate::kinds::KINDS;
use model::knowledge::Catalog;
use model::resource::Desired;
use model::{Cloud, KindName, Knowledge};
use provider::registry;

pub static CATALOG: AwsCatalog = AwsCatalog;

pub struct AwsCatalog;

impl Catalog for AwsCatalog {
    fn cloud(&self) -> Cloud {
        CLOUD
    }

    fn title(&self) -> &'static str {
        "AWS"
    }

    fn owns(&self, kind: &KindName) -> bool {
        kind.as_str().starts_with("aws_")
    }

    fn kind(&self, kind: &KindName) -> Option<&dyn Knowledge> {
        registry::find(KINDS, kind).map(|k| k as &dyn Knowledge)
    }

    fn kinds(&self) -> Vec<&dyn Knowledge> {
        KINDS.iter().map(|k| *k as &dyn Knowledge).collect()
    }

    /// Its own ARN, its id where that is an ARN or a queue's URL, the owner that EC2 names.
    fn account_of(&self, desired: &Desired) -> Option<String> {
        let own = |name: &str| desired.attributes.get(name).and_then(model::Value::as_str);
        let arns = [own("arn"), Some(desired.native_id.as_str())];
        let of_arn = arns.into_iter().flatten().find_map(|text| Arn::parse(text)?.account);
        let account = of_arn.or_else(|| account_of_url(&desired.native_id)).or(own("owner_id"));
        account.filter(|a| is_account(a)).map(str::to_owned)
    }

    fn region_of(&self, desired: &Desired) -> Option<String> {
        let own = |name: &str| desired.attributes.get(name).and_then(model::Value::as_str);
        own("region")
            .or_else(|| Arn::parse(own("arn")?)?.region)
            .filter(|r| !r.is_empty())
            .map(str::to_owned)
    }
}

/// `arn:partition:service:region:account:resource`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub region: Option<&'a str>,
    pub account: Option<&'a str>,
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" || !parts.next()?.starts_with("aws") {
            return None;
        }
        let _service = parts.next()?;
        let given = |part: &'a str| Some(part).filter(|p| !p.is_empty());
        Some(Arn {
            region: given(parts.next()?),
            account: given(parts.next()?).filter(|a| is_account(a)),
            resource: parts.next()?,
        })
    }
}

/// `https://sqs.us-east-1.amazonaws.com/111122223333/jobs`
fn account_of_url(id: &str) -> Option<&str> {
    let (host, path) = id.strip_prefix("https://sqs.")?.split_once('/')?;
    host.ends_with(".amazonaws.com").then(|| path.split('/').next()).flatten()
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

pub(crate) fn partition_of(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Attributes, ResourceAddress};

    fn desired(kind: &str, id: &str, attributes: &str) -> Desired {
        Desired {
            address: ResourceAddress::root(kind, "x"),
            provider: "provider[\"registry.terraform.io/hashicorp/aws\"]".to_owned(),
            native_id: id.to_owned(),
            attributes: serde_json::from_str::<Attributes>(attributes).unwrap(),
            schema_version: 0,
            state: "s.tfstate".to_owned(),
        }
    }

    fn check(kind: &str, id: &str, attributes: &str, account: Option<&str>, region: Option<&str>) {
        let desired = desired(kind, id, attributes);
        assert_eq!(CATALOG.account_of(&desired).as_deref(), account, "{kind} {attributes}");
        assert_eq!(CATALOG.region_of(&desired).as_deref(), region, "{kind} {attributes}");
    }

    #[test]
    fn the_account_stands_in_the_resources_own_id() {
        let user = r#"{"arn":"arn:aws:iam::111122223333:user/ci"}"#;
        check("aws_iam_user", "ci", user, Some("111122223333"), None);
        let bucket = r#"{"arn":"arn:aws:s3:::acme-exports","region":"eu-central-1"}"#;
        check("aws_s3_bucket", "acme-exports", bucket, None, Some("eu-central-1"));
        let topic = "arn:aws:sns:us-east-2:111122223333:alerts";
        let attributes = format!(r#"{{"arn":"{topic}"}}"#);
        check("aws_sns_topic", topic, &attributes, Some("111122223333"), Some("us-east-2"));
        let queue = "https://sqs.us-east-1.amazonaws.com/111122223333/jobs";
        check("aws_sqs_queue", queue, "{}", Some("111122223333"), None);
        check("aws_vpc", "vpc-1", r#"{"owner_id":"111122223333"}"#, Some("111122223333"), None);
    }

    #[test]
    fn never_inside_a_policy() {
        let policy = r#"{"policy":"{\"Principal\":{\"AWS\":\"arn:aws:iam::999988887777:root\"}}"}"#;
        check("aws_s3_bucket_policy", "acme-exports", policy, None, None);
        let managed = "arn:aws:iam::aws:policy/AdministratorAccess";
        check("aws_iam_policy", managed, "{}", None, None);
        check("aws_vpc", "vpc-1", r#"{"owner_id":"amazon"}"#, None, None);
    }
}
