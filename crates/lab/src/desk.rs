//! The local clouds as a command uses them: in this process under the folder's lock, or in
//! the process that serves the folder already.

use crate::clouds;
use crate::config::Config;
use crate::exit::Failure;
use local_cloud::control::{Answer, Ask, Remote};
use local_cloud::running::{Start, UNFINISHED};
use local_cloud::{Caller, LocalCloud, LocalCloudError, Running};
use model::Timestamp;
use operations::CheckCloud;
use operations::remediation::FixCloud;
use provider::Purpose;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub struct Desk {
    served: Served,
    folder: PathBuf,
}

enum Served {
    Here(Box<Running>),
    There(Remote),
}

pub fn folder(config: &Config) -> PathBuf {
    config.data.join("cloud")
}

impl Desk {
    /// Attaches to the clouds that serve the folder, or serves them until [`Desk::close`].
    pub async fn open(config: &Config, holder: &str) -> Result<Desk, Failure> {
        let folder = folder(config);
        if let Some(remote) = Remote::find(&folder).await {
            return Ok(Desk { served: Served::There(remote), folder });
        }
        let served = match serve(&folder, holder, None, Vec::new()).await {
            Ok(running) => Served::Here(Box::new(running)),
            // Whoever holds the folder may have begun to serve it while we waited.
            Err(failure) => match Remote::find(&folder).await {
                Some(remote) => Served::There(remote),
                None => return Err(failure),
            },
        };
        Ok(Desk { served, folder })
    }

    /// Clouds that this process has begun to serve.
    pub fn here(running: Running, config: &Config) -> Desk {
        Desk { served: Served::Here(Box::new(running)), folder: folder(config) }
    }

    /// Only clouds that run already.
    pub async fn attach(config: &Config) -> Option<Desk> {
        let folder = folder(config);
        Remote::find(&folder).await.map(|remote| Desk { served: Served::There(remote), folder })
    }

    pub async fn ask(&self, ask: Ask) -> Result<Answer, LocalCloudError> {
        match &self.served {
            Served::Here(running) => running.ask(ask).await,
            Served::There(remote) => remote.ask(ask).await,
        }
    }

    pub fn address(&self) -> SocketAddr {
        match &self.served {
            Served::Here(running) => running.endpoints().address,
            Served::There(remote) => remote.address(),
        }
    }

    /// Stops what this process serves; what another one serves goes on.
    pub async fn close(self) {
        if let Served::Here(running) = self.served {
            running.stop().await;
        }
    }

    /// Does a process still say that it serves the folder?
    pub fn is_published(&self) -> bool {
        self.folder.join(local_cloud::control::FILE).exists()
    }

    /// The folder as messages name it.
    pub fn place(&self) -> String {
        format!("{}/", self.data().display())
    }

    /// The data folder, in which the folder of the local clouds lies.
    pub fn data(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }

    /// From now until [`Desk::end_lay_out`] a start of this folder begins anew.
    pub fn begin_lay_out(&self) -> Result<(), Failure> {
        let path = self.folder.join(UNFINISHED);
        if path.exists() {
            return Err(Failure::new("an earlier lay-out of the running local clouds was cut off")
                .hint("lab cloud reset starts over"));
        }
        std::fs::write(&path, b"").map_err(|e| Failure::new(format!("{}: {e}", path.display())))
    }

    pub fn end_lay_out(&self) {
        let _ = std::fs::remove_file(self.folder.join(UNFINISHED));
    }

    pub async fn environment(
        &self,
        caller: Option<&str>,
    ) -> Result<Vec<(String, String)>, Failure> {
        let ask = Ask::Environment { caller: caller.map(str::to_owned) };
        match self.ask(ask).await? {
            Answer::Environment { variables } => Ok(variables),
            other => Err(unexpected(&other)),
        }
    }

    pub async fn callers(&self) -> Result<Vec<Caller>, Failure> {
        match self.ask(Ask::Callers).await? {
            Answer::Callers { callers } => Ok(callers),
            other => Err(unexpected(&other)),
        }
    }

    pub async fn note(&self, key: &str) -> Result<Option<serde_json::Value>, Failure> {
        match self.ask(Ask::GetNote { key: key.to_owned() }).await? {
            Answer::Note { value } => Ok(value),
            other => Err(unexpected(&other)),
        }
    }

    pub async fn put_note(&self, key: &str, value: serde_json::Value) -> Result<(), Failure> {
        self.ask(Ask::PutNote { key: key.to_owned(), value }).await?;
        Ok(())
    }

    pub async fn set_clock(&self, moment: Option<Timestamp>) -> Result<(), Failure> {
        self.ask(Ask::Clock { moment }).await?;
        Ok(())
    }

    /// Every local cloud as this caller, for a check.
    pub async fn clouds(&self, caller: &str) -> Result<Vec<CheckCloud>, Failure> {
        Ok(clouds::without_writers(self.connect(caller, Purpose::Looking).await?))
    }

    /// Every local cloud as this caller, with the power to change it.
    pub async fn powers(&self, caller: &str) -> Result<Vec<FixCloud>, Failure> {
        self.connect(caller, Purpose::Remediation).await
    }

    async fn connect(&self, caller: &str, purpose: Purpose) -> Result<Vec<FixCloud>, Failure> {
        let variables = self.environment(Some(caller)).await?;
        Ok(clouds::local(&variables, self.address(), purpose).await)
    }
}

pub fn unexpected(answer: &Answer) -> Failure {
    Failure::new(format!("the local cloud gave an answer of another kind: {answer:?}"))
        .hint("it may be of another version: lab cloud stop, then run again")
}

pub async fn serve(
    folder: &Path,
    holder: &str,
    port: Option<u16>,
    allowed: Vec<String>,
) -> Result<Running, Failure> {
    let start = Start { folder, holder, port, allowed };
    Ok(LocalCloud::start(start, clouds::services).await?)
}
