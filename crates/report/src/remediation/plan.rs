//! The screen of a plan.

use super::page::Page;
use super::standing;
use super::wording;
use crate::next;
use crate::options::Options;
use crate::screen::{Piece, Tone};
use crate::text::{count, thousands};
use model::remediation::{Action, RemediationPlan, Unremedied};
use std::collections::BTreeMap;

pub(super) fn screen(plan: &RemediationPlan, options: &Options) -> String {
    let mut page = Page::new(options);
    head(plan, &mut page);
    let mut told: Option<&Action> = None;
    for action in standing::in_order(plan) {
        page.action(action, told);
        if !told.is_some_and(|told| wording::same_reason(told, action)) {
            told = Some(action);
        }
    }
    by_hand(plan, &mut page);
    page.unknown(plan);
    page.errors(&plan.errors);
    foot(plan, &mut page);
    page.screen.finish()
}

fn head(plan: &RemediationPlan, page: &mut Page<'_>) {
    let mut line = vec![
        Piece::new(Tone::Strong, format!("Plan {}", wording::short(&plan.hash))),
        Piece::plain(" · "),
        Piece::held(Tone::Plain, wording::size(plan)),
    ];
    if wording::is_untouched(plan) {
        line.push(Piece::plain(" · "));
        line.push(Piece::held(Tone::Plain, "nothing has been changed"));
    }
    if plan.partial {
        line.push(Piece::plain(" · "));
        line.push(Piece::new(Tone::Medium, "PARTIAL"));
    }
    page.screen.line(&line);
    let when = crate::wording::when(plan.made_at);
    let mut made = format!("{} · made {when}", plan.target);
    if let Some(who) = &plan.made_by {
        made += &format!(" by {}", wording::identified(who));
    }
    let lead = crate::screen::Lead::indent(2);
    page.screen.paragraph(lead, &[Piece::new(Tone::Dim, made)], None);
}

/// What no remedy mends: one block a reason and next step.
fn by_hand(plan: &RemediationPlan, page: &mut Page<'_>) {
    let mut groups: BTreeMap<(&str, &str), Vec<&Unremedied>> = BTreeMap::new();
    for finding in &plan.without_remedy {
        groups.entry((&finding.reason, &finding.next_step)).or_default().push(finding);
    }
    for ((reason, next_step), findings) in groups {
        page.screen.blank();
        let mut label = Piece::held(Tone::Medium, "BY HAND");
        for finding in findings {
            page.title(label, &wording::title_of_unremedied(finding), &finding.finding);
            label = Piece::plain("");
        }
        page.text(&[Piece::plain(reason)], None);
        page.step(next_step);
    }
}

fn foot(plan: &RemediationPlan, page: &mut Page<'_>) {
    page.screen.blank();
    if plan.actions.is_empty() && plan.without_remedy.is_empty() {
        let (tone, text) = if plan.partial || plan.unknown > 0 {
            (Tone::Medium, "Nothing to fix in what could be read; the rest is unknown.")
        } else {
            (Tone::Good, "Nothing to fix: every resource is as its state records it.")
        };
        page.screen.line(&[Piece::new(tone, text)]);
    } else {
        page.screen.line(&standing::sums_pieces(plan));
    }
    if let Some(held) = wording::held_back(plan) {
        page.screen.line(&[Piece::new(Tone::Medium, format!("Held back: {held}."))]);
    }
    let belts = format!(
        "Belts: {} a run, {} a minute.",
        count(plan.belts.per_run, "change"),
        thousands(plan.belts.per_minute)
    );
    let mut line = vec![Piece::new(Tone::Dim, belts)];
    if let Some(head) = &plan.ledger {
        line.push(Piece::new(Tone::Dim, format!(" Ledger: {}.", crate::wording::ledger(head))));
    }
    page.screen.line(&line);
    let mut steps = wording::next_steps(plan);
    steps.extend(page.options.next.iter().cloned());
    next::steps(&mut page.screen, &steps);
}
