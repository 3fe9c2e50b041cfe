//! Three clouds in this process, resources and states of their own, and the use-cases over them as
//! the command line calls them. What was written is counted in the clouds' own logs.

use crate::log;
use auto_remediation::engine::{Hands, Origin, StateNow, World};
use auto_remediation::{Engine, Policy, Step};
use drift_detector::{DriftIgnore, Selection};
use ledger::{Ledger, SqliteLedger};
use local_cloud::control::{Answer, Ask};
use local_cloud::running::{LocalCloud, Running, Start};
use model::remediation::{Identified, IdentifiedBy};
use model::report::Tool;
use model::{Action, Attributes, KindName, Live, RemediationPlan, Resource, Timestamp};
use operations::remediation::applying::Lease;
use operations::remediation::{
    Applied, ApplyRequest, ApproveRequest, FixCloud, PlanRequest, Powers, RemediationError,
};
use operations::{Account, CheckCloud, CheckRequest, Silent, StateInput, Who};
use provider::audit_log::About;
use provider::{Connection, Wanted};
use serde_json::{Value, json};
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Mutex;

pub const GUARD: &str = "aws_s3_bucket_public_access_block";
pub const POLICY: &str = "aws_s3_bucket_policy";
pub const ACCOUNT: &str = "azurerm_storage_account";
pub const CONTAINER: &str = "azurerm_storage_container";
pub const BINDING: &str = "google_storage_bucket_iam_binding";
pub const MEMBER: &str = "google_storage_bucket_iam_member";
pub const FLAGS: [&str; 4] =
    ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"];

static CLOCK: fn() -> Timestamp = local_cloud::Clock::real;

pub fn now() -> Timestamp {
    CLOCK()
}

pub fn attributes(json: Value) -> Attributes {
    serde_json::from_value(json).unwrap()
}

pub fn flags(on: bool) -> Attributes {
    FLAGS.iter().map(|flag| ((*flag).to_owned(), on.into())).collect()
}

/// One resource of a state, as its cloud gave it when it was made.
pub fn managed(name: &str, resource: &Resource) -> Value {
    let kind = resource.kind.as_str();
    let provider = match kind.split('_').next() {
        Some("aws") => "aws",
        Some("azurerm") => "azurerm",
        _ => "google",
    };
    let version = match kind {
        ACCOUNT => 4,
        "google_storage_bucket" => 3,
        CONTAINER => 1,
        _ => 0,
    };
    json!({
        "mode": "managed", "type": kind, "name": name,
        "provider": format!("provider[\"registry.terraform.io/hashicorp/{provider}\"]"),
        "instances": [{ "schema_version": version, "attributes": resource.attributes }],
    })
}

pub fn state(serial: u64, resources: &[Value]) -> Value {
    json!({
        "version": 4, "terraform_version": "1.11.4", "serial": serial,
        "lineage": "6f1d2b9c-6d0a-4c1e-9f7e-0d9f5b1f2a11", "outputs": {}, "resources": resources,
    })
}

pub struct Stage {
    pub running: Running,
    pub deployer: Vec<Connection>,
    log_reader: Vec<Connection>,
    remediator: Vec<Connection>,
    pub folder: tempfile::TempDir,
    states: Mutex<usize>,
}

impl Stage {
    pub async fn start() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let cloud = folder.path().join("cloud");
        let start = Start { folder: &cloud, holder: "test", port: None, allowed: Vec::new() };
        let running = LocalCloud::start(start, |ground| {
            vec![
                local_cloud_aws::service(ground.clone()),
                local_cloud_azure::service(ground.clone()),
                local_cloud_gcp::service(ground.clone()),
            ]
        })
        .await
        .unwrap();
        let deployer = connections(&running, "deployer").await;
        let log_reader = connections(&running, "log-reader").await;
        let remediator = connections(&running, "remediator").await;
        Stage { running, deployer, log_reader, remediator, folder, states: Mutex::new(0) }
    }

    pub async fn cast(&self, caller: &str) -> Vec<Connection> {
        connections(&self.running, caller).await
    }

    /// The deployer's hands on the cloud of a kind.
    pub fn of(&self, kind: &str) -> &Connection {
        let kind = KindName::from(kind);
        self.deployer.iter().find(|c| c.catalog.owns(&kind)).unwrap()
    }

    /// Somebody else than the remediator makes a resource.
    pub async fn make(&self, kind: &str, wanted: Value) -> Resource {
        self.of(kind).writer.create(&kind.into(), &attributes(wanted)).await.unwrap()
    }

    pub async fn change(&self, resource: &Resource, to: Attributes) {
        let current = self.live(resource).await.unwrap();
        self.of(resource.kind.as_str()).writer.update(&current, &to).await.unwrap();
    }

    pub async fn remove(&self, resource: &Resource) {
        let current = self.live(resource).await.unwrap();
        self.of(resource.kind.as_str()).writer.delete(&current).await.unwrap();
    }

    pub async fn live(&self, resource: &Resource) -> Option<Resource> {
        let mut wanted = Wanted::new(resource.kind.clone(), resource.native_id.clone());
        wanted.region = resource.region.clone();
        wanted.recorded = resource.attributes.clone();
        match self.of(resource.kind.as_str()).reader.read(&wanted).await {
            Live::Present(live) => Some(live),
            Live::Absent => None,
            Live::Unknown(why) => panic!("{} {}: {why:?}", resource.kind, resource.native_id),
        }
    }

    pub async fn read(&self, kind: &str, id: &str) -> Resource {
        match self.of(kind).reader.read(&Wanted::new(kind, id)).await {
            Live::Present(live) => live,
            other => panic!("{kind} {id}: {other:?}"),
        }
    }

    /// A bucket with its guard up.
    pub async fn guarded(&self, name: &str) -> Resource {
        self.make("aws_s3_bucket", json!({ "bucket": name })).await;
        let mut guard = flags(true);
        guard.insert("bucket".to_owned(), name.into());
        self.of(GUARD).writer.create(&GUARD.into(), &guard).await.unwrap()
    }

    /// A storage account in a group of its own, closed to strangers.
    pub async fn account(&self, name: &str) -> Resource {
        let group = json!({"name": name, "location": "westeurope"});
        self.make("azurerm_resource_group", group).await;
        let account = json!({
            "name": name, "resource_group_name": name, "location": "westeurope",
            "account_tier": "Standard", "account_replication_type": "LRS",
            "allow_nested_items_to_be_public": false,
        });
        self.make(ACCOUNT, account).await
    }

    async fn gcs_bucket(&self, name: &str) {
        let bucket = json!({
            "name": name, "location": "EU", "uniform_bucket_level_access": true,
            "public_access_prevention": "inherited",
        });
        self.make("google_storage_bucket", bucket).await;
    }

    /// A bucket of Google's whose objects these members may read.
    pub async fn binding(&self, name: &str, members: &[&str]) -> Resource {
        self.gcs_bucket(name).await;
        let binding = json!({
            "bucket": format!("b/{name}"), "role": "roles/storage.objectViewer",
            "members": members,
        });
        self.make(BINDING, binding).await
    }

    /// A bucket of Google's that this member may look into.
    pub async fn member(&self, name: &str, member: &str) -> Resource {
        self.gcs_bucket(name).await;
        let member = json!({
            "bucket": format!("b/{name}"), "role": "roles/storage.legacyBucketReader",
            "member": member,
        });
        self.make(MEMBER, member).await
    }

    pub fn state(&self, serial: u64, resources: &[Value]) -> PathBuf {
        let mut number = self.states.lock().unwrap();
        *number += 1;
        let path = self.folder.path().join(format!("state-{number}.tfstate"));
        std::fs::write(&path, state(serial, resources).to_string()).unwrap();
        path
    }

    pub fn ledger(&self, name: &str) -> SqliteLedger {
        SqliteLedger::open(self.folder.path().join(name)).unwrap()
    }

    pub async fn powers(&self) -> Powers<'static> {
        powers_of(&self.remediator).await
    }

    /// The cloud of a kind alone.
    pub async fn powers_over(&self, kind: &str) -> Powers<'static> {
        let kind = KindName::from(kind);
        let one = self.remediator.iter().find(|c| c.catalog.owns(&kind)).unwrap();
        powers_of(std::slice::from_ref(one)).await
    }

    /// What the remediator changed in a resource, by the cloud's own log: the names of the calls,
    /// oldest first.
    pub async fn fixes(&self, resource: &Resource) -> Vec<String> {
        let of_cloud = |all: &[Connection]| {
            all.iter().find(|c| c.catalog.owns(&resource.kind)).unwrap().clone()
        };
        let about = About::Resources(vec![(resource.kind.clone(), resource.native_id.clone())]);
        let (log_reader, us) = (of_cloud(&self.log_reader), of_cloud(&self.remediator));
        let events = log::changes(&log_reader, &us, about).await;
        events.into_iter().map(|e| e.operation).collect()
    }
}

async fn connections(running: &Running, caller: &str) -> Vec<Connection> {
    let ask = Ask::Environment { caller: Some(caller.to_owned()) };
    let Answer::Environment { variables } = running.ask(ask).await.unwrap() else {
        panic!("{caller} has no environment");
    };
    let url = running.endpoints().url();
    let aws = provider_aws::ConnectOptions::from_variables(&variables, &url);
    let azure = provider_azure::ConnectOptions::from_variables(&variables, &url);
    let gcp = provider_gcp::ConnectOptions::from_variables(&variables, &url);
    vec![
        provider_aws::connect(aws).await.unwrap(),
        provider_azure::connect(azure).await.unwrap(),
        provider_gcp::connect(gcp).await.unwrap(),
    ]
}

pub async fn powers_of(connections: &[Connection]) -> Powers<'static> {
    let clouds = connections
        .iter()
        .map(|c| FixCloud {
            check: CheckCloud {
                catalog: c.catalog,
                accounts: vec![Ok(Account {
                    expected: None,
                    reader: c.reader.clone(),
                    audit: c.audit.clone(),
                    objects: c.objects.clone(),
                })],
            },
            writers: vec![Some(c.writer.clone())],
        })
        .collect();
    Powers::of(clouds, &[], &CLOCK).await
}

pub fn me() -> Identified {
    Identified { name: "tester".to_owned(), by: IdentifiedBy::Machine }
}

/// One state under one policy with one ledger.
pub struct Case<'a> {
    pub powers: &'a Powers<'static>,
    pub ledger: &'a SqliteLedger,
    pub state: PathBuf,
    pub policy: Policy,
    pub unmanaged: bool,
    /// Ids of what this case is about, where others lie in the same account.
    pub only: Vec<String>,
}

impl<'a> Case<'a> {
    pub fn new(powers: &'a Powers<'static>, ledger: &'a SqliteLedger, state: PathBuf) -> Case<'a> {
        // Many cases share a ledger and a minute; what the belts do is asked elsewhere.
        let policy = "[belts]\nchanges_per_run = 5000\nchanges_per_minute = 5000\n\
                      fixes_per_hour = 5000\n";
        let policy = Policy::parse(policy, "remediation.toml").unwrap();
        Case { powers, ledger, state, policy, unmanaged: false, only: Vec::new() }
    }

    fn check(&self) -> CheckRequest {
        let text = self.state.display().to_string();
        CheckRequest {
            target: "test".to_owned(),
            states: vec![StateInput::Source(terraform_io::StateSource::parse(&text).unwrap())],
            only: Selection::default(),
            ignore: DriftIgnore::default(),
            unmanaged: self.unmanaged,
            who: Who::NotAsked,
            probe: false,
            tool: Tool { name: "lab".to_owned(), version: "0".to_owned() },
        }
    }

    /// Plans, as `lab run remediate` does: what a cut-off run left open is settled first.
    pub async fn plan(&self) -> RemediationPlan {
        let request = PlanRequest {
            check: self.check(),
            by: Some(me()),
            max_changes: None,
            only: self.only.clone(),
            settle: Some(Lease::Alone),
        };
        let made = operations::remediation::make_plan(
            request,
            self.powers,
            &self.policy,
            self.ledger,
            &Silent,
        )
        .await
        .unwrap();
        assert!(!made.report.states.is_empty(), "{:?}", made.report.errors);
        made.plan
    }

    pub async fn apply(&self, plan: &RemediationPlan) -> Result<Applied, RemediationError> {
        self.apply_with(plan, self.ledger).await
    }

    pub async fn apply_with(
        &self,
        plan: &RemediationPlan,
        ledger: &dyn Ledger,
    ) -> Result<Applied, RemediationError> {
        let request = ApplyRequest {
            plan: plan.clone(),
            check: self.check(),
            by: Some(me()),
            only: Vec::new(),
            max_changes: None,
            probe: false,
            lease: Lease::Alone,
        };
        operations::remediation::apply(request, self.powers, &self.policy, ledger, &Silent).await
    }

    pub async fn approve(&self, plan: &RemediationPlan, action: &Action) {
        let request = ApproveRequest { plan, action, by: me(), now: now() };
        operations::remediation::approve(request, &self.policy, self.ledger).await.unwrap();
    }

    pub fn engine<'e>(&'e self, plan: &str, world: &'e dyn World) -> Engine<'e> {
        Engine {
            world,
            ledger: self.ledger,
            target: "test".to_owned(),
            plan: plan.to_owned(),
            by: Some(me()),
            probe: false,
            origin: Origin::Run,
        }
    }
}

type Meanwhile<'a> = dyn Fn() + Send + Sync + 'a;

/// The clouds, and what happens at one step: the process ends there, or somebody else acts.
pub struct At<'a> {
    pub powers: &'a Powers<'static>,
    pub step: Step,
    pub then: Then<'a>,
}

pub enum Then<'a> {
    Ends,
    Meanwhile(&'a Meanwhile<'a>),
}

#[async_trait::async_trait]
impl World for At<'_> {
    fn hands(&self, action: &Action) -> Result<Hands, String> {
        self.powers.hands(action)
    }

    async fn state(&self, source: &str) -> Result<StateNow, String> {
        self.powers.state(source).await
    }

    fn now(&self) -> Timestamp {
        self.powers.now()
    }

    fn reached(&self, _action: &Action, step: Step) -> ControlFlow<()> {
        if step != self.step {
            return ControlFlow::Continue(());
        }
        match self.then {
            Then::Ends => ControlFlow::Break(()),
            Then::Meanwhile(act) => {
                act();
                ControlFlow::Continue(())
            }
        }
    }
}
