//! The function's process: settings, then one call after another.

use lambda_runtime::{Diagnostic, LambdaEvent, Runtime, service_fn};
use remediation_lambda::function::NoAnswer;
use remediation_lambda::journal::{self, Level};
use remediation_lambda::{Function, Settings, runtime};
use serde_json::{Value, json};
use std::process::ExitCode;

/// An instance works at one event at a time and mostly waits: one thread is enough, and the
/// quickest to start.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = match Settings::read(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(error) => return cannot_start("Settings", &error.to_string()),
    };
    let function = Function::new(settings);
    let served = Runtime::new(service_fn(|call: LambdaEvent<Value>| {
        let function = &function;
        async move {
            let (payload, context) = call.into_parts();
            let answer = function.answer(&payload, &context.request_id, context.deadline()).await;
            answer.map_err(diagnostic)
        }
    }));
    match served.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            journal::line(Level::Error, "", &json!({ "runtime": error.to_string() }));
            ExitCode::FAILURE
        }
    }
}

fn diagnostic(why: NoAnswer) -> Diagnostic {
    Diagnostic { error_type: why.kind.to_owned(), error_message: why.message }
}

fn cannot_start(kind: &str, why: &str) -> ExitCode {
    journal::line(Level::Error, "", &json!({ "cannot_start": why }));
    if let Ok(api) = std::env::var("AWS_LAMBDA_RUNTIME_API")
        && let Err(error) = runtime::cannot_start(&api, kind, why)
    {
        journal::line(Level::Error, "", &json!({ "runtime": error.to_string() }));
    }
    ExitCode::FAILURE
}
