//! What of a line of Markdown is not code.

/// The line without its code spans, by CommonMark's rule: a span ends at the first run of
/// backticks that is as long as the one that opened it.
pub fn without_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        let escaped = rest[..at].ends_with('\\');
        out += &rest[..at];
        rest = &rest[at..];
        let fence = rest.len() - rest.trim_start_matches('`').len();
        if escaped {
            rest = &rest[fence..];
            continue;
        }
        let body = &rest[fence..];
        let mut from = 0;
        rest = loop {
            let Some(at) = body[from..].find('`').map(|i| from + i) else { break body };
            let run = body[at..].len() - body[at..].trim_start_matches('`').len();
            if run == fence {
                break &body[at + run..];
            }
            from = at + run;
        };
    }
    out + rest
}
