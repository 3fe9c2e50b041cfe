//! Scenes for the guides: commands run one after the other in a folder of their own, and what
//! they printed.

use super::{Fresh, without_colour};
use crate::lab;

/// What a page shows under this name.
pub struct Shown {
    pub page: &'static str,
    pub name: &'static str,
    pub text: String,
}

const GUIDE: &str = "docs/remediation.md";
const README: &str = "README.md";

pub fn all() -> Result<Vec<Shown>, String> {
    let mut shown = the_loop()?;
    shown.extend(fix_ask_undo()?);
    shown.extend(refusal()?);
    Ok(shown)
}

/// Found with a name, fixed, verified, taken back.
fn the_loop() -> Result<Vec<Shown>, String> {
    let mut scene = Scene::prepared()?;
    let only = ["--only", "aws_s3_bucket_policy.*"];
    scene.show(&[&["run", "drift-check"], &only[..]].concat(), 2)?;
    let plan = scene.plan(&only)?;
    scene.show(&["run", "remediate", "--apply", "--plan", plan.short()], 2)?;
    scene.show(&[&["run", "drift-check"], &only[..]].concat(), 0)?;
    scene.show(&["remediate", "undo", plan.action("aws_s3_bucket_policy")?], 0)?;
    Ok(vec![scene.cut(README, "the loop")])
}

fn fix_ask_undo() -> Result<Vec<Shown>, String> {
    let mut scene = Scene::prepared()?;
    let plan = scene.plan(&[])?;
    let mut shown = vec![scene.cut(GUIDE, "the plan")];
    scene.show(&["run", "remediate", "--apply", "--plan", plan.short()], 2)?;
    shown.push(scene.cut(GUIDE, "the fix"));
    scene.show(&["remediate", "approve", plan.action("aws_iam_access_key")?], 0)?;
    scene.show(&["run", "remediate", "--apply", "--plan", plan.short()], 2)?;
    shown.push(scene.cut(GUIDE, "the ask"));
    scene.show(&["remediate", "undo", plan.action("azurerm_storage_account")?], 0)?;
    scene.show(&["run", "remediate", "--only", "azurerm_storage_account.*"], 2)?;
    shown.push(scene.cut(GUIDE, "the undo"));
    scene.show(&["ledger", "list"], 0)?;
    let head = scene.head()?;
    scene.show(&["ledger", "verify", "--head", &head], 0)?;
    shown.push(scene.cut(GUIDE, "the ledger"));
    Ok(shown)
}

/// Somebody changes a resource between plan and apply.
fn refusal() -> Result<Vec<Shown>, String> {
    let mut scene = Scene::prepared()?;
    let plan = scene.plan(&[])?;
    scene.cut(GUIDE, "");
    let call = crate::root().join("labs/02-fix-and-undo/solution/maya.sh");
    let call = call.to_str().ok_or("the checkout's path is no text")?;
    scene.run(&["cloud", "exec", "--as", "maya.chen", "--", call], 0)?;
    scene.show(&["run", "remediate", "--apply", "--plan", plan.short()], 3)?;
    Ok(vec![scene.cut(GUIDE, "the refusal")])
}

struct Scene {
    folder: Fresh,
    text: String,
}

/// A plan that the scene made.
struct Plan {
    hash: String,
    /// Kind and id of each action.
    actions: Vec<(String, String)>,
}

impl Plan {
    /// As a person types it.
    fn short(&self) -> &str {
        let digits = self.hash.strip_prefix("sha256:").unwrap_or(&self.hash);
        digits.get(..8).unwrap_or(digits)
    }

    fn action(&self, kind: &str) -> Result<&str, String> {
        let found = self.actions.iter().find(|(k, _)| k == kind);
        found.map(|(_, id)| id.as_str()).ok_or_else(|| format!("the plan has no {kind}"))
    }
}

impl Scene {
    /// The shipped lab, laid out.
    fn prepared() -> Result<Self, String> {
        let scene = Scene { folder: Fresh::new()?, text: String::new() };
        scene.run(&["run", "drift-check", "-q"], 2)?;
        Ok(scene)
    }

    /// Runs a command, which must end so, and gives what it printed: first what is for people.
    fn run(&self, arguments: &[&str], code: i32) -> Result<(String, String), String> {
        let out = lab::run(arguments, &self.folder.path)?;
        let (people, answer) = (lab::text(&out.stderr)?, lab::text(&out.stdout)?);
        if out.status.code() != Some(code) {
            let command = arguments.join(" ");
            return Err(format!("lab {command} ended with {}: {people}", out.status));
        }
        Ok((without_colour(&people), without_colour(&answer)))
    }

    fn show(&mut self, arguments: &[&str], code: i32) -> Result<(), String> {
        let (people, answer) = self.run(arguments, code)?;
        let quoted: Vec<String> = arguments
            .iter()
            .map(|a| if a.contains('*') { format!("'{a}'") } else { (*a).to_owned() })
            .collect();
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text += &format!("$ lab {}\n", quoted.join(" "));
        for part in [people, answer] {
            self.text += part.trim_matches('\n');
            if !part.trim().is_empty() {
                self.text.push('\n');
            }
        }
        Ok(())
    }

    /// Shows how a plan is made.
    fn plan(&mut self, only: &[&str]) -> Result<Plan, String> {
        let command = [&["run", "remediate"], only].concat();
        self.show(&command, 2)?;
        let (_, json) = self.run(&[&command[..], &["--format", "json"]].concat(), 2)?;
        let json: serde_json::Value = serde_json::from_str(&json).map_err(|e| e.to_string())?;
        let text = |value: &serde_json::Value, key: &str| {
            value[key].as_str().map(str::to_owned).ok_or_else(|| format!("{key} is no text"))
        };
        let actions = json["actions"].as_array().ok_or("the plan has no actions")?;
        let actions = actions.iter().map(|a| Ok((text(a, "kind")?, text(a, "id")?)));
        Ok(Plan { hash: text(&json, "hash")?, actions: actions.collect::<Result<_, String>>()? })
    }

    /// The end of the ledger, as a report prints it.
    fn head(&self) -> Result<String, String> {
        let (_, json) = self.run(&["ledger", "list", "--format", "json"], 0)?;
        let json: serde_json::Value = serde_json::from_str(&json).map_err(|e| e.to_string())?;
        let hash = json["head"]["hash"].as_str().and_then(|h| h.get(..8));
        Ok(format!("{}:{}", json["head"]["entries"], hash.ok_or("the ledger has no head")?))
    }

    /// What was shown since the last cut.
    fn cut(&mut self, page: &'static str, name: &'static str) -> Shown {
        Shown { page, name, text: std::mem::take(&mut self.text) }
    }
}
