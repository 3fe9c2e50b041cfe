//! Does a name look like a person's? Used only where the log holds nothing better.

/// Words of which the names of machines are made; `ci.deploy` is nobody.
const MACHINE_WORDS: &[&str] = &[
    "admin",
    "agent",
    "api",
    "app",
    "aws",
    "backup",
    "bot",
    "build",
    "ci",
    "cd",
    "cron",
    "data",
    "deploy",
    "deployer",
    "dev",
    "job",
    "lambda",
    "ops",
    "pipeline",
    "prod",
    "role",
    "root",
    "runner",
    "service",
    "session",
    "svc",
    "system",
    "terraform",
    "test",
    "user",
    "worker",
];

/// An e-mail address of a person: not one that a cloud gives to machines.
pub(crate) fn is_address(name: &str) -> bool {
    let Some((local, domain)) = name.rsplit_once('@') else { return false };
    !local.is_empty()
        && domain.contains('.')
        && !domain.ends_with("gserviceaccount.com")
        && !MACHINE_WORDS.contains(&local.to_lowercase().as_str())
}

/// An address, or `first.last`.
pub(crate) fn looks_like_person(name: &str) -> bool {
    is_address(name) || {
        let words: Vec<&str> = name.split('.').collect();
        (2..=3).contains(&words.len())
            && words.iter().all(|w| {
                w.chars().count() >= 2
                    && w.chars().all(char::is_alphabetic)
                    && !MACHINE_WORDS.contains(&w.to_lowercase().as_str())
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn persons_and_machines() {
        for name in ["maya.chen@example.com", "maya.chen", "Jo.de.Vries", "José.García"] {
            assert!(looks_like_person(name), "{name}");
        }
        for name in [
            "ci-deploy",
            "ci.deploy",
            "botocore-session-1700000000",
            "i-0abc1234def567890",
            "deploy@example.com",
            "x@p.iam.gserviceaccount.com",
            "a.b",
            "GitHubActions",
            "",
            "@",
            "maya@localhost",
            "v1.2",
        ] {
            assert!(!looks_like_person(name), "{name}");
        }
    }
}
