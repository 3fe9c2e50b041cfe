//! The wiring: the one place outside the clouds' own crates where they are named. Another
//! cloud is one more entry of [`CLOUDS`].

use crate::config::Target;
use crate::exit::Failure;
use futures::future::BoxFuture;
use local_cloud::{CloudService, Ground};
use model::Cloud;
use model::knowledge::Catalog;
use operations::remediation::FixCloud;
use operations::{Account, CheckCloud};
use provider::grant::{Access, Grant};
use provider::{Connection, ErrorKind, ProviderError, Purpose};
use std::net::SocketAddr;
use std::sync::Arc;

/// The environment of one caller, as `lab cloud env` prints it.
pub type Variables = [(String, String)];

type Connecting = BoxFuture<'static, Result<Connection, ProviderError>>;
type Moving = BoxFuture<'static, Result<(), ProviderError>>;

pub struct Wired {
    pub catalog: &'static dyn Catalog,
    /// The cloud on the desk.
    service: fn(&Arc<Ground>) -> Arc<dyn CloudService>,
    /// As a caller of the cloud on the desk.
    local: fn(&Variables, SocketAddr, Purpose) -> Connecting,
    /// An account that a target names, with the settings of its section.
    account: fn(&str, &toml::Table, Purpose) -> Result<Connecting, String>,
    grant: fn(&[Access]) -> Grant,
    /// The variable that names a caller's credential.
    credential: &'static str,
    /// Variables of this cloud's tools that would lead them elsewhere.
    misleading: &'static [&'static str],
    /// Moves of a story that no resource kind knows.
    special: fn(&str, &Variables, SocketAddr, &toml::Table) -> Option<Moving>,
}

pub const CLOUDS: &[Wired] = &[
    Wired {
        catalog: &provider_aws::CATALOG,
        service: |ground| local_cloud_aws::service(ground.clone()),
        local: |variables, address, purpose| {
            let options = provider_aws::ConnectOptions::from_variables(variables, &url(address));
            let options = provider_aws::ConnectOptions { purpose, ..options };
            Box::pin(async move { provider_aws::connect(options).await })
        },
        account: |account, section, purpose| {
            let options = provider_aws::ConnectOptions::from_section(account, section)?;
            let options = provider_aws::ConnectOptions { purpose, ..options };
            Ok(Box::pin(async move { provider_aws::connect(options).await }))
        },
        grant: provider_aws::grant,
        credential: "AWS_ACCESS_KEY_ID",
        misleading: &[
            "AWS_PROFILE",
            "AWS_DEFAULT_PROFILE",
            "AWS_SESSION_TOKEN",
            "AWS_ROLE_ARN",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_ENDPOINT_URL_S3",
            "AWS_ENDPOINT_URL_STS",
            "AWS_ENDPOINT_URL_IAM",
        ],
        special: |_, _, _, _| None,
    },
    Wired {
        catalog: &provider_azure::CATALOG,
        service: |ground| local_cloud_azure::service(ground.clone()),
        local: |variables, address, purpose| {
            let options = provider_azure::ConnectOptions::from_variables(variables, &url(address));
            let options = provider_azure::ConnectOptions { purpose, ..options };
            Box::pin(async move { provider_azure::connect(options).await })
        },
        account: |account, section, purpose| {
            let options = provider_azure::ConnectOptions::from_section(account, section)?;
            let options = provider_azure::ConnectOptions { purpose, ..options };
            Ok(Box::pin(async move { provider_azure::connect(options).await }))
        },
        grant: provider_azure::grant,
        credential: "AZURE_CLIENT_ID",
        misleading: &["AZURE_AUTHORITY_HOST", "AZURE_FEDERATED_TOKEN_FILE", "ARM_USE_CLI"],
        special: |name, variables, address, arguments| {
            let options = provider_azure::ConnectOptions::from_variables(variables, &url(address));
            let text = |key: &str| {
                arguments.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
            };
            let (group, account, container) = (text("group"), text("account"), text("container"));
            match name {
                "list_account_keys" => Some(Box::pin(async move {
                    provider_azure::data_plane::list_account_keys(options, &group, &account).await
                })),
                "open_container_with_key" => Some(Box::pin(async move {
                    provider_azure::data_plane::open_container_with_key(
                        options, &group, &account, &container,
                    )
                    .await
                })),
                _ => None,
            }
        },
    },
    Wired {
        catalog: &provider_gcp::CATALOG,
        service: |ground| local_cloud_gcp::service(ground.clone()),
        local: |variables, address, purpose| {
            let options = provider_gcp::ConnectOptions::from_variables(variables, &url(address));
            let options = provider_gcp::ConnectOptions { purpose, ..options };
            Box::pin(async move { provider_gcp::connect(options).await })
        },
        account: |account, section, purpose| {
            let options = provider_gcp::ConnectOptions::from_section(account, section)?;
            let options = provider_gcp::ConnectOptions { purpose, ..options };
            Ok(Box::pin(async move { provider_gcp::connect(options).await }))
        },
        grant: provider_gcp::grant,
        credential: "GOOGLE_APPLICATION_CREDENTIALS",
        misleading: &[
            "GOOGLE_API_KEY",
            "STORAGE_EMULATOR_HOST",
            "CLOUDSDK_CORE_ACCOUNT",
            "CLOUDSDK_ACTIVE_CONFIG_NAME",
        ],
        special: |_, _, _, _| None,
    },
];

fn url(address: SocketAddr) -> String {
    format!("http://{address}")
}

pub fn catalogs() -> Vec<&'static dyn Catalog> {
    CLOUDS.iter().map(|c| c.catalog).collect()
}

/// The three clouds on one ground.
pub fn services(ground: &Arc<Ground>) -> Vec<Arc<dyn CloudService>> {
    CLOUDS.iter().map(|c| (c.service)(ground)).collect()
}

fn wired(cloud: &Cloud) -> Option<&'static Wired> {
    CLOUDS.iter().find(|c| c.catalog.cloud() == *cloud)
}

/// One cloud on the desk as one caller.
pub async fn connect_local(
    cloud: &Cloud,
    variables: &Variables,
    address: SocketAddr,
) -> Option<Result<Connection, ProviderError>> {
    Some((wired(cloud)?.local)(variables, address, Purpose::Looking).await)
}

/// The id of the credential in these variables.
pub fn credential(cloud: &Cloud, variables: &Variables) -> Option<String> {
    let name = wired(cloud)?.credential;
    variables.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone())
}

pub fn special(
    cloud: &Cloud,
    name: &str,
    variables: &Variables,
    address: SocketAddr,
    arguments: &toml::Table,
) -> Option<Moving> {
    (wired(cloud)?.special)(name, variables, address, arguments)
}

/// Every cloud on the desk.
pub async fn local(variables: &Variables, address: SocketAddr, purpose: Purpose) -> Vec<FixCloud> {
    let connecting = CLOUDS.iter().map(|wired| async move {
        let connected = (wired.local)(variables, address, purpose).await;
        fix_cloud(wired, vec![(None, connected)])
    });
    futures::future::join_all(connecting).await
}

/// Without the power to change: what a check is given.
pub fn without_writers(clouds: Vec<FixCloud>) -> Vec<CheckCloud> {
    clouds.into_iter().map(|c| c.check).collect()
}

type Connected = (Option<String>, Result<Connection, ProviderError>);

fn fix_cloud(wired: &Wired, connected: Vec<Connected>) -> FixCloud {
    let (mut accounts, mut writers) = (Vec::new(), Vec::new());
    for (expected, connection) in connected {
        writers.push(connection.as_ref().ok().map(|c| c.writer.clone()));
        accounts.push(connection.map(|c| Account {
            expected,
            reader: c.reader,
            audit: c.audit,
            objects: c.objects,
        }));
    }
    FixCloud { check: CheckCloud { catalog: wired.catalog, accounts }, writers }
}

/// The clouds of a target of lab.toml. A target that names no account of a cloud takes the
/// one that its ordinary credential chain leads to.
pub async fn of_target(
    name: &str,
    target: &Target,
    purpose: Purpose,
) -> Result<Vec<FixCloud>, Failure> {
    if let Some(unknown) = target.clouds.keys().find(|k| wired(&k.as_str().into()).is_none()) {
        let known: Vec<String> = CLOUDS.iter().map(|c| c.catalog.cloud().to_string()).collect();
        return Err(Failure::usage(format!("[targets.{name}.{unknown}]: there is no such cloud"))
            .hint(format!("known clouds: {}", known.join(", "))));
    }
    let mut clouds = Vec::new();
    for wired in CLOUDS {
        let cloud = wired.catalog.cloud();
        let mut accounts = Vec::new();
        match target.clouds.get(cloud.as_str()) {
            Some(sections) => {
                for (account, section) in sections {
                    let connecting =
                        (wired.account)(account, section, purpose).map_err(|what| {
                            Failure::usage(format!(
                                "[targets.{name}.{cloud}.\"{account}\"]: {what}"
                            ))
                        })?;
                    let connected = connecting.await;
                    accounts.push((Some(account.clone()), connected));
                }
            }
            None if target.clouds.is_empty() => {
                match (wired.account)("", &toml::Table::new(), purpose) {
                    Ok(connecting) => {
                        accounts.push((None, connecting.await));
                    }
                    Err(what) => {
                        let title = wired.catalog.title();
                        let error = ProviderError::new(ErrorKind::Credentials, "connect", title);
                        accounts.push((None, Err(error.because(what))));
                    }
                }
            }
            None => {}
        }
        clouds.push(fix_cloud(wired, accounts));
    }
    Ok(clouds)
}

/// Variables that lead the vendors' tools to the lab. While they are set, a real target
/// would be read through the toy, so it refuses to run.
const LEADS_TO_THE_LAB: [&str; 4] = [
    "LAB_CLOUD_ENDPOINT",
    "AWS_ENDPOINT_URL",
    "CLOUDSDK_API_ENDPOINT_OVERRIDES_STORAGE",
    "HTTPS_PROXY",
];

pub fn refuse_lab_environment(name: &str, target: &Target) -> Result<(), Failure> {
    let own_endpoint = target
        .clouds
        .values()
        .flat_map(|sections| sections.values())
        .any(|section| section.contains_key("endpoint"));
    if own_endpoint {
        return Ok(());
    }
    let loopback =
        |v: &str| v.contains("127.0.0.1") || v.contains("localhost") || v.contains("[::1]");
    let found = LEADS_TO_THE_LAB.iter().find(|n| std::env::var(n).is_ok_and(|v| loopback(&v)));
    match found {
        None => Ok(()),
        Some(variable) => Err(Failure::usage(format!(
            "target {name} is not the lab, and {variable} leads to the lab"
        ))
        .hint("open a new shell without lab cloud env, or name endpoint in the target's section")),
    }
}

/// Variables to take away before `variables` are set.
pub fn conflicting(variables: &Variables) -> Vec<&'static str> {
    CLOUDS
        .iter()
        .flat_map(|c| c.misleading)
        .copied()
        .filter(|name| !variables.iter().any(|(n, _)| n == name))
        .collect()
}

/// What an exercise needs of one cloud: always, and only where states, logs or trials of
/// anonymous reads lie in object stores.
pub struct Needed {
    pub always: Grant,
    pub objects: Grant,
}

/// The complete least-privilege policies of an exercise, for each cloud.
pub fn grants(exercise: &str) -> Vec<Needed> {
    let always: &[Access] = match exercise {
        "drift-check" => &[Access::ReadConfiguration, Access::ReadAuditLog],
        "remediate" => {
            &[Access::ReadConfiguration, Access::WriteConfiguration, Access::ReadAuditLog]
        }
        _ => &[],
    };
    CLOUDS
        .iter()
        .map(|c| Needed { always: (c.grant)(always), objects: (c.grant)(&[Access::ReadObjects]) })
        .collect()
}
