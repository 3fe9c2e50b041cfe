//! The lessons and environments that the program carries.

use crate::error::LessonError;
use crate::lesson::Lesson;
use crate::script::Script;

/// A folder's files, as they were when the program was built.
pub struct Embedded {
    pub folder: &'static str,
    pub files: &'static [(&'static str, &'static str)],
}

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

impl Embedded {
    fn file(&self, name: &str) -> Option<&'static str> {
        self.files.iter().find(|(file, _)| *file == name).map(|(_, text)| *text)
    }

    fn required(&self, name: &str) -> Result<&'static str, LessonError> {
        self.file(name).ok_or_else(|| LessonError::Shipped {
            file: format!("{}/{name}", self.folder),
            what: "not there".to_owned(),
        })
    }
}

/// One of the lab's environments: a recorded state, and what goes on there on ordinary days.
pub struct Environment {
    pub name: &'static str,
    /// What reports call its state.
    pub state_name: String,
    pub state: &'static str,
    pub traffic: Script,
}

pub fn environments() -> Result<Vec<Environment>, LessonError> {
    ENVIRONMENTS
        .iter()
        .map(|e| {
            let traffic = match e.file("traffic.toml") {
                Some(text) => Script::parse(&format!("{}/traffic.toml", e.folder), text)?,
                None => Script::default(),
            };
            Ok(Environment {
                name: e.folder,
                state_name: format!("terraform/environments/{}/terraform.tfstate", e.folder),
                state: e.required("terraform.tfstate")?,
                traffic,
            })
        })
        .collect()
}

/// Every lesson, in the order in which they are meant.
pub fn lessons() -> Result<Vec<Lesson>, LessonError> {
    let mut lessons = LABS
        .iter()
        .map(|lab| {
            // A lesson about what the learner does goes on from an earlier one's slip.
            let slip = match lab.file("slip.toml") {
                Some(text) => Script::parse(&format!("{}/slip.toml", lab.folder), text)?,
                None => Script::default(),
            };
            Lesson::parse(lab.folder, lab.required("lesson.toml")?, lab.required("story.md")?, slip)
        })
        .collect::<Result<Vec<_>, _>>()?;
    lessons.sort_by_key(|l| l.order);
    Ok(lessons)
}
