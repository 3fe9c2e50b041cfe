//! Would an anonymous read of Blob storage succeed, and why: pure. The rows follow
//! "Prevent anonymous read access" and "Configure Azure Storage firewalls" of Microsoft's
//! public documentation; the first row that fits answers.

use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// What anonymous readers may do with a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Level {
    #[default]
    None,
    /// Read a blob whose name they know.
    Blob,
    /// Read blobs, and list them.
    Container,
}

impl Level {
    /// As Resource Manager writes it.
    pub fn arm_name(self) -> &'static str {
        match self {
            Level::None => "None",
            Level::Blob => "Blob",
            Level::Container => "Container",
        }
    }

    /// As the data plane writes it; absent means private.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Level::None => None,
            Level::Blob => Some("blob"),
            Level::Container => Some("container"),
        }
    }

    pub fn parse(text: &str) -> Option<Level> {
        match text.to_ascii_lowercase().as_str() {
            "none" | "" => Some(Level::None),
            "blob" => Some(Level::Blob),
            "container" => Some(Level::Container),
            _ => None,
        }
    }
}

/// An account's firewall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Network {
    pub disabled: bool,
    pub deny_by_default: bool,
    pub ip_rules: Vec<String>,
}

impl Network {
    /// It holds for every caller, anonymous or not.
    pub fn admits(&self, source: &str) -> bool {
        if self.disabled {
            return false;
        }
        !self.deny_by_default || self.ip_rules.iter().any(|rule| in_range(rule, source))
    }
}

/// `203.0.113.0/24` or a single address; rules are IPv4 only.
fn in_range(rule: &str, source: &str) -> bool {
    let (network, length) = rule.split_once('/').unwrap_or((rule, "32"));
    let (Ok(network), Ok(length)) = (network.parse::<Ipv4Addr>(), length.parse::<u32>()) else {
        return false;
    };
    let Ok(IpAddr::V4(source)) = source.parse() else { return false };
    if length > 32 {
        return false;
    }
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    u32::from(network) & mask == u32::from(source) & mask
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    Blob {
        exists: bool,
    },
    List,
    /// Any other call: nobody makes one without a name.
    Other,
}

/// Everything that decides an anonymous call.
#[derive(Clone, Debug)]
pub struct Anonymous<'a> {
    pub tls: bool,
    pub https_only: bool,
    pub network: &'a Network,
    pub source: &'a str,
    pub allow_public: Option<bool>,
    /// `None`: there is no such container.
    pub level: Option<Level>,
    pub wants: Wants,
    /// Clients of `x-ms-version` 2019-12-12 and later are told how to sign in.
    pub challenge: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Open,
    Refused(Refusal),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: &'static str,
    /// `WWW-Authenticate: Bearer ...` goes along.
    pub challenge: bool,
}

pub fn refusal(status: StatusCode, code: &'static str, message: &'static str) -> Refusal {
    Refusal { status, code, message, challenge: false }
}

pub fn firewall() -> Refusal {
    refusal(
        StatusCode::FORBIDDEN,
        "AuthorizationFailure",
        "This request is not authorized to perform this operation.",
    )
}

pub fn needs_https() -> Refusal {
    refusal(
        StatusCode::BAD_REQUEST,
        "AccountRequiresHttps",
        "The account being accessed does not support http.",
    )
}

pub fn decide(call: &Anonymous<'_>) -> Verdict {
    if call.https_only && !call.tls {
        return Verdict::Refused(needs_https());
    }
    if !call.network.admits(call.source) {
        return Verdict::Refused(firewall());
    }
    if call.allow_public == Some(false) {
        return Verdict::Refused(refusal(
            StatusCode::CONFLICT,
            "PublicAccessNotPermitted",
            "Public access is not permitted on this storage account.",
        ));
    }
    let Some(level) = call.level else {
        return Verdict::Refused(refusal(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "The specified resource does not exist.",
        ));
    };
    match (level, call.wants) {
        (Level::Blob | Level::Container, Wants::Blob { exists: true })
        | (Level::Container, Wants::List) => Verdict::Open,
        (Level::Blob | Level::Container, Wants::Blob { exists: false }) => Verdict::Refused(
            refusal(StatusCode::NOT_FOUND, "BlobNotFound", "The specified blob does not exist."),
        ),
        _ if call.challenge => Verdict::Refused(Refusal {
            challenge: true,
            ..refusal(
                StatusCode::UNAUTHORIZED,
                "NoAuthenticationInformation",
                "Server failed to authenticate the request. Please refer to the information in \
                 the www-authenticate header.",
            )
        }),
        _ => Verdict::Refused(refusal(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            "The specified resource does not exist.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ELSEWHERE: &str = "192.0.2.10";

    fn open(network: &Network) -> Anonymous<'_> {
        Anonymous {
            tls: true,
            https_only: true,
            network,
            source: ELSEWHERE,
            allow_public: Some(true),
            level: Some(Level::Blob),
            wants: Wants::Blob { exists: true },
            challenge: false,
        }
    }

    fn answer(call: &Anonymous<'_>) -> (u16, &'static str) {
        match decide(call) {
            Verdict::Open => (200, ""),
            Verdict::Refused(r) => (r.status.as_u16(), r.code),
        }
    }

    #[test]
    fn row_1_plain_http_where_https_is_asked_for() {
        let network = Network::default();
        assert_eq!(
            answer(&Anonymous { tls: false, ..open(&network) }),
            (400, "AccountRequiresHttps")
        );
        let lax = Anonymous { tls: false, https_only: false, ..open(&network) };
        assert_eq!(answer(&lax), (200, ""));
    }

    #[test]
    fn row_2_the_firewall_holds_for_anonymous_readers() {
        let refused = (403, "AuthorizationFailure");
        let off = Network { disabled: true, ..Network::default() };
        assert_eq!(answer(&open(&off)), refused);
        let deny = Network { deny_by_default: true, ..Network::default() };
        assert_eq!(answer(&open(&deny)), refused);
        for (rule, expected) in [
            ("192.0.2.10", (200, "")),
            ("192.0.2.0/24", (200, "")),
            ("0.0.0.0/0", (200, "")),
            ("203.0.113.0/24", refused),
            ("nonsense", refused),
            ("192.0.2.10/99", refused),
        ] {
            let network = Network { ip_rules: vec![rule.to_owned()], ..deny.clone() };
            assert_eq!(answer(&open(&network)), expected, "{rule}");
        }
        let both = Network { disabled: true, ip_rules: vec!["0.0.0.0/0".to_owned()], ..deny };
        assert_eq!(answer(&open(&both)), refused);
    }

    #[test]
    fn row_3_the_account_forbids_it_whatever_the_container_says() {
        let network = Network::default();
        for level in [None, Some(Level::None), Some(Level::Blob), Some(Level::Container)] {
            let call = Anonymous { allow_public: Some(false), level, ..open(&network) };
            assert_eq!(answer(&call), (409, "PublicAccessNotPermitted"));
        }
    }

    #[test]
    fn row_4_no_container() {
        let network = Network::default();
        assert_eq!(answer(&Anonymous { level: None, ..open(&network) }), (404, "ResourceNotFound"));
    }

    #[test]
    fn row_5_a_private_container() {
        let network = Network::default();
        let private = Anonymous { level: Some(Level::None), ..open(&network) };
        assert_eq!(answer(&private), (404, "ResourceNotFound"));
        let modern = Anonymous { challenge: true, ..private };
        assert_eq!(answer(&modern), (401, "NoAuthenticationInformation"));
        assert!(matches!(decide(&modern), Verdict::Refused(Refusal { challenge: true, .. })));
    }

    #[test]
    fn row_6_a_blob_that_is_not_there() {
        let network = Network::default();
        let call = Anonymous { wants: Wants::Blob { exists: false }, ..open(&network) };
        assert_eq!(answer(&call), (404, "BlobNotFound"));
    }

    #[test]
    fn row_7_anyone_reads() {
        let network = Network::default();
        for allow_public in [Some(true), None] {
            for level in [Level::Blob, Level::Container] {
                let call = Anonymous { allow_public, level: Some(level), ..open(&network) };
                assert_eq!(answer(&call), (200, ""));
            }
        }
    }

    #[test]
    fn row_8_lists_only_at_container_level() {
        let network = Network::default();
        let list = Anonymous { wants: Wants::List, ..open(&network) };
        assert_eq!(answer(&list), (404, "ResourceNotFound"));
        assert_eq!(answer(&Anonymous { level: Some(Level::Container), ..list }), (200, ""));
    }

    #[test]
    fn nobody_writes_without_a_name() {
        let network = Network::default();
        let call =
            Anonymous { wants: Wants::Other, level: Some(Level::Container), ..open(&network) };
        assert_eq!(answer(&call), (404, "ResourceNotFound"));
    }
}
