//! Comma-separated text: how CloudTrail Lake saves the results of a query into a bucket.
//!
//! Cells may be in quotation marks, two of which inside stand for one, and may then hold
//! commas and line ends (RFC 4180).

/// A row: the line that it begins on, its text, its cells.
pub(crate) struct Row<'t> {
    pub line: usize,
    pub text: &'t str,
    /// None where a quotation mark is never closed, or text follows a closing one.
    pub cells: Option<Vec<String>>,
}

/// The rows of a text that are not empty, one after the other.
pub(crate) fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    let (mut at, mut line) = (0, 1);
    std::iter::from_fn(move || {
        while at < text.len() {
            let (begins, first) = (at, line);
            let end = end_of_row(&text[at..]);
            let row = text[at..at + end].trim_end_matches('\r');
            line += text[at..at + end].matches('\n').count() + 1;
            at += end + 1;
            if !row.trim().is_empty() {
                let text = &text[begins..begins + row.len()];
                return Some(Row { line: first, text, cells: cells(row) });
            }
        }
        None
    })
}

/// Where the line ends that is in no quotation marks. A row whose mark is never closed ends
/// with its line: it must not take all that follows with it.
fn end_of_row(text: &str) -> usize {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => return at,
            _ => {}
        }
    }
    if quoted { text.find('\n').unwrap_or(text.len()) } else { text.len() }
}

fn cells(row: &str) -> Option<Vec<String>> {
    let (mut cells, mut rest) = (Vec::new(), row);
    loop {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(inside) => {
                let (mut cell, mut inside) = (String::new(), inside);
                loop {
                    let (part, after) = inside.split_once('"')?;
                    cell.push_str(part);
                    match after.strip_prefix('"') {
                        Some(more) => {
                            cell.push('"');
                            inside = more;
                        }
                        None => break (cell, after),
                    }
                }
            }
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        cells.push(cell);
        match after.strip_prefix(',') {
            Some(more) => rest = more,
            None if after.is_empty() => return Some(cells),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_cells() {
        let text = "a,b\r\n\"1,\"\"x\"\"\n2\",\n\n\"open,3\n4,5";
        let all: Vec<(usize, Option<Vec<String>>)> =
            rows(text).map(|r| (r.line, r.cells)).collect();
        let row = |cells: &[&str]| Some(cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            all,
            [
                (1, row(&["a", "b"])),
                (2, row(&["1,\"x\"\n2", ""])),
                (5, None),
                (6, row(&["4", "5"])),
            ]
        );
        assert!(rows("\"a\"b,c").next().is_some_and(|r| r.cells.is_none()));
        assert_eq!(rows("").count() + rows("\n\n").count(), 0);
    }
}
