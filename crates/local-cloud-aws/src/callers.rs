//! Founding: what is in the account before anybody can make a call, and how its callers'
//! credentials come to other tools.

use crate::operation::Outcome;
use crate::permissions::{self, CI_DEPLOY, DRIFT_READER, LOG_READER, WRITES};
use crate::principal::{Kind, Principal};
use crate::state::cloudtrail::Trail;
use crate::state::iam::{AccessKey, Entity, EntityKind, RoleFacts, keys, roles, users};
use crate::state::{s3, trail_bucket};
use crate::story::{ACCOUNT, REGION, iam_arn, unique_id};
use crate::wire::typed::{Asked, perform};
use aws_protocol::Operation;
use local_cloud::{
    Caller, Clock, Endpoints, FaultAction, Ground, LocalCloudError, StoreError, Tx, View, callers,
};
use model::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const DEPLOYER: &str = "deployer";
/// The bucket of the founded trail.
pub const TRAIL_BUCKET: &str = "acme-lab-cloudtrail-111122223333";
pub const TRAIL: &str = "acme-trail";

/// The account is older than any story told in it.
const FOUNDED_DAYS_AGO: i64 = 180;
/// A session is used again while it has this many seconds left by the real clock, ...
const SPARE: i64 = 900;
/// ... and while by the lab's it is no older than a working day.
const WORKING_DAY: i64 = 8 * 3600;

/// How a caller comes to its credentials.
enum Way {
    /// Its own access key.
    Key,
    /// A session of a role, which its user assumes: who signs in, as what.
    SignsIn { role: &'static str, session: &'static str },
    /// A session of a role, which a service assumes for it.
    Service { service: &'static str, role: &'static str, session: &'static str },
}

struct Founded {
    name: &'static str,
    title: &'static str,
    /// Documentation addresses only (RFC 5737).
    origin: &'static str,
    way: Way,
}

const CALLERS: &[Founded] = &[
    Founded {
        name: DEPLOYER,
        title: "may do everything: AdministratorAccess",
        origin: "192.0.2.20",
        way: Way::Key,
    },
    Founded {
        name: "drift-reader",
        title: "reads what drift-check needs, and nothing else",
        origin: "192.0.2.30",
        way: Way::Key,
    },
    Founded {
        name: "log-reader",
        title: "reads the event history and the trail's files",
        origin: "192.0.2.31",
        way: Way::Key,
    },
    Founded {
        name: "remediator",
        title: "reads and writes the supported kinds",
        origin: "192.0.2.32",
        way: Way::Key,
    },
    Founded {
        name: "maya.chen",
        title: "Maya Chen, developer: signs in as the role Developer",
        origin: "203.0.113.7",
        way: Way::SignsIn { role: "Developer", session: MAYA },
    },
    Founded {
        name: "ci-deploy",
        title: "the deployment job outside AWS: a user with an access key",
        origin: "198.51.100.200",
        way: Way::Key,
    },
    Founded {
        name: "pipeline",
        title: "the build pipeline: sessions of the role Pipeline, made by CodeBuild",
        origin: "192.0.2.40",
        way: Way::Service {
            service: "codebuild.amazonaws.com",
            role: "Pipeline",
            session: "AWSCodeBuild-nightly",
        },
    },
];

/// Her user and her sessions bear one name, as a directory gives it: whichever record tells
/// who she is, it tells the same.
const MAYA: &str = "maya.chen@example.com";

impl Founded {
    /// The user behind the caller.
    fn user(&self) -> &'static str {
        match self.way {
            Way::SignsIn { session, .. } => session,
            Way::Key | Way::Service { .. } => self.name,
        }
    }
}

/// Makes users, roles, keys, the trail and its bucket.
pub fn found(tx: &mut Tx<'_>, now: Timestamp) {
    let then = now.plus_seconds(-FOUNDED_DAYS_AGO * 86_400);
    for caller in CALLERS {
        callers::add(
            tx,
            &Caller {
                name: caller.name.to_owned(),
                cloud: "aws".into(),
                title: caller.title.to_owned(),
                origin: caller.origin.to_owned(),
            },
        );
        if !matches!(caller.way, Way::Service { .. }) {
            let name = caller.user();
            let mut user = entity(tx, EntityKind::User, name, then);
            add_policies(&mut user);
            user.save(tx);
            let key = keys::fresh(tx, "AKIA", name, then);
            keys::save(tx, &key);
            callers::place(tx, &key.id, caller.origin);
        }
    }
    let maya = iam_arn("user", "/", MAYA);
    role(tx, "Developer", then, "arn:aws:iam::aws:policy/PowerUserAccess", json!({ "AWS": maya }));
    let build = json!({ "Service": "codebuild.amazonaws.com" });
    role(tx, "Pipeline", then, "arn:aws:iam::aws:policy/PowerUserAccess", build);

    let mut trail = Trail::new(TRAIL, REGION, TRAIL_BUCKET);
    trail.multi_region = true;
    trail.logging = true;
    trail.started = Some(then);
    let mut bucket = s3::Bucket::new(TRAIL_BUCKET, ACCOUNT, REGION, then);
    bucket.policy = Some(trail_bucket::policy_for(TRAIL_BUCKET, &trail));
    s3::put_bucket(tx, &bucket);
    trail.save(tx);
}

fn entity(tx: &mut Tx<'_>, kind: EntityKind, name: &str, created: Timestamp) -> Entity {
    let prefix = match kind {
        EntityKind::User => "AIDA",
        EntityKind::Role => "AROA",
    };
    Entity {
        kind,
        name: name.to_owned(),
        path: "/".to_owned(),
        id: unique_id(tx, prefix),
        created,
        tags: BTreeMap::new(),
        inline: BTreeMap::new(),
        attached: Vec::new(),
        boundary: None,
        role: None,
    }
}

fn role(tx: &mut Tx<'_>, name: &str, created: Timestamp, policy: &str, trusted: Value) {
    let mut role = entity(tx, EntityKind::Role, name, created);
    role.attached.push(policy.to_owned());
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole" },
    ]});
    role.role =
        Some(RoleFacts { trust: trust.to_string(), description: None, max_session: 43_200 });
    role.save(tx);
}

fn add_policies(user: &mut Entity) {
    let inline = match user.name.as_str() {
        DEPLOYER => {
            user.attached.push("arn:aws:iam::aws:policy/AdministratorAccess".to_owned());
            return;
        }
        "drift-reader" => ("drift-check", permissions::policy(&[DRIFT_READER])),
        "log-reader" => ("log-collect", permissions::policy(&[LOG_READER])),
        "remediator" => ("remediate", permissions::policy(&[DRIFT_READER, WRITES])),
        "ci-deploy" => ("deploy-site", permissions::policy(&[CI_DEPLOY])),
        MAYA => (
            "sign-in",
            json!({ "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "sts:AssumeRole",
                "Resource": iam_arn("role", "/", "Developer"),
            }]})
            .to_string(),
        ),
        _ => return,
    };
    user.inline.insert(inline.0.to_owned(), inline.1);
}

/// The variables under which unmodified AWS tools act as a caller.
pub fn environment(
    ground: &Ground,
    name: &str,
    endpoints: &Endpoints,
) -> Result<Option<Vec<(String, String)>>, LocalCloudError> {
    let Some(key) = credentials(ground, name)? else { return Ok(None) };
    let mut variables = vec![
        ("AWS_ENDPOINT_URL".to_owned(), endpoints.url()),
        ("AWS_ACCESS_KEY_ID".to_owned(), key.id),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), key.secret),
    ];
    if let Some(session) = key.session {
        variables.push(("AWS_SESSION_TOKEN".to_owned(), session.token));
    }
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        variables.push((name.to_owned(), REGION.to_owned()));
    }
    variables.push(("AWS_CA_BUNDLE".to_owned(), endpoints.ca_bundle.display().to_string()));
    Ok(Some(variables))
}

fn credentials(ground: &Ground, name: &str) -> Result<Option<AccessKey>, LocalCloudError> {
    let Some(caller) = CALLERS.iter().find(|caller| caller.name == name) else {
        // Users that were made since are callers too, if they have a key.
        return Ok(ground.store.read(|view| own_key(view, name)));
    };
    let (principal, role, session) = match caller.way {
        Way::Key => return Ok(ground.store.read(|view| own_key(view, name))),
        Way::SignsIn { role, session } => {
            let user = ground.store.read(|view| signing_in(view, caller.user()));
            match user {
                Some(principal) => (principal, role, session),
                None => return Ok(None),
            }
        }
        Way::Service { service, role, session } => (Principal::service(service), role, session),
    };
    let now = ground.clock.now();
    if let Some(key) = ground.store.read(|view| running_session(view, role, session, now)) {
        return Ok(Some(key));
    }
    let Some(operation) = Operation::named("sts", "AssumeRole") else { return Ok(None) };
    let arn = iam_arn("role", "/", role);
    let input = json!({ "RoleArn": arn, "RoleSessionName": session, "DurationSeconds": 43_200 });
    let asked = Asked {
        operation,
        input: Ok(input),
        principal: &principal,
        region: REGION,
        user_agent: match principal.kind {
            Kind::Service(_) => "codebuild.amazonaws.com",
            _ => "sso.amazonaws.com",
        },
        tls_host: None,
        fault: FaultAction::Proceed,
    };
    // A call like any other: authorized, and recorded as its caller's.
    let made = ground.store.write(|tx| {
        let (_, outcome) = perform(tx, now, &asked);
        let key = key_of(&outcome).and_then(|id| keys::find(&tx.view(), &id));
        if let Some(key) = &key {
            callers::place(tx, &key.id, caller.origin);
        }
        Ok::<_, StoreError>((outcome, key))
    })?;
    match made {
        (Err(error), _) => Err(LocalCloudError::Refused(format!("{name}: {error}"))),
        (Ok(_), key) => Ok(key),
    }
}

fn key_of(outcome: &Outcome) -> Option<String> {
    outcome.as_ref().ok()?["Credentials"]["AccessKeyId"].as_str().map(str::to_owned)
}

fn own_key(view: &View<'_>, user: &str) -> Option<AccessKey> {
    let all = keys::of_user(view, user, false);
    // An inactive key is told too: what becomes of its calls is the story.
    all.iter().find(|key| key.is_active()).or(all.first()).cloned()
}

fn signing_in(view: &View<'_>, name: &str) -> Option<Principal> {
    users::find(view, name)?;
    let key = own_key(view, name)?;
    crate::identify::principal_of(view, &key.id)
}

/// A session that lasts a while longer, of a role that still is that role.
fn running_session(
    view: &View<'_>,
    role: &str,
    session_name: &str,
    now: Timestamp,
) -> Option<AccessKey> {
    let role = roles::find(view, role)?;
    let until = Clock::real().plus_seconds(SPARE);
    keys::temporary(view).into_iter().find(|key| {
        key.session.as_ref().is_some_and(|temporary| {
            temporary.session.expires_at > until
                && temporary.session.created_at <= now
                && temporary.session.created_at.plus_seconds(WORKING_DAY) > now
                && temporary.role.as_ref().is_some_and(|assumed| {
                    assumed.id == role.id && assumed.session_name == session_name
                })
        })
    })
}
