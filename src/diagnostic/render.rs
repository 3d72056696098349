//! Diagnostics as text for a terminal.

use super::Diagnostic;

impl Diagnostic {
    /// Renders the diagnostic over `text`, the text of the file it points into.
    pub fn render(&self, _text: &str) -> String {
        todo!("files helper")
    }
}
