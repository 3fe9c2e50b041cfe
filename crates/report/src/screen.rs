//! Styled pieces of text, and the page that lays them out in lines of a given width.

use crate::text::{safe, width};
use anstyle::{AnsiColor, Style};

/// What a piece of text is, from which the screen derives its colour. Colour only adds:
/// every word is there without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    /// An address, a name of a person: what the eye looks for.
    Strong,
    /// Ids, times, explanations.
    Dim,
    Critical,
    High,
    Medium,
    Low,
    Added,
    Removed,
    Good,
    /// Something to type.
    Command,
}

impl Tone {
    fn style(self) -> Style {
        let fg = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Dim => Style::new().dimmed(),
            Tone::Critical => fg(AnsiColor::Red).bold(),
            Tone::High => fg(AnsiColor::Red),
            Tone::Medium => fg(AnsiColor::Yellow),
            Tone::Low => fg(AnsiColor::Blue),
            Tone::Added => fg(AnsiColor::Red),
            Tone::Removed => fg(AnsiColor::Green),
            Tone::Good => fg(AnsiColor::Green),
            Tone::Command => fg(AnsiColor::Cyan),
        }
    }
}

/// A run of text in one tone. The text is harmless: see [`safe`]. A no-break space holds
/// words together and prints as a blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub tone: Tone,
    pub text: String,
}

impl Piece {
    pub fn new(tone: Tone, text: impl AsRef<str>) -> Self {
        Piece { tone, text: safe(text.as_ref()) }
    }

    pub fn plain(text: impl AsRef<str>) -> Self {
        Piece::new(Tone::Plain, text)
    }

    /// Not broken at its blanks.
    pub fn held(tone: Tone, text: impl AsRef<str>) -> Self {
        Piece { tone, text: safe(text.as_ref()).replace(' ', "\u{a0}") }
    }
}

/// The words of some pieces, without their tones.
pub fn plain_text(pieces: &[Piece]) -> String {
    pieces.iter().map(|p| p.text.replace('\u{a0}', " ")).collect()
}

/// Lines under construction. No line is wider than `columns`.
pub struct Screen {
    columns: usize,
    color: bool,
    out: String,
}

/// What stands left of a paragraph on its first line, and how far the others are indented.
pub struct Lead {
    pub pieces: Vec<Piece>,
    pub indent: usize,
}

impl Lead {
    pub fn indent(indent: usize) -> Self {
        Lead { pieces: Vec::new(), indent }
    }

    /// A word at column `from`, the paragraph at column `indent`.
    pub fn label(from: usize, label: Piece, indent: usize) -> Self {
        Lead { pieces: vec![Piece::held(Tone::Plain, " ".repeat(from)), label], indent }
    }
}

impl Screen {
    pub fn new(columns: usize, color: bool) -> Self {
        Screen { columns: columns.max(20), color, out: String::new() }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn finish(self) -> String {
        self.out
    }

    pub fn blank(&mut self) {
        self.out.push('\n');
    }

    /// A paragraph: broken at blanks, its first line behind `lead`, the others indented.
    /// `right` goes to the end of the last line where it fits, else on a line of its own.
    pub fn paragraph(&mut self, lead: Lead, pieces: &[Piece], right: Option<Piece>) {
        let indent = lead.indent.min(self.columns / 2);
        let lead_words = cells(&lead.pieces);
        let lead_width: usize = cells_width(&lead_words);
        let mut lines: Vec<Vec<Cell>> = Vec::new();
        if lead_width > 0 && lead_width + 1 > indent {
            // The label does not fit its column: it gets its own line.
            lines.extend(fill(&lead.pieces, 0, 0, self.columns));
            lines.push(blanks(indent));
        } else {
            let mut first = lead_words;
            first.extend(blanks(indent.saturating_sub(lead_width)));
            lines.push(first);
        }
        let mut body = fill(pieces, indent, indent, self.columns).into_iter();
        if let (Some(first), Some(line)) = (body.next(), lines.last_mut()) {
            line.extend(first.into_iter().skip(indent));
        }
        lines.extend(body);
        if let Some(piece) = right {
            let right = cells(std::slice::from_ref(&piece));
            let needed = cells_width(&right);
            let used = lines.last().map_or(0, |l| cells_width(l));
            if used + 2 + needed <= self.columns {
                if let Some(line) = lines.last_mut() {
                    line.extend(blanks(self.columns - needed - used));
                    line.extend(right);
                }
            } else if needed <= self.columns {
                let mut line = blanks(self.columns - needed);
                line.extend(right);
                lines.push(line);
            } else {
                lines.extend(fill(&[piece], indent, indent, self.columns));
            }
        }
        for line in lines {
            self.push_line(&line);
        }
    }

    pub fn line(&mut self, pieces: &[Piece]) {
        self.paragraph(Lead::indent(0), pieces, None);
    }

    fn push_line(&mut self, line: &[Cell]) {
        let end = line.iter().rposition(|c| c.char != ' ').map_or(0, |i| i + 1);
        let mut tone = Tone::Plain;
        for cell in &line[..end] {
            if self.color && cell.tone != tone {
                self.switch(tone, cell.tone);
                tone = cell.tone;
            }
            self.out.push(cell.char);
        }
        if self.color {
            self.switch(tone, Tone::Plain);
        }
        self.out.push('\n');
    }

    fn switch(&mut self, from: Tone, to: Tone) {
        if from != Tone::Plain {
            self.out.push_str(&from.style().render_reset().to_string());
        }
        if to != Tone::Plain {
            self.out.push_str(&to.style().render().to_string());
        }
    }
}

#[derive(Clone, Copy)]
struct Cell {
    char: char,
    tone: Tone,
    /// A blank that must not be broken at.
    held: bool,
}

fn cells(pieces: &[Piece]) -> Vec<Cell> {
    pieces
        .iter()
        .flat_map(|p| {
            p.text.chars().map(|c| match c {
                '\u{a0}' => Cell { char: ' ', tone: p.tone, held: true },
                c => Cell { char: c, tone: p.tone, held: false },
            })
        })
        .collect()
}

fn blanks(n: usize) -> Vec<Cell> {
    vec![Cell { char: ' ', tone: Tone::Plain, held: true }; n]
}

fn cells_width(cells: &[Cell]) -> usize {
    cells.iter().map(|c| cell_width(*c)).sum()
}

fn cell_width(cell: Cell) -> usize {
    width(cell.char.encode_utf8(&mut [0; 4]))
}

/// Breaks into lines that start with their indent.
fn fill(pieces: &[Piece], first: usize, indent: usize, columns: usize) -> Vec<Vec<Cell>> {
    let all = cells(pieces);
    let mut lines = vec![blanks(first)];
    let mut used = first;
    let mut start = first;
    for word in all.split(|c| c.char == ' ' && !c.held) {
        if word.is_empty() {
            continue;
        }
        let needed = cells_width(word);
        let gap = usize::from(used > start);
        if used + gap + needed > columns && used > start {
            lines.push(blanks(indent));
            used = indent;
            start = indent;
        } else if gap == 1 {
            if let Some(line) = lines.last_mut() {
                // The blank takes the tone of its word, so that no colour ends for it.
                line.push(Cell { char: ' ', tone: word[0].tone, held: true });
            }
            used += 1;
        }
        for part in parts(word, columns.saturating_sub(indent)) {
            if used + cells_width(part) > columns && used > start {
                lines.push(blanks(indent));
                used = indent;
                start = indent;
            }
            if let Some(line) = lines.last_mut() {
                line.extend_from_slice(part);
            }
            used += cells_width(part);
        }
    }
    lines
}

/// A word that fits is one part; a longer one (a path, an ARN) is parted behind the
/// characters that structure it, and where there is none, wherever the room ends.
fn parts(word: &[Cell], room: usize) -> Vec<&[Cell]> {
    let room = room.max(2);
    let mut parts = Vec::new();
    let (mut start, mut used, mut good) = (0, 0, 0);
    for (i, cell) in word.iter().enumerate() {
        let takes = cell_width(*cell);
        // Breaking behind a slash may leave a rest that is still too long for this one.
        while used + takes > room && start < i {
            let end = if good > start { good } else { i };
            parts.push(&word[start..end]);
            start = end;
            used = cells_width(&word[start..i]);
        }
        used += takes;
        if matches!(cell.char, '/' | ':' | ',' | '.' | ' ') {
            good = i + 1;
        }
    }
    parts.push(&word[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn page(columns: usize, color: bool, draw: impl FnOnce(&mut Screen)) -> String {
        let mut screen = Screen::new(columns, color);
        draw(&mut screen);
        screen.finish()
    }

    #[test]
    fn a_paragraph_hangs_and_its_right_side_aligns() {
        let text = page(30, false, |s| {
            let lead = Lead::label(0, Piece::plain("HIGH"), 6);
            s.paragraph(
                lead,
                &[Piece::plain("one two three four five six")],
                Some(Piece::plain("F-1")),
            );
        });
        assert_eq!(text, "HIGH  one two three four five\n      six                  F-1\n");
    }

    #[test]
    fn a_wide_label_gets_its_own_line() {
        let text = page(30, false, |s| {
            let lead = Lead::label(2, Piece::plain("container_access"), 12);
            s.paragraph(lead, &[Piece::plain("private -> blob")], None);
        });
        assert_eq!(text, "  container_access\n            private -> blob\n");
    }

    #[test]
    fn colour_is_closed_before_the_line_ends() {
        let text = page(30, true, |s| s.line(&[Piece::new(Tone::Critical, "bad news")]));
        assert_eq!(text, "\u{1b}[1m\u{1b}[31mbad news\u{1b}[0m\n");
        assert_eq!(page(30, false, |s| s.line(&[Piece::new(Tone::High, "x")])), "x\n");
    }

    #[test]
    fn long_ids_break_where_they_are_structured() {
        let text = page(24, false, |s| {
            let id = "/subscriptions/1/resourceGroups/acme/providers/Microsoft.Storage";
            s.paragraph(Lead::indent(2), &[Piece::plain(id)], None);
        });
        let lines = [
            "  /subscriptions/1/",
            "  resourceGroups/acme/",
            "  providers/Microsoft.",
            "  Storage",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), lines);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_line_is_too_wide(
            words in prop::collection::vec(".{0,40}", 0..6),
            label in ".{0,30}", right in ".{0,30}", columns in 20usize..130, indent in 0usize..20,
        ) {
            let text = page(columns, false, |s| {
                let pieces: Vec<Piece> = words.iter().map(Piece::plain).collect();
                s.paragraph(Lead::label(2, Piece::plain(&label), indent), &pieces,
                    Some(Piece::plain(&right)));
            });
            for line in text.lines() {
                prop_assert!(width(line) <= columns, "{line:?}");
            }
            prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        }
    }
}
