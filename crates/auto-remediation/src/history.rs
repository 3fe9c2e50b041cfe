//! What the ledger says of earlier runs, as planning asks for it.

use crate::remedies;
use ledger::{Entry, EntryKind, Intent, Ledger, LedgerError, Order, Outcome, Outcomes, Rejection};
use model::remediation::Identified;
use model::{Cloud, KindName, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What the user agents of our own changes hold.
pub const OWN_CHANGES: &str = "cloud-security-lab-remediate";
/// How far a record's time and our own of the same change may lie apart.
const SAME_CHANGE_SECONDS: i64 = 300;

/// One change that was begun, and what came of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub key: String,
    pub order: Order,
    pub time: Timestamp,
    pub intent: Intent,
    /// None: nobody knows yet.
    pub outcome: Option<Outcome>,
}

impl Attempt {
    fn is(&self, result: Outcomes) -> bool {
        self.outcome.as_ref().is_some_and(|o| o.result == result)
    }

    /// It changed something, also where that was not what was wanted.
    pub fn left_something(&self) -> bool {
        self.is(Outcomes::Verified)
            || self.is(Outcomes::Applied)
            || self.outcome.as_ref().is_some_and(|o| {
                matches!(o.result, Outcomes::Failed | Outcomes::Unclear)
                    && o.after_digest.as_ref().is_some_and(|a| *a != self.intent.before_digest)
            })
    }
}

/// Every attempt, in the order in which they were begun.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub attempts: Vec<Attempt>,
    /// Where the attempts about each finding stand.
    by_finding: HashMap<String, Vec<usize>>,
    by_action: HashMap<String, Vec<usize>>,
    /// When somebody last said no to what was to be done about a finding.
    rejected: HashMap<String, Order>,
}

impl History {
    /// All of it.
    pub async fn of(ledger: &dyn Ledger) -> Result<Self, LedgerError> {
        let intents = ledger.entries(EntryKind::Intent, "").await?;
        let outcomes = ledger.entries(EntryKind::Outcome, "").await?;
        let mut history = Self::from_entries(&intents, &outcomes);
        for entry in ledger.entries(EntryKind::Rejection, "").await? {
            if let Ok(rejection) = entry.read::<Rejection>() {
                let last =
                    history.rejected.entry(rejection.fingerprint).or_insert_with(|| entry.order());
                *last = (*last).max(entry.order());
            }
        }
        Ok(history)
    }

    /// What was done about these findings, where the whole ledger is too much to read.
    pub async fn of_findings(
        ledger: &dyn Ledger,
        fingerprints: &BTreeSet<&str>,
    ) -> Result<Self, LedgerError> {
        let (mut intents, mut outcomes) = (Vec::new(), Vec::new());
        for fingerprint in fingerprints {
            let prefix = format!("{}/", crate::digest::bare(fingerprint));
            let begun = ledger.entries(EntryKind::Intent, &prefix).await?;
            if !begun.is_empty() {
                outcomes.extend(ledger.entries(EntryKind::Outcome, &prefix).await?);
            }
            intents.extend(begun);
        }
        Ok(Self::from_entries(&intents, &outcomes))
    }

    pub fn from_entries(intents: &[Entry], outcomes: &[Entry]) -> Self {
        let outcomes: BTreeMap<&str, Outcome> =
            outcomes.iter().filter_map(|e| Some((e.key.as_str(), e.read().ok()?))).collect();
        let attempts: Vec<Attempt> = intents
            .iter()
            .filter_map(|e| {
                Some(Attempt {
                    key: e.key.clone(),
                    order: e.order(),
                    time: e.time,
                    intent: e.read().ok()?,
                    outcome: outcomes.get(e.key.as_str()).cloned(),
                })
            })
            .collect();
        History::new(attempts)
    }

    pub fn new(mut attempts: Vec<Attempt>) -> Self {
        attempts.sort_by_key(|a| a.order);
        let mut by_finding: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_action: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, attempt) in attempts.iter().enumerate() {
            let action = &attempt.intent.action;
            by_finding.entry(action.fingerprint.clone()).or_default().push(at);
            by_action.entry(action.digest.clone()).or_default().push(at);
        }
        History { attempts, by_finding, by_action, rejected: HashMap::new() }
    }

    fn at<'a>(
        &'a self,
        places: Option<&'a Vec<usize>>,
    ) -> impl DoubleEndedIterator<Item = &'a Attempt> {
        places.into_iter().flatten().filter_map(|at| self.attempts.get(*at))
    }

    pub fn open(&self) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(|a| a.outcome.is_none())
    }

    /// What was done about one finding.
    pub fn of_finding<'a>(
        &'a self,
        fingerprint: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Attempt> {
        self.at(self.by_finding.get(fingerprint))
    }

    /// How often the resource behind this finding was mended since `since`.
    pub fn fixes_since(&self, fingerprint: &str, since: Timestamp) -> usize {
        self.of_finding(fingerprint)
            .filter(|a| !a.intent.undo && a.time >= since && a.left_something())
            .count()
    }

    /// Was the last thing done about this finding that somebody took the fix back?
    pub fn was_undone(&self, fingerprint: &str) -> bool {
        self.of_finding(fingerprint).rfind(|a| a.left_something()).is_some_and(|a| a.intent.undo)
    }

    /// Did somebody say no, and nothing was done about it since?
    pub fn was_rejected(&self, fingerprint: &str) -> bool {
        let last = self.of_finding(fingerprint).rfind(|a| a.left_something()).map(|a| a.order);
        self.rejected.get(fingerprint).is_some_and(|no| last.is_none_or(|l| l < *no))
    }

    /// A change of this finding that was cut off, and of which nobody can say what it left.
    pub fn unclear<'a>(&'a self, fingerprint: &'a str) -> Option<&'a Attempt> {
        self.of_finding(fingerprint).next_back().filter(|a| a.is(Outcomes::Unclear))
    }

    /// The action that switched this credential off, unless that was taken back.
    pub fn switched_off(
        &self,
        cloud: &Cloud,
        kind: &KindName,
        native_id: &str,
    ) -> Option<&Attempt> {
        self.attempts
            .iter()
            .rfind(|a| {
                let action = &a.intent.action;
                action.remedy == remedies::DEACTIVATE_KEY
                    && action.cloud == *cloud
                    && action.kind == *kind
                    && action.native_id == native_id
                    && a.left_something()
            })
            .filter(|a| !a.intent.undo)
    }

    /// Is a call by this user agent at this time our own change of this resource? The log and
    /// the ledger must both say so: anybody can call himself anything.
    pub fn holds_own_change(
        &self,
        kind: &KindName,
        native_id: &str,
        user_agent: &str,
        time: Timestamp,
    ) -> bool {
        self.own_change(kind, native_id, user_agent, time).is_some()
    }

    pub fn own_change(
        &self,
        kind: &KindName,
        native_id: &str,
        user_agent: &str,
        time: Timestamp,
    ) -> Option<&Attempt> {
        if !user_agent.contains(OWN_CHANGES) {
            return None;
        }
        self.attempts.iter().rev().find(|a| {
            let action = &a.intent.action;
            a.left_something()
                && action.kind == *kind
                && action.native_id == native_id
                && (a.time.unix() - time.unix()).abs() <= SAME_CHANGE_SECONDS
        })
    }

    /// How many changes were begun since then, by whichever run.
    pub fn begun_since(&self, since: Timestamp) -> usize {
        self.attempts.iter().filter(|a| a.time > since).count()
    }

    /// The attempts of one action, undos among them.
    pub fn of_action<'a>(
        &'a self,
        digest: &'a str,
    ) -> impl DoubleEndedIterator<Item = &'a Attempt> {
        self.at(self.by_action.get(digest))
    }

    /// What this action left, if nothing was done about it since: the last attempt that wrote.
    pub fn standing<'a>(&'a self, digest: &'a str) -> Option<&'a Attempt> {
        self.of_action(digest).rfind(|a| a.left_something()).filter(|a| !a.intent.undo)
    }

    /// The last who did it.
    pub fn doer(attempt: &Attempt) -> Option<&Identified> {
        attempt.intent.approved_by.as_ref().or(attempt.intent.by.as_ref())
    }
}
