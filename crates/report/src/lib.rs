//! What a person or a tool reads. Everything here is a pure function to text from a
//! [`model::report::DriftReport`] or a [`model::RemediationPlan`]: no clock, no terminal, no
//! files.
//!
//! * [`options`]: how wide, with colour or not, what time it is, where the configuration lies
//! * [`formats`]: the sorted list [`FORMATS`], one file a format: `json`, `markdown`,
//!   `sarif`, `terminal`. [`format`] finds one by the name that `--format` takes
//! * [`show`]: the whole story of one finding, and [`find`], which takes `F-7c1e`
//! * [`remediation`]: a plan, what a run of it did, the story of one action, a refusal
//! * [`ledger`]: the entries of the ledger
//! * [`svg`]: a picture of a terminal's output for a README
//!
//! What they are written with: [`text`] (foreign text made harmless, display width),
//! [`screen`] (styled lines), [`wording`] (the sentences that terminal, Markdown and `show`
//! share), [`technique`] (names of MITRE ATT&CK techniques).

pub mod formats;
pub mod ledger;
mod markup;
mod next;
pub mod options;
pub mod remediation;
pub mod screen;
pub mod show;
pub mod svg;
pub mod technique;
pub mod text;
pub mod wording;

pub use formats::{FORMATS, Format, format};
pub use options::{NextStep, Options, SourcePlace};
pub use show::{Found, find, show};
pub use svg::svg;
