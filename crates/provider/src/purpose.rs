//! How we name ourselves to a cloud, so that its own log tells our calls from all others, and
//! the calls of a remediation from those of a check.

/// What a connection is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Purpose {
    #[default]
    Looking,
    /// Its calls bear [`REMEDIATION`] too: what a fix did is not to be fixed again.
    Remediation,
}

/// Stands in the user agent of every call of a remediation, and of no other.
pub const REMEDIATION: &str = "cloud-security-lab-remediate";

const LOOKING_AGENT: &str = concat!("cloud-security-lab/", env!("CARGO_PKG_VERSION"));
const REMEDIATION_AGENT: &str = concat!(
    "cloud-security-lab/",
    env!("CARGO_PKG_VERSION"),
    " cloud-security-lab-remediate/",
    env!("CARGO_PKG_VERSION")
);

impl Purpose {
    /// Our products for a `User-Agent` header; an SDK's own may follow.
    pub const fn user_agent(self) -> &'static str {
        match self {
            Purpose::Looking => LOOKING_AGENT,
            Purpose::Remediation => REMEDIATION_AGENT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remediation_bears_its_mark_and_nothing_else_does() {
        let (looking, fixing) = (Purpose::Looking.user_agent(), Purpose::Remediation.user_agent());
        assert!(fixing.starts_with(looking) && fixing.contains(REMEDIATION), "{fixing}");
        assert!(!looking.contains(REMEDIATION));
        assert_eq!(Purpose::default(), Purpose::Looking);
    }
}
