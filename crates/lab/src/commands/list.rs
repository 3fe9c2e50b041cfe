//! `lab list`: exercises, lessons, remedies, kinds.

use super::lesson::{NAME, row};
use crate::args::Global;
use crate::clouds;
use crate::exit::{Exit, Outcome};
use crate::output;
use crate::shipped;
use auto_remediation::remedies::REMEDIES;
use report::screen::Screen;

/// Columns that a remedy's name takes.
const REMEDY: usize = 22;

pub fn run(global: &Global) -> Outcome {
    let mut text = String::from(
        "Exercises\n  drift-check    lab run drift-check\n  \
         remediate      lab run remediate\n\nLessons\n",
    );
    let mut screen = Screen::new(output::width(), false);
    for lesson in shipped::lessons()? {
        row(&mut screen, 2, &lesson.name, NAME + 2, &lesson.title);
    }
    text.push_str(&screen.finish());
    text.push_str("\nRemedies, in the order in which they are asked\n");
    let mut screen = Screen::new(output::width(), false);
    for remedy in REMEDIES {
        row(&mut screen, 2, remedy.name(), REMEDY, remedy.about());
    }
    text.push_str(&screen.finish());
    text.push_str("\nKinds, read and written\n");
    for catalog in clouds::catalogs() {
        text.push_str(&format!("  {}\n", catalog.title()));
        for kind in catalog.kinds() {
            let facts = kind.facts();
            text.push_str(&format!("    {:<38} {}\n", facts.kind, facts.title));
        }
    }
    output::answer(text.as_bytes(), global.output.as_deref())?;
    Ok(Exit::Clean)
}
