//! OpenID Connect's userinfo: whose token is this?

use super::{Form, answer, refuse};
use crate::authorize::Who;
use crate::calls::Call;
use crate::error::ApiError;
use http::Response;
use local_cloud::Body;
use serde_json::json;

pub fn serve(call: &Call) -> Response<Body> {
    match &call.caller.who {
        Who::Anonymous => refuse(Form::Platform, &ApiError::bad_credential()),
        Who::Account { account, .. } => answer(
            200,
            &json!({"sub": account.unique_id, "email": account.email, "email_verified": true}),
        ),
    }
}
