//! A page in chapters: the name of each stands left of its facts.

use super::diff::{self, Line};
use crate::options::Options;
use crate::screen::{Lead, Piece, Screen, Tone};
use crate::text::{count, width};
use model::Value;

const WIDEST: usize = 120;
/// Where the text of a chapter begins.
const BODY: usize = 12;
/// Room for the label of one fact: `native id`.
const LABEL: usize = 15;

pub(crate) struct Chapters {
    pub screen: Screen,
    body: usize,
    chapter: Option<&'static str>,
}

/// How the lines of a comparison look.
#[derive(Clone, Copy)]
pub(crate) struct Tones {
    pub put: Tone,
    pub taken: Tone,
}

impl Chapters {
    pub fn new(options: &Options) -> Self {
        let screen = Screen::new(options.width.min(WIDEST), options.color);
        let body = if options.width < 60 { 2 } else { BODY };
        Chapters { screen, body, chapter: None }
    }

    /// What this is about, on the first line.
    pub fn head(&mut self, label: Piece, title: &str, id: &str) {
        let lead = Lead { pieces: vec![label], indent: self.body };
        let title = Piece::new(Tone::Strong, title);
        self.screen.paragraph(lead, &[title], Some(Piece::new(Tone::Dim, id)));
    }

    /// Two values: each on its line, or, where they are long, line by line.
    pub fn compare(&mut self, was: (&str, &Value), is: (&str, &Value), tones: Tones) {
        let (before, after) = (diff::pretty(was.1), diff::pretty(is.1));
        if let ([before], [after]) = (before.as_slice(), after.as_slice()) {
            self.pair(was.0, before);
            self.pair(is.0, after);
            return;
        }
        for line in diff::compare(&before, &after) {
            let piece = match line {
                Line::Added(t) => Piece::held(tones.put, format!("+ {t}")),
                Line::Removed(t) => Piece::held(tones.taken, format!("- {t}")),
                Line::Same(t) => Piece::held(Tone::Dim, format!("  {t}")),
                Line::Skipped(n) => {
                    Piece::held(Tone::Dim, format!("  ... {} alike", count(n, "line")))
                }
            };
            self.inner(&[piece]);
        }
    }

    /// Its name stands left of the first line that follows.
    pub fn chapter(&mut self, name: &'static str) {
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

    pub fn text(&mut self, pieces: &[Piece]) {
        let lead = self.lead(0, None, self.body);
        self.screen.paragraph(lead, pieces, None);
    }

    pub fn inner(&mut self, pieces: &[Piece]) {
        self.screen.paragraph(Lead::indent(self.body + 2), pieces, None);
    }

    pub fn pair(&mut self, label: &str, value: &str) {
        let lead = Lead::label(self.body + 2, Piece::new(Tone::Dim, label), self.body + 12);
        self.screen.paragraph(lead, &[Piece::plain(value)], None);
    }

    pub fn fact(&mut self, label: &str, value: &str) {
        let column = LABEL.max(width(label) + 1);
        let label = Piece::held(Tone::Dim, label);
        let lead = self.lead(self.body, Some(label), self.body + column);
        self.screen.paragraph(lead, &[Piece::plain(value)], None);
    }

    /// On a line of its own and without the name of its algorithm: whole at 80 columns, so
    /// that it can be copied.
    pub fn digest(&mut self, label: &str, digest: &str) {
        self.fact(label, "SHA-256");
        self.text(&[Piece::plain(digest.strip_prefix("sha256:").unwrap_or(digest))]);
    }

    pub fn optional(&mut self, label: &str, value: Option<&str>) {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            self.fact(label, value);
        }
    }
}
