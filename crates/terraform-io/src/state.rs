//! A state of version 4, as Terraform 0.12 and every later one and OpenTofu write it.
//!
//! Sensitive values are sealed here, before anybody sees them: what `sensitive_attributes`
//! names becomes [`model::Value::Redacted`], `private` and the outputs are read over. What a
//! newer Terraform adds is passed by. Not every state fits in memory comfortably, so
//! [`read`] hands out record by record; [`State::read`] gathers them.

mod record;
mod sensitive;
mod sniff;
mod walk;

use crate::error::StateError;
use model::report::UnknownResource;
use model::resource::Desired;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::SystemTime;

/// What is refused beyond these sizes, each by its own name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `max_state_bytes`
    pub bytes: u64,
    /// `max_state_resources`: instances of managed resources.
    pub resources: u64,
    /// `max_resource_bytes`: one `resources[]` entry with all its instances.
    pub resource_bytes: u64,
}

impl Default for Limits {
    /// A state of 100,000 resources is some 200 MB; the largest seen in the field are tens
    /// of thousands. An entry with thousands of instances is some tens of MB.
    fn default() -> Self {
        Limits { bytes: 1 << 30, resources: 1_000_000, resource_bytes: 256 << 20 }
    }
}

/// What a state says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    pub source: String,
    pub lineage: String,
    pub serial: u64,
    pub terraform_version: String,
    /// Instances of data sources: read by Terraform, managed by nobody.
    pub data_count: usize,
    pub output_count: usize,
}

/// One instance of one managed resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    Resource(Desired),
    /// It stands in the state in a form that says nothing: reported, never left out.
    Unreadable(UnknownResource),
}

#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub header: Header,
    pub resources: Vec<Desired>,
    pub unreadable: Vec<UnknownResource>,
}

impl State {
    /// Reads a whole state. `source` is its name in reports and errors.
    pub fn read(reader: impl Read, source: &str, limits: Limits) -> Result<State, StateError> {
        let (mut resources, mut unreadable) = (Vec::new(), Vec::new());
        let header = read(reader, source, limits, &mut |recorded| match recorded {
            Recorded::Resource(desired) => resources.push(desired),
            Recorded::Unreadable(unknown) => unreadable.push(unknown),
        })?;
        Ok(State { header, resources, unreadable })
    }

    pub fn from_slice(bytes: &[u8], source: &str) -> Result<State, StateError> {
        State::read(bytes, source, Limits::default())
    }
}

/// Reads record by record, in the state's order. An error takes back what was handed out:
/// a state is read whole or not at all.
pub fn read(
    reader: impl Read,
    source: &str,
    limits: Limits,
    each: &mut dyn FnMut(Recorded),
) -> Result<Header, StateError> {
    walk::walk(reader, source, limits, each)
}

/// Opens a local state; the time says when it was last written.
pub fn open(path: &Path) -> Result<(File, Option<SystemTime>), StateError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|e| StateError::from_io(&name, &e))?;
    let modified = file.metadata().and_then(|m| m.modified()).ok();
    Ok((file, modified))
}
