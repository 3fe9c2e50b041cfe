//! The chapters: what changed, what it means, who did it, where that was looked up, and
//! the identities by which other commands know the finding.

use super::chapters::{Chapters, Tones};
use crate::options::Options;
use crate::screen::{Piece, Tone};
use crate::technique;
use crate::wording::{self, tone};
use model::finding::{AttributeChange, AttributedEvent, AttributionStatus, Finding};
use model::report::{DriftReport, StateSummary};

pub(super) struct Story<'a> {
    finding: &'a Finding,
    report: &'a DriftReport,
    options: &'a Options,
    page: Chapters,
}

impl<'a> Story<'a> {
    pub fn new(finding: &'a Finding, report: &'a DriftReport, options: &'a Options) -> Self {
        Story { finding, report, options, page: Chapters::new(options) }
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
        self.page.screen.finish()
    }

    fn head(&mut self) {
        let f = self.finding;
        let severity = Piece::new(tone(f.severity), f.severity.as_str().to_uppercase());
        self.page.head(severity, &wording::title(f), &f.id);
        self.page.text(&[Piece::plain(&f.why)]);
        if let Some(sentence) = wording::status_sentence(f) {
            self.page.text(&[Piece::plain(sentence)]);
        }
    }

    fn place(&mut self) {
        let f = self.finding;
        self.page.chapter("where");
        let place: Vec<&str> = [Some(f.cloud.as_str()), f.account.as_deref(), f.region.as_deref()]
            .into_iter()
            .flatten()
            .collect();
        self.page.fact("cloud", &place.join(" · "));
        self.page.fact("kind", f.kind.as_str());
        self.page.fact("native id", &f.native_id);
        if let Some(source) = &f.state {
            let since = wording::since(self.report, self.options.now);
            let known = self.report.states.iter().find(|s| &s.source == source);
            self.page
                .fact("state", &known.map_or_else(|| source.clone(), |s| state_text(s, since)));
        }
        let address = f.address.as_ref().map(|a| a.to_string()).unwrap_or_default();
        if let Some(place) = self.options.sources.get(&address) {
            self.page.fact("configuration", &format!("{}:{}", place.path, place.line));
        }
    }

    fn changes(&mut self) {
        let f = self.finding;
        if f.attributes.is_empty() {
            return;
        }
        self.page.chapter("change");
        for change in &f.attributes {
            self.change(change);
        }
    }

    fn change(&mut self, change: &AttributeChange) {
        let mut name = vec![Piece::new(Tone::Strong, change.path.to_string())];
        if !change.security_relevant {
            name.push(Piece::new(Tone::Dim, "  not a security matter by itself"));
        }
        self.page.text(&name);
        if change.sensitive {
            self.page.inner(&[Piece::plain("differs; the value is sensitive and not shown")]);
            return;
        }
        for line in &change.summary {
            self.page.inner(&[wording::signed(line)]);
        }
        let tones = Tones { put: Tone::Added, taken: Tone::Removed };
        self.page.compare(("recorded", &change.desired), ("live", &change.live), tones);
    }

    fn effect(&mut self) {
        let Some(effect) = &self.finding.effect else { return };
        self.page.chapter("effect");
        self.page.text(&[Piece::plain(wording::effect_sentence(effect))]);
    }

    fn who(&mut self) {
        let attribution = &self.finding.attribution;
        self.page.chapter("who");
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
            self.page.text(&[Piece::plain(head)]);
        }
        for (i, event) in attribution.events.iter().enumerate() {
            if i > 0 {
                self.page.screen.blank();
            }
            self.event(event);
        }
    }

    fn event(&mut self, event: &AttributedEvent) {
        let principal = &event.principal;
        self.page.text(&wording::principal(principal, event.credential.as_deref()));
        if !event.attributes.is_empty() {
            let paths: Vec<String> = event.attributes.iter().map(|p| p.to_string()).collect();
            self.page.fact("changed", &paths.join(", "));
        }
        self.page.fact("call", &event.operation);
        self.page.fact("time", &wording::when(event.time));
        self.page.optional("from", event.source_ip.as_deref());
        self.page.optional("with", event.user_agent.as_deref());
        self.page.optional(
            "credential",
            event.credential.as_deref().map(wording::credential).as_deref(),
        );
        let uid = principal.uid.as_deref().filter(|uid| !principal.via.iter().any(|v| v == uid));
        self.page.optional("identity", uid);
        for step in &principal.via {
            self.page.fact("acting as", step);
        }
        self.page.fact("event", &event.event_id);
        for note in &event.notes {
            self.page.fact("note", note);
        }
    }

    fn searched(&mut self) {
        let Some(searched) = &self.finding.attribution.searched else { return };
        self.page.chapter("searched");
        self.page.fact("log", &searched.source);
        self.page.optional("from", searched.from.map(wording::when).as_deref());
        self.page.optional("to", searched.to.map(wording::when).as_deref());
        for gap in &searched.gaps {
            self.page.fact("gap", gap);
        }
        self.page.optional("note", searched.note.as_deref());
    }

    fn techniques(&mut self) {
        if self.finding.techniques.is_empty() {
            return;
        }
        self.page.chapter("technique");
        for id in &self.finding.techniques {
            let name = technique::name(id).unwrap_or("MITRE ATT&CK");
            self.page.text(&[Piece::new(Tone::Strong, id), Piece::plain(format!("  {name}"))]);
            if let Some(url) = technique::url(id) {
                self.page.text(&[Piece::new(Tone::Dim, url)]);
            }
        }
    }

    fn identity(&mut self) {
        let f = self.finding;
        self.page.chapter("identity");
        self.page.digest("fingerprint", &f.fingerprint);
        self.page.digest("change digest", &f.change_digest);
        self.page.fact("confidence", &format!("{:?}", f.confidence).to_lowercase());
    }
}

fn state_text(state: &StateSummary, since: u64) -> String {
    let mut text = format!("{}, serial {}", state.source, state.serial);
    if let Some(age) = state.age_seconds {
        text += &format!(", written {} ago", wording::age(age.saturating_add(since)));
    }
    text
}
