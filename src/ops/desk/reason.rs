//! Why somebody does something.

use std::fmt;

use axum::http::StatusCode;

use crate::ops::wire::Problem;

/// Characters of a reason, which goes into the journal.
const CHARS_MAX: usize = 500;

/// Why somebody does something: one line, which the journal keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// Reads a reason.
    ///
    /// # Errors
    ///
    /// [`Problem`] to be shown where it is empty, too long, or more than a line.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let chars = text.chars().count();
        if (1..=CHARS_MAX).contains(&chars) && !text.contains(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        let title = format!("a reason is one line of 1 to {CHARS_MAX} characters");
        Err(Problem::new(StatusCode::BAD_REQUEST, "bad_reason", title))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
