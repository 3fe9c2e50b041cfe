//! Makes the resources of one environment's `record.toml` through the cloud's own API on a
//! new local cloud, and says what the Terraform provider would have stored, as a state of
//! version 4. The example writes it; the test does it again and compares.

use local_cloud::control::{Answer, Ask};
use local_cloud::running::Start;
use local_cloud::{CloudService, Ground, LocalCloud};
use model::{Attributes, ResourceAddress, Value};
use provider::{Connection, ProviderError};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Deserialize)]
struct Record {
    resource: Vec<Wanted>,
}

#[derive(Deserialize)]
struct Wanted {
    address: ResourceAddress,
    attributes: Attributes,
}

type Variables = Vec<(String, String)>;

struct Recorded {
    cloud: &'static str,
    /// The key of the provider in the schema file, and the lineage of the state.
    provider: &'static str,
    lineage: &'static str,
    service: fn(&Arc<Ground>) -> Arc<dyn CloudService>,
}

const RECORDED: [Recorded; 2] = [
    Recorded {
        cloud: "azure",
        provider: "azurerm",
        lineage: "6a0f5c52-7f5e-4f0e-9a55-3d6f1f0c2b11",
        service: |ground| local_cloud_azure::service(ground.clone()),
    },
    Recorded {
        cloud: "gcp",
        provider: "google",
        lineage: "0d3c1b7e-52a4-4c0b-8f3a-9be0a4c6d722",
        service: |ground| local_cloud_gcp::service(ground.clone()),
    },
];

async fn connect(
    cloud: &str,
    variables: &Variables,
    url: &str,
) -> Result<Connection, ProviderError> {
    match cloud {
        "azure" => {
            let options = provider_azure::ConnectOptions::from_variables(variables, url);
            provider_azure::connect(options).await
        }
        _ => {
            let options = provider_gcp::ConnectOptions::from_variables(variables, url);
            provider_gcp::connect(options).await
        }
    }
}

/// The folder that holds the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub fn schemas() -> Result<Json, Box<dyn Error>> {
    Ok(serde_json::from_slice(&std::fs::read(root().join("tests/schemas/azurerm-google.json"))?)?)
}

pub fn environment(cloud: &str) -> PathBuf {
    root().join("terraform/environments").join(cloud)
}

pub async fn record(cloud: &str) -> Result<Json, Box<dyn Error>> {
    let recorded = RECORDED.iter().find(|r| r.cloud == cloud).ok_or("azure or gcp")?;
    let text = std::fs::read_to_string(environment(cloud).join("record.toml"))?;
    let record: Record = toml::from_str(&text)?;
    let schemas = schemas()?;
    let schema = &schemas["providers"][recorded.provider];

    let data = tempfile::tempdir()?;
    let start = Start { folder: data.path(), holder: "record", port: None, allowed: Vec::new() };
    let running = LocalCloud::start(start, |ground| vec![(recorded.service)(ground)]).await?;
    let ask = Ask::Environment { caller: Some("deployer".to_owned()) };
    let Answer::Environment { variables } = running.ask(ask).await? else {
        return Err("no environment".into());
    };
    let connection = connect(cloud, &variables, &running.endpoints().url()).await?;
    let mut resources = Vec::new();
    for wanted in record.resource {
        let kind = &wanted.address.kind;
        let made = connection.writer.create(kind, &wanted.attributes).await?;
        let kind_schema = &schema["resource_kinds"][kind.as_str()];
        let instance = instance(&made.attributes, &made.native_id, kind_schema);
        resources.push(json!({
            "mode": "managed",
            "type": kind,
            "name": wanted.address.name,
            "provider": format!("provider[\"{}\"]", schema["provider"].as_str().unwrap_or_default()),
            "instances": [instance],
        }));
    }
    running.stop().await;
    resources.sort_by_key(|r| (r["type"].to_string(), r["name"].to_string()));
    Ok(json!({
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 1,
        "lineage": recorded.lineage,
        "outputs": {},
        "resources": resources,
        "check_results": null,
    }))
}

/// Every attribute and block of the schema: a state holds null for what is not set.
fn instance(made: &Attributes, native_id: &str, schema: &Json) -> Json {
    let mut attributes = Map::new();
    let mut sensitive = Vec::new();
    let named = |what: &str| schema[what].as_object().cloned().unwrap_or_default();
    for (name, flags) in named("attributes") {
        let value = match name.as_str() {
            "id" => Json::String(native_id.to_owned()),
            // What nobody set is stored as the provider's default.
            _ => made.get(&name).map_or_else(|| flags["default"].clone(), Value::to_json),
        };
        if flags["sensitive"] == true {
            sensitive.push(json!([{"type": "get_attr", "value": name}]));
        }
        attributes.insert(name, value);
    }
    for (name, block) in named("blocks") {
        let empty = if block["nesting"] == "single" { Json::Null } else { json!([]) };
        let value = match made.get(&name).map(Value::to_json) {
            None | Some(Json::Null) => empty,
            Some(value) => value,
        };
        attributes.insert(name, value);
    }
    json!({
        "schema_version": schema["schema_version"],
        "attributes": attributes,
        "sensitive_attributes": sensitive,
    })
}
