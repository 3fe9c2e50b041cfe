//! What somebody else changed in between is not overwritten: two who looked at the same
//! resource write one after the other.

use super::{Outcome, Run, read, same, words};
use crate::error::ErrorKind;
use model::knowledge::Conformance;
use model::{Attributes, Live, Resource};

impl Run<'_> {
    pub(super) async fn concurrent(
        &self,
        table: &Conformance,
        created: &Resource,
    ) -> Result<Outcome, String> {
        let changes: Vec<Attributes> = table
            .changes
            .iter()
            .map(|change| self.filling.fill(change))
            .filter(|change| self.suite.lack_of_change(&created.kind, change).is_none())
            .collect();
        let seen = self.look(created).await?;
        let meet = |a: &Attributes, b: &Attributes| a.keys().any(|name| b.contains_key(name));
        let differs = |change: &Attributes| {
            !same::differences(self.knowledge, change, &seen.attributes).is_empty()
        };
        let mut tried = 0;
        // One pair about the same attribute, and one where each has its own.
        for shared in [true, false] {
            let pair = changes.iter().filter(|one| differs(one)).find_map(|one| {
                let other = changes
                    .iter()
                    .find(|other| differs(other) && other != &one && meet(one, other) == shared);
                // Of a switch there is one other value.
                let other = other.or_else(|| shared.then_some(one));
                other.map(|other| (one, other))
            });
            let Some((faster, slower)) = pair else { continue };
            self.race(created, faster, slower).await?;
            tried += 1;
        }
        match tried {
            0 => Ok(Outcome::NotOffered("nothing of it can be changed".to_owned())),
            _ => Ok(Outcome::Ran),
        }
    }

    async fn look(&self, created: &Resource) -> Result<Resource, String> {
        match read(self.suite.admin.reader.as_ref(), created).await {
            Live::Present(live) => Ok(live),
            live => Err(words(&live)),
        }
    }

    async fn race(
        &self,
        created: &Resource,
        faster: &Attributes,
        slower: &Attributes,
    ) -> Result<(), String> {
        let writer = &self.suite.admin.writer;
        let seen = self.look(created).await?;
        writer.update(&seen, faster).await.map_err(|e| format!("the faster: {e}"))?;
        let faster_wrote = self.look(created).await?;
        let shared = slower.keys().any(|name| faster.contains_key(name));
        match writer.update(&seen, slower).await {
            Err(error) if error.is(ErrorKind::Conflict) => {}
            Err(error) => return Err(format!("the slower: {error}")),
            Ok(()) if shared => {
                return Err("the slower of two wrote over what the faster had written".to_owned());
            }
            Ok(()) => {}
        }
        if self.knowledge.facts().removable {
            match writer.delete(&seen).await {
                Err(error) if error.is(ErrorKind::Conflict) => {}
                Err(error) => return Err(format!("a deletion of what moved: {error}")),
                Ok(()) => return Err("what moved was deleted as it was seen before".to_owned()),
            }
        }
        let now = self.look(created).await?;
        let lost = faster.keys().find(|name| {
            let of = |resource: &Resource| resource.attributes.get(*name).cloned();
            of(&faster_wrote) != of(&now)
        });
        if let Some(name) = lost {
            return Err(format!("what the faster of two wrote to {name} is lost"));
        }
        let touched = faster.keys().chain(slower.keys());
        let back: Attributes = touched
            .map(|name| (name.clone(), seen.attributes.get(name).cloned().unwrap_or_default()))
            .collect();
        writer.update(&now, &back).await.map_err(|e| format!("putting it back: {e}"))
    }
}
