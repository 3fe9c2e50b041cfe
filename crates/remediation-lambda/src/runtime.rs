//! The word to Lambda when the function cannot start: `POST /runtime/init/error` of the
//! Runtime API (Lambda Developer Guide, "Using the Lambda runtime API").

use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The API is on this machine: what does not answer at once does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// Tells it. Whether it was heard changes nothing: the process ends either way.
pub fn cannot_start(api: &str, kind: &str, why: &str) -> std::io::Result<()> {
    let body = json!({ "errorType": kind, "errorMessage": why, "stackTrace": [] }).to_string();
    let mut stream = TcpStream::connect(api)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!(
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {api}\r\n\
         Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: {kind}\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    // The answer's first bytes tell that it was taken.
    stream.read(&mut [0; 64]).map(drop)
}
