//! `lab list`: exercises, lessons, kinds.

use crate::args::Global;
use crate::clouds;
use crate::exit::{Exit, Outcome};
use crate::output;
use crate::shipped;

pub fn run(global: &Global) -> Outcome {
    let mut text = String::from("Exercises\n  drift-check    lab run drift-check\n\nLessons\n");
    for lesson in shipped::lessons()? {
        text.push_str(&format!("  {:<14} {}\n", lesson.name, lesson.title));
    }
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
