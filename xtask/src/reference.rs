//! `cargo xtask reference`: docs/reference/commands.md and exit-codes.md, out of what
//! `lab --help` says, and kinds.md out of the facts of the kinds, so that page and program
//! cannot differ. `--check` compares.

mod kinds;

use super::lab;

const MADE: &str = "<!-- written by cargo xtask reference -->";

pub fn run(arguments: &[String]) -> Result<String, String> {
    let check = match arguments {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => return Err("takes nothing or --check".into()),
    };
    lab::page("docs/reference/kinds.md", &kinds::page(&super::root(), MADE)?, check)?;
    let mut commands = format!("# Commands\n\n{MADE}\n");
    let mut seen = 0;
    describe(&mut Vec::new(), &mut commands, &mut seen)?;
    lab::page("docs/reference/commands.md", &commands, check)?;
    lab::page("docs/reference/exit-codes.md", &exit_codes(&help(&[])?)?, check)?;
    Ok(format!("docs/reference: {seen} commands{}", if check { ", as generated" } else { "" }))
}

fn help(command: &[String]) -> Result<String, String> {
    let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
    arguments.push("--help");
    let out = lab::run(&arguments, &super::root())?;
    if !out.status.success() {
        return Err(format!("lab {} ended with {}", arguments.join(" "), out.status));
    }
    let text = lab::text(&out.stdout)?;
    Ok(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n"))
}

/// One command and those below it.
fn describe(command: &mut Vec<String>, page: &mut String, seen: &mut usize) -> Result<(), String> {
    let text = help(command)?;
    *seen += 1;
    let name = std::iter::once("lab").chain(command.iter().map(String::as_str));
    let name = name.collect::<Vec<_>>().join(" ");
    // The global options stand with `lab` itself.
    let shown = match command.is_empty() {
        true => text.trim().to_owned(),
        false => without_section(&text, "Global options:").trim().to_owned(),
    };
    *page += &format!("\n## {name}\n\n```text\n{shown}\n```\n");
    for below in subcommands(&text) {
        command.push(below);
        describe(command, page, seen)?;
        command.pop();
    }
    Ok(())
}

/// A section is a line that ends with a colon at the margin, and what is indented below it.
fn section<'a>(help: &'a str, title: &str) -> Vec<&'a str> {
    let lines = help.lines().skip_while(|line| *line != title).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' ')).collect()
}

fn without_section(help: &str, title: &str) -> String {
    let mut kept = Vec::new();
    let mut inside = false;
    for line in help.lines() {
        if line == title {
            inside = true;
        } else if inside && !line.is_empty() && !line.starts_with(' ') {
            inside = false;
        }
        if !inside {
            kept.push(line);
        }
    }
    kept.join("\n")
}

fn subcommands(help: &str) -> Vec<String> {
    let rows = section(help, "Commands:").into_iter().filter_map(|line| {
        let name = line.strip_prefix("  ")?.split("  ").next()?;
        (!name.is_empty() && !name.starts_with(' ')).then(|| name.trim().to_owned())
    });
    rows.filter(|name| name != "help").collect()
}

fn exit_codes(help: &str) -> Result<String, String> {
    let mut rows: Vec<(String, String)> = Vec::new();
    for line in section(help, "Exit codes:") {
        let text = line.trim();
        match text.split_once("  ") {
            Some((code, meaning)) if code.parse::<u8>().is_ok() => {
                rows.push((code.to_owned(), meaning.trim().to_owned()));
            }
            _ if text.is_empty() => {}
            _ => match rows.last_mut() {
                Some((_, meaning)) => *meaning += &format!(" {text}"),
                None => return Err(format!("lab --help: {text:?} is no exit code")),
            },
        }
    }
    if rows.is_empty() {
        return Err("lab --help names no exit codes".into());
    }
    let mut page = format!("# Exit codes\n\n{MADE}\n\n| code | meaning |\n| --- | --- |\n");
    for (code, meaning) in rows {
        page += &format!("| {code} | {meaning} |\n");
    }
    page += "\n`--exit-zero` turns 2 and 3 into 0 for advisory runs. A closed pipe is a quiet end.\n\
             Usage errors are 64 and not the 2 of many argument parsers, because 2 is *findings*.\n";
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELP: &str = "Does.\n\nUsage: lab\n\nCommands:\n  run      Run an exercise\n  \
        show     Tell\n           more\n\nGlobal options:\n      --data <DIR>  x\n\n\
        Exit codes:\n  0    clean\n  2    findings; a lesson\n       not solved\n";

    #[test]
    fn help_is_read_by_its_sections() {
        assert_eq!(subcommands(HELP), ["run", "show"]);
        assert!(!without_section(HELP, "Global options:").contains("--data"));
        assert!(without_section(HELP, "Global options:").contains("Exit codes:"));
        let page = exit_codes(HELP).unwrap();
        assert!(page.contains("| 0 | clean |\n| 2 | findings; a lesson not solved |\n"), "{page}");
        assert!(exit_codes("Usage: lab").is_err());
    }
}
