//! One line for a person about one statement.

use crate::document::{Condition, Effect, PrincipalId, Principals, Selection, Statement};

/// `allow * s3:GetObject on acme-exports/* if IpAddress aws:SourceIp 203.0.113.0/24`
#[must_use]
pub fn describe(statement: &Statement) -> String {
    let mut line = String::from(match statement.effect {
        Effect::Allow => "allow",
        Effect::Deny => "deny",
    });
    match &statement.principals {
        Principals::Implied => {}
        Principals::Only(ids) => line += &format!(" {}", principals(ids)),
        Principals::AllBut(ids) => line += &format!(" everyone but {}", principals(ids)),
    }
    line += &match &statement.actions {
        Selection::Only(actions) => format!(" {}", actions.join(", ")),
        Selection::AllBut(actions) => format!(" everything but {}", actions.join(", ")),
    };
    let names = |arns: &[String]| arns.iter().map(|a| short(a)).collect::<Vec<_>>().join(", ");
    match &statement.resources {
        None => {}
        Some(Selection::Only(arns)) => line += &format!(" on {}", names(arns)),
        Some(Selection::AllBut(arns)) => line += &format!(" on all but {}", names(arns)),
    }
    if !statement.conditions.is_empty() {
        let conditions: Vec<_> = statement.conditions.iter().map(condition).collect();
        line += &format!(" if {}", conditions.join(" and "));
    }
    line
}

fn principals(ids: &[PrincipalId]) -> String {
    let name = |id: &PrincipalId| match id {
        PrincipalId::Everyone => "*".to_owned(),
        PrincipalId::CanonicalUser(id) => format!("canonical user {id}"),
        PrincipalId::Aws(id) | PrincipalId::Service(id) | PrincipalId::Federated(id) => {
            short_principal(id)
        }
    };
    ids.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Bucket and key without the prefix that is the same for all of S3.
fn short(arn: &str) -> &str {
    arn.strip_prefix("arn:aws:s3:::").unwrap_or(arn)
}

/// `arn:aws:iam::111122223333:user/ci` is `111122223333:user/ci`.
fn short_principal(id: &str) -> String {
    let parts: Vec<&str> = id.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam" | "sts", "", account, resource] => format!("{account}:{resource}"),
        _ => id.to_owned(),
    }
}

fn condition(condition: &Condition) -> String {
    let Condition { operator, key, values } = condition;
    format!("{operator} {key} {}", values.join(" or "))
}
