//! One screen for a person: the worst first, why it matters beside what changed, a name
//! where the logs give one, and on the last line what to do next.

use super::Format;
use crate::next;
use crate::options::{NextStep, Options};
use crate::screen::{Lead, Piece, Screen, Tone};
use crate::text::{count, thousands, width};
use crate::wording::{self, tone};
use model::finding::{Attribution, AttributionStatus, Finding};
use model::report::{DriftReport, StateSummary, UnknownResource};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Longer lines are hard to read back to their beginning.
const WIDEST: usize = 100;
/// Where the text of a finding begins: behind `CRITICAL` and two blanks.
const BODY: usize = 10;
/// Room for the labels `policy`, `who`: the text behind them aligns.
const LABEL: usize = 9;
const LONGEST_LABEL: usize = 34;
/// Events of one finding; `show` lists them all.
const EVENTS: usize = 3;
/// Lines of one attribute's change.
const CHANGE_LINES: usize = 6;
/// Attributes of one finding.
const ATTRIBUTES: usize = 8;

pub struct Terminal;

impl Format for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn render(
        &self,
        report: &DriftReport,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut page = Page {
            report,
            options,
            screen: Screen::new(options.width.min(WIDEST), options.color),
            body: if options.width < 60 { 2 } else { BODY },
        };
        page.head();
        let findings = wording::worst_first(report);
        for finding in &findings {
            page.finding(finding);
        }
        page.unknown();
        page.errors();
        page.in_sync();
        page.foot(findings.first().copied());
        out.write_all(page.screen.finish().as_bytes())
    }
}

struct Page<'a> {
    report: &'a DriftReport,
    options: &'a Options,
    screen: Screen,
    body: usize,
}

impl Page<'_> {
    fn head(&mut self) {
        let r = self.report;
        let took = r.finished_at.unix_millis().saturating_sub(r.started_at.unix_millis()).max(0);
        let mut line = vec![
            Piece::new(Tone::Strong, "Drift check"),
            Piece::plain(format!(" · {} · ", r.target)),
            Piece::held(Tone::Plain, count(r.summary.resources, "resource")),
            Piece::plain(" in "),
            Piece::held(Tone::Plain, count(r.states.len(), "state")),
            Piece::plain(" · "),
            Piece::held(Tone::Plain, format!("{}.{} s", took / 1000, took % 1000 / 100)),
        ];
        if r.partial {
            line.push(Piece::plain(" · "));
            line.push(Piece::new(Tone::Medium, "PARTIAL"));
        }
        self.screen.line(&line);
        self.states();
    }

    fn states(&mut self) {
        let states = &self.report.states;
        if self.options.verbose || states.len() == 1 {
            for state in states {
                let line = state_line(state, self.since());
                self.screen.paragraph(Lead::indent(2), &[Piece::new(Tone::Dim, line)], None);
            }
            return;
        }
        let Some(oldest) = states.iter().max_by_key(|s| s.age_seconds) else { return };
        let line = match oldest.age_seconds {
            Some(age) => {
                let age = wording::age(age.saturating_add(self.since()));
                format!("oldest state {}, written {age} ago (-v lists all)", oldest.source)
            }
            None => format!("{} and others (-v lists all)", oldest.source),
        };
        self.screen.paragraph(Lead::indent(2), &[Piece::new(Tone::Dim, line)], None);
    }

    fn since(&self) -> u64 {
        wording::since(self.report, self.options.now)
    }

    fn finding(&mut self, finding: &Finding) {
        self.screen.blank();
        let title = Piece::new(Tone::Strong, wording::title(finding));
        let severity = Piece::new(tone(finding.severity), finding.severity.as_str().to_uppercase());
        let id = Piece::new(Tone::Dim, &finding.id);
        let lead = Lead { pieces: vec![severity], indent: BODY };
        self.screen.paragraph(lead, &[title], Some(id));
        if let Some(sentence) = wording::status_sentence(finding) {
            self.text(&[Piece::plain(sentence)], None);
        }
        self.changes(finding);
        let techniques = Piece::new(Tone::Dim, finding.techniques.join(" "));
        self.text(&[Piece::plain(wording::why(finding))], Some(techniques));
        if let Some(effect) = finding.effect.as_ref().filter(|_| self.options.verbose) {
            self.text(&[Piece::new(Tone::Dim, wording::effect_sentence(effect))], None);
        }
        self.attribution(&finding.attribution, &finding.id);
    }

    fn changes(&mut self, finding: &Finding) {
        let shown = if self.options.verbose { usize::MAX } else { ATTRIBUTES };
        let changes: Vec<_> = finding.attributes.iter().take(shown).collect();
        let longest = changes.iter().map(|c| width(&c.path.to_string())).max().unwrap_or(0);
        let column = (longest + 2).clamp(LABEL, LONGEST_LABEL);
        for change in changes {
            let mut label = Some(Piece::held(Tone::Plain, change.path.to_string()));
            let lines = wording::change(change);
            let hidden = lines.len().saturating_sub(CHANGE_LINES);
            for line in lines.into_iter().take(CHANGE_LINES) {
                let label = label.take().unwrap_or_else(|| Piece::plain(""));
                self.labelled(label, column, &line);
            }
            if hidden > 0 {
                let more = format!("and {hidden} more: lab show {}", finding.id);
                self.labelled(Piece::plain(""), column, &[Piece::new(Tone::Dim, more)]);
            }
        }
        let hidden = finding.attributes.len().saturating_sub(shown);
        if hidden > 0 {
            let more = format!("and {}: lab show {}", count(hidden, "more attribute"), finding.id);
            self.text(&[Piece::new(Tone::Dim, more)], None);
        }
    }

    fn attribution(&mut self, attribution: &Attribution, id: &str) {
        match attribution.status {
            AttributionStatus::NotAsked => {}
            AttributionStatus::Attributed => self.attributed(attribution, id),
            AttributionStatus::Candidates => self.candidates(attribution, id),
            AttributionStatus::Unattributed => self.unattributed(attribution, id),
        }
    }

    fn attributed(&mut self, attribution: &Attribution, id: &str) {
        let several = attribution.events.len() > 1;
        for event in attribution.events.iter().take(EVENTS) {
            self.who(&wording::who(event));
            let mut call = wording::call(event);
            if several && !event.attributes.is_empty() {
                let paths: Vec<String> = event.attributes.iter().map(|p| p.to_string()).collect();
                call.push(Piece::new(Tone::Dim, format!(" · {}", paths.join(", "))));
            }
            self.labelled(Piece::plain(""), LABEL, &call);
        }
        self.more_events(attribution.events.len(), id);
    }

    fn candidates(&mut self, attribution: &Attribution, id: &str) {
        let mut lead = match attribution.events.len() {
            1 => "perhaps this caller; ".to_owned(),
            n => format!("one of these {n} calls; "),
        };
        lead += match attribution.searched.as_ref().and_then(|s| s.note.as_deref()) {
            Some(note) => note,
            None => "the records do not tell which",
        };
        self.who(&[Piece::plain(lead)]);
        for event in attribution.events.iter().take(EVENTS) {
            self.labelled(Piece::plain(""), LABEL, &wording::who(event));
            let call = wording::call(event);
            self.labelled(Piece::plain(""), LABEL + 2, &call);
        }
        self.more_events(attribution.events.len(), id);
        self.gaps(attribution);
    }

    fn unattributed(&mut self, attribution: &Attribution, id: &str) {
        let Some(searched) = &attribution.searched else {
            self.who(&[Piece::plain("not known: no log was given to search")]);
            return;
        };
        let mut text = match &searched.note {
            Some(note) => format!("not in the log: {note}"),
            None => "no record of this change was found".to_owned(),
        };
        if !attribution.events.is_empty() {
            let calls = count(attribution.events.len(), "call");
            text += &format!("; {calls} may have led to it: lab show {id}");
        }
        self.who(&[Piece::plain(text)]);
        let line = format!("searched {}", wording::searched(searched));
        self.labelled(Piece::plain(""), LABEL, &[Piece::new(Tone::Dim, line)]);
        self.gaps(attribution);
    }

    fn gaps(&mut self, attribution: &Attribution) {
        let Some(searched) = &attribution.searched else { return };
        for gap in &searched.gaps {
            let line = Piece::new(Tone::Dim, format!("gap: {gap}"));
            self.labelled(Piece::plain(""), LABEL, &[line]);
        }
    }

    fn more_events(&mut self, events: usize, id: &str) {
        if events > EVENTS {
            let more = format!("and {} more: lab show {id}", events - EVENTS);
            self.labelled(Piece::plain(""), LABEL, &[Piece::new(Tone::Dim, more)]);
        }
    }

    fn unknown(&mut self) {
        for ((reason, next_step), kinds) in unknown_groups(&self.report.unknown) {
            self.screen.blank();
            let all: Vec<&UnknownResource> = kinds.values().flatten().copied().collect();
            match all.as_slice() {
                [one] => self.one_unknown(reason, one),
                _ => self.many_unknown(reason, &kinds, &all),
            }
            if !next_step.is_empty() {
                self.text(&[Piece::new(Tone::Command, next_step)], None);
            }
        }
    }

    fn one_unknown(&mut self, reason: &str, one: &UnknownResource) {
        let name = Piece::new(Tone::Strong, unknown_name(one));
        self.screen.paragraph(unknown_lead(), &[name], None);
        let detail = join(reason, &one.unknown.detail);
        self.text(&[Piece::plain(detail)], None);
    }

    /// A line a kind, and the detail once where all share it.
    fn many_unknown(
        &mut self,
        reason: &str,
        kinds: &BTreeMap<&str, Vec<&UnknownResource>>,
        all: &[&UnknownResource],
    ) {
        let shared = all.iter().all(|u| u.unknown.detail == all[0].unknown.detail);
        let detail = if shared { all[0].unknown.detail.as_str() } else { "" };
        let head = vec![
            Piece::new(Tone::Strong, count(all.len(), "resource")),
            Piece::plain(format!(", {}", join(reason, detail))),
        ];
        self.screen.paragraph(unknown_lead(), &head, None);
        let column = kinds.keys().map(|k| width(k)).max().unwrap_or(0) + 2;
        for (kind, resources) in kinds {
            let mut line = vec![Piece::plain(thousands(resources.len()))];
            let mut details: Vec<&str> =
                resources.iter().map(|r| r.unknown.detail.as_str()).collect();
            details.sort_unstable();
            details.dedup();
            if !shared && !details[0].is_empty() {
                line.push(Piece::plain(format!(" {}", details[0])));
                if details.len() > 1 && !self.options.verbose {
                    line.push(Piece::new(
                        Tone::Dim,
                        format!(" and {} more (-v)", details.len() - 1),
                    ));
                }
            }
            self.labelled(Piece::held(Tone::Plain, kind), column.min(LONGEST_LABEL + 8), &line);
            if self.options.verbose {
                for r in resources {
                    let detail = if shared { "" } else { r.unknown.detail.as_str() };
                    let line = Piece::new(Tone::Dim, join(&unknown_name(r), detail));
                    self.screen.paragraph(Lead::indent(self.body + 2), &[line], None);
                }
            }
        }
    }

    fn errors(&mut self) {
        for error in &self.report.errors {
            self.screen.blank();
            let lead = Lead { pieces: vec![Piece::new(Tone::High, "ERROR")], indent: BODY };
            self.screen.paragraph(lead, &[Piece::new(Tone::Strong, &error.place)], None);
            self.text(&[Piece::plain(&error.what)], None);
            if !error.next_step.is_empty() {
                self.text(&[Piece::new(Tone::Command, &error.next_step)], None);
            }
        }
    }

    fn in_sync(&mut self) {
        if !self.options.verbose || self.report.in_sync.is_empty() {
            return;
        }
        self.screen.blank();
        let mut label = Piece::new(Tone::Good, "in sync");
        for address in &self.report.in_sync {
            let lead = Lead { pieces: vec![label], indent: BODY };
            self.screen.paragraph(lead, &[Piece::plain(address)], None);
            label = Piece::plain("");
        }
    }

    fn foot(&mut self, worst: Option<&Finding>) {
        let r = self.report;
        self.screen.blank();
        if r.findings.is_empty() {
            let (tone, text) = if r.states.is_empty() {
                (Tone::Medium, "Nothing was checked: no state could be read.")
            } else if r.partial || r.summary.unknown > 0 {
                (Tone::Medium, "No drift in what could be read; the rest is unknown.")
            } else {
                (Tone::Good, "No drift: every resource is as its state records it.")
            };
            self.screen.line(&[Piece::new(tone, text)]);
        }
        let s = &r.summary;
        let counts = [
            ("in sync", s.in_sync, true, Tone::Good),
            ("changed", s.changed, true, Tone::Strong),
            ("missing", s.missing, true, Tone::Strong),
            ("unmanaged", s.unmanaged, false, Tone::Strong),
            ("unknown", s.unknown, true, Tone::Medium),
            ("ignored", r.ignored, false, Tone::Dim),
        ];
        let mut line = Vec::new();
        for (name, n, always, tone) in counts {
            if n > 0 || always {
                let tone = if n > 0 { tone } else { Tone::Dim };
                line.push(Piece::held(tone, format!("{name} {}  ", thousands(n))));
                line.push(Piece::plain(" "));
            }
        }
        self.screen.line(&line);
        if r.findings.iter().any(|f| f.attribution.status == AttributionStatus::NotAsked) {
            self.screen.line(&[Piece::new(Tone::Dim, "Nobody is named: the logs were not asked.")]);
        }
        if let Some(head) = &r.ledger {
            let line = format!("Ledger: {}.", wording::ledger(head));
            self.screen.line(&[Piece::new(Tone::Dim, line)]);
        }
        self.next(worst);
    }

    fn next(&mut self, worst: Option<&Finding>) {
        let story = |f: &Finding| {
            NextStep::new(format!("lab show {}", f.id), "the whole story of one finding")
        };
        let mut steps: Vec<NextStep> = worst.map(story).into_iter().collect();
        steps.extend(self.options.next.iter().cloned());
        next::steps(&mut self.screen, &steps);
    }

    fn text(&mut self, pieces: &[Piece], right: Option<Piece>) {
        let right = right.filter(|r| !r.text.is_empty());
        self.screen.paragraph(Lead::indent(self.body), pieces, right);
    }

    fn who(&mut self, pieces: &[Piece]) {
        self.labelled(Piece::plain("who"), LABEL, pieces);
    }

    fn labelled(&mut self, label: Piece, column: usize, pieces: &[Piece]) {
        self.screen.paragraph(Lead::label(self.body, label, self.body + column), pieces, None);
    }
}

fn unknown_lead() -> Lead {
    Lead { pieces: vec![Piece::new(Tone::Medium, "UNKNOWN")], indent: BODY }
}

fn unknown_name(u: &UnknownResource) -> String {
    u.address.as_ref().map_or_else(|| u.kind.to_string(), |a| a.to_string())
}

fn join(head: &str, detail: &str) -> String {
    if detail.is_empty() { head.to_owned() } else { format!("{head}: {detail}") }
}

/// `prod.tfstate · serial 41 · Terraform 1.11.4 · written 1 hour ago`
fn state_line(state: &StateSummary, since: u64) -> String {
    let mut line = format!("{} · serial {}", state.source, state.serial);
    if !state.terraform_version.is_empty() {
        line += &format!(" · Terraform {}", state.terraform_version);
    }
    if let Some(age) = state.age_seconds {
        line += &format!(" · written {} ago", wording::age(age.saturating_add(since)));
    }
    line
}

type Groups<'a> = BTreeMap<(&'static str, &'a str), BTreeMap<&'a str, Vec<&'a UnknownResource>>>;

/// One group a reason and next step, in it one line a kind.
pub(crate) fn unknown_groups(unknown: &[UnknownResource]) -> Groups<'_> {
    let mut groups = Groups::new();
    for u in unknown {
        groups
            .entry((u.unknown.reason.as_str(), u.unknown.next_step.as_str()))
            .or_default()
            .entry(u.kind.as_str())
            .or_default()
            .push(u);
    }
    groups
}
