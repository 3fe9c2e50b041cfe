//! The ledger as a list: when, what, of what, and whose doing.

use crate::options::Options;
use crate::screen::{Lead, Piece, Screen, Tone};
use crate::text::{thousands, width};
use model::remediation::LedgerHead;
use model::time::Timestamp;
use std::io::{self, Write};

const WIDEST: usize = 120;
/// Below this the text of an entry stands under its time, not beside it.
const NARROW: usize = 60;

/// One entry.
pub struct Row {
    pub seq: Option<u64>,
    pub time: Timestamp,
    /// `approval`
    pub kind: String,
    /// `A-51b2 aws_s3_bucket.exports`
    pub subject: String,
    pub words: String,
    pub by: Option<String>,
}

/// The oldest first, under a line for each day.
pub fn list(
    rows: &[Row],
    head: Option<&LedgerHead>,
    options: &Options,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut screen = Screen::new(options.width.min(WIDEST), options.color);
    title(rows, head, &mut screen);
    let seq = |row: &Row| row.seq.map(|s| s.to_string()).unwrap_or_default();
    let seq_width = rows.iter().map(|r| width(&seq(r))).max().unwrap_or(0);
    let kind_width = rows.iter().map(|r| width(&r.kind)).max().unwrap_or(0).min(12);
    let beside = 2 + seq_width + 2 + CLOCK + 2 + kind_width + 2;
    let column = if options.width < NARROW { 4 } else { beside };
    let mut day = String::new();
    for row in rows {
        let date = row.time.date_text();
        if date != day {
            screen.blank();
            screen.line(&[Piece::new(Tone::Dim, format!("{date} (UTC)"))]);
            day = date;
        }
        let seq = format!("  {:>seq_width$}  ", seq(row));
        let lead = Lead {
            pieces: vec![
                Piece::held(Tone::Dim, seq),
                Piece::held(Tone::Plain, format!("{}  ", row.time.clock_text())),
                Piece::held(Tone::Strong, &row.kind),
            ],
            indent: column,
        };
        entry(row, lead, column, &mut screen);
    }
    out.write_all(screen.finish().as_bytes())
}

/// `14:02:11`
const CLOCK: usize = 8;

/// What it is about and what is said of it, on one line where there is room.
fn entry(row: &Row, lead: Lead, column: usize, screen: &mut Screen) {
    let by = row.by.as_ref().map(|by| Piece::new(Tone::Dim, format!("by {by}")));
    let subject = Piece::plain(&row.subject);
    if row.words.is_empty() {
        screen.paragraph(lead, &[subject], by);
        return;
    }
    let words = Piece::new(Tone::Dim, &row.words);
    let room = by.as_ref().map_or(0, |by| 2 + width(&by.text));
    if column + width(&subject.text) + 2 + width(&words.text) + room <= screen.columns() {
        let gap = Piece::held(Tone::Plain, "  ");
        screen.paragraph(lead, &[subject, gap, words], by);
    } else {
        screen.paragraph(lead, &[subject], None);
        screen.paragraph(Lead::indent(column), &[words], by);
    }
}

fn title(rows: &[Row], head: Option<&LedgerHead>, screen: &mut Screen) {
    let mut line = vec![Piece::new(Tone::Strong, "Ledger")];
    if let Some(head) = head {
        let n = usize::try_from(head.entries).unwrap_or(usize::MAX);
        let noun = if n == 1 { "entry" } else { "entries" };
        line.push(Piece::plain(" · "));
        line.push(Piece::held(Tone::Plain, format!("{} {noun}", thousands(n))));
    }
    screen.line(&line);
    if let Some(head) = head {
        let hash = Piece::new(Tone::Dim, format!("head {}", head.hash));
        screen.paragraph(Lead::indent(2), &[hash], None);
    }
    if rows.is_empty() {
        screen.line(&[Piece::plain("Nothing yet: the first plan makes the first entry.")]);
    }
}
