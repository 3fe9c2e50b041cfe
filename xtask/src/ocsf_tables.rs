//! `cargo xtask ocsf-tables`: from the OCSF project's own schema exports (`ocsf-<version>.json`, Apache-2.0) to
//! `crates/ocsf/tables/<version>.json`, which holds what a validator asks and no prose.
//!
//! The exports are 4 MB and not part of the repository: `LAB_CORPORA` names the folder that holds `ocsf-schema`, or
//! the folder itself is given. With `--check` nothing is written; without the exports it says so and succeeds.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const VERSIONS: &[&str] = &["1.1.0", "1.8.0"];

pub fn run(arguments: &[String]) -> Result<String, String> {
    let check = arguments.iter().any(|a| a == "--check");
    let given: Vec<&String> = arguments.iter().filter(|a| *a != "--check").collect();
    let exports = match given.as_slice() {
        [] => std::env::var_os("LAB_CORPORA").map(|f| PathBuf::from(f).join("ocsf-schema")),
        [folder] => Some(PathBuf::from(folder)),
        _ => return Err("takes one folder, and --check".into()),
    };
    let Some(exports) = exports else {
        let why = "no folder of exports was given, and LAB_CORPORA is not set";
        return if check { Ok(format!("not checked: {why}")) } else { Err(why.into()) };
    };
    let mut lines = Vec::new();
    for version in VERSIONS {
        let text = table(&read(&exports.join(format!("ocsf-{version}.json")))?, version)?;
        let path = super::root().join(format!("crates/ocsf/tables/{version}.json"));
        if check {
            let found = std::fs::read_to_string(&path).unwrap_or_default();
            if found != text {
                return Err(format!("stale: {version}; run cargo xtask ocsf-tables"));
            }
            lines.push(format!("{version}: as generated"));
        } else {
            let beside = path.with_extension("json.new");
            std::fs::write(&beside, &text)
                .and_then(|()| std::fs::rename(&beside, &path))
                .map_err(|e| format!("{}: {e}", path.display()))?;
            lines.push(format!("{version}: {} bytes", text.len()));
        }
    }
    Ok(lines.join("\n"))
}

fn read(path: &Path) -> Result<Value, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", path.display()))
}

/// Equal attributes and equal enums are written once and referred to by their place.
#[derive(Default)]
struct Pool(BTreeMap<String, Value>);

impl Pool {
    fn add(&mut self, value: Value) -> String {
        let key = value.to_string();
        self.0.insert(key.clone(), value);
        key
    }

    fn place(&self, key: &str) -> usize {
        self.0.keys().position(|k| k == key).unwrap_or_default()
    }

    fn lines(&self) -> String {
        self.0.keys().map(|line| format!("    {line}")).collect::<Vec<_>>().join(",\n")
    }
}

fn table(export: &Value, version: &str) -> Result<String, String> {
    if export["version"] != *version {
        return Err(format!("the export says that it is of version {}", export["version"]));
    }
    // The first export format has the types at the top, the second in its dictionary.
    let types = match &export["types"] {
        Value::Null => &export["dictionary"]["types"]["attributes"],
        types => types,
    };
    let shapes = |key: &str| {
        export[key].as_object().ok_or(format!("the export has no {key}")).map(|all| all.iter())
    };
    let (mut enums, mut attributes) = (Pool::default(), Pool::default());
    for (_, shape) in shapes("classes")?.chain(shapes("objects")?) {
        for (name, attribute) in shape["attributes"].as_object().into_iter().flatten() {
            if let Some(captions) = captions(name, attribute) {
                enums.add(captions);
            }
        }
    }
    let mut classes = BTreeMap::new();
    for (_, class) in shapes("classes")? {
        let uid = class["uid"].as_u64().ok_or("a class has no uid")?;
        classes.insert(uid, class);
    }
    // Twice: the pool knows the places of its members only when all are in it.
    let mut placed = |shape: &Value| -> Vec<String> {
        let all = shape["attributes"].as_object().into_iter().flatten();
        all.map(|(name, a)| attributes.add(short(name, a, &enums))).collect()
    };
    let of_classes: Vec<(u64, Vec<String>)> =
        classes.iter().map(|(uid, class)| (*uid, placed(class))).collect();
    let of_objects: BTreeMap<&String, Vec<String>> =
        shapes("objects")?.map(|(name, object)| (name, placed(object))).collect();

    let places = |keys: &[String]| -> Vec<usize> {
        let mut places: Vec<usize> = keys.iter().map(|key| attributes.place(key)).collect();
        places.sort_unstable();
        places
    };
    let class_lines = of_classes.iter().map(|(uid, keys)| {
        let class = classes[uid];
        let mut line = json!({
            "name": class["name"], "caption": class["caption"], "profiles": class["profiles"],
        });
        constraints(class, &mut line);
        line["attributes"] = json!(places(keys));
        format!("    \"{uid}\": {line}")
    });
    let object_lines = of_objects.iter().map(|(name, keys)| {
        let mut line = json!({});
        constraints(&export["objects"][name], &mut line);
        line["attributes"] = json!(places(keys));
        format!("    {}: {line}", json!(name))
    });
    let type_lines = types.as_object().into_iter().flatten().map(|(name, t)| {
        let mut line = json!({"base": t["type"].as_str().unwrap_or(name)});
        for key in ["max_len", "range"] {
            if !t[key].is_null() {
                line[key] = t[key].clone();
            }
        }
        // The expression itself is not kept: `ocsf` knows each by its type's name.
        if t["regex"].is_string() {
            line["pattern"] = json!(true);
        }
        format!("    \"{name}\": {line}")
    });
    let provenance = json!({
        "source": format!("the OCSF schema's own export of version {version}, https://schema.ocsf.io"),
        "licence": "Apache-2.0",
        "made_by": "cargo xtask ocsf-tables",
    });
    let block = |lines: Vec<String>| lines.join(",\n");
    Ok(format!(
        "{{\n  \"provenance\": {provenance},\n  \"version\": \"{version}\",\n  \"types\": {{\n{}\n  }},\n  \"enums\": [\n{}\n  ],\n  \"attributes\": [\n{}\n  ],\n  \"classes\": {{\n{}\n  }},\n  \"objects\": {{\n{}\n  }}\n}}\n",
        block(type_lines.collect()),
        enums.lines(),
        attributes.lines(),
        block(class_lines.collect()),
        block(object_lines.collect()),
    ))
}

fn constraints(shape: &Value, line: &mut Value) {
    for (rule, names) in shape["constraints"].as_object().into_iter().flatten() {
        line[rule] = names.clone();
    }
}

/// Value and caption. `type_uid` follows from class and activity; its enum would say it again.
fn captions(name: &str, attribute: &Value) -> Option<Value> {
    let all = attribute["enum"].as_object().filter(|_| name != "type_uid")?;
    Some(Value::Object(
        all.iter().map(|(key, entry)| (key.clone(), entry["caption"].clone())).collect(),
    ))
}

fn short(name: &str, attribute: &Value, enums: &Pool) -> Value {
    let mut line = Map::new();
    line.insert("name".into(), json!(name));
    let object = attribute["object_type"].as_str();
    line.insert("type".into(), json!(object.or(attribute["type"].as_str())));
    if object.is_some() {
        line.insert("object".into(), json!(true));
    }
    if attribute["is_array"] == true {
        line.insert("array".into(), json!(true));
    }
    if attribute["requirement"] == "required" {
        line.insert("required".into(), json!(true));
    }
    // A list in the second export format, one text in the first.
    match (&attribute["profiles"], &attribute["profile"]) {
        (Value::Array(list), _) => drop(line.insert("profiles".into(), json!(list))),
        (_, Value::String(one)) => drop(line.insert("profiles".into(), json!([one]))),
        _ => {}
    }
    if let Some(captions) = captions(name, attribute) {
        line.insert("enum".into(), json!(enums.place(&captions.to_string())));
    }
    if attribute["sibling"].is_string() {
        line.insert("sibling".into(), attribute["sibling"].clone());
    }
    Value::Object(line)
}
