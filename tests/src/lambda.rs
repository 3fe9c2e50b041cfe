//! The function as Lambda runs it: its process, and the Runtime API that it asks for work
//! (Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes").

use crate::lab::built;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const API: &str = "/2018-06-01/runtime/";
/// What a call may take by default, as the module under `terraform/deploy/aws-lambda` sets it.
const TIMEOUT: Duration = Duration::from_secs(60);
/// No answer of the suite takes longer; one that does is stuck.
const LIMIT: Duration = Duration::from_secs(120);

/// What came of one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Response(Value),
    Error { kind: String, message: String },
}

impl Answer {
    #[track_caller]
    pub fn response(self) -> Value {
        match self {
            Answer::Response(value) => value,
            Answer::Error { kind, message } => panic!("an error: {kind}: {message}"),
        }
    }

    #[track_caller]
    pub fn error(self) -> (String, String) {
        match self {
            Answer::Error { kind, message } => (kind, message),
            Answer::Response(value) => panic!("no error: {value}"),
        }
    }
}

#[derive(Default)]
struct Calls {
    next: u64,
    waiting: VecDeque<(String, Vec<u8>, u128)>,
    taken: Vec<String>,
    /// When work was first asked for.
    polled: Option<Instant>,
    answers: HashMap<String, (Answer, Instant)>,
    init_error: Option<Answer>,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    calls: Mutex<Calls>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `find` finds something.
    fn wait<T>(&self, find: impl Fn(&mut Calls) -> Option<T>) -> Option<T> {
        let until = Instant::now() + LIMIT;
        let mut calls = self.lock();
        loop {
            if let Some(found) = find(&mut calls) {
                return Some(found);
            }
            let left = until.checked_duration_since(Instant::now())?;
            calls = match self.changed.wait_timeout(calls, left) {
                Ok((calls, _)) => calls,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

/// The Runtime API. Any number of processes may ask it for work, as many environments of one
/// function do.
pub struct RuntimeApi {
    address: String,
    shared: Arc<Shared>,
}

impl Default for RuntimeApi {
    fn default() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
        let address = listener.local_addr().expect("a listener has an address").to_string();
        let shared = Arc::new(Shared::default());
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if serving.lock().closed {
                    break;
                }
                let serving = serving.clone();
                std::thread::spawn(move || drop(serve(stream, &serving)));
            }
        });
        RuntimeApi { address, shared }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
        drop(TcpStream::connect(&self.address));
    }
}

impl RuntimeApi {
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Lays a call ready and gives its request id.
    pub fn submit(&self, payload: impl AsRef<[u8]>, timeout: Duration) -> String {
        let mut calls = self.shared.lock();
        calls.next += 1;
        // As Lambda's own ids look.
        let id = format!("8476a536-e9f4-11e8-9739-{:012x}", calls.next);
        let until = SystemTime::now() + timeout;
        let deadline = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        calls.waiting.push_back((id.clone(), payload.as_ref().to_vec(), deadline));
        drop(calls);
        self.shared.changed.notify_all();
        id
    }

    #[track_caller]
    pub fn answer_of(&self, id: &str) -> Answer {
        self.answered(id).0
    }

    /// The answer, and when it came.
    #[track_caller]
    pub fn answered(&self, id: &str) -> (Answer, Instant) {
        let answer = self.shared.wait(|calls| calls.answers.remove(id));
        answer.unwrap_or_else(|| panic!("no answer to {id} within {} s", LIMIT.as_secs()))
    }

    /// When a process first asked for work: it was ready then.
    #[track_caller]
    pub fn ready(&self) -> Instant {
        self.shared.wait(|calls| calls.polled).expect("nobody asked for work")
    }

    #[track_caller]
    pub fn call(&self, payload: impl AsRef<[u8]>) -> Answer {
        let id = self.submit(payload, TIMEOUT);
        self.answer_of(&id)
    }

    /// Waits until some process has taken the call.
    #[track_caller]
    pub fn taken(&self, id: &str) {
        let taken = self.shared.wait(|calls| calls.taken.iter().any(|t| t == id).then_some(()));
        assert!(taken.is_some(), "nobody took {id}");
    }

    /// What a process that could not start told.
    #[track_caller]
    pub fn init_error(&self) -> Answer {
        self.shared.wait(|calls| calls.init_error.take()).expect("no word of a failed start")
    }
}

/// One connection, request after request.
fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some((method, path, body)) = request(&mut reader)? {
        let path = path.strip_prefix(API).unwrap_or("");
        let parts: Vec<&str> = path.split('/').collect();
        match (method.as_str(), parts.as_slice()) {
            ("GET", ["invocation", "next"]) => {
                shared.lock().polled.get_or_insert_with(Instant::now);
                shared.changed.notify_all();
                let next = shared.wait(|calls| match calls.closed {
                    true => Some(None),
                    false => calls.waiting.pop_front().map(Some),
                });
                let Some(Some((id, payload, deadline))) = next else { return Ok(()) };
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                     Lambda-Runtime-Aws-Request-Id: {id}\r\n\
                     Lambda-Runtime-Deadline-Ms: {deadline}\r\n\
                     Lambda-Runtime-Invoked-Function-Arn: \
                     arn:aws:lambda:us-east-1:111122223333:function:remediation\r\n\
                     Lambda-Runtime-Trace-Id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700\r\n\
                     Content-Length: {}\r\n\r\n",
                    payload.len()
                );
                shared.lock().taken.push(id);
                shared.changed.notify_all();
                writer.write_all(&[head.as_bytes(), &payload].concat())?;
            }
            ("POST", ["invocation", id, end @ ("response" | "error")]) => {
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                let answer = match *end {
                    "response" => Answer::Response(body),
                    _ => error_of(&body),
                };
                let answered = (answer, Instant::now());
                shared.lock().answers.insert((*id).to_owned(), answered);
                shared.changed.notify_all();
                accepted(&mut writer)?;
            }
            ("POST", ["init", "error"]) => {
                let body: Value = serde_json::from_slice(&body).unwrap_or_default();
                shared.lock().init_error = Some(error_of(&body));
                shared.changed.notify_all();
                accepted(&mut writer)?;
            }
            _ => writer.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
        }
    }
    Ok(())
}

fn accepted(writer: &mut TcpStream) -> std::io::Result<()> {
    writer.write_all(
        b"HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\n\
          Content-Length: 15\r\n\r\n{\"status\":\"OK\"}",
    )
}

fn error_of(body: &Value) -> Answer {
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    Answer::Error { kind: text("errorType"), message: text("errorMessage") }
}

/// Method, path and body; `None` at the end of the connection.
fn request(reader: &mut impl BufRead) -> std::io::Result<Option<(String, String, Vec<u8>)>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut chunked) = (0, false);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim().to_ascii_lowercase();
        match header.split_once(':') {
            None => break,
            Some(("content-length", value)) => length = value.trim().parse().unwrap_or(0),
            Some(("transfer-encoding", value)) => chunked = value.trim() == "chunked",
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    while chunked {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        chunk.truncate(size);
        body.extend(chunk);
        chunked = size > 0;
    }
    Ok(Some((method, path, body)))
}

/// The binary: the one that `LAB_LAMBDA_BINARY` names, which the release has; else the one
/// that was built with this test.
pub fn binary() -> PathBuf {
    match std::env::var_os("LAB_LAMBDA_BINARY") {
        Some(path) => {
            let path = PathBuf::from(path);
            assert!(path.is_file(), "LAB_LAMBDA_BINARY: {} is not there", path.display());
            path
        }
        None => built("bootstrap"),
    }
}

/// One environment of the function.
pub struct Process {
    child: Child,
    log: Arc<Mutex<String>>,
    reading: Option<std::thread::JoinHandle<()>>,
}

impl Process {
    /// Starts it with these variables and no others.
    pub fn start(api: &RuntimeApi, variables: &[(String, String)]) -> Process {
        Process::start_as(Command::new(binary()), api, variables)
    }

    /// The same with another program that asks the Runtime API for work.
    pub fn start_as(
        mut command: Command,
        api: &RuntimeApi,
        variables: &[(String, String)],
    ) -> Process {
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .env("AWS_LAMBDA_FUNCTION_NAME", "remediation")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("the function starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (pipe, into) = (child.stderr.take(), log.clone());
        let reading = std::thread::spawn(move || {
            let Some(pipe) = pipe else { return };
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut log = into.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        Process { child, log, reading: Some(reading) }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it has written, once that is so; else what there is when patience ends.
    pub fn log_until(&self, so: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let log = self.log();
            if so(&log) || Instant::now() > until {
                return log;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// SIGKILL, at whatever it is doing.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        self.wait();
    }

    /// Waits for its end, and gives its exit code and all that it wrote.
    pub fn wait(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().ok();
        if let Some(reading) = self.reading.take() {
            let _ = reading.join();
        }
        (status.and_then(|s| s.code()), self.log())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
