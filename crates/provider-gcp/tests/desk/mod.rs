//! A local Google Cloud on a loopback socket, and connections to it as its callers.

use local_cloud::LocalCloud;
use local_cloud::control::{Answer, Ask};
use local_cloud::running::{Running, Start};
use provider::Connection;
use provider_gcp::{ConnectOptions, connect};

pub struct Desk {
    pub running: Running,
    _folder: tempfile::TempDir,
}

impl Desk {
    pub async fn start() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let start = Start { folder: folder.path(), holder: "test", port: None, allowed: vec![] };
        let running =
            LocalCloud::start(start, |ground| vec![local_cloud_gcp::service(ground.clone())])
                .await
                .unwrap();
        Desk { running, _folder: folder }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.running.endpoints().address)
    }

    pub async fn options(&self, caller: &str) -> ConnectOptions {
        let asked = Ask::Environment { caller: Some(caller.to_owned()) };
        let Answer::Environment { variables } = self.running.ask(asked).await.unwrap() else {
            panic!("no environment for {caller}");
        };
        ConnectOptions::from_variables(&variables, &self.endpoint())
    }

    pub async fn cast(&self, caller: &str) -> Connection {
        connect(self.options(caller).await).await.unwrap()
    }
}
