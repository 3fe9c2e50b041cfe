//! Answers and effects against the ledger.

use crate::lesson::LedgerAnswer;
use ledger::{Approval, Entry, EntryKind, Intent, Outcome, Outcomes};
use model::KindName;
use std::collections::BTreeSet;

/// Digits of a hash that are enough to mean it, as everywhere in `lab`.
const DIGITS: usize = 8;
const UNDO: &str = "/undo/";

/// What the ledger holds, in the order in which it was written.
pub struct Recorded {
    entries: Vec<Entry>,
    /// Each intent with its entry, and whether it was carried out and read back equal.
    done: Vec<(Entry, Intent, bool)>,
}

impl Recorded {
    pub fn of(entries: Vec<Entry>) -> Self {
        let verified: BTreeSet<&str> = entries
            .iter()
            .filter(|e| e.kind == EntryKind::Outcome)
            .filter(|e| e.read::<Outcome>().is_ok_and(|o| o.result == Outcomes::Verified))
            .map(|e| e.key.as_str())
            .collect();
        let done = entries
            .iter()
            .filter(|e| e.kind == EntryKind::Intent)
            .filter_map(|e| {
                Some((e.clone(), e.read::<Intent>().ok()?, verified.contains(e.key.as_str())))
            })
            .collect();
        Recorded { entries, done }
    }

    /// A fix by this remedy stands: it was verified, and no undo of it was.
    pub fn fixed(&self, remedy: &str, approved: bool) -> bool {
        let taken_back: BTreeSet<&str> = self.taken_back().collect();
        self.done.iter().any(|(entry, intent, verified)| {
            *verified
                && !intent.undo
                && intent.action.remedy == remedy
                && (!approved || intent.approved_by.is_some())
                && !taken_back.contains(entry.key.as_str())
        })
    }

    pub fn undone(&self, kind: &KindName, id: &str) -> bool {
        self.undos().any(|(_, Intent { action, .. }, _)| {
            action.kind == *kind && action.native_id.eq_ignore_ascii_case(id)
        })
    }

    fn undos(&self) -> impl Iterator<Item = &(Entry, Intent, bool)> {
        self.done.iter().filter(|(_, intent, verified)| intent.undo && *verified)
    }

    /// The keys of the intents that an undo took back.
    fn taken_back(&self) -> impl Iterator<Item = &str> {
        self.undos().filter_map(|(entry, ..)| Some(entry.key.split_once(UNDO)?.0))
    }

    pub fn is_right(&self, answer: LedgerAnswer, given: &str) -> bool {
        let given = given.trim().to_ascii_lowercase();
        match answer {
            LedgerAnswer::UnusedPlan => {
                let begun: BTreeSet<&str> =
                    self.done.iter().map(|(_, intent, _)| intent.plan.as_str()).collect();
                self.entries
                    .iter()
                    .filter(|e| e.kind == EntryKind::Approval)
                    .filter_map(|e| e.read::<Approval>().ok())
                    .any(|a| !begun.contains(a.plan.as_str()) && begins(&a.plan, &given))
            }
            LedgerAnswer::BeforeOfUndone => {
                let number: Option<u64> = given.trim_start_matches("entry").trim().parse().ok();
                let taken_back: BTreeSet<&str> = self.taken_back().collect();
                number.is_some()
                    && self.done.iter().any(|(entry, ..)| {
                        entry.seq == number && taken_back.contains(entry.key.as_str())
                    })
            }
            LedgerAnswer::Head => {
                let Some((entries, hash)) = given.split_once(':') else { return false };
                let number: Option<u64> = entries.trim().parse().ok();
                number.is_some()
                    && self
                        .entries
                        .iter()
                        .filter(|e| e.seq == number)
                        .any(|e| e.hash.as_deref().is_some_and(|h| begins(h, hash.trim())))
            }
        }
    }
}

fn begins(hash: &str, digits: &str) -> bool {
    let digits = digits.strip_prefix("sha256:").unwrap_or(digits);
    let hash = hash.strip_prefix("sha256:").unwrap_or(hash);
    digits.len() >= DIGITS && hash.starts_with(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use serde_json::{Value, json};

    fn entry(seq: u64, kind: EntryKind, key: &str, body: Value) -> Entry {
        let time = Timestamp::parse("2026-01-02T03:04:05Z").unwrap();
        let hash = Some(format!("{seq:08}{}", "0".repeat(56)));
        Entry { seq: Some(seq), kind, key: key.to_owned(), time, body, hash }
    }

    fn intent(plan: &str, remedy: &str, undo: bool, approved: bool) -> Value {
        let by = json!({"name": "ana", "by": "machine"});
        json!({
            "plan": plan, "target": "local", "operation": "update", "undo": undo,
            "before": {}, "before_digest": "sha256:0", "wanted": {}, "by": by,
            "approved_by": if approved { by.clone() } else { Value::Null },
            "action": {
                "id": "A-0000", "digest": "sha256:0", "finding": "F-0000",
                "fingerprint": "sha256:0", "cloud": "x", "kind": "x_thing", "address": null,
                "native_id": "n", "severity": "high", "remedy": remedy, "decision": "fix",
                "reason": "r", "changes": [], "preconditions": {"live_digest": "sha256:0"},
                "state": "planned"
            }
        })
    }

    fn outcome(result: &str) -> Value {
        json!({"result": result, "detail": "", "after": null, "after_digest": null,
            "settled": false, "took_ms": 1})
    }

    fn approval(plan: &str) -> Value {
        json!({"plan": plan, "action": "sha256:0", "by": {"name": "ana", "by": "machine"},
            "until": "2026-01-03T03:04:05Z"})
    }

    /// Two plans, the first never begun; under the second a fix by approval, and one that was
    /// taken back.
    fn story() -> Vec<Entry> {
        use EntryKind::{Approval, Intent, Outcome};
        vec![
            entry(1, Approval, "p1/a/0000", approval("sha256:1111111100")),
            entry(2, Approval, "p2/a/0000", approval("sha256:2222222200")),
            entry(3, Intent, "f/a/0000", intent("sha256:2222222200", "key", false, true)),
            entry(4, Outcome, "f/a/0000", outcome("verified")),
            entry(5, Intent, "g/b/0000", intent("sha256:2222222200", "restore", false, false)),
            entry(6, Outcome, "g/b/0000", outcome("verified")),
            entry(
                7,
                Intent,
                "g/b/0000/undo/0000",
                intent("sha256:2222222200", "restore", true, false),
            ),
            entry(8, Outcome, "g/b/0000/undo/0000", outcome("verified")),
        ]
    }

    #[test]
    fn what_was_taken_back_is_no_fix_that_stands() {
        let all = Recorded::of(story());
        assert!(all.fixed("key", true) && all.fixed("key", false));
        assert!(!all.fixed("restore", false), "it was taken back");
        assert!(all.undone(&KindName::from_static("x_thing"), "n"));
        let before = Recorded::of(story().into_iter().take(6).collect());
        assert!(before.fixed("restore", false) && !before.fixed("restore", true));
        assert!(!before.undone(&KindName::from_static("x_thing"), "n"));
    }

    #[test]
    fn an_undo_that_did_not_come_about_is_none() {
        let mut entries = story();
        entries[7].body = outcome("refused");
        let refused = Recorded::of(entries);
        assert!(!refused.undone(&KindName::from_static("x_thing"), "n"));
        assert!(refused.fixed("restore", false));
        assert!(!refused.is_right(LedgerAnswer::BeforeOfUndone, "5"));
    }

    #[test]
    fn answers_lie_in_the_entries() {
        let all = Recorded::of(story());
        for (answer, given, right) in [
            (LedgerAnswer::UnusedPlan, "11111111", true),
            (LedgerAnswer::UnusedPlan, "sha256:1111111100", true),
            (LedgerAnswer::UnusedPlan, "1111", false),
            (LedgerAnswer::UnusedPlan, "22222222", false),
            (LedgerAnswer::BeforeOfUndone, "5", true),
            (LedgerAnswer::BeforeOfUndone, "Entry 5", true),
            (LedgerAnswer::BeforeOfUndone, "7", false),
            (LedgerAnswer::BeforeOfUndone, "3", false),
            (LedgerAnswer::Head, "8:00000008", true),
            (LedgerAnswer::Head, "6:00000006", true),
            (LedgerAnswer::Head, "8:00000006", false),
            (LedgerAnswer::Head, "00000008", false),
            (LedgerAnswer::Head, "", false),
        ] {
            assert_eq!(all.is_right(answer, given), right, "{answer:?} {given}");
        }
        let nothing = Recorded::of(Vec::new());
        assert!(!nothing.is_right(LedgerAnswer::Head, "1:00000001"));
    }
}
