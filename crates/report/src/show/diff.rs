//! Two values line by line: what a policy was and what it is now.

use model::Value;

/// Beyond this many lines on either side a comparison costs more than it tells.
const LIMIT: usize = 2_000;
/// Unchanged lines kept around a change.
const CONTEXT: usize = 2;

/// A line of a comparison: `+`, `-`, a blank, or a count of lines left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Added(String),
    Removed(String),
    Same(String),
    Skipped(usize),
}

/// A value over several lines: JSON text is laid out, so are lists and maps.
pub fn pretty(value: &Value) -> Vec<String> {
    let json = match value {
        Value::Null => return vec!["(not set)".into()],
        Value::Redacted => return vec!["(sensitive)".into()],
        Value::String(text) => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(json) if json.is_object() || json.is_array() => json,
            _ => return text.lines().map(str::to_owned).collect(),
        },
        other => other.to_json(),
    };
    let text = serde_json::to_string_pretty(&json).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

pub fn compare(desired: &[String], live: &[String]) -> Vec<Line> {
    if desired.len() > LIMIT || live.len() > LIMIT {
        let removed = desired.iter().map(|l| Line::Removed(l.clone()));
        return removed.chain(live.iter().map(|l| Line::Added(l.clone()))).collect();
    }
    fold(walk(desired, live, &common_lengths(desired, live)))
}

/// `table[i][j]`: how many lines the rests from i and j have in common, in order.
fn common_lengths(a: &[String], b: &[String]) -> Vec<Vec<u16>> {
    let mut table = vec![vec![0u16; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            table[i][j] = if a[i] == b[j] {
                table[i + 1][j + 1] + 1
            } else {
                table[i + 1][j].max(table[i][j + 1])
            };
        }
    }
    table
}

fn walk(a: &[String], b: &[String], table: &[Vec<u16>]) -> Vec<Line> {
    let (mut i, mut j) = (0, 0);
    let mut lines = Vec::new();
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            lines.push(Line::Same(a[i].clone()));
            i += 1;
            j += 1;
        } else if i < a.len() && (j == b.len() || table[i + 1][j] >= table[i][j + 1]) {
            lines.push(Line::Removed(a[i].clone()));
            i += 1;
        } else {
            lines.push(Line::Added(b[j].clone()));
            j += 1;
        }
    }
    lines
}

/// Long unchanged stretches become a count.
fn fold(lines: Vec<Line>) -> Vec<Line> {
    let changed: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, l)| !matches!(l, Line::Same(_)))
        .map(|(i, _)| i)
        .collect();
    let near = |i: usize| {
        let next = changed.partition_point(|c| *c < i);
        let before = next.checked_sub(1).map(|n| i - changed[n]);
        let after = changed.get(next).map(|c| c - i);
        before.into_iter().chain(after).any(|d| d <= CONTEXT)
    };
    let mut out: Vec<Line> = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        if near(i) {
            out.push(line.clone());
        } else if let Some(Line::Skipped(n)) = out.last_mut() {
            *n += 1;
        } else {
            out.push(Line::Skipped(1));
        }
    }
    // A count of one takes as much room as its line.
    let mut position = 0;
    for line in &mut out {
        let takes = if let Line::Skipped(n) = line { *n } else { 1 };
        if takes == 1 && matches!(line, Line::Skipped(_)) {
            *line = lines[position].clone();
        }
        position += takes;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    fn shown(desired: &str, live: &str) -> String {
        let text = |l: &Line| match l {
            Line::Added(t) => format!("+{t}"),
            Line::Removed(t) => format!("-{t}"),
            Line::Same(t) => t.clone(),
            Line::Skipped(n) => format!("..{n}"),
        };
        compare(&lines(desired), &lines(live)).iter().map(text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_changed_is_marked() {
        assert_eq!(shown("a b c", "a x c"), "a -b +x c");
        assert_eq!(shown("a b c d e f g h", "a b c d e f g h i"), "..6 g h +i");
        assert_eq!(shown("a b c d", "b c d"), "-a b c d");
    }

    #[test]
    fn policies_are_laid_out() {
        let policy = Value::from(r#"{"Statement":[]}"#);
        assert_eq!(pretty(&policy), ["{", "  \"Statement\": []", "}"]);
        assert_eq!(pretty(&Value::from("plain")), ["plain"]);
        assert_eq!(pretty(&Value::Redacted), ["(sensitive)"]);
    }
}
