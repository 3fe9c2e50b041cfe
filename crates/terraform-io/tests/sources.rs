//! Files, globs, folders and Terraform roots on a disk.

use std::fs;
use std::path::Path;
use terraform_io::source::{Found, expand};
use terraform_io::{Backend, SourceError, StateFile, StateSource};

fn write(root: &Path, file: &str, text: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().expect("a folder")).expect("creating it");
    fs::write(path, text).expect("writing it");
}

fn one(text: &str) -> Result<Vec<Found>, SourceError> {
    let (found, mut errors) = expand(&[StateSource::parse(text).expect("a source")]);
    errors.pop().map_or(Ok(found), Err)
}

fn names(root: &Path, text: &str) -> Vec<String> {
    let found = one(&format!("{}/{text}", root.display())).expect("files");
    let prefix = format!("{}/", root.display());
    found.iter().map(|f| f.file.to_string().replace(&prefix, "")).collect()
}

fn pointer(kind: &str, config: &str) -> String {
    format!(
        r#"{{"version":3,"serial":1,"backend":{{"type":"{kind}","config":{config},"hash":1}}}}"#
    )
}

#[test]
fn globs_stay_out_of_hidden_folders() {
    let dir = tempfile::tempdir().unwrap();
    for file in
        ["a.tfstate", "x/b.tfstate", "x/y/c.tfstate", "x/.terraform/terraform.tfstate", "x/d.txt"]
    {
        write(dir.path(), file, "{}");
    }
    assert_eq!(names(dir.path(), "*.tfstate"), ["a.tfstate"]);
    assert_eq!(names(dir.path(), "**/*.tfstate"), ["a.tfstate", "x/b.tfstate", "x/y/c.tfstate"]);
    assert_eq!(names(dir.path(), "x/{b,d}.*"), ["x/b.tfstate", "x/d.txt"]);
    assert_eq!(names(dir.path(), "x/.terraform/*"), ["x/.terraform/terraform.tfstate"]);
    let error = one(&format!("{}/*.json", dir.path().display())).unwrap_err();
    assert_eq!(error.what, "no file matches");
}

#[test]
fn a_file_is_itself_and_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "odd[1].tfstate", "{}");
    assert_eq!(names(dir.path(), "odd[1].tfstate"), ["odd[1].tfstate"]);
    let at = |name: &str| StateSource::Local(format!("{}/{name}", dir.path().display()));
    let (found, errors) =
        expand(&[at("odd[1].tfstate"), at("*.tfstate"), StateSource::Stdin, at("")]);
    assert_eq!((found.len(), errors.len()), (2, 0));
    // What is not there is for the reader of the file to say.
    assert_eq!(one("none.tfstate").unwrap()[0].file.to_string(), "none.tfstate");
}

#[test]
fn a_folder_of_states_and_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let error = one(&dir.path().display().to_string()).unwrap_err();
    assert!(error.what.starts_with("a folder without a state"), "{error}");
    write(dir.path(), "terraform.tfstate", "{}");
    write(dir.path(), "terraform.tfstate.backup", "{}");
    write(dir.path(), "other.tfstate", "{}");
    assert_eq!(names(dir.path(), ""), ["other.tfstate", "terraform.tfstate"]);
}

#[test]
fn a_root_leads_to_its_backend() {
    let dir = tempfile::tempdir().unwrap();
    let config = r#"{"bucket":"tf-states","key":"prod/app.tfstate","region":"eu-west-1",
        "secret_key":"CANARY","endpoints":{"s3":"http://127.0.0.1:9"},
        "assume_role":{"role_arn":"arn:aws:iam::111122223333:role/state"}}"#;
    write(dir.path(), ".terraform/terraform.tfstate", &pointer("s3", config));
    let root = dir.path().display().to_string();
    let found = one(&root).unwrap();
    assert_eq!(found[0].file.to_string(), "s3://tf-states/prod/app.tfstate");
    let Some(Backend::S3 { region, endpoint, role_arn, workspace, .. }) = &found[0].backend else {
        panic!("{found:?}");
    };
    assert_eq!(region.as_deref(), Some("eu-west-1"));
    assert_eq!(endpoint.as_deref(), Some("http://127.0.0.1:9"));
    assert_eq!(role_arn.as_deref(), Some("arn:aws:iam::111122223333:role/state"));
    assert_eq!(workspace, "default");
    assert!(!format!("{found:?}").contains("CANARY"));

    write(dir.path(), ".terraform/environment", "stage\n");
    let found = one(&root).unwrap();
    assert_eq!(found[0].file.to_string(), "s3://tf-states/env:/stage/prod/app.tfstate");
    let config = r#"{"bucket":"b","key":"k","workspace_key_prefix":"ws"}"#;
    write(dir.path(), ".terraform/terraform.tfstate", &pointer("s3", config));
    assert_eq!(one(&root).unwrap()[0].file.to_string(), "s3://b/ws/stage/k");
}

#[test]
fn a_local_root_leads_to_its_file() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), ".terraform/providers/x", "");
    let root = dir.path().display().to_string();
    assert!(one(&root).unwrap_err().what.starts_with("a Terraform root without a state"));
    write(dir.path(), "terraform.tfstate", "{}");
    write(dir.path(), "other.tfstate", "{}");
    assert_eq!(names(dir.path(), ""), ["terraform.tfstate"]);
    write(dir.path(), ".terraform/environment", "stage");
    write(dir.path(), "terraform.tfstate.d/stage/terraform.tfstate", "{}");
    assert_eq!(names(dir.path(), ""), ["terraform.tfstate.d/stage/terraform.tfstate"]);
    fs::remove_file(dir.path().join(".terraform/environment")).unwrap();
    write(
        dir.path(),
        ".terraform/terraform.tfstate",
        &pointer("local", r#"{"path":"other.tfstate","workspace_dir":null}"#),
    );
    assert_eq!(names(dir.path(), ""), ["other.tfstate"]);
}

#[test]
fn other_backends_are_named_with_the_way_to_their_state() {
    let dir = tempfile::tempdir().unwrap();
    let ask = |kind: &str, config: &str| {
        write(dir.path(), ".terraform/terraform.tfstate", &pointer(kind, config));
        one(&dir.path().display().to_string()).unwrap_err()
    };
    let error = ask("gcs", r#"{"bucket":"tf","prefix":"prod/"}"#);
    assert!(error.what.contains("backend gcs"), "{error}");
    assert_eq!(error.next_step, "give the state itself: --state gs://tf/prod/default.tfstate");
    let error = ask(
        "azurerm",
        r#"{"storage_account_name":"acme","container_name":"tf","key":"p.tfstate","access_key":"CANARY"}"#,
    );
    assert_eq!(error.next_step, "give the state itself: --state azblob://acme/tf/p.tfstate");
    let error = ask("remote", r#"{"hostname":"app.terraform.io","token":"CANARY"}"#);
    assert!(error.what.contains("backend remote") && error.next_step.contains("state pull"));
    let error = ask("s3", "{}");
    assert_eq!(error.what, "the s3 backend has no bucket");
    write(dir.path(), ".terraform/terraform.tfstate", "{\n  oops");
    let error = one(&dir.path().display().to_string()).unwrap_err();
    assert!(error.what.starts_with("line 2, column "), "{error}");
}

#[test]
fn good_sources_go_on_beside_bad_ones() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.tfstate", "{}");
    let sources = ["*.none", "a.tfstate"]
        .map(|name| StateSource::Local(format!("{}/{name}", dir.path().display())));
    let (found, errors) = expand(&sources);
    assert_eq!((found.len(), errors.len()), (1, 1));
    assert!(matches!(&found[0].file, StateFile::Local(p) if p.ends_with("a.tfstate")));
}
