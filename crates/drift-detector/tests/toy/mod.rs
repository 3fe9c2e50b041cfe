//! A cloud of one afternoon: a box with a lid, and a guard on it. What no real kind shares
//! is told here, so that the detector is tested without any cloud.

use model::event::{
    EventClass, EventResource, EventStatus, Principal, PrincipalType, RecordLocation,
};
use model::finding::{AttributeChange, DriftStatus, Searched};
use model::knowledge::{
    AttributeFacts, EventChange, EventEffect, Exposure, Judgement, KindFacts, SecurityFacts,
};
use model::resource::Desired;
use model::{
    AttributePath, Attributes, Event, KindName, Knowledge, Resource, ResourceAddress, Severity,
    Timestamp, Value,
};
use serde_json::json;

pub struct Toy {
    pub facts: KindFacts,
    pub gap: bool,
}

fn security(severity: Severity, worse: &[Value]) -> Option<SecurityFacts> {
    Some(SecurityFacts {
        exposure: false,
        severity,
        why: "It is less safe now.".into(),
        techniques: vec!["T1530".into()],
        worse: worse.to_vec(),
    })
}

pub fn toy_box() -> Toy {
    let mut attributes = std::collections::BTreeMap::new();
    let mut named = |name: &str, facts: AttributeFacts| {
        attributes.insert(name.to_owned(), facts);
    };
    let plain = AttributeFacts::default;
    named("etag", AttributeFacts { computed: true, ..plain() });
    named("force", AttributeFacts { local: true, ..plain() });
    named("secret", AttributeFacts { sensitive: true, ..plain() });
    named(
        "readers",
        AttributeFacts {
            set: true,
            security: security(Severity::High, &["all".into()]),
            ..plain()
        },
    );
    named("open", AttributeFacts { security: security(Severity::High, &[]), ..plain() });
    named(
        "level",
        AttributeFacts {
            default: Some("safe".into()),
            ignore_case: true,
            security: security(Severity::Medium, &["open".into()]),
            ..plain()
        },
    );
    named(
        "policy",
        AttributeFacts { policy_document: true, mirror: Some("toy_policy".into()), ..plain() },
    );
    named("hint", AttributeFacts { only_if_set: true, ..plain() });
    named(
        "rules.action",
        AttributeFacts {
            default: Some("deny".into()),
            security: security(Severity::High, &["allow".into()]),
            ..plain()
        },
    );
    named("rules.hosts", AttributeFacts { set: true, ..plain() });
    Toy {
        gap: false,
        facts: KindFacts {
            writable: Vec::new(),
            recreatable: true,
            removable: false,
            credential: None,
            kind: "toy_box".into(),
            title: "box".into(),
            provider_major: vec![1],
            missing: Judgement {
                severity: Severity::Medium,
                why: "The box is gone.".into(),
                techniques: vec![],
            },
            guards: vec![],
            attributes,
            conformance: None,
        },
    }
}

pub fn toy_guard() -> Toy {
    let mut guard = toy_box();
    guard.facts.kind = "toy_guard".into();
    guard.facts.guards = vec!["toy_box".into()];
    guard
}

impl Knowledge for Toy {
    fn facts(&self) -> &KindFacts {
        &self.facts
    }

    fn exposure(&self, live: &Resource, _neighbours: &[Resource]) -> Option<Exposure> {
        let open = live.attributes.get("open").and_then(Value::as_bool)?;
        Some(Exposure { public: open, because: "its lid is open".into() })
    }

    /// The request says it: `{"id": .., "sets": {..}}`, `"creates"`, `"deletes"`, `"adds"`
    /// and `"removes"` of `readers`, or nothing of these.
    fn effect_of(&self, event: &Event) -> Option<EventEffect> {
        assert_eq!(event.status, EventStatus::Success, "only successful events are asked about");
        assert!(!event.read_only);
        let native_id = event.request.get("id")?.as_str()?.to_owned();
        let attributes = |key: &str| -> Option<Attributes> {
            let fields = event.request.get(key)?.as_object()?;
            Some(fields.iter().map(|(k, v)| (k.clone(), Value::from(v.clone()))).collect())
        };
        let list = |key: &str| match event.request.get(key).map(|v| Value::from(v.clone())) {
            Some(Value::List(list)) => list,
            _ => vec![],
        };
        let change = if let Some(sets) = attributes("sets") {
            EventChange::Sets(sets)
        } else if let Some(creates) = attributes("creates") {
            EventChange::Creates(creates)
        } else if event.request.get("deletes").is_some() {
            EventChange::Deletes
        } else if event.request.get("adds").is_some() || event.request.get("removes").is_some() {
            EventChange::Elements {
                path: AttributePath::root("readers"),
                added: list("adds"),
                removed: list("removes"),
            }
        } else {
            EventChange::Opaque
        };
        Some(EventEffect { native_id, change })
    }

    fn log_gap(&self) -> Option<&'static str> {
        self.gap.then_some("lids can be lifted without a record")
    }

    fn enables(&self, event: &Event) -> Option<String> {
        (event.operation == "TakeKey").then(|| "held the key".to_owned())
    }
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(1_767_000_000 + second).unwrap_or_else(|| unreachable!())
}

/// One successful event of a person.
pub fn event(uid: &str, who: &str, second: i64, request: serde_json::Value) -> Event {
    Event {
        class: EventClass::ApiActivity,
        activity: 3,
        time: at(second),
        original_time: String::new(),
        uid: uid.to_owned(),
        correlation_uid: None,
        cloud: "toy".into(),
        account: None,
        region: None,
        product: "Diary".into(),
        service: "boxes".into(),
        operation: "Change".into(),
        read_only: false,
        request_uid: None,
        request,
        response: json!(null),
        status: EventStatus::Success,
        error_code: None,
        error_message: None,
        principal: Principal {
            name: who.to_owned(),
            kind: PrincipalType::Human,
            via: vec![],
            uid: Some(who.to_owned()),
        },
        credential_uid: None,
        source: Some("203.0.113.7".into()),
        user_agent: None,
        resources: vec![EventResource { uid: "boxes/b-1".into(), kind: None }],
        unmapped: json!({}),
        raw_hash: String::new(),
        location: RecordLocation { source: "diary".into(), index: 0 },
    }
}

pub fn attributes(json: serde_json::Value) -> Attributes {
    match Value::from(json) {
        Value::Map(map) => map,
        other => unreachable!("not attributes: {other:?}"),
    }
}

pub fn desired(json: serde_json::Value) -> Desired {
    Desired {
        address: ResourceAddress::root("toy_box", "a"),
        provider: "toy".into(),
        native_id: "b-1".into(),
        attributes: attributes(json),
        schema_version: 0,
        state: "a.tfstate".into(),
    }
}

pub fn resource(json: serde_json::Value) -> Resource {
    Resource {
        cloud: "toy".into(),
        account: Some("acme".into()),
        region: None,
        kind: KindName::from("toy_box"),
        native_id: "b-1".into(),
        attributes: attributes(json),
    }
}

pub fn change(path: &str, desired: serde_json::Value, live: serde_json::Value) -> AttributeChange {
    AttributeChange {
        path: AttributePath::parse(path).unwrap_or_else(|| unreachable!("{path}")),
        desired: Value::from(desired),
        live: Value::from(live),
        security_relevant: true,
        sensitive: false,
        summary: vec![],
    }
}

pub fn searched() -> Searched {
    Searched { source: "diary".into(), from: None, to: None, gaps: vec![], note: None }
}

pub const CHANGED: DriftStatus = DriftStatus::Changed;
