//! What the command line may ask of a running cloud: the same questions in this process
//! ([`Running`](crate::Running)) and, by a private path of the listener, in another one
//! ([`Remote`]). The token lies in the folder, mode 0600: who may read the folder may ask.

use crate::callers::{self, Caller};
use crate::error::LocalCloudError;
use crate::faults::Fault;
use crate::front_door::text;
use crate::ground::Ground;
use crate::service::{Body, CloudService, Endpoints, full, read_body};
use crate::store::StoreError;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use model::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub const PREFIX: &str = "/_lab/";
const TOKEN: &str = "x-lab-token";
const LARGEST: usize = 1 << 20;
/// Where a serving process leaves the way to itself, until it has ended in order.
pub const FILE: &str = "endpoint.json";

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    Status,
    Callers,
    /// The variables for a caller; none named: each cloud's default.
    Environment {
        caller: Option<String>,
    },
    SetFault {
        fault: Fault,
    },
    ClearFaults,
    ListFaults,
    /// Sets the lab's clock; `None`: it follows the real one again.
    Clock {
        moment: Option<Timestamp>,
    },
    /// Places a credential at an address.
    Place {
        credential: String,
        origin: String,
    },
    /// Adds a named caller to the list.
    AddCaller {
        caller: Caller,
    },
    /// Notes of the command line that belong to the folder (what was laid out, lessons).
    GetNote {
        key: String,
    },
    PutNote {
        key: String,
        value: serde_json::Value,
    },
    /// Brings log files that are due into their store.
    Settle,
    Stop,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    Status { pid: u32, address: SocketAddr, clouds: Vec<String>, since: Timestamp, now: Timestamp },
    Callers { callers: Vec<Caller> },
    Environment { variables: Vec<(String, String)> },
    Faults { faults: Vec<Fault> },
    Note { value: Option<serde_json::Value> },
    Done,
    Refused { why: String },
}

pub struct Control {
    ground: Arc<Ground>,
    services: Vec<Arc<dyn CloudService>>,
    endpoints: Endpoints,
    token: String,
    since: Timestamp,
    stop: watch::Sender<bool>,
}

impl Control {
    pub fn new(
        ground: Arc<Ground>,
        services: Vec<Arc<dyn CloudService>>,
        endpoints: Endpoints,
        stop: watch::Sender<bool>,
    ) -> Self {
        let token = hex::encode(crate::store::secret_bytes::<16>());
        let since = crate::clock::Clock::real();
        Control { ground, services, endpoints, token, since, stop }
    }

    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Answers one question. The same for this process and for others.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, LocalCloudError> {
        let store = &self.ground.store;
        Ok(match ask {
            Ask::Status => Answer::Status {
                pid: std::process::id(),
                address: self.endpoints.address,
                clouds: self.services.iter().map(|s| s.cloud().to_string()).collect(),
                since: self.since,
                now: self.ground.clock.now(),
            },
            Ask::Callers => Answer::Callers { callers: store.read(callers::all) },
            Ask::Environment { caller } => {
                Answer::Environment { variables: self.environment(caller.as_deref())? }
            }
            Ask::SetFault { fault } => {
                self.ground.faults.set(fault);
                Answer::Done
            }
            Ask::ClearFaults => {
                self.ground.faults.clear();
                Answer::Done
            }
            Ask::ListFaults => Answer::Faults { faults: self.ground.faults.list() },
            Ask::Clock { moment } => {
                match moment {
                    Some(moment) => self.ground.clock.set(moment),
                    None => self.ground.clock.follow_real(),
                }
                Answer::Done
            }
            Ask::Place { credential, origin } => {
                store.write(|tx| {
                    callers::place(tx, &credential, &origin);
                    Ok::<_, StoreError>(())
                })?;
                Answer::Done
            }
            Ask::AddCaller { caller } => {
                store.write(|tx| {
                    callers::add(tx, &caller);
                    Ok::<_, StoreError>(())
                })?;
                Answer::Done
            }
            Ask::GetNote { key } => Answer::Note { value: store.read(|v| v.get("notes", &key)) },
            Ask::PutNote { key, value } => {
                store.write(|tx| {
                    tx.put("notes", &key, &value);
                    Ok::<_, StoreError>(())
                })?;
                Answer::Done
            }
            Ask::Settle => {
                for service in &self.services {
                    service.settle().await;
                }
                Answer::Done
            }
            Ask::Stop => {
                self.stop.send_replace(true);
                Answer::Done
            }
        })
    }

    fn environment(&self, caller: Option<&str>) -> Result<Vec<(String, String)>, LocalCloudError> {
        let mut variables = Vec::new();
        let mut known = false;
        for service in &self.services {
            let name = caller.unwrap_or(service.default_caller());
            if let Some(mut own) = service.environment(name, &self.endpoints)? {
                known = true;
                variables.append(&mut own);
            }
        }
        if let (Some(name), false) = (caller, known) {
            let mut all: Vec<String> =
                self.ground.store.read(callers::all).into_iter().map(|c| c.name).collect();
            all.dedup();
            return Err(LocalCloudError::UnknownCaller {
                name: name.to_owned(),
                known: all.join(", "),
            });
        }
        let proxy = self.endpoints.url();
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            variables.push((name.to_owned(), proxy.clone()));
        }
        for name in ["NO_PROXY", "no_proxy"] {
            variables.push((name.to_owned(), "127.0.0.1,localhost".to_owned()));
        }
        let bundle = self.endpoints.ca_bundle.display().to_string();
        // Marks the environment, so that a real target refuses to run in it.
        variables.push(("LAB_CLOUD_ENDPOINT".to_owned(), proxy));
        for name in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"]
        {
            variables.push((name.to_owned(), bundle.clone()));
        }
        Ok(variables)
    }

    /// Answers a question that came by the listener.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let token = request.headers().get(TOKEN).map(http::HeaderValue::as_bytes);
        let mine = self.token.as_bytes();
        let known = token
            .is_some_and(|t| aws_lc_rs::constant_time::verify_slices_are_equal(t, mine).is_ok());
        if !known {
            return text(StatusCode::FORBIDDEN, "this path is the lab's own");
        }
        let body = match read_body(request.into_body(), LARGEST).await {
            Ok(body) => body,
            Err(cause) => return text(StatusCode::BAD_REQUEST, &cause.to_string()),
        };
        let answer = match serde_json::from_slice::<Ask>(&body) {
            Ok(ask) => self
                .ask(ask)
                .await
                .unwrap_or_else(|error| Answer::Refused { why: error.to_string() }),
            Err(cause) => Answer::Refused { why: cause.to_string() },
        };
        Response::new(full(serde_json::to_vec(&answer).unwrap_or_default()))
    }

    /// Leaves the way to this process in the folder.
    pub fn publish(&self) -> Result<(), LocalCloudError> {
        let place = Place { address: self.endpoints.address, token: self.token.clone() };
        let path = self.endpoints.folder.join(FILE);
        crate::ca::write_private(&path, &serde_json::to_vec(&place).unwrap_or_default())
            .map_err(|cause| LocalCloudError::File { path, cause })
    }

    pub fn withdraw(&self) {
        let _ = std::fs::remove_file(self.endpoints.folder.join(FILE));
    }
}

#[derive(Serialize, Deserialize)]
struct Place {
    address: SocketAddr,
    token: String,
}

/// A cloud that another process serves.
pub struct Remote {
    place: Place,
}

impl Remote {
    /// The cloud that serves this folder, if one does and answers.
    pub async fn find(folder: &Path) -> Option<Remote> {
        let bytes = std::fs::read(folder.join(FILE)).ok()?;
        let remote = Remote { place: serde_json::from_slice(&bytes).ok()? };
        let answer = tokio::time::timeout(Duration::from_secs(2), remote.ask(Ask::Status)).await;
        matches!(answer, Ok(Ok(Answer::Status { .. }))).then_some(remote)
    }

    pub fn address(&self) -> SocketAddr {
        self.place.address
    }

    pub async fn ask(&self, ask: Ask) -> Result<Answer, LocalCloudError> {
        let unreachable = |cause: String| LocalCloudError::Unreachable {
            address: self.place.address.to_string(),
            cause,
        };
        let answer = self.send(&ask).await.map_err(|e| unreachable(e.to_string()))?;
        match answer {
            Answer::Refused { why } => Err(LocalCloudError::Refused(why)),
            answer => Ok(answer),
        }
    }

    async fn send(&self, ask: &Ask) -> Result<Answer, crate::service::BoxError> {
        let stream = tokio::net::TcpStream::connect(self.place.address).await?;
        let io = hyper_util::rt::TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        tokio::spawn(connection);
        let request = Request::post(format!("{PREFIX}control"))
            .header(http::header::HOST, self.place.address.to_string())
            .header(TOKEN, &self.place.token)
            .body(full(serde_json::to_vec(ask)?))?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        if status != StatusCode::OK {
            return Err(String::from_utf8_lossy(&body).into_owned().into());
        }
        Ok(serde_json::from_slice(&body)?)
    }
}
