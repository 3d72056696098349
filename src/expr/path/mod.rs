//! JSONPath (RFC 9535): `$.a[*].b`.
//!
//! The text is read by `jsonpath-rust`, after [`lex`] has found where it ends, has taken out the
//! blanks and the numbers (which that crate would read as floats), and has refused what the crate
//! lets through. What comes back is compiled to the types below, which [`walk`] goes along: exact
//! numbers, nothing allocated for a path that names one place.

mod compile;
mod filter;
mod infer;
mod lex;
mod pattern;
mod walk;

pub(super) use self::{
    compile::{compile, regex_message},
    pattern::Searcher,
    walk::member,
};

use self::filter::Filter;

/// Where a query starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    /// `$`
    Body,
    /// `@`
    Item,
}

/// A query that names one place at most: `$.a.b[0]`.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) root: Root,
    pub(super) steps: Box<[Step]>,
}

/// From a value to one in it.
#[derive(Debug)]
pub(super) enum Step {
    Name(Box<str>),
    Index(i64),
}

/// A query that may name any number of places.
#[derive(Debug)]
pub(super) struct Path {
    pub(super) root: Root,
    segments: Box<[Segment]>,
}

#[derive(Debug)]
struct Segment {
    /// Whether it looks at everything below as well (`..`).
    descends: bool,
    selectors: Box<[Selector]>,
}

#[derive(Debug)]
enum Selector {
    Name(Box<str>),
    Wildcard,
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    Filter(Filter),
}

/// What a text that starts with `$` or `@` turned out to be.
#[derive(Debug)]
pub(super) enum Query {
    Place(Place),
    Path(Path),
}
