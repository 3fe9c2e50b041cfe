//! Why a lesson cannot be told or checked.

#[derive(Debug, thiserror::Error)]
pub enum LessonError {
    /// A file that this program carries is wrong: a bug of ours, named with its file.
    #[error("{file}: {what}")]
    Shipped { file: String, what: String },
    #[error("the lab could not be laid out: {step}: {what}; lab cloud reset starts over")]
    Step { step: String, what: String },
    #[error("the audit log could not be read: {0}")]
    Records(String),
    #[error("{0}")]
    Stage(String),
}
