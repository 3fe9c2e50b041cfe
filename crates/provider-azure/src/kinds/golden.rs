//! What the tests of all kinds share: golden pairs, and an event.

use model::event::{
    EventClass, EventResource, EventStatus, Principal, PrincipalType, RecordLocation,
};
use model::{Event, Resource, Timestamp};
use serde_json::Value as Json;

/// The answers on the wire beside the resource that is made of them. `LAB_BLESS=1` writes
/// the second file anew.
pub(super) fn golden(stem: &str, make: impl Fn(&Json) -> Resource) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kinds");
    let wire = std::fs::read_to_string(folder.join(format!("{stem}.wire.json"))).unwrap();
    let made = make(&serde_json::from_str(&wire).unwrap());
    let made = serde_json::to_string_pretty(&made).unwrap() + "\n";
    let path = folder.join(format!("{stem}.resource.json"));
    if std::env::var_os("LAB_BLESS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    assert_eq!(made, std::fs::read_to_string(path).unwrap(), "{stem}.resource.json");
}

/// A successful event of the Activity Log.
pub(super) fn event(operation: &str, resource: &str, request: Json) -> Event {
    Event {
        class: EventClass::ApiActivity,
        activity: 3,
        time: Timestamp::parse("2026-01-02T03:04:05Z").unwrap(),
        original_time: String::new(),
        uid: "1".into(),
        correlation_uid: None,
        cloud: crate::CLOUD,
        account: None,
        region: None,
        product: "Activity Log".into(),
        service: String::new(),
        operation: operation.into(),
        read_only: false,
        request_uid: None,
        request,
        response: Json::Null,
        status: EventStatus::Success,
        error_code: None,
        error_message: None,
        principal: Principal {
            name: "dana.ortiz@example.com".into(),
            kind: PrincipalType::Human,
            via: vec![],
            uid: None,
        },
        credential_uid: None,
        source: None,
        user_agent: None,
        resources: vec![EventResource { uid: resource.into(), kind: None }],
        unmapped: Json::Null,
        raw_hash: String::new(),
        location: RecordLocation { source: String::new(), index: 0 },
    }
}
