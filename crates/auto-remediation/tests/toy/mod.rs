//! A small kind, and subjects and histories made of it.

#![allow(dead_code, reason = "each test binary uses a part")]

use auto_remediation::history::Attempt;
use auto_remediation::{CredentialSubject, History, Policy, Subject, plan};
use ledger::{Intent, Operation, Outcome, Outcomes};
use model::finding::{
    AttributeChange, AttributedEvent, Attribution, AttributionStatus, DriftStatus, FindingClass,
};
use model::knowledge::{KindFacts, Restoring};
use model::remediation::Impact;
use model::{
    Action, AttributePath, Attributes, Confidence, Finding, Knowledge, Principal, PrincipalType,
    Resource, ResourceAddress, Severity, Timestamp, Value,
};
use std::collections::BTreeMap;

pub fn now() -> Timestamp {
    Timestamp::parse("2026-01-05T12:00:00Z").unwrap()
}

pub struct Toy {
    facts: KindFacts,
    restoring: Restoring,
}

impl Knowledge for Toy {
    fn facts(&self) -> &KindFacts {
        &self.facts
    }

    fn restoring(&self, _: &str, _: &AttributePath, _: &Value, _: &Value) -> Restoring {
        self.restoring.clone()
    }
}

fn facts(text: &str) -> KindFacts {
    toml::from_str(text).unwrap()
}

const HOUSE: &str = r#"
kind = "toy_house"
title = "house"
provider_major = [1]
missing = { severity = "high", why = "It is gone." }
[attributes]
id = { computed = true }
birth = { computed = true, incarnation = true }
windows = { set = true }
"#;

const KEY: &str = r#"
kind = "toy_key"
title = "key"
provider_major = [1]
missing = { severity = "high", why = "It is gone." }
writable = ["status"]
credential = { prefix = "AKIA", attribute = "status", off = "Inactive" }
"#;

pub struct Case {
    pub finding: Finding,
    pub desired: Option<Attributes>,
    pub live: Option<Resource>,
    pub tags: BTreeMap<String, String>,
    pub restoring: Restoring,
    pub impact: Option<Impact>,
    pub writable: Vec<String>,
    pub recreatable: bool,
    pub removable: bool,
    pub key: bool,
    pub of_key: bool,
    pub knowledge: std::sync::OnceLock<Toy>,
    pub key_knowledge: Toy,
}

fn attributes(entries: &[(&str, &str)]) -> Attributes {
    entries.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))).collect()
}

fn resource(kind: &str, id: &str, entries: &[(&str, &str)]) -> Resource {
    Resource {
        cloud: "toy".into(),
        account: Some("1".into()),
        region: None,
        kind: kind.into(),
        native_id: id.into(),
        attributes: attributes(entries),
    }
}

impl Case {
    fn new(status: DriftStatus, kind: &str, id: &str, changes: &[(&str, &str, &str)]) -> Self {
        let fingerprint = model::fingerprint::digest([kind.as_bytes(), id.as_bytes()]);
        Case {
            finding: Finding {
                id: format!("F-{}", &fingerprint[7..11]),
                change_digest: fingerprint.clone(),
                fingerprint,
                class: FindingClass::Drift,
                status,
                cloud: "toy".into(),
                account: Some("1".into()),
                region: None,
                kind: kind.into(),
                address: (status != DriftStatus::Unmanaged)
                    .then(|| ResourceAddress::root(kind, "main")),
                native_id: id.into(),
                state: Some("s".into()),
                severity: Severity::High,
                confidence: Confidence::High,
                why: "It differs.".into(),
                techniques: Vec::new(),
                effect: None,
                attributes: changes
                    .iter()
                    .map(|(name, desired, live)| AttributeChange {
                        path: AttributePath::root(*name),
                        desired: (*desired).into(),
                        live: (*live).into(),
                        security_relevant: true,
                        sensitive: false,
                        summary: Vec::new(),
                    })
                    .collect(),
                attribution: Attribution::not_asked(),
            },
            desired: Some(attributes(&[("door", "shut"), ("birth", "2026-01-01")])),
            live: Some(resource(kind, id, &[("door", "open"), ("birth", "2026-01-01")])),
            tags: BTreeMap::new(),
            restoring: Restoring::Closes,
            impact: None,
            writable: vec!["door".into(), "windows".into()],
            recreatable: true,
            removable: true,
            key: false,
            of_key: false,
            knowledge: std::sync::OnceLock::new(),
            key_knowledge: Toy { facts: facts(KEY), restoring: Restoring::Neutral },
        }
    }

    pub fn changed() -> Self {
        Case::numbered(0)
    }

    pub fn numbered(n: usize) -> Self {
        let id = format!("house-{n}");
        Case::new(DriftStatus::Changed, "toy_house", &id, &[("door", "shut", "open")])
    }

    pub fn missing() -> Self {
        Case { live: None, ..Case::new(DriftStatus::Missing, "toy_house", "house-0", &[]) }
    }

    pub fn unmanaged() -> Self {
        Case { desired: None, ..Case::new(DriftStatus::Unmanaged, "toy_house", "house-0", &[]) }
    }

    pub fn key_is_off() -> Self {
        let change = [("status", "Active", "Inactive")];
        let case = Case::new(DriftStatus::Changed, "toy_key", "AKIATOY", &change);
        Case {
            desired: Some(attributes(&[("status", "Active")])),
            live: Some(resource("toy_key", "AKIATOY", &[("status", "Inactive")])),
            restoring: Restoring::Neutral,
            of_key: true,
            ..case
        }
    }

    pub fn with_key(mut self) -> Self {
        self.key = true;
        self
    }

    pub fn by(mut self, name: &str) -> Self {
        self.finding.attribution = Attribution {
            status: AttributionStatus::Attributed,
            events: vec![AttributedEvent {
                attributes: vec![AttributePath::root("door")],
                principal: Principal {
                    name: name.into(),
                    kind: PrincipalType::Human,
                    via: Vec::new(),
                    uid: None,
                },
                credential: None,
                operation: "OpenDoor".into(),
                time: now(),
                source_ip: None,
                user_agent: None,
                event_id: "e-1".into(),
                notes: Vec::new(),
            }],
            searched: None,
        };
        self
    }

    pub fn used(mut self, uses: u64, addresses: usize) -> Self {
        let words = format!("read anonymously {uses} times from {addresses} addresses");
        self.impact = Some(Impact { uses, addresses, last: None, complete: true, words });
        self
    }

    pub fn unknown_use(mut self) -> Self {
        let words = "no reads in the log: who used it is not known".to_owned();
        self.impact = Some(Impact { uses: 0, addresses: 0, last: None, complete: false, words });
        self
    }

    fn knowledge(&self) -> &Toy {
        self.knowledge.get_or_init(|| {
            let mut facts = facts(if self.of_key { KEY } else { HOUSE });
            if !self.of_key {
                facts.writable = self.writable.clone();
                facts.recreatable = self.recreatable;
                facts.removable = self.removable;
            }
            Toy { facts, restoring: self.restoring.clone() }
        })
    }

    pub fn subject(&self) -> Subject<'_> {
        Subject {
            finding: &self.finding,
            knowledge: self.knowledge(),
            desired: self.desired.clone(),
            live: self.live.clone(),
            state: None,
            tags: self.tags.clone(),
            live_tags: BTreeMap::new(),
            impact: self.impact.clone(),
            credential: self.key.then(|| CredentialSubject {
                knowledge: &self.key_knowledge,
                live: resource("toy_key", "AKIATOY", &[("status", "Active")]),
                address: None,
                state: None,
            }),
        }
    }

    pub fn action(&self) -> Action {
        let none = History::default();
        plan("t", &[self.subject()], &Policy::default(), &none, now()).actions.remove(0)
    }
}

/// Attempts of an earlier day.
pub struct Attempted;

impl Attempted {
    pub fn history(attempts: impl IntoIterator<Item = Attempt>) -> History {
        History::new(attempts.into_iter().collect())
    }

    fn one(action: Action, time: Timestamp, undo: bool, result: Option<Outcomes>) -> Attempt {
        Attempt {
            key: String::new(),
            order: (0, time),
            time,
            intent: Intent {
                plan: String::new(),
                target: "t".into(),
                action,
                operation: Operation::Update,
                undo,
                before: None,
                before_digest: String::new(),
                wanted: None,
                by: None,
                approved_by: None,
            },
            outcome: result.map(|result| Outcome {
                result,
                detail: String::new(),
                after: None,
                after_digest: None,
                settled: false,
                took_ms: 0,
            }),
        }
    }

    pub fn fix(case: &Case, time: Timestamp) -> Attempt {
        Self::one(case.action(), time, false, Some(Outcomes::Verified))
    }

    pub fn undo(case: &Case, time: Timestamp) -> Attempt {
        Self::one(case.action(), time, true, Some(Outcomes::Verified))
    }

    pub fn unclear(case: &Case, time: Timestamp) -> Attempt {
        Self::one(case.action(), time, false, Some(Outcomes::Unclear))
    }

    pub fn open(case: &Case, time: Timestamp) -> Attempt {
        Self::one(case.action(), time, false, None)
    }

    pub fn deactivated(case: &Case, time: Timestamp) -> Attempt {
        let action = Action { remedy: "deactivate_key".into(), ..case.action() };
        Self::one(action, time, false, Some(Outcomes::Verified))
    }

    pub fn reactivated(case: &Case, time: Timestamp) -> Attempt {
        let action = Action { remedy: "deactivate_key".into(), ..case.action() };
        Self::one(action, time, true, Some(Outcomes::Verified))
    }
}
