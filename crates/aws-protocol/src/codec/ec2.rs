//! The EC2 variant of Query: upper-case parameter names, flattened lists, no result wrapper, its own error form.

use super::Response;
use super::query::write_structure;
use super::xml::Sink;
use crate::error::ServiceError;
use crate::table::Operation;
use serde_json::Value;

pub(super) fn encode_output(operation: Operation, output: &Value, request_id: &str) -> Response {
    let mut sink = Sink::new();
    let root = format!("{}Response", operation.name);
    // EC2 puts a slash behind the namespace that its model names.
    let namespace = operation.service.facts.xml_namespace.as_ref().map(|n| format!("{n}/"));
    sink.open(&root, namespace.as_deref());
    sink.leaf("requestId", request_id);
    if let Some(shape) = operation.output() {
        write_structure(operation.service, shape, output, &mut sink);
    }
    sink.close(&root);
    Response::xml(200, request_id, sink.finish())
}

pub(super) fn encode_error(error: &ServiceError, request_id: &str) -> Response {
    let mut sink = Sink::new();
    sink.open("Response", None);
    sink.open("Errors", None);
    sink.open("Error", None);
    sink.leaf("Code", &error.code);
    sink.leaf("Message", &error.message);
    sink.close("Error");
    sink.close("Errors");
    sink.leaf("RequestID", request_id);
    sink.close("Response");
    Response::xml(error.status, request_id, sink.finish())
}
