//! Patterns: wildcards and variables as tokens.
//!
//! A variable's value goes into a pattern as characters, never as tokens, so that a user who is
//! called `*` does not get everybody's folder.

use crate::context::Context;

/// A piece of a pattern after its variables have got their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Char(char),
    /// `?`
    AnyOne,
    /// `*`; in the first five segments of a resource ARN one that stands inside its segment
    /// cannot cross a colon
    AnyRun,
    AnyRunInSegment,
    AnyOneInSegment,
}

impl Token {
    fn accepts(self, c: char, fold: bool) -> bool {
        match self {
            Token::Char(own) if fold => own.eq_ignore_ascii_case(&c),
            Token::Char(own) => own == c,
            Token::AnyOne | Token::AnyRun => true,
            Token::AnyOneInSegment | Token::AnyRunInSegment => c != ':',
        }
    }

    fn is_run(self) -> bool {
        matches!(self, Token::AnyRun | Token::AnyRunInSegment)
    }
}

/// Where the values of variables come from; without one `${` is ordinary text (2008-10-17, and
/// operators that know no variables).
pub(crate) type Variables<'a> = Option<&'a Context>;

/// Reads a pattern and puts values in; `None` when a variable has neither value nor default.
pub(crate) fn bind(text: &str, variables: Variables<'_>) -> Option<Vec<Token>> {
    let mut tokens = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let (Some(context), Some((name, after))) = (variables, variable(rest)) {
            tokens.extend(value(name, context)?.chars().map(Token::Char));
            rest = after;
            continue;
        }
        tokens.push(match c {
            '*' => Token::AnyRun,
            '?' => Token::AnyOne,
            other => Token::Char(other),
        });
        rest = &rest[c.len_utf8()..];
    }
    Some(tokens)
}

/// Reads a text in which wildcards mean nothing (`StringEquals`); variables as in [`bind`].
pub(crate) fn bind_literal(text: &str, variables: Variables<'_>) -> Option<String> {
    let Some(context) = variables else { return Some(text.to_owned()) };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        match variable(rest) {
            Some((name, after)) => {
                out.push_str(&value(name, context)?);
                rest = after;
            }
            None => {
                out.push_str("${");
                rest = &rest[2..];
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Whether the text would read differently under the older language version.
pub(crate) fn has_variables(text: &str) -> bool {
    text.match_indices("${").any(|(at, _)| variable(&text[at..]).is_some())
}

/// Splits `${name}rest` at its closing brace.
fn variable(text: &str) -> Option<(&str, &str)> {
    text.strip_prefix("${")?.split_once('}')
}

/// The value of a variable: `${*}`, `${?}` and `${$}` are those characters themselves,
/// `${key, 'default'}` falls back on the text in quotes. A key with several values has none here.
fn value(name: &str, context: &Context) -> Option<String> {
    if let "*" | "?" | "$" = name {
        return Some(name.to_owned());
    }
    let (key, default) = match name.split_once(',') {
        Some((key, quoted)) => {
            let quoted = quoted.trim();
            (key, quoted.strip_prefix('\'').and_then(|q| q.strip_suffix('\'')))
        }
        None => (name, None),
    };
    context.single(key.trim()).or(default).map(str::to_owned)
}

/// Whether the whole text matches.
pub(crate) fn matches(tokens: &[Token], text: &str) -> bool {
    run(tokens, text, false)
}

/// Whether the whole text matches without regard to case.
pub(crate) fn matches_folded(tokens: &[Token], text: &str) -> bool {
    run(tokens, text, true)
}

/// Walks the text once with the set of positions that the pattern may have come to: pattern length
/// times text length, whatever the pattern. (The usual matcher that goes back to the last `*` would
/// be wrong for one that must stay in its segment.)
fn run(tokens: &[Token], text: &str, fold: bool) -> bool {
    // `reach[i]`: the first i tokens can match what has been read so far.
    let mut reach = vec![false; tokens.len() + 1];
    reach[0] = true;
    close(&mut reach, tokens);
    for c in text.chars() {
        let mut next = vec![false; tokens.len() + 1];
        for (i, token) in tokens.iter().enumerate() {
            if reach[i] && token.accepts(c, fold) {
                next[if token.is_run() { i } else { i + 1 }] = true;
            }
        }
        close(&mut next, tokens);
        reach = next;
    }
    reach[tokens.len()]
}

/// A run may be empty.
fn close(reach: &mut [bool], tokens: &[Token]) {
    for (i, token) in tokens.iter().enumerate() {
        if reach[i] && token.is_run() {
            reach[i + 1] = true;
        }
    }
}

/// A `Resource` pattern. The guide: wildcards stay within a segment of the ARN, except that a
/// `*` which ends its segment may go on beyond the colon; the last part is free.
pub(crate) fn matches_resource(
    pattern: &str,
    text: &str,
    variables: Variables<'_>,
) -> Option<bool> {
    let mut tokens = bind(pattern, variables)?;
    let mut colons = 0;
    for i in 0..tokens.len() {
        let ends_segment = matches!(tokens.get(i + 1), None | Some(Token::Char(':')));
        tokens[i] = match tokens[i] {
            Token::AnyRun if colons < 5 && !ends_segment => Token::AnyRunInSegment,
            Token::AnyOne if colons < 5 => Token::AnyOneInSegment,
            other => other,
        };
        if tokens[i] == Token::Char(':') {
            colons += 1;
        }
    }
    Some(matches(&tokens, text))
}

/// An ARN condition: each of the six parts is compared by itself.
pub(crate) fn matches_arn(tokens: &[Token], text: &str) -> bool {
    let parts: Vec<&[Token]> = tokens.splitn(6, |token| *token == Token::Char(':')).collect();
    let texts: Vec<&str> = text.splitn(6, ':').collect();
    parts.len() == texts.len() && parts.iter().zip(texts).all(|(part, text)| matches(part, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        [("aws:username", "*"), ("aws:PrincipalTag/team", "red")].into_iter().collect()
    }

    fn resource(pattern: &str, text: &str) -> Option<bool> {
        matches_resource(pattern, text, Some(&context()))
    }

    #[test]
    fn a_value_is_never_a_wildcard() {
        assert_eq!(resource("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/bob"), Some(false));
        assert_eq!(resource("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/*"), Some(true));
    }

    #[test]
    fn a_variable_without_value_makes_no_pattern() {
        assert_eq!(resource("arn:aws:s3:::b/${aws:userid}", "arn:aws:s3:::b/"), None);
        assert_eq!(resource("arn:aws:s3:::b/${aws:userid, 'x'}", "arn:aws:s3:::b/x"), Some(true));
    }

    #[test]
    fn an_unclosed_variable_is_text() {
        assert_eq!(resource("b/${aws:username", "b/${aws:username"), Some(true));
        assert_eq!(bind_literal("a${b", Some(&context())).as_deref(), Some("a${b"));
    }

    #[test]
    fn a_star_inside_a_segment_stays_there() {
        let arn = "arn:aws:sns:us-east-1:111122223333:topic";
        assert_eq!(resource("arn:aws:s*s:us-east-1:111122223333:topic", arn), Some(true));
        assert_eq!(resource("arn:aws:s*3:topic", arn), Some(false));
        assert_eq!(resource("arn:aws:sns:*", arn), Some(true));
        assert_eq!(resource("arn:aws:sns:*:topic", arn), Some(true));
        assert_eq!(resource("arn:aws:sns:us-east-1?111122223333:topic", arn), Some(false));
    }

    #[test]
    fn many_stars_end_soon() {
        let pattern = "*a".repeat(200);
        let text = "a".repeat(199);
        assert_eq!(resource(&pattern, &text), Some(false));
    }
}
