//! docs/reference/kinds.md: what is known of each kind, out of the TOML beside its code.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Why an attribute is not simply compared as it stands, and how the page says so.
const NOT_COMPARED: &[(&str, &str)] = &[
    ("computed", "set by the cloud"),
    ("local", "in the state only"),
    ("sensitive", "secret: sealed, compared by nobody"),
    ("mirror", "a deprecated copy: where any state has the kind that owns it, that one is"),
];

pub fn page(root: &Path, made: &str) -> Result<String, String> {
    let mut text = format!(
        "# Kinds\n\n{made}\n\nWhat is known of each supported kind. A change of an attribute \
         that is listed here is a finding of that severity; where values are named, only \
         they make things worse, and a change to any other is *low* at most. Whatever is not \
         listed is compared as it stands and is *info*. What opens a resource to the internet \
         is *critical*, whichever attribute did it, and where a table cannot tell (a policy), \
         the kind judges by meaning.\n\nBelow each table: what `lab run remediate` can bring back \
         in place, and what keeps strangers out. Whether it does so by itself or asks is the \
         policy's business; what is not named here is reported and left to Terraform.\n"
    );
    let mut kinds = 0;
    for file in files(root)? {
        let source = std::fs::read_to_string(&file).map_err(|e| at(&file, e))?;
        let facts: Table = source.parse().map_err(|e| at(&file, e))?;
        text += &kind(&facts).map_err(|why| at(&file, why))?;
        kinds += 1;
    }
    match kinds {
        0 => Err("no kind was found".into()),
        _ => Ok(text),
    }
}

fn at(file: &Path, why: impl std::fmt::Display) -> String {
    format!("{}: {why}", file.display())
}

/// `crates/provider-*/src/kinds/*.toml`, sorted.
fn files(root: &Path) -> Result<Vec<PathBuf>, String> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>, String> {
        let entries = std::fs::read_dir(folder).map_err(|e| at(folder, e))?;
        entries.map(|entry| entry.map(|e| e.path()).map_err(|e| at(folder, e))).collect()
    };
    let mut found = Vec::new();
    for folder in list(&root.join("crates"))? {
        let kinds = folder.join("src/kinds");
        let provider =
            folder.file_name().is_some_and(|n| n.to_string_lossy().starts_with("provider-"));
        if provider && kinds.is_dir() {
            found.extend(list(&kinds)?);
        }
    }
    found.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    found.sort();
    Ok(found)
}

fn text<'a>(table: &'a Table, key: &str) -> Result<&'a str, String> {
    table.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key} is not a text"))
}

/// A value as a report shows it.
fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn techniques(table: &Table) -> String {
    let all = table.get("techniques").and_then(Value::as_array);
    let names: Vec<&str> = all.into_iter().flatten().filter_map(Value::as_str).collect();
    names.join(", ")
}

fn kind(facts: &Table) -> Result<String, String> {
    let majors = facts.get("provider_major").and_then(Value::as_array);
    let majors: Vec<String> =
        majors.into_iter().flatten().map(|major| format!("{}.x", json(major))).collect();
    let mut page = format!(
        "\n## {}\n\n{}. Schemas of provider {}.\n\n| when | severity | why | ATT&CK |\n\
         | --- | --- | --- | --- |\n",
        text(facts, "kind")?,
        capital(text(facts, "title")?),
        majors.join(", ")
    );
    let missing = facts.get("missing").and_then(Value::as_table).ok_or("missing is not a table")?;
    page += &row("it is missing", missing)?;

    let nothing = Table::new();
    let attributes = facts.get("attributes").and_then(Value::as_table).unwrap_or(&nothing);
    let mut guards = Vec::new();
    let mut left_out: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, entry) in attributes {
        let entry = entry.as_table().ok_or_else(|| format!("{name} is not a table"))?;
        if let Some(security) = entry.get("security").and_then(Value::as_table) {
            let worse = security.get("worse").and_then(Value::as_array);
            let worse: Vec<String> =
                worse.into_iter().flatten().map(|value| format!("`{}`", json(value))).collect();
            let when = match worse.is_empty() {
                true => format!("`{name}` changes"),
                false => format!("`{name}` becomes {}", worse.join(" or ")),
            };
            page += &row(&when, security)?;
            if is_set(security, "exposure") {
                guards.push(name.as_str());
            }
        }
        let is = |word: &str| is_set(entry, word);
        if let Some((word, _)) = NOT_COMPARED.iter().find(|(word, _)| is(word)) {
            left_out.entry(word).or_default().push(name);
        }
    }
    page += &brought_back(facts, &guards)?;
    for (word, meaning) in NOT_COMPARED {
        if let Some(names) = left_out.get(word) {
            page += &format!("\nNot compared ({meaning}): {}.\n", code(names));
        }
    }
    Ok(page)
}

fn is_set(table: &Table, word: &str) -> bool {
    table.get(word).is_some_and(|v| v.as_bool() != Some(false))
}

fn code(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// What a remedy can do with one.
fn brought_back(facts: &Table, guards: &[&str]) -> Result<String, String> {
    let writable = facts.get("writable").and_then(Value::as_array);
    let writable: Vec<&str> = writable.into_iter().flatten().filter_map(Value::as_str).collect();
    let mut said = match writable.is_empty() {
        true => "\nBrought back in place: nothing.\n".to_owned(),
        false => format!("\nBrought back in place: {}.\n", code(&writable)),
    };
    if !guards.is_empty() {
        said += &format!("\nKeeps strangers out, or lets them in: {}.\n", code(guards));
    }
    if facts.get("recreatable").and_then(Value::as_bool) == Some(false) {
        said += "\nOne that is missing cannot be made again from a state.\n";
    }
    if is_set(facts, "removable") {
        said += "\nOne that no state manages can be removed: it holds configuration only.\n";
    }
    if let Some(credential) = facts.get("credential").and_then(Value::as_table) {
        said += &format!(
            "\nOne that a finding names is switched off by `{} = \"{}\"`, where its id begins \
             with `{}`.\n",
            text(credential, "attribute")?,
            text(credential, "off")?,
            text(credential, "prefix")?
        );
    }
    Ok(said)
}

fn row(when: &str, judgement: &Table) -> Result<String, String> {
    Ok(format!(
        "| {when} | {} | {} | {} |\n",
        text(judgement, "severity")?,
        text(judgement, "why")?,
        techniques(judgement)
    ))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_says_what_matters_and_what_is_left_out() {
        let facts: Table = r#"
            kind = "x_thing"
            title = "thing"
            provider_major = [5, 6]
            missing = { severity = "high", why = "Gone.", techniques = ["T1"] }
            writable = ["open"]
            recreatable = false
            removable = true
            credential = { prefix = "K", attribute = "open", off = "no" }
            [attributes]
            id = { computed = true }
            open = { security = { severity = "high", why = "Open.", worse = [true], exposure = true } }
            rule = { mirror = "x_rule", security = { severity = "low", why = "Other." } }
        "#
        .parse()
        .unwrap();
        let page = kind(&facts).unwrap();
        for line in [
            "Thing. Schemas of provider 5.x, 6.x.",
            "| it is missing | high | Gone. | T1 |",
            "| `open` becomes `true` | high | Open. |  |",
            "| `rule` changes | low | Other. |  |",
            "Not compared (set by the cloud): `id`.",
            "Brought back in place: `open`.",
            "Keeps strangers out, or lets them in: `open`.",
            "One that is missing cannot be made again from a state.",
            "One that no state manages can be removed: it holds configuration only.",
            "is switched off by `open = \"no\"`, where its id begins with `K`.",
        ] {
            assert!(page.contains(line), "{line}: {page}");
        }
        assert!(kind(&Table::new()).is_err());
    }
}
