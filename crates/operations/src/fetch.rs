//! Objects by URL, through whichever cloud of the target speaks its scheme.

use crate::target::CheckCloud;
use bytes::Bytes;
use model::Timestamp;
use model::report::ReportError;
use provider::ObjectSource;
use std::sync::Arc;
use terraform_io::ObjectPattern;

/// One object, fetched.
pub(crate) struct Fetched {
    pub name: String,
    pub modified: Option<Timestamp>,
    pub bytes: Bytes,
}

/// Fetches everything a pattern means. What could not be fetched is listed, the rest comes.
pub(crate) async fn fetch(
    clouds: &[CheckCloud],
    pattern: &ObjectPattern,
    wanted: impl Fn(&str) -> bool,
    limit: u64,
) -> (Vec<Fetched>, Vec<ReportError>) {
    let (mut fetched, mut errors) = (Vec::new(), Vec::new());
    let source = match store(clouds, pattern) {
        Ok(source) => source,
        Err(error) => return (fetched, vec![error]),
    };
    let place = pattern.place();
    // A listing also tells when an object was written; it is asked for one exact key too.
    let listed = source.list(place, pattern.list_prefix()).await;
    let objects = match (listed, pattern.exact_key()) {
        (Ok(objects), _) => objects,
        (Err(_), Some(key)) => vec![provider::ObjectInfo {
            key: key.to_owned(),
            size: 0,
            modified: None,
            version: String::new(),
        }],
        (Err(error), None) => return (fetched, vec![failed(pattern.to_string(), &error)]),
    };
    let wanted: Vec<_> = objects.into_iter().filter(|o| wanted(&o.key)).collect();
    if wanted.is_empty() {
        errors.push(ReportError {
            place: pattern.to_string(),
            what: "no object matches".to_owned(),
            next_step: "check the bucket, the prefix and the pattern".to_owned(),
        });
    }
    for object in wanted {
        let name = pattern.url(&object.key);
        match source.get(place, &object.key, limit).await {
            Ok(bytes) => fetched.push(Fetched { name, modified: object.modified, bytes }),
            Err(error) => errors.push(failed(name, &error)),
        }
    }
    (fetched, errors)
}

fn store(
    clouds: &[CheckCloud],
    pattern: &ObjectPattern,
) -> Result<Arc<dyn ObjectSource>, ReportError> {
    let scheme = pattern.scheme();
    let mut refused = None;
    for cloud in clouds {
        for account in &cloud.accounts {
            match account {
                Ok(account) if account.objects.scheme() == scheme => {
                    return Ok(account.objects.clone());
                }
                Ok(_) => {}
                Err(error) => refused = Some(error),
            }
        }
    }
    Err(match refused {
        Some(error) => failed(pattern.to_string(), error),
        None => ReportError {
            place: pattern.to_string(),
            what: format!("no cloud of this target serves {scheme}:// URLs"),
            next_step: "name the account that holds it in lab.toml, or copy the file here"
                .to_owned(),
        },
    })
}

pub(crate) fn failed(place: String, error: &provider::ProviderError) -> ReportError {
    // The next step has its own place in a report.
    let told = provider::ProviderError { next_step: String::new(), ..error.clone() };
    ReportError { place, what: told.to_string(), next_step: error.next_step.clone() }
}
