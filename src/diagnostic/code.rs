//! The codes of our diagnostics.

/// Every way in which a file can be wrong.
///
/// A code is never reused or renumbered: people search for it and scripts match on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Code {
    /// The file is not the YAML we expect.
    Syntax,
    /// An expression does not parse.
    Expression,
    /// A name refers to nothing.
    UnknownName,
    /// Something that must be there is not.
    Missing,
    /// A value is not of the kind that stands there.
    WrongKind,
}

impl Code {
    /// The code as people see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "S001",
            Self::Expression => "S002",
            Self::UnknownName => "S003",
            Self::Missing => "S004",
            Self::WrongKind => "S005",
        }
    }
}
