//! A local AWS of its own for one test, and connections to it as any of its callers.

use local_cloud::control::{Answer, Ask};
use local_cloud::running::{LocalCloud, Running, Start};
use model::Attributes;
use provider::Connection;
use provider_aws::ConnectOptions;

pub struct Lab {
    pub running: Running,
    _folder: tempfile::TempDir,
}

impl Lab {
    pub async fn start() -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let start =
            Start { folder: folder.path(), holder: "test", port: None, allowed: Vec::new() };
        let running =
            LocalCloud::start(start, |ground| vec![local_cloud_aws::service(ground.clone())])
                .await
                .unwrap();
        Lab { running, _folder: folder }
    }

    pub async fn options(&self, caller: &str) -> ConnectOptions {
        let ask = Ask::Environment { caller: Some(caller.to_owned()) };
        let Answer::Environment { variables } = self.running.ask(ask).await.unwrap() else {
            panic!("{caller} has no environment");
        };
        ConnectOptions::from_variables(&variables, &self.running.endpoints().url())
    }

    pub async fn connect(&self, caller: &str) -> Connection {
        provider_aws::connect(self.options(caller).await).await.unwrap()
    }
}

pub fn attributes(json: serde_json::Value) -> Attributes {
    serde_json::from_value(json).unwrap()
}
