//! Resource Manager's ids. Paths match without case; what is stored keeps the case it was
//! created with, and what is handed out is canonical.

use crate::story::SUBSCRIPTION;

pub fn subscription() -> String {
    format!("/subscriptions/{SUBSCRIPTION}")
}

pub fn group(name: &str) -> String {
    format!("{}/resourceGroups/{name}", subscription())
}

pub fn account(group_name: &str, name: &str) -> String {
    format!("{}/providers/Microsoft.Storage/storageAccounts/{name}", group(group_name))
}

pub fn container(group_name: &str, account_name: &str, name: &str) -> String {
    format!("{}/blobServices/default/containers/{name}", account(group_name, account_name))
}

pub fn role_definition(guid: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/roleDefinitions/{guid}", subscription())
}

/// Whether `scope` holds `id`: itself or a parent, segment by segment, without case.
pub fn holds(scope: &str, id: &str) -> bool {
    let scope = scope.trim_matches('/');
    if scope.is_empty() {
        return true;
    }
    let mut segments = id.trim_matches('/').split('/');
    scope.split('/').all(|s| segments.next().is_some_and(|i| i.eq_ignore_ascii_case(s)))
}

/// The segment after the one called `name`, without case.
pub fn segment_after<'a>(id: &'a str, name: &str) -> Option<&'a str> {
    let mut segments = id.split('/');
    segments.find(|s| s.eq_ignore_ascii_case(name))?;
    segments.next().filter(|s| !s.is_empty())
}

/// The resource provider and the full type of an id: `Microsoft.Storage` and
/// `Microsoft.Storage/storageAccounts/blobServices/containers`.
pub fn type_of(id: &str) -> (String, String) {
    let segments: Vec<&str> = id.split('/').filter(|s| !s.is_empty()).collect();
    let Some(at) = segments.iter().rposition(|s| s.eq_ignore_ascii_case("providers")) else {
        return (
            "Microsoft.Resources".to_owned(),
            "Microsoft.Resources/subscriptions/resourceGroups".to_owned(),
        );
    };
    let rest = &segments[at + 1..];
    let Some((namespace, rest)) = rest.split_first() else {
        return (String::new(), String::new());
    };
    let types = rest.iter().step_by(2).fold((*namespace).to_owned(), |all, t| format!("{all}/{t}"));
    ((*namespace).to_owned(), types)
}

/// Does a lower-case shape (`/subscriptions/*/resourcegroups/*`, `**` for any scope at the
/// front) fit the path? Answers with what stood at each `*`, and with the scope.
pub fn fit<'p>(shape: &str, path: &'p str) -> Option<(Vec<&'p str>, &'p str)> {
    let (shape, rest, scope) = match shape.strip_prefix("**") {
        Some(tail) => {
            let marker = tail.trim_end_matches("/*");
            let at = path.to_ascii_lowercase().rfind(marker)?;
            (tail, &path[at..], &path[..at])
        }
        None => (shape, path, ""),
    };
    let wanted: Vec<&str> = shape.trim_matches('/').split('/').collect();
    let given: Vec<&str> = rest.trim_matches('/').split('/').collect();
    if wanted.len() != given.len() {
        return None;
    }
    let mut names = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        match wanted {
            "*" if !given.is_empty() => names.push(given),
            _ if given.eq_ignore_ascii_case(wanted) => {}
            _ => return None,
        }
    }
    Some((names, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_hold_what_lies_in_them() {
        let id = account("rg", "a");
        assert!(holds("/", &id));
        assert!(holds(&subscription().to_uppercase(), &id));
        assert!(holds(&group("RG"), &id));
        assert!(!holds(&group("r"), &id));
        assert!(!holds(&container("rg", "a", "c"), &id));
    }

    #[test]
    fn shapes_fit_without_case() {
        let (names, _) =
            fit("/subscriptions/*/resourcegroups/*", "/subscriptions/s/resourceGroups/Rg").unwrap();
        assert_eq!(names, ["s", "Rg"]);
        assert!(fit("/subscriptions/*", "/subscriptions/s/resourceGroups/Rg").is_none());
        let shape = "**/providers/microsoft.authorization/roleassignments/*";
        let (names, scope) =
            fit(shape, "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/g")
                .unwrap();
        assert_eq!((names[0], scope), ("g", "/subscriptions/s"));
        assert!(
            fit(shape, "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments")
                .is_none()
        );
    }

    #[test]
    fn types_of_ids() {
        assert_eq!(
            type_of(&container("rg", "a", "c")).1,
            "Microsoft.Storage/storageAccounts/blobServices/containers"
        );
        assert_eq!(type_of(&group("rg")).0, "Microsoft.Resources");
    }
}
