//! SARIF 2.1.0 (OASIS, 2020-03-27), within what GitHub code scanning takes.
//!
//! Limits from GitHub's "SARIF support for code scanning": 25,000 results and 25,000 rules
//! a run, 10 tags a rule are kept; an alert's severity is the rule's `security-severity`, and
//! `primaryLocationLineHash` is the fingerprint that decides which alerts are one. So a rule
//! here is kind, status and severity: a low change of a kind must not show as critical
//! because another one is.

mod document;

use self::document::*;
use super::Format;
use crate::options::Options;
use crate::screen::plain_text;
use crate::technique;
use crate::text::{count, safe};
use crate::wording;
use model::Severity;
use model::finding::{AttributionStatus, DriftStatus, Finding};
use model::report::DriftReport;
use std::collections::BTreeMap;
use std::io::{self, Write};

const MAX_RESULTS: usize = 25_000;
const MAX_TAGS: usize = 10;
/// GitHub shows the first notifications of a run only; a summary is enough.
const MAX_NOTIFICATIONS: usize = 200;
/// Where a finding is shown that no file of the repository records.
const ANCHOR: &str = "lab.toml";

pub struct Sarif;

impl Format for Sarif {
    fn name(&self) -> &'static str {
        "sarif"
    }

    fn render(
        &self,
        report: &DriftReport,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &document(report, options))?;
        out.write_all(b"\n")
    }
}

fn document(report: &DriftReport, options: &Options) -> Document {
    let findings = wording::worst_first(report);
    let left_out = findings.len().saturating_sub(MAX_RESULTS);
    let mut rules = Rules::default();
    let results =
        findings.iter().take(MAX_RESULTS).map(|f| result(f, options, rules.index(f))).collect();
    Document {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: vec![Run {
            tool: Tool {
                driver: Driver {
                    name: "Cloud Security Lab",
                    version: safe(&report.tool.version),
                    information_uri: "https://github.com/cloud-security-lab/cloud-security-lab",
                    rules: rules.list,
                },
            },
            // What stands before the last slash is the category of code scanning.
            automation_details: AutomationDetails {
                id: format!("drift-check/{}/", safe(&report.target)),
            },
            column_kind: "utf16CodeUnits",
            invocations: vec![invocation(report, left_out)],
            results,
        }],
    }
}

/// The rules met so far, in the order of their first result.
#[derive(Default)]
struct Rules {
    list: Vec<Rule>,
    known: BTreeMap<String, usize>,
}

impl Rules {
    fn index(&mut self, finding: &Finding) -> usize {
        let id = rule_id(finding);
        if let Some(index) = self.known.get(&id) {
            for technique in &finding.techniques {
                let tags = &mut self.list[*index].properties.tags;
                let tag = safe(technique);
                if tags.len() < MAX_TAGS && !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
            return *index;
        }
        let index = self.list.len();
        self.list.push(rule(&id, finding));
        self.known.insert(id, index);
        index
    }
}

fn rule_id(finding: &Finding) -> String {
    format!("{}/{}/{}", safe(finding.kind.as_str()), finding.status.as_str(), finding.severity)
}

fn rule(id: &str, finding: &Finding) -> Rule {
    let kind = safe(finding.kind.as_str());
    let (short, help) = match finding.status {
        DriftStatus::Changed => (
            format!("{kind} differs from its recorded state"),
            "An attribute of the live resource is not what the Terraform state records: \
             somebody or something changed it outside Terraform. Either bring the resource \
             back (terraform apply, or the tool's own fix), or take the change over into the \
             configuration and apply that.",
        ),
        DriftStatus::Missing => (
            format!("{kind} is recorded and does not exist"),
            "The Terraform state records this resource and the cloud has none. Apply the \
             configuration to make it anew, or remove it from configuration and state.",
        ),
        DriftStatus::Unmanaged => (
            format!("{kind} exists in no state"),
            "The cloud holds this resource and no Terraform state given records it. Import it, \
             remove it, or name it in .driftignore.",
        ),
    };
    let mut tags = vec!["security".to_owned(), "drift".to_owned()];
    tags.extend(finding.techniques.iter().map(|t| safe(t)));
    tags.truncate(MAX_TAGS);
    Rule {
        id: id.to_owned(),
        name: id.split(['/', '_']).map(capital).collect(),
        short_description: Message::text(&short),
        full_description: Message::text(&short),
        help: Message::text(&format!("{help} `lab show` tells the whole story of a finding.")),
        help_uri: finding.techniques.first().and_then(|t| technique::url(t)),
        default_configuration: Configuration { level: level(finding.severity) },
        properties: RuleProperties {
            tags,
            precision: "very-high",
            security_severity: score(finding.severity),
        },
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// GitHub: over 9.0 is critical, 7.0 to 8.9 high, 4.0 to 6.9 medium, below low.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "3.0",
        Severity::Info => "0.1",
    }
}

fn result(finding: &Finding, options: &Options, rule_index: usize) -> SarifResult {
    let (uri, line) = place(finding, options);
    let title = safe(&wording::title(finding));
    SarifResult {
        rule_id: rule_id(finding),
        rule_index,
        kind: "fail",
        level: level(finding.severity),
        message: Message::text(&message(finding)),
        locations: vec![Location {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation { uri },
                region: Region { start_line: line },
            },
            logical_locations: vec![LogicalLocation {
                fully_qualified_name: title,
                kind: "resource",
            }],
        }],
        partial_fingerprints: PartialFingerprints {
            // As CodeQL writes it: a hash and which of its kind.
            primary_location_line_hash: format!("{}:1", bare(&finding.fingerprint)),
            finding: finding.fingerprint.clone(),
            change: finding.change_digest.clone(),
        },
        properties: ResultProperties {
            id: safe(&finding.id),
            security_severity: score(finding.severity),
            severity: finding.severity.as_str(),
            cloud: safe(finding.cloud.as_str()),
            account: finding.account.as_deref().map(safe),
            region: finding.region.as_deref().map(safe),
            native_id: safe(&finding.native_id),
            techniques: finding.techniques.iter().map(|t| safe(t)).collect(),
            who: names(finding),
        },
    }
}

fn bare(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn names(finding: &Finding) -> Vec<String> {
    if finding.attribution.status != AttributionStatus::Attributed {
        return Vec::new();
    }
    let mut names: Vec<String> =
        finding.attribution.events.iter().map(|e| safe(&e.principal.name)).collect();
    names.dedup();
    names
}

/// The first sentence is what a list of alerts shows.
fn message(finding: &Finding) -> String {
    let mut text = format!("{} {}", wording::why(finding), wording::title(finding));
    let mut parts: Vec<String> = wording::status_sentence(finding).into_iter().collect();
    for change in &finding.attributes {
        let lines: Vec<String> = wording::change(change).iter().map(|l| plain_text(l)).collect();
        parts.push(format!("{} {}", change.path, lines.join(", ")));
    }
    if !parts.is_empty() {
        text += &format!(": {}", parts.join("; "));
    }
    text += ".";
    match finding.attribution.status {
        AttributionStatus::Attributed => {
            for event in &finding.attribution.events {
                let who = plain_text(&wording::who(event));
                let at = event.time.to_seconds_text();
                text +=
                    &format!(" By {who}: {} at {at}, event {}.", event.operation, event.event_id);
            }
        }
        AttributionStatus::Candidates => {
            let calls = count(finding.attribution.events.len(), "call");
            text += &format!(" Not attributed: one of {calls}.");
        }
        AttributionStatus::Unattributed => text += " Nobody is named by the log.",
        AttributionStatus::NotAsked => {}
    }
    text
}

/// The line of the configuration, else the state if it is a file of the repository.
fn place(finding: &Finding, options: &Options) -> (String, u32) {
    let address = finding.address.as_ref().map(|a| a.to_string()).unwrap_or_default();
    if let Some(source) = options.sources.get(&address)
        && let Some(uri) = relative(&source.path)
    {
        return (uri, source.line.max(1));
    }
    let state = finding.state.as_deref().and_then(relative);
    (state.unwrap_or_else(|| ANCHOR.into()), 1)
}

/// A path below the repository as a relative reference (RFC 3986), else nothing.
fn relative(path: &str) -> Option<String> {
    let path = path.strip_prefix("./").unwrap_or(path);
    let outside = path.is_empty() || path == "-" || path.starts_with('/') || path.contains("://");
    if outside || path.split('/').any(|part| part == "..") {
        return None;
    }
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    Some(uri)
}

fn invocation(report: &DriftReport, left_out: usize) -> Invocation {
    let mut notes: Vec<Notification> = report
        .errors
        .iter()
        .map(|e| {
            Notification::new(
                "error",
                "error",
                &format!("{}: {}. {}", e.place, e.what, e.next_step),
            )
        })
        .collect();
    let mut unknown: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for u in &report.unknown {
        let name = u.address.as_ref().map_or_else(|| u.kind.to_string(), |a| a.to_string());
        unknown.entry((u.unknown.reason.as_str(), &u.unknown.next_step)).or_default().push(name);
    }
    for ((reason, next_step), names) in unknown {
        let shown: Vec<&str> = names.iter().take(5).map(String::as_str).collect();
        let more = if names.len() > shown.len() { ", ..." } else { "" };
        let text = format!(
            "{} unknown ({reason}): {}{more}. {next_step}",
            count(names.len(), "resource"),
            shown.join(", ")
        );
        notes.push(Notification::new("unknown", "warning", &text));
    }
    if left_out > 0 {
        let text =
            format!("{} left out: code scanning takes {MAX_RESULTS}", count(left_out, "finding"));
        notes.insert(0, Notification::new("left-out", "warning", &text));
    }
    notes.truncate(MAX_NOTIFICATIONS);
    Invocation {
        execution_successful: !report.partial && report.errors.is_empty(),
        start_time_utc: report.started_at.to_millis_text(),
        end_time_utc: report.finished_at.to_millis_text(),
        tool_execution_notifications: notes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_repository_are_locations() {
        assert_eq!(relative("./terraform/a b.tf").unwrap(), "terraform/a%20b.tf");
        for outside in ["/etc/x", "s3://b/k", "../x", "a/../../x", "-", ""] {
            assert_eq!(relative(outside), None, "{outside}");
        }
    }
}
