//! The sentences that terminal, Markdown and `show` share: values, effects, who did it.

use crate::screen::{Piece, Tone};
use crate::text::{count, elide, thousands};
use model::event::{Principal, PrincipalType};
use model::finding::{
    AttributeChange, AttributedEvent, DriftStatus, Effect, EffectSource, Finding, Searched,
};
use model::remediation::LedgerHead;
use model::report::DriftReport;
use model::{Severity, Timestamp, Value};

/// Longer values are shortened on the overview; `show` prints them whole.
const VALUE_LIMIT: usize = 120;

pub fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Critical,
        Severity::High => Tone::High,
        Severity::Medium => Tone::Medium,
        Severity::Low => Tone::Low,
        Severity::Info => Tone::Dim,
    }
}

/// Worst first: severity, then what is public, then what was tried, then by name.
pub fn worst_first(report: &DriftReport) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_cached_key(|f| {
        let effect = f.effect.as_ref().filter(|e| e.public);
        (
            std::cmp::Reverse(f.severity),
            effect.is_none(),
            !effect.is_some_and(|e| e.how == EffectSource::Probed),
            title(f),
            f.fingerprint.clone(),
        )
    });
    findings
}

/// The address, or kind and native id of what no state manages.
pub fn title(finding: &Finding) -> String {
    match &finding.address {
        Some(address) => address.to_string(),
        None => format!("{} {}", finding.kind, finding.native_id),
    }
}

/// One value as a person writes it. Never a sealed one.
pub fn value(value: &Value) -> String {
    match value {
        Value::Null => "(not set)".into(),
        Value::Redacted => "(sensitive)".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) if s.is_empty() => "\"\"".into(),
        Value::String(s) => s.clone(),
        Value::List(l) if l.is_empty() => "[]".into(),
        Value::List(l) => format!("[{}]", l.iter().map(self::value).collect::<Vec<_>>().join(", ")),
        Value::Map(m) if m.is_empty() => "{}".into(),
        Value::Map(m) => {
            let items: Vec<String> =
                m.iter().map(|(k, v)| format!("{k} = {}", self::value(v))).collect();
            format!("{{ {} }}", items.join(", "))
        }
    }
}

pub(crate) fn short_value(v: &Value) -> String {
    let text = value(v);
    let length = text.chars().count();
    if length <= VALUE_LIMIT {
        return text;
    }
    let start: String = text.chars().take(VALUE_LIMIT - 24).collect();
    format!("{start}... ({})", count(length, "character"))
}

/// The lines of one change: its summary, elements that came and went, or both values.
pub fn change(change: &AttributeChange) -> Vec<Vec<Piece>> {
    if change.sensitive {
        return vec![vec![Piece::plain("differs; the value is sensitive and not shown")]];
    }
    if !change.summary.is_empty() {
        return change.summary.iter().map(|line| vec![signed(line)]).collect();
    }
    if let (Value::List(desired), Value::List(live)) = (&change.desired, &change.live) {
        let scalars = |l: &[Value]| l.iter().all(|v| !matches!(v, Value::List(_) | Value::Map(_)));
        if scalars(desired) && scalars(live) {
            let added = live.iter().filter(|v| !desired.contains(v));
            let removed = desired.iter().filter(|v| !live.contains(v));
            let lines: Vec<Vec<Piece>> = added
                .map(|v| vec![signed(&format!("+ {}", short_value(v)))])
                .chain(removed.map(|v| vec![signed(&format!("- {}", short_value(v)))]))
                .collect();
            if !lines.is_empty() {
                return lines;
            }
        }
    }
    vec![vec![
        Piece::plain(format!("{} -> ", short_value(&change.desired))),
        Piece::new(Tone::Strong, short_value(&change.live)),
    ]]
}

/// `+ ...` is what came to be, `- ...` what is gone.
pub fn signed(line: &str) -> Piece {
    match line.as_bytes().first() {
        Some(b'+') => Piece::new(Tone::Added, line),
        Some(b'-') => Piece::new(Tone::Removed, line),
        _ => Piece::plain(line),
    }
}

/// Why it matters here, and whether that was tried or only worked out.
pub fn why(finding: &Finding) -> String {
    let sentence = finding.why.trim();
    let Some(effect) = &finding.effect else { return sentence.to_owned() };
    let body = sentence.strip_suffix('.').unwrap_or(sentence);
    let note = match (effect.how, effect.answer) {
        (EffectSource::Probed, Some(code)) => format!("tried: {code}"),
        (EffectSource::Probed, None) => "tried".into(),
        (EffectSource::Computed, _) => "computed, not tried".into(),
    };
    if effect.public {
        format!("{body} ({note}).")
    } else {
        format!("{body}. Not public now ({note}).")
    }
}

/// A sentence of its own about the effect, for the whole story.
pub fn effect_sentence(effect: &Effect) -> String {
    let verdict = match (effect.public, effect.how) {
        (true, EffectSource::Probed) => "public: an anonymous read was tried",
        (false, EffectSource::Probed) => "not public: an anonymous read was tried",
        (true, EffectSource::Computed) => "public, computed from its configuration and not tried",
        (false, EffectSource::Computed) => {
            "not public, computed from its configuration and not tried"
        }
    };
    let answer = effect.answer.map(|code| format!(" and answered {code}")).unwrap_or_default();
    let detail = if effect.detail.is_empty() {
        String::new()
    } else {
        format!(" ({})", effect.detail.trim_end_matches('.'))
    };
    format!("{verdict}{answer}{detail}")
}

/// `AKIA..3QLD`: of a credential's id, never of a secret.
pub fn credential(id: &str) -> String {
    elide(id.rsplit('/').next().unwrap_or(id), 4, 4)
}

/// The id of a key that somebody keeps; the id of a token says nothing a week later.
fn is_key(id: &str) -> bool {
    id.contains("/keys/") || id.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// `role Developer` out of a session's ARN; the last part of any other long name.
pub fn via(step: &str, name: &str) -> Option<String> {
    let last = if step.starts_with("arn:") { step.splitn(6, ':').last()? } else { step };
    let mut parts: Vec<&str> = last.split('/').filter(|p| !p.is_empty()).collect();
    if parts.last() == Some(&name) {
        parts.pop();
        // `user/NAME` says no more than the name does.
        if parts.len() < 2 {
            return None;
        }
    }
    match parts.as_slice() {
        [] => None,
        ["assumed-role" | "role", role, ..] => Some(format!("role {role}")),
        [.., _] => Some(parts.join("/")),
    }
}

/// `Maya Chen (as role Developer), from 203.0.113.7, an address it never used before`
pub fn who(event: &AttributedEvent) -> Vec<Piece> {
    let mut pieces = principal(&event.principal, event.credential.as_deref());
    if let Some(source) = &event.source_ip {
        pieces.push(Piece::plain(format!(", from {source}")));
    }
    for note in &event.notes {
        pieces.push(Piece::plain(format!(", {note}")));
    }
    pieces
}

pub fn principal(principal: &Principal, credential_id: Option<&str>) -> Vec<Piece> {
    let name = Piece::new(Tone::Strong, &principal.name);
    let mut pieces = match principal.kind {
        PrincipalType::Anonymous => vec![Piece::new(Tone::Strong, "an anonymous caller")],
        PrincipalType::Service => vec![Piece::plain("the service "), name],
        PrincipalType::Unknown if principal.name.is_empty() => {
            vec![Piece::plain("a caller that the record does not name")]
        }
        // A long-lived key says less than a name: whoever holds it is let in.
        PrincipalType::Workload | PrincipalType::Unknown => {
            match credential_id.filter(|c| is_key(c)) {
                Some(id) => {
                    vec![
                        Piece::plain("key "),
                        Piece::new(Tone::Strong, credential(id)),
                        Piece::plain(" of "),
                        name,
                    ]
                }
                None => vec![name],
            }
        }
        PrincipalType::Human => vec![name],
    };
    let chain: Vec<String> =
        principal.via.iter().filter_map(|step| via(step, &principal.name)).collect();
    if !chain.is_empty() {
        pieces.push(Piece::plain(format!(" (as {})", chain.join(", then "))));
    }
    pieces
}

/// `PutBucketPolicy · 14:02:11 UTC · event 4f0c..e1`
pub fn call(event: &AttributedEvent) -> Vec<Piece> {
    vec![
        Piece::plain(format!("{} ", event.operation)),
        Piece::held(Tone::Dim, format!("· {}", when(event.time))),
        Piece::plain(" "),
        Piece::held(Tone::Dim, format!("· event {}", elide(&event.event_id, 4, 2))),
    ]
}

/// With its date, always: a report is read on other days than the one it was made on.
pub fn when(time: Timestamp) -> String {
    format!("{} {} UTC", time.date_text(), time.clock_text())
}

/// Where was looked: `cloudtrail:lookup-events, 2026-01-01 09:00:00 UTC to ...`
pub fn searched(searched: &Searched) -> String {
    let mut text = searched.source.clone();
    match (searched.from, searched.to) {
        (Some(from), Some(to)) => {
            text += &format!(", {} to {}", when(from), when(to));
        }
        (Some(from), None) => text += &format!(", from {}", when(from)),
        (None, Some(to)) => text += &format!(", up to {}", when(to)),
        (None, None) => {}
    }
    text
}

/// Seconds since the report was made, by which the ages in it have grown.
pub fn since(report: &DriftReport, now: Timestamp) -> u64 {
    u64::try_from(now.unix().saturating_sub(report.finished_at.unix())).unwrap_or(0)
}

/// `3 days`, `1 hour`, `12 s`
pub fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => count((seconds / 60) as usize, "minute"),
        7200..=172_799 => count((seconds / 3600) as usize, "hour"),
        _ => count((seconds / 86_400) as usize, "day"),
    }
}

/// What happened to a resource as a whole, where no attribute tells it.
pub fn status_sentence(finding: &Finding) -> Option<String> {
    match finding.status {
        DriftStatus::Changed => None,
        DriftStatus::Missing => {
            Some(format!("gone: the state records {}, the cloud has none", finding.native_id))
        }
        DriftStatus::Unmanaged => Some("exists in the cloud, in none of the states".into()),
    }
}

/// `12 entries, head ab12cd34`
pub fn ledger(head: &LedgerHead) -> String {
    let entries = thousands(usize::try_from(head.entries).unwrap_or(usize::MAX));
    let noun = if head.entries == 1 { "entry" } else { "entries" };
    let hash = head.hash.strip_prefix("sha256:").unwrap_or(&head.hash);
    format!("{entries} {noun}, head {}", hash.get(..8).unwrap_or(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_are_named_by_their_role() {
        let arn = "arn:aws:sts::111122223333:assumed-role/Developer/maya.chen@example.com";
        assert_eq!(via(arn, "maya.chen@example.com").unwrap(), "role Developer");
        assert_eq!(via("arn:aws:iam::111122223333:user/ci-deploy", "ci-deploy"), None);
        assert_eq!(via("ci-deploy", "ci-deploy"), None);
        assert_eq!(
            via("deploy@p.iam.gserviceaccount.com", "maya").unwrap(),
            "deploy@p.iam.gserviceaccount.com"
        );
    }

    #[test]
    fn ages_are_short() {
        assert_eq!(
            [age(4), age(600), age(7200), age(259_200)].join(" "),
            "4 s 10 minutes 2 hours 3 days"
        );
    }

    #[test]
    fn key_ids_are_shortened() {
        assert_eq!(credential("AKIAIOSFODNN7EXA3QLD"), "AKIA..3QLD");
        assert_eq!(credential("projects/p/serviceAccounts/s/keys/0123456789abcdef"), "0123..cdef");
        assert_eq!(credential("key1"), "key1");
    }
}
