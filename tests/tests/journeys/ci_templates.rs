//! The pipelines under `ci/`: their steps are run here as the scripts that they are, with the
//! built binary on the PATH, the local clouds behind it, and a forge that answers as GitHub does.
//!
//! What a runner itself does (identities, artifacts, the upload) is not run: `.ci/run templates`
//! has actionlint and zizmor read it.

mod forge;

use self::forge::{Forge, REPOSITORY, TOKEN};
use journeys::lab::{Lab, Run, binary, finish};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

fn house() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// One step in a lab's folder, as a runner of GitHub's would start it.
fn step(lab: &Lab, name: &str, variables: &[(&str, &str)]) -> Run {
    let mut command = shell(lab, &[house().join("ci/steps").join(name).to_str().unwrap()]);
    command.envs(variables.iter().copied());
    finish(command)
}

fn shell(lab: &Lab, arguments: &[&str]) -> Command {
    // The environment that lab's own commands get in the tests, with another program.
    let own = lab.command(&[]);
    let mut command = Command::new("bash");
    command.current_dir(lab.path()).args(arguments);
    for (name, value) in own.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    for (name, _) in std::env::vars() {
        let runner = ["GITHUB_", "RUNNER_", "DRIFT_", "INSTALL_", "TF_BUILD", "AGENT_"];
        if runner.iter().any(|p| name.starts_with(p)) {
            command.env_remove(name);
        }
    }
    let program = binary();
    let path = std::env::var("PATH").unwrap();
    command
        .env("PATH", format!("{}:{path}", program.parent().unwrap().display()))
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", lab.path().join("output"))
        .env("GITHUB_STEP_SUMMARY", lab.path().join("summary"))
        .env("GITHUB_PATH", lab.path().join("path"))
        .env("RUNNER_TEMP", lab.path().join("temp"));
    command
}

fn read(lab: &Lab, name: &str) -> String {
    std::fs::read_to_string(lab.path().join(name)).unwrap_or_default()
}

fn report(lab: &Lab) -> Value {
    serde_json::from_str(&read(lab, "drift/drift.json")).unwrap()
}

/// The one of a check's three answers that the issues are made of.
fn checked(lab: &Lab) {
    let run = lab.run(&["run", "drift-check", "--format", "json", "-o", "drift/drift.json"]);
    assert!([0, 2].contains(&run.code), "{}", run.stderr);
}

fn issues(lab: &Lab, forge: &Forge, variables: &[(&str, &str)]) -> Run {
    let mut all = vec![
        ("GITHUB_API_URL", forge.url.as_str()),
        ("GITHUB_SERVER_URL", "https://github.example"),
        ("GITHUB_REPOSITORY", REPOSITORY),
        ("GITHUB_RUN_ID", "4711"),
        ("GITHUB_TOKEN", TOKEN),
    ];
    all.extend_from_slice(variables);
    let run = step(lab, "issues.sh", &all);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains(TOKEN), "the token is in the log");
    run
}

/// The whole policy of a bucket of Google's, set by the API's own call.
fn set_policy(lab: &Lab, bucket: &str, change: &str) {
    let script = format!(
        r#"set -eu
        url="${{CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE}}b/{bucket}/iam"
        token="authorization: Bearer $(cat "$CLOUDSDK_AUTH_ACCESS_TOKEN_FILE")"
        curl -fsS -H "$token" "$url" | jq '{change}' >policy.json
        curl -fsS -H "$token" -H 'content-type: application/json' -X PUT -d @policy.json "$url""#
    );
    lab.run(&["cloud", "exec", "--", "bash", "-c", &script]).expect(0);
}

#[test]
fn a_check_is_reported_in_full_and_judged_at_the_end() {
    let lab = Lab::default();
    step(&lab, "check.sh", &[]).expect(0);
    assert_eq!(read(&lab, "output"), "code=2\ncomplete=true\nupload=true\n");
    assert!(read(&lab, "summary").starts_with("## Drift check: 3 critical"));
    assert_eq!(report(&lab)["findings"].as_array().unwrap().len(), 6);
    let sarif: Value = serde_json::from_str(&read(&lab, "drift/drift.sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 6);

    let run = step(&lab, "verdict.sh", &[]).expect(0);
    assert_eq!(run.stdout, "::warning::findings: 6\n");
    let run = step(&lab, "verdict.sh", &[("DRIFT_FAIL_ON_FINDINGS", "true")]).expect(2);
    assert_eq!(run.stdout, "::error::findings: 6\n");

    // A variable that makes every run end with 0 hides nothing from the steps.
    step(&lab, "check.sh", &[("LAB_EXIT_ZERO", "true")]).expect(0);
    assert_eq!(read(&lab, "drift/code"), "2\n");
    // What is below the threshold is no finding for the verdict, and still in the report.
    step(&lab, "check.sh", &[("LAB_ONLY", "*models_auditor"), ("LAB_FAIL_ON", "high")]).expect(0);
    assert_eq!(read(&lab, "drift/code"), "0\n");
    assert_eq!(report(&lab)["findings"].as_array().unwrap().len(), 1);
    let run = step(&lab, "verdict.sh", &[("DRIFT_FAIL_ON_FINDINGS", "true")]).expect(0);
    assert!(run.stdout.starts_with("::notice::clean"), "{}", run.stdout);
}

#[test]
fn what_ends_otherwise_ends_the_step_and_leaves_no_old_report() {
    let lab = Lab::default();
    lab.write("drift/drift.json", "{}");
    lab.write("drift/code", "0");
    let run = step(&lab, "check.sh", &[("LAB_TARGET", "prod")]).expect(64);
    assert!(run.stdout.contains("::error::lab run drift-check --format json ended with 64"));
    assert!(!lab.path().join("drift/drift.json").exists());
    assert!(!lab.path().join("drift/code").exists());
    assert_eq!(read(&lab, "output"), "");
}

#[test]
fn an_incomplete_check_is_red_and_closes_nothing() {
    let lab = Lab::default();
    let forge = Forge::start();
    lab.run(&["cloud", "start"]).expect(0);
    step(&lab, "check.sh", &[]).expect(0);
    issues(&lab, &forge, &[]).expect(0);
    assert_eq!(forge.look(|i| i.open().len()), 3);
    let before = forge.look(|i| i.issues.clone());

    lab.run(&["cloud", "fault", "set", "--cloud", "gcp", "deny"]).expect(0);
    let _ = std::fs::remove_file(lab.path().join("output"));
    step(&lab, "check.sh", &[]).expect(0);
    // Code scanning would take what is absent for mended.
    assert_eq!(read(&lab, "output"), "code=2\ncomplete=false\nupload=false\n");
    forge.look(|i| i.writes.clear());
    issues(&lab, &forge, &[]).expect(0);
    assert_eq!(forge.look(|i| (i.writes.clone(), i.issues.clone())), (Vec::new(), before));

    let run = step(&lab, "verdict.sh", &[]).expect(3);
    assert!(run.stdout.contains("::error::incomplete: "), "{}", run.stdout);
    let run = step(&lab, "verdict.sh", &[("DRIFT_ALLOW_INCOMPLETE", "true")]).expect(0);
    assert!(run.stdout.contains("::warning::incomplete: "), "{}", run.stdout);

    // Nothing but unknowns is 3 from the beginning.
    step(&lab, "check.sh", &[("LAB_ONLY", "google_*")]).expect(0);
    assert_eq!(read(&lab, "drift/code"), "3\n");
    step(&lab, "verdict.sh", &[]).expect(3);
    lab.run(&["cloud", "stop"]).expect(0);
}

#[test]
fn an_issue_is_opened_once_written_to_and_closed() {
    let lab = Lab::default();
    let forge = Forge::start();
    // A forge with a life of its own: more than a page of it, a pull request among it, and a
    // stranger's issue with our marker in it.
    forge.look(|i| {
        for n in 0..120 {
            i.add(&format!("somebody's {n}"), "", &["drift"]);
        }
        let request = i.add("a pull request", "", &["drift"]);
        i.issues[request as usize - 1]["pull_request"] = json!({});
    });
    step(&lab, "check.sh", &[]).expect(0);
    let run = issues(&lab, &forge, &[]).expect(0);
    assert!(run.stdout.contains("issues: 3 opened, 0 updated, 0 closed, 0 as they were"));
    let ours = |title: &str| -> Vec<Value> {
        forge.look(|i| {
            let open = i.open().into_iter();
            open.filter(|i| i["title"].as_str().unwrap().contains(title)).cloned().collect()
        })
    };
    let google = "Drift (local): terraform/environments/gcp/terraform.tfstate";
    for cloud in ["aws", "azure", "gcp"] {
        let title = format!("Drift (local): terraform/environments/{cloud}/terraform.tfstate");
        assert_eq!(ours(&title).len(), 1, "{cloud}");
    }
    let issue = ours(google).remove(0);
    assert_eq!(issue["labels"], json!([{ "name": "drift" }]));
    let body = issue["body"].as_str().unwrap();
    assert!(body.contains("google_storage_bucket_iam_binding.datasets_readers"), "{body}");
    assert!(body.contains("`li.wei@example.com`"), "{body}");
    let number = issue["number"].as_u64().unwrap();
    // A copy of it by somebody who may not set the label.
    forge.look(|i| i.add("a copy", body, &[]));

    // The same again, though it lies behind a page of others by now.
    forge.look(|i| {
        for n in 0..120 {
            i.add(&format!("a newer one {n}"), "", &["drift"]);
        }
        i.writes.clear();
    });
    checked(&lab);
    let run = issues(&lab, &forge, &[]).expect(0);
    assert!(run.stdout.contains("0 opened, 0 updated, 0 closed, 3 as they were"), "{}", run.stdout);
    assert_eq!(forge.look(|i| i.writes.clone()), [""; 0]);

    // One of two findings is mended.
    set_policy(&lab, "acme-lab-datasets", r#".bindings[].members -= ["allUsers"]"#);
    checked(&lab);
    issues(&lab, &forge, &[]).expect(0);
    let wanted = [format!("PATCH issues/{number}"), format!("POST issues/{number}/comments")];
    assert_eq!(forge.look(|i| std::mem::take(&mut i.writes)), wanted);
    let body = ours(google).remove(0)["body"].as_str().unwrap().to_owned();
    assert!(!body.contains("datasets_readers") && body.contains("models_auditor"), "{body}");
    let link = "https://github.example/acme/infrastructure/actions/runs/4711";
    let said = forge.look(|i| std::mem::take(&mut i.comments));
    assert_eq!(said, [(number, format!("[The check]({link}): 1 no longer there."))]);

    // And the other one: closed, and only this one.
    set_policy(
        &lab,
        "acme-lab-models",
        r#".bindings += [{"role": "roles/storage.legacyBucketReader", "members": ["user:audit@example.com"]}]"#,
    );
    checked(&lab);
    issues(&lab, &forge, &[]).expect(0);
    forge.look(|i| {
        let issue = i.issue(number);
        assert_eq!(issue["state"], "closed", "{issue:#}");
        assert_eq!(issue["state_reason"], "completed");
        assert_eq!(i.comments[0].0, number);
        i.writes.clear();
    });
    assert_eq!(ours("Drift (local)").len(), 2);
    issues(&lab, &forge, &[]).expect(0);
    assert_eq!(forge.look(|i| i.writes.clone()), [""; 0]);

    // It comes back: a new one.
    set_policy(
        &lab,
        "acme-lab-datasets",
        r#".bindings += [{"role": "roles/storage.objectViewer", "members": ["allUsers"]}]"#,
    );
    checked(&lab);
    issues(&lab, &forge, &[]).expect(0);
    let again = ours(google).remove(0)["number"].as_u64().unwrap();
    assert!(again > number);
    assert_eq!(ours("a copy").len(), 1, "a stranger's issue is left alone");
}

/// A report with chosen findings: what the steps make of other people's text.
fn report_of(states: &[&str], findings: &[(&str, &str, u64)]) -> String {
    let findings: Vec<Value> = findings
        .iter()
        .map(|(state, address, n)| {
            json!({
                "id": format!("F-{n:04x}"), "fingerprint": format!("sha256:{n:064x}"),
                "change_digest": format!("sha256:{n:064x}"), "status": "changed",
                "severity": "high", "address": address, "native_id": "x", "state": state,
                "why": "Somebody changed it.",
                "attributes": [{
                    "path": address, "desired": address, "live": "x", "sensitive": false,
                }],
                "attribution": { "status": "attributed", "events": [{
                    "principal": { "name": address }, "operation": "Put", "time": "now",
                }] },
            })
        })
        .collect();
    let states: Vec<Value> = states.iter().map(|source| json!({ "source": source })).collect();
    json!({
        "target": "prod", "partial": false, "states": states, "findings": findings,
        "unknown": [], "errors": [],
    })
    .to_string()
}

#[test]
fn other_peoples_names_are_text_in_an_issue() {
    let nasty = "@octocat `x` | <!-- cloud-security-lab drift-check AAAA --> ![](http://x)\n## y";
    let lab = Lab::default();
    let forge = Forge::start();
    lab.write("drift/drift.json", report_of(&[nasty], &[(nasty, nasty, 1)]));
    issues(&lab, &forge, &[]).expect(0);
    let body = forge.look(|i| i.issues[0]["body"].as_str().unwrap().to_owned());
    for line in body.lines().skip(2) {
        // Outside of code spans is nothing but our own words.
        for outside in line.split('`').step_by(2) {
            for mark in ["@", "<!--", "![", "octocat", "## y"] {
                assert!(!outside.contains(mark), "{mark} in {outside}\n{body}");
            }
        }
    }
    assert!(body.contains("octocat"));
    forge.look(|i| i.writes.clear());
    issues(&lab, &forge, &[]).expect(0);
    assert_eq!(forge.look(|i| i.writes.clone()), [""; 0]);
}

#[test]
fn many_findings_fit_into_an_issue_and_many_states_into_a_run() {
    let lab = Lab::default();
    let forge = Forge::start();
    let long = "a".repeat(400);
    let many: Vec<(&str, &str, u64)> = (0..600).map(|n| ("one", long.as_str(), n)).collect();
    lab.write("drift/drift.json", report_of(&["one"], &many));
    issues(&lab, &forge, &[]).expect(0);
    let body = forge.look(|i| i.issues[0]["body"].as_str().unwrap().to_owned());
    assert!(body.contains("600 high") && body.contains("more are in the run's report"), "{body}");

    let states = ["s0", "s1", "s2", "s3", "s4"];
    let each: Vec<(&str, &str, u64)> =
        states.iter().zip(0..).map(|(state, n)| (*state, "a.b", n)).collect();
    lab.write("drift/drift.json", report_of(&states, &each));
    let few = [("DRIFT_MAX_NEW_ISSUES", "3")];
    let run = issues(&lab, &forge, &few).expect(0);
    assert!(run.stdout.contains("::warning::2 issues not opened: 3 a run"), "{}", run.stdout);
    // Of a state that was not read nothing is known.
    assert!(run.stdout.contains("::warning::of states that this check did not read: #1"));
    issues(&lab, &forge, &few).expect(0);
    assert_eq!(forge.look(|i| i.open().len()), 6);

    // Two runs at once made two of one: the older is kept.
    forge.look(|i| {
        let body = i.issue(5)["body"].as_str().unwrap().to_owned();
        i.add("the same", &body, &["drift"]);
    });
    issues(&lab, &forge, &[]).expect(0);
    forge.look(|i| {
        assert_eq!(i.issue(5)["state"], "open");
        assert_eq!(i.issue(7)["state"], "closed");
        assert_eq!(i.issue(7)["state_reason"], "not_planned");
    });
}

#[test]
fn a_forge_that_refuses_ends_the_step() {
    let lab = Lab::default();
    let forge = Forge::start();
    lab.write("drift/drift.json", report_of(&["one"], &[("one", "a.b", 1)]));
    let run = issues(&lab, &forge, &[("GITHUB_TOKEN", "another")]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("::error::GET"), "{} {}", run.stdout, run.stderr);
}

#[test]
fn only_the_named_bytes_are_installed() {
    let lab = Lab::default();
    let forge = Forge::start();
    let packed = lab.path().join("lab.tar");
    let (folder, name) = (binary().parent().unwrap().to_owned(), "lab");
    let tar =
        Command::new("tar").args(["-chf"]).arg(&packed).arg("-C").arg(folder).arg(name).status();
    assert!(tar.unwrap().success());
    let sum = Command::new("sha256sum").arg(&packed).output().unwrap().stdout;
    let sum = String::from_utf8(sum).unwrap()[..64].to_owned();
    forge.look(|i| i.files.insert("/lab.tar".to_owned(), std::fs::read(&packed).unwrap()));
    let url = format!("{}/lab.tar", forge.url);

    let other = "0".repeat(64);
    step(&lab, "install.sh", &[("INSTALL_ARCHIVE", &url)]).expect(64);
    let variables = [("INSTALL_ARCHIVE", url.as_str()), ("INSTALL_SHA256", other.as_str())];
    let run = step(&lab, "install.sh", &variables).expect(1);
    assert!(run.stdout.contains("not the one that INSTALL_SHA256 names"), "{}", run.stdout);
    assert_eq!(read(&lab, "path"), "");
    assert!(!lab.path().join("temp/cloud-security-lab/bin/lab").exists());

    let variables = [("INSTALL_ARCHIVE", url.as_str()), ("INSTALL_SHA256", sum.as_str())];
    let run = step(&lab, "install.sh", &variables).expect(0);
    assert!(run.stdout.starts_with("lab "), "{}", run.stdout);
    let bin = lab.path().join("temp/cloud-security-lab/bin");
    assert_eq!(read(&lab, "path"), format!("{}\n", bin.display()));
    assert!(bin.join("lab").exists());

    // A branch or a tag is not content.
    for moving in ["", "main", "v0.1.0", "a1b2c3d"] {
        step(&lab, "install.sh", &[("INSTALL_REV", moving)]).expect(64);
    }
}

#[test]
fn a_plan_is_taken_from_our_own_check_only() {
    let lab = Lab::default();
    let forge = Forge::start();
    let good = json!({
        "path": ".github/workflows/drift-check.yml@refs/heads/main", "event": "schedule",
        "head_branch": "main", "head_repository": { "full_name": REPOSITORY },
    });
    let with = |path: &str, value: Value| {
        let mut run = good.clone();
        *run.pointer_mut(path).unwrap() = value;
        run
    };
    let runs = [
        ("1", good.clone()),
        ("2", with("/path", json!(".github/workflows/other.yml"))),
        ("3", with("/event", json!("pull_request"))),
        ("4", with("/head_branch", json!("feature"))),
        ("5", with("/head_repository/full_name", json!("stranger/infrastructure"))),
    ];
    forge.look(|i| i.runs.extend(runs.map(|(name, run)| (name.to_owned(), run))));
    let source = |run: &str| {
        let variables = [
            ("GITHUB_API_URL", forge.url.as_str()),
            ("GITHUB_REPOSITORY", REPOSITORY),
            ("GITHUB_TOKEN", TOKEN),
            ("DEFAULT_BRANCH", "main"),
            ("RUN_ID", run),
        ];
        step(&lab, "plan-source.sh", &variables)
    };
    source("1").expect(0);
    for stranger in ["2", "3", "4", "5", "6"] {
        let run = source(stranger).expect(1);
        assert!(run.stdout.contains(&format!("::error::run {stranger} ")), "{}", run.stdout);
    }
    for no_number in ["", "1/../../issues", "x"] {
        source(no_number).expect(64);
    }
}

/// How many findings there are.
fn findings(lab: &Lab) -> usize {
    let run = lab.run(&["run", "drift-check", "--no-attribution", "--format", "json"]);
    run.json()["findings"].as_array().unwrap().len()
}

fn planned(lab: &Lab) -> Value {
    step(lab, "plan.sh", &[]).expect(0);
    serde_json::from_str(&read(lab, "drift/plan.json")).unwrap()
}

#[test]
fn a_plan_of_the_night_is_applied_where_nothing_but_its_file_is() {
    let lab = Lab::default();
    assert_eq!(findings(&lab), 6);
    let plan = planned(&lab);
    let hash = plan["hash"].as_str().unwrap();
    assert_eq!(read(&lab, "output"), format!("plan={hash}\n"));
    assert!(read(&lab, "summary").contains(hash));
    // A plan changes nothing, and the same world gives the same one.
    assert_eq!(findings(&lab), 6);
    assert_eq!(planned(&lab)["hash"], hash);

    // Another machine: neither what was planned here nor the record of it.
    std::fs::remove_dir_all(lab.path().join(".lab/plans")).unwrap();
    std::fs::remove_file(lab.path().join(".lab/ledger.db")).unwrap();
    let asks: Vec<(&str, &str)> = plan["actions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|a| a["decision"] == "ask")
        .map(|a| (a["remedy"].as_str().unwrap(), a["id"].as_str().unwrap()))
        .collect();
    let (_, recreate) = asks.iter().find(|(remedy, _)| *remedy == "recreate").unwrap();
    assert_eq!(asks.len(), 2, "{asks:?}");
    let chosen = [("PLAN_HASH", &hash["sha256:".len()..][..8]), ("APPROVE", recreate)];
    let run = step(&lab, "apply.sh", &chosen).expect(0);
    // The other action that asks first was not named, so it waits.
    assert!(run.stdout.contains("::warning::applied; what is left waits"), "{}", run.stdout);
    assert!(read(&lab, "summary").contains("6 verified"), "{}", read(&lab, "drift/applied.md"));
    step(&lab, "check.sh", &[]).expect(0);
    assert_eq!(read(&lab, "drift/code"), "0\n");
    // What the workflow keeps for an undo.
    assert!(lab.path().join(".lab/ledger.db").is_file());
    lab.run(&["ledger", "verify"]).expect(0);
}

#[test]
fn another_plan_than_the_chosen_one_is_not_applied() {
    let lab = Lab::default();
    let plan = planned(&lab);
    let hash = plan["hash"].as_str().unwrap().to_owned();
    let other = format!("sha256:{}", "0".repeat(64));
    let never = |variables: &[(&str, &str)], code: i32| {
        let run = step(&lab, "apply.sh", variables).expect(code);
        assert!(run.stdout.contains("::error::"), "{}", run.stdout);
        assert_eq!(findings(&lab), 6, "{variables:?}");
    };
    never(&[("PLAN_HASH", &other)], 64);
    never(&[("PLAN_HASH", "")], 64);
    never(&[("PLAN_HASH", &hash[.."sha256:".len() + 7])], 64);
    never(&[("PLAN_HASH", &hash), ("APPROVE", "A-fa68; true")], 64);

    // A file that says another thing under the same hash.
    let mut forged = plan.clone();
    forged["actions"][0]["decision"] = json!("fix");
    forged["actions"][0]["native_id"] = json!("acme-invoices");
    lab.write("forged.json", forged.to_string());
    let variables = [("PLAN", "forged.json"), ("PLAN_HASH", hash.as_str())];
    let run = step(&lab, "apply.sh", &variables);
    assert_ne!(run.code, 0, "{}", run.stdout);
    assert_eq!(findings(&lab), 6);

    // The world moved since: nothing of the plan runs.
    set_policy(&lab, "acme-lab-datasets", r#".bindings[].members -= ["allUsers"]"#);
    let run = step(&lab, "apply.sh", &[("PLAN_HASH", &hash)]).expect(3);
    assert!(run.stdout.contains("::error::something was refused"), "{}", run.stdout);
    assert_eq!(findings(&lab), 5);
}

#[test]
fn a_name_in_the_log_gives_the_pipeline_no_command() {
    let lab = Lab::default();
    let say = house().join("ci/steps/say.sh");
    let script = format!(
        r#". '{}'; quoted bash -c 'printf "  ::add-mask::x\n##vso[task.setvariable]x\n##[error]x\nplain: ok\n" >&2; exit 3'"#,
        say.display()
    );
    let run = finish(shell(&lab, &["-c", &script])).expect(3);
    assert_eq!(run.stdout, "  : :add-mask::x\n# #vso[task.setvariable]x\n# #[error]x\nplain: ok\n");

    // Our own words are one line, whatever they hold.
    let script = format!(". '{}'; say warning $'50%\\n::error::x'", say.display());
    let run = finish(shell(&lab, &["-c", &script])).expect(0);
    assert_eq!(run.stdout, "::warning::50%25%0A::error::x\n");
    let mut command = shell(&lab, &["-c", &script]);
    command.env_remove("GITHUB_ACTIONS").env("TF_BUILD", "True");
    let run = finish(command).expect(0);
    assert_eq!(run.stdout, "##vso[task.logissue type=warning]50%AZP25%0A::error::x\n");
}

#[test]
fn tokens_of_the_pipeline_become_files_that_the_clouds_chains_read() {
    let lab = Lab::default();
    let script = format!(
        r#"set -euo pipefail
        . '{}'
        for file in "$AWS_WEB_IDENTITY_TOKEN_FILE" "$AZURE_FEDERATED_TOKEN_FILE"; do
          stat -c %a "$file"; cat "$file"; echo
        done
        jq -c . "$GOOGLE_APPLICATION_CREDENTIALS"
        cat "$(jq -r .credential_source.file "$GOOGLE_APPLICATION_CREDENTIALS")"; echo
        env | grep -c ID_TOKEN= || true"#,
        house().join("ci/steps/identity.sh").display()
    );
    let mut command = shell(&lab, &["-c", &script]);
    let provider = "projects/1/locations/global/workloadIdentityPools/ci/providers/forge";
    command.env("TMPDIR", lab.path()).envs([
        ("AWS_ID_TOKEN", "one"),
        ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/drift"),
        ("AZURE_ID_TOKEN", "two"),
        ("AZURE_CLIENT_ID", "c"),
        ("GCP_ID_TOKEN", "three"),
        ("GCP_PROVIDER", provider),
        ("GCP_SERVICE_ACCOUNT", "drift@acme.iam.gserviceaccount.com"),
    ]);
    let run = finish(command).expect(0);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines[..4], ["600", "one", "600", "two"]);
    assert_eq!(lines[5..], ["three", "0"]);
    let google: Value = serde_json::from_str(lines[4]).unwrap();
    assert_eq!(google["type"], "external_account");
    assert_eq!(google["audience"], format!("//iam.googleapis.com/{provider}"));

    // None given, none made: the chain looks elsewhere.
    let script = format!(
        "set -euo pipefail; . '{}'; env | grep -cE 'TOKEN_FILE|GOOGLE_APPLICATION' || true",
        house().join("ci/steps/identity.sh").display()
    );
    let mut command = shell(&lab, &["-c", &script]);
    command.env("TMPDIR", lab.path());
    assert_eq!(finish(command).expect(0).stdout, "0\n");
}

/// What a linter does not know of this house: no shell stands in a workflow, so that what runs
/// there is what runs here, and every action is named by its content.
#[test]
fn the_workflows_are_made_of_these_steps() {
    let steps = house().join("ci/steps");
    let mut seen = 0;
    for name in ["drift-check.yml", "remediate.yml"] {
        let text = std::fs::read_to_string(house().join("ci/github").join(name)).unwrap();
        assert!(text.contains("\npermissions: {}\n"), "{name}");
        assert_eq!(text.matches("timeout-minutes:").count(), text.matches("runs-on:").count());
        assert!(!text.contains("secrets."), "{name}: no key is stored");
        for line in text.lines().map(str::trim) {
            if let Some(run) = line.strip_prefix("run: ").or(line.strip_prefix("- run: "))
                && !run.starts_with("${{ inputs")
            {
                let script = run.strip_prefix("bash ci/steps/").unwrap_or_else(|| panic!("{line}"));
                assert!(steps.join(script).is_file(), "{name}: {script}");
                seen += 1;
            }
            if let Some(action) = line.strip_prefix("uses: ") {
                let (_, at) = action.split_once('@').unwrap();
                let (hash, version) = at.split_once(" # v").unwrap_or_else(|| panic!("{line}"));
                assert!(hash.len() == 40 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{line}");
                assert_eq!(version.split('.').count(), 3, "{line}");
                seen += 1;
            }
        }
    }
    assert!(seen > 15, "the workflows were not read");
    // The nightly check has no word that applies.
    let nightly = std::fs::read_to_string(house().join("ci/github/drift-check.yml")).unwrap();
    assert!(!nightly.contains("apply"), "{nightly}");
}
