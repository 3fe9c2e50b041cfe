//! AWS policy documents: parse, normal form and equality, evaluate, explain. Pure.
//!
//! No I/O, no clock, no randomness: the same documents and the same request give the same
//! answer. Time, source address and everything else a condition may ask come in through
//! [`Context`].
//!
//! ```
//! use iam_policy::{Attached, Layers, Outcome, Policy, Principal, Request, evaluate};
//!
//! let policy = Policy::parse(
//!     r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*",
//!         "Action": "s3:GetObject", "Resource": "arn:aws:s3:::acme-exports/*"}}"#,
//! )?;
//! assert!(iam_policy::is_public(&policy));
//!
//! let request = Request::new(
//!     Principal::Anonymous, "s3:GetObject", "arn:aws:s3:::acme-exports/a.csv", "111122223333",
//! ).with("aws:SourceIp", "198.51.100.23");
//! let layers = Layers { resource: Some(Attached::new("bucket policy", &policy)), ..Layers::default() };
//! assert_eq!(evaluate(&request, &layers).outcome, Outcome::Allow);
//! # Ok::<(), iam_policy::PolicyError>(())
//! ```
//!
//! | question | answer |
//! | --- | --- |
//! | is this text a policy? | [`Policy::parse`], [`Policy::check`] for where it is attached |
//! | may this caller do this? | [`evaluate`] with a [`Request`] and the [`Layers`] that apply |
//! | why (not)? | [`Decision::because`], [`Decision::message`] (AWS's own AccessDenied text) |
//! | do two documents mean the same? | [`equal`], [`diff`], [`describe`] |
//! | what of one has the other, what has it not? | [`within`], [`beyond`] |
//! | is a bucket policy public, as S3 means it? | [`is_public`], [`public_statements`], [`PUBLIC_POLICIES_PREVENTED`] |
//! | what may anybody on the internet do? | [`anonymous_allows`], [`anonymous_access`] |
//!
//! Rules follow the IAM User Guide ("Policy evaluation logic", "IAM JSON policy elements") and the
//! S3 User Guide ("Blocking public access"). Where the guides are silent the doc comment says
//! what is assumed.

mod condition;
mod context;
mod date;
mod describe;
mod document;
mod equal;
mod evaluate;
mod explain;
mod json;
mod operator;
mod pattern;
mod principal;
mod public;
mod reduce;

pub use context::Context;
pub use describe::describe;
pub use document::{
    Attachment, Condition, Effect, Policy, PolicyError, PrincipalId, Principals, Selection,
    Statement, Version,
};
pub use equal::{Change, StatementChange, diff, equal};
pub use evaluate::{Attached, Decision, Layers, Outcome, Request, evaluate};
pub use explain::{Because, Layer, PUBLIC_POLICIES_PREVENTED, StatementRef};
pub use operator::{Operator, Quantifier, Test};
pub use principal::Principal;
pub use public::{
    AnonymousAccess, anonymous_access, anonymous_allows, is_public, public_statements,
};
pub use reduce::{beyond, within};
