//! What the credentials at hand may do: every read that a check needs is tried once.

use crate::progress::Progress;
use crate::target::CheckCloud;
use model::Live;
use model::knowledge::Catalog;
use model::resource::Unknown;
use provider::ProviderError;
use provider::audit_log::{About, AuditQuery};
use provider::kind::Wanted;
use provider::reader::Identity;

/// One account's answers.
pub struct Examined {
    pub cloud: &'static dyn Catalog,
    pub expected: Option<String>,
    pub identity: Result<Identity, ProviderError>,
    /// Reads tried: what, and what came of it.
    pub tried: Vec<Tried>,
}

pub struct Tried {
    /// `list aws_s3_bucket`, `audit log`
    pub what: String,
    pub refused: Option<Unknown>,
}

impl Examined {
    pub fn allowed(&self) -> usize {
        self.tried.iter().filter(|t| t.refused.is_none()).count()
    }

    pub fn is_well(&self) -> bool {
        self.identity.is_ok() && self.tried.iter().all(|t| t.refused.is_none())
    }
}

pub async fn examine(clouds: &[CheckCloud], progress: &dyn Progress) -> Vec<Examined> {
    let mut all = Vec::new();
    for cloud in clouds {
        for account in &cloud.accounts {
            let (expected, identity) = match account {
                Ok(account) => (account.expected.clone(), account.reader.identity().await),
                Err(error) => (None, Err(error.clone())),
            };
            let mut examined =
                Examined { cloud: cloud.catalog, expected, identity, tried: Vec::new() };
            if let (Ok(account), true) = (account, examined.identity.is_ok()) {
                let kinds = cloud.catalog.kinds();
                progress.stage(cloud.catalog.title(), kinds.len() + 1);
                for kind in kinds {
                    let kind = &kind.facts().kind;
                    let listed = account.reader.list(kind).await;
                    // Listing reads each; where nothing is listed, one read of nothing tells.
                    let refused = match listed {
                        Err(error) => Some(error.to_unknown()),
                        Ok(found) => match found.first() {
                            None => None,
                            Some(first) => {
                                let mut wanted = Wanted::new(kind.clone(), &first.native_id);
                                wanted.region = first.region.clone();
                                wanted.recorded = first.attributes.clone();
                                match account.reader.read(&wanted).await {
                                    Live::Unknown(why) => Some(why),
                                    _ => None,
                                }
                            }
                        },
                    };
                    examined.tried.push(Tried { what: format!("read {kind}"), refused });
                    progress.step();
                }
                let query =
                    AuditQuery { from: None, to: None, about: About::Resources(Vec::new()) };
                let refused = account.audit.query(&query).await.err().map(|e| e.to_unknown());
                examined.tried.push(Tried { what: "ask the audit log".to_owned(), refused });
                progress.step();
            }
            all.push(examined);
        }
    }
    all
}
