//! Resource ids. Resource Manager matches them without case and its logs write them in
//! capitals; Terraform keeps the canonical case, in which everything here is printed.

use std::fmt;
use url::Url;

const BLOB_HOST: &str = ".blob.core.windows.net";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupId {
    pub subscription: String,
    pub group: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AccountId {
    pub group: GroupId,
    pub account: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContainerId {
    pub account: AccountId,
    pub container: String,
}

fn segments(id: &str) -> Vec<&str> {
    id.trim_matches('/').split('/').collect()
}

/// The names between fixed words: `["subscriptions", s, "resourceGroups", g]` fits
/// `subscriptions/*/resourceGroups/*`.
fn fit<'i>(id: &'i str, shape: &str) -> Option<Vec<&'i str>> {
    let (segments, shape) = (segments(id), segments(shape));
    if segments.len() != shape.len() {
        return None;
    }
    let mut names = Vec::new();
    for (segment, word) in segments.into_iter().zip(shape) {
        match word {
            "*" if segment.is_empty() => return None,
            "*" => names.push(segment),
            word if word.eq_ignore_ascii_case(segment) => {}
            _ => return None,
        }
    }
    Some(names)
}

impl GroupId {
    pub fn parse(id: &str) -> Option<GroupId> {
        match fit(id, "subscriptions/*/resourceGroups/*")?[..] {
            [subscription, group] => Some(GroupId::new(subscription, group)),
            _ => None,
        }
    }

    pub fn new(subscription: &str, group: &str) -> GroupId {
        GroupId { subscription: subscription.to_lowercase(), group: group.to_owned() }
    }
}

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/subscriptions/{}/resourceGroups/{}", self.subscription, self.group)
    }
}

impl AccountId {
    pub fn parse(id: &str) -> Option<AccountId> {
        let shape =
            "subscriptions/*/resourceGroups/*/providers/Microsoft.Storage/storageAccounts/*";
        match fit(id, shape)?[..] {
            [subscription, group, account] => {
                Some(AccountId::new(GroupId::new(subscription, group), account))
            }
            _ => None,
        }
    }

    /// Account names have small letters only; logs capitalise them.
    pub fn new(group: GroupId, account: &str) -> AccountId {
        AccountId { group, account: account.to_lowercase() }
    }

    pub fn blob_service(&self) -> String {
        format!("{self}/blobServices/default")
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/providers/Microsoft.Storage/storageAccounts/{}", self.group, self.account)
    }
}

impl ContainerId {
    pub fn parse(id: &str) -> Option<ContainerId> {
        let (account, rest) = split_account(id)?;
        match fit(rest, "blobServices/default/containers/*")?[..] {
            [container] => Some(ContainerId::new(account, container)),
            _ => None,
        }
    }

    pub fn new(account: AccountId, container: &str) -> ContainerId {
        ContainerId { account, container: container.to_lowercase() }
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/containers/{}", self.account.blob_service(), self.container)
    }
}

/// The account in which something lies, and what follows in the id.
pub(crate) fn split_account(id: &str) -> Option<(AccountId, &str)> {
    let id = id.trim_matches('/');
    let end = id.match_indices('/').nth(7).map_or(id.len(), |(at, _)| at);
    let account = AccountId::parse(&id[..end])?;
    Some((account, id[end..].trim_start_matches('/')))
}

/// `https://{account}.blob.core.windows.net/{container}`: the id of a container that is
/// managed through the data plane.
pub(crate) fn parse_container_url(id: &str) -> Option<(String, String)> {
    let url = Url::parse(id).ok()?;
    let account = url.host_str()?.strip_suffix(BLOB_HOST)?;
    let container = url.path().trim_matches('/');
    let plain = |name: &str| !name.is_empty() && !name.contains(['/', '.', '%']);
    (plain(account) && plain(container)).then(|| (account.to_owned(), container.to_owned()))
}

pub(crate) fn container_url(account: &str, container: &str) -> String {
    format!("https://{account}{BLOB_HOST}/{container}")
}

/// The subscription that an id names.
pub(crate) fn subscription_of(id: &str) -> Option<String> {
    let mut segments = id.split('/').filter(|s| !s.is_empty());
    let first = segments.next()?;
    first.eq_ignore_ascii_case("subscriptions").then(|| segments.next())?.map(str::to_lowercase)
}

/// The resource group that an id names.
pub(crate) fn group_of(id: &str) -> Option<&str> {
    let mut segments = id.split('/').filter(|s| !s.is_empty()).skip(2);
    segments.next().filter(|s| s.eq_ignore_ascii_case("resourceGroups"))?;
    segments.next()
}

/// "West Europe" and "westeurope" are one place.
pub(crate) fn normal_location(location: &str) -> String {
    location.replace(' ', "").to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: &str =
        "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/acme";

    #[test]
    fn reads_any_case_and_prints_the_canonical_one() {
        assert_eq!(
            AccountId::parse(&ACCOUNT.to_uppercase()).unwrap().to_string(),
            ACCOUNT.replace("/rg/", "/RG/")
        );
        let container = format!("{ACCOUNT}/blobServices/default/containers/c");
        assert_eq!(ContainerId::parse(&container).unwrap().to_string(), container);
        assert_eq!(ContainerId::parse(ACCOUNT), None);
        assert_eq!(AccountId::parse(&container), None);
        assert_eq!(GroupId::parse("/subscriptions/s/resourcegroups/rg").unwrap().group, "rg");
        assert_eq!(GroupId::parse("/subscriptions/s/resourceGroups/"), None);
        assert_eq!(split_account(&container).unwrap().1, "blobServices/default/containers/c");
        assert_eq!(group_of(ACCOUNT), Some("rg"));
        assert_eq!(subscription_of(ACCOUNT).as_deref(), Some("s"));
    }

    #[test]
    fn reads_the_url_of_a_container() {
        assert_eq!(
            parse_container_url("https://acme.blob.core.windows.net/reports"),
            Some(("acme".to_owned(), "reports".to_owned()))
        );
        for other in [
            "https://acme.blob.core.windows.net/",
            "https://acme.blob.core.windows.net/a/b",
            "https://acme.example.com/a",
            "https://a.b.blob.core.windows.net/a",
            ACCOUNT,
        ] {
            assert_eq!(parse_container_url(other), None, "{other}");
        }
    }
}
