//! `lab cloud`: in the background, for one command, after a kill.

use journeys::lab::{Lab, finish, wait};
use std::process::Stdio;

#[test]
fn start_answers_attach_and_stop() {
    let lab = Lab::default();
    lab.run(&["cloud", "start"]).expect(0);
    let status = lab.run(&["cloud", "status", "--format", "json"]).expect(0).json();
    assert_eq!(status["clouds"], serde_json::json!(["aws", "azure", "gcp"]));
    let env = lab.run(&["cloud", "env"]).expect(0);
    for name in ["AWS_ENDPOINT_URL=http://127.0.0.1:", "HTTPS_PROXY=", "ARM_CLIENT_ID="] {
        assert!(env.stdout.contains(&format!("export {name}")), "{name}: {}", env.stdout);
    }
    // The first exercise lays the lab out into the running cloud.
    let run = lab.run(&["run", "drift-check"]).expect(2);
    assert!(run.stderr.contains("Prepared"), "{}", run.stderr);
    let callers = lab.run(&["cloud", "callers"]).expect(0);
    for name in ["deployer", "drift-reader", "log-reader", "remediator", "maya.chen"] {
        assert!(callers.stdout.contains(name), "{name}: {}", callers.stdout);
    }
    lab.run(&["cloud", "stop"]).expect(0);
    let status = lab.run(&["cloud", "status"]).expect(0);
    assert!(status.stderr.contains("Not running"), "{}", status.stderr);
    lab.run(&["run", "drift-check", "-q"]).expect(2);
    lab.run(&["cloud", "reset"]).expect(0);
    assert!(!lab.path().join(".lab/cloud").exists());
}

#[test]
fn exec_gives_the_commands_own_exit_code_and_an_unknown_caller_is_named() {
    let lab = Lab::default();
    let run = lab.run(&["cloud", "exec", "--", "sh", "-c", "echo $AWS_ENDPOINT_URL; exit 7"]);
    let run = run.expect(7);
    assert!(run.stdout.starts_with("http://127.0.0.1:"), "{}", run.stdout);
    let run = lab.run(&["cloud", "exec", "--as", "nobody", "--", "true"]).expect(1);
    assert!(run.stderr.contains("nobody") && run.stderr.contains("deployer"), "{}", run.stderr);
    let run = lab.run(&["cloud", "exec", "--", "no-such-command-here"]).expect(127);
    assert!(run.stderr.contains("no-such-command-here"), "{}", run.stderr);
}

#[test]
fn a_port_in_use_is_named() {
    let lab = Lab::default();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let run = lab.run(&["cloud", "start", "--port", &port]).expect(1);
    assert!(run.stderr.contains(&port) && run.stderr.contains("--port"), "{}", run.stderr);
}

#[test]
fn a_second_process_is_told_who_holds_the_folder() {
    let lab = Lab::default();
    let mut holder = lab.command(&["cloud", "exec", "--", "sleep", "30"]);
    let mut holder = holder.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let place = lab.path().join(".lab/cloud/endpoint.json");
    while !place.exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    std::fs::remove_file(&place).unwrap();
    let run = lab.run(&["run", "drift-check"]).expect(1);
    assert!(run.stderr.contains("lab cloud exec"), "{}", run.stderr);
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[test]
#[cfg(unix)]
fn what_was_answered_survives_a_kill() {
    let lab = Lab::default();
    lab.run(&["run", "drift-check", "-q"]).expect(2);
    for _ in 0..3 {
        let mut server = lab.command(&["cloud", "start", "--foreground"]);
        let mut server = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let place = lab.path().join(".lab/cloud/endpoint.json");
        while !place.exists() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let run = lab.run(&["run", "drift-check", "--format", "json"]).expect(2);
        assert_eq!(run.json()["partial"], false);
        server.kill().unwrap();
        server.wait().unwrap();
    }
    let run = lab.run(&["run", "drift-check", "--format", "json"]).expect(2);
    assert!(run.json()["findings"].as_array().unwrap().len() >= 5);
}

#[test]
#[cfg(unix)]
fn an_interrupted_lay_out_starts_over() {
    let lab = Lab::default();
    let child = lab
        .command(&["run", "drift-check"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mark = lab.path().join(".lab/cloud/unfinished");
    while !mark.exists() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(kill.success());
    let run = wait(child);
    assert_eq!(run.code, 130, "{}{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("interrupted"));
    let run = lab.run(&["run", "drift-check"]).expect(2);
    assert!(run.stderr.contains("Prepared"), "{}", run.stderr);
}

#[test]
#[cfg(unix)]
fn a_closed_pipe_is_a_quiet_end() {
    let lab = Lab::default();
    lab.run(&["run", "drift-check", "-q"]).expect(2);
    let mut command = lab.command(&["run", "drift-check", "--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let run = wait(child);
    assert!(!run.stderr.contains("error") && !run.stderr.contains("panicked"), "{}", run.stderr);
    let full = std::path::Path::new("/dev/full");
    if full.exists() {
        let mut command = lab.command(&["run", "drift-check", "-o", "/dev/full"]);
        command.stdout(Stdio::null());
        let run = finish(command).expect(1);
        assert!(run.stderr.contains("/dev/full"), "{}", run.stderr);
    }
}
