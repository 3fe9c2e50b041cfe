//! What bringing a bucket's access control list back does to whom.

use super::settings::{GrantOf, grants_value};
use crate::kinds::attributes::strings;
use model::knowledge::Restoring;
use model::{AttributePath, Value};

/// S3 User Guide, "Amazon S3 predefined groups": the two that strangers are in.
const STRANGERS: [&str; 2] = [
    "http://acs.amazonaws.com/groups/global/AllUsers",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
];

/// The list, one permission an entry. `None`: another attribute, or a part of the list.
fn both(
    path: &AttributePath,
    desired: &Value,
    live: &Value,
) -> Option<(Vec<GrantOf>, Vec<GrantOf>)> {
    (*path == AttributePath::root("grant")).then(|| (single(desired), single(live)))
}

fn single(list: &Value) -> Vec<GrantOf> {
    let grants = list.as_list().unwrap_or_default().iter().filter_map(Value::as_map);
    grants
        .flat_map(|grant| {
            let own =
                |name: &str| grant.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            strings(grant.get("permissions")).into_iter().map(move |permission| GrantOf {
                kind: own("type"),
                id: own("id"),
                uri: own("uri"),
                permission,
            })
        })
        .collect()
}

pub(super) fn restoring(path: &AttributePath, desired: &Value, live: &Value) -> Option<Restoring> {
    let (desired, live) = both(path, desired, live)?;
    let goes = live.iter().filter(|g| !desired.contains(g)).map(|grant| {
        match STRANGERS.contains(&grant.uri.as_str()) {
            true => Restoring::Closes,
            false if grant.uri.is_empty() => Restoring::TakesFrom(vec![grant.id.clone()]),
            false => Restoring::TakesFrom(vec![grant.uri.clone()]),
        }
    });
    let comes = desired.iter().filter(|g| !live.contains(g)).map(|_| Restoring::Opens);
    Some(goes.chain(comes).fold(Restoring::Neutral, Restoring::and))
}

pub(super) fn without_additions(
    path: &AttributePath,
    desired: &Value,
    live: &Value,
) -> Option<Value> {
    let (desired, live) = both(path, desired, live)?;
    let all = live.len();
    let rest: Vec<GrantOf> = live.into_iter().filter(|g| desired.contains(g)).collect();
    (rest.len() < all && !rest.is_empty()).then(|| grants_value(rest.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(grants: &[(&str, &str)]) -> Value {
        grants_value(grants.iter().map(|(who, permission)| {
            let group = who.starts_with("http");
            GrantOf {
                kind: if group { "Group" } else { "CanonicalUser" }.to_owned(),
                id: if group { String::new() } else { (*who).to_owned() },
                uri: if group { (*who).to_owned() } else { String::new() },
                permission: (*permission).to_owned(),
            }
        }))
    }

    #[test]
    fn one_row_a_direction() {
        let path = AttributePath::root("grant");
        let own = ("75aa57f0", "FULL_CONTROL");
        let (all, logs) = (STRANGERS[0], "http://acs.amazonaws.com/groups/s3/LogDelivery");
        let takes = |who: &str| Restoring::TakesFrom(vec![who.to_owned()]);
        for (desired, live, expected) in [
            (vec![own], vec![own], Restoring::Neutral),
            (vec![own], vec![own, (all, "READ")], Restoring::Closes),
            (vec![own], vec![own, (STRANGERS[1], "WRITE")], Restoring::Closes),
            (vec![own], vec![own, (all, "READ"), ("0abc", "READ")], takes("0abc")),
            (vec![own], vec![own, (logs, "WRITE")], takes(logs)),
            (vec![own, (logs, "WRITE")], vec![own, (all, "READ")], Restoring::Opens),
            (vec![own, ("0abc", "READ")], vec![own, ("0abc", "WRITE")], Restoring::Opens),
        ] {
            let (desired, live) = (list(&desired), list(&live));
            assert_eq!(restoring(&path, &desired, &live), Some(expected), "{desired:?} {live:?}");
            let rest = without_additions(&path, &desired, &live);
            assert_eq!(
                rest.is_some(),
                restoring(&path, &desired, &live) != Some(Restoring::Neutral)
            );
            if let Some(rest) = rest {
                assert_eq!(without_additions(&path, &desired, &rest), None);
                assert!(rest.as_list().unwrap().contains(&list(&[own]).as_list().unwrap()[0]));
            }
        }
        assert_eq!(without_additions(&path, &list(&[]), &list(&[own])), None, "none is left");
        assert_eq!(restoring(&path.index(0), &Value::Null, &Value::Null), None);
    }
}
