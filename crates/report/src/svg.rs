//! A terminal's output as a picture for a README, light or dark as its reader has it.
//!
//! Every run of text is put on the grid by its column and pinned to its width, so that the
//! picture aligns whatever monospaced font the reader has.

use crate::text::{is_hostile, width};
use std::fmt::Write;

/// 14 pixels of a monospaced font are 8.4 wide.
const CELL: f64 = 8.4;
const LINE: usize = 20;
const PADDING: usize = 16;
const BAR: usize = 36;
/// A picture narrower than this has no room for its title.
const NARROWEST: usize = 40;

const STYLE: &str = "\
svg{--bg:#ffffff;--bar:#f6f8fa;--edge:#d1d9e0;--fg:#1f2328;--dim:#59636e;--red:#cf222e;\
--green:#1a7f37;--yellow:#9a6700;--blue:#0969da;--magenta:#8250df;--cyan:#1b7c83}\
@media(prefers-color-scheme:dark){svg{--bg:#0d1117;--bar:#161b22;--edge:#30363d;--fg:#e6edf3;\
--dim:#9198a1;--red:#ff7b72;--green:#7ee787;--yellow:#e3b341;--blue:#79c0ff;--magenta:#d2a8ff;\
--cyan:#76e3ea}}\
text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;\
fill:var(--fg);white-space:pre}\
.b{font-weight:700}.d{fill:var(--dim)}.r{fill:var(--red)}.g{fill:var(--green)}\
.y{fill:var(--yellow)}.u{fill:var(--blue)}.m{fill:var(--magenta)}.c{fill:var(--cyan)}";

/// Draws text with ANSI colours, as [`crate::formats::terminal`] prints it, under a title.
pub fn svg(ansi: &str, title: &str) -> String {
    let lines: Vec<Vec<Run>> = ansi.trim_end_matches('\n').split('\n').map(runs).collect();
    let columns = lines.iter().map(|l| line_width(l)).max().unwrap_or(0);
    let columns = columns.max(width(title) + 8).max(NARROWEST);
    let wide = (columns as f64 * CELL).ceil() as usize + 2 * PADDING;
    let high = lines.len() * LINE + 2 * PADDING + BAR;
    let title = escape(title);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide}\" height=\"{high}\" \
         viewBox=\"0 0 {wide} {high}\" role=\"img\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n\
         <rect x=\".5\" y=\".5\" width=\"{}\" height=\"{}\" rx=\"8\" fill=\"var(--bg)\" \
         stroke=\"var(--edge)\"/>\n\
         <path d=\"M1 {BAR}V9a8 8 0 0 1 8-8H{}a8 8 0 0 1 8 8V{BAR}z\" fill=\"var(--bar)\"/>\n",
        wide - 1,
        high - 1,
        wide - 9,
    );
    for (i, color) in ["red", "yellow", "green"].iter().enumerate() {
        let _ = writeln!(
            out,
            "<circle cx=\"{}\" cy=\"{}\" r=\"5\" fill=\"var(--{color})\" opacity=\".7\"/>",
            PADDING + 4 + i * 18,
            BAR / 2
        );
    }
    let _ = writeln!(
        out,
        "<text class=\"d\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{title}</text>",
        wide / 2,
        BAR / 2 + 5
    );
    for (i, line) in lines.iter().enumerate() {
        draw(&mut out, line, BAR + PADDING + i * LINE + 14);
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, line: &[Run], y: usize) {
    if line.is_empty() {
        return;
    }
    let _ = write!(out, "<text y=\"{y}\">");
    let mut column = 0;
    for run in line {
        let class = run.style.class();
        let class = if class.is_empty() { class } else { format!(" class=\"{class}\"") };
        for (offset, text) in phrases(&run.text) {
            let x = PADDING as f64 + (column + offset) as f64 * CELL;
            let length = width(text) as f64 * CELL;
            let _ = write!(
                out,
                "<tspan x=\"{x:.1}\" textLength=\"{length:.1}\"{class}>{}</tspan>",
                escape(text)
            );
        }
        column += width(&run.text);
    }
    out.push_str("</text>\n");
}

/// What stands between gaps of two blanks and more, each with its column: a renderer may
/// make one blank of several.
fn phrases(text: &str) -> Vec<(usize, &str)> {
    let mut phrases = Vec::new();
    let mut column = 0;
    for part in text.split("  ") {
        let word = part.trim_matches(' ');
        if !word.is_empty() {
            let leading = part.len() - part.trim_start_matches(' ').len();
            phrases.push((column + leading, word));
        }
        column += width(part) + 2;
    }
    phrases
}

/// Text of one style.
#[derive(Debug, PartialEq)]
struct Run {
    text: String,
    style: Style,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Style {
    bold: bool,
    dim: bool,
    color: Option<char>,
}

impl Style {
    /// Select Graphic Rendition (ECMA-48, 8.3.117), as far as it is used.
    fn apply(&mut self, code: u8) {
        match code {
            0 => *self = Style::default(),
            1 => self.bold = true,
            2 => self.dim = true,
            22 => (self.bold, self.dim) = (false, false),
            39 => self.color = None,
            30..=37 | 90..=97 => {
                self.color = ['d', 'r', 'g', 'y', 'u', 'm', 'c', 'f']
                    .get(usize::from(code % 10))
                    .copied()
                    .filter(|c| *c != 'f');
            }
            _ => {}
        }
    }

    fn class(self) -> String {
        let color = self.color.or(self.dim.then_some('d'));
        let bold = self.bold.then_some('b');
        let names: Vec<String> = bold.into_iter().chain(color).map(String::from).collect();
        names.join(" ")
    }
}

fn line_width(line: &[Run]) -> usize {
    line.iter().map(|r| width(&r.text)).sum()
}

/// Parts a line where its style changes; every other escape sequence is dropped.
fn runs(line: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut style = Style::default();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            let mut codes = String::new();
            if chars.next() == Some('[') {
                for c in chars.by_ref() {
                    // A control sequence ends at the first byte of this range.
                    if ('@'..='~').contains(&c) {
                        if c == 'm' {
                            codes.split(';').for_each(|n| style.apply(n.parse().unwrap_or(0)));
                        }
                        break;
                    }
                    codes.push(c);
                }
            }
            continue;
        }
        if is_hostile(c) {
            continue;
        }
        match runs.last_mut() {
            Some(run) if run.style == style => run.text.push(c),
            _ => runs.push(Run { text: c.into(), style }),
        }
    }
    runs
}

/// XML 1.0 text; the characters that it cannot hold were dropped before.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !is_hostile(*c) && !matches!(c, '\u{fffe}' | '\u{ffff}')) {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_classes_on_the_grid() {
        let text = "\u{1b}[1m\u{1b}[31mBAD\u{1b}[0m  x <y>  z\n\n\u{1b}[2mid\u{1b}[0m";
        let picture = svg(text, "lab & co");
        let drawn = "<tspan x=\"16.0\" textLength=\"25.2\" class=\"b r\">BAD</tspan>\
                     <tspan x=\"58.0\" textLength=\"42.0\">x &lt;y&gt;</tspan><tspan x=\"116.8\" textLength=\"8.4\">z</tspan>";
        assert!(picture.contains(drawn), "{picture}");
        assert!(picture.contains("class=\"d\">id</tspan>"));
        assert!(picture.contains("<title>lab &amp; co</title>"));
        assert!(picture.contains("prefers-color-scheme:dark"));
        assert_eq!(picture.matches("<text").count(), 3);
    }

    #[test]
    fn other_sequences_leave_no_trace() {
        let picture = svg("a\u{1b}[2Jb\u{1b}]0;title\u{7}\u{1b}", "t");
        assert!(!picture.chars().any(|c| c.is_control() && c != '\n'));
        assert!(picture.contains(">ab"));
    }
}
