//! What a contract may refuse of a type.

use std::sync::Arc;

use super::{Kinds, Type};
use crate::diagnostic::{Span, Text};

/// Something that a contract may refuse.
#[derive(Debug, Clone, PartialEq)]
pub struct Misfit {
    /// The field of the whole that is refused: `jra.nasib_akhir`; empty for the whole.
    pub path: String,
    /// Where in the route's file the value is made, where that is known.
    pub at: Option<Span>,
    /// Whether every document is refused for it.
    pub certain: bool,
    /// What it is.
    pub kind: MisfitKind,
}

/// What a contract may refuse, or cannot be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum MisfitKind {
    /// A field that must be there may be missing.
    Missing,
    /// A field that may not be there may be there.
    Unwanted {
        /// The fields that may.
        names: Vec<Arc<str>>,
    },
    /// A value of another kind.
    Kind {
        /// What there may be.
        has: Type,
        /// What is asked for.
        wants: Kinds,
        /// Of numbers only whole ones.
        whole: bool,
    },
    /// A value that is none of those that are asked for.
    OneOf {
        /// What there may be.
        has: Type,
        /// What is asked for, as JSON.
        wants: Vec<String>,
    },
    /// A number, a length or a count out of range, a format or pattern that is not kept.
    Rule {
        /// What there may be.
        has: Type,
        /// What is asked for: `at least 1 character`.
        wants: Text,
        /// Whether that is a day.
        date: bool,
    },
    /// A keyword of the schema that is not reasoned about.
    NotChecked {
        /// The keyword.
        keyword: &'static str,
        /// Where it stands in the schema's file.
        place: Option<Span>,
    },
    /// Nothing is known of the value, so that it cannot be held against what is asked for.
    Unknown,
}

impl MisfitKind {
    /// Whether it is no more than that nothing can be said.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self, Self::NotChecked { .. } | Self::Unknown)
    }
}
