//! Ordinary traffic and slips, as their TOML writes them.

use crate::error::LessonError;
use model::{Attributes, Cloud, KindName, Timestamp};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Step {
    /// Before now: `3d4h12m30s`.
    pub ago: String,
    /// The step comes again, this much later each time.
    pub every: Option<String>,
    #[serde(default = "once")]
    pub times: u32,
    pub cloud: Cloud,
    #[serde(rename = "as")]
    pub caller: String,
    /// The cloud has to refuse it. A story of attempts needs refusals too.
    #[serde(default)]
    pub refused: bool,
    #[serde(flatten)]
    pub act: Act,
}

fn once() -> u32 {
    1
}

#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Act {
    Read {
        kind: KindName,
        id: String,
    },
    List {
        kind: KindName,
    },
    Create {
        kind: KindName,
        set: Attributes,
    },
    /// Brings the named attributes to these values.
    Update {
        kind: KindName,
        id: String,
        set: Attributes,
    },
    Delete {
        kind: KindName,
        id: String,
    },
    ListObjects {
        place: String,
        #[serde(default)]
        prefix: String,
    },
    GetObject {
        place: String,
        key: String,
    },
    PutObject {
        place: String,
        key: String,
        text: String,
    },
    /// Whose credential it is has not changed; who holds it has.
    Relocate {
        to: String,
    },
    Special {
        name: String,
        #[serde(default)]
        with: toml::Table,
    },
}

impl Script {
    pub fn parse(file: &str, text: &str) -> Result<Script, LessonError> {
        let wrong = |what: String| LessonError::Shipped { file: file.to_owned(), what };
        let script: Script = toml::from_str(text).map_err(|e| wrong(e.to_string()))?;
        for step in &script.steps {
            for span in [Some(&step.ago), step.every.as_ref()].into_iter().flatten() {
                seconds(span)
                    .ok_or_else(|| wrong(format!("{span}: not a span like 3d4h12m30s")))?;
            }
        }
        Ok(script)
    }

    /// Every step with its moment, in order. Steps that share a moment stay in the order
    /// in which they were written.
    pub fn timed(&self, now: Timestamp) -> Vec<(Timestamp, Step)> {
        let mut timed = Vec::new();
        for step in &self.steps {
            let first = now.plus_seconds(-seconds(&step.ago).unwrap_or(0));
            let every = step.every.as_deref().and_then(seconds).unwrap_or(0);
            for turn in 0..i64::from(step.times) {
                timed.push((first.plus_seconds(every * turn), step.clone()));
            }
        }
        timed.sort_by_key(|(moment, _)| *moment);
        timed
    }
}

/// `3d4h12m30s` in seconds.
pub fn seconds(span: &str) -> Option<i64> {
    let (mut total, mut number) = (0i64, String::new());
    for c in span.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        let value: i64 = number.parse().ok()?;
        total = total.checked_add(value.checked_mul(unit)?)?;
        number.clear();
    }
    (number.is_empty() && !span.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read() {
        assert_eq!(seconds("1d2h3m4s"), Some(93_784));
        assert_eq!(seconds("90m"), Some(5_400));
        for wrong in ["", "5", "x", "1w", "99999999999999999999d"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn steps_come_in_order_and_again() {
        let script = Script::parse(
            "t",
            r#"
            [[step]]
            ago = "1h"
            cloud = "c"
            as = "b"
            do = "list"
            kind = "k"
            [[step]]
            ago = "3d"
            every = "1d"
            times = 3
            cloud = "c"
            as = "a"
            do = "get_object"
            place = "p"
            key = "k"
            "#,
        )
        .unwrap();
        let now = Timestamp::parse("2026-01-10T12:00:00Z").unwrap();
        let order: Vec<String> = script
            .timed(now)
            .iter()
            .map(|(t, s)| format!("{} {}", t.date_text(), s.caller))
            .collect();
        assert_eq!(order, ["2026-01-07 a", "2026-01-08 a", "2026-01-09 a", "2026-01-10 b"]);
    }
}
