//! Where a bucket's objects are copied to.

use crate::kinds::attributes::{block, map, none, number, tags, text};
use aws_sdk_s3::types::{
    Destination, ReplicationConfiguration, ReplicationRule, SseKmsEncryptedObjectsStatus,
};
use model::Value;

pub(super) fn block_of(configuration: &ReplicationConfiguration) -> Value {
    block([
        ("role", configuration.role().into()),
        ("rules", Value::List(configuration.rules().iter().map(rule).collect())),
    ])
}

fn rule(rule: &ReplicationRule) -> Value {
    let filter = rule.filter().map_or_else(none, |filter| {
        let and = filter.and();
        let one = filter.tag().into_iter();
        let pairs = one.chain(and.iter().flat_map(|a| a.tags()));
        block([
            ("prefix", text(filter.prefix().or(and.and_then(|a| a.prefix())))),
            ("tags", tags(pairs.map(|t| (t.key(), t.value())))),
        ])
    });
    let criteria = rule.source_selection_criteria().map_or_else(none, |criteria| {
        let objects = criteria.sse_kms_encrypted_objects().map_or_else(none, |objects| {
            let on = *objects.status() == SseKmsEncryptedObjectsStatus::Enabled;
            block([("enabled", on.into())])
        });
        block([("sse_kms_encrypted_objects", objects)])
    });
    #[expect(deprecated, reason = "rules of version 1 have their prefix outside of the filter")]
    let prefix = rule.prefix();
    map([
        (
            "delete_marker_replication_status",
            text(rule.delete_marker_replication().and_then(|d| d.status()).map(|s| s.as_str())),
        ),
        ("destination", rule.destination().map_or_else(none, destination)),
        ("filter", filter),
        ("id", text(rule.id())),
        ("prefix", text(prefix)),
        ("priority", number(rule.priority())),
        ("source_selection_criteria", criteria),
        ("status", rule.status().as_str().into()),
    ])
}

fn destination(destination: &Destination) -> Value {
    let owner = destination
        .access_control_translation()
        .map_or_else(none, |a| block([("owner", a.owner().as_str().into())]));
    let metrics = destination.metrics().map_or_else(none, |m| {
        block([
            ("minutes", number(m.event_threshold().and_then(|t| t.minutes()))),
            ("status", m.status().as_str().into()),
        ])
    });
    let time = destination.replication_time().map_or_else(none, |t| {
        block([
            ("minutes", number(t.time().and_then(|t| t.minutes()))),
            ("status", t.status().as_str().into()),
        ])
    });
    let key = destination.encryption_configuration().and_then(|e| e.replica_kms_key_id());
    block([
        ("access_control_translation", owner),
        ("account_id", text(destination.account())),
        ("bucket", destination.bucket().into()),
        ("metrics", metrics),
        ("replica_kms_key_id", text(key)),
        ("replication_time", time),
        ("storage_class", text(destination.storage_class().map(|c| c.as_str()))),
    ])
}
