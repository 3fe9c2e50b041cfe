//! Names of MITRE ATT&CK techniques, so that nobody has to look one up.

/// Sorted by id; the file's head has its source and licence.
const TABLE: &str = include_str!("technique.tsv");

/// `Data from Cloud Storage` for `T1530`.
pub fn name(id: &str) -> Option<&'static str> {
    TABLE
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .find(|(known, _)| *known == id)
        .map(|(_, name)| name)
}

/// The page of a technique: `T1562.007` is at `.../T1562/007/`. Anything that does not look
/// like an id has none, so that no foreign text becomes a link.
pub fn url(id: &str) -> Option<String> {
    let digits = |text: &str, n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
    let number = id.strip_prefix('T')?;
    let (main, sub) = match number.split_once('.') {
        Some((main, sub)) => (main, Some(sub)),
        None => (number, None),
    };
    if !digits(main, 4) || !sub.is_none_or(|s| digits(s, 3)) {
        return None;
    }
    let sub = sub.map(|s| format!("{s}/")).unwrap_or_default();
    Some(format!("https://attack.mitre.org/techniques/T{main}/{sub}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_names_and_pages() {
        assert_eq!(name("T1530"), Some("Data from Cloud Storage"));
        assert_eq!(url("T1530").unwrap(), "https://attack.mitre.org/techniques/T1530/");
        assert_eq!(url("T1562.007").unwrap(), "https://attack.mitre.org/techniques/T1562/007/");
        assert_eq!(name("T0000"), None);
        assert_eq!(url("T1530) [x](evil"), None);
    }

    #[test]
    fn the_table_is_sorted_and_whole() {
        let ids: Vec<&str> =
            TABLE.lines().filter_map(|l| l.split_once('\t')).map(|(id, _)| id).collect();
        assert!(ids.len() > 50);
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| url(id).is_some()));
    }
}
