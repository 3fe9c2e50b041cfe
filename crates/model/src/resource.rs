//! One thing in a cloud, as a state records it and as the cloud tells it.

use crate::address::ResourceAddress;
use crate::value::Attributes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(Cow<'static, str>);

        impl $type {
            /// For constants; clouds and kinds are named once, in their own crate.
            pub const fn from_static(name: &'static str) -> Self {
                $type(Cow::Borrowed(name))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                $type(Cow::Owned(name.to_owned()))
            }
        }

        impl From<String> for $type {
            fn from(name: String) -> Self {
                $type(Cow::Owned(name))
            }
        }
    };
}

name! {
    /// A cloud: an open set. Nobody outside a cloud's own crates and the wiring matches on it.
    Cloud
}
name! {
    /// A kind of resource, by Terraform's own name.
    KindName
}

/// A resource as a provider hands it out or takes it in, under Terraform's names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Resource {
    pub cloud: Cloud,
    /// The account, subscription or project it lies in, where one is known.
    pub account: Option<String>,
    pub region: Option<String>,
    pub kind: KindName,
    /// The provider's own id: what Terraform stores as `id`.
    pub native_id: String,
    pub attributes: Attributes,
}

/// A resource that a state records.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    pub address: ResourceAddress,
    /// `provider["registry.terraform.io/hashicorp/aws"].eu`, module prefix included: resources
    /// with the same text were managed through the same credentials.
    pub provider: String,
    pub native_id: String,
    pub attributes: Attributes,
    pub schema_version: u64,
    /// The state it stands in, as the user named it.
    pub state: String,
}

/// What a cloud says of one resource now. Three answers: the third must be faced too.
#[derive(Clone, Debug, PartialEq)]
pub enum Live {
    Present(Resource),
    Absent,
    Unknown(Unknown),
}

/// Why nothing can be said. Absent permission is this, never *in sync*.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    pub reason: UnknownReason,
    /// Which call, on what, as whom: `s3:GetBucketPolicy on bucket audit as role/ci`.
    pub detail: String,
    /// What to grant or do.
    pub next_step: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnknownReason {
    Denied,
    Unreachable,
    Throttled,
    Unsupported,
    Malformed,
    WrongAccount,
}

impl UnknownReason {
    pub fn as_str(self) -> &'static str {
        match self {
            UnknownReason::Denied => "denied",
            UnknownReason::Unreachable => "unreachable",
            UnknownReason::Throttled => "throttled",
            UnknownReason::Unsupported => "unsupported",
            UnknownReason::Malformed => "malformed",
            UnknownReason::WrongAccount => "wrong_account",
        }
    }
}
