//! `remediation.toml`: what is fixed, asked and accepted, who may say yes, and the limits.
//! Without one the built-in rules of [`crate::decide`] hold.

use globset::{GlobBuilder, GlobMatcher};
use model::remediation::Belts;
use model::{Decision, Severity, Timestamp};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// What one run, one minute and one resource may see of changes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    pub changes_per_run: usize,
    pub changes_per_minute: usize,
    /// A resource that was mended this often within an hour is not mended again unasked:
    /// somebody, or something, wants it otherwise.
    pub fixes_per_hour: usize,
    /// Addresses that are never changed, approved or not.
    pub protect: Vec<Pattern>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            changes_per_run: 20,
            changes_per_minute: 20,
            fixes_per_hour: 3,
            protect: Vec::new(),
        }
    }
}

impl Limits {
    pub fn belts(&self) -> Belts {
        Belts { per_run: self.changes_per_run, per_minute: self.changes_per_minute }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Approval {
    /// Names that may say yes; empty: whoever can run this here.
    pub approvers: Vec<Pattern>,
    pub expires_hours: u32,
    /// Whether the one who made a plan may also approve of it.
    pub self_approval: bool,
}

impl Default for Approval {
    fn default() -> Self {
        Approval { approvers: Vec::new(), expires_hours: 24, self_approval: true }
    }
}

/// When what the log says of uses makes an action ask.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImpactRules {
    /// How far back.
    pub days: u32,
    pub ask_when_used: bool,
    /// The log at hand holds no reads of data, or has gaps.
    pub ask_when_unknown: bool,
}

impl Default for ImpactRules {
    fn default() -> Self {
        ImpactRules { days: 7, ask_when_used: true, ask_when_unknown: false }
    }
}

/// Text in which `*` stands for any text and `?` for one character.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    text: String,
    matcher: GlobMatcher,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl Pattern {
    pub fn new(text: &str) -> Result<Self, String> {
        // Brackets and braces stand in addresses; only the two wildcards mean something here.
        let mut escaped = String::with_capacity(text.len());
        for c in text.chars() {
            if matches!(c, '[' | ']' | '{' | '}' | '\\' | '!') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        let glob = GlobBuilder::new(&escaped)
            .literal_separator(false)
            .backslash_escape(true)
            .case_insensitive(true)
            .build()
            .map_err(|e| format!("{text}: {}", e.kind()))?;
        Ok(Pattern { text: text.to_owned(), matcher: glob.compile_matcher() })
    }

    pub fn matches(&self, text: &str) -> bool {
        self.matcher.is_match(text)
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Pattern::new(&text)
    }
}

/// One rule. Every condition that it names must hold; of a list, one entry.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub decision: Decision,
    #[serde(default)]
    pub kinds: Vec<Pattern>,
    /// Paths without indexes. It holds when one of the changed ones is meant.
    #[serde(default)]
    pub attributes: Vec<Pattern>,
    #[serde(default)]
    pub addresses: Vec<Pattern>,
    #[serde(default)]
    pub severities: Vec<Severity>,
    #[serde(default)]
    pub remedies: Vec<Pattern>,
    /// Tags or labels of the resource, or of what it belongs to.
    #[serde(default)]
    pub tags: BTreeMap<String, Pattern>,
    /// Who made the change, by name, by the chain or by stable id.
    #[serde(default)]
    pub who: Vec<Pattern>,
    pub hours: Option<Hours>,
    #[serde(default)]
    pub reason: Option<String>,
}

impl Rule {
    fn is_about_everything(&self) -> bool {
        self.kinds.is_empty()
            && self.attributes.is_empty()
            && self.addresses.is_empty()
            && self.severities.is_empty()
            && self.remedies.is_empty()
            && self.tags.is_empty()
            && self.who.is_empty()
            && self.hours.is_none()
    }
}

/// A time of day in UTC: `08:00-18:30`; `22:00-06:00` goes over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Hours {
    from: u16,
    until: u16,
}

impl TryFrom<String> for Hours {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minutes = |part: &str| -> Option<u16> {
            let (h, m) = part.trim().split_once(':')?;
            let (h, m): (u16, u16) = (h.parse().ok()?, m.parse().ok()?);
            ((h < 24 && m < 60) || (h == 24 && m == 0)).then_some(h * 60 + m)
        };
        text.split_once('-')
            .and_then(|(from, until)| Some(Hours { from: minutes(from)?, until: minutes(until)? }))
            .ok_or_else(|| format!("{text}: not a time of day such as 08:00-18:30 (UTC)"))
    }
}

impl Hours {
    pub fn hold(&self, now: Timestamp) -> bool {
        let time = now.inner().time();
        let minute = u16::from(time.hour()) * 60 + u16::from(time.minute());
        match self.from <= self.until {
            true => (self.from..self.until).contains(&minute),
            false => minute >= self.from || minute < self.until,
        }
    }
}

/// Nothing is fixed unasked between two moments.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    pub from: Moment,
    pub until: Moment,
    #[serde(default)]
    pub reason: Option<String>,
}

/// RFC 3339 text, or TOML's own date and time with an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "toml::Value")]
pub struct Moment(pub Timestamp);

impl TryFrom<toml::Value> for Moment {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let text = match &value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Datetime(moment) => moment.to_string(),
            other => other.type_str().to_owned(),
        };
        Timestamp::parse(&text)
            .map(Moment)
            .ok_or_else(|| format!("{text}: not a moment such as 2026-12-20T00:00:00Z"))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    approval: Approval,
    belts: Limits,
    impact: ImpactRules,
    freeze: Vec<Spanned<Freeze>>,
    rule: Vec<Spanned<Rule>>,
}

/// A part of the policy with the place where it stands: `remediation.toml:14`.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    pub place: String,
    pub part: T,
}

#[derive(Clone, Debug, Default)]
pub struct Policy {
    pub approval: Approval,
    pub limits: Limits,
    pub impact: ImpactRules,
    pub freezes: Vec<Placed<Freeze>>,
    pub rules: Vec<Placed<Rule>>,
    /// The file, where there is one.
    pub file: Option<String>,
}

/// A policy that cannot be read: nothing is decided by half of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct PolicyError {
    /// File, line and column.
    pub place: String,
    pub what: String,
}

impl Policy {
    pub fn parse(text: &str, file: &str) -> Result<Self, PolicyError> {
        let position = |span: Range<usize>| {
            let before = text.get(..span.start).unwrap_or(text);
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(1, |l| l.chars().count() + 1);
            (line, column)
        };
        let parsed: File = toml::from_str(text).map_err(|error| {
            let place = error.span().map_or_else(
                || file.to_owned(),
                |span| {
                    let (line, column) = position(span);
                    format!("{file} line {line}, column {column}")
                },
            );
            PolicyError { place, what: error.message().trim().to_owned() }
        })?;
        let limits = &parsed.belts;
        if limits.changes_per_run == 0 || limits.changes_per_minute == 0 {
            return Err(PolicyError {
                place: format!("{file} [belts]"),
                what: "a limit of 0 changes would hold everything back: leave --apply away \
                       instead"
                    .to_owned(),
            });
        }
        let place = |span: Range<usize>| format!("{file}:{}", position(span).0);
        let wrong = |span: Range<usize>, what: String| {
            let (line, column) = position(span);
            Err(PolicyError { place: format!("{file} line {line}, column {column}"), what })
        };
        if parsed.approval.expires_hours == 0 {
            return Err(PolicyError {
                place: format!("{file} [approval]"),
                what: "expires_hours = 0: no yes would ever count".to_owned(),
            });
        }
        for freeze in &parsed.freeze {
            let (from, until) = (freeze.get_ref().from.0, freeze.get_ref().until.0);
            if from >= until {
                return wrong(freeze.span(), "the freeze ends before it begins".to_owned());
            }
        }
        for rule in &parsed.rule {
            let part = rule.get_ref();
            if part.decision != Decision::Ask && part.is_about_everything() {
                return wrong(
                    rule.span(),
                    format!(
                        "a rule without a condition would {} everything: name kinds = [\"*\"] \
                         if that is meant",
                        part.decision.as_str()
                    ),
                );
            }
            let known = crate::remedies::REMEDIES;
            let unknown = part.remedies.iter().find(|p| !known.iter().any(|r| p.matches(r.name())));
            if let Some(unknown) = unknown {
                let names: Vec<&str> = known.iter().map(|r| r.name()).collect();
                return wrong(
                    rule.span(),
                    format!("{unknown}: no such remedy; there are {}", names.join(", ")),
                );
            }
        }
        Ok(Policy {
            approval: parsed.approval,
            limits: parsed.belts,
            impact: parsed.impact,
            freezes: parsed
                .freeze
                .into_iter()
                .map(|f| Placed { place: place(f.span()), part: f.into_inner() })
                .collect(),
            rules: parsed
                .rule
                .into_iter()
                .map(|r| Placed { place: place(r.span()), part: r.into_inner() })
                .collect(),
            file: Some(file.to_owned()),
        })
    }

    /// The first pattern of a rule that is about none of these kinds, with its place: a rule
    /// that never holds would leave its reader in the dark.
    pub fn unknown_kind(&self, kinds: &[&str]) -> Option<(String, String)> {
        self.rules.iter().find_map(|rule| {
            let unknown = rule.part.kinds.iter().find(|p| !kinds.iter().any(|k| p.matches(k)))?;
            Some((rule.place.clone(), unknown.to_string()))
        })
    }

    /// Is this address one that is never changed?
    pub fn protects(&self, address: &str) -> bool {
        self.limits.protect.iter().any(|p| p.matches(address))
    }

    /// May this one say yes?
    pub fn may_approve(&self, name: &str) -> bool {
        let approvers = &self.approval.approvers;
        approvers.is_empty() || approvers.iter().any(|p| p.matches(name))
    }
}
