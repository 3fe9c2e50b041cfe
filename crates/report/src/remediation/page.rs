//! One action as a block of a screen: where it stands, what it changes, why.

use super::standing::Standing;
use super::wording;
use crate::options::Options;
use crate::screen::{Lead, Piece, Screen, Tone};
use crate::text::{count, width};
use model::remediation::{Action, RemediationPlan};
use model::report::ReportError;

/// Longer lines are hard to read back to their beginning.
const WIDEST: usize = 100;
/// Where the text of an action begins: behind `APPROVED` and two blanks.
const BODY: usize = 10;
/// Room for the labels `policy`, `because`: the text behind them aligns.
const LABEL: usize = 9;
const LONGEST_LABEL: usize = 34;
/// Lines of one attribute's change, and attributes of one action; `show` has them all.
const CHANGE_LINES: usize = 6;
const ATTRIBUTES: usize = 8;

pub(super) struct Page<'a> {
    pub options: &'a Options,
    pub screen: Screen,
    body: usize,
}

impl<'a> Page<'a> {
    pub fn new(options: &'a Options) -> Self {
        let screen = Screen::new(options.width.min(WIDEST), options.color);
        let body = if options.width < 60 { 2 } else { BODY };
        Page { options, screen, body }
    }

    /// The first line of a block.
    pub fn title(&mut self, label: Piece, title: &str, id: &str) {
        let lead = Lead { pieces: vec![label], indent: BODY.min(self.screen.columns() / 2) };
        let title = Piece::new(Tone::Strong, title);
        self.screen.paragraph(lead, &[title], Some(Piece::new(Tone::Dim, id)));
    }

    pub fn text(&mut self, pieces: &[Piece], right: Option<Piece>) {
        let right = right.filter(|r| !r.text.is_empty());
        self.screen.paragraph(Lead::indent(self.body), pieces, right);
    }

    pub fn labelled(&mut self, label: &str, column: usize, pieces: &[Piece], right: Option<Piece>) {
        let label = Piece::held(Tone::Plain, label);
        let lead = Lead::label(self.body, label, self.body + column);
        self.screen.paragraph(lead, pieces, right);
    }

    /// The whole block. A reason that was `told` for another is not told again.
    pub fn action(&mut self, action: &Action, told: Option<&Action>) {
        self.screen.blank();
        self.title(Standing::of(action).label(), &wording::title(action), &action.id);
        if let Some(doing) = wording::doing(action) {
            self.text(&[Piece::plain(doing)], None);
        }
        self.changes(action);
        self.because(action, told);
        if let Some(outcome) = action.outcome.as_deref().filter(|o| !o.is_empty()) {
            let took = wording::took(action).map(|t| Piece::new(Tone::Dim, t));
            self.labelled("so far", LABEL, &[Piece::plain(outcome)], took);
        }
    }

    /// Why it is decided so, and what finding it is about.
    pub fn because(&mut self, action: &Action, told: Option<&Action>) {
        let finding = format!("{}, {}", action.finding, action.severity);
        let finding = Some(Piece::held(Tone::Dim, finding));
        let because = match told.filter(|told| wording::same_reason(told, action)) {
            Some(told) => format!("as for {}", told.id),
            None => wording::because(action),
        };
        self.labelled("because", LABEL, &[Piece::plain(because)], finding);
        if let Some(impact) = wording::impact(action) {
            self.labelled("impact", LABEL, &[Piece::plain(impact)], None);
        }
    }

    fn changes(&mut self, action: &Action) {
        let shown = if self.options.verbose { usize::MAX } else { ATTRIBUTES };
        let changes: Vec<_> = action.changes.iter().take(shown).collect();
        let longest = changes.iter().map(|c| width(&c.path.to_string())).max().unwrap_or(0);
        let column = (longest + 2).clamp(LABEL, LONGEST_LABEL);
        for change in changes {
            let mut label = change.path.to_string();
            let lines = wording::change(action, change);
            let hidden = lines.len().saturating_sub(CHANGE_LINES);
            for line in lines.into_iter().take(CHANGE_LINES) {
                self.labelled(&label, column, &line, None);
                label.clear();
            }
            if hidden > 0 {
                let more = format!("and {hidden} more: lab show {}", action.id);
                self.labelled("", column, &[Piece::new(Tone::Dim, more)], None);
            }
        }
        let hidden = action.changes.len().saturating_sub(shown);
        if hidden > 0 {
            let more = format!("and {}: lab show {}", count(hidden, "more attribute"), action.id);
            self.text(&[Piece::new(Tone::Dim, more)], None);
        }
    }

    /// Nothing may be lost of what could not be read.
    pub fn errors(&mut self, errors: &[ReportError]) {
        for error in errors {
            self.screen.blank();
            self.title(Piece::new(Tone::High, "ERROR"), &error.place, "");
            self.text(&[Piece::plain(&error.what)], None);
            self.step(&error.next_step);
        }
    }

    pub fn unknown(&mut self, plan: &RemediationPlan) {
        if plan.unknown == 0 {
            return;
        }
        self.screen.blank();
        let what = count(plan.unknown, "resource");
        self.title(Piece::new(Tone::Medium, "UNKNOWN"), &what, "");
        let they = if plan.unknown == 1 { "it" } else { "them" };
        let text = format!("could not be read, so nothing is planned for {they}");
        self.text(&[Piece::plain(text)], None);
        self.step("lab run drift-check says why");
    }

    /// What a person can do about it.
    pub fn step(&mut self, step: &str) {
        if !step.is_empty() {
            self.text(&[Piece::new(Tone::Command, step)], None);
        }
    }
}
