//! Fields of a message that are named outside of steps: those that must not go out.

use super::{
    path::{Segment, parse},
    text::show_syntax_error,
};
use crate::{
    diagnostic::{Code, Located, Report, text},
    typing::Type,
};

/// One or many places in a body: `$.nip`, `$.pelaksana[*].nip`.
#[derive(Debug)]
pub struct Fields(Vec<Segment>);

impl Fields {
    /// Compiles a path, adding what is wrong with it to `report`.
    pub fn compile(text: &Located<String>, report: &mut Report) -> Option<Self> {
        let segments = match parse(&text.value) {
            Ok(segments) => segments,
            Err(error) => {
                show_syntax_error(text, &error, report);
                return None;
            }
        };
        if segments.iter().any(|it| it.anywhere) {
            let message = text!("`..` in the name of a field");
            let found = report.error(text.at, Code::OutOfPlace, message);
            found.label("how deep it goes is not known when files are loaded");
            found.help("name each place: `$.pelaksana[*].nik`");
            return None;
        }
        Some(Self(segments))
    }

    /// `body` with these places marked; `None` where there can be none.
    #[must_use]
    pub fn mark(&self, body: &Type, marks: u64) -> Option<Type> {
        let path: Vec<_> = self.0.iter().map(|it| it.selector.typed()).collect();
        body.mark(&path, marks)
    }
}
