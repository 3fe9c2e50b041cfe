//! Live answers for desired resources: whose account is it, then bounded concurrent reads.

use crate::progress::Progress;
use crate::target::{Account, CheckCloud, Known};
use futures::StreamExt;
use futures::stream;
use model::knowledge::Catalog;
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
    pub failed: Vec<Failed>,
}

/// An account that could not be reached, and which one it is where the target names it.
pub(crate) struct Failed {
    account: Option<String>,
    error: provider::ProviderError,
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
                Err(error) => {
                    let account = account.as_ref().ok().and_then(|a| a.expected.clone());
                    reached.failed.push(Failed { account, error });
                }
            }
        }
        reached
    });
    let reached = futures::future::join_all(asked).await;
    let errors = reached
        .iter()
        .flat_map(|r| r.failed.iter().map(|f| (r.cloud.catalog.title(), &f.error)))
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
    /// Nothing says which: each in turn until one has it.
    AskAll,
    Nobody(Unknown),
}

/// The accounts that the ids of resources name, by state and by provider address and alias:
/// those of one were managed with the same credentials. The same provider text in another
/// state may stand for another account.
pub(crate) struct Places<'d> {
    named: BTreeMap<&'d str, BTreeMap<&'d str, BTreeSet<String>>>,
}

impl<'d> Places<'d> {
    /// `everything`, not only what a run selects: whose account it is may stand in the id of
    /// a neighbour that this run is not about.
    pub(crate) fn of(catalog: &dyn Catalog, everything: &[&'d Desired]) -> Self {
        let mut named: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
        for d in everything.iter().filter(|d| catalog.owns(&d.address.kind)) {
            if let Some(account) = catalog.account_of(d) {
                let of_state = named.entry(&d.state).or_default();
                of_state.entry(&d.provider).or_default().insert(account);
            }
        }
        Places { named }
    }

    fn near(&self, desired: &Desired) -> Option<&BTreeSet<String>> {
        self.named.get(desired.state.as_str())?.get(desired.provider.as_str())
    }

    /// An account that we are not in. One is enough: nothing of that place is read then, and
    /// nothing of it is *missing*.
    fn foreign(&self, desired: &Desired, ours: &[&str]) -> Option<&str> {
        let mut named = self.near(desired)?.iter().map(String::as_str);
        named.find(|account| !ours.contains(account))
    }

    /// The account of a resource: by its own id, or because all its neighbours name one.
    fn account_of(&self, catalog: &dyn Catalog, desired: &Desired) -> Option<String> {
        catalog.account_of(desired).or_else(|| {
            let named = self.near(desired)?;
            named.first().filter(|_| named.len() == 1).cloned()
        })
    }
}

fn route(reached: &Reached<'_>, places: &Places<'_>, desired: &Desired) -> Route {
    let catalog = reached.cloud.catalog;
    if catalog.kind(&desired.address.kind).is_none() {
        return Route::Nobody(unsupported(desired));
    }
    if reached.known.is_empty() {
        let unknown = reached.failed.first().map(|f| f.error.to_unknown());
        return Route::Nobody(unknown.unwrap_or_else(|| Unknown {
            reason: UnknownReason::Unreachable,
            detail: format!("{} is not part of this target", catalog.title()),
            next_step: "name its account in lab.toml".to_owned(),
        }));
    }
    let ours: Vec<&str> = reached.known.iter().map(|k| k.identity.account.as_str()).collect();
    if let Some(account) = places.foreign(desired, &ours) {
        // Perhaps it is the one that did not let us in.
        let shut =
            reached.failed.iter().find(|f| f.account.as_deref().is_none_or(|a| a == account));
        return Route::Nobody(shut.map(|f| f.error.to_unknown()).unwrap_or_else(|| Unknown {
            reason: UnknownReason::WrongAccount,
            detail: format!(
                "the state's own ids name account {account}; the credentials lead to {}",
                ours.join(", ")
            ),
            next_step: format!("give credentials of account {account}"),
        }));
    }
    let at = places
        .account_of(catalog, desired)
        .and_then(|account| ours.iter().position(|o| *o == account));
    at.map_or(Route::AskAll, Route::Ask)
}

/// It is absent only if every account of the target says so.
async fn ask_all(reached: &Reached<'_>, wanted: &Wanted) -> Live {
    let mut unknown = reached.failed.first().map(|f| f.error.to_unknown());
    for known in &reached.known {
        match known.account.reader.read(wanted).await {
            Live::Absent => {}
            Live::Unknown(why) => {
                unknown.get_or_insert(why);
            }
            present => return present,
        }
    }
    unknown.map_or(Live::Absent, Live::Unknown)
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
    places: &Places<'_>,
    progress: &dyn Progress,
    mut each: impl FnMut(&'d Desired, Live),
) {
    let reads = desired.iter().map(|d| {
        let route = route(reached, places, d);
        async move {
            let live = match route {
                Route::Nobody(unknown) => Live::Unknown(unknown),
                asked => {
                    let wanted = Wanted {
                        kind: d.address.kind.clone(),
                        native_id: d.native_id.clone(),
                        region: reached.cloud.catalog.region_of(d),
                        recorded: d.attributes.clone(),
                    };
                    match asked {
                        Route::Ask(at) => reached.known[at].account.reader.read(&wanted).await,
                        _ => ask_all(reached, &wanted).await,
                    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Attributes, Cloud, KindName, Knowledge, ResourceAddress};

    /// Whose resources say in `account` where they are.
    struct Sayers;

    impl Catalog for Sayers {
        fn cloud(&self) -> Cloud {
            "toy".into()
        }
        fn title(&self) -> &'static str {
            "Toy"
        }
        fn owns(&self, kind: &KindName) -> bool {
            kind.as_str().starts_with("toy_")
        }
        fn kind(&self, _: &KindName) -> Option<&dyn Knowledge> {
            None
        }
        fn kinds(&self) -> Vec<&dyn Knowledge> {
            Vec::new()
        }
        fn account_of(&self, desired: &Desired) -> Option<String> {
            Some(desired.attributes.get("account")?.as_str()?.to_owned())
        }
        fn region_of(&self, _: &Desired) -> Option<String> {
            None
        }
    }

    fn desired(kind: &str, state: &str, provider: &str, account: Option<&str>) -> Desired {
        let attributes: Attributes =
            account.map(|a| ("account".to_owned(), a.into())).into_iter().collect();
        Desired {
            address: ResourceAddress::root(kind, "x"),
            provider: provider.to_owned(),
            native_id: "x".to_owned(),
            attributes,
            schema_version: 0,
            state: state.to_owned(),
        }
    }

    #[test]
    fn a_neighbour_of_the_same_state_and_provider_says_whose_account_it_is() {
        let silent = desired("toy_a", "one", "p", None);
        let elsewhere = desired("toy_a", "two", "p", None);
        let alias = desired("toy_a", "one", "p.eu", None);
        let all = [
            desired("toy_b", "one", "p", Some("1")),
            desired("toy_b", "two", "p", Some("2")),
            desired("toy_b", "one", "p.eu", Some("1")),
            desired("toy_b", "one", "p.eu", Some("3")),
            desired("other_b", "one", "p", Some("9")),
        ];
        let places = Places::of(&Sayers, &all.iter().collect::<Vec<_>>());
        assert_eq!(places.foreign(&silent, &["1"]), None);
        assert_eq!(places.foreign(&silent, &["2"]), Some("1"));
        assert_eq!(places.foreign(&elsewhere, &["1"]), Some("2"));
        assert_eq!(places.foreign(&alias, &["1"]), Some("3"));
        assert_eq!(places.account_of(&Sayers, &silent).as_deref(), Some("1"));
        assert_eq!(places.account_of(&Sayers, &elsewhere).as_deref(), Some("2"));
        // Two are named: nothing says which.
        assert_eq!(places.account_of(&Sayers, &alias), None);
        assert_eq!(places.account_of(&Sayers, &desired("toy_a", "three", "p", None)), None);
    }
}
