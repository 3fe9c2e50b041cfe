//! Who is there from the start, what each may do, and the files under which unmodified
//! tools act as one of them.

use crate::calls::acl;
use crate::keys::NewKey;
use crate::state::bucket::{self, Bucket};
use crate::state::config::Config;
use crate::state::policy::{Binding, Policy};
use crate::state::project::{self, Account, AccountKind, Role};
use crate::{story, tokens};
use local_cloud::ca::write_private;
use local_cloud::{Caller, Endpoints, Ground, LocalCloudError, StoreError, Tx, callers};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub const DEPLOYER: &str = "deployer";
/// The token in a gcloud token file cannot be renewed by gcloud itself: half a day.
const FILE_TOKEN: i64 = 12 * 3600;

struct Founded {
    name: &'static str,
    kind: AccountKind,
    title: &'static str,
    origin: &'static str,
    roles: &'static [&'static str],
}

/// What a check asks, as the custom role that `lab doctor --grant drift-check` prints.
/// What a drift check reads, its log and its states included.
pub const READ: [&str; 8] = [
    "logging.logEntries.list",
    "logging.privateLogEntries.list",
    "resourcemanager.projects.get",
    "storage.buckets.get",
    "storage.buckets.getIamPolicy",
    "storage.buckets.list",
    "storage.objects.get",
    "storage.objects.list",
];
/// What a remediation writes beside that.
pub const WRITE: [&str; 4] = [
    "storage.buckets.create",
    "storage.buckets.delete",
    "storage.buckets.setIamPolicy",
    "storage.buckets.update",
];
const LOGS: [&str; 3] =
    ["logging.logEntries.list", "logging.privateLogEntries.list", "resourcemanager.projects.get"];

const PIPELINES: [&str; 3] =
    ["storage.buckets.get", "storage.buckets.list", "storage.buckets.update"];

const DRIFT_READER: &str = "projects/acme-lab/roles/labDriftReader";
const LOG_READER: &str = "projects/acme-lab/roles/labLogReader";
const PIPELINE: &str = "projects/acme-lab/roles/labPipeline";
const REMEDIATOR: &str = "projects/acme-lab/roles/labRemediator";

const CALLERS: [Founded; 6] = [
    Founded {
        name: DEPLOYER,
        kind: AccountKind::ServiceAccount,
        title: "service account of the deployment pipeline; may do everything",
        origin: "192.0.2.20",
        roles: &["roles/owner", "roles/storage.admin"],
    },
    Founded {
        name: "drift-reader",
        kind: AccountKind::ServiceAccount,
        title: "service account that reads configuration and the audit log",
        origin: "192.0.2.30",
        roles: &[DRIFT_READER],
    },
    Founded {
        name: "log-reader",
        kind: AccountKind::ServiceAccount,
        title: "service account that reads the audit log and its files",
        origin: "192.0.2.31",
        roles: &[LOG_READER],
    },
    Founded {
        name: "remediator",
        kind: AccountKind::ServiceAccount,
        title: "service account that reads and changes the supported kinds",
        origin: "192.0.2.32",
        roles: &[REMEDIATOR],
    },
    Founded {
        name: "pipeline",
        kind: AccountKind::ServiceAccount,
        title: "service account of a nightly job; writes objects and updates buckets",
        origin: "192.0.2.40",
        roles: &["roles/storage.objectAdmin", PIPELINE],
    },
    Founded {
        name: "li.wei@example.com",
        kind: AccountKind::User,
        title: "Li Wei, data engineer; administers storage",
        origin: "203.0.113.58",
        roles: &["roles/viewer", "roles/storage.admin"],
    },
];

/// The project, its people, and the bucket that its audit log is exported to.
pub fn found(ground: &Ground, tx: &mut Tx<'_>) {
    let roles: [(&str, &str, Vec<&str>); 4] = [
        (DRIFT_READER, "Lab drift reader", READ.to_vec()),
        (LOG_READER, "Lab log reader", LOGS.to_vec()),
        (PIPELINE, "Lab pipeline", PIPELINES.to_vec()),
        (REMEDIATOR, "Lab remediator", [&READ[..], &WRITE].concat()),
    ];
    for (name, title, permissions) in roles {
        let permissions = permissions.into_iter().map(str::to_owned).collect();
        project::add_role(
            tx,
            &Role { name: name.to_owned(), title: title.to_owned(), permissions },
        );
    }
    for caller in CALLERS {
        let email = match caller.kind {
            AccountKind::User => caller.name.to_owned(),
            AccountKind::ServiceAccount => story::service_account(caller.name),
        };
        let digits = tx.fresh_text("gcp/unique-id", b"0123456789", 20);
        let account = Account {
            email: email.clone(),
            kind: caller.kind,
            unique_id: format!("1{digits}"),
            key_id: hex::encode(&tx.fresh("gcp/key-id")[..20]),
            public_key: None,
            refresh_hash: None,
        };
        project::add_account(tx, &account);
        for role in caller.roles {
            project::bind(tx, role, &account.member());
        }
        callers::place(tx, &email, caller.origin);
        callers::add(
            tx,
            &Caller {
                name: caller.name.to_owned(),
                cloud: story::CLOUD,
                title: caller.title.to_owned(),
                origin: caller.origin.to_owned(),
            },
        );
    }
    found_log_bucket(ground, tx);
}

fn found_log_bucket(ground: &Ground, tx: &mut Tx<'_>) {
    let now = ground.clock.now();
    let body = json!({
        "location": story::LOCATION,
        "iamConfiguration": {
            "uniformBucketLevelAccess": {"enabled": true},
            "publicAccessPrevention": "enforced",
        },
    });
    let Ok(config) = Config::create(&body, now) else { return };
    let mut policy = Policy::of_new_bucket(story::PROJECT);
    let mut bind = |role: &str, name: &str| {
        policy.bindings.push(Binding {
            role: role.to_owned(),
            members: vec![format!("serviceAccount:{name}")],
            condition: None,
        });
    };
    bind(
        "roles/storage.objectCreator",
        &format!("service-{}@gcp-sa-logging.iam.gserviceaccount.com", story::PROJECT_NUMBER),
    );
    bind("roles/storage.objectViewer", &story::service_account("log-reader"));
    bind("roles/storage.legacyBucketReader", &story::service_account("log-reader"));
    bucket::put(
        tx,
        &Bucket {
            name: story::LOG_BUCKET.to_owned(),
            project: story::PROJECT.to_owned(),
            metageneration: 1,
            created: now,
            updated: now,
            config,
            policy: policy.normal(),
            default_object_acl: acl::default_object_acl(),
        },
    );
}

/// A caller by its short name or its whole address.
fn find(ground: &Ground, caller: &str) -> Option<Account> {
    ground.store.read(|view| {
        project::account(view, caller)
            .or_else(|| project::account(view, &story::service_account(caller)))
    })
}

pub fn environment(
    ground: &Ground,
    caller: &str,
    endpoints: &Endpoints,
) -> Result<Option<Vec<(String, String)>>, LocalCloudError> {
    let Some(account) = find(ground, caller) else { return Ok(None) };
    let folder = endpoints.folder.join("gcp");
    let file = |path: &Path| {
        let path = path.to_owned();
        move |cause| LocalCloudError::File { path, cause }
    };
    std::fs::create_dir_all(&folder).map_err(file(&folder))?;
    let credentials = folder.join(format!("{caller}.json"));
    let document = match account.kind {
        AccountKind::ServiceAccount => key_file(ground, account.clone(), endpoints, &credentials)?,
        AccountKind::User => user_file(ground, account.clone(), endpoints, &credentials)?,
    };
    let text = serde_json::to_vec_pretty(&document).unwrap_or_default();
    write_private(&credentials, &text).map_err(file(&credentials))?;
    let token_path = folder.join(format!("{caller}.token"));
    let key = (account.kind == AccountKind::ServiceAccount).then_some(account.key_id.as_str());
    let token = tokens::issue(ground, &account.email, key, FILE_TOKEN)?;
    write_private(&token_path, token.as_bytes()).map_err(file(&token_path))?;
    let path = |path: &PathBuf| path.display().to_string();
    let address = endpoints.address.to_string();
    Ok(Some(
        [
            ("GOOGLE_APPLICATION_CREDENTIALS", path(&credentials)),
            ("GOOGLE_CLOUD_PROJECT", story::PROJECT.to_owned()),
            ("CLOUDSDK_CORE_PROJECT", story::PROJECT.to_owned()),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE", format!("{}/storage/v1/", endpoints.url())),
            ("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", path(&token_path)),
            ("GCE_METADATA_HOST", address.clone()),
            ("GCE_METADATA_IP", address),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec(),
    ))
}

/// The key file that exists, or a new key where there is none: a private key lies in its
/// file only.
fn key_file(
    ground: &Ground,
    mut account: Account,
    endpoints: &Endpoints,
    path: &Path,
) -> Result<Value, LocalCloudError> {
    let kept = std::fs::read(path).ok().and_then(|b| serde_json::from_slice::<Value>(&b).ok());
    let private = kept
        .filter(|_| account.public_key.is_some())
        .filter(|k| k.get("private_key_id") == Some(&Value::from(account.key_id.clone())))
        .and_then(|k| k.get("private_key")?.as_str().map(str::to_owned));
    let private = match private {
        Some(private) => private,
        None => {
            let key = NewKey::of(&account.email)
                .map_err(|e| LocalCloudError::Certificate(format!("no RSA key: {}", e.message)))?;
            account.public_key = Some(key.public_key);
            remember(ground, &account)?;
            key.private_pem
        }
    };
    let email = &account.email;
    Ok(json!({
        "type": "service_account",
        "project_id": story::PROJECT,
        "private_key_id": account.key_id,
        "private_key": private,
        "client_email": email,
        "client_id": account.unique_id,
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": format!("{}/token", endpoints.url()),
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": format!(
            "https://www.googleapis.com/robot/v1/metadata/x509/{}",
            email.replace('@', "%40")
        ),
        "universe_domain": "googleapis.com",
    }))
}

fn user_file(
    ground: &Ground,
    mut account: Account,
    endpoints: &Endpoints,
    path: &Path,
) -> Result<Value, LocalCloudError> {
    let kept = std::fs::read(path).ok().and_then(|b| serde_json::from_slice::<Value>(&b).ok());
    let refresh = kept
        .filter(|_| account.refresh_hash.is_some())
        .and_then(|k| k.get("refresh_token")?.as_str().map(str::to_owned));
    let refresh = match refresh {
        Some(refresh) => refresh,
        None => {
            let (token, hash) = tokens::new_refresh_token();
            account.refresh_hash = Some(hash);
            remember(ground, &account)?;
            token
        }
    };
    Ok(json!({
        "type": "authorized_user",
        "account": account.email,
        "client_id": "32555940559.apps.googleusercontent.com",
        // The client is a public one: its secret is in every copy of the tool that uses it.
        "client_secret": "not-a-secret",
        "refresh_token": refresh,
        "token_uri": format!("{}/token", endpoints.url()),
        "quota_project_id": story::PROJECT,
        "universe_domain": "googleapis.com",
    }))
}

fn remember(ground: &Ground, account: &Account) -> Result<(), StoreError> {
    ground.store.write(|tx| {
        project::add_account(tx, account);
        Ok(())
    })
}
