//! Drift: desired beside live, who changed what, how bad it is.

use crate::archive::{EventSource, read_archive};
use crate::attribution::{self, Evidence};
use crate::progress::{Progress, Silent};
use crate::reading::{self, Reached};
use crate::states::{Loaded, StateInput, load_states};
use crate::target::{CheckCloud, cloud_of};
use drift_detector::{
    CompareContext, Draft, Drift, DriftIgnore, EventLog, Outcome, Selection, Verdict, assemble,
    attribute, classify, compare, count,
};
use model::finding::{Attribution, DriftStatus, Effect, EffectSource};
use model::knowledge::Catalog;
use model::report::{DRIFT_REPORT_SCHEMA, DriftReport, ReportError, Tool, UnknownResource};
use model::resource::Desired;
use model::value::seal_like;
use model::{Attributes, Knowledge, Live, Resource, Timestamp, Value};
use provider::Reader;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where names come from.
pub enum Who {
    /// `--no-attribution`
    NotAsked,
    /// The clouds' own logs.
    Clouds,
    /// Files and buckets that the user named, and nothing else.
    Archive(Vec<EventSource>),
}

pub struct CheckRequest {
    pub target: String,
    pub states: Vec<StateInput>,
    pub only: Selection,
    pub ignore: DriftIgnore,
    /// Also report what no state manages, for the supported kinds.
    pub unmanaged: bool,
    pub who: Who,
    /// Try effects with anonymous reads; else they are worked out.
    pub probe: bool,
    pub tool: Tool,
}

/// What came of one cloud's share of the states.
struct Share<'a> {
    reached: Reached<'a>,
    drifts: Vec<(Drift, &'static dyn Knowledge)>,
    verdicts: Vec<Verdict>,
    in_sync: Vec<String>,
    unknown: Vec<UnknownResource>,
    ignored: usize,
    errors: Vec<ReportError>,
}

/// A finding's resource as it was read, for whoever wants to mend it.
pub struct Seen {
    pub knowledge: &'static dyn Knowledge,
    pub desired: Option<Attributes>,
    pub live: Option<Resource>,
    /// Tags and labels of it and of what it belongs to, as states record them.
    pub tags: BTreeMap<String, String>,
    /// Those that it bears now.
    pub live_tags: BTreeMap<String, String>,
    /// Text that stands in the log for what it belongs to.
    pub belongs_to: String,
}

/// A report, and what lies behind its findings, by fingerprint.
pub struct Examined {
    pub report: DriftReport,
    pub seen: BTreeMap<String, Seen>,
    /// What every state wants, for whoever looks for a neighbour.
    pub states: Vec<Loaded>,
    /// The events that were at hand, cloud by cloud.
    pub events: Vec<EventLog>,
}

/// Checks, and answers with a report whatever happened: what could not be read is in it.
pub async fn check(
    request: CheckRequest,
    clouds: &[CheckCloud],
    clock: &(dyn Fn() -> Timestamp + Sync),
    progress: &dyn Progress,
) -> DriftReport {
    run(request, clouds, clock, progress, false).await.report
}

/// As [`check`], and keeps what lies behind each finding.
pub async fn examine(
    request: CheckRequest,
    clouds: &[CheckCloud],
    clock: &(dyn Fn() -> Timestamp + Sync),
    progress: &dyn Progress,
) -> Examined {
    run(request, clouds, clock, progress, true).await
}

async fn run(
    mut request: CheckRequest,
    clouds: &[CheckCloud],
    clock: &(dyn Fn() -> Timestamp + Sync),
    progress: &dyn Progress,
    keep: bool,
) -> Examined {
    let started_at = clock();
    let inputs = std::mem::take(&mut request.states);
    let (loaded, mut errors) = load_states(inputs, clouds, progress).await;
    let states = loaded.iter().map(|l| l.summary(started_at)).collect();
    let mut unknown: Vec<UnknownResource> =
        loaded.iter().flat_map(|l| l.state.unreadable.clone()).collect();

    let everything: Vec<&Desired> = loaded.iter().flat_map(|l| &l.state.resources).collect();
    let kinds = everything.iter().map(|d| d.address.kind.clone()).collect();
    let context = CompareContext { kinds };
    let selected: Vec<&Desired> = everything
        .iter()
        .copied()
        .filter(|d| {
            request.only.selects(&d.address) && request.ignore.resource(&d.address).is_none()
        })
        .collect();
    let mut ignored =
        everything.iter().filter(|d| request.ignore.resource(&d.address).is_some()).count();

    let mut wanted: Vec<Vec<&Desired>> = clouds.iter().map(|_| Vec::new()).collect();
    for desired in &selected {
        match cloud_of(clouds, desired) {
            Some((index, _)) => wanted[index].push(desired),
            None => unknown.push(UnknownResource {
                address: Some(desired.address.clone()),
                kind: desired.address.kind.clone(),
                unknown: reading::unsupported(desired),
            }),
        }
    }
    // A cloud of which nothing is supported is not asked for anything, not even its name.
    let needed: BTreeSet<usize> = clouds
        .iter()
        .enumerate()
        .filter(|(i, cloud)| {
            request.unmanaged
                || wanted[*i].iter().any(|d| cloud.catalog.kind(&d.address.kind).is_some())
        })
        .map(|(i, _)| i)
        .collect();
    let (reached, unreachable) = reading::reach(clouds, &needed).await;
    errors.extend(unreachable);

    progress.stage("reading live configuration", selected.len());
    let shares =
        futures::future::join_all(reached.into_iter().zip(wanted).map(|(reached, desired)| {
            look(reached, desired, &request, &everything, &context, progress)
        }))
        .await;

    let archive = match &request.who {
        Who::Archive(sources) => {
            let archive = read_archive(sources, clouds, progress).await;
            errors.extend(archive.errors.iter().cloned());
            Some(archive)
        }
        _ => None,
    };

    let mut seen = BTreeMap::new();
    let mut events = Vec::new();
    let mut drafts = Vec::new();
    let mut in_sync = Vec::new();
    for share in shares {
        errors.extend(share.errors);
        in_sync.extend(share.in_sync);
        unknown.extend(share.unknown);
        ignored += share.ignored;
        let (drifts, verdicts) = (share.drifts, share.verdicts);
        let catalog = share.reached.cloud.catalog;
        if drifts.is_empty() {
            continue;
        }
        let evidence = match (&request.who, &archive) {
            (Who::NotAsked, _) => None,
            (_, Some(archive)) => {
                Some(attribution::from_archive(archive, &catalog.cloud(), catalog.title()))
            }
            (_, None) => {
                progress.stage("asking the audit log", 1);
                let about: Vec<&Drift> = drifts.iter().map(|(d, _)| d).collect();
                let (evidence, wrong) = attribution::ask(&share.reached, &about).await;
                errors.extend(wrong);
                progress.step();
                Some(evidence)
            }
        };
        for ((drift, knowledge), mut verdict) in drifts.into_iter().zip(verdicts) {
            if request.probe {
                probe(&share.reached, &drift, &mut verdict, &mut errors).await;
            }
            let who = name(&drift, knowledge, evidence.as_ref());
            let behind = keep.then(|| behind(&drift, knowledge, &everything, catalog));
            let draft = Draft::new(drift, knowledge, verdict, who);
            if let Some(behind) = behind {
                seen.entry(draft.fingerprint().to_owned()).or_insert(behind);
            }
            drafts.push(draft);
        }
        if let Some(evidence) = evidence.filter(|_| keep) {
            events.push(evidence.log);
        }
    }

    let mut findings = assemble(drafts);
    findings.retain(|f| match &f.address {
        Some(address) => request.only.selects(address),
        None => true,
    });
    unknown.sort_by(|a, b| (&a.kind, &a.address).cmp(&(&b.kind, &b.address)));
    in_sync.sort();
    let summary = count(&findings, in_sync.len(), unknown.len());
    let report = DriftReport {
        schema: DRIFT_REPORT_SCHEMA.to_owned(),
        tool: request.tool,
        target: request.target,
        started_at,
        finished_at: clock(),
        partial: !errors.is_empty(),
        states,
        summary,
        findings,
        unknown,
        errors,
        in_sync,
        ignored,
        ledger: None,
    };
    Examined { report, seen, states: loaded, events }
}

/// The attributes in which resources carry tags, under the names that Terraform gives them.
const TAGS: [&str; 4] = ["tags", "tags_all", "labels", "effective_labels"];

fn take_tags(attributes: &Attributes, tags: &mut BTreeMap<String, String>) {
    for name in TAGS {
        for (key, value) in attributes.get(name).and_then(Value::as_map).into_iter().flatten() {
            if let Some(text) = value.as_str() {
                tags.insert(key.clone(), text.to_owned());
            }
        }
    }
}

fn behind(
    drift: &Drift,
    knowledge: &'static dyn Knowledge,
    everything: &[&Desired],
    catalog: &'static dyn Catalog,
) -> Seen {
    let own = drift.live.clone().or_else(|| drift.as_desired());
    let belongs_to =
        own.as_ref().map_or_else(|| drift.native_id.clone(), |r| knowledge.belongs_to(r));
    let (mut tags, mut live_tags) = (BTreeMap::new(), BTreeMap::new());
    for desired in everything {
        let with = catalog
            .kind(&desired.address.kind)
            .is_some_and(|k| k.belongs_to(&as_resource(desired, catalog.cloud())) == belongs_to);
        if with {
            take_tags(&desired.attributes, &mut tags);
        }
    }
    if let Some(desired) = &drift.desired {
        take_tags(desired, &mut tags);
    }
    if let Some(live) = &drift.live {
        take_tags(&live.attributes, &mut live_tags);
    }
    Seen {
        knowledge,
        desired: drift.desired.clone(),
        live: drift.live.clone(),
        tags,
        live_tags,
        belongs_to,
    }
}

/// Reads one cloud's share and compares each answer as it comes; what is in sync is not
/// kept. Then reads again what belongs to the resources that drifted, because whether
/// anyone can reach one depends on its neighbours.
async fn look<'a>(
    reached: Reached<'a>,
    desired: Vec<&'a Desired>,
    request: &CheckRequest,
    everything: &[&'a Desired],
    context: &CompareContext,
    progress: &dyn Progress,
) -> Share<'a> {
    let catalog = reached.cloud.catalog;
    let places = reading::Places::of(catalog, everything);
    // Of several, each resource says for itself which one it is in.
    let account = match reached.known.as_slice() {
        [only] => Some(only.identity.account.clone()),
        _ => None,
    };
    let (mut drifts, mut in_sync, mut unknown) = (Vec::new(), Vec::new(), Vec::new());
    let mut ignored = 0;
    reading::read_each(&reached, &desired, &places, progress, |desired, mut live| {
        seal(desired, &mut live);
        let Some(knowledge) = catalog.kind(&desired.address.kind) else {
            if let Live::Unknown(why) = live {
                unknown.push(row(desired, why));
            }
            return;
        };
        match compare(desired, &live, knowledge, context).outcome {
            Outcome::InSync => in_sync.push(desired.address.to_string()),
            Outcome::Unknown(why) => unknown.push(row(desired, why)),
            Outcome::Missing => {
                let account = catalog.account_of(desired).or_else(|| account.clone());
                let region = catalog.region_of(desired);
                drifts.push((Drift::missing(desired, catalog.cloud(), account, region), knowledge));
            }
            Outcome::Changed(changes) => {
                let kept = request.ignore.filter(&desired.address, changes);
                ignored += kept.ignored.len();
                match live {
                    Live::Present(resource) if !kept.changes.is_empty() => {
                        let mut drift = Drift::changed(desired, &resource, kept.changes);
                        drift.account = drift.account.or_else(|| account.clone());
                        drifts.push((drift, knowledge));
                    }
                    _ => in_sync.push(desired.address.to_string()),
                }
            }
        }
    })
    .await;
    let (unmanaged, errors) = match request.unmanaged {
        true => list_unmanaged(&reached, everything, &request.only).await,
        false => (Vec::new(), Vec::new()),
    };
    let near = near(&reached, &drifts, everything, &places).await;
    let mut neighbours: Vec<Resource> = drifts.iter().filter_map(|(d, _)| d.live.clone()).collect();
    // A guard is judged by what it would have stopped, whether this run is about that or not:
    // what drifted beside it is judged too, and left out at the end.
    for (desired, resource) in near {
        if let Some(knowledge) = catalog.kind(&resource.kind)
            && !request.only.selects(&desired.address)
            && let Outcome::Changed(changes) =
                compare(desired, &Live::Present(resource.clone()), knowledge, context).outcome
        {
            let kept = request.ignore.filter(&desired.address, changes);
            if !kept.changes.is_empty() {
                let mut drift = Drift::changed(desired, &resource, kept.changes);
                drift.account = drift.account.or_else(|| account.clone());
                drifts.push((drift, knowledge));
            }
        }
        neighbours.push(resource);
    }
    for resource in unmanaged {
        if let Some(knowledge) = catalog.kind(&resource.kind) {
            let mut drift = Drift::unmanaged(&resource);
            drift.account = drift.account.or_else(|| account.clone());
            drifts.push((drift, knowledge));
            neighbours.push(resource);
        }
    }
    let verdicts = drifts.iter().map(|(d, k)| classify(d, *k, &neighbours)).collect();
    Share { reached, drifts, verdicts, in_sync, unknown, ignored, errors }
}

/// What belongs to the same bucket, account or container as what drifted and is not among
/// it, selected for this run or not.
async fn near<'a>(
    reached: &Reached<'_>,
    drifts: &[(Drift, &dyn Knowledge)],
    everything: &[&'a Desired],
    places: &reading::Places<'_>,
) -> Vec<(&'a Desired, Resource)> {
    let catalog = reached.cloud.catalog;
    let belonging: BTreeSet<String> =
        drifts.iter().filter_map(|(d, k)| Some(k.belongs_to(d.live.as_ref()?))).collect();
    let beside: Vec<&'a Desired> = everything
        .iter()
        .copied()
        .filter(|d| {
            let drifted = drifts
                .iter()
                .any(|(drift, _)| drift.kind == d.address.kind && drift.native_id == d.native_id);
            !drifted
                && catalog.kind(&d.address.kind).is_some_and(|knowledge| {
                    belonging.contains(&knowledge.belongs_to(&as_resource(d, catalog.cloud())))
                })
        })
        .collect();
    let mut found = Vec::new();
    reading::read_each(reached, &beside, places, &Silent, |desired, mut live| {
        seal(desired, &mut live);
        if let Live::Present(resource) = live {
            found.push((desired, resource));
        }
    })
    .await;
    found
}

/// What a state marks as a secret is one in the cloud's answer too.
fn seal(desired: &Desired, live: &mut Live) {
    let Live::Present(resource) = live else { return };
    for (name, recorded) in &desired.attributes {
        if let Some(live) = resource.attributes.get_mut(name) {
            seal_like(live, recorded);
        }
    }
}

/// A desired resource in the shape in which a kind is asked what it belongs to.
fn as_resource(desired: &Desired, cloud: model::Cloud) -> Resource {
    Resource {
        cloud,
        account: None,
        region: None,
        kind: desired.address.kind.clone(),
        native_id: desired.native_id.clone(),
        attributes: desired.attributes.clone(),
    }
}

fn row(desired: &Desired, unknown: model::Unknown) -> UnknownResource {
    UnknownResource {
        address: Some(desired.address.clone()),
        kind: desired.address.kind.clone(),
        unknown,
    }
}

/// Everything of the supported kinds that no state given names.
async fn list_unmanaged(
    reached: &Reached<'_>,
    everything: &[&Desired],
    only: &Selection,
) -> (Vec<Resource>, Vec<ReportError>) {
    let managed: BTreeSet<(&str, &str)> =
        everything.iter().map(|d| (d.address.kind.as_str(), d.native_id.as_str())).collect();
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    for known in &reached.known {
        for kind in reached.cloud.catalog.kinds() {
            let kind = &kind.facts().kind;
            match known.account.reader.list(kind).await {
                Ok(listed) => found.extend(listed.into_iter().filter(|r| {
                    !managed.contains(&(kind.as_str(), r.native_id.as_str()))
                        && only.selects_text(&r.native_id)
                })),
                Err(error) => errors.push(crate::fetch::failed(kind.to_string(), &error)),
            }
        }
    }
    (found, errors)
}

/// Tries the effect of a change as nobody, where the kind knows what to try.
async fn probe(
    reached: &Reached<'_>,
    drift: &Drift,
    verdict: &mut Verdict,
    errors: &mut Vec<ReportError>,
) {
    let (Some(live), Some(reader)) = (&drift.live, reader_of(reached, drift)) else { return };
    let tells = verdict.effect.is_some() || drift.changes.iter().any(|c| c.security_relevant);
    if drift.status == DriftStatus::Missing || !tells {
        return;
    }
    match reader.probe(live).await {
        Ok(Some(probe)) => {
            let public = (200..300).contains(&probe.status);
            // A shut door says nothing new about a change that never opened one.
            if public || verdict.effect.is_some() {
                verdict.probed(Effect {
                    public,
                    how: EffectSource::Probed,
                    answer: Some(probe.status),
                    detail: probe.asked,
                });
            }
        }
        Ok(None) => {}
        Err(error) => {
            errors.push(crate::fetch::failed(format!("probe of {}", drift.native_id), &error));
        }
    }
}

fn reader_of(reached: &Reached<'_>, drift: &Drift) -> Option<Arc<dyn Reader>> {
    let known = reached
        .known
        .iter()
        .find(|k| Some(&k.identity.account) == drift.account.as_ref())
        .or(reached.known.first())?;
    Some(known.account.reader.clone())
}

fn name(drift: &Drift, knowledge: &dyn Knowledge, evidence: Option<&Evidence>) -> Attribution {
    match evidence {
        None => Attribution::not_asked(),
        Some(evidence) => {
            attribute(drift, &[], knowledge, &evidence.log, evidence.searched.clone())
        }
    }
}
