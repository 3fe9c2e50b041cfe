//! What the clouds and the states hold as secrets is in no plan, no ledger, no report and no word
//! of the program.

use crate::desk::{Desk, block_on, id, resource};
use crate::stage::attributes;
use serde_json::{Value, json};
use std::path::Path;

const CANARY: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYCANARYKEY000";

/// The secrets of the local clouds' own store: keys of callers, and of storage accounts.
fn held(store: &str) -> Vec<String> {
    let mut secrets: Vec<String> = Vec::new();
    for (at, _) in store.match_indices("\"secret\":\"") {
        secrets.push(store[at + 10..].split('"').next().unwrap().to_owned());
    }
    // An account's key is 64 bytes in base64.
    secrets
        .extend(store.split('"').filter(|s| s.len() == 88 && s.ends_with("==")).map(str::to_owned));
    secrets.sort();
    secrets.dedup();
    secrets.retain(|s| s.len() > 20);
    secrets
}

fn files(folder: &Path, found: &mut Vec<u8>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true if entry.file_name() == "cloud" => {}
            true => files(&entry.path(), found),
            false => found.extend(std::fs::read(entry.path()).unwrap()),
        }
    }
}

#[test]
fn no_secret_is_in_a_plan_in_the_ledger_or_in_a_word() {
    let desk = Desk::laid_out();
    let store = std::fs::read_to_string(desk.lab.path().join(".lab/cloud/journal.0")).unwrap();
    let mut secrets = held(&store);
    assert!(secrets.len() >= 8, "{} secrets in the store", secrets.len());
    assert!(secrets.iter().any(|s| s.len() == 88), "no account's key in the store");
    let env = desk.environment("remediator");
    let of = |name: &str| env.iter().find(|(n, _)| n == name).unwrap().1.as_str();
    secrets.push(of("AWS_SECRET_ACCESS_KEY").to_owned());
    secrets.push(of("AZURE_CLIENT_SECRET").to_owned());
    let file = std::fs::read(of("GOOGLE_APPLICATION_CREDENTIALS")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    secrets.push(file["private_key"].as_str().unwrap().lines().nth(1).unwrap().to_owned());
    secrets.push(CANARY.to_owned());

    // States with secrets in each place that Terraform has for them.
    let environments = Path::new(env!("CARGO_MANIFEST_DIR")).join("../terraform/environments");
    let mut names = Vec::new();
    for cloud in ["aws", "azure", "gcp"] {
        let state = std::fs::read(environments.join(cloud).join("terraform.tfstate")).unwrap();
        let mut state: Value = serde_json::from_slice(&state).unwrap();
        state["outputs"] = json!({"s": {"value": CANARY, "type": "string", "sensitive": true}});
        for resource in state["resources"].as_array_mut().unwrap() {
            let instance = &mut resource["instances"][0];
            instance["private"] = json!(CANARY);
            for path in instance["sensitive_attributes"].as_array().unwrap().clone() {
                let name = path[0]["value"].as_str().unwrap();
                if instance["attributes"][name].is_null() {
                    instance["attributes"][name] = json!(CANARY);
                }
            }
        }
        let name = format!("{cloud}.tfstate");
        desk.lab.write(&name, state.to_string());
        names.extend(["--state".to_owned(), name]);
    }
    let mut own: Vec<&str> = names.iter().map(String::as_str).collect();
    own.extend(["--target", "local"]);
    // And a slip that puts one into an attribute.
    let maya = block_on(desk.aws("maya.chen"));
    let tags = attributes(json!({"tags_all": {"data": "customer", "owner": "data-platform"}}));
    block_on(maya.writer.update(&resource("aws_s3_bucket", "acme-exports"), &tags)).unwrap();

    let mut told = Vec::new();
    let run = |arguments: &[&str], told: &mut Vec<u8>| {
        let run = desk.run_with(&[("RUST_LOG", "debug")], arguments);
        told.extend(run.stdout.bytes());
        told.extend(run.stderr.bytes());
        run
    };
    let plan =
        run(&[&["run", "remediate", "--format", "json", "-q"], &own[..]].concat(), &mut told);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    for format in ["terminal", "markdown"] {
        run(&[&["run", "remediate", "-v", "--format", format], &own[..]].concat(), &mut told);
    }
    for asked in plan["actions"].as_array().unwrap().iter().filter(|a| a["decision"] == "ask") {
        run(&["remediate", "approve", asked["id"].as_str().unwrap()], &mut told);
    }
    let apply = ["run", "remediate", "--apply", "--plan", plan["hash"].as_str().unwrap(), "-v"];
    let applied = run(&[&apply[..], &own[..]].concat(), &mut told);
    assert_eq!(applied.code, 0, "{}{}", applied.stdout, applied.stderr);
    for address in ["azurerm_storage_account.reports", "azurerm_storage_container.reports"] {
        run(&["remediate", "undo", id(&plan, address)], &mut told);
        run(&["show", id(&plan, address), "-v"], &mut told);
    }
    desk.fault(&["deny"]);
    run(&[&apply[..], &own[..]].concat(), &mut told);
    run(&["remediate", "undo", plan["actions"][0]["id"].as_str().unwrap()], &mut told);
    desk.calm();
    run(&["ledger", "list", "--format", "json"], &mut told);
    assert!(told.len() > 10_000, "{} bytes were told", told.len());

    let mut kept = Vec::new();
    files(&desk.lab.path().join(".lab"), &mut kept);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (told, kept) = (text(&told), text(&kept));
    assert!(kept.contains("restore_attributes") && kept.contains("SQLite format 3"));
    for secret in secrets {
        assert!(!told.contains(&secret), "a secret was told");
        assert!(!kept.contains(&secret), "a secret is in a plan, a report or the ledger");
        let base64 = secret.get(..20).unwrap();
        assert!(!told.contains(base64) && !kept.contains(base64), "a part of a secret is there");
    }
}
