//! Protocol in, one store call, protocol out.

pub mod arm;
pub mod blob;
pub mod entra;

use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use local_cloud::Body;
use local_cloud::service::full;

/// An answer with a body; header values that are not HTTP are left out.
pub fn answer(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<bytes::Bytes>,
    headers: impl IntoIterator<Item = (HeaderName, String)>,
) -> Response<Body> {
    let body = body.into();
    let empty = body.is_empty();
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    if !empty {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// An id for an answer that leaves no record: it need not come again.
pub fn request_id() -> String {
    local_cloud::store::uuid_from(&local_cloud::store::secret_bytes::<32>())
}

/// `Thu, 01 Jan 2026 00:00:00 GMT`
pub fn http_date(moment: model::Timestamp) -> String {
    let form = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    moment.inner().format(&form).unwrap_or_default()
}
