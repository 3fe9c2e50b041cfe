//! What every kind makes of an answer that is not a resource.

use crate::id::normal_location;
use model::{AttributePath, Resource, Value};
use provider::layers::Call;
use provider::{ErrorKind, ProviderError};

/// The cloud says that there is none: an answer. Anything else stays an error.
pub(super) fn not_here<T>(error: ProviderError) -> Result<Option<T>, ProviderError> {
    if error.is(ErrorKind::NotFound) { Ok(None) } else { Err(error) }
}

pub(super) fn no_id(call: &str, native_id: &str) -> ProviderError {
    ProviderError::new(ErrorKind::Invalid, call, native_id).because("not the id of such a resource")
}

pub(super) fn strange(call: &Call<'_>) -> ProviderError {
    call.error(ErrorKind::Malformed).because("the answer lacks what every such resource has")
}

pub(super) fn vanished(call: &Call<'_>) -> ProviderError {
    call.error(ErrorKind::NotFound).because("made, and then not found")
}

pub(super) fn unchangeable(call: &Call<'_>, attribute: &str) -> ProviderError {
    call.error(ErrorKind::Invalid)
        .because(format!("{attribute} cannot be changed on what is there"))
        .next_step("terraform plan shows whether it would be replaced")
}

pub(super) fn unwritable(call: &Call<'_>, attribute: &str) -> ProviderError {
    call.error(ErrorKind::Unsupported)
        .because(format!("writing {attribute} is not supported yet"))
        .next_step("terraform apply does it")
}

/// A place is the same however it is written.
pub(super) fn same_location(path: &AttributePath, one: &Value, other: &Value) -> Option<bool> {
    if path.pattern() != "location" {
        return None;
    }
    Some(normal_location(one.as_str()?) == normal_location(other.as_str()?))
}

/// A text attribute of a live resource.
pub(super) fn attribute<'r>(resource: &'r Resource, name: &str) -> &'r str {
    resource.attributes.get(name).and_then(Value::as_str).unwrap_or_default()
}
