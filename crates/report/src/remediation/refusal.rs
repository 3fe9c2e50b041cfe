//! Why a plan was not applied.

use super::MovedLine;
use super::wording;
use crate::markup::clipped;
use crate::options::Options;
use crate::screen::{Lead, Piece, Screen, Tone};
use crate::text::{thousands, width};

const WIDEST: usize = 100;
/// Characters of one line: a policy as a whole would bury the rest.
const LINE: usize = 240;

pub(super) fn text(plan_hash: &str, moved: &[MovedLine], options: &Options) -> String {
    let mut screen = Screen::new(options.width.min(WIDEST), options.color);
    let unknown = moved.iter().filter(|m| m.unknown).count();
    let changed = moved.len() - unknown;
    let plan = wording::short(plan_hash);
    let head = match (changed, unknown) {
        (0, 0) => format!("plan {plan} no longer fits"),
        (0, 1) => format!("plan {plan} cannot be checked: a resource cannot be read now"),
        (0, n) => {
            format!("plan {plan} cannot be checked: {} resources cannot be read now", thousands(n))
        }
        (1, 0) => format!("plan {plan} no longer fits: a resource moved since it was made"),
        (n, 0) => {
            format!(
                "plan {plan} no longer fits: {} resources moved since it was made",
                thousands(n)
            )
        }
        (n, m) => format!(
            "plan {plan} no longer fits: {} moved since it was made, {} cannot be read",
            thousands(n),
            thousands(m)
        ),
    };
    screen.line(&[Piece::held(Tone::High, "error:"), Piece::plain(" "), Piece::plain(head)]);
    let column = moved.iter().map(|m| width(&m.action)).max().unwrap_or(0) + 4;
    for line in moved {
        let lead = Lead::label(2, Piece::held(Tone::Dim, &line.action), column);
        screen.paragraph(lead, &[Piece::new(Tone::Strong, &line.place)], None);
        for what in line.what.lines().filter(|l| !l.trim().is_empty()) {
            screen.paragraph(Lead::indent(column), &aligned(what), None);
        }
    }
    screen.line(&[Piece::plain("nothing was applied")]);
    let hint = if changed == 0 && unknown > 0 {
        "the plan may still fit: let it be read, and apply again"
    } else {
        "`lab run remediate` makes a new plan"
    };
    screen.line(&[Piece::held(Tone::Command, "hint:"), Piece::plain(" "), Piece::plain(hint)]);
    screen.finish()
}

/// A name, two blanks and what became of it stay as they are.
fn aligned(line: &str) -> Vec<Piece> {
    let line = clipped(line, LINE);
    match line.split_once("  ") {
        Some((name, rest)) => {
            vec![Piece::held(Tone::Plain, format!("{name}  ")), Piece::plain(rest)]
        }
        None => vec![Piece::plain(line)],
    }
}
