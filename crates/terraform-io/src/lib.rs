//! Terraform's recorded states: bytes in, resources out. No cloud, no SDK, no network.
//!
//! * [`source`]: what a user may give for `--state` (and `--events`), parsed at the edge:
//!   [`StateSource`] is a path, a glob, a folder, standard input, or an [`ObjectPattern`]
//!   (`s3://`, `azblob://`, `gs://`); [`source::expand`] finds the files of the local ones
//! * [`backend`]: where a Terraform root keeps its state, by `.terraform/terraform.tfstate`
//! * [`state`]: a state of version 4 as [`State`], or record by record for large ones
//! * [`configuration`]: the file and line of a resource's block, for reports
//! * [`error`]: every other file is one clear [`StateError`]: what it is, where, what to do
//!
//! Objects in a bucket are fetched by whoever holds credentials; this crate only says which
//! keys a pattern means.

pub mod backend;
pub mod configuration;
pub mod error;
pub mod source;
pub mod state;

pub use backend::Backend;
pub use configuration::{Block, Configuration};
pub use error::{Place, StateError, StateErrorKind};
pub use source::{ObjectPattern, SourceError, StateFile, StateSource};
pub use state::{Header, Limits, Recorded, State};
