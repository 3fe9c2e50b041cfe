//! One suite for all clouds and backends: what a provider must do with every kind that it
//! names, proved on a real endpoint.
//!
//! For each kind of the catalogue, out of the `[conformance]` table of its facts: nothing is
//! there before, what is created reads back equal, each change applied alone reads back
//! equal, a listing holds it, a throttled read is slow and right, a caller without
//! permissions is told what to grant and changes nothing, and what is deleted is gone (or put
//! back, where the facts say that it stays). The changes are those of `writable`, each of it
//! and nothing else: what the facts say can be brought back has been. Whoever writes on what
//! was so a moment ago is refused where somebody else was faster.
//!
//! A backend says by data what it does not offer ([`Lack`]); such a cell is printed with its
//! reason. A suite in which nothing ran, or anything failed, is red: [`Matrix::verdict`].
//!
//! ```text
//! let suite = Suite {
//!     backend: "local".to_owned(),
//!     unique: "c0ffee01".to_owned(),
//!     admin: provider_x::connect(deployer).await?,
//!     denied: Some(provider_x::connect(nobody).await?),
//!     throttled: Some(Throttled { connection, switch: Box::new(move |on| ..) }),
//!     lacks: vec![],
//! };
//! let matrix = suite.run().await;
//! assert_eq!(matrix.verdict(), Ok(()), "\n{matrix}");
//! ```

mod concurrent;
mod fill;
mod matrix;
mod same;

pub use matrix::{Capability, Cell, Matrix, Outcome};

use crate::error::{ErrorKind, ProviderError};
use crate::kind::Wanted;
use crate::{Connection, Reader};
use fill::Filling;
use model::knowledge::{Conformance, KindFacts, Knowledge};
use model::{Attributes, KindName, Live, Resource, UnknownReason};
use std::collections::BTreeSet;

/// Switches the endpoint's throttling on and off.
pub type Switch = Box<dyn Fn(bool) + Send + Sync>;

/// One backend of one cloud.
pub struct Suite {
    /// What the matrix calls it: `local`, `moto 5.1.22`.
    pub backend: String,
    /// A suffix of this run: lowercase letters and digits, at most 10.
    pub unique: String,
    /// May do everything.
    pub admin: Connection,
    /// A caller that exists and may do nothing.
    pub denied: Option<Connection>,
    pub throttled: Option<Throttled>,
    /// What this backend does not offer.
    pub lacks: Vec<Lack>,
}

/// Bad weather, and a connection of its own for it: being throttled slows a connection down
/// for a while, which the others need not wait for.
pub struct Throttled {
    pub connection: Connection,
    pub switch: Switch,
}

#[derive(Clone, Debug)]
pub struct Lack {
    /// Empty: every kind.
    pub kind: Option<KindName>,
    pub capability: Capability,
    /// Of changes: only those of this attribute.
    pub attribute: Option<String>,
    pub reason: String,
}

impl Lack {
    pub fn of(kind: &str, capability: Capability, reason: &str) -> Self {
        Lack { kind: Some(kind.into()), ..Lack::everywhere(capability, reason) }
    }

    pub fn everywhere(capability: Capability, reason: &str) -> Self {
        Lack { kind: None, capability, attribute: None, reason: reason.to_owned() }
    }

    fn is_about(&self, kind: &KindName) -> bool {
        self.kind.as_ref().is_none_or(|k| k == kind)
    }

    /// One attribute of a kind cannot be changed there.
    pub fn change(kind: &str, attribute: &str, reason: &str) -> Self {
        let lack = Lack::of(kind, Capability::Change, reason);
        Lack { attribute: Some(attribute.to_owned()), ..lack }
    }
}

type Step = Result<(), String>;

impl Suite {
    /// Runs every kind of the catalogue. What was made is deleted again, whatever happens.
    pub async fn run(&self) -> Matrix {
        let mut matrix = Matrix::new(&self.backend);
        for knowledge in self.admin.catalog.kinds() {
            self.kind(knowledge, &mut matrix).await;
        }
        matrix
    }

    async fn kind(&self, knowledge: &dyn Knowledge, matrix: &mut Matrix) {
        let facts = knowledge.facts();
        let Some(table) = &facts.conformance else {
            let failed = Outcome::Failed("its facts have no [conformance] table".to_owned());
            matrix.add(&facts.kind, Capability::Create, failed);
            return;
        };
        let mut made: Vec<Resource> = Vec::new();
        let filling = match self.needs(table, &mut made).await {
            Ok(filling) => filling,
            Err(error) => {
                let failed = Outcome::Failed(format!("what it needs: {error}"));
                matrix.add(&facts.kind, Capability::Create, failed);
                self.clean(made).await;
                return;
            }
        };
        let mut run = Run { suite: self, knowledge, matrix, filling: &filling };
        run.all(table).await;
        self.clean(made).await;
    }

    async fn needs(
        &self,
        table: &Conformance,
        made: &mut Vec<Resource>,
    ) -> Result<Filling, ProviderError> {
        let mut filling = Filling::new(&self.unique);
        for need in &table.needs {
            let attributes = filling.fill(&need.attributes);
            let resource = self.admin.writer.create(&need.kind, &attributes).await?;
            filling.made(&resource.attributes);
            made.push(resource);
        }
        Ok(filling)
    }

    async fn clean(&self, made: Vec<Resource>) {
        for resource in made.iter().rev() {
            if let Err(error) = self.admin.writer.delete(resource).await {
                tracing::warn!(%error, kind = %resource.kind, "left behind");
            }
        }
    }

    fn lack(&self, kind: &KindName, capability: Capability) -> Option<&Lack> {
        self.lacks
            .iter()
            .find(|l| l.capability == capability && l.attribute.is_none() && l.is_about(kind))
    }

    fn lack_of_change(&self, kind: &KindName, change: &Attributes) -> Option<&Lack> {
        self.lacks.iter().find(|l| {
            l.is_about(kind) && l.attribute.as_ref().is_some_and(|a| change.contains_key(a))
        })
    }
}

/// One kind on its way through the suite.
struct Run<'a> {
    suite: &'a Suite,
    knowledge: &'a dyn Knowledge,
    matrix: &'a mut Matrix,
    filling: &'a Filling,
}

impl Run<'_> {
    async fn all(&mut self, table: &Conformance) {
        let wanted = self.filling.fill(&table.attributes);
        let name = self.knowledge.facts().kind.clone();
        let created = self.suite.admin.writer.create(&name, &wanted).await;
        let created = match created {
            Ok(resource) => resource,
            Err(error) => return self.tell(Capability::Create, Err(error.to_string())),
        };
        let answer = self.compare("create answered", &wanted, &created.attributes);
        self.tell(Capability::Create, answer);

        let outcome = self.nobody_made(&created).await;
        self.tell_or(Capability::Absent, outcome);
        let outcome = self.reads(&self.suite.admin, &created, &wanted).await;
        self.tell(Capability::Read, outcome);
        let outcome = self.lists(&created).await;
        self.tell(Capability::List, outcome);

        let mut wanted = wanted;
        let changed = self.changes(table, &created, &mut wanted).await;
        self.tell_or(Capability::Change, changed);
        let outcome = self.concurrent(table, &created).await;
        self.tell_or(Capability::Concurrent, outcome);
        let outcome = self.throttled(&created, &wanted).await;
        self.tell_or(Capability::Throttled, outcome);
        let outcome = self.denied(&created, &wanted).await;
        self.tell_or(Capability::Denied, outcome);
        let outcome = self.deletes(table, &created).await;
        self.tell(Capability::Delete, outcome);
    }

    fn tell(&mut self, capability: Capability, step: Step) {
        self.tell_or(capability, step.map(|()| Outcome::Ran));
    }

    /// A failure where the backend said that it does not offer this is what it said. That it
    /// offers it after all is a failure: the table of lacks must be true.
    fn tell_or(&mut self, capability: Capability, outcome: Result<Outcome, String>) {
        let kind = self.knowledge.facts().kind.clone();
        let outcome = match (self.suite.lack(&kind, capability), outcome) {
            (None, Ok(outcome)) => outcome,
            (None, Err(what)) => Outcome::Failed(what),
            (Some(lack), Err(_)) => Outcome::NotOffered(lack.reason.clone()),
            (Some(_), Ok(Outcome::Ran)) => {
                Outcome::Failed("the backend says that it does not offer this; it does".to_owned())
            }
            (Some(lack), Ok(_)) => Outcome::NotOffered(lack.reason.clone()),
        };
        self.matrix.add(&kind, capability, outcome);
    }

    fn compare(&self, what: &str, wanted: &Attributes, live: &Attributes) -> Step {
        let differences = same::differences(self.knowledge, wanted, live);
        if differences.is_empty() {
            return Ok(());
        }
        Err(format!("{what} otherwise: {}", differences.join("; ")))
    }

    /// The same id with another suffix: a resource that nobody made.
    async fn nobody_made(&self, created: &Resource) -> Result<Outcome, String> {
        let other = self.filling.another(created);
        if other.native_id == created.native_id {
            let reason = "the cloud makes up its id; asked for after it was deleted";
            return Ok(Outcome::NotOffered(reason.to_owned()));
        }
        match self.suite.admin.reader.read(&other).await {
            Live::Absent => Ok(Outcome::Ran),
            live => Err(format!("{} is not absent: {}", other.native_id, words(&live))),
        }
    }

    async fn reads(&self, by: &Connection, created: &Resource, wanted: &Attributes) -> Step {
        match read(by.reader.as_ref(), created).await {
            Live::Present(live) if live.native_id != created.native_id => {
                Err(format!("asked for {}, got {}", created.native_id, live.native_id))
            }
            Live::Present(live) => {
                self.sealed(&live)?;
                self.compare("it reads", wanted, &live.attributes)
            }
            live => Err(words(&live)),
        }
    }

    /// What the facts call sensitive never leaves the provider.
    fn sealed(&self, live: &Resource) -> Step {
        let facts = self.knowledge.facts();
        let open = facts.attributes.iter().filter(|(_, f)| f.sensitive).find(|(name, _)| {
            !matches!(
                live.attributes.get(name.as_str()),
                None | Some(model::Value::Null | model::Value::Redacted)
            )
        });
        open.map_or(Ok(()), |(name, _)| Err(format!("{name} is sensitive and was read openly")))
    }

    async fn lists(&self, created: &Resource) -> Step {
        let listed = self.suite.admin.reader.list(&created.kind).await;
        let listed = listed.map_err(|e| e.to_string())?;
        let ids: Vec<&str> = listed.iter().map(|r| r.native_id.as_str()).collect();
        match ids.iter().filter(|id| **id == created.native_id).count() {
            1 => Ok(()),
            n => Err(format!("{} is listed {n} times among {}", created.native_id, ids.len())),
        }
    }

    async fn changes(
        &mut self,
        table: &Conformance,
        created: &Resource,
        wanted: &mut Attributes,
    ) -> Result<Outcome, String> {
        writable_is_changed(self.knowledge.facts(), table)?;
        if table.changes.is_empty() {
            return Ok(Outcome::NotOffered("nothing of it can be changed".to_owned()));
        }
        for (i, change) in table.changes.iter().enumerate() {
            let change = self.filling.fill(change);
            let current = match read(self.suite.admin.reader.as_ref(), created).await {
                Live::Present(current) => current,
                live => return Err(format!("before change {i}: {}", words(&live))),
            };
            let mut then = wanted.clone();
            then.extend(change.clone());
            let outcome = match self.suite.admin.writer.update(&current, &change).await {
                Ok(()) => {
                    let read = self.reads(&self.suite.admin, created, &then).await;
                    read.map_err(|e| format!("after change {i}: {e}"))
                }
                Err(error) => Err(format!("change {i}: {error}")),
            };
            match (self.suite.lack_of_change(&created.kind, &change), outcome) {
                (None, Ok(())) => *wanted = then,
                (None, Err(what)) => return Err(what),
                (Some(lack), Err(_)) => {
                    let names: Vec<&str> = change.keys().map(String::as_str).collect();
                    let left_out = format!("{}: {}", names.join(", "), lack.reason);
                    self.matrix.note(&created.kind, Capability::Change, left_out);
                }
                (Some(_), Ok(())) => {
                    return Err(format!("change {i} is said not to be offered; it is"));
                }
            }
        }
        Ok(Outcome::Ran)
    }

    async fn throttled(&self, created: &Resource, wanted: &Attributes) -> Result<Outcome, String> {
        let Some(weather) = &self.suite.throttled else {
            return Ok(Outcome::NotOffered("nobody can throttle this backend".to_owned()));
        };
        (weather.switch)(true);
        let outcome = self.reads(&weather.connection, created, wanted).await;
        (weather.switch)(false);
        outcome.map(|()| Outcome::Ran)
    }

    async fn denied(&self, created: &Resource, wanted: &Attributes) -> Result<Outcome, String> {
        let Some(denied) = &self.suite.denied else {
            return Ok(Outcome::NotOffered("this backend refuses nobody".to_owned()));
        };
        let unknown = match read(denied.reader.as_ref(), created).await {
            Live::Unknown(unknown) if unknown.reason == UnknownReason::Denied => unknown,
            live => return Err(format!("a read without permission: {}", words(&live))),
        };
        if !unknown.next_step.starts_with("grant ") || unknown.next_step.len() < 8 {
            return Err(format!("a refusal that names no permission: {}", unknown.next_step));
        }
        match denied.reader.list(&created.kind).await {
            Err(error) if error.is(ErrorKind::Denied) => {}
            Err(error) => return Err(format!("a list without permission: {error}")),
            // A cloud may answer with what the caller may see: nothing of it.
            Ok(seen) if seen.iter().all(|r| r.native_id != created.native_id) => {}
            Ok(_) => return Err("a caller without permissions lists it".to_owned()),
        }
        match denied.writer.delete(created).await {
            Err(error) if error.is(ErrorKind::Denied) => {}
            Err(error) => return Err(format!("a delete without permission: {error}")),
            Ok(()) => return Err("a caller without permissions deleted it".to_owned()),
        }
        self.reads(&self.suite.admin, created, wanted).await.map(|()| Outcome::Ran)
    }

    async fn deletes(&self, table: &Conformance, created: &Resource) -> Step {
        let current = match read(self.suite.admin.reader.as_ref(), created).await {
            Live::Present(current) => current,
            live => return Err(format!("before it is deleted: {}", words(&live))),
        };
        self.suite.admin.writer.delete(&current).await.map_err(|e| e.to_string())?;
        let after = read(self.suite.admin.reader.as_ref(), created).await;
        match (after, &table.stays) {
            (Live::Absent, None) => Ok(()),
            (Live::Present(live), Some(stays)) => {
                self.compare("deleted, it reads", &self.filling.fill(stays), &live.attributes)
            }
            (live, None) => Err(format!("deleted, and then {}", words(&live))),
            (live, Some(_)) => Err(format!("it should stay, and is {}", words(&live))),
        }
    }
}

/// What the facts call writable and what the changes write are the same attributes.
fn writable_is_changed(facts: &KindFacts, table: &Conformance) -> Step {
    let changed: BTreeSet<&str> =
        table.changes.iter().flat_map(Attributes::keys).map(String::as_str).collect();
    let writable: BTreeSet<&str> = facts.writable.iter().map(String::as_str).collect();
    let only = |one: &BTreeSet<&str>, other: &BTreeSet<&str>| {
        one.difference(other).copied().collect::<Vec<_>>().join(", ")
    };
    let (never, unsaid) = (only(&writable, &changed), only(&changed, &writable));
    match (never.as_str(), unsaid.as_str()) {
        ("", "") => Ok(()),
        ("", unsaid) => Err(format!("changed, and not said to be writable: {unsaid}")),
        (never, _) => Err(format!("said to be writable, and no change writes it: {never}")),
    }
}

/// Asks as a check does: by kind, id and what a state would have recorded.
async fn read(reader: &dyn Reader, created: &Resource) -> Live {
    let wanted = Wanted {
        kind: created.kind.clone(),
        native_id: created.native_id.clone(),
        region: created.region.clone(),
        recorded: created.attributes.clone(),
    };
    reader.read(&wanted).await
}

fn words(live: &Live) -> String {
    match live {
        Live::Present(_) => "present".to_owned(),
        Live::Absent => "absent".to_owned(),
        Live::Unknown(unknown) => {
            format!("unknown: {}: {}", unknown.reason.as_str(), unknown.detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(writable: &str, changes: &str, said: &str) {
        let facts = format!(
            "kind = 'x_box'\ntitle = 'box'\nprovider_major = [1]\nwritable = {writable}\n\
             missing = {{ severity = 'high', why = 'It is gone.' }}\n\
             [conformance]\nattributes = {{ }}\nchanges = {changes}"
        );
        let facts: KindFacts = toml::from_str(&facts).unwrap();
        let answer = writable_is_changed(&facts, facts.conformance.as_ref().unwrap());
        assert_eq!(answer.err().unwrap_or_default(), said);
    }

    #[test]
    fn what_can_be_brought_back_has_been() {
        check("['a', 'b']", "[{ a = 1 }, { a = 2, b = 1 }]", "");
        check("[]", "[]", "");
        check("['a', 'b']", "[{ a = 1 }]", "said to be writable, and no change writes it: b");
        check("['a']", "[{ a = 1, b = 2 }]", "changed, and not said to be writable: b");
    }
}
