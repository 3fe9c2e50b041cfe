//! The story of one action: what it changes and why, on what it depends, what came of it.

use super::Happened;
use super::standing::Standing;
use super::wording;
use crate::next;
use crate::options::{NextStep, Options};
use crate::screen::{Piece, Tone};
use crate::show::chapters::{Chapters, Tones};
use model::remediation::{Action, ActionChange};

pub(super) fn story(
    action: &Action,
    plan_hash: &str,
    happened: &[Happened],
    options: &Options,
) -> String {
    let mut page = Chapters::new(options);
    head(action, &mut page);
    why(action, &mut page);
    place(action, &mut page);
    changes(action, &mut page);
    only_if(action, &mut page);
    history(happened, &mut page);
    identity(action, plan_hash, &mut page);
    page.screen.blank();
    let mut steps = steps(action, plan_hash);
    steps.extend(options.next.iter().cloned());
    next::steps(&mut page.screen, &steps);
    page.screen.finish()
}

fn head(action: &Action, page: &mut Chapters) {
    page.head(Standing::of(action).label(), &wording::title(action), &action.id);
    let doing = wording::doing(action)
        .unwrap_or_else(|| "gives changed attributes back what the state records".into());
    page.text(&[Piece::plain(doing)]);
    if Standing::of(action) == Standing::Stays {
        page.text(&[Piece::plain("It stays as it is: nothing of this is done.")]);
    }
    if let Some(outcome) = action.outcome.as_deref().filter(|o| !o.is_empty()) {
        let mut text = outcome.to_owned();
        if let Some(took) = wording::took(action) {
            text += &format!(" ({took})");
        }
        page.text(&[Piece::plain(text)]);
    }
}

fn why(action: &Action, page: &mut Chapters) {
    page.chapter("why");
    page.fact("decision", action.decision.as_str());
    page.fact("because", &action.reason);
    page.optional("rule", action.rule.as_deref());
    page.fact("finding", &format!("{}, {}", action.finding, action.severity));
    if let Some(impact) = &action.impact {
        page.optional("impact", Some(&impact.words));
        page.optional("last use", impact.last.map(crate::wording::when).as_deref());
        if !impact.complete {
            page.fact("", "the log at hand does not hold every use");
        }
    }
}

fn place(action: &Action, page: &mut Chapters) {
    page.chapter("where");
    let place: Vec<&str> =
        [Some(action.cloud.as_str()), action.account.as_deref(), action.region.as_deref()]
            .into_iter()
            .flatten()
            .collect();
    page.fact("cloud", &place.join(" · "));
    page.fact("kind", action.kind.as_str());
    page.fact("native id", &action.native_id);
    page.optional("state", action.source.as_deref());
}

fn changes(action: &Action, page: &mut Chapters) {
    if action.changes.is_empty() {
        return;
    }
    page.chapter("change");
    for change in &action.changes {
        one_change(change, page);
    }
}

fn one_change(change: &ActionChange, page: &mut Chapters) {
    page.text(&[Piece::new(Tone::Strong, change.path.to_string())]);
    if wording::is_sealed(change) {
        page.inner(&[Piece::plain("the value is sensitive and not shown")]);
        return;
    }
    for line in &change.summary {
        page.inner(&[wording::signed(line)]);
    }
    let tones = Tones { put: Tone::Good, taken: Tone::High };
    page.compare(("before", &change.from), ("after", &change.to), tones);
}

/// What must still be so when it runs.
fn only_if(action: &Action, page: &mut Chapters) {
    let wanted = &action.preconditions;
    page.chapter("only if");
    if let Some(serial) = wanted.state_serial {
        page.fact("state serial", &serial.to_string());
    }
    page.optional("state lineage", wanted.state_lineage.as_deref());
    match wanted.live_digest.as_str() {
        wording::ABSENT => page.fact("live", "nothing is there"),
        digest => page.digest("live digest", digest),
    }
}

fn history(happened: &[Happened], page: &mut Chapters) {
    if happened.is_empty() {
        return;
    }
    page.chapter("history");
    for line in happened {
        let when = format!("{}  ", crate::wording::when(line.time));
        let mut head = vec![Piece::held(Tone::Dim, when), Piece::new(Tone::Strong, &line.what)];
        if let Some(by) = &line.by {
            head.push(Piece::plain(format!(" by {by}")));
        }
        if let Some(seq) = line.seq {
            head.push(Piece::plain(" "));
            head.push(Piece::held(Tone::Dim, format!("· entry {seq}")));
        }
        page.text(&head);
        if !line.detail.is_empty() {
            page.inner(&[Piece::plain(&line.detail)]);
        }
    }
}

fn identity(action: &Action, plan_hash: &str, page: &mut Chapters) {
    page.chapter("identity");
    page.fact("remedy", &action.remedy);
    page.digest("digest", &action.digest);
    page.digest("plan", plan_hash);
    page.digest("fingerprint", &action.fingerprint);
    for event in &action.event_ids {
        page.fact("event", event);
    }
}

fn steps(action: &Action, plan_hash: &str) -> Vec<NextStep> {
    let id = &action.id;
    let apply = format!("lab run remediate --apply --plan {}", wording::short(plan_hash));
    let mut steps = match Standing::of(action) {
        Standing::Due => vec![NextStep::new(apply, "apply the plan that it is in")],
        Standing::Approved => vec![NextStep::new(apply, "apply what is approved")],
        Standing::HeldBack => vec![NextStep::new(apply, "go on where the limit stopped it")],
        Standing::Waits | Standing::Rejected => vec![
            NextStep::new(format!("lab remediate approve {id}"), "say yes to it"),
            NextStep::new(format!("lab remediate reject {id} --reason \"...\""), "say no to it"),
        ],
        Standing::Verified | Standing::Applied => {
            vec![NextStep::new(format!("lab remediate undo {id}"), "take it back")]
        }
        Standing::Failed | Standing::Refused | Standing::Undone => {
            vec![NextStep::new("lab run remediate", "make a new plan of what is there now")]
        }
        Standing::Stays => Vec::new(),
    };
    // What was mended is no longer found.
    if Standing::of(action) != Standing::Verified {
        steps.push(NextStep::new(format!("lab show {}", action.finding), "the finding behind it"));
    }
    steps
}
