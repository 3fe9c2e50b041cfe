//! The screen after an apply.

use super::Ran;
use super::page::Page;
use super::standing::{self, Standing};
use super::wording;
use crate::next;
use crate::options::{NextStep, Options};
use crate::screen::{Piece, Tone};
use crate::text::{count, thousands};
use model::remediation::{Action, RemediationPlan};

pub(super) fn screen(plan: &RemediationPlan, ran: &Ran<'_>, options: &Options) -> String {
    let mut page = Page::new(options);
    head(plan, ran, &mut page);
    settled(ran, &mut page);
    let did = |id: &str| ran.ran.iter().any(|r| r == id);
    let ran_actions: Vec<&Action> =
        ran.ran.iter().filter_map(|id| plan.actions.iter().find(|a| a.id == *id)).collect();
    if !ran_actions.is_empty() {
        page.screen.blank();
    }
    for action in &ran_actions {
        came_of(action, &mut page);
    }
    for action in standing::in_order(plan).into_iter().filter(|a| !did(&a.id)) {
        left(action, &mut page);
    }
    page.errors(&plan.errors);
    foot(plan, ran, &ran_actions, &mut page);
    page.screen.finish()
}

fn head(plan: &RemediationPlan, ran: &Ran<'_>, page: &mut Page<'_>) {
    let of = format!("{} of {} ran", thousands(ran.ran.len()), count(plan.actions.len(), "action"));
    let mut line = vec![
        Piece::new(Tone::Strong, format!("Plan {}", wording::short(&plan.hash))),
        Piece::plain(format!(" · {} · ", plan.target)),
        Piece::held(Tone::Plain, of),
    ];
    if ran.broken {
        line.push(Piece::plain(" · "));
        line.push(Piece::new(Tone::Critical, "STOPPED"));
    }
    page.screen.line(&line);
}

/// What an earlier run left open comes first: it is older than all else here.
fn settled(ran: &Ran<'_>, page: &mut Page<'_>) {
    if !ran.settled.is_empty() {
        page.screen.blank();
    }
    for (id, place, words) in ran.settled {
        page.title(Piece::new(Tone::Medium, "SETTLED"), place, id);
        page.text(&[Piece::plain(format!("an earlier run did not get to its end: {words}"))], None);
    }
}

/// Two lines: on what, and what came of it.
fn came_of(action: &Action, page: &mut Page<'_>) {
    page.title(Standing::of(action).label(), &wording::title(action), &action.id);
    let took = wording::took(action).map(|t| Piece::new(Tone::Dim, t));
    page.text(&[Piece::plain(action.outcome.as_deref().unwrap_or_default())], took);
}

fn left(action: &Action, page: &mut Page<'_>) {
    let standing = Standing::of(action);
    let quiet = matches!(standing, Standing::Stays | Standing::Verified | Standing::Undone);
    if quiet && !page.options.verbose {
        return;
    }
    page.screen.blank();
    page.title(standing.label(), &wording::title(action), &action.id);
    match standing {
        Standing::Due | Standing::Approved => page.text(&[Piece::plain("was not begun")], None),
        Standing::HeldBack => page.text(&[Piece::plain("was not begun: over a limit")], None),
        Standing::Waits | Standing::Stays => page.because(action, None),
        _ => {}
    }
    if let Some(outcome) = action.outcome.as_deref().filter(|o| !o.is_empty()) {
        page.text(&[Piece::plain(outcome)], None);
    }
}

fn foot(plan: &RemediationPlan, ran: &Ran<'_>, ran_actions: &[&Action], page: &mut Page<'_>) {
    page.screen.blank();
    page.screen.line(&standing::sums_pieces(plan));
    if ran.broken {
        let text = "A fix did not do what it should, so what came after it was not begun.";
        page.screen.line(&[Piece::new(Tone::High, text)]);
    }
    if let Some(held) = wording::held_back(plan) {
        page.screen.line(&[Piece::new(Tone::Medium, format!("Held back: {held}."))]);
    }
    if let Some(head) = &plan.ledger {
        let grew = match ran.ledger_before {
            Some(before) if before < head.entries => {
                format!("Ledger: {before} to {}.", crate::wording::ledger(head))
            }
            _ => format!("Ledger: {}.", crate::wording::ledger(head)),
        };
        page.screen.line(&[Piece::new(Tone::Dim, grew)]);
    }
    let mut steps = Vec::new();
    if let Some(failed) = ran_actions.iter().find(|a| Standing::of(a) == Standing::Failed) {
        steps.push(NextStep::new(
            format!("lab show {}", failed.id),
            "what it was and what it is now",
        ));
    }
    steps.extend(wording::next_steps(plan));
    if let Some(done) = ran_actions.iter().find(|a| Standing::of(a) == Standing::Verified) {
        steps.push(NextStep::new(format!("lab remediate undo {}", done.id), "take a fix back"));
    }
    steps.extend(page.options.next.iter().cloned());
    next::steps(&mut page.screen, &steps);
}
