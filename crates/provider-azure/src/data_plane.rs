//! The data plane of storage accounts: as nobody, as the caller, and with an account's key,
//! which leaves no record in the Activity Log.

use crate::error;
use crate::id::{AccountId, GroupId, container_url};
use crate::kinds::STORAGE_VERSION;
use crate::session::{AzureSession, ConnectOptions};
use crate::shared_key::SharedKey;
use azure_core::http::{Method, Request};
use azure_storage_blob::models::{
    BlobContainerClientSetAccessPolicyOptions, PublicAccessType, SignedIdentifiers,
};
use azure_storage_blob::{BlobContainerClient, BlobContainerClientOptions};
use provider::layers::Call;
use provider::{ErrorKind, Probe, ProviderError, Sensitive};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

const LIST_KEYS: &str = "Microsoft.Storage/storageAccounts/listKeys/action";

/// A client of one container: with the account's key where one is known, else as the caller.
pub(crate) fn container(
    session: &AzureSession,
    account: &str,
    container: &str,
    key: Option<&Sensitive<String>>,
) -> Result<BlobContainerClient, ProviderError> {
    let target = format!("container {account}/{container}");
    let call = Call::read("Blob storage", &target);
    let account_fits = (3..=24).contains(&account.len())
        && account.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let container_fits = (1..=63).contains(&container.len())
        && container.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'$'));
    if !account_fits || !container_fits {
        let why = "not the name of an account and a container";
        return Err(call.error(ErrorKind::Invalid).because(why));
    }
    let url = Url::parse(&container_url(account, container))
        .map_err(|e| call.error(ErrorKind::Invalid).because(e.to_string()))?;
    let mut client_options = session.client_options();
    let key = key.or_else(|| session.account_keys.get(account));
    let credential = match key {
        Some(key) => {
            client_options.per_try_policies.push(Arc::new(SharedKey::new(account, key.clone())));
            None
        }
        None => Some(session.credential()),
    };
    let options =
        BlobContainerClientOptions { client_options, ..BlobContainerClientOptions::default() };
    BlobContainerClient::new(url, credential, Some(options)).map_err(|e| error::of_sdk(&call, &e))
}

/// Asks for one blob as nobody. It is found by a listing as the caller; an empty container
/// has nothing to try.
pub(crate) async fn probe(
    session: &AzureSession,
    account: &str,
    name: &str,
) -> Result<Option<Probe>, ProviderError> {
    let client = container(session, account, name, None)?;
    let first = crate::objects::page(session, &client, account, name, "", None, Some(1)).await?;
    let Some(blob) = first.found.first() else { return Ok(None) };
    let url = client.blob_client(&blob.key).url().clone();
    let asked = format!("GET {url}");
    let call = Call::read("GetBlob", &asked);
    let status = session
        .layers
        .call(call.clone(), || async {
            // No version and no credential: as a browser asks.
            let request = Request::new(url.clone(), Method::Get);
            let answer = session.http.execute_request(&request).await;
            let status = u16::from(answer.map_err(|e| error::of_sdk(&call, &e))?.status());
            match status {
                429 | 503 => Err(call.error(ErrorKind::Throttled)),
                status => Ok(status),
            }
        })
        .await?;
    Ok(Some(Probe { asked, status }))
}

/// What a person can do with a storage account beside its kinds: the story's moves. Keys that
/// were listed are remembered, as people remember them.
pub struct Moves {
    session: AzureSession,
    keys: Mutex<BTreeMap<String, Sensitive<String>>>,
}

impl Moves {
    pub fn new(options: ConnectOptions) -> Result<Moves, ProviderError> {
        Ok(Moves { session: AzureSession::new(options)?, keys: Mutex::default() })
    }

    /// Asks for the account's keys: this the Activity Log holds.
    pub async fn list_account_keys(
        &self,
        group: &str,
        account: &str,
    ) -> Result<Vec<Sensitive<String>>, ProviderError> {
        let group = GroupId::new(self.session.subscription().await?, group);
        let id = AccountId::new(group, account);
        let target = format!("storage account {account}");
        let call = Call::write(LIST_KEYS, &target);
        let path = format!("{id}/listKeys");
        let mut answer = self.session.post(call.clone(), &path, STORAGE_VERSION).await?;
        let listed = answer["keys"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let keys: Vec<Sensitive<String>> = listed
            .iter()
            .filter_map(|key| key["value"].as_str())
            .map(|key| Sensitive::new(key.to_owned()))
            .collect();
        let Some(first) = keys.first() else {
            return Err(call.error(ErrorKind::Malformed).because("an answer without keys"));
        };
        let mut known = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(id.account, first.clone());
        Ok(keys)
    }

    /// The key at hand: listed before, given with the options, or listed now.
    async fn key(&self, group: &str, account: &str) -> Result<Sensitive<String>, ProviderError> {
        let known = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned();
        if let Some(key) = known.or_else(|| self.session.account_keys.get(account).cloned()) {
            return Ok(key);
        }
        let mut keys = self.list_account_keys(group, account).await?;
        Ok(keys.swap_remove(0))
    }

    /// Makes a private container with the account's key.
    pub async fn make_container_with_key(
        &self,
        group: &str,
        account: &str,
        name: &str,
    ) -> Result<(), ProviderError> {
        let key = self.key(group, account).await?;
        let client = container(&self.session, account, name, Some(&key))?;
        let target = format!("container {account}/{name}");
        let call = Call::write("CreateContainer", &target);
        self.session
            .layers
            .call(call.clone(), || async {
                client.create(None).await.map(drop).map_err(|e| error::of_sdk(&call, &e))
            })
            .await
    }

    /// Opens a container to everyone, with the account's key. What it says of stored access
    /// policies stays.
    pub async fn open_container_with_key(
        &self,
        group: &str,
        account: &str,
        name: &str,
    ) -> Result<(), ProviderError> {
        let key = self.key(group, account).await?;
        let client = container(&self.session, account, name, Some(&key))?;
        let target = format!("container {account}/{name}");
        let layers = &self.session.layers;
        let read = Call::read("GetContainerAcl", &target);
        let policies: SignedIdentifiers = layers
            .call(read.clone(), || async {
                let answer = client.get_access_policy(None).await;
                answer.and_then(|a| a.into_model()).map_err(|e| error::of_sdk(&read, &e))
            })
            .await?;
        let write = Call { idempotent: true, ..Call::write("SetContainerAcl", &target) };
        layers
            .call(write.clone(), || async {
                let options = BlobContainerClientSetAccessPolicyOptions {
                    access: Some(PublicAccessType::Blob),
                    ..BlobContainerClientSetAccessPolicyOptions::default()
                };
                let body = policies.clone().try_into().map_err(|e| error::of_sdk(&write, &e))?;
                let answer = client.set_access_policy(body, Some(options)).await;
                answer.map(drop).map_err(|e| error::of_sdk(&write, &e))
            })
            .await
    }
}

/// Asks for the account's keys, and keeps none.
pub async fn list_account_keys(
    options: ConnectOptions,
    group: &str,
    account: &str,
) -> Result<(), ProviderError> {
    Moves::new(options)?.list_account_keys(group, account).await.map(drop)
}

/// Lists the account's keys and opens a container to everyone with one of them.
pub async fn open_container_with_key(
    options: ConnectOptions,
    group: &str,
    account: &str,
    container: &str,
) -> Result<(), ProviderError> {
    Moves::new(options)?.open_container_with_key(group, account, container).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_storage_blob::models::{AccessPolicy, SignedIdentifier};
    use local_cloud::control::{Answer, Ask};
    use local_cloud::running::{LocalCloud, Start};
    use provider::Wanted;
    use serde_json::json;

    async fn policies(client: &BlobContainerClient) -> Vec<String> {
        let answer = client.get_access_policy(None).await.unwrap().into_model().unwrap();
        let told = answer.items.unwrap_or_default();
        told.into_iter().filter_map(|identifier| identifier.id).collect()
    }

    /// Signatures in use hang on a container's stored policies. SetContainerAcl replaces level
    /// and policies together; a level written through Resource Manager is the level alone.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_level_goes_down_without_the_stored_policies() {
        let folder = tempfile::tempdir().unwrap();
        let start = Start { folder: folder.path(), holder: "test", port: None, allowed: vec![] };
        let cloud =
            LocalCloud::start(start, |ground| vec![local_cloud_azure::service(ground.clone())]);
        let running = cloud.await.unwrap();
        let ask = Ask::Environment { caller: Some("deployer".to_owned()) };
        let Answer::Environment { variables } = running.ask(ask).await.unwrap() else {
            panic!("the deployer has no environment");
        };
        let options = ConnectOptions::from_variables(&variables, &running.endpoints().url());
        let connection = crate::connect(options.clone()).await.unwrap();
        let make = async |kind: &str, wanted: serde_json::Value| {
            let wanted = serde_json::from_value(wanted).unwrap();
            connection.writer.create(&kind.into(), &wanted).await.unwrap()
        };
        let group = json!({"name": "acme", "location": "westeurope"});
        make("azurerm_resource_group", group).await;
        let account = json!({"name": "acmedata", "resource_group_name": "acme",
            "location": "westeurope", "account_tier": "Standard",
            "account_replication_type": "LRS"});
        let account = make("azurerm_storage_account", account).await;
        let wanted = json!({"name": "exports", "storage_account_id": account.native_id});
        let made = make("azurerm_storage_container", wanted).await;

        let moves = Moves::new(options).unwrap();
        let key = moves.key("acme", "acmedata").await.unwrap();
        let client = container(&moves.session, "acmedata", "exports", Some(&key)).unwrap();
        let partner = SignedIdentifier {
            id: Some("partner".to_owned()),
            access_policy: Some(AccessPolicy {
                permission: Some("r".to_owned()),
                ..AccessPolicy::default()
            }),
        };
        let stored = SignedIdentifiers { items: Some(vec![partner]) };
        client.set_access_policy(stored.try_into().unwrap(), None).await.unwrap();
        moves.open_container_with_key("acme", "acmedata", "exports").await.unwrap();
        assert_eq!(policies(&client).await, ["partner"]);

        let id = Wanted::new(made.kind.clone(), made.native_id.clone());
        let model::Live::Present(open) = connection.reader.read(&id).await else { panic!() };
        assert_eq!(open.attributes["container_access_type"], "blob".into());
        let private = [("container_access_type".to_owned(), "private".into())].into();
        connection.writer.update(&open, &private).await.unwrap();
        let model::Live::Present(closed) = connection.reader.read(&id).await else { panic!() };
        assert_eq!(closed.attributes["container_access_type"], "private".into());
        assert_eq!(policies(&client).await, ["partner"]);

        // On what was seen before, it is not written again.
        moves.open_container_with_key("acme", "acmedata", "exports").await.unwrap();
        let opened = [("container_access_type".to_owned(), "container".into())].into();
        let error = connection.writer.update(&closed, &opened).await.unwrap_err();
        assert!(error.is(ErrorKind::Conflict), "{error}");
        running.stop().await;
    }
}
