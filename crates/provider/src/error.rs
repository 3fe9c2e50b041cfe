//! What went wrong, whether to try again, and what a person should do.

use model::{Unknown, UnknownReason};
use std::fmt;

/// What went wrong. Each provider decides this once, from its SDK's typed codes, in its
/// own `error.rs`; nobody reads it out of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller is known and may not.
    Denied,
    /// No credentials, or the cloud does not accept them (expired, wrong, disabled).
    Credentials,
    /// The thing asked for is not there.
    NotFound,
    AlreadyExists,
    /// Somebody else changed it in between, or a precondition did not hold.
    Conflict,
    Throttled,
    /// No answer: name lookup, connection, TLS, timeout, or the service's own failure.
    Unreachable,
    /// Neither this tool nor, perhaps, that endpoint knows how.
    Unsupported,
    /// The answer could not be understood.
    Malformed,
    /// The request was refused as wrong.
    Invalid,
    /// The credentials belong to another account than the resource.
    WrongAccount,
}

impl ErrorKind {
    pub fn retry(self) -> Retry {
        match self {
            ErrorKind::Throttled | ErrorKind::Unreachable => Retry::Temporary,
            _ => Retry::Permanent,
        }
    }

    fn words(self) -> &'static str {
        match self {
            ErrorKind::Denied => "denied",
            ErrorKind::Credentials => "credentials not accepted",
            ErrorKind::NotFound => "not found",
            ErrorKind::AlreadyExists => "already exists",
            ErrorKind::Conflict => "conflict",
            ErrorKind::Throttled => "throttled",
            ErrorKind::Unreachable => "unreachable",
            ErrorKind::Unsupported => "not supported",
            ErrorKind::Malformed => "answer not understood",
            ErrorKind::Invalid => "refused as invalid",
            ErrorKind::WrongAccount => "wrong account",
        }
    }
}

/// May one try again?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    Temporary,
    Permanent,
    /// It was temporary, was tried again, and stayed.
    Persistent,
}

/// One failed call: which, on what, as whom, why, and what to grant or do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ProviderError {
    pub kind: ErrorKind,
    pub retry: Retry,
    /// `s3:GetBucketPolicy`
    pub call: String,
    /// `bucket audit`
    pub target: String,
    /// `role/ci`, where it is known.
    pub caller: Option<String>,
    /// The cloud's own words, redacted.
    pub cause: String,
    pub next_step: String,
    /// How long the cloud asked us to wait before the next try.
    pub retry_after: Option<std::time::Duration>,
}

impl ProviderError {
    pub fn new(kind: ErrorKind, call: impl Into<String>, target: impl Into<String>) -> Self {
        let call = call.into();
        let next_step = match kind {
            ErrorKind::Denied => format!("grant {call}"),
            ErrorKind::Credentials => "check the credentials: lab doctor".to_owned(),
            ErrorKind::Throttled => "run again later, or ask for a higher limit".to_owned(),
            ErrorKind::Unreachable => "check the endpoint and the network: lab doctor".to_owned(),
            ErrorKind::NotFound => "check the name, and whose credentials these are".to_owned(),
            ErrorKind::Malformed => "check which endpoint answers: lab doctor".to_owned(),
            ErrorKind::Invalid => {
                "look at what the state records for it: terraform state show".to_owned()
            }
            _ => String::new(),
        };
        ProviderError {
            kind,
            retry: kind.retry(),
            call,
            target: target.into(),
            caller: None,
            cause: String::new(),
            next_step,
            retry_after: None,
        }
    }

    /// The cloud's own words. Whatever looks like a secret in them is masked.
    pub fn because(mut self, cause: impl AsRef<str>) -> Self {
        self.cause = crate::redact::mask(cause.as_ref());
        self
    }

    pub fn as_caller(mut self, caller: impl Into<String>) -> Self {
        self.caller = Some(caller.into());
        self
    }

    pub fn next_step(mut self, step: impl Into<String>) -> Self {
        self.next_step = step.into();
        self
    }

    pub fn retry_after(mut self, wait: Option<std::time::Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    pub fn persistent(mut self) -> Self {
        self.retry = Retry::Persistent;
        self
    }

    pub fn is(&self, kind: ErrorKind) -> bool {
        self.kind == kind
    }

    /// The row that this failure is in a report. Everything that is not an answer is
    /// *unknown*: nothing here can turn into *in sync* or *missing*.
    pub fn to_unknown(&self) -> Unknown {
        let reason = match self.kind {
            ErrorKind::Denied | ErrorKind::Credentials => UnknownReason::Denied,
            ErrorKind::Throttled => UnknownReason::Throttled,
            ErrorKind::Unsupported => UnknownReason::Unsupported,
            ErrorKind::WrongAccount => UnknownReason::WrongAccount,
            ErrorKind::Unreachable => UnknownReason::Unreachable,
            _ => UnknownReason::Malformed,
        };
        let mut detail = format!("{} on {}", self.call, self.target);
        if let Some(caller) = &self.caller {
            detail.push_str(&format!(" as {caller}"));
        }
        if !matches!(self.kind, ErrorKind::Denied) && !self.cause.is_empty() {
            detail.push_str(&format!(": {}", self.cause));
        }
        Unknown { reason, detail, next_step: self.next_step.clone() }
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.call, self.target)?;
        if let Some(caller) = &self.caller {
            write!(f, " as {caller}")?;
        }
        write!(f, ": {}", self.kind.words())?;
        if !self.cause.is_empty() {
            write!(f, " ({})", self.cause)?;
        }
        if !self.next_step.is_empty() {
            write!(f, "; {}", self.next_step)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_call_target_caller_cause_and_next_step() {
        let error = ProviderError::new(ErrorKind::Denied, "s3:GetBucketPolicy", "bucket audit")
            .as_caller("role/ci")
            .because("Access Denied");
        assert_eq!(
            error.to_string(),
            "s3:GetBucketPolicy on bucket audit as role/ci: denied (Access Denied); \
             grant s3:GetBucketPolicy"
        );
        let unknown = error.to_unknown();
        assert_eq!(unknown.reason, UnknownReason::Denied);
        assert_eq!(unknown.detail, "s3:GetBucketPolicy on bucket audit as role/ci");
        assert_eq!(unknown.next_step, "grant s3:GetBucketPolicy");
    }
}
