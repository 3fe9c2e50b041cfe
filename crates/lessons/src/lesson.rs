//! A lesson: story, questions whose answers lie in the records, hints that grow.

use crate::error::LessonError;
use crate::script::Script;
use model::{Cloud, KindName};
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
    questions: Vec<Question>,
    #[serde(default, rename = "effect")]
    effects: Vec<Effect>,
}

/// A question, and how its answer is found in the records. No shipped file holds an answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub key: String,
    pub ask: String,
    pub cloud: Cloud,
    /// Which records are meant.
    pub records: Filter,
    pub answer: Answer,
    /// One more is told with each wrong answer.
    pub hints: Vec<String>,
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
    /// All their operations, in any order, separated by commas.
    Operations,
    /// All who made them, in any order, separated by commas.
    Principals,
}

/// What has to be true in the clouds in the end, however it was brought about.
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
}

impl Effect {
    pub fn what(&self) -> &str {
        match self {
            Effect::Closed { what, .. } | Effect::Locked { what, .. } => what,
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
        if let Some(q) = sheet.questions.iter().find(|q| q.hints.is_empty()) {
            return Err(wrong(format!("{} has no hint", q.key)));
        }
        Ok(Lesson {
            name: sheet.name,
            order: sheet.order,
            title: sheet.title,
            story,
            slip,
            questions: sheet.questions,
            effects: sheet.effects,
        })
    }
}
