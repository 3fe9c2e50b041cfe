//! The last lines of a screen: what to type next, and what for.

use crate::options::NextStep;
use crate::screen::{Lead, Piece, Screen, Tone};
use crate::text::width;

const LABEL: &str = "Next:";
/// Blanks between a command and what it is for.
const GAP: usize = 3;

/// A table of commands where their purposes fit beside them; else each purpose stands under
/// its command.
pub(crate) fn steps(screen: &mut Screen, steps: &[NextStep]) {
    let longest = steps.iter().map(|s| width(&s.command)).max().unwrap_or(0);
    let column = LABEL.len() + 1 + longest + GAP;
    let purpose = steps.iter().map(|s| width(&s.what)).max().unwrap_or(0);
    let beside = column + purpose <= screen.columns();
    let mut label = LABEL;
    for step in steps {
        let command = Piece::held(Tone::Command, &step.command);
        let lead = Piece::held(Tone::Plain, label);
        if beside {
            let gap = " ".repeat(longest - width(&step.command) + GAP);
            let what = Piece::held(Tone::Plain, format!("{gap}{}", step.what));
            let gap = Piece::held(Tone::Plain, " ");
            screen.paragraph(Lead::indent(0), &[lead, gap, command, what], None);
        } else if column <= screen.columns() / 2 {
            let gap = Piece::held(Tone::Plain, " ");
            let lead = Lead { pieces: vec![lead, gap, command], indent: column };
            screen.paragraph(lead, &[Piece::plain(&step.what)], None);
        } else {
            let command = Piece::new(Tone::Command, &step.command);
            let lead = Lead { pieces: vec![lead], indent: LABEL.len() + 1 };
            screen.paragraph(lead, &[command], None);
            screen.paragraph(Lead::indent(LABEL.len() + 3), &[Piece::plain(&step.what)], None);
        }
        label = "     ";
    }
}
