//! The seams that every cloud fills.
//!
//! A power is a value: whoever holds a [`Reader`] cannot change anything, whoever holds a
//! [`Writer`] can; [`AuditLog`], [`ObjectSource`] and [`ObjectSink`] stand apart from both.
//! A cloud's own crate implements one [`Kind`] per resource kind over its session and one
//! [`Session`]; [`Provider`] makes the reader and the writer out of them, so that three
//! clouds have the same rooms.
//!
//! Each remote call goes through [`layers::Layers::call`]: deadline, then retry with jitter,
//! then the client's own pace, then the timeout of one attempt. The SDKs' own retries are
//! off, so that a throttled endpoint is answered once and in one place.

pub mod audit_log;
pub mod basis;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod facts;
pub mod grant;
pub mod kind;
pub mod layers;
pub mod object_source;
pub mod purpose;
pub mod reader;
pub mod redact;
pub mod registry;
pub mod writer;

pub use audit_log::{About, AuditAnswer, AuditLog, AuditQuery};
pub use error::{ErrorKind, ProviderError, Retry};
pub use facts::FactsFile;
pub use kind::{Kind, Probe, Session, Wanted};
pub use layers::Layers;
pub use object_source::{ObjectInfo, ObjectSink, ObjectSource};
pub use purpose::Purpose;
pub use reader::{Identity, Reader};
pub use redact::Sensitive;
pub use registry::Provider;
pub use writer::Writer;

/// What one target offers for one cloud. A use-case takes the fields that it needs: a check
/// never sees the writer.
#[derive(Clone)]
pub struct Connection {
    pub catalog: &'static dyn model::knowledge::Catalog,
    pub reader: std::sync::Arc<dyn Reader>,
    pub writer: std::sync::Arc<dyn Writer>,
    pub audit: std::sync::Arc<dyn AuditLog>,
    pub objects: std::sync::Arc<dyn ObjectSource>,
    pub sink: std::sync::Arc<dyn ObjectSink>,
}
