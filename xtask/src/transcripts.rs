//! `cargo xtask transcripts`: what a newcomer sees first, run and written down:
//! docs/first-screen.txt (80 columns, no colour), docs/first-screen.svg (the same in colour)
//! and the block of README.md that shows it; and the scenes of the guides, each in a block of
//! its page.
//!
//! With `--check` everything is run again and compared by its shape: times and durations are
//! those of the run, everything else has to be as it is written.

mod scenes;

use super::lab;
use std::sync::atomic::{AtomicUsize, Ordering};

const TEXT: &str = "docs/first-screen.txt";
const PICTURE: &str = "docs/first-screen.svg";
const COMMAND: &str = "cargo run -p lab -- run drift-check";
/// README.md shows the text between these two lines.
const BEGIN: &str = "<!-- docs/first-screen.txt, written by cargo xtask transcripts -->";
const END: &str = "<!-- end of docs/first-screen.txt -->";

pub fn run(arguments: &[String]) -> Result<String, String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("takes nothing or --check".into()),
    };
    let coloured = first_screen()?;
    let plain = without_colour(&coloured);
    narrow(&plain)?;
    let scenes = scenes::all()?;
    for scene in &scenes {
        narrow(&scene.text)?;
    }
    let readme = read("README.md")?;
    if check {
        let written = read(TEXT)?;
        let (was, is) = (shape(&written), shape(&plain));
        if was != is {
            return Err(format!("{TEXT} is stale: {}", lab::first_difference(&was, &is)));
        }
        if embed(&readme, &written)? != readme {
            return Err(format!("README.md does not show {TEXT}"));
        }
        let picture = read(PICTURE)?;
        if !picture.starts_with("<svg") {
            return Err(format!("{PICTURE} is no picture"));
        }
        for scene in &scenes {
            let (begin, end) = markers(scene.name);
            let page = read(scene.page)?;
            let written = block(&page, &begin, &end).ok_or_else(|| missing(scene))?;
            let (was, is) = (words(written), words(&format!("\n```text\n{}```\n", scene.text)));
            if was != is {
                let place = format!("{}, {:?}", scene.page, scene.name);
                return Err(format!("{place} is stale: {}", lab::first_difference(&was, &is)));
            }
        }
        return Ok(format!(
            "{TEXT} and {} scenes have the shape of what the program prints",
            scenes.len()
        ));
    }
    lab::page(TEXT, &plain, false)?;
    lab::page(PICTURE, &report::svg::svg(&coloured, "Cloud Security Lab"), false)?;
    lab::page("README.md", &embed(&readme, &plain)?, false)?;
    for scene in &scenes {
        let (begin, end) = markers(scene.name);
        let page = embed_between(&read(scene.page)?, &scene.text, &begin, &end)
            .ok_or_else(|| missing(scene))?;
        lab::page(scene.page, &page, false)?;
    }
    Ok(format!(
        "{TEXT}, {PICTURE}, README.md: {} lines, and {} scenes",
        plain.lines().count(),
        scenes.len()
    ))
}

fn narrow(text: &str) -> Result<(), String> {
    match text.lines().find(|line| line.chars().count() > 80) {
        Some(line) => Err(format!("a line is wider than 80 columns: {line:?}")),
        None => Ok(()),
    }
}

/// A page shows a scene between these two lines.
fn markers(name: &str) -> (String, String) {
    (
        format!("<!-- {name}, written by cargo xtask transcripts -->"),
        format!("<!-- end of {name} -->"),
    )
}

fn missing(scene: &scenes::Shown) -> String {
    let (begin, end) = markers(scene.name);
    format!("{} has no block from {begin:?} to {end:?}", scene.page)
}

fn block<'p>(page: &'p str, begin: &str, end: &str) -> Option<&'p str> {
    Some(page.split_once(begin)?.1.split_once(end)?.0)
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(super::root().join(path)).map_err(|e| format!("{path}: {e}"))
}

/// The first command of README.md in a folder of its own, with colour.
fn first_screen() -> Result<String, String> {
    let folder = Fresh::new()?;
    let out = lab::run(&["run", "drift-check", "--color", "always"], &folder.path)?;
    if out.status.code() != Some(2) {
        return Err(format!(
            "the first screen ended with {}, not with 2: {}",
            out.status,
            String::from_utf8_lossy(&out.stderr)
        ));
    }
    let (people, report) = (lab::text(&out.stderr)?, lab::text(&out.stdout)?);
    let people = match people.trim_end() {
        "" => String::new(),
        lines => format!("{lines}\n\n"),
    };
    Ok(format!("$ {COMMAND}\n{people}{}\n", report.trim_matches('\n')))
}

/// A folder that goes away with the value.
struct Fresh {
    path: std::path::PathBuf,
}

impl Fresh {
    fn new() -> Result<Self, String> {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("lab-transcript-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(Fresh { path })
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let after = part.strip_prefix('[').and_then(|p| {
            let end = p.find(|c: char| c.is_ascii_alphabetic())?;
            p.get(end + 1..)
        });
        plain += after.unwrap_or(part);
    }
    plain
}

/// README.md with the block replaced.
fn embed(readme: &str, text: &str) -> Result<String, String> {
    embed_between(readme, text, BEGIN, END)
        .ok_or_else(|| format!("README.md has no block from {BEGIN:?} to {END:?}"))
}

fn embed_between(page: &str, text: &str, begin: &str, end: &str) -> Option<String> {
    let (before, rest) = page.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n```text\n{text}```\n{end}{after}"))
}

/// The text with what differs from run to run made alike: clock times, dates, durations, ids
/// of records, and the blanks that their lengths leave.
fn shape(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let mut words: Vec<String> = Vec::new();
        for word in line.split_whitespace() {
            let digits = word.chars().any(|c| c.is_ascii_digit());
            let number = words.last().is_some_and(|w| w == "N");
            if words.last().is_some_and(|w| w == "event") {
                // Some clouds make the id of a record out of its time.
                words.push("ID".to_owned());
            } else if number && UNITS.contains(&word.trim_end_matches([',', ')', '.'])) {
                words.pop();
                words.push("DURATION".to_owned());
            } else if digits && word.chars().all(|c| c.is_ascii_digit() || ".:-TZ".contains(c)) {
                let time = word.contains(':') || word.matches('-').count() == 2;
                words.push(if time { "TIME" } else { "N" }.to_owned());
            } else {
                words.push(word.to_owned());
            }
        }
        lines.push(words.join(" "));
    }
    lines.join("\n")
}

/// The shape of a scene, a word a line: besides what differs from run to run, it also depends
/// on who runs it, and with the length of a name lines break elsewhere.
fn words(text: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    let shape = shape(text);
    for word in shape.split_whitespace() {
        let bare = word.trim_end_matches(['.', ',']);
        let hex = |t: &str| t.len() >= 8 && t.chars().all(|c| c.is_ascii_hexdigit());
        let after = words.last().copied();
        let counted = bare.split_once(':').is_some_and(|(n, h)| n.parse::<u64>().is_ok() && hex(h));
        words.push(match after {
            // Of digits only, it was taken for a number or a time.
            Some("head") if hex(bare) || bare == "N" => "HASH",
            Some("--head") if counted || bare == "TIME" => "HEAD",
            Some("by") => "WHO",
            _ if bare.contains(':')
                && bare.chars().all(|c| c.is_ascii_digit() || ":.-TZ".contains(c)) =>
            {
                "TIME"
            }
            _ => word,
        });
    }
    words.join("\n")
}

const UNITS: &[&str] =
    &["ms", "s", "seconds", "min", "minutes", "minute", "h", "hours", "hour", "days", "day"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_text_stays() {
        assert_eq!(without_colour("\u{1b}[1m\u{1b}[31mHIGH\u{1b}[0m x"), "HIGH x");
    }

    #[test]
    fn a_shape_ignores_times_and_nothing_else() {
        let a = "report · 17 resources · 0.3 s\n  by maya at 14:02:11 UTC · event t3..9Z";
        let b = "report · 17 resources · 1 s\n  by maya at   9:12:01 UTC · event t3..0Z";
        assert_eq!(shape(a), shape(b));
        assert_ne!(shape(a), shape(&b.replace("maya", "li")));
        assert_ne!(shape(a), shape("report · 17 resources · 0.3 s"));
    }

    #[test]
    fn a_scene_is_the_same_whoever_runs_it() {
        let a = "1  03:46:21  planned  b3f70c92 by root\nLedger: 3 entries, head 52e16d15.";
        let b =
            "1  14:00:01  planned  b3f70c92\n    by maya.chen\nLedger: 4 entries, head 0a1b2c3d.";
        assert_eq!(words(a), words(b));
        assert_ne!(words(a), words(&b.replace("b3f70c92", "0b0b0b0b")));
        assert_eq!(words("verify --head 20:4f0c9a21"), words("verify --head 5:00000000"));
        assert_ne!(words("verify --head 20:4f0c9a21"), words("verify --head x"));
    }

    #[test]
    fn the_block_of_the_readme_is_replaced() {
        let readme = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = embed(&readme, "new\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\n```text\nnew\n```\n{END}\nb\n"));
        assert!(embed("no markers", "x").is_err());
    }
}
