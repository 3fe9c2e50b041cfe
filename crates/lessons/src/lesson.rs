//! A lesson: story, questions whose answers lie in the records, hints that grow.

use crate::error::LessonError;
use crate::script::Script;
use model::{Cloud, KindName, Value};
use serde::Deserialize;

pub struct Lesson {
    pub name: String,
    pub order: u32,
    pub title: String,
    pub story: &'static str,
    pub slip: Script,
    pub questions: Vec<Question>,
    pub effects: Vec<Effect>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sheet {
    name: String,
    order: u32,
    title: String,
    #[serde(rename = "question")]
    questions: Vec<Asked>,
    #[serde(default, rename = "effect")]
    effects: Vec<Effect>,
}

/// A question, and how its answer is found. No shipped file holds an answer.
#[derive(Clone, Debug)]
pub struct Question {
    pub key: String,
    pub ask: String,
    pub source: Source,
    /// One more is told with each wrong answer.
    pub hints: Vec<String>,
}

/// Where the answer lies.
#[derive(Clone, Debug)]
pub enum Source {
    /// In a cloud's audit log.
    Records {
        cloud: Cloud,
        /// Which records are meant.
        filter: Filter,
        during: During,
        answer: Answer,
    },
    /// In the ledger.
    Ledger(LedgerAnswer),
}

/// A question as the file writes it: of the records (`cloud`, `records`, `answer`) or of the
/// ledger (`ledger`).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    key: String,
    ask: String,
    hints: Vec<String>,
    cloud: Option<Cloud>,
    records: Option<Filter>,
    #[serde(default)]
    during: During,
    answer: Option<Answer>,
    ledger: Option<LedgerAnswer>,
}

impl Asked {
    fn question(self) -> Result<Question, String> {
        let Asked { key, ask, hints, cloud, records, during, answer, ledger } = self;
        if hints.is_empty() {
            return Err(format!("{key} has no hint"));
        }
        let source = match (cloud, records, answer, ledger) {
            (Some(cloud), Some(filter), Some(answer), None) => {
                Source::Records { cloud, filter, during, answer }
            }
            (None, None, None, Some(answer)) => Source::Ledger(answer),
            _ => return Err(format!("{key} asks neither the records nor the ledger")),
        };
        Ok(Question { key, ask, source, hints })
    }
}

/// Which part of a log a question is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum During {
    /// What happened up to the end of the story.
    #[default]
    Story,
    /// What the learner did afterwards.
    Afterwards,
}

/// Every field that is set has to fit.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Filter {
    pub source: Option<String>,
    pub principal: Option<String>,
    /// Ends so, without case.
    pub operation: Option<String>,
    /// Operations that are left out: the report told of them already.
    pub except: Vec<String>,
    /// Part of one of the record's resources, without case.
    pub resource: Option<String>,
    pub succeeded: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The first such record: its time or its event id.
    First,
    /// Any such record: its time or its event id.
    Any,
    /// All their operations, in any order, separated by commas.
    Operations,
    /// All who made them, in any order, separated by commas.
    Principals,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAnswer {
    /// A plan of which somebody approved an action and under which nothing was ever begun.
    UnusedPlan,
    /// The entry that holds what an undo put back.
    BeforeOfUndone,
    /// A place of the chain: how many entries, and the hash that they lead to.
    Head,
}

/// What has to be true in the end: in the clouds however it was brought about, or in the
/// ledger.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, tag = "expect", rename_all = "snake_case")]
pub enum Effect {
    /// An anonymous read is refused.
    Closed { what: String, cloud: Cloud, kind: KindName, id: String },
    /// The caller's credentials are not accepted any more.
    Locked {
        what: String,
        cloud: Cloud,
        caller: String,
        /// Where the story left the credential: the check calls from elsewhere, so that no
        /// record of its own looks like the story's.
        held_at: String,
    },
    /// The ledger says that such a fix was made and read back equal, and was not taken back
    /// since.
    Fixed {
        what: String,
        remedy: String,
        /// Only where somebody said yes to it.
        #[serde(default)]
        approved: bool,
    },
    /// The ledger says that a fix of this resource was taken back, and the cloud that it is so
    /// still: the attribute has this value.
    Undone {
        what: String,
        cloud: Cloud,
        kind: KindName,
        id: String,
        attribute: String,
        value: Value,
    },
}

impl Effect {
    pub fn what(&self) -> &str {
        match self {
            Effect::Closed { what, .. }
            | Effect::Locked { what, .. }
            | Effect::Fixed { what, .. }
            | Effect::Undone { what, .. } => what,
        }
    }
}

impl Lesson {
    pub fn parse(
        folder: &str,
        sheet: &str,
        story: &'static str,
        slip: Script,
    ) -> Result<Lesson, LessonError> {
        let wrong =
            |what: String| LessonError::Shipped { file: format!("{folder}/lesson.toml"), what };
        let sheet: Sheet = toml::from_str(sheet).map_err(|e| wrong(e.to_string()))?;
        let questions = sheet.questions.into_iter().map(Asked::question);
        let questions = questions.collect::<Result<_, _>>().map_err(wrong)?;
        Ok(Lesson {
            name: sheet.name,
            order: sheet.order,
            title: sheet.title,
            story,
            slip,
            questions,
            effects: sheet.effects,
        })
    }
}
