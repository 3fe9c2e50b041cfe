//! The program as a user runs it, over the shipped lab or over a state of one's own, with the local
//! clouds served beside it.

use crate::log;
use crate::stage::{GUARD, attributes, flags, managed, state};
use journeys::lab::{Lab, Run, finish};
use model::{Attributes, Resource};
use provider::Connection;
use provider::audit_log::About;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// A folder in which the shipped lab is laid out; each test works on a copy.
fn laid_out() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let lab = Lab::default();
        lab.run(&["run", "drift-check", "-q"]).expect(2);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("laid-out");
        let _ = std::fs::remove_dir_all(&folder);
        copy(&lab.path().join(".lab"), &folder);
        folder
    })
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to),
            false => drop(std::fs::copy(entry.path(), to).unwrap()),
        }
    }
}

pub struct Desk {
    pub lab: Lab,
    /// The variables of callers that were asked for.
    known: Mutex<BTreeMap<String, Vec<(String, String)>>>,
}

impl Desk {
    /// The shipped lab with its slip, served.
    pub fn laid_out() -> Desk {
        let lab = Lab::default();
        copy(laid_out(), &lab.path().join(".lab"));
        Desk::served(lab)
    }

    /// Accounts and callers, and nothing in them.
    pub fn founded() -> Desk {
        Desk::served(Lab::default())
    }

    fn served(lab: Lab) -> Desk {
        lab.run(&["cloud", "start"]).expect(0);
        Desk { lab, known: Mutex::default() }
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.lab.run(arguments)
    }

    /// With variables of the environment.
    pub fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Run {
        let mut command = self.lab.command(arguments);
        command.envs(variables.iter().copied());
        finish(command)
    }

    /// Plans; what waits or would be fixed makes it 2.
    #[track_caller]
    pub fn plan(&self, more: &[&str]) -> Value {
        let mut arguments = vec!["run", "remediate", "--format", "json"];
        arguments.extend(more);
        self.run(&arguments).expect(2).json()
    }

    /// Applies, and gives what the terminal shows.
    pub fn apply(&self, plan: &Value, more: &[&str]) -> Run {
        let hash = plan["hash"].as_str().unwrap();
        let mut arguments = vec!["run", "remediate", "--apply", "--plan", hash];
        arguments.extend(more);
        self.run(&arguments)
    }

    /// Applies, and gives the plan with the states as they now are.
    #[track_caller]
    pub fn applied(&self, plan: &Value, more: &[&str], code: i32) -> Value {
        let mut arguments = vec!["--format", "json"];
        arguments.extend(more);
        self.apply(plan, &arguments).expect(code).json()
    }

    pub fn fault(&self, arguments: &[&str]) {
        let mut all = vec!["cloud", "fault", "set"];
        all.extend(arguments);
        self.run(&all).expect(0);
    }

    pub fn calm(&self) {
        self.run(&["cloud", "fault", "clear"]).expect(0);
    }

    pub fn environment(&self, caller: &str) -> Vec<(String, String)> {
        if let Some(known) = self.known.lock().unwrap().get(caller) {
            return known.clone();
        }
        let env = ["cloud", "env", "--as", caller, "--format", "json"];
        let env = self.run(&env).expect(0).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let env: Vec<_> =
            env.as_object().unwrap().iter().map(|(name, v)| (name.clone(), text(v))).collect();
        self.known.lock().unwrap().insert(caller.to_owned(), env.clone());
        env
    }

    /// One cloud as a caller that may exist in no other.
    pub async fn aws(&self, caller: &str) -> Connection {
        let own = self.environment(caller);
        let url = &own.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().1;
        let aws = provider_aws::ConnectOptions::from_variables(&own, url);
        provider_aws::connect(aws).await.unwrap()
    }

    /// The three clouds as one caller.
    pub async fn cast(&self, caller: &str) -> Vec<Connection> {
        let own = self.environment(caller);
        let url = &own.iter().find(|(name, _)| name == "AWS_ENDPOINT_URL").unwrap().1;
        let aws = provider_aws::ConnectOptions::from_variables(&own, url);
        let azure = provider_azure::ConnectOptions::from_variables(&own, url);
        let gcp = provider_gcp::ConnectOptions::from_variables(&own, url);
        vec![
            provider_aws::connect(aws).await.unwrap(),
            provider_azure::connect(azure).await.unwrap(),
            provider_gcp::connect(gcp).await.unwrap(),
        ]
    }

    /// What the remediator changed, by the clouds' own logs: the names of the calls, sorted.
    pub fn fixes(&self) -> Vec<String> {
        block_on(async {
            let (log_reader, us) = (self.cast("log-reader").await, self.cast("remediator").await);
            let mut calls = Vec::new();
            for (log_reader, us) in log_reader.iter().zip(&us) {
                let events = log::changes(log_reader, us, About::Everything).await;
                calls.extend(events.into_iter().map(|e| e.operation));
            }
            calls.sort();
            calls
        })
    }

    pub fn entries(&self) -> Vec<Value> {
        let json = self.run(&["ledger", "list", "--format", "json"]).expect(0).json();
        json["entries"].as_array().unwrap().clone()
    }

    /// The bodies of the entries of one kind.
    pub fn bodies(&self, kind: &str) -> Vec<Value> {
        let of_kind = self.entries().into_iter().filter(|e| e["kind"] == kind);
        of_kind.map(|e| e["body"].clone()).collect()
    }

    /// Buckets whose guards Maya has taken down, as a state wants them: guarded.
    pub fn unguarded(&self, buckets: &[&str]) -> Vec<Value> {
        block_on(async {
            let (deployer, maya) = (self.aws("deployer").await, self.aws("maya.chen").await);
            let (deployer, maya) = (deployer.writer, maya.writer);
            let mut resources = Vec::new();
            for name in buckets {
                let bucket = attributes(json!({"bucket": name}));
                deployer.create(&"aws_s3_bucket".into(), &bucket).await.unwrap();
                let mut guard = flags(true);
                guard.insert("bucket".to_owned(), (*name).into());
                let guard = deployer.create(&GUARD.into(), &guard).await.unwrap();
                maya.update(&guard, &flags(false)).await.unwrap();
                resources.push(managed(&name.replace('-', "_"), &guard));
            }
            resources
        })
    }

    pub fn state(&self, name: &str, serial: u64, resources: &[Value]) -> PathBuf {
        self.lab.write(name, state(serial, resources).to_string())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // A test that failed leaves no process behind either.
        let mut stop = self.lab.command(&["cloud", "stop"]);
        let _ =
            stop.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).status();
    }
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A resource of AWS's to write to, whatever is there.
pub fn resource(kind: &str, id: &str) -> Resource {
    Resource {
        cloud: provider_aws::CLOUD,
        account: None,
        region: None,
        kind: kind.into(),
        native_id: id.to_owned(),
        attributes: Attributes::new(),
    }
}

/// The action of a plan that is about this address.
#[track_caller]
pub fn action<'p>(plan: &'p Value, address: &str) -> &'p Value {
    let actions = plan["actions"].as_array().unwrap();
    let found = actions.iter().find(|a| a["address"] == address);
    found.unwrap_or_else(|| panic!("no action for {address}: {plan:#}"))
}

#[track_caller]
pub fn id<'p>(plan: &'p Value, address: &str) -> &'p str {
    action(plan, address)["id"].as_str().unwrap()
}

/// Each action's state, in the order of the plan.
pub fn states(plan: &Value) -> Vec<&str> {
    let actions = plan["actions"].as_array().unwrap();
    actions.iter().map(|a| a["state"].as_str().unwrap()).collect()
}

pub fn count(plan: &Value, state: &str) -> usize {
    states(plan).into_iter().filter(|s| *s == state).count()
}
