//! One S3 call on its way: who, what, and the record that it leaves.
//!
//! A change and its record go into one transaction; reads and refusals are recorded when
//! the answer is known. Either way exactly one record a call.

use crate::audit;
use crate::principal::Principal;
use crate::state::s3;
use crate::wire::s3_error::Refused;
use crate::wire::s3_identify::Caller;
use aws_protocol::cloudtrail::{Authentication, Exchange, S3Exchange};
use aws_protocol::{Operation, ServiceError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use local_cloud::{Ground, Tx};
use model::Timestamp;
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// `x-amz-request-id` and `x-amz-id-2`.
#[derive(Clone, Debug)]
pub struct Ids {
    pub request: String,
    pub extended: String,
}

impl Ids {
    /// Of an answer to what no operation of S3 is, and so no record.
    pub fn unrecorded(ground: &Ground) -> Ids {
        let made = ground.store.write(|tx| {
            Ok::<_, Refused>(Ids { request: audit::s3_request_id(tx), extended: extended_id(tx) })
        });
        made.unwrap_or_else(|_| Ids::none())
    }

    /// A full disk: the answer has to go out all the same.
    fn none() -> Ids {
        Ids { request: "0".repeat(16), extended: STANDARD.encode([0; EXTENDED_BYTES]) }
    }
}

pub struct S3Call {
    pub ground: Arc<Ground>,
    pub operation: Operation,
    /// Who says to call; it counts once `verified`.
    pub principal: Principal,
    pub verified: AtomicBool,
    pub bucket: Option<String>,
    pub key: Option<String>,
    /// Of the signature's scope, of the host name, or the first one.
    pub region: String,
    pub signed_region: Option<String>,
    pub host: String,
    pub query: String,
    pub headers: HeaderMap,
    /// Of configurations; object data passes by.
    pub body: Bytes,
    pub bytes_in: Arc<AtomicU64>,
    pub user_agent: String,
    /// By the lab's clock.
    pub time: Timestamp,
    /// It came through TLS that the lab ended.
    pub tls: bool,
    /// Loopback counts as TLS where conditions ask.
    pub secure: bool,
    pub authentication: Option<Authentication>,
    recorded: OnceLock<Ids>,
}

/// What the record shows of an answer.
#[derive(Clone, Copy, Default)]
pub struct Answered<'a> {
    pub error: Option<&'a ServiceError>,
    pub headers: Option<&'a HeaderMap>,
    pub bytes: u64,
}

impl S3Call {
    pub fn new(
        ground: Arc<Ground>,
        operation: Operation,
        caller: Caller,
        request: Asked,
    ) -> S3Call {
        S3Call {
            time: ground.clock.now(),
            ground,
            operation,
            principal: caller.principal,
            verified: AtomicBool::new(caller.verified),
            region: caller.region,
            signed_region: caller.signed_region,
            authentication: caller.authentication,
            bucket: request.bucket,
            key: request.key,
            host: request.host,
            query: request.query,
            user_agent: text(&request.headers, "user-agent").unwrap_or_default().to_owned(),
            headers: request.headers,
            body: request.body,
            bytes_in: request.bytes_in,
            tls: request.tls,
            secure: request.secure,
            recorded: OnceLock::new(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        text(&self.headers, name)
    }

    /// The call that a request of the protocol layer belongs to.
    pub fn of<T>(request: &S3Request<T>) -> S3Result<Arc<S3Call>> {
        request
            .extensions
            .get::<Arc<S3Call>>()
            .cloned()
            .ok_or_else(|| S3Error::new(S3ErrorCode::InternalError))
    }

    /// Looks at the store.
    pub fn read<R>(
        &self,
        look: impl FnOnce(&local_cloud::View<'_>) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        self.ground.store.read(look)
    }

    /// Makes a change that answers without a body, and leaves the record of it.
    pub fn change<R>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<R, Refused>,
    ) -> Result<R, Refused> {
        self.change_answering(change, |_| (HeaderMap::new(), 0))
    }

    /// Makes a change and leaves the record of it. `answer` foretells the answer's headers
    /// and length.
    pub fn change_answering<R>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<R, Refused>,
        answer: impl FnOnce(&R) -> (HeaderMap, u64),
    ) -> Result<R, Refused> {
        self.ground.store.write(|tx| {
            let owner = self.bucket_owner(tx);
            let outcome = change(tx)?;
            let (headers, bytes) = answer(&outcome);
            let answered = Answered { error: None, headers: Some(&headers), bytes };
            let ids = self.record(tx, owner.as_deref(), answered);
            let _ = self.recorded.set(ids);
            Ok(outcome)
        })
    }

    /// The ids of this call; leaves its record, unless a change has done so.
    pub fn finish(&self, answered: Answered<'_>) -> Ids {
        if let Some(ids) = self.recorded.get() {
            return ids.clone();
        }
        let written = self.ground.store.write(|tx| {
            let owner = self.bucket_owner(tx);
            Ok::<_, Refused>(self.record(tx, owner.as_deref(), answered))
        });
        match written {
            Ok(ids) => self.recorded.get_or_init(|| ids).clone(),
            Err(_) => Ids::none(),
        }
    }

    fn bucket_owner(&self, tx: &Tx<'_>) -> Option<String> {
        let bucket = self.bucket.as_deref()?;
        s3::bucket(&tx.view(), bucket).map(|bucket| bucket.account)
    }

    fn record(&self, tx: &mut Tx<'_>, owner: Option<&str>, answered: Answered<'_>) -> Ids {
        let ids = Ids { request: audit::s3_request_id(tx), extended: extended_id(tx) };
        // Nobody is named whose signature did not hold.
        let nobody = Principal::anonymous(self.principal.origin.clone());
        let principal = match self.verified.load(Ordering::Acquire) {
            true => &self.principal,
            false => &nobody,
        };
        let call = audit::Call {
            operation: self.operation,
            principal,
            time: self.time,
            region: &self.region,
            user_agent: &self.user_agent,
            exchange: Exchange::S3(S3Exchange {
                bucket: self.bucket.as_deref(),
                key: self.key.as_deref(),
                host: &self.host,
                query: &self.query,
                headers: &self.headers,
                body: &self.body,
                response_headers: answered.headers,
                bucket_owner: owner,
                authentication: self.authentication,
                bytes_in: self.bytes_in.load(Ordering::Acquire),
                bytes_out: answered.bytes,
                extended_request_id: &ids.extended,
            }),
            error: answered.error,
            request_id: &ids.request,
            tls_host: self.tls.then_some(self.host.as_str()),
        };
        audit::record(tx, &call);
        ids
    }
}

/// The request as it came, beside who makes it.
pub struct Asked {
    pub bucket: Option<String>,
    pub key: Option<String>,
    pub host: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub bytes_in: Arc<AtomicU64>,
    pub tls: bool,
    pub secure: bool,
}

/// `x-amz-id-2` has 76 characters on most calls: 56 bytes.
const EXTENDED_BYTES: usize = 56;

fn extended_id(tx: &mut Tx<'_>) -> String {
    let mut bytes = [0; EXTENDED_BYTES];
    let (first, second) = (tx.fresh("aws/s3-id-2"), tx.fresh("aws/s3-id-2"));
    for (place, byte) in bytes.iter_mut().zip(first.into_iter().chain(second)) {
        *place = byte;
    }
    STANDARD.encode(bytes)
}

pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
