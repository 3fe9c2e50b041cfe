//! What bringing a bucket's policy back does to whom, and the policy that stays when only
//! what somebody added is taken away.

use super::both;
use iam_policy::{
    Condition, Effect, Policy, PrincipalId, Principals, Statement, beyond, public_statements,
    within,
};
use model::knowledge::Restoring;
use model::{AttributePath, Value};

/// Back to `desired`, whole. `None` where either is no policy that can be read.
pub(in crate::kinds) fn restoring(
    path: &AttributePath,
    desired: &Value,
    live: &Value,
) -> Option<Restoring> {
    let (desired, live) = both(path, desired, live)?;
    let goes = taken_away(&beyond(&live, &desired));
    Some(goes.and(put_back(&beyond(&desired, &live))))
}

/// `live` without what `desired` has not. A bucket cannot have a policy of no statements:
/// where none would stay there is no such policy, unless none is what is desired.
pub(in crate::kinds) fn without_additions(
    path: &AttributePath,
    desired: &Value,
    live: &Value,
) -> Option<Value> {
    let (wanted, is) = both(path, desired, live)?;
    if beyond(&is, &wanted).statements.is_empty() {
        return None;
    }
    let rest = within(&is, &wanted);
    if iam_policy::equal(&rest, &wanted) {
        return Some(desired.clone());
    }
    (!rest.statements.is_empty()).then(|| rest.to_string().into())
}

fn taken_away(added: &Policy) -> Restoring {
    let public = public_statements(added);
    let all = added.statements.iter().enumerate().map(|(i, statement)| {
        if statement.effect == Effect::Deny {
            return Restoring::Opens;
        }
        let names = named(statement);
        match (names.is_empty(), public.contains(&i)) {
            (true, true) => Restoring::Closes,
            // Everybody, under a condition that lets only some of them in.
            (true, false) => Restoring::TakesFrom(conditions(statement)),
            (false, _) => Restoring::TakesFrom(names),
        }
    });
    all.fold(Restoring::Neutral, Restoring::and)
}

fn put_back(gone: &Policy) -> Restoring {
    let all = gone.statements.iter().map(|statement| match (statement.effect, named(statement)) {
        (Effect::Allow, _) => Restoring::Opens,
        (Effect::Deny, _) if is_about_everyone(&statement.principals) => Restoring::Closes,
        (Effect::Deny, names) if names.is_empty() => Restoring::Opens,
        (Effect::Deny, names) => Restoring::TakesFrom(names),
    });
    all.fold(Restoring::Neutral, Restoring::and)
}

fn is_about_everyone(principals: &Principals) -> bool {
    match principals {
        Principals::Only(ids) => ids.contains(&PrincipalId::Everyone),
        Principals::AllBut(_) => true,
        Principals::Implied => false,
    }
}

/// Those whom the statement names one by one.
fn named(statement: &Statement) -> Vec<String> {
    let Principals::Only(ids) = &statement.principals else { return Vec::new() };
    let name = |id: &PrincipalId| match id {
        PrincipalId::Everyone => None,
        PrincipalId::Aws(id)
        | PrincipalId::Service(id)
        | PrincipalId::Federated(id)
        | PrincipalId::CanonicalUser(id) => Some(id.clone()),
    };
    ids.iter().filter_map(name).collect()
}

fn conditions(statement: &Statement) -> Vec<String> {
    let words = |Condition { operator, key, values }: &Condition| {
        format!("{operator} {key} {}", values.join(" or "))
    };
    statement.conditions.iter().map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};

    const TLS: &str = r#"{"Sid":"Tls","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#;
    const CI: &str = r#"{"Sid":"Ci","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::b/*"}"#;
    const ALL: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}"#;
    const OTHER: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}"#;
    const OFFICE: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}"#;
    const LOCKED: &str = r#"{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci"},"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::b/*"}"#;
    const STATEMENTS: [&str; 6] = [TLS, CI, ALL, OTHER, OFFICE, LOCKED];

    fn policy(statements: &[&str]) -> Value {
        let statements = statements.join(",");
        format!(r#"{{"Version":"2012-10-17","Id":"acme","Statement":[{statements}]}}"#).into()
    }

    fn path() -> AttributePath {
        AttributePath::root("policy")
    }

    fn check(desired: &[&str], live: &[&str], expected: Restoring) {
        let back = restoring(&path(), &policy(desired), &policy(live));
        assert_eq!(back, Some(expected), "{desired:?} {live:?}");
    }

    fn takes(name: &str) -> Restoring {
        Restoring::TakesFrom(vec![name.to_owned()])
    }

    #[test]
    fn one_row_a_direction() {
        let stranger = takes("arn:aws:iam::444455556666:root");
        check(&[CI], &[CI], Restoring::Neutral);
        // What was added goes.
        check(&[CI], &[CI, ALL], Restoring::Closes);
        check(&[CI], &[CI, OTHER], stranger.clone());
        check(&[CI], &[CI, ALL, OTHER], stranger);
        check(&[CI], &[CI, OFFICE], takes("IpAddress aws:SourceIp 203.0.113.0/24"));
        check(&[CI], &[CI, LOCKED], Restoring::Opens);
        check(&[CI], &[CI, TLS], Restoring::Opens);
        // What is missing comes back.
        check(&[CI, TLS], &[CI], Restoring::Closes);
        check(&[CI, LOCKED], &[CI], takes("arn:aws:iam::111122223333:role/ci"));
        check(&[CI, TLS], &[TLS], Restoring::Opens);
        check(&[CI, ALL], &[CI], Restoring::Opens);
        // Both.
        check(&[CI, TLS], &[CI, ALL], Restoring::Closes);
        check(&[CI, TLS], &[ALL], Restoring::Opens);
        check(&[CI, LOCKED], &[CI, ALL], takes("arn:aws:iam::111122223333:role/ci"));
    }

    #[test]
    fn one_who_came_into_a_statement_is_named_alone() {
        let two = CI.replace(
            r#""arn:aws:iam::111122223333:role/ci""#,
            r#"["arn:aws:iam::111122223333:role/ci","arn:aws:iam::444455556666:root"]"#,
        );
        check(&[CI], &[&two], takes("arn:aws:iam::444455556666:root"));
        let left = without_additions(&path(), &policy(&[CI, TLS]), &policy(&[&two])).unwrap();
        assert_eq!(read(&left), read(&policy(&[CI])));
    }

    #[test]
    fn what_stays_is_as_it_was_written() {
        let left = |desired: &[&str], live: &[&str]| {
            without_additions(&path(), &policy(desired), &policy(live))
        };
        assert_eq!(left(&[CI], &[CI]), None, "nothing was added");
        assert_eq!(left(&[CI, TLS], &[CI]), None, "nothing was added");
        assert_eq!(left(&[CI, TLS], &[TLS, ALL, CI]), Some(policy(&[CI, TLS])), "the desired one");
        let rest = left(&[CI, TLS, LOCKED], &[TLS, ALL, CI]).unwrap();
        assert_eq!(read(&rest), read(&policy(&[TLS, CI])), "names and order stay");
        assert_eq!(left(&[CI], &[ALL]), None, "a policy of no statements is none");
        assert_eq!(without_additions(&path(), &policy(&[CI]), &"{".into()), None);
        assert_eq!(restoring(&path(), &policy(&[CI]), &"{".into()), None);
        // No policy is desired, and a copy in the bucket's own state can say so.
        let none = Value::from("");
        assert_eq!(without_additions(&path(), &none, &policy(&[ALL])), Some(none.clone()));
        assert_eq!(restoring(&path(), &none, &policy(&[ALL])), Some(Restoring::Closes));
        assert_eq!(restoring(&path(), &policy(&[CI]), &Value::Null), Some(Restoring::Opens));
        let other = AttributePath::root("bucket");
        assert_eq!(without_additions(&other, &policy(&[CI]), &policy(&[CI, ALL])), None);
    }

    fn some() -> impl Strategy<Value = Value> {
        let statements = subsequence(STATEMENTS.to_vec(), 1..=STATEMENTS.len()).prop_shuffle();
        let principal = select(vec![r#""*""#, r#"{"AWS":["*","444455556666"]}"#]);
        (statements, principal).prop_map(|(statements, principal)| {
            let joined: Vec<String> = statements
                .iter()
                .map(|s| s.replace(r#""Principal":"*""#, &format!(r#""Principal":{principal}"#)))
                .collect();
            policy(&joined.iter().map(String::as_str).collect::<Vec<_>>())
        })
    }

    fn read(value: &Value) -> Policy {
        Policy::parse(value.as_str().unwrap()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn only_additions_go_and_all_of_them(desired in some(), live in some()) {
            let left = without_additions(&path(), &desired, &live);
            let (wanted, is) = (read(&desired), read(&live));
            match left {
                Some(left) => {
                    let again = without_additions(&path(), &desired, &left);
                    prop_assert_eq!(again, None, "{:?}", left);
                    let left = read(&left);
                    prop_assert!(beyond(&left, &wanted).statements.is_empty(), "{left}");
                    // Whatever both have is still there.
                    prop_assert!(beyond(&within(&is, &wanted), &left).statements.is_empty());
                }
                None => prop_assert!(
                    beyond(&is, &wanted).statements.is_empty()
                        || within(&is, &wanted).statements.is_empty()
                ),
            }
        }

        /// Caution only grows with what is done besides.
        #[test]
        fn more_to_bring_back_is_never_less_cautious(desired in some(), live in some()) {
            let whole = restoring(&path(), &desired, &live).unwrap();
            if let Some(left) = without_additions(&path(), &desired, &live) {
                let part = restoring(&path(), &left, &live).unwrap();
                prop_assert_eq!(part.and(whole.clone()), whole);
            }
        }
    }
}
