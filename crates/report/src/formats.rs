//! The output formats, one file each. A new one is a file and a line in [`FORMATS`].

pub mod json;
pub mod markdown;
pub mod sarif;
pub mod terminal;

use crate::options::Options;
use model::report::DriftReport;
use std::io::{self, Write};

pub trait Format: Sync {
    /// What `--format` calls it.
    fn name(&self) -> &'static str;

    fn render(
        &self,
        report: &DriftReport,
        options: &Options,
        out: &mut dyn Write,
    ) -> io::Result<()>;
}

/// Sorted by name.
pub const FORMATS: &[&dyn Format] =
    &[&json::Json, &markdown::Markdown, &sarif::Sarif, &terminal::Terminal];

pub fn format(name: &str) -> Option<&'static dyn Format> {
    FORMATS.iter().copied().find(|f| f.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_names_every_file() {
        let names: Vec<&str> = FORMATS.iter().map(|f| f.name()).collect();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/formats");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .filter_map(|e| e.unwrap().file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
            .collect();
        files.sort();
        assert_eq!(names, files);
        assert!(format("yaml").is_none());
        assert_eq!(format("sarif").unwrap().name(), "sarif");
    }
}
