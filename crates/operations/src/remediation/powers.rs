//! Who reads and writes, cloud by cloud, and where the states are now.

use crate::fetch::fetch;
use crate::progress::Silent;
use crate::states::{StateInput, load_states};
use crate::target::CheckCloud;
use async_trait::async_trait;
use auto_remediation::engine::{Hands, StateNow, World};
use model::{Action, Timestamp};
use provider::Writer;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use terraform_io::StateSource;

/// One cloud of a target with the power to change it.
pub struct FixCloud {
    pub check: CheckCloud,
    /// For each account of `check`, in its order; none where there was no connection.
    pub writers: Vec<Option<Arc<dyn Writer>>>,
}

/// What an account of a cloud turned out to be.
struct Place {
    /// Whose it is, or why nobody knows.
    account: Result<String, String>,
    /// As whom, by the cloud's own word.
    principal: Option<String>,
    writer: Option<Arc<dyn Writer>>,
}

/// The clouds of a run, asked once whose they are.
pub struct Powers<'a> {
    clouds: Vec<CheckCloud>,
    places: Vec<Vec<Place>>,
    /// States that are carried by the program, by name, with their bytes.
    carried: BTreeMap<String, Vec<u8>>,
    clock: &'a (dyn Fn() -> Timestamp + Sync),
}

impl<'a> Powers<'a> {
    pub async fn of(
        clouds: Vec<FixCloud>,
        states: &[StateInput],
        clock: &'a (dyn Fn() -> Timestamp + Sync),
    ) -> Powers<'a> {
        let carried = states
            .iter()
            .filter_map(|s| match s {
                StateInput::Bytes { name, bytes, .. } => Some((name.clone(), bytes.clone())),
                StateInput::Source(_) | StateInput::Loaded(_) => None,
            })
            .collect();
        let (mut checks, mut places) = (Vec::new(), Vec::new());
        for cloud in clouds {
            let mut of_cloud = Vec::new();
            for (account, writer) in cloud.check.accounts.iter().zip(cloud.writers) {
                let mut principal = None;
                let whose = match account {
                    Err(error) => Err(error.to_string()),
                    Ok(account) => match account.reader.identity().await {
                        Err(error) => Err(error.to_string()),
                        Ok(identity) => match &account.expected {
                            Some(expected) if *expected != identity.account => Err(format!(
                                "the target names account {expected}, the credentials lead to {}",
                                identity.account
                            )),
                            _ => {
                                principal = Some(identity.principal);
                                Ok(identity.account)
                            }
                        },
                    },
                };
                of_cloud.push(Place { account: whose, principal, writer });
            }
            places.push(of_cloud);
            checks.push(cloud.check);
        }
        Powers { clouds: checks, places, carried, clock }
    }

    /// Is this whom one of our connections is? Anybody can call himself anything in a user
    /// agent; whose credentials signed is what the cloud's log vouches for.
    pub fn is_us(&self, principal: &model::Principal) -> bool {
        let known = self.places.iter().flatten().filter_map(|p| p.principal.as_ref());
        known.into_iter().any(|us| {
            principal.uid.as_ref() == Some(us)
                || principal.via.contains(us)
                || principal.name == *us
        })
    }

    pub fn clouds(&self) -> &[CheckCloud] {
        &self.clouds
    }

    pub fn clock(&self) -> &'a (dyn Fn() -> Timestamp + Sync) {
        self.clock
    }
}

#[async_trait]
impl World for Powers<'_> {
    fn hands(&self, action: &Action) -> Result<Hands, String> {
        let at = self.clouds.iter().position(|c| c.catalog.cloud() == action.cloud);
        let at = at.ok_or_else(|| format!("{} is not part of this target", action.cloud))?;
        let (cloud, places) = (&self.clouds[at], &self.places[at]);
        let knowledge = cloud
            .catalog
            .kind(&action.kind)
            .ok_or_else(|| format!("{} is not supported", action.kind))?;
        let mut shut = None;
        for (account, place) in cloud.accounts.iter().zip(places) {
            match (&place.account, account, &place.writer) {
                (Err(why), ..) => shut = Some(why.clone()),
                (Ok(whose), Ok(account), Some(writer))
                    if action.account.as_ref().is_none_or(|a| a == whose) =>
                {
                    let ours = places.iter().filter(|p| p.account.is_ok()).count();
                    if action.account.is_none() && ours > 1 {
                        return Err("the plan names no account, and the target has several".into());
                    }
                    return Ok(Hands {
                        reader: account.reader.clone(),
                        writer: writer.clone(),
                        knowledge,
                    });
                }
                _ => {}
            }
        }
        let ours: Vec<&str> = places.iter().filter_map(|p| p.account.as_deref().ok()).collect();
        Err(match (shut, action.account.as_deref()) {
            (Some(why), _) if ours.is_empty() => why,
            (_, Some(account)) => format!(
                "it lies in account {account}; the credentials lead to {}",
                if ours.is_empty() { "none".to_owned() } else { ours.join(", ") }
            ),
            _ => format!("no account of {} is at hand", cloud.catalog.title()),
        })
    }

    async fn state(&self, source: &str) -> Result<StateNow, String> {
        let input = match self.carried.get(source) {
            Some(bytes) => {
                StateInput::Bytes { name: source.to_owned(), bytes: bytes.clone(), modified: None }
            }
            None => {
                let parsed = StateSource::parse(source).map_err(|e| e.to_string())?;
                if let Some(lock) = self.lock(source).await {
                    return Ok(StateNow::Locked(lock));
                }
                StateInput::Source(parsed)
            }
        };
        let (loaded, errors) = load_states(vec![input], &self.clouds, &Silent).await;
        match loaded.into_iter().next() {
            Some(state) => Ok(StateNow::At {
                serial: state.state.header.serial,
                lineage: state.state.header.lineage.clone(),
            }),
            None => Err(errors.first().map_or_else(
                || "it is not there".to_owned(),
                |e| format!("{}: {}", e.place, e.what),
            )),
        }
    }

    fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

/// The largest lock that is read: Terraform writes one short JSON document.
const LARGEST_LOCK: u64 = 64 << 10;

impl Powers<'_> {
    /// Who is at work on a state with Terraform.
    pub(super) async fn at_work(&self, source: &str) -> Option<String> {
        match self.carried.contains_key(source) {
            true => None,
            false => self.lock(source).await,
        }
    }

    /// Who holds Terraform's lock on a state, where its backend leaves one beside it: the
    /// local one `.NAME.lock.info`, S3 and Google Cloud Storage `NAME.tflock`.
    async fn lock(&self, source: &str) -> Option<String> {
        if source.contains("://") && !source.starts_with("file://") {
            let (key, extension) = source.rsplit_once(".tfstate")?;
            if !extension.is_empty() {
                return None;
            }
            for lock in [format!("{source}.tflock"), format!("{key}.tflock")] {
                let Ok(pattern) = terraform_io::ObjectPattern::parse(&lock) else { continue };
                let exact = pattern.exact_key()?.to_owned();
                let wanted = |found: &str| found == exact;
                let (found, _) = fetch(&self.clouds, &pattern, wanted, LARGEST_LOCK).await;
                if let Some(object) = found.first() {
                    return Some(holder(&object.bytes));
                }
            }
            return None;
        }
        let path = Path::new(source.strip_prefix("file://").unwrap_or(source));
        let name = path.file_name()?.to_string_lossy();
        let lock = path.with_file_name(format!(".{name}.lock.info"));
        std::fs::read(lock).ok().map(|bytes| holder(&bytes))
    }
}

/// What Terraform writes of who holds a lock.
fn holder(bytes: &[u8]) -> String {
    let info: serde_json::Value = serde_json::from_slice(bytes).unwrap_or_default();
    let text = |name: &str| info.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    match (text("Who"), text("Operation"), text("Created")) {
        (Some(who), operation, since) => {
            let since = since.map_or(String::new(), |s| format!(" since {s}"));
            let what = operation.map_or(String::new(), |o| format!(" ({o})"));
            format!("{who}{what}{since}")
        }
        _ => "Terraform is at work".to_owned(),
    }
}
