//! Who is at the keyboard, as the ledger records it.

use crate::exit::Failure;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::remediation::{Identified, IdentifiedBy};
use operations::CheckCloud;
use std::os::unix::fs::MetadataExt;

/// A CI job's identity token. Its subject is taken as it stands: the job that holds the token
/// has it from its own CI, and whoever can put another one here can also run as that job.
const TOKEN: &str = "LAB_OIDC_TOKEN";

/// The CI job where its token says so, else whom the clouds take us for, else the user of the
/// machine.
pub async fn who(clouds: Option<&[CheckCloud]>) -> Result<Identified, Failure> {
    if let Some(token) = std::env::var(TOKEN).ok().filter(|token| !token.is_empty()) {
        let name = subject(&token).ok_or_else(|| {
            Failure::usage(format!("{TOKEN} is no identity token: it names no subject"))
                .hint("give the token of the CI job as it is, or take the variable away")
        })?;
        return Ok(Identified { name, by: IdentifiedBy::CiToken });
    }
    for account in clouds.into_iter().flatten().flat_map(|c| c.accounts.iter().flatten()) {
        if let Ok(identity) = account.reader.identity().await {
            return Ok(Identified { name: identity.principal, by: IdentifiedBy::Cloud });
        }
    }
    Ok(Identified { name: machine_user(), by: IdentifiedBy::Machine })
}

fn subject(token: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    Some(claims.get("sub")?.as_str()?.to_owned())
}

/// By the number under which this process runs, not by what the environment says.
fn machine_user() -> String {
    let number = std::fs::metadata("/proc/self").map(|m| m.uid()).ok();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let by_number = number.and_then(|n| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(n)).then(|| name.to_owned())
        })
    });
    by_number
        .or_else(|| std::env::var("USER").ok())
        .unwrap_or_else(|| number.map_or_else(|| "unknown".to_owned(), |n| format!("user {n}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_subject() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"repo:acme/infra:ref:refs/heads/main"}"#);
        let token = format!("e30.{claims}.c2ln");
        assert_eq!(subject(&token).as_deref(), Some("repo:acme/infra:ref:refs/heads/main"));
        assert_eq!(subject("not a token"), None);
        assert_eq!(subject("a.b.c"), None);
    }
}
