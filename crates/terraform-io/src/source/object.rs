//! `s3://bucket/key`, `azblob://account/container/key`, `gs://bucket/key`, and patterns of
//! keys: for states and for logs alike.

use super::{SourceError, is_glob, literal_prefix, matcher};
use globset::GlobMatcher;
use std::fmt;

/// How the URLs of one kind of store are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheme {
    pub name: &'static str,
    /// How many parts name the place: a bucket is one, an account and a container are two.
    pub parts: usize,
    pub form: &'static str,
}

/// Sorted by name.
pub const SCHEMES: &[Scheme] = &[
    Scheme { name: "azblob", parts: 2, form: "azblob://ACCOUNT/CONTAINER/KEY" },
    Scheme { name: "gs", parts: 1, form: "gs://BUCKET/KEY" },
    Scheme { name: "s3", parts: 1, form: "s3://BUCKET/KEY" },
];

/// The ending of a state's name, for folders of states.
const STATE: &str = ".tfstate";

/// Which objects of which bucket are meant.
#[derive(Clone, Debug)]
pub struct ObjectPattern {
    scheme: &'static Scheme,
    place: String,
    key: String,
    glob: Option<GlobMatcher>,
}

impl ObjectPattern {
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        let forms: Vec<&str> = SCHEMES.iter().map(|s| s.form).collect();
        let wrong = |what: &str, next: String| SourceError::new(shown(text), what, next);
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(wrong("not a URL", format!("expected one of {}", forms.join(", "))));
        };
        let Some(scheme) = SCHEMES.iter().find(|s| s.name == scheme) else {
            let next = format!("expected a path or one of {}", forms.join(", "));
            return Err(wrong("states and logs are not read from this kind of URL", next));
        };
        let mut parts = rest.splitn(scheme.parts + 1, '/');
        let place: Vec<&str> = parts.by_ref().take(scheme.parts).collect();
        let key = parts.next().unwrap_or("");
        if place.len() < scheme.parts || !place.iter().all(|p| is_place(p)) {
            let what = if place.iter().any(|p| is_glob(p)) {
                "a wildcard may stand in the key only"
            } else {
                "the bucket or container is not named, or not by a name it can have"
            };
            return Err(wrong(what, format!("expected {}", scheme.form)));
        }
        ObjectPattern::new(text, scheme, place.join("/"), key.to_owned())
    }

    /// One object, by the names that a backend's configuration gives. The key is taken as
    /// it stands: no character of it is a wildcard.
    pub fn exact(scheme: &str, place: &str, key: &str) -> Option<Self> {
        let scheme = SCHEMES.iter().find(|s| s.name == scheme)?;
        let named = place.split('/').count() == scheme.parts && place.split('/').all(is_place);
        if !named || key.is_empty() || key.ends_with('/') {
            return None;
        }
        Some(ObjectPattern { scheme, place: place.into(), key: key.into(), glob: None })
    }

    fn new(
        text: &str,
        scheme: &'static Scheme,
        place: String,
        key: String,
    ) -> Result<Self, SourceError> {
        let glob = if !is_glob(&key) {
            None
        } else if key.ends_with('/') {
            // A folder by pattern: all that lies in it.
            Some(matcher(text, &format!("{key}**"))?)
        } else {
            Some(matcher(text, &key)?)
        };
        Ok(ObjectPattern { scheme, place, key, glob })
    }

    /// `s3`: which store to ask.
    pub fn scheme(&self) -> &'static str {
        self.scheme.name
    }

    /// The bucket; account and container as `account/container`.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What to list: every key that can match begins so.
    pub fn list_prefix(&self) -> &str {
        match self.glob {
            Some(_) => literal_prefix(&self.key),
            None => &self.key,
        }
    }

    /// The one object that is meant, when no wildcard and no folder is.
    pub fn exact_key(&self) -> Option<&str> {
        (self.glob.is_none() && !self.key.is_empty() && !self.key.ends_with('/'))
            .then_some(&self.key)
    }

    /// Is this key meant? A pattern decides; a folder means all that lies in it, and a name
    /// without a slash at its end means that object and all that lies below it.
    pub fn matches(&self, key: &str) -> bool {
        match &self.glob {
            Some(glob) => glob.is_match(key),
            None if self.key.is_empty() || self.key.ends_with('/') => key.starts_with(&self.key),
            None => key
                .strip_prefix(&self.key)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        }
    }

    /// The same for states: in a folder only what ends in `.tfstate`.
    pub fn matches_state(&self, key: &str) -> bool {
        let by_name = self.glob.is_some() && !self.key.ends_with('/') || key == self.key;
        self.matches(key) && (by_name || key.ends_with(STATE))
    }

    /// The URL of one object of this place.
    pub fn url(&self, key: &str) -> String {
        format!("{}://{}/{}", self.scheme.name, self.place, key)
    }
}

impl PartialEq for ObjectPattern {
    fn eq(&self, other: &Self) -> bool {
        let globs = self.glob.is_some() == other.glob.is_some();
        (self.scheme, &self.place, &self.key, globs)
            == (other.scheme, &other.place, &other.key, true)
    }
}

impl fmt::Display for ObjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url(&self.key))
    }
}

/// The letters that bucket, account and container names are made of, in all three clouds.
fn is_place(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'$'))
}

/// The URL without what may be a name and password in it.
fn shown(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, key) = rest.split_once('/').unwrap_or((rest, ""));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}/{key}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> ObjectPattern {
        ObjectPattern::parse(text).unwrap()
    }

    #[test]
    fn a_url_splits_into_place_prefix_and_pattern() {
        let p = pattern("s3://tf-states/prod/**/*.tfstate");
        assert_eq!((p.scheme(), p.place(), p.list_prefix()), ("s3", "tf-states", "prod/"));
        assert_eq!(p.exact_key(), None);
        assert!(p.matches("prod/a/b/x.tfstate") && p.matches("prod/x.tfstate"));
        assert!(!p.matches("prod/x.tfstate.backup") && !p.matches("dev/x.tfstate"));
        let p = pattern("azblob://acmestate/tf/env:/prod.tfstate");
        assert_eq!((p.place(), p.exact_key()), ("acmestate/tf", Some("env:/prod.tfstate")));
        assert_eq!(p.to_string(), "azblob://acmestate/tf/env:/prod.tfstate");
        assert!(ObjectPattern::parse("azblob://acmestate").is_err());
    }

    #[test]
    fn a_folder_of_logs_and_a_folder_of_states() {
        let logs = pattern("s3://log-archive/AWSLogs/");
        assert!(logs.matches("AWSLogs/1/CloudTrail/x.json.gz") && !logs.matches("other/x"));
        let bare = pattern("s3://log-archive/AWSLogs");
        assert!(
            bare.matches("AWSLogs/x") && bare.matches("AWSLogs") && !bare.matches("AWSLogs2/x")
        );
        let all = pattern("gs://b");
        assert!(all.matches("anything") && all.list_prefix().is_empty());
        let states = pattern("s3://tf-states/");
        assert!(states.matches_state("a/b.tfstate") && !states.matches_state("a/b.txt"));
        assert!(pattern("s3://b/odd-name").matches_state("odd-name"));
        assert!(pattern("s3://b/*/state").matches_state("prod/state"));
        let by_region = pattern("s3://b/AWSLogs/*/CloudTrail/");
        assert!(by_region.matches("AWSLogs/1/CloudTrail/eu/x.gz"));
        assert!(!by_region.matches("AWSLogs/1/2/CloudTrail/x.gz"));
    }

    #[test]
    fn an_exact_key_has_no_wildcards() {
        let p = ObjectPattern::exact("s3", "b", "env:/[a]/x.tfstate").unwrap();
        assert_eq!(p.exact_key(), Some("env:/[a]/x.tfstate"));
        assert!(p.matches("env:/[a]/x.tfstate"));
        assert_eq!(ObjectPattern::exact("s3", "b/c", "k"), None);
        assert_eq!(ObjectPattern::exact("ftp", "b", "k"), None);
    }
}
