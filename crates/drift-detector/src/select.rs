//! `--only`: which resources a run is about, by address.

use model::ResourceAddress;

/// Patterns over addresses; nothing given selects everything. `*` stands for any text and
/// `?` for one character; brackets are literal, because addresses hold them. A pattern also
/// selects what lies under it: a module its resources, a resource its instances.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    patterns: Vec<String>,
}

impl Selection {
    pub fn new<S: Into<String>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Selection { patterns: patterns.into_iter().map(Into::into).collect() }
    }

    pub fn selects(&self, address: &ResourceAddress) -> bool {
        self.selects_text(&address.to_string())
    }

    /// For what has no address: its native id.
    pub fn selects_text(&self, text: &str) -> bool {
        self.patterns.is_empty()
            || self.patterns.iter().any(|p| {
                matches(p, text)
                    || matches(&format!("{p}.*"), text)
                    || matches(&format!("{p}[*"), text)
            })
    }
}

/// Greedy matching with one point to come back to: linear in practice, quadratic at worst,
/// where a naive recursion would be exponential in the number of stars.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match &mut back {
                Some((star, from)) => {
                    *from += 1;
                    p = *star + 1;
                    t = *from;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_by_address() {
        let all = "module.data[\"a\"].aws_s3_bucket.exports[0]";
        for (pattern, expected) in [
            ("module.data[\"a\"]", true),
            ("module.data", true),
            ("module.data[\"b\"]", false),
            ("*.aws_s3_bucket.exports", true),
            ("*exports[0]", true),
            ("*exports[1]", false),
            ("aws_s3_bucket.exports", false),
            ("*aws_s3_bucket.*", true),
            ("*aws_s3_buckets.*", false),
            ("?odule.*", true),
            ("*", true),
            ("", false),
        ] {
            assert_eq!(Selection::new([pattern]).selects_text(all), expected, "{pattern}");
        }
        assert!(Selection::default().selects_text(all));
    }

    #[test]
    fn many_stars_end_soon() {
        let text = "a".repeat(2000);
        assert!(!Selection::new([format!("{}b", "*a".repeat(500))]).selects_text(&text));
    }
}
