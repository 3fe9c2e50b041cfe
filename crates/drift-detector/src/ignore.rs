//! `.driftignore`: what a team has decided not to hear about, in gitignore's own rules.
//!
//! A pattern is matched against `address/attribute.path`; one without a slash against any
//! part of it, so `tags.Owner` holds for every resource and `module.scratch.*` for every
//! attribute. Later lines win, `!` takes back. Two things differ from files, because
//! addresses are not files: brackets are literal (`aws_x.y[0]` means what it says), and a
//! slash inside a quoted key is part of the key.

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use model::finding::AttributeChange;
use model::path::Step;
use model::{AttributePath, ResourceAddress};

#[derive(Clone, Debug)]
pub struct DriftIgnore {
    rules: Gitignore,
    /// Each rule with its line number, to say which one decided.
    lines: Vec<(usize, String)>,
}

/// Something left out, and the line that did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Empty for a whole resource.
    pub path: Option<AttributePath>,
    pub line: usize,
    pub pattern: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub changes: Vec<AttributeChange>,
    pub ignored: Vec<Ignored>,
}

impl Default for DriftIgnore {
    fn default() -> Self {
        DriftIgnore { rules: Gitignore::empty(), lines: Vec::new() }
    }
}

impl DriftIgnore {
    /// The errors name the line.
    pub fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut builder = GitignoreBuilder::new("");
        let mut lines = Vec::new();
        let mut errors = Vec::new();
        for (i, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let rule = rule_of(line);
            match builder.add_line(None, &rule) {
                Ok(_) => lines.push((i + 1, rule)),
                Err(error) => errors.push(format!("line {}: {error}", i + 1)),
            }
        }
        match builder.build() {
            Ok(rules) if errors.is_empty() => Ok(DriftIgnore { rules, lines }),
            Ok(_) => Err(errors),
            Err(error) => {
                errors.push(error.to_string());
                Err(errors)
            }
        }
    }

    /// Is the resource as a whole left out?
    pub fn resource(&self, address: &ResourceAddress) -> Option<Ignored> {
        match self.decide(&place_of(address), true) {
            Some((true, mut ignored)) => {
                ignored.path = None;
                Some(ignored)
            }
            _ => None,
        }
    }

    /// Sorts changes into what is kept and what is left out.
    pub fn filter(&self, address: &ResourceAddress, changes: Vec<AttributeChange>) -> Kept {
        let mut kept = Kept { changes: Vec::new(), ignored: Vec::new() };
        if self.lines.is_empty() {
            kept.changes = changes;
            return kept;
        }
        let place = place_of(address);
        for change in changes {
            match self.change(&place, &change.path) {
                Some(mut ignored) => {
                    ignored.path = Some(change.path);
                    kept.ignored.push(ignored);
                }
                None => kept.changes.push(change),
            }
        }
        kept
    }

    /// The nearest rule decides: of `tags.Owner`, then of `tags`, then of the resource.
    fn change(&self, place: &str, path: &AttributePath) -> Option<Ignored> {
        let mut length = path.steps().len();
        while length > 0 {
            let text = prefix_text(path, length);
            if let Some((ignore, line)) = self.decide(&format!("{place}/{text}"), false) {
                return ignore.then_some(line);
            }
            length -= 1;
        }
        self.decide(place, true).and_then(|(ignore, line)| ignore.then_some(line))
    }

    fn decide(&self, place: &str, whole: bool) -> Option<(bool, Ignored)> {
        let (ignore, glob) = match self.rules.matched(place, whole) {
            Match::None => return None,
            Match::Ignore(glob) => (true, glob),
            Match::Whitelist(glob) => (false, glob),
        };
        let line = self.lines.iter().rev().find(|(_, rule)| rule == glob.original());
        Some((
            ignore,
            Ignored {
                path: None,
                line: line.map_or(0, |(n, _)| *n),
                pattern: glob.original().replace(['\\'], "").replace(KEY_SLASH, "/"),
            },
        ))
    }
}

/// Stands for a slash inside a quoted key, in rules and in addresses alike.
const KEY_SLASH: char = '\u{2215}';

fn place_of(address: &ResourceAddress) -> String {
    address.to_string().replace('/', &KEY_SLASH.to_string())
}

/// A line in the words of the matcher: brackets lose their meaning (unless the line already
/// escapes them as gitignore would have it, `[[]0]`), slashes inside quotes too.
fn rule_of(line: &str) -> String {
    let escape = !line.contains("[[]") && !line.contains("\\[");
    let mut rule = String::with_capacity(line.len() + 4);
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                rule.push(c);
            }
            '/' if quoted => rule.push(KEY_SLASH),
            '[' | ']' | '{' | '}' if escape => {
                rule.push('\\');
                rule.push(c);
            }
            _ => rule.push(c),
        }
    }
    rule
}

fn prefix_text(path: &AttributePath, length: usize) -> String {
    let mut prefix = AttributePath::root(path.attribute());
    for step in &path.steps()[1..length] {
        prefix = match step {
            Step::Key(k) => prefix.key(k.as_str()),
            Step::Index(i) => prefix.index(*i),
        };
    }
    prefix.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Value;

    fn kept(rules: &str, address: &str, paths: &[&str]) -> (Vec<String>, Vec<(usize, String)>) {
        let address = ResourceAddress::parse(address).unwrap();
        let changes = paths
            .iter()
            .map(|p| AttributeChange {
                path: AttributePath::parse(p).unwrap(),
                desired: Value::Null,
                live: Value::Null,
                security_relevant: false,
                sensitive: false,
                summary: vec![],
            })
            .collect();
        let kept = DriftIgnore::parse(rules).unwrap().filter(&address, changes);
        (
            kept.changes.iter().map(|c| c.path.to_string()).collect(),
            kept.ignored.into_iter().map(|i| (i.line, i.pattern)).collect(),
        )
    }

    #[test]
    fn a_pattern_covers_what_lies_under_it() {
        let paths = ["tags.Owner", "tags.Team", "policy"];
        let role = "aws_iam_role.ci";
        let rules = "# ours\n\naws_iam_role.ci/tags\n!aws_iam_role.ci/tags.Team";
        assert_eq!(
            kept(rules, role, &paths),
            (
                vec!["tags.Team".to_owned(), "policy".to_owned()],
                vec![(3, "aws_iam_role.ci/tags".to_owned())]
            )
        );
        assert_eq!(kept("aws_iam_role.*", role, &paths).0, Vec::<String>::new());
        assert_eq!(kept("tags.Owner", role, &paths).0, ["tags.Team", "policy"]);
        assert_eq!(kept("aws_iam_role.other", role, &paths).0.len(), 3);
        assert_eq!(kept("aws_iam_role.*/policy", role, &paths).0, ["tags.Owner", "tags.Team"]);
    }

    #[test]
    fn addresses_are_taken_as_they_are_printed() {
        let paths = ["policy", "network_rules[0].ip_rules"];
        assert!(kept("aws_x.y[0]", "aws_x.y[0]", &paths).0.is_empty());
        assert_eq!(kept("aws_x.y[0]", "aws_x.y0", &paths).0.len(), 2);
        assert!(kept("aws_x.y[[]0]", "aws_x.y[0]", &paths).0.is_empty());
        let keyed = "aws_x.y[\"eu/west\"]";
        assert_eq!(kept("aws_x.y[\"eu/west\"]/policy", keyed, &paths).0, [paths[1]]);
        assert_eq!(kept("aws_x.*/policy", keyed, &paths).0, [paths[1]]);
        assert_eq!(kept("network_rules", keyed, &paths).0, ["policy"]);
    }

    #[test]
    fn a_whole_resource() {
        let rules = DriftIgnore::parse("module.scratch.*\n").unwrap();
        let address = |t| ResourceAddress::parse(t).unwrap();
        assert_eq!(rules.resource(&address("module.scratch.aws_x.y")).unwrap().line, 1);
        assert!(rules.resource(&address("aws_x.y")).is_none());
        assert!(DriftIgnore::default().resource(&address("aws_x.y")).is_none());
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = DriftIgnore::parse("ok\na\\").map(|_| ()).unwrap_err();
        assert!(error[0].starts_with("line 2"), "{error:?}");
    }
}
