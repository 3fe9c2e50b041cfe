//! A plan as a comment: a table, the rest folded, and never over what GitHub takes.

use super::standing::{self, Standing};
use super::wording;
use crate::markup::{COMMENT, cell, clipped, code, prose, push_bounded};
use crate::options::Options;
use crate::screen::{Piece, plain_text};
use crate::text::{count, thousands};
use model::remediation::{Action, RemediationPlan};

/// Bytes kept for each part, so that a long one cannot push out the others. Bytes are never
/// fewer than characters.
const TABLE: usize = 30_000;
const TAIL: usize = 8_000;
/// Changes of one action in the table, and characters of one.
const CHANGES: usize = 4;
const CHANGE: usize = 160;
/// Characters of a name or a sentence in the table; the details have it whole.
const NAME: usize = 300;

pub(super) fn comment(plan: &RemediationPlan, options: &Options) -> String {
    let actions = standing::in_order(plan);
    let mut text = head(plan);
    let tail = tail(plan, options);
    if !actions.is_empty() {
        text += "\n| Decision | Resource | Change | Because |\n| --- | --- | --- | --- |\n";
        let rows: Vec<String> = actions.iter().map(|a| row(a)).collect();
        let shown = push_bounded(&mut text, &rows, TABLE);
        if shown < actions.len() {
            let left = count(actions.len() - shown, "more action");
            text += &format!("\n{left} not shown here: `--format json` has them all.\n");
        }
        let stories: Vec<String> = actions.iter().map(|a| story(a)).collect();
        let closing = "\n</details>\n";
        let room = COMMENT.saturating_sub(text.len() + tail.len() + closing.len() + 200);
        let mut folded = String::new();
        let told = push_bounded(&mut folded, &stories, room);
        if told > 0 {
            let rest = if told < actions.len() {
                format!(" (the first {told} of {})", actions.len())
            } else {
                String::new()
            };
            text += &format!("\n<details><summary>Details{rest}</summary>\n\n{folded}{closing}");
        }
    }
    text + &tail
}

fn head(plan: &RemediationPlan) -> String {
    let sums: Vec<String> = standing::sums(plan).into_iter().map(|(_, text)| text).collect();
    let nothing = "nothing to fix".to_owned();
    let title = if sums.is_empty() { nothing } else { sums.join(", ") };
    let hash = prose(&wording::short(&plan.hash));
    let mut facts = vec![code(&clipped(&plan.target, NAME)), wording::size(plan)];
    if wording::is_untouched(plan) {
        facts.push("nothing has been changed".into());
    }
    if let Some(who) = &plan.made_by {
        facts.push(format!("made by {}", code(&clipped(&who.name, NAME))));
    }
    let mut text = format!("## Remediation plan {hash}: {title}\n\n{}\n", facts.join(" · "));
    if plan.partial {
        text += "\n**Partial**: something could not be read to its end, see below.\n";
    }
    text
}

fn label(action: &Action) -> String {
    Standing::of(action).label().text.replace('\u{a0}', " ").to_lowercase()
}

/// `path: change`, for code spans.
fn change_lines(action: &Action) -> Vec<String> {
    let lines = action.changes.iter().flat_map(|change| {
        let line = |l: Vec<Piece>| format!("{}: {}", change.path, plain_text(&l));
        wording::change(action, change).into_iter().map(line)
    });
    lines.collect()
}

fn row(action: &Action) -> String {
    let doing = wording::doing(action).map(|d| prose(&clipped(&d, CHANGE)));
    let lines = change_lines(action);
    let lines = lines.iter().map(|l| cell(&clipped(l, CHANGE)));
    let mut changes: Vec<String> = doing.into_iter().chain(lines).collect();
    let hidden = changes.len().saturating_sub(CHANGES);
    changes.truncate(CHANGES);
    if hidden > 0 {
        changes.push(format!("and {hidden} more"));
    }
    let mut because = prose(&clipped(&wording::because(action), NAME));
    if let Some(outcome) = action.outcome.as_deref().filter(|o| !o.is_empty()) {
        because += &format!("<br>{}", prose(&clipped(outcome, NAME)));
    }
    let title = cell(&clipped(&wording::title(action), NAME));
    let (label, id) = (label(action), cell(&action.id));
    format!("| {label} | {title}<br>{id} | {} | {because} |\n", changes.join("<br>"))
}

fn story(action: &Action) -> String {
    let mut text = format!(
        "**{}** {} {}\n\n- {}\n",
        label(action).to_uppercase(),
        code(&wording::title(action)),
        code(&action.id),
        prose(&wording::because(action))
    );
    text += &format!("- finding {}, {}\n", code(&action.finding), action.severity);
    if let Some(doing) = wording::doing(action) {
        text += &format!("- {}\n", prose(&doing));
    }
    for line in change_lines(action) {
        text += &format!("- {}\n", code(&line));
    }
    if let Some(impact) = wording::impact(action) {
        text += &format!("- impact: {}\n", prose(impact));
    }
    if let Some(outcome) = action.outcome.as_deref().filter(|o| !o.is_empty()) {
        text += &format!("- {}\n", prose(outcome));
    }
    text + "\n"
}

fn tail(plan: &RemediationPlan, options: &Options) -> String {
    let mut items = Vec::new();
    for finding in &plan.without_remedy {
        items.push(format!(
            "- by hand: {} {}: {}. {}\n",
            code(&clipped(&wording::title_of_unremedied(finding), NAME)),
            code(&finding.finding),
            prose(&clipped(&finding.reason, NAME)),
            prose(&clipped(&finding.next_step, NAME))
        ));
    }
    if plan.unknown > 0 {
        let what = count(plan.unknown, "resource");
        items.push(format!("- unknown: {what} could not be read; nothing is planned there\n"));
    }
    for e in &plan.errors {
        items.push(format!(
            "- **error**: {}: {}. {}\n",
            code(&clipped(&e.place, NAME)),
            prose(&clipped(&e.what, NAME)),
            prose(&clipped(&e.next_step, NAME))
        ));
    }
    let mut text = String::new();
    if !items.is_empty() {
        text += "\n";
        let shown = push_bounded(&mut text, &items, TAIL);
        if shown < items.len() {
            text += &format!("- and {} more: `--format json` has them all\n", items.len() - shown);
        }
    }
    if let Some(held) = wording::held_back(plan) {
        text += &format!("\nHeld back: {}.\n", prose(&clipped(&held, NAME)));
    }
    text += &format!(
        "\nBelts: {} a run, {} a minute.",
        count(plan.belts.per_run, "change"),
        thousands(plan.belts.per_minute)
    );
    if let Some(head) = &plan.ledger {
        text += &format!(" Ledger: {}.", prose(&crate::wording::ledger(head)));
    }
    text += &format!("\n\nHash {}\n", code(&clipped(&plan.hash, NAME)));
    let mut steps = wording::next_steps(plan);
    steps.extend(options.next.iter().cloned());
    let steps: Vec<String> =
        steps.iter().map(|n| format!("{} ({})", code(&n.command), prose(&n.what))).collect();
    if !steps.is_empty() {
        text += &format!("\nNext: {}\n", clipped(&steps.join("; "), 2_000));
    }
    text
}
