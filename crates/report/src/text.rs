//! Foreign text made harmless, and how many columns it takes.

use unicode_width::UnicodeWidthChar;

/// Stands for a character that must not reach a terminal.
pub const STRIPPED: char = '\u{fffd}';

/// A name from a state, a log or a cloud is anybody's text. Control characters would move
/// the cursor or recolour the screen, direction marks would reorder what is read
/// (CVE-2021-42574); each becomes one visible mark. White space becomes a blank.
pub fn safe(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => ' ',
            c if is_hostile(c) => STRIPPED,
            c => c,
        })
        .collect()
}

/// Control characters of both sets, and the marks that change direction or hide.
pub fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

/// Columns on a screen: two for a wide character, none for a combining one.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// `4f0c..e1`: the ends of an id, enough to recognise it by. A short one stays whole.
pub fn elide(id: &str, head: usize, tail: usize) -> String {
    let chars: Vec<char> = id.chars().collect();
    if chars.len() <= head + tail + 4 {
        return id.to_owned();
    }
    let start: String = chars[..head].iter().collect();
    let end: String = chars[chars.len() - tail..].iter().collect();
    format!("{start}..{end}")
}

/// 1234567 as `1,234,567`.
pub fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 resource`, `17 resources`.
pub fn count(n: usize, one: &str) -> String {
    let end = if n == 1 { "" } else { "s" };
    format!("{} {one}{end}", thousands(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_is_visible_and_harmless() {
        assert_eq!(safe("a\u{1b}[31mb\nc\u{9b}\u{202e}"), "a\u{fffd}[31mb c\u{fffd}\u{fffd}");
    }

    #[test]
    fn ids_keep_their_ends() {
        assert_eq!(elide("4f0c1234567890e1", 4, 2), "4f0c..e1");
        assert_eq!(elide("4f0c12e1", 4, 2), "4f0c12e1");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(count(1, "state"), "1 state");
    }
}
