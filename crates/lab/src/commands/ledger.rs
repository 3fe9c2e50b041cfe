//! `lab ledger`: the record of what was planned, approved and done.

use super::record;
use crate::args::{Global, LedgerCommand, OutputFormat};
use crate::clouds;
use crate::config::Config;
use crate::desk::Desk;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, say};
use ::ledger::{
    Approval, Entry, EntryKind, FolderStore, Intent, Ledger, ObjectLedger, Rejection, SqliteLedger,
};
use model::RemediationPlan;
use model::remediation::LedgerHead;
use operations::remediation::short;
use provider::Purpose;
use report::ledger::Row;
use std::path::Path;

pub async fn run(command: LedgerCommand, config: &Config, global: &Global) -> Outcome {
    match command {
        LedgerCommand::List => list(config, global, |_| true).await,
        LedgerCommand::Show { id } => show(&id, config, global).await,
        LedgerCommand::Verify { head } => verify(head.as_deref(), config).await,
        LedgerCommand::Import { url, target } => import(&url, target.as_deref(), config).await,
    }
}

fn existing(config: &Config) -> Result<SqliteLedger, Failure> {
    record::open_existing(config)?.ok_or_else(|| {
        Failure::usage(format!("there is no ledger in {} yet", config.data.display()))
            .hint("lab run remediate begins one")
    })
}

pub async fn entries(ledger: &dyn Ledger) -> Result<Vec<Entry>, Failure> {
    let mut all = Vec::new();
    for kind in EntryKind::ALL {
        all.extend(ledger.entries(kind, "").await.map_err(record::failure)?);
    }
    all.sort_by_key(|e| (e.seq, e.time));
    Ok(all)
}

async fn list(config: &Config, global: &Global, wanted: impl Fn(&Entry) -> bool) -> Outcome {
    let ledger = existing(config)?;
    let entries: Vec<Entry> = entries(&ledger).await?.into_iter().filter(|e| wanted(e)).collect();
    let head = ledger.head().await.map_err(record::failure)?;
    answer(&entries, head.as_ref(), config, global)
}

fn answer(
    entries: &[Entry],
    head: Option<&LedgerHead>,
    config: &Config,
    global: &Global,
) -> Outcome {
    let mut bytes = Vec::new();
    if config.format == OutputFormat::Json {
        let json = serde_json::json!({ "entries": entries, "head": head });
        serde_json::to_writer_pretty(&mut bytes, &json)?;
        bytes.push(b'\n');
    } else {
        let mut options = report::Options::new(local_cloud::Clock::real());
        options.width = output::width();
        options.color = config.color() && global.output.is_none();
        let rows: Vec<Row> = entries.iter().map(row).collect();
        report::ledger::list(&rows, head, &options, &mut bytes)?;
    }
    output::answer(&bytes, global.output.as_deref())?;
    Ok(Exit::Clean)
}

/// One entry in words.
pub fn row(entry: &Entry) -> Row {
    let mut row = Row {
        seq: entry.seq,
        time: entry.time,
        kind: match entry.kind {
            EntryKind::Plan => "planned",
            EntryKind::Approval => "approved",
            EntryKind::Rejection => "rejected",
            EntryKind::Intent => "begun",
            EntryKind::Outcome => "ended",
            EntryKind::Claim => "claimed",
        }
        .to_owned(),
        subject: String::new(),
        words: String::new(),
        by: None,
    };
    match entry.kind {
        EntryKind::Plan => {
            if let Ok(plan) = entry.read::<RemediationPlan>() {
                row.subject = short(&plan.hash).to_owned();
                row.words = match plan.actions.len() {
                    1 => format!("1 action on {}", plan.target),
                    n => format!("{n} actions on {}", plan.target),
                };
                row.by = plan.made_by.map(|b| b.name);
            }
        }
        EntryKind::Approval => {
            if let Ok(approval) = entry.read::<Approval>() {
                row.subject = format!("A-{}", digits(&approval.action));
                row.words = format!(
                    "of plan {}, until {}",
                    short(&approval.plan),
                    approval.until.to_seconds_text()
                );
                row.by = Some(approval.by.name);
            }
        }
        EntryKind::Rejection => {
            if let Ok(rejection) = entry.read::<Rejection>() {
                row.subject = format!("A-{}", digits(&rejection.action));
                row.words = rejection.reason;
                row.by = Some(rejection.by.name);
            }
        }
        EntryKind::Intent => {
            if let Ok(intent) = entry.read::<Intent>() {
                let what = if intent.undo { "taking back " } else { "" };
                row.subject = intent.action.id.clone();
                row.words = format!(
                    "{what}{} {}",
                    intent.action.remedy,
                    auto_remediation::engine::place(&intent.action)
                );
                row.by = intent.by.map(|b| b.name);
            }
        }
        EntryKind::Outcome => {
            if let Ok(outcome) = entry.read::<::ledger::Outcome>() {
                row.subject =
                    format!("A-{}", entry.key.split('/').nth(1).map_or("", |d| digits(d)));
                row.kind = outcome.result.as_str().to_owned();
                row.words = outcome.detail;
            }
        }
        EntryKind::Claim => {
            row.subject = entry.key.clone();
            row.words = "a place among the changes of this minute".to_owned();
        }
    }
    row
}

/// The digits of a digest that an id shows.
fn digits(digest: &str) -> &str {
    let bare = digest.strip_prefix("sha256:").unwrap_or(digest);
    bare.get(..4).unwrap_or(bare)
}

/// Is this entry about the action with this digest?
pub fn is_of(digest: &str, entry: &Entry) -> bool {
    let bare = digest.strip_prefix("sha256:").unwrap_or(digest);
    let part = |p: &str| p.strip_prefix("sha256:").unwrap_or(p) == bare;
    entry.kind != EntryKind::Plan && entry.key.split('/').any(part)
}

/// Is this entry about what the user means: its number, an action, a plan?
fn is_about(text: &str, entry: &Entry) -> bool {
    if let Ok(number) = text.parse::<u64>()
        && entry.seq == Some(number)
    {
        return true;
    }
    let digits = text.strip_prefix("A-").unwrap_or(text);
    let digits = digits.strip_prefix("sha256:").unwrap_or(digits).to_ascii_lowercase();
    digits.len() >= 4
        && entry
            .key
            .split('/')
            .any(|part| part.strip_prefix("sha256:").unwrap_or(part).starts_with(digits.as_str()))
}

async fn show(id: &str, config: &Config, global: &Global) -> Outcome {
    let ledger = existing(config)?;
    let found: Vec<Entry> =
        entries(&ledger).await?.into_iter().filter(|e| is_about(id, e)).collect();
    match found.as_slice() {
        [] => Err(Failure::usage(format!("the ledger holds nothing about {id}"))
            .hint("lab ledger list shows all of it")),
        [one] if config.format != OutputFormat::Json => {
            let mut bytes = Vec::new();
            serde_json::to_writer_pretty(&mut bytes, one)?;
            bytes.push(b'\n');
            output::answer(&bytes, global.output.as_deref())?;
            Ok(Exit::Clean)
        }
        several => answer(several, None, config, global),
    }
}

async fn verify(head: Option<&str>, config: &Config) -> Outcome {
    let ledger = match record::open_existing(config)? {
        Some(ledger) => ledger,
        // A report says that there was one.
        None if head.is_some() => {
            return Err(Failure::new(format!("there is no ledger in {}", config.data.display()))
                .hint("the report was written beside one: it was taken away whole"));
        }
        None => existing(config)?,
    };
    let expected = match head {
        None => None,
        Some(text) => Some(
            text.split_once(':')
                .and_then(|(entries, hash)| {
                    Some(LedgerHead { entries: entries.parse().ok()?, hash: hash.to_owned() })
                })
                .ok_or_else(|| {
                    Failure::usage(format!("{text}: not entries and hash as a report shows them"))
                        .hint("for example 20:4f0c9a21")
                })?,
        ),
    };
    let verified = ledger.verify(expected.as_ref()).await.map_err(record::failure)?;
    match verified.head {
        None => say("the ledger is empty"),
        Some(head) => say(format!(
            "{} entries, each hash follows from the one before\n  head {}",
            head.entries, head.hash
        )),
    }
    Ok(Exit::Clean)
}

async fn import(url: &str, target: Option<&str>, config: &Config) -> Outcome {
    let into = record::open(config)?;
    let local = url.strip_prefix("file://").or((!url.contains("://")).then_some(url));
    let brought = if let Some(path) = local {
        let store = FolderStore::existing(Path::new(path)).map_err(record::failure)?;
        let from = ObjectLedger::over(std::sync::Arc::new(store));
        ::ledger::import(&from, &into).await
    } else {
        match target.or(config.file.target.as_deref()).unwrap_or("local") {
            "local" => {
                let desk = Desk::open(config, "lab ledger import").await?;
                let brought = match desk.powers("remediator").await {
                    Ok(fix) => from_bucket(url, fix, &into).await,
                    Err(failure) => Err(failure),
                };
                desk.close().await;
                return told(brought?, url, config);
            }
            name => {
                let section = config.target(name)?;
                clouds::refuse_lab_environment(name, section)?;
                let fix = clouds::of_target(name, section, Purpose::Looking).await?;
                return told(from_bucket(url, fix, &into).await?, url, config);
            }
        }
    };
    told(brought.map_err(record::failure)?, url, config)
}

async fn from_bucket(
    url: &str,
    fix: Vec<operations::remediation::FixCloud>,
    into: &SqliteLedger,
) -> Result<::ledger::Imported, Failure> {
    let checks = clouds::without_writers(fix);
    let (scheme, rest) = url
        .split_once("://")
        .ok_or_else(|| Failure::usage(format!("{url}: neither a folder nor a bucket's URL")))?;
    let source = checks
        .iter()
        .filter_map(operations::CheckCloud::objects)
        .find(|o| o.scheme() == scheme)
        .ok_or_else(|| {
            Failure::usage(format!("{url}: no cloud of this target speaks {scheme}://"))
        })?;
    let (place, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let from = ObjectLedger::read_only(source, place, prefix.trim_end_matches('/'));
    ::ledger::import(&from, into).await.map_err(record::failure)
}

fn told(brought: ::ledger::Imported, url: &str, config: &Config) -> Outcome {
    say(format!(
        "{} entries came from {url}, {} were there already; the chain is {}",
        brought.came,
        brought.known,
        record::path(config).display()
    ));
    if brought.open > 0 {
        say(format!("{} are begun and not ended yet: import again later", brought.open));
    }
    if brought.words == 0 {
        return Ok(Exit::Clean);
    }
    say(format!(
        "{} approvals or rejections were left out: they are given here, with lab remediate, and \
         not by whoever may write there",
        brought.words
    ));
    Ok(Exit::Incomplete)
}
