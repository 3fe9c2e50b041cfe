//! A target that is not the lab: here its sections point at the local clouds as if they
//! were real.

use journeys::lab::Lab;

#[test]
fn a_real_target_refuses_the_labs_environment() {
    let lab = Lab::default();
    lab.write("lab.toml", "[targets.prod]\nstates = [\"x.tfstate\"]\n");
    lab.write(
        "x.tfstate",
        r#"{"version":4,"serial":1,"lineage":"l","terraform_version":"1","resources":[]}"#,
    );
    let mut command = lab.command(&["run", "drift-check", "--target", "prod"]);
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let run = journeys::lab::finish(command).expect(64);
    assert!(run.stderr.contains("AWS_ENDPOINT_URL"), "{}", run.stderr);
}

#[test]
fn a_target_with_an_endpoint_runs_and_doctor_knows_it() {
    let lab = Lab::default();
    lab.run(&["cloud", "start"]).expect(0);
    lab.run(&["run", "drift-check", "-q"]).expect(2);
    let env =
        lab.run(&["cloud", "env", "--as", "drift-reader", "--format", "json"]).expect(0).json();
    let endpoint = env["AWS_ENDPOINT_URL"].as_str().unwrap();
    lab.write(
        "lab.toml",
        format!("[targets.test]\n[targets.test.aws.\"111122223333\"]\nendpoint = \"{endpoint}\"\n"),
    );
    let credentials = |arguments: &[&str]| {
        let mut command = lab.command(arguments);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
            command.env(name, env[name].as_str().unwrap());
        }
        journeys::lab::finish(command)
    };
    let doctor = credentials(&["doctor", "--target", "test"]).expect(0);
    assert!(doctor.stdout.contains("111122223333"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("drift-reader"), "{}", doctor.stdout);
    // No credentials at all is an answer as well.
    let run = lab.run(&["doctor", "--target", "test"]).expect(3);
    assert!(run.stdout.to_lowercase().contains("credentials"), "{}", run.stdout);
    let grant = lab.run(&["doctor", "--grant", "drift-check"]).expect(0);
    for permission in [
        "s3:GetBucketPolicy",
        "Microsoft.Storage/storageAccounts/read",
        "storage.buckets.getIamPolicy",
    ] {
        assert!(grant.stdout.contains(permission), "{permission}: {}", grant.stdout);
    }
    lab.run(&["cloud", "stop"]).expect(0);
}
