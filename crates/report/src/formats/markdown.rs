//! A pull-request comment: a table, the rest folded, and never over what GitHub takes.
//!
//! Names of resources and people are anybody's text: see [`crate::markup`].

use super::Format;
use super::terminal::unknown_groups;
use crate::markup::{COMMENT, cell, clipped, code, prose, push_bounded};
use crate::options::Options;
use crate::screen::{Piece, Tone, plain_text};
use crate::technique;
use crate::text::count;
use crate::wording;
use model::Severity;
use model::finding::{AttributionStatus, Finding};
use model::report::DriftReport;
use std::io::{self, Write};

/// Bytes kept for each part, so that a long one cannot push out the others. Bytes are never
/// fewer than characters.
const TABLE: usize = 30_000;
const TAIL: usize = 8_000;
/// Changes of one finding in the table.
const CHANGES: usize = 4;
/// Characters of one change in the table.
const CHANGE: usize = 160;
/// Characters of a name in the table; the details have it whole.
const NAME: usize = 300;

pub struct Markdown;

impl Format for Markdown {
    fn name(&self) -> &'static str {
        "markdown"
    }

    fn render(
        &self,
        report: &DriftReport,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        out.write_all(comment(report, options).as_bytes())
    }
}

fn comment(report: &DriftReport, options: &Options) -> String {
    let findings = wording::worst_first(report);
    let mut text = head(report);
    let tail = tail(report, options, findings.first().copied());
    if !findings.is_empty() {
        let rows: Vec<String> = findings.iter().map(|f| row(f)).collect();
        let shown = push_bounded(&mut text, &rows, TABLE);
        if shown < findings.len() {
            let left = count(findings.len() - shown, "more finding");
            text += &format!("\n{left} not shown here: `--format json` has them all.\n");
        }
        let stories: Vec<String> = findings.iter().map(|f| story(f)).collect();
        let closing = "\n</details>\n";
        let room = COMMENT.saturating_sub(text.len() + tail.len() + closing.len() + 200);
        let mut folded = String::new();
        let told = push_bounded(&mut folded, &stories, room);
        if told > 0 {
            let rest = if told < findings.len() {
                format!(" (the worst {told} of {})", findings.len())
            } else {
                String::new()
            };
            text += &format!("\n<details><summary>Details{rest}</summary>\n\n");
            text += &folded;
            text += closing;
        }
    }
    text + &tail
}

fn head(report: &DriftReport) -> String {
    let s = &report.summary;
    let by_severity: Vec<String> = Severity::ALL
        .into_iter()
        .filter_map(|severity| {
            let n = report.findings.iter().filter(|f| f.severity == severity).count();
            (n > 0).then(|| format!("{n} {severity}"))
        })
        .collect();
    let mut text = if by_severity.is_empty() {
        let sure = !report.partial && s.unknown == 0;
        let title = if sure { "no drift" } else { "no drift in what could be read" };
        format!("## Drift check: {title}\n\n")
    } else {
        format!("## Drift check: {}\n\n", by_severity.join(", "))
    };
    let mut facts = vec![
        code(&report.target),
        format!("{} in {}", count(s.resources, "resource"), count(report.states.len(), "state")),
    ];
    for (n, name) in [
        (s.in_sync, "in sync"),
        (s.changed, "changed"),
        (s.missing, "missing"),
        (s.unmanaged, "unmanaged"),
        (s.unknown, "**unknown**"),
        (report.ignored, "ignored"),
    ] {
        if n > 0 {
            facts.push(format!("{n} {name}"));
        }
    }
    if let Some(head) = &report.ledger {
        facts.push(format!("ledger {}", wording::ledger(head)));
    }
    text += &facts.join(" · ");
    text += "\n";
    if report.partial {
        text += "\n**Partial**: something could not be read to its end, see below.\n";
    }
    if !report.findings.is_empty() {
        text += "\n| Severity | Resource | Change | Who |\n| --- | --- | --- | --- |\n";
    }
    text
}

fn row(f: &Finding) -> String {
    let mut changes: Vec<String> =
        wording::status_sentence(f).map(|s| cell(&clipped(&s, CHANGE))).into_iter().collect();
    for change in &f.attributes {
        for line in wording::change(change) {
            let line = format!("{}: {}", change.path, plain_text(&line));
            changes.push(cell(&clipped(&line, CHANGE)));
        }
    }
    let hidden = changes.len().saturating_sub(CHANGES);
    changes.truncate(CHANGES);
    if hidden > 0 {
        changes.push(format!("and {hidden} more"));
    }
    let attribution = &f.attribution;
    let who = match attribution.status {
        AttributionStatus::Attributed => {
            let mut names: Vec<String> = attribution
                .events
                .iter()
                .map(|e| cell(&clipped(&e.principal.name, NAME)))
                .collect();
            names.dedup();
            names.truncate(3);
            names.join("<br>")
        }
        AttributionStatus::Candidates => {
            format!("one of {}", count(attribution.events.len(), "call"))
        }
        AttributionStatus::Unattributed => "not in the log".into(),
        AttributionStatus::NotAsked => "not asked".into(),
    };
    let title = cell(&clipped(&wording::title(f), NAME));
    let id = cell(&f.id);
    format!("| {} | {title}<br>{id} | {} | {who} |\n", f.severity, changes.join("<br>"))
}

fn story(f: &Finding) -> String {
    let mut text = format!(
        "**{}** {} {}\n\n- {}\n",
        f.severity.as_str().to_uppercase(),
        code(&wording::title(f)),
        code(&f.id),
        prose(&wording::why(f))
    );
    for change in &f.attributes {
        for line in wording::change(change) {
            text +=
                &format!("- {}: {}\n", code(&change.path.to_string()), code(&plain_text(&line)));
        }
    }
    for event in &f.attribution.events {
        text += &format!(
            "- {}: {} at {}, event {}\n",
            pieces(&wording::who(event)),
            code(&event.operation),
            event.time.to_seconds_text(),
            code(&event.event_id)
        );
    }
    if let Some(note) = f.attribution.searched.as_ref().and_then(|s| s.note.as_ref()) {
        text += &format!("- {}\n", prose(note));
    }
    let links: Vec<String> = f
        .techniques
        .iter()
        .filter_map(|id| {
            let name = technique::name(id).unwrap_or("MITRE ATT&CK");
            Some(format!("[{id} {}]({})", prose(name), technique::url(id)?))
        })
        .collect();
    if !links.is_empty() {
        text += &format!("- {}\n", links.join(", "));
    }
    text + "\n"
}

fn tail(report: &DriftReport, options: &Options, worst: Option<&Finding>) -> String {
    let mut items = Vec::new();
    for ((reason, next_step), kinds) in unknown_groups(&report.unknown) {
        for (kind, resources) in kinds {
            let detail = &resources[0].unknown.detail;
            items.push(format!(
                "- unknown, {}: {} {}: {}. {}\n",
                prose(reason),
                resources.len(),
                code(kind),
                prose(&clipped(detail, NAME)),
                prose(&clipped(next_step, NAME))
            ));
        }
    }
    for e in &report.errors {
        items.push(format!(
            "- **error**: {}: {}. {}\n",
            code(&clipped(&e.place, NAME)),
            prose(&clipped(&e.what, NAME)),
            prose(&clipped(&e.next_step, NAME))
        ));
    }
    let mut text = String::new();
    if !items.is_empty() {
        text += "\n";
        let shown = push_bounded(&mut text, &items, TAIL);
        if shown < items.len() {
            text += &format!("- and {} more: `--format json` has them all\n", items.len() - shown);
        }
    }
    let mut steps: Vec<String> = worst
        .map(|f| format!("{} tells the whole story", code(&format!("lab show {}", f.id))))
        .into_iter()
        .collect();
    steps.extend(options.next.iter().map(|n| format!("{} ({})", code(&n.command), prose(&n.what))));
    if !steps.is_empty() {
        text += &format!("\nNext: {}\n", clipped(&steps.join("; "), 2_000));
    }
    text
}

fn pieces(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|p| if p.tone == Tone::Strong { code(&p.text) } else { prose(&p.text) })
        .collect()
}
