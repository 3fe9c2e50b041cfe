//! Live answers for desired resources: whose account is it, then bounded concurrent reads.

use crate::progress::Progress;
use crate::target::{Account, CheckCloud, Known};
use futures::StreamExt;
use futures::stream;
use model::report::ReportError;
use model::resource::Desired;
use model::{Live, Unknown, UnknownReason};
use provider::kind::Wanted;
use std::collections::{BTreeMap, BTreeSet};

/// Reads under way at once, over all clouds. The pace of each service is the provider's
/// own matter; this only bounds memory and sockets.
const CONCURRENT_READS: usize = 16;

/// The accounts of one cloud that answered, and the errors of those that did not.
pub(crate) struct Reached<'a> {
    pub cloud: &'a CheckCloud,
    pub known: Vec<Known>,
    pub failed: Vec<provider::ProviderError>,
}

/// Asks every account who we are.
pub(crate) async fn reach<'a>(
    clouds: &'a [CheckCloud],
    needed: &BTreeSet<usize>,
) -> (Vec<Reached<'a>>, Vec<ReportError>) {
    let asked = clouds.iter().enumerate().map(|(index, cloud)| async move {
        let mut reached = Reached { cloud, known: Vec::new(), failed: Vec::new() };
        if !needed.contains(&index) {
            return reached;
        }
        for account in &cloud.accounts {
            match identify(account).await {
                Ok(known) => reached.known.push(known),
                Err(error) => reached.failed.push(error),
            }
        }
        reached
    });
    let reached = futures::future::join_all(asked).await;
    let errors = reached
        .iter()
        .flat_map(|r| r.failed.iter().map(|e| (r.cloud.catalog.title(), e)))
        .map(|(title, error)| crate::fetch::failed(title.to_owned(), error))
        .collect();
    (reached, errors)
}

async fn identify(
    account: &Result<Account, provider::ProviderError>,
) -> Result<Known, provider::ProviderError> {
    let account = account.as_ref().map_err(Clone::clone)?;
    let identity = account.reader.identity().await?;
    if let Some(expected) = account.expected.as_ref().filter(|e| **e != identity.account) {
        return Err(provider::ProviderError::new(
            provider::ErrorKind::WrongAccount,
            "identity",
            format!("account {expected}"),
        )
        .as_caller(identity.caller.clone())
        .because(format!("the credentials lead to account {}", identity.account))
        .next_step(format!(
            "give credentials of {expected} in lab.toml, or name {} there",
            identity.account
        )));
    }
    Ok(Known { account: account.clone(), identity })
}

/// Who is to be asked for a resource; or why nobody is.
enum Route {
    Ask(usize),
    Nobody(Unknown),
}

/// The provider addresses whose own ids name an account that we are not in. One is enough:
/// nothing of that provider address is read then, and nothing of it is *missing*.
fn foreign(reached: &Reached<'_>, desired: &[&Desired]) -> BTreeMap<String, String> {
    let ours: BTreeSet<&str> = reached.known.iter().map(|k| k.identity.account.as_str()).collect();
    let mut foreign = BTreeMap::new();
    for d in desired {
        if let Some(account) = reached.cloud.catalog.account_of(d)
            && !ours.contains(account.as_str())
        {
            foreign.entry(d.provider.clone()).or_insert(account);
        }
    }
    foreign
}

fn route(reached: &Reached<'_>, foreign: &BTreeMap<String, String>, desired: &Desired) -> Route {
    if reached.cloud.catalog.kind(&desired.address.kind).is_none() {
        return Route::Nobody(unsupported(desired));
    }
    if reached.known.is_empty() {
        let unknown = reached.failed.first().map(provider::ProviderError::to_unknown);
        return Route::Nobody(unknown.unwrap_or_else(|| Unknown {
            reason: UnknownReason::Unreachable,
            detail: format!("{} is not part of this target", reached.cloud.catalog.title()),
            next_step: "name its account in lab.toml".to_owned(),
        }));
    }
    if let Some(account) = foreign.get(&desired.provider) {
        let ours: Vec<&str> = reached.known.iter().map(|k| k.identity.account.as_str()).collect();
        return Route::Nobody(Unknown {
            reason: UnknownReason::WrongAccount,
            detail: format!(
                "the state's own ids name account {account}; the credentials lead to {}",
                ours.join(", ")
            ),
            next_step: format!("give credentials of account {account}"),
        });
    }
    let own = reached.cloud.catalog.account_of(desired);
    let at = match own {
        Some(account) => reached.known.iter().position(|k| k.identity.account == account),
        None if reached.known.len() == 1 => Some(0),
        // Nothing of its own says where it lies: its neighbours of the same provider address
        // were all in our accounts, and the first one is asked.
        None => Some(0),
    };
    Route::Ask(at.unwrap_or(0))
}

pub(crate) fn unsupported(desired: &Desired) -> Unknown {
    Unknown {
        reason: UnknownReason::Unsupported,
        detail: format!("{} is not supported yet", desired.address.kind),
        next_step: "lab list shows the kinds that are".to_owned(),
    }
}

/// Reads what is desired of one cloud and hands each answer on as it comes, in the order
/// given. Nothing is kept here: a large estate is looked at, not held in memory.
pub(crate) async fn read_each<'d>(
    reached: &Reached<'_>,
    desired: &[&'d Desired],
    progress: &dyn Progress,
    mut each: impl FnMut(&'d Desired, Live),
) {
    let foreign = foreign(reached, desired);
    let reads = desired.iter().map(|d| {
        let route = route(reached, &foreign, d);
        async move {
            let live = match route {
                Route::Nobody(unknown) => Live::Unknown(unknown),
                Route::Ask(at) => {
                    let wanted = Wanted {
                        kind: d.address.kind.clone(),
                        native_id: d.native_id.clone(),
                        region: reached.cloud.catalog.region_of(d),
                        recorded: d.attributes.clone(),
                    };
                    reached.known[at].account.reader.read(&wanted).await
                }
            };
            progress.step();
            live
        }
    });
    let mut answers = stream::iter(reads).buffered(CONCURRENT_READS);
    for d in desired {
        match answers.next().await {
            Some(live) => each(d, live),
            None => break,
        }
    }
}
