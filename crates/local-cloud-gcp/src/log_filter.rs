//! The part of the Logging query language that audit-log readers use: comparisons joined by
//! AND, OR, NOT and parentheses. What it does not understand is refused, never ignored.

use crate::error::ApiError;
use model::Timestamp;
use serde_json::Value;

const DEEPEST: usize = 32;
const LONGEST: usize = 20_000;

#[derive(Debug, PartialEq)]
pub enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Compare {
        path: Vec<String>,
        op: Op,
        value: String,
    },
    /// A bare word: some text of the entry holds it.
    Anywhere(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Has,
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Op(Op),
    Open,
    Close,
}

impl Filter {
    pub fn parse(text: &str) -> Result<Filter, ApiError> {
        if text.len() > LONGEST {
            return Err(ApiError::invalid("Filter must not be longer than 20000 characters"));
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
        let filter = if tokens.is_empty() { Filter::All(Vec::new()) } else { parser.any()? };
        if parser.at < tokens.len() {
            return Err(unparseable(text));
        }
        Ok(filter)
    }

    pub fn matches(&self, entry: &Value) -> bool {
        match self {
            Filter::All(parts) => parts.iter().all(|p| p.matches(entry)),
            Filter::Any(parts) => parts.iter().any(|p| p.matches(entry)),
            Filter::Not(part) => !part.matches(entry),
            Filter::Anywhere(word) => anywhere(entry, &word.to_lowercase()),
            Filter::Compare { path, op, value } => {
                let mut found = Vec::new();
                find(entry, path, &mut found);
                match op {
                    Op::NotEqual => !found.iter().any(|f| compare(f, Op::Equal, value)),
                    // A field that is there at all: `field:*`
                    Op::Has if value == "*" => !found.is_empty(),
                    _ => found.iter().any(|f| compare(f, *op, value)),
                }
            }
        }
    }
}

fn unparseable(text: &str) -> ApiError {
    ApiError::invalid(format!("Unparseable filter: {text}"))
}

fn tokens(text: &str) -> Result<Vec<Token>, ApiError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, length) = match c {
            c if c.is_whitespace() => {
                rest = &rest[c.len_utf8()..];
                continue;
            }
            '-' if rest[1..].starts_with('-') => {
                rest = rest.find('\n').map_or("", |end| &rest[end..]);
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '=' if rest[1..].starts_with('~') => return Err(unparseable(text)),
            '=' => (Token::Op(Op::Equal), 1),
            ':' => (Token::Op(Op::Has), 1),
            '!' if rest[1..].starts_with('=') => (Token::Op(Op::NotEqual), 2),
            '<' if rest[1..].starts_with('=') => (Token::Op(Op::LessOrEqual), 2),
            '<' => (Token::Op(Op::Less), 1),
            '>' if rest[1..].starts_with('=') => (Token::Op(Op::GreaterOrEqual), 2),
            '>' => (Token::Op(Op::Greater), 1),
            '"' => quoted(rest).ok_or_else(|| unparseable(text))?,
            '!' | '~' => return Err(unparseable(text)),
            _ => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || "()=:<>!\"".contains(c))
                    .unwrap_or(rest.len());
                // A part of a path may be quoted: `labels."a/b"=x`
                let mut word = rest[..end].to_owned();
                let mut length = end;
                while word.ends_with('.') && rest[length..].starts_with('"') {
                    let Some((Token::Quoted(part), more)) = quoted(&rest[length..]) else {
                        return Err(unparseable(text));
                    };
                    word.push_str(&part.replace('.', "\u{1}"));
                    length += more;
                    let tail = rest[length..]
                        .find(|c: char| c.is_whitespace() || "()=:<>!\"".contains(c))
                        .unwrap_or(rest.len() - length);
                    word.push_str(&rest[length..length + tail]);
                    length += tail;
                }
                (Token::Word(word), length)
            }
        };
        tokens.push(token);
        rest = &rest[length..];
    }
    Ok(tokens)
}

/// A quoted text at the start, and how long it is.
fn quoted(text: &str) -> Option<(Token, usize)> {
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => {
                value.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            '"' => return Some((Token::Quoted(value), at + 1)),
            c => value.push(c),
        }
    }
    None
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn word(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(w)) if w == word);
        self.at += usize::from(is);
        is
    }

    fn bad<T>(&self) -> Result<T, ApiError> {
        Err(unparseable(&format!("{:?}", self.peek())))
    }

    /// OR binds tighter than AND in this language.
    fn any(&mut self) -> Result<Filter, ApiError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return self.bad();
        }
        let mut parts = vec![self.or()?];
        loop {
            let and = self.word("AND");
            match self.peek() {
                None | Some(Token::Close) if !and => break,
                None | Some(Token::Close) => return self.bad(),
                // Standing side by side means AND.
                Some(_) => parts.push(self.or()?),
            }
        }
        self.depth -= 1;
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::All(parts) })
    }

    fn or(&mut self) -> Result<Filter, ApiError> {
        let mut parts = vec![self.term()?];
        while self.word("OR") {
            parts.push(self.term()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Filter::Any(parts) })
    }

    fn term(&mut self) -> Result<Filter, ApiError> {
        if self.word("NOT") {
            self.depth += 1;
            if self.depth > DEEPEST {
                return self.bad();
            }
            let inner = self.term()?;
            self.depth -= 1;
            return Ok(Filter::Not(Box::new(inner)));
        }
        let token = self.peek().cloned();
        match token {
            Some(Token::Open) => {
                self.at += 1;
                let inner = self.any()?;
                if self.peek() != Some(&Token::Close) {
                    return self.bad();
                }
                self.at += 1;
                Ok(inner)
            }
            Some(Token::Quoted(word)) => {
                self.at += 1;
                Ok(Filter::Anywhere(word))
            }
            Some(Token::Word(word)) => {
                if matches!(word.as_str(), "AND" | "OR") || word.starts_with('-') {
                    return self.bad();
                }
                self.at += 1;
                match self.peek().cloned() {
                    Some(Token::Op(op)) => {
                        self.at += 1;
                        self.values(&path_of(&word), op)
                    }
                    _ => Ok(Filter::Anywhere(word)),
                }
            }
            _ => self.bad(),
        }
    }

    /// `x = a`, or `x = (a OR b)`.
    fn values(&mut self, path: &[String], op: Op) -> Result<Filter, ApiError> {
        match self.peek().cloned() {
            Some(Token::Word(value) | Token::Quoted(value)) => {
                self.at += 1;
                Ok(Filter::Compare { path: path.to_vec(), op, value })
            }
            Some(Token::Open) => {
                self.at += 1;
                self.depth += 1;
                if self.depth > DEEPEST {
                    return self.bad();
                }
                let mut parts = vec![self.values(path, op)?];
                let mut all = false;
                loop {
                    if self.word("OR") {
                        parts.push(self.values(path, op)?);
                    } else if self.word("AND") {
                        all = true;
                        parts.push(self.values(path, op)?);
                    } else {
                        break;
                    }
                }
                if self.peek() != Some(&Token::Close) {
                    return self.bad();
                }
                self.at += 1;
                self.depth -= 1;
                Ok(if all { Filter::All(parts) } else { Filter::Any(parts) })
            }
            _ => self.bad(),
        }
    }
}

fn path_of(word: &str) -> Vec<String> {
    word.split('.').map(|part| part.replace('\u{1}', ".")).collect()
}

fn find<'v>(value: &'v Value, path: &[String], found: &mut Vec<&'v Value>) {
    match (value, path) {
        (Value::Array(items), _) => items.iter().for_each(|item| find(item, path, found)),
        (Value::Null, _) => {}
        (value, []) => found.push(value),
        (Value::Object(map), [first, rest @ ..]) => {
            if let Some(inner) = map.get(first) {
                find(inner, rest, found);
            }
        }
        _ => {}
    }
}

const SEVERITIES: [&str; 9] =
    ["DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY"];

fn compare(found: &Value, op: Op, value: &str) -> bool {
    let text = match found {
        Value::String(s) => s.clone(),
        Value::Object(_) => return op == Op::Has && anywhere(found, &value.to_lowercase()),
        other => other.to_string(),
    };
    if op == Op::Has {
        return text.to_lowercase().contains(&value.to_lowercase());
    }
    let order = order(&text, value);
    match op {
        Op::Equal => order.is_eq(),
        Op::Less => order.is_lt(),
        Op::LessOrEqual => order.is_le(),
        Op::Greater => order.is_gt(),
        Op::GreaterOrEqual => order.is_ge(),
        Op::NotEqual | Op::Has => false,
    }
}

/// Times as times, numbers as numbers, severities by their rank, else text without case.
fn order(a: &str, b: &str) -> std::cmp::Ordering {
    if let (Some(a), Some(b)) = (time(a), time(b)) {
        return a.cmp(&b);
    }
    if let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>()) {
        return a.total_cmp(&b);
    }
    let rank = |text: &str| SEVERITIES.iter().position(|s| *s == text);
    if let (Some(a), Some(b)) = (rank(a), rank(b)) {
        return a.cmp(&b);
    }
    a.to_lowercase().cmp(&b.to_lowercase())
}

/// A moment, or a date alone.
fn time(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text)
        .or_else(|| (text.len() == 10).then(|| Timestamp::parse(&format!("{text}T00:00:00Z")))?)
}

fn anywhere(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.to_lowercase().contains(word),
        Value::Array(items) => items.iter().any(|v| anywhere(v, word)),
        Value::Object(map) => map.values().any(|v| anywhere(v, word)),
        Value::Bool(value) => word == if *value { "true" } else { "false" },
        Value::Number(number) => number.to_string().eq(word),
        Value::Null => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_what_is_asked_for() {
        let entry = json!({
            "logName": "projects/p/logs/cloudaudit.googleapis.com%2Factivity",
            "timestamp": "2026-01-02T10:20:30.123456789Z",
            "severity": "NOTICE",
            "resource": {"type": "gcs_bucket", "labels": {"bucket_name": "b-1", "a.b": "x"}},
            "protoPayload": {"methodName": "storage.setIamPermissions",
                "authorizationInfo": [{"permission": "p1"}, {"permission": "p2"}]}
        });
        for (text, expected) in [
            ("", true),
            ("logName=\"projects/p/logs/cloudaudit.googleapis.com%2Factivity\"", true),
            ("logName:\"cloudaudit\" AND severity>=NOTICE", true),
            ("severity>NOTICE", false),
            ("timestamp>=\"2026-01-02T10:20:30Z\" timestamp<\"2026-01-02T10:20:31Z\"", true),
            ("timestamp>\"2026-01-03\"", false),
            ("resource.type=gcs_bucket AND resource.labels.bucket_name=(b-1 OR b-2)", true),
            ("resource.labels.\"a.b\"=x", true),
            ("protoPayload.authorizationInfo.permission=\"p2\"", true),
            ("protoPayload.methodName!=\"storage.setIamPermissions\"", false),
            ("NOT resource.type=gce_network", true),
            ("resource.type=a OR resource.type=gcs_bucket AND severity=NOTICE", true),
            ("(resource.type=a AND severity=NOTICE) OR protoPayload.methodName:setiam", true),
            ("protoPayload.nothing:*", false),
            ("protoPayload.methodName:*", true),
            ("\"setIamPermissions\"", true),
            ("-- a comment\nseverity=NOTICE", true),
        ] {
            assert_eq!(Filter::parse(text).unwrap().matches(&entry), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["a=", "(a=b", "a=b)", "AND", "a =~ \"x\"", "a=\"x", "a=b AND", "!", "NOT"] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
        let deep = format!("{}a=b{}", "(".repeat(500), ")".repeat(500));
        assert!(Filter::parse(&deep).is_err());
        assert!(Filter::parse(&"NOT ".repeat(500)).is_err());
    }
}
