//! Azure to the front door.

use crate::wire::blob::error::BlobError;
use crate::{CLOUD, callers, deliver, face, story, wire};
use async_trait::async_trait;
use face::Face;
use http::request::Parts;
use http::{Request, Response};
use local_cloud::{Body, Claim, CloudService, Connection, Endpoints, Ground, LocalCloudError, Tx};
use model::Cloud;
use std::sync::Arc;

pub struct Azure {
    ground: Arc<Ground>,
}

impl Azure {
    pub fn new(ground: Arc<Ground>) -> Azure {
        Azure { ground }
    }
}

#[async_trait]
impl CloudService for Azure {
    fn cloud(&self) -> Cloud {
        CLOUD
    }

    fn owns_host(&self, host: &str) -> bool {
        face::of_host(host).is_some()
    }

    fn claims(&self, head: &Parts) -> Option<Claim> {
        face::claim(head)
    }

    async fn call(&self, request: Request<Body>, connection: Connection) -> Response<Body> {
        let (head, body) = request.into_parts();
        match face::of(&head) {
            Some(Face::Entra) => wire::entra::call(&self.ground, head, body).await,
            Some(Face::Arm) => wire::arm::call(&self.ground, head, body).await,
            Some(Face::Blob { account, path_style }) => {
                let place = wire::blob::Place { account, path_style, tls: connection.tls };
                wire::blob::call(&self.ground, head, body, place).await
            }
            Some(Face::OtherStorage { service }) => {
                let why = format!("The {service} service is not served by the local cloud.");
                BlobError::not_implemented(why).answer(&head)
            }
            None => BlobError::invalid_uri().answer(&head),
        }
    }

    fn found(&self, tx: &mut Tx<'_>) {
        callers::found(tx, &self.ground);
    }

    fn environment(
        &self,
        caller: &str,
        _: &Endpoints,
    ) -> Result<Option<Vec<(String, String)>>, LocalCloudError> {
        Ok(callers::environment(&self.ground, caller))
    }

    fn default_caller(&self) -> &'static str {
        story::DEPLOYER
    }

    async fn settle(&self) {
        if let Err(cause) = deliver::deliver(&self.ground) {
            tracing::warn!(%cause, "the Activity Log could not be delivered; it waits");
        }
    }
}
