//! The chapters: what changed, what it means, who did it, where that was looked up, and
//! the identities by which other commands know the finding.

use super::diff::{self, Line};
use crate::options::Options;
use crate::screen::{Lead, Piece, Screen, Tone};
use crate::technique;
use crate::text::{count, width};
use crate::wording::{self, tone};
use model::Timestamp;
use model::finding::{AttributeChange, AttributedEvent, AttributionStatus, Finding};
use model::report::{DriftReport, StateSummary};

const WIDEST: usize = 120;
/// Where the text of a chapter begins.
const BODY: usize = 12;
/// Room for the label of one fact: `native id`.
const LABEL: usize = 15;

pub(super) struct Story<'a> {
    finding: &'a Finding,
    report: &'a DriftReport,
    options: &'a Options,
    screen: Screen,
    body: usize,
    chapter: Option<&'static str>,
}

impl<'a> Story<'a> {
    pub fn new(finding: &'a Finding, report: &'a DriftReport, options: &'a Options) -> Self {
        let screen = Screen::new(options.width.min(WIDEST), options.color);
        let body = if options.width < 60 { 2 } else { BODY };
        Story { finding, report, options, screen, body, chapter: None }
    }

    pub fn tell(mut self) -> String {
        self.head();
        self.place();
        self.changes();
        self.effect();
        self.who();
        self.searched();
        self.techniques();
        self.identity();
        self.screen.finish()
    }

    fn head(&mut self) {
        let f = self.finding;
        let severity = Piece::new(tone(f.severity), f.severity.as_str().to_uppercase());
        let lead = Lead { pieces: vec![severity], indent: self.body };
        let title = Piece::new(Tone::Strong, wording::title(f));
        self.screen.paragraph(lead, &[title], Some(Piece::new(Tone::Dim, &f.id)));
        self.text(&[Piece::plain(&f.why)]);
        if let Some(sentence) = wording::status_sentence(f) {
            self.text(&[Piece::plain(sentence)]);
        }
    }

    fn place(&mut self) {
        let f = self.finding;
        self.chapter("where");
        let place: Vec<&str> = [Some(f.cloud.as_str()), f.account.as_deref(), f.region.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        self.fact("cloud", &place.join(" · "));
        self.fact("kind", f.kind.as_str());
        self.fact("native id", &f.native_id);
        if let Some(source) = &f.state {
            let since = wording::since(self.report, self.options.now);
            let known = self.report.states.iter().find(|s| &s.source == source);
            self.fact("state", &known.map_or_else(|| source.clone(), |s| state_text(s, since)));
        }
        let address = f.address.as_ref().map(|a| a.to_string()).unwrap_or_default();
        if let Some(place) = self.options.sources.get(&address) {
            self.fact("configuration", &format!("{}:{}", place.path, place.line));
        }
    }

    fn changes(&mut self) {
        let f = self.finding;
        if f.attributes.is_empty() {
            return;
        }
        self.chapter("change");
        for change in &f.attributes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &AttributeChange) {
        let mut name = vec![Piece::new(Tone::Strong, change.path.to_string())];
        if !change.security_relevant {
            name.push(Piece::new(Tone::Dim, "  not a security matter by itself"));
        }
        self.text(&name);
        if change.sensitive {
            self.inner(&[Piece::plain("differs; the value is sensitive and not shown")]);
            return;
        }
        for line in &change.summary {
            self.inner(&[wording::signed(line)]);
        }
        let (desired, live) = (diff::pretty(&change.desired), diff::pretty(&change.live));
        if let ([desired], [live]) = (desired.as_slice(), live.as_slice()) {
            self.pair("recorded", desired);
            self.pair("live", live);
            return;
        }
        for line in diff::compare(&desired, &live) {
            let piece = match line {
                Line::Added(t) => Piece::held(Tone::Added, format!("+ {t}")),
                Line::Removed(t) => Piece::held(Tone::Removed, format!("- {t}")),
                Line::Same(t) => Piece::held(Tone::Dim, format!("  {t}")),
                Line::Skipped(n) => {
                    Piece::held(Tone::Dim, format!("  ... {} alike", count(n, "line")))
                }
            };
            self.inner(&[piece]);
        }
    }

    fn effect(&mut self) {
        let Some(effect) = &self.finding.effect else { return };
        self.chapter("effect");
        self.text(&[Piece::plain(wording::effect_sentence(effect))]);
    }

    fn who(&mut self) {
        let attribution = &self.finding.attribution;
        self.chapter("who");
        let head = match attribution.status {
            AttributionStatus::Attributed => None,
            AttributionStatus::Candidates => {
                Some("Somebody of these; the records do not tell which.")
            }
            AttributionStatus::Unattributed => {
                Some("Nobody is named: no record shows who made this change.")
            }
            AttributionStatus::NotAsked => Some("Nobody is named: the logs were not asked."),
        };
        if let Some(head) = head {
            self.text(&[Piece::plain(head)]);
        }
        for (i, event) in attribution.events.iter().enumerate() {
            if i > 0 {
                self.screen.blank();
            }
            self.event(event);
        }
    }

    fn event(&mut self, event: &AttributedEvent) {
        let principal = &event.principal;
        self.text(&wording::principal(principal, event.credential.as_deref()));
        if !event.attributes.is_empty() {
            let paths: Vec<String> = event.attributes.iter().map(|p| p.to_string()).collect();
            self.fact("changed", &paths.join(", "));
        }
        self.fact("call", &event.operation);
        self.fact("time", &full_time(event.time));
        self.optional("from", event.source_ip.as_deref());
        self.optional("with", event.user_agent.as_deref());
        self.optional(
            "credential",
            event.credential.as_deref().map(wording::credential).as_deref(),
        );
        let uid = principal.uid.as_deref().filter(|uid| !principal.via.iter().any(|v| v == uid));
        self.optional("identity", uid);
        for step in &principal.via {
            self.fact("acting as", step);
        }
        self.fact("event", &event.event_id);
        for note in &event.notes {
            self.fact("note", note);
        }
    }

    fn searched(&mut self) {
        let Some(searched) = &self.finding.attribution.searched else { return };
        self.chapter("searched");
        self.fact("log", &searched.source);
        self.optional("from", searched.from.map(full_time).as_deref());
        self.optional("to", searched.to.map(full_time).as_deref());
        for gap in &searched.gaps {
            self.fact("gap", gap);
        }
        self.optional("note", searched.note.as_deref());
    }

    fn techniques(&mut self) {
        if self.finding.techniques.is_empty() {
            return;
        }
        self.chapter("technique");
        for id in &self.finding.techniques {
            let name = technique::name(id).unwrap_or("MITRE ATT&CK");
            self.text(&[Piece::new(Tone::Strong, id), Piece::plain(format!("  {name}"))]);
            if let Some(url) = technique::url(id) {
                self.text(&[Piece::new(Tone::Dim, url)]);
            }
        }
    }

    fn identity(&mut self) {
        let f = self.finding;
        self.chapter("identity");
        self.digest("fingerprint", &f.fingerprint);
        self.digest("change digest", &f.change_digest);
        self.fact("confidence", &format!("{:?}", f.confidence).to_lowercase());
    }

    /// Its name stands left of the first line that follows.
    fn chapter(&mut self, name: &'static str) {
        self.screen.blank();
        self.chapter = Some(name);
        if self.body < BODY {
            self.screen.line(&[Piece::new(Tone::Command, name)]);
            self.chapter = None;
        }
    }

    /// A line at `from`, behind the name of its chapter where that is still to be said.
    fn lead(&mut self, from: usize, label: Option<Piece>, indent: usize) -> Lead {
        let chapter = self.chapter.take().unwrap_or("");
        let gap = Piece::held(Tone::Plain, " ".repeat(from.saturating_sub(width(chapter))));
        let mut pieces = vec![Piece::held(Tone::Command, chapter), gap];
        pieces.extend(label);
        Lead { pieces, indent }
    }

    fn text(&mut self, pieces: &[Piece]) {
        let lead = self.lead(0, None, self.body);
        self.screen.paragraph(lead, pieces, None);
    }

    fn inner(&mut self, pieces: &[Piece]) {
        self.screen.paragraph(Lead::indent(self.body + 2), pieces, None);
    }

    fn pair(&mut self, label: &str, value: &str) {
        let lead = Lead::label(self.body + 2, Piece::new(Tone::Dim, label), self.body + 12);
        self.screen.paragraph(lead, &[Piece::plain(value)], None);
    }

    fn fact(&mut self, label: &str, value: &str) {
        let column = LABEL.max(width(label) + 1);
        let label = Piece::held(Tone::Dim, label);
        let lead = self.lead(self.body, Some(label), self.body + column);
        self.screen.paragraph(lead, &[Piece::plain(value)], None);
    }

    /// On a line of its own and without the name of its algorithm: whole at 80 columns, so
    /// that it can be copied.
    fn digest(&mut self, label: &str, digest: &str) {
        self.fact(label, "SHA-256");
        self.text(&[Piece::plain(digest.strip_prefix("sha256:").unwrap_or(digest))]);
    }

    fn optional(&mut self, label: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            self.fact(label, value);
        }
    }
}

fn full_time(time: Timestamp) -> String {
    format!("{} {} UTC", time.date_text(), time.clock_text())
}

fn state_text(state: &StateSummary, since: u64) -> String {
    let mut text = format!("{}, serial {}", state.source, state.serial);
    if let Some(age) = state.age_seconds {
        text += &format!(", written {} ago", wording::age(age.saturating_add(since)));
    }
    text
}
