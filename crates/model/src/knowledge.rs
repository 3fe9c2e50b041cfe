//! What is known of a kind: the facts of its TOML, and the pure questions that only the
//! kind itself can answer. Whoever compares or attributes asks through [`Knowledge`] and
//! so needs to know no cloud.

use crate::event::Event;
use crate::finding::Severity;
use crate::path::AttributePath;
use crate::resource::{Cloud, Desired, KindName, Resource};
use crate::value::{Attributes, Value, same_scalar};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The facts of one kind, as its TOML writes them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindFacts {
    pub kind: KindName,
    /// What a person calls one of these: `bucket policy`.
    pub title: String,
    /// Major versions of the Terraform provider whose schema this is.
    pub provider_major: Vec<u64>,
    /// When one is gone.
    pub missing: Judgement,
    /// Kinds of the same native resource whose trouble this kind would have stopped.
    #[serde(default)]
    pub guards: Vec<KindName>,
    /// The attributes that can be brought back in place, whole, by their first names. The
    /// conformance suite changes each.
    #[serde(default)]
    pub writable: Vec<String>,
    /// One that is missing can be made again from what a state records.
    #[serde(default = "yes")]
    pub recreatable: bool,
    /// Deleting one loses configuration only, never data.
    #[serde(default)]
    pub removable: bool,
    /// One of these is what somebody signs with, and it can be switched off.
    pub credential: Option<CredentialFacts>,
    /// By path without indexes: `network_rules.ip_rules`. A path that is not named here, and
    /// lies in none that is, is compared as it stands and matters little.
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeFacts>,
    /// What the conformance suite makes, changes and deletes to prove this kind.
    pub conformance: Option<Conformance>,
}

fn yes() -> bool {
    true
}

/// How a credential that somebody else holds is switched off.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialFacts {
    /// What the ids of those that last begin with; one of a session ends by itself.
    pub prefix: String,
    pub attribute: String,
    pub off: Value,
}

/// One run of the conformance suite over a kind. In every string `{unique}` stands for a
/// suffix of this run, and `{needs.0.name}` for an attribute of what was made first.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conformance {
    /// What must be there before, in order.
    #[serde(default)]
    pub needs: Vec<Need>,
    pub attributes: Attributes,
    /// Each is applied alone, read back, and must then equal.
    #[serde(default)]
    pub changes: Vec<Attributes>,
    /// How it reads after it was deleted, where the cloud has no call that takes it away and
    /// deleting only puts it back. Left out: it must be gone.
    pub stays: Option<Attributes>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Need {
    pub kind: KindName,
    pub attributes: Attributes,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttributeFacts {
    /// Set by the cloud, never compared.
    pub computed: bool,
    /// A computed one that another resource of the same name would have another of: when it
    /// differs, what lives is not what the state made.
    pub incarnation: bool,
    /// Lives in the state or the configuration only (`force_destroy`), never compared.
    pub local: bool,
    /// Sealed inside the provider, compared by nobody.
    pub sensitive: bool,
    /// The order of elements does not matter.
    pub set: bool,
    /// A JSON policy document, compared by meaning.
    pub policy_document: bool,
    /// Letters are compared without case.
    pub ignore_case: bool,
    /// A deprecated copy: not compared when this kind is in any state given, else only
    /// when the state holds a value.
    pub mirror: Option<KindName>,
    /// What null, or an attribute left out, means.
    pub default: Option<Value>,
    /// Live values count only if the state has the attribute set (optional + computed).
    pub only_if_set: bool,
    /// Changing it is a security matter.
    pub security: Option<SecurityFacts>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityFacts {
    pub severity: Severity,
    /// One sentence about the change: `The guard against public policies is off.`
    pub why: String,
    #[serde(default)]
    pub techniques: Vec<String>,
    /// Its worse values let strangers in, or take away what would keep them out. Bringing it
    /// back closes that, whether anyone comes in now or not.
    #[serde(default)]
    pub exposure: bool,
    /// Live values that make things worse. A change to any other value is worth a low
    /// finding only. Empty: every change is.
    #[serde(default)]
    pub worse: Vec<Value>,
}

impl SecurityFacts {
    /// Did the change to `live` bring one of the worse values?
    pub fn is_worse(&self, desired: &Value, live: &Value) -> bool {
        let before = desired.as_list().unwrap_or_default();
        self.worse.iter().any(|worse| {
            same_scalar(worse, live, true)
                || live.as_list().is_some_and(|now| {
                    let holds = |l: &[Value]| l.iter().any(|v| same_scalar(worse, v, true));
                    holds(now) && !holds(before)
                })
        })
    }
}

impl KindFacts {
    /// [`Knowledge::restoring`] as the facts alone tell it.
    pub fn restoring(&self, path: &AttributePath, desired: &Value, live: &Value) -> Restoring {
        let pattern = path.pattern();
        let above = pattern.rmatch_indices('.').map(|(end, _)| &pattern[..end]);
        let security = std::iter::once(pattern.as_str())
            .chain(above)
            .find_map(|p| self.attributes.get(p)?.security.as_ref());
        let Some(security) = security else {
            // A whole block: what lies in it may weigh, and nobody says in which direction.
            let below = format!("{pattern}.");
            let weighs = self
                .attributes
                .range(below.clone()..)
                .take_while(|(name, _)| name.starts_with(&below))
                .any(|(_, f)| f.security.as_ref().is_some_and(|s| s.exposure));
            return if weighs { Restoring::Opens } else { Restoring::Neutral };
        };
        match (security.exposure, security.is_worse(desired, live)) {
            // What lives is the safer value.
            (false, false) if security.is_worse(live, desired) => Restoring::Opens,
            (false, _) => Restoring::Neutral,
            (true, true) if !security.is_worse(live, desired) => Restoring::Closes,
            _ => Restoring::Opens,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judgement {
    pub severity: Severity,
    pub why: String,
    #[serde(default)]
    pub techniques: Vec<String>,
}

/// What one event did to one resource of a kind.
#[derive(Clone, Debug, PartialEq)]
pub struct EventEffect {
    /// The native id of the resource that was touched.
    pub native_id: String,
    pub change: EventChange,
}

#[derive(Clone, Debug, PartialEq)]
pub enum EventChange {
    /// The record's parameters set these attributes to these values.
    Sets(Attributes),
    /// The record's parameters added and removed elements of a set.
    Elements {
        path: AttributePath,
        added: Vec<Value>,
        removed: Vec<Value>,
    },
    Creates(Attributes),
    Deletes,
    /// It touched the resource; the record does not hold what it wrote.
    Opaque,
}

/// What bringing one changed attribute back does to who can reach the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restoring {
    /// It shuts out whom nobody named, or puts back what keeps them out; nobody that anybody
    /// named loses anything.
    Closes,
    /// These, who are named in what is live now, lose what they have.
    TakesFrom(Vec<String>),
    /// It gives access that nobody has now, or takes away a guard.
    Opens,
    /// Who can reach it stays the same.
    Neutral,
}

impl Restoring {
    /// Both at once: what asks for more caution decides.
    pub fn and(self, other: Restoring) -> Restoring {
        match (self, other) {
            (Restoring::Opens, _) | (_, Restoring::Opens) => Restoring::Opens,
            (Restoring::TakesFrom(mut names), Restoring::TakesFrom(more)) => {
                names.extend(more);
                names.sort_unstable();
                names.dedup();
                Restoring::TakesFrom(names)
            }
            (Restoring::TakesFrom(names), _) | (_, Restoring::TakesFrom(names)) => {
                Restoring::TakesFrom(names)
            }
            (Restoring::Closes, _) | (_, Restoring::Closes) => Restoring::Closes,
            (Restoring::Neutral, Restoring::Neutral) => Restoring::Neutral,
        }
    }
}

/// Whether anyone on the internet reaches it, worked out from configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    pub public: bool,
    /// The rule that decides, in words.
    pub because: String,
}

/// The knowledge of one kind. Everything here is a pure function of its arguments.
pub trait Knowledge: Send + Sync {
    fn facts(&self) -> &KindFacts;

    /// Are these two the same by meaning? `None` leaves the answer to the facts.
    fn equal(&self, _path: &AttributePath, _desired: &Value, _live: &Value) -> Option<bool> {
        None
    }

    /// The change in words, one line an item, `+` or `-` first. Empty: print the values.
    fn summary(&self, _path: &AttributePath, _desired: &Value, _live: &Value) -> Vec<String> {
        Vec::new()
    }

    /// Judges a change where the facts alone cannot (a policy's meaning). `None` leaves it
    /// to the facts.
    fn judge(&self, _path: &AttributePath, _desired: &Value, _live: &Value) -> Option<Judgement> {
        None
    }

    /// As [`Knowledge::judge`], for the resource with this id, where that weighs: what a role
    /// lets its members do is in the id of its binding.
    fn judge_on(
        &self,
        _native_id: &str,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Option<Judgement> {
        self.judge(path, desired, live)
    }

    /// What bringing this attribute of the resource with this id back from `live` to
    /// `desired` does to who can reach it. Here, by the facts; a kind that reads documents or
    /// lists of members knows better.
    fn restoring(
        &self,
        _native_id: &str,
        path: &AttributePath,
        desired: &Value,
        live: &Value,
    ) -> Restoring {
        self.facts().restoring(path, desired, live)
    }

    /// The live value of a policy or a list of members without what the desired one does not
    /// have, everything else left as it is; `None` where the attribute is none of these, or
    /// where there is nothing to take away.
    fn without_additions(
        &self,
        _path: &AttributePath,
        _desired: &Value,
        _live: &Value,
    ) -> Option<Value> {
        None
    }

    /// Is it public? `neighbours` are the other live resources of the same cloud that were
    /// read in this run. `None`: the question makes no sense for this kind.
    fn exposure(&self, _live: &Resource, _neighbours: &[Resource]) -> Option<Exposure> {
        None
    }

    /// What this event did to a resource of this kind; `None` when it did nothing to one.
    /// Asked for successful events that are not reads.
    fn effect_of(&self, _event: &Event) -> Option<EventEffect> {
        None
    }

    /// As [`Knowledge::effect_of`], for the resource with this id. A kind of which one event
    /// may touch several (the bindings of one policy) answers here.
    fn effect_on(&self, event: &Event, native_id: &str) -> Option<EventChange> {
        // Logs write ids in another case than states do; no two of our kinds' ids differ by
        // case alone.
        let EventEffect { native_id: touched, change } = self.effect_of(event)?;
        touched.eq_ignore_ascii_case(native_id).then_some(change)
    }

    /// Is an id of this kind the only one of its text in the whole cloud (a bucket's name)?
    /// If not, two accounts may each have one, and an event of another account is about
    /// another resource.
    fn id_is_global(&self) -> bool {
        false
    }

    /// Why the cloud's log may not hold the changes of this kind, said when nobody is named.
    fn log_gap(&self) -> Option<&'static str> {
        None
    }

    /// Events by which somebody came to hold what is needed to change this without a record
    /// (listed as candidates when the log has a gap).
    fn enables(&self, _event: &Event) -> Option<String> {
        None
    }

    /// As [`Knowledge::enables`], for one resource: holding the key of another account
    /// enables nothing here. Unless the kind knows better, the event must name something
    /// that stands in the resource's own id (the account of a container's URL).
    fn enables_on(&self, event: &Event, resource: &Resource) -> Option<String> {
        let how = self.enables(event)?;
        let id = resource.native_id.to_lowercase();
        let stands_in_id = |name: &str| {
            id.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').any(|p| p == name)
        };
        event
            .resources
            .iter()
            .filter_map(|r| r.uid.rsplit(['/', ':']).next())
            .any(|name| stands_in_id(&name.to_lowercase()))
            .then_some(how)
    }

    /// The native id by which resources of different kinds belong together (a bucket's name
    /// for its policy and its access block).
    fn belongs_to(&self, resource: &Resource) -> String {
        resource.native_id.clone()
    }
}

/// All that one cloud knows without asking it anything.
pub trait Catalog: Send + Sync {
    fn cloud(&self) -> Cloud;

    /// What a person calls this cloud: `AWS`.
    fn title(&self) -> &'static str;

    /// Does a kind of this name belong to this cloud, supported or not?
    fn owns(&self, kind: &KindName) -> bool;

    fn kind(&self, kind: &KindName) -> Option<&dyn Knowledge>;

    /// Every supported kind, sorted by name.
    fn kinds(&self) -> Vec<&dyn Knowledge>;

    /// The account (subscription, project) that a resource's own id or ARN names; never one
    /// that stands inside a policy. Asked for kinds that are not supported too.
    fn account_of(&self, desired: &Desired) -> Option<String>;

    /// The region that a resource's own attributes name.
    fn region_of(&self, _desired: &Desired) -> Option<String> {
        None
    }
}
