//! Walks a state's JSON once, front to back, holding one `resources[]` entry at a time.

use super::record::{DATA, Entry, RawInstance, recorded};
use super::sniff::{self, HEAD, UTF8_BOM};
use super::{Header, Limits, Recorded};
use crate::error::{Place, StateError, StateErrorKind};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{self, BufReader, Read};

pub fn walk(
    reader: impl Read,
    source: &str,
    limits: Limits,
    each: &mut dyn FnMut(Recorded),
) -> Result<Header, StateError> {
    let meter = Meter::new(limits);
    let mut reader = Metered { inner: reader, meter: &meter };
    let head = read_head(&mut reader).map_err(|e| io_error(source, &meter, &e))?;
    let head = head.strip_prefix(UTF8_BOM).unwrap_or(&head);
    if let Some(kind) = sniff::not_a_state(head) {
        return Err(StateError::new(source, kind));
    }
    let walk = Walk {
        source,
        meter: &meter,
        each: RefCell::new(each),
        path: RefCell::default(),
        found: RefCell::default(),
        resources: Cell::new(0),
    };
    let buffered = BufReader::with_capacity(64 << 10, head.chain(reader));
    let mut json = serde_json::Deserializer::from_reader(buffered);
    let outcome = (Top { walk: &walk }).deserialize(&mut json).and_then(|top| {
        json.end()?;
        Ok(top)
    });
    let top = outcome.map_err(|e| walk.explain(e))?;
    top.judge(source)
}

fn read_head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD);
    reader.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Counts bytes and stops at a limit, whatever the JSON above makes of them.
struct Meter {
    limits: Limits,
    read: Cell<u64>,
    /// Where the entry being read must have ended.
    entry_end: Cell<u64>,
    exceeded: Cell<Option<(&'static str, u64)>>,
}

impl Meter {
    fn new(limits: Limits) -> Self {
        Meter {
            limits,
            read: Cell::new(0),
            entry_end: Cell::new(u64::MAX),
            exceeded: Cell::new(None),
        }
    }

    fn exceed(&self, limit: &'static str, allows: u64) {
        self.exceeded.set(Some((limit, allows)));
    }

    fn start_entry(&self) {
        self.entry_end.set(self.read.get().saturating_add(self.limits.resource_bytes));
    }
}

struct Metered<'a, R> {
    inner: R,
    meter: &'a Meter,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        let read = self.meter.read.get().saturating_add(n as u64);
        self.meter.read.set(read);
        let limits = self.meter.limits;
        if read > limits.bytes {
            self.meter.exceed("max_state_bytes", limits.bytes);
            return Err(io::Error::other("over a limit"));
        }
        if read > self.meter.entry_end.get() {
            self.meter.exceed("max_resource_bytes", limits.resource_bytes);
            return Err(io::Error::other("over a limit"));
        }
        Ok(n)
    }
}

fn io_error(source: &str, meter: &Meter, error: &io::Error) -> StateError {
    match meter.exceeded.get() {
        Some((limit, allows)) => {
            StateError::new(source, StateErrorKind::TooLarge { limit, allows })
        }
        None => StateError::from_io(source, error),
    }
}

/// What every part of the walk shares.
struct Walk<'a> {
    source: &'a str,
    meter: &'a Meter,
    each: RefCell<&'a mut dyn FnMut(Recorded)>,
    /// Where the walk stands: `resources[3].instances[0]`.
    path: RefCell<String>,
    /// Why it was stopped, when JSON itself was in order.
    found: RefCell<Option<StateErrorKind>>,
    resources: Cell<u64>,
}

impl Walk<'_> {
    fn stop<E: serde::de::Error>(&self, kind: StateErrorKind) -> E {
        *self.found.borrow_mut() = Some(kind);
        E::custom("stopped")
    }

    fn at(&self, path: impl Into<String>) {
        *self.path.borrow_mut() = path.into();
    }

    fn hand_out(&self, recorded: Recorded) {
        (self.each.borrow_mut())(recorded);
    }

    /// serde's own message may quote a value of the state, so only its expectation is kept.
    fn explain(&self, error: serde_json::Error) -> StateError {
        if error.is_io() {
            let io = io::Error::from(error);
            return io_error(self.source, self.meter, &io);
        }
        let place = Place {
            line: error.line(),
            column: error.column(),
            json_path: self.path.borrow().clone(),
        };
        if let Some(kind) = self.found.borrow_mut().take() {
            let whole_file = !matches!(kind, StateErrorKind::Malformed(_));
            let place = (!whole_file).then_some(place);
            return StateError { kind, source: self.source.into(), place };
        }
        let kind = match error.classify() {
            Category::Eof => StateErrorKind::Truncated,
            _ if error.to_string().starts_with("invalid unicode code point") => {
                StateErrorKind::NotUtf8
            }
            _ => StateErrorKind::Malformed(expectation(&error)),
        };
        StateError { kind, source: self.source.into(), place: Some(place) }
    }
}

fn expectation(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(t, _)| t);
    if error.classify() != Category::Data {
        // Syntax messages are serde_json's own words: `expected value`, `trailing comma`.
        return format!("JSON ({text})");
    }
    if let Some(field) = text.strip_prefix("missing field ") {
        return format!("the field {}", field.replace('`', ""));
    }
    match text.rsplit_once(", expected ").map(|(_, e)| e) {
        Some("u64") => "a whole number".into(),
        Some("a map") => "an object".into(),
        Some("a sequence") => "a list".into(),
        Some(other) if other.starts_with("struct ") => "an object".into(),
        Some(other) => other.to_owned(),
        None => "another shape".into(),
    }
}

struct Top<'a> {
    walk: &'a Walk<'a>,
}

#[derive(Default)]
struct Seen {
    header: Header,
    version: Option<u64>,
    format_version: bool,
    values: bool,
    resources: bool,
    backend: Option<String>,
}

impl Seen {
    /// What the file is, now that all of it was seen.
    fn judge(mut self, source: &str) -> Result<Header, StateError> {
        let kind = match self.version {
            Some(4) => {
                self.header.source = source.to_owned();
                return Ok(self.header);
            }
            _ if self.backend.is_some() => {
                StateErrorKind::BackendPointer(self.backend.take().unwrap_or_default())
            }
            Some(v) if v < 4 => StateErrorKind::OldVersion(v),
            Some(v) => StateErrorKind::NewVersion(v),
            // Without resources it is an empty `values`; a plan's own fields stopped the walk.
            None if self.format_version || self.values => StateErrorKind::ShowJson,
            None => StateErrorKind::NotAState("JSON without a version"),
        };
        Err(StateError::new(source, kind))
    }
}

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Seen, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seen, A::Error> {
        let walk = self.walk;
        let mut seen = Seen::default();
        loop {
            walk.at("");
            let Some(key) = map.next_key::<String>()? else { break };
            walk.at(match key.as_str() {
                known @ ("version" | "serial" | "lineage" | "terraform_version" | "resources"
                | "outputs") => known,
                _ => "",
            });
            match key.as_str() {
                "version" => seen.version = Some(map.next_value()?),
                "serial" => seen.header.serial = map.next_value()?,
                "lineage" => seen.header.lineage = map.next_value()?,
                "terraform_version" => seen.header.terraform_version = map.next_value()?,
                "outputs" => seen.header.output_count = map.next_value::<Count>()?.0,
                "resources" => {
                    seen.resources = true;
                    seen.header.data_count = map.next_value_seed(Resources { walk })?;
                }
                // OpenTofu wraps an encrypted state or plan in this envelope.
                "encrypted_data" => return Err(walk.stop(StateErrorKind::Encrypted("OpenTofu"))),
                "sops" => return Err(walk.stop(StateErrorKind::Encrypted("SOPS"))),
                "planned_values" | "resource_changes" if !seen.resources => {
                    return Err(walk.stop(StateErrorKind::PlanJson));
                }
                "backend" if !seen.resources => {
                    let pointer: BackendName = map.next_value()?;
                    seen.backend = Some(pointer.kind);
                }
                "format_version" | "values" => {
                    seen.format_version |= key == "format_version";
                    seen.values |= key == "values";
                    map.next_value::<IgnoredAny>()?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(seen)
    }
}

#[derive(serde::Deserialize)]
struct BackendName {
    #[serde(rename = "type", default)]
    kind: String,
}

/// How many members an object has; null has none.
struct Count(usize);

impl<'de> serde::Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_unit<E>(self) -> Result<Count, E> {
                Ok(Count(0))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
                let mut n = 0;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    n += 1;
                }
                Ok(Count(n))
            }
        }
        d.deserialize_any(Members)
    }
}

/// `resources`: a list of entries, or null. Its value is the count of data sources.
struct Resources<'a> {
    walk: &'a Walk<'a>,
}

impl<'de> DeserializeSeed<'de> for Resources<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<usize, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Resources<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<usize, E> {
        Ok(0)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<usize, A::Error> {
        let walk = self.walk;
        let (mut n, mut data) = (0, 0);
        loop {
            walk.at(format!("resources[{n}]"));
            walk.meter.start_entry();
            let Some(found) = seq.next_element_seed(EntrySeed { walk, n })? else { break };
            data += found;
            n += 1;
        }
        walk.meter.entry_end.set(u64::MAX);
        Ok(data)
    }
}

/// One entry: hands out its instances, returns how many of them are data sources.
struct EntrySeed<'a> {
    walk: &'a Walk<'a>,
    n: usize,
}

impl<'de> DeserializeSeed<'de> for EntrySeed<'_> {
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<usize, D::Error> {
        d.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EntrySeed<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<usize, A::Error> {
        let walk = self.walk;
        let mut entry = Entry::default();
        let mut instances = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "module" => entry.module = map.next_value::<Option<String>>()?.unwrap_or_default(),
                "mode" => entry.mode = map.next_value()?,
                "type" => entry.kind = map.next_value()?,
                "name" => entry.name = map.next_value()?,
                "provider" => entry.provider = map.next_value()?,
                "instances" => instances = map.next_value_seed(Instances { walk, n: self.n })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        walk.at(format!("resources[{}]", self.n));
        for (field, value) in [("mode", &entry.mode), ("type", &entry.kind), ("name", &entry.name)]
        {
            if value.is_empty() {
                return Err(walk.stop(StateErrorKind::Malformed(format!("the field {field}"))));
            }
        }
        if entry.mode == DATA {
            return Ok(instances.len());
        }
        let total = walk.resources.get() + instances.len() as u64;
        walk.resources.set(total);
        if total > walk.meter.limits.resources {
            let limit = StateErrorKind::TooLarge {
                limit: "max_state_resources",
                allows: walk.meter.limits.resources,
            };
            return Err(walk.stop(limit));
        }
        for (i, raw) in instances.into_iter().enumerate() {
            match recorded(&entry, raw, walk.source) {
                Ok(recorded) => walk.hand_out(recorded),
                Err(expected) => {
                    walk.at(format!("resources[{}].instances[{i}]", self.n));
                    return Err(walk.stop(StateErrorKind::Malformed(expected.into())));
                }
            }
        }
        Ok(0)
    }
}

struct Instances<'a> {
    walk: &'a Walk<'a>,
    n: usize,
}

impl<'de> DeserializeSeed<'de> for Instances<'_> {
    type Value = Vec<RawInstance>;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Instances<'_> {
    type Value = Vec<RawInstance>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut instances = Vec::new();
        loop {
            self.walk.at(format!("resources[{}].instances[{}]", self.n, instances.len()));
            let Some(instance) = seq.next_element::<RawInstance>()? else { break };
            instances.push(instance);
        }
        Ok(instances)
    }
}
