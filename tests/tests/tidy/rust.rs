//! Rust source with what is not program blanked out: comments, and the code of tests.

use crate::house::File;

/// The same text, byte for byte as long, with blanks where comments and test code were.
pub fn program(file: &File) -> String {
    let Blanked { mut code, skeleton } = blank(&file.text);
    let mut from = 0;
    while let Some(at) = skeleton[from..].find("#[cfg(test)]") {
        let start = from + at;
        let end = item_end(&skeleton, start);
        let blanks: String =
            code[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        // Blanking is done by bytes, so that both texts stay in step.
        code.replace_range(start..end, &pad(&blanks, end - start));
        from = end;
    }
    code
}

/// The modules in files of their own that exist for tests only: `#[cfg(test)] mod x;`.
pub fn test_files(files: &[File]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        let skeleton = blank(&file.text).skeleton;
        for (at, _) in skeleton.match_indices("#[cfg(test)]") {
            let item = &skeleton[at + "#[cfg(test)]".len()..item_end(&skeleton, at)];
            let Some(name) = item.trim().strip_prefix("mod ").and_then(|m| m.strip_suffix(';'))
            else {
                continue;
            };
            let folder = match file.path.rsplit_once('/') {
                Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder.to_owned(),
                _ => file.path.trim_end_matches(".rs").to_owned(),
            };
            found.push(format!("{folder}/{}.rs", name.trim()));
            found.push(format!("{folder}/{}/", name.trim()));
        }
    }
    found
}

fn pad(text: &str, bytes: usize) -> String {
    format!("{text}{}", " ".repeat(bytes - text.len()))
}

/// Where the item that follows an attribute ends: after its `;` or its closing brace.
fn item_end(skeleton: &str, start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, byte) in skeleton.bytes().enumerate().skip(start) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return at + 1,
            b'}' => depth -= 1,
            b';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    skeleton.len()
}

struct Blanked {
    /// Without comments.
    code: String,
    /// Without comments and without what stands in quotes.
    skeleton: String,
}

fn blank(text: &str) -> Blanked {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut skeleton = bytes.to_vec();
    let wipe = |out: &mut [u8], from: usize, to: usize| {
        for byte in &mut out[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    };
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text.as_bytes()[at..];
        let end = if rest.starts_with(b"//") {
            let end = at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            wipe(&mut code, at, end);
            end
        } else if rest.starts_with(b"/*") {
            let end = at + block_comment(rest);
            wipe(&mut code, at, end);
            end
        } else if let Some(length) = quoted(rest, at > 0 && is_word(bytes[at - 1])) {
            at + length
        } else {
            at += 1;
            continue;
        };
        wipe(&mut skeleton, at, end);
        at = end;
    }
    let whole = |bytes| String::from_utf8(bytes).expect("whole characters were blanked");
    Blanked { code: whole(code), skeleton: whole(skeleton) }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of a string or character literal that begins here. A quote after a word's
/// letters (`b"..."` is met at its `b`) belongs to the prefix that was already seen.
fn quoted(rest: &[u8], after_word: bool) -> Option<usize> {
    let prefix = rest.iter().take_while(|b| matches!(b, b'b' | b'r' | b'c')).count();
    if prefix > 0 && (after_word || prefix > 2) {
        return None;
    }
    let body = &rest[prefix..];
    let hashes = body.iter().take_while(|b| **b == b'#').count();
    if rest[..prefix].contains(&b'r') && body.get(hashes) == Some(&b'"') {
        let close: Vec<u8> =
            std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
        let inside = &body[hashes + 1..];
        let end = inside.windows(close.len()).position(|w| w == close)?;
        return Some(prefix + hashes + 1 + end + close.len());
    }
    match body.first()? {
        b'"' => Some(prefix + escaped(body, b'"')?),
        // 'x' and '\n' are characters, 'a without a closing quote is a lifetime.
        b'\'' if prefix <= 1 => {
            let inside = std::str::from_utf8(&body[1..]).ok()?;
            let first = inside.chars().next()?;
            if first == '\\' {
                return Some(prefix + escaped(body, b'\'')?);
            }
            let close = 1 + first.len_utf8();
            (body.get(close) == Some(&b'\'')).then_some(prefix + close + 1)
        }
        _ => None,
    }
}

fn escaped(body: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    while at < body.len() {
        match body[at] {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

#[test]
fn comments_and_tests_are_no_program() {
    let text = r####"//! aws
fn a<'x>(q: &'x str) -> char { let s = "// no comment \" {"; /* aws /* in */ it */ '"' }
const R: &str = r#"raw "quote" // kept }"#; // gone
#[cfg(test)]
use gone::Gone;
#[cfg(test)]
mod tests { fn b() { let brace = "}"; let c = '}'; } }
fn after() {}
#[cfg(test)]
mod elsewhere;
"####;
    let file = File { path: "crates/x/src/some.rs".into(), text: text.into() };
    let code = program(&file);
    for kept in ["\"// no comment", "raw \"quote\" // kept", "fn after", "fn a<'x>"] {
        assert!(code.contains(kept), "{kept}: {code}");
    }
    for gone in ["aws", "gone", "Gone", "brace", "elsewhere", "in */"] {
        assert!(!code.contains(gone), "{gone}: {code}");
    }
    assert_eq!(code.len(), text.len());
    assert_eq!(
        test_files(&[file]),
        ["crates/x/src/some/elsewhere.rs", "crates/x/src/some/elsewhere/"]
    );
}
