//! The schema of OCSF as tables: is an event valid, and how is it told in an older version.
//!
//! * [`validate`]: every rule of the schema that a JSON value can break, each named
//! * [`reshape`]: an event of a newer version in the words of an older one, nothing dropped
//! * [`Schema`]: the tables themselves, generated from the project's own exports
//!
//! Pure, and it knows no log: whoever makes OCSF events is held to the schema from outside.
//!
//! ```
//! use ocsf::{Rule, Version, validate};
//! let event = serde_json::json!({"class_uid": 6003, "activity_id": 7});
//! let found = validate(&event, Version::V1_8_0);
//! assert!(found.iter().any(|v| v.rule == Rule::Enum && v.path == "activity_id"));
//! assert!(found.iter().any(|v| v.rule == Rule::Required && v.path == "metadata"));
//! ```

mod pattern;
mod reshape;
mod table;
mod validate;

pub use reshape::{UNSHAPED, reshape};
pub use table::{Attribute, Kind, Schema, Shape, Version, schema};
pub use validate::{Rule, Violation, validate};
