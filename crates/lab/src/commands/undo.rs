//! `lab remediate undo`: back to what was there before an action, at once.

use super::remediate::{failure, policy};
use super::who::who;
use super::{plans, record};
use crate::args::{Global, PolicyFile};
use crate::clouds;
use crate::config::Config;
use crate::desk::Desk;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{self, say};
use auto_remediation::{History, Policy};
use model::{ActionState, Attributes};
use operations::remediation::{FixCloud, Powers, UndoRequest, undo};
use provider::Purpose;
use std::collections::BTreeMap;

const REMEDIATOR: &str = "remediator";

pub async fn run(text: &str, file: &PolicyFile, config: &Config, global: &Global) -> Outcome {
    let policy = policy(file)?;
    let nothing = || {
        Failure::usage(format!("nothing here has ever done {text}"))
            .hint("lab ledger list shows what was done")
    };
    let ledger = record::open_existing(config)?.ok_or_else(nothing)?;
    let _held = record::hold(config, "lab remediate undo").await?;
    let history = History::of(&ledger).await.map_err(record::failure)?;
    // The same change, made twice, is one action; two that begin alike are not.
    let meant: BTreeMap<&str, (&str, &str)> = history
        .attempts
        .iter()
        .filter(|a| plans::is_meant(text, &a.intent.action))
        .map(|a| {
            let action = &a.intent.action;
            (action.digest.as_str(), (action.id.as_str(), a.intent.target.as_str()))
        })
        .collect();
    let (digest, target) = match meant.iter().collect::<Vec<_>>().as_slice() {
        [(digest, (_, target))] => (digest.to_string(), target.to_string()),
        [] => return Err(nothing()),
        several => {
            let ids: Vec<&str> =
                several.iter().map(|(digest, _)| digest.get(7..19).unwrap_or(digest)).collect();
            return Err(Failure::usage(format!("{text} stands for several: {}", ids.join(", ")))
                .hint("give more digits"));
        }
    };
    let before = history.standing(&digest).and_then(|a| a.intent.before.clone());
    if target == "local" {
        let desk = Desk::open(config, "lab remediate undo").await?;
        let outcome = match desk.powers(REMEDIATOR).await {
            Ok(fix) => take_back(digest, target, before, fix, &policy, &ledger, global).await,
            Err(failure) => Err(failure),
        };
        desk.close().await;
        return outcome;
    }
    let section = config.target(&target)?;
    clouds::refuse_lab_environment(&target, section)?;
    let fix = clouds::of_target(&target, section, Purpose::Remediation).await?;
    take_back(digest, target, before, fix, &policy, &ledger, global).await
}

async fn take_back(
    digest: String,
    target: String,
    before: Option<Attributes>,
    fix: Vec<FixCloud>,
    policy: &Policy,
    ledger: &dyn ledger::Ledger,
    global: &Global,
) -> Outcome {
    let clock = || local_cloud::Clock::real();
    let powers = Powers::of(fix, &[], &clock).await;
    let by = Some(who((target != "local").then_some(powers.clouds())).await?);
    let request = UndoRequest { target: target.clone(), action: digest, by };
    let undone = match undo(request, &powers, policy, ledger).await.map_err(failure)? {
        Ok(undone) => undone,
        Err(why) => {
            let failure = Failure { exit: Exit::Incomplete, ..Failure::new(why.to_string()) };
            return with_image(failure, before.as_ref());
        }
    };
    let (id, done) = (&undone.action.id, &undone.done);
    let place = auto_remediation::engine::place(&undone.action);
    match done.state {
        ActionState::Undone => {
            say(format!("{id}  undone   {place}: {}   {} ms", done.words, done.took_ms));
            for change in &undone.action.changes {
                let (from, to) =
                    (change.from.to_json().to_string(), change.to.to_json().to_string());
                let line = format!("      {}  {from} -> {to}", change.path);
                // A document is in the ledger whole.
                match report::text::width(&line) > output::width() {
                    true => say(format!("      {}  as it was before (lab show {id})", change.path)),
                    false => say(line),
                }
            }
            if !global.quiet {
                let flag = super::word::target_flag(&target);
                say(format!(
                    "Next: lab run drift-check{flag}      it is found again, and asked about"
                ));
            }
            Ok(Exit::Clean)
        }
        state => {
            let exit = match state {
                ActionState::Refused | ActionState::Applied => Exit::Incomplete,
                _ => Exit::Failed,
            };
            let failure = Failure {
                exit,
                ..Failure::new(format!("{id} was not taken back: {}", done.words))
            };
            with_image(failure, undone.before.as_ref())
        }
    }
}

/// With what was there before, so that a person can put it back by hand.
fn with_image(failure: Failure, before: Option<&Attributes>) -> Outcome {
    Err(match before {
        Some(before) => failure.hint(format!(
            "what was there before (also in the ledger): {}",
            serde_json::to_string(before)?
        )),
        None => failure.hint("lab show tells what it did"),
    })
}
