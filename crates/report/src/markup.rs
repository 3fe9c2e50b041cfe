//! Foreign text in Markdown.
//!
//! Names of resources and people are anybody's text. They stand in code spans, where neither
//! Markdown nor HTML nor a mention works; sentences are escaped character by character.

use crate::text::safe;

/// A comment on GitHub holds 65,536 characters; GitLab and Azure DevOps take more.
pub(crate) const COMMENT: usize = 65_536;

/// Appends whole items while they fit; says how many did.
pub(crate) fn push_bounded(text: &mut String, items: &[String], room: usize) -> usize {
    let mut used = 0;
    for (n, item) in items.iter().enumerate() {
        used += item.len();
        if used > room {
            return n;
        }
        text.push_str(item);
    }
    items.len()
}

pub(crate) fn clipped(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(3)).chain("...".chars()).collect()
}

/// A code span that its content cannot leave: fenced by more backticks than it holds.
pub(crate) fn code(text: &str) -> String {
    let text = safe(text);
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    if longest == 0 {
        return format!("`{text}`");
    }
    let fence = "`".repeat(longest + 1);
    format!("{fence} {text} {fence}")
}

/// A code span in a table: there a bar ends the cell, in a span too, unless it is escaped,
/// and an escaped backslash before it would undo that.
pub(crate) fn cell(text: &str) -> String {
    code(&text.replace("\\|", "\u{fffd}|")).replace('|', "\\|")
}

/// A sentence: every character that Markdown or HTML gives a meaning is escaped, and an at
/// sign that would notify somebody is parted from the name behind it.
pub(crate) fn prose(text: &str) -> String {
    let mut out = String::new();
    let mut before = ' ';
    for c in safe(text).chars() {
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '@' if !before.is_alphanumeric() => out += "@\u{2060}",
            '-' if before.is_alphanumeric() => out.push(c),
            '.' | ',' | ' ' | '\'' | '/' | '@' | ';' | '%' | '=' | '?' => out.push(c),
            c if c.is_ascii_punctuation() => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
        before = c;
    }
    // `www.` alone becomes a link.
    out.replace("www.", "www\\.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_span() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
        assert_eq!(cell("a|b\\|c"), "`a\\|b\u{fffd}\\|c`");
        assert_eq!(code("x\n\u{1b}y"), "`x \u{fffd}y`");
    }

    #[test]
    fn sentences_are_only_sentences() {
        assert_eq!(prose("[x](http://e) <img>"), "\\[x\\]\\(http\\://e\\) &lt;img&gt;");
        assert_eq!(prose("ask @octocat, not a@b.c"), "ask @\u{2060}octocat, not a@b.c");
        assert_eq!(prose("--- a-b"), "\\-\\-\\- a-b");
        assert_eq!(prose("# `w`|www.e"), "\\# \\`w\\`\\|www\\.e");
    }
}
