//! The use-cases, one file each, over traits only: nothing here knows which cloud it talks to.
//!
//! * [`target`]: what a use-case is given of each cloud, power by power
//! * [`states`]: the states that a run is about, from files, folders, standard input, buckets
//! * [`archive`]: audit events out of files and buckets that the user names
//! * [`check`]: drift, with a name on every change
//! * [`doctor`]: what the credentials at hand may do
//! * [`remediation`]: mending what a check found
//! * [`react`]: an event in, what came of it out
//! * [`progress`]: how a long run tells that it is alive

pub mod archive;
pub mod check;
pub mod doctor;
pub mod progress;
pub mod react;
pub mod remediation;
pub mod states;
pub mod target;

mod attribution;
mod fetch;
mod reading;

pub use check::{CheckRequest, Examined, Who, check, examine};
pub use progress::{Progress, Silent};
pub use states::{Loaded, StateInput, load_states};
pub use target::{Account, CheckCloud};
