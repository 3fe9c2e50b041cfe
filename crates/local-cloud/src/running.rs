//! Starting and stopping: the caller decides when, and stopping is announced and waited for.

use crate::ca::CertificateAuthority;
use crate::control::{Answer, Ask, Control};
use crate::error::LocalCloudError;
use crate::front_door::FrontDoor;
use crate::ground::Ground;
use crate::service::{CloudService, Endpoints};
use crate::store::StoreError;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Lies in a folder while somebody fills it. Found at a start, it means that the filling
/// was interrupted: half a lab is no lab, so the folder is emptied and founded again.
pub const UNFINISHED: &str = "unfinished";

pub struct LocalCloud;

/// A cloud that this process serves. Dropping it without [`Running::stop`] is what a crash
/// does: nothing is lost, log files that were due appear at the next start.
pub struct Running {
    ground: Arc<Ground>,
    services: Vec<Arc<dyn CloudService>>,
    control: Arc<Control>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// What to start with.
pub struct Start<'a> {
    pub folder: &'a Path,
    /// What a second process is told about this one.
    pub holder: &'a str,
    /// `None`: any free port.
    pub port: Option<u16>,
    /// Hosts outside the lab that the proxy may reach.
    pub allowed: Vec<String>,
}

impl LocalCloud {
    /// Opens the folder, founds what is new, and serves on loopback. It answers when this
    /// returns.
    pub async fn start(
        start: Start<'_>,
        services: impl FnOnce(&Arc<Ground>) -> Vec<Arc<dyn CloudService>>,
    ) -> Result<Running, LocalCloudError> {
        let ground = Arc::new(Ground::open(start.folder, start.holder)?);
        let unfinished = start.folder.join(UNFINISHED);
        if unfinished.exists() {
            tracing::warn!("the last lay-out was interrupted; starting over");
            ground.store.wipe()?;
            std::fs::remove_file(&unfinished)
                .map_err(|cause| LocalCloudError::File { path: unfinished, cause })?;
        }
        let services = services(&ground);
        let founded = ground.store.read(|v| v.has("lab", "founded"));
        if founded {
            for service in &services {
                service.settle().await;
            }
        } else {
            ground.store.write(|tx| {
                for service in &services {
                    service.found(tx);
                }
                tx.put("lab", "founded", &true);
                Ok::<_, StoreError>(())
            })?;
        }
        let ca = Arc::new(CertificateAuthority::open(start.folder)?);
        let port = start.port.unwrap_or(0);
        let taken = |cause| LocalCloudError::Port { port, cause };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(taken)?;
        let endpoints = Endpoints {
            address: listener.local_addr().map_err(taken)?,
            ca_bundle: absolute(ca.bundle()),
            folder: absolute(start.folder),
        };
        let (stop, stopped) = watch::channel(false);
        let control = Arc::new(Control::new(
            ground.clone(),
            services.clone(),
            endpoints.clone(),
            stop.clone(),
        ));
        let door = Arc::new(FrontDoor {
            services: services.clone(),
            ground: ground.clone(),
            tls: ca.server_config()?,
            allowed: start.allowed,
            control: control.clone(),
            address: endpoints.address,
        });
        let serving = tokio::spawn(door.serve(listener, stopped));
        Ok(Running { ground, services, control, stop, serving })
    }
}

fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

impl Running {
    pub fn endpoints(&self) -> &Endpoints {
        self.control.endpoints()
    }

    /// Lets other processes find this one through the folder.
    pub fn publish(&self) -> Result<(), LocalCloudError> {
        self.control.publish()
    }

    pub fn ground(&self) -> &Arc<Ground> {
        &self.ground
    }

    pub async fn ask(&self, ask: Ask) -> Result<Answer, LocalCloudError> {
        self.control.ask(ask).await
    }

    /// Returns when somebody has asked it to stop (through [`Ask::Stop`]).
    pub async fn asked_to_stop(&self) {
        let mut stop = self.stop.subscribe();
        let _ = stop.wait_for(|stop| *stop).await;
    }

    /// Announces the end, waits for calls under way, and brings due log files into their
    /// stores.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.serving.await;
        for service in &self.services {
            service.settle().await;
        }
        self.control.withdraw();
    }
}
