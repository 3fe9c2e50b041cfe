//! What the clouds on your desk share.
//!
//! The layers never mix: a listener ([`front_door`]) hands a request to the [`service`] it
//! belongs to, the service reads its protocol, makes one call on the [`store`], leaves one
//! audit record and answers. All of them stand on one [`ground`]: store, clock, callers,
//! faults. Who holds a folder holds its lock; a second process goes through [`control`].
//!
//! * [`journal`], [`store`]: one store, journalled before an answer is given, survives `kill -9`
//! * [`clock`]: the lab's time
//! * [`callers`]: who exists, and from which address each credential seems to call
//! * [`faults`]: bad weather on request
//! * [`ca`], [`front_door`]: one listener that is a plain endpoint and a proxy that ends TLS
//! * [`control`], [`running`]: start, stop, and what the command line may ask of a running cloud

pub mod ca;
pub mod callers;
pub mod clock;
pub mod control;
pub mod error;
pub mod faults;
pub mod front_door;
pub mod ground;
pub mod journal;
pub mod running;
pub mod service;
pub mod store;

pub use callers::Caller;
pub use clock::Clock;
pub use error::LocalCloudError;
pub use faults::{Fault, FaultAction, Faults};
pub use ground::Ground;
pub use running::{LocalCloud, Running};
pub use service::{Body, Claim, CloudService, Connection, Endpoints, LostAnswer};
pub use store::{Store, StoreError, Tx, View};
