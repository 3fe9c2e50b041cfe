//! A forge that answers as GitHub's REST API does, as far as the steps use it: issues with labels
//! and pages, comments, runs of workflows; and files to download.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub const TOKEN: &str = "ghs_CANARYtoken0123456789";
pub const REPOSITORY: &str = "acme/infrastructure";

#[derive(Default)]
pub struct Inside {
    pub issues: Vec<Value>,
    /// Comments with the number of their issue.
    pub comments: Vec<(u64, String)>,
    /// Every write, as `METHOD path`.
    pub writes: Vec<String>,
    pub runs: BTreeMap<String, Value>,
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Inside {
    /// An issue as somebody made it, with the labels that somebody may set.
    pub fn add(&mut self, title: &str, body: &str, labels: &[&str]) -> u64 {
        let number = self.issues.len() as u64 + 1;
        let labels: Vec<Value> = labels.iter().map(|name| json!({ "name": name })).collect();
        self.issues.push(json!({
            "number": number, "title": title, "body": body, "labels": labels, "state": "open",
        }));
        number
    }

    pub fn open(&self) -> Vec<&Value> {
        self.issues.iter().filter(|i| i["state"] == "open").collect()
    }

    pub fn issue(&self, number: u64) -> &Value {
        self.issues.iter().find(|i| i["number"] == number).unwrap()
    }
}

pub struct Forge {
    pub url: String,
    pub inside: Arc<Mutex<Inside>>,
}

impl Forge {
    /// Serves until the test's process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inside = Arc::new(Mutex::new(Inside::default()));
        let served = Arc::clone(&inside);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is no matter of the forge's.
                let _ = answer(stream, &served);
            }
        });
        Forge { url, inside }
    }

    pub fn look<T>(&self, at: impl FnOnce(&mut Inside) -> T) -> T {
        at(&mut self.inside.lock().unwrap())
    }
}

fn answer(mut stream: TcpStream, inside: &Mutex<Inside>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (method, target) =
        (words.next().unwrap_or("").to_owned(), words.next().unwrap_or("").to_owned());
    let (mut length, mut token, mut version) = (0, String::new(), String::new());
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header)? == 0 || header.trim().is_empty() {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or(("", ""));
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "authorization" => token = value.trim().to_owned(),
            "x-github-api-version" => version = value.trim().to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));

    let mut inside = inside.lock().unwrap();
    if let Some(file) = inside.files.get(path) {
        return respond(&mut stream, 200, file);
    }
    let (status, answer) = if token != format!("Bearer {TOKEN}") {
        (401, json!({ "message": "Bad credentials" }))
    } else if version != "2022-11-28" {
        (400, json!({ "message": "no version of the API" }))
    } else {
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        api(&mut inside, &method, path, query, &body)
    };
    respond(&mut stream, status, answer.to_string().as_bytes())
}

fn respond(stream: &mut TcpStream, status: u16, body: &[u8]) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 {status} -\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    stream.flush()
}

fn api(inside: &mut Inside, method: &str, path: &str, query: &str, body: &Value) -> (u16, Value) {
    let missing = (404, json!({ "message": "Not Found" }));
    let Some(path) = path.strip_prefix(&format!("/repos/{REPOSITORY}/")) else { return missing };
    if method != "GET" {
        inside.writes.push(format!("{method} {path}"));
    }
    // As GitHub: a body of more than 65,536 characters, or a long title, is no valid issue.
    let long = |name: &str, most: usize| {
        body[name].as_str().is_some_and(|text| text.chars().count() > most)
    };
    if long("body", 65_536) || long("title", 256) {
        return (422, json!({ "message": "Validation Failed" }));
    }
    let parts: Vec<&str> = path.split('/').collect();
    match (method, parts.as_slice()) {
        ("GET", ["issues"]) => (200, page(inside, query)),
        ("POST", ["issues"]) => {
            let labels: Vec<&str> =
                body["labels"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let (title, text) = (body["title"].as_str(), body["body"].as_str());
            let Some(title) = title else { return (422, json!({ "message": "no title" })) };
            let number = inside.add(title, text.unwrap_or(""), &labels);
            (201, inside.issue(number).clone())
        }
        ("PATCH", ["issues", number]) => {
            let number: Option<u64> = number.parse().ok();
            let found = inside.issues.iter_mut().find(|i| i["number"].as_u64() == number);
            let Some(issue) = found else { return missing };
            for (name, value) in body.as_object().into_iter().flatten() {
                issue[name] = value.clone();
            }
            (200, issue.clone())
        }
        ("POST", ["issues", number, "comments"]) => {
            let Ok(number) = number.parse() else { return missing };
            inside.comments.push((number, body["body"].as_str().unwrap_or("").to_owned()));
            (201, json!({}))
        }
        ("GET", ["actions", "runs", run]) => {
            inside.runs.get(*run).map_or(missing, |run| (200, run.clone()))
        }
        _ => missing,
    }
}

/// The newest first, as GitHub lists.
fn page(inside: &Inside, query: &str) -> Value {
    let asked: BTreeMap<&str, &str> = query.split('&').filter_map(|p| p.split_once('=')).collect();
    let number = |name: &str, default: usize| {
        asked.get(name).and_then(|v| v.parse().ok()).unwrap_or(default)
    };
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    let labelled = |issue: &Value| {
        asked.get("labels").is_none_or(|wanted| {
            issue["labels"].as_array().is_some_and(|l| l.iter().any(|l| l["name"] == **wanted))
        })
    };
    let mut found: Vec<Value> =
        inside.open().into_iter().filter(|i| labelled(i)).cloned().collect();
    found.reverse();
    Value::Array(found.into_iter().skip((page - 1) * size).take(size).collect())
}
