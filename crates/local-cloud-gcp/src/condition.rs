//! The part of IAM's condition language (CEL) that this cloud evaluates: conjunctions of
//! `request.time` against a timestamp and of `resource.name`, `.type` or `.service` against
//! a text. A condition outside of it cannot be set, so none is ever guessed at.

use model::Timestamp;

pub struct Facts<'a> {
    pub now: Timestamp,
    pub name: &'a str,
    pub kind: &'a str,
    pub service: &'a str,
}

pub enum Clause {
    Before(Timestamp),
    After(Timestamp),
    Is(Field, String),
    StartsWith(Field, String),
}

#[derive(Clone, Copy)]
pub enum Field {
    Name,
    Type,
    Service,
}

/// The clauses, all of which must hold; `None` where it is not understood.
pub fn parse(expression: &str) -> Option<Vec<Clause>> {
    // A text that holds `&&` would be cut in two; both halves then fail to parse.
    expression.split("&&").map(|part| clause(part.trim())).collect()
}

fn clause(text: &str) -> Option<Clause> {
    if let Some(rest) = text.strip_prefix("request.time") {
        let rest = rest.trim_start();
        let (before, rest) = match rest.strip_prefix('<') {
            Some(rest) => (true, rest),
            None => (false, rest.strip_prefix('>')?),
        };
        let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
        let moment = rest.strip_prefix("timestamp(")?.strip_suffix(')')?;
        let moment = Timestamp::parse(&quoted(moment.trim())?)?;
        return Some(if before { Clause::Before(moment) } else { Clause::After(moment) });
    }
    let fields = [
        ("resource.name", Field::Name),
        ("resource.type", Field::Type),
        ("resource.service", Field::Service),
    ];
    let (rest, field) =
        fields.iter().find_map(|(word, f)| Some((text.strip_prefix(word)?.trim_start(), *f)))?;
    if let Some(rest) = rest.strip_prefix("==") {
        return Some(Clause::Is(field, quoted(rest.trim())?));
    }
    let rest = rest.strip_prefix(".startsWith(")?.strip_suffix(')')?;
    Some(Clause::StartsWith(field, quoted(rest.trim())?))
}

fn quoted(text: &str) -> Option<String> {
    let mark = text.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    let inner = text.strip_prefix(mark)?.strip_suffix(mark)?;
    (!inner.contains([mark, '\\'])).then(|| inner.to_owned())
}

/// Does it hold? What is not understood does not.
pub fn holds(expression: &str, facts: &Facts<'_>) -> bool {
    let of = |field: &Field| match field {
        Field::Name => facts.name,
        Field::Type => facts.kind,
        Field::Service => facts.service,
    };
    parse(expression).is_some_and(|clauses| {
        clauses.iter().all(|clause| match clause {
            Clause::Before(moment) => facts.now <= *moment,
            Clause::After(moment) => facts.now >= *moment,
            Clause::Is(field, text) => of(field) == text,
            Clause::StartsWith(field, text) => of(field).starts_with(text.as_str()),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            now: Timestamp::parse("2026-01-02T03:04:05Z").unwrap(),
            name: "projects/_/buckets/b/objects/logs/a",
            kind: "storage.googleapis.com/Object",
            service: "storage.googleapis.com",
        }
    }

    #[test]
    fn holds_or_does_not() {
        for (text, expected) in [
            ("request.time < timestamp(\"2026-02-01T00:00:00Z\")", true),
            ("request.time < timestamp('2026-01-01T00:00:00Z')", false),
            ("resource.name.startsWith(\"projects/_/buckets/b/objects/logs/\")", true),
            ("resource.type == \"storage.googleapis.com/Bucket\"", false),
            (
                "resource.service == 'storage.googleapis.com' && request.time > timestamp(\"2025-01-01T00:00:00Z\")",
                true,
            ),
            ("true", false),
            ("resource.name.matches(\".*\")", false),
            ("", false),
        ] {
            assert_eq!(holds(text, &facts()), expected, "{text}");
        }
    }
}
