//! Compare, attribute, classify: pure functions over what a state wants, what a cloud
//! says and what its audit log tells. No reader, no writer, no clock, and no cloud by name:
//! whatever only a kind can know is asked through [`model::Knowledge`].
//!
//! In the order in which one check uses them:
//!
//! * [`meaning`]: are two values the same? Sets, defaults, policies, `null` and `[]`
//! * [`compare`]: desired beside live, attribute by attribute
//! * [`ignore`]: what `.driftignore` leaves out, and by which line
//! * [`drift`]: one resource that is not as desired, as the later steps need it
//! * [`log`]: the events at hand, each operation once, in order
//! * [`attribute`]: who did it, named only where the records leave no doubt
//! * [`classify`]: how bad, how sure, why
//! * [`select`]: what `--only` is about
//! * [`outcome`]: findings with their ids, the worst first, counted
//!
//! ```
//! use drift_detector::{CompareContext, Draft, Drift, DriftIgnore, EventLog, Outcome};
//! use drift_detector::{assemble, attribute, classify, compare};
//! # use model::knowledge::{KindFacts, Judgement};
//! # use model::{Knowledge, Live, Resource, ResourceAddress, Severity};
//! # use model::finding::{Searched, AttributionStatus};
//! # use model::resource::Desired;
//! # struct Toy(KindFacts);
//! # impl Knowledge for Toy { fn facts(&self) -> &KindFacts { &self.0 } }
//! # let knowledge = Toy(KindFacts {
//! #     kind: "toy_box".into(), title: "box".into(), provider_major: vec![1],
//! #     missing: Judgement { severity: Severity::High, why: "It is gone.".into(), techniques: vec![] },
//! #     guards: vec![], writable: vec![], recreatable: false, removable: false, credential: None,
//! #     attributes: Default::default(), conformance: None });
//! # let desired = Desired { address: ResourceAddress::root("toy_box", "a"), provider: "p".into(),
//! #     native_id: "a-1".into(), attributes: [("open".to_owned(), false.into())].into(),
//! #     schema_version: 0, state: "s.tfstate".into() };
//! # let resource = Resource { cloud: "toy".into(), account: None, region: None, kind: "toy_box".into(),
//! #     native_id: "a-1".into(), attributes: [("open".to_owned(), true.into())].into() };
//! # let live = Live::Present(resource.clone());
//! # let (events, neighbours) = (vec![], vec![]);
//! # let searched = Searched { source: "files".into(), from: None, to: None, gaps: vec![], note: None };
//! let context = CompareContext::default();                       // the kinds in any state given
//! let compared = compare(&desired, &live, &knowledge, &context);
//! let Outcome::Changed(changes) = compared.outcome else { panic!("it was opened") };
//!
//! let kept = DriftIgnore::default().filter(&desired.address, changes);
//! let drift = Drift::changed(&desired, &resource, kept.changes);
//! let log = EventLog::new(events);                               // once for the whole run
//! let who = attribute(&drift, &[], &knowledge, &log, searched);
//! let verdict = classify(&drift, &knowledge, &neighbours);
//!
//! let findings = assemble(vec![Draft::new(drift, &knowledge, verdict, who)]);
//! assert_eq!(findings[0].attributes[0].path.to_string(), "open");
//! assert_eq!(findings[0].attribution.status, AttributionStatus::Unattributed);
//! ```

pub mod attribute;
pub mod classify;
pub mod compare;
pub mod drift;
pub mod ignore;
pub mod log;
pub mod meaning;
pub mod outcome;
pub mod select;

pub use attribute::attribute;
pub use classify::{Verdict, classify};
pub use compare::{CompareContext, Comparison, Outcome, compare};
pub use drift::Drift;
pub use ignore::DriftIgnore;
pub use log::EventLog;
pub use outcome::{Draft, assemble, count, reaches};
pub use select::Selection;
