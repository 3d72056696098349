//! The codes of our diagnostics.

/// Every way in which a file can be wrong; each has its page, `docs/errors/<code>.md`.
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
    /// A value that YAML reads otherwise than its author meant it.
    Trap,
    /// Something that YAML has and our files do not: aliases, tags, several documents.
    Feature,
    /// Something stands twice that may stand once.
    Duplicate,
    /// A plain number that YAML would turn into another one.
    AmbiguousNumber,
    /// A name that breaks the rules for names, or is not the one of its file.
    BadName,
    /// A `${env:…}` or `${file:…}` that cannot be filled in, or may not stand there.
    Unresolved,
    /// A file that cannot be read: absent, too large, not UTF-8, outside the project.
    File,
    /// Something that is right elsewhere, and cannot work where it stands.
    OutOfPlace,
    /// Something that this version of simpul does not have.
    NotInThisVersion,
    /// A schema file that is no JSON Schema.
    Schema,
    /// A code table that is no table.
    Table,
    /// A secret that stands in a file for all to read.
    Secret,
    /// A query for something that its source cannot have.
    NoSuchPlace,
    /// A function or operator that is never given what it takes.
    Operand,
    /// A comparison that always comes out the same.
    NeverEqual,
    /// A field that a target must have, or may not have.
    TargetField,
    /// A value that the schema of its target may refuse.
    TargetValue,
    /// A value that may be missing where there must be one.
    MayBeNothing,
    /// Something that is not held against a schema.
    NotChecked,
    /// Data on its way to a system that may not hold it.
    Classified,
    /// A field that is named as taken out, and is not.
    TakenOut,
}

impl Code {
    /// All of them, in the order of their numbers.
    pub const ALL: &'static [Self] = &[
        Self::Syntax,
        Self::Expression,
        Self::UnknownName,
        Self::Missing,
        Self::WrongKind,
        Self::Trap,
        Self::Feature,
        Self::Duplicate,
        Self::AmbiguousNumber,
        Self::BadName,
        Self::Unresolved,
        Self::File,
        Self::OutOfPlace,
        Self::NotInThisVersion,
        Self::Schema,
        Self::Table,
        Self::Secret,
        Self::NoSuchPlace,
        Self::Operand,
        Self::NeverEqual,
        Self::TargetField,
        Self::TargetValue,
        Self::MayBeNothing,
        Self::NotChecked,
        Self::Classified,
        Self::TakenOut,
    ];

    /// The code as people see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "S001",
            Self::Expression => "S002",
            Self::UnknownName => "S003",
            Self::Missing => "S004",
            Self::WrongKind => "S005",
            Self::Trap => "S006",
            Self::Feature => "S007",
            Self::Duplicate => "S008",
            Self::AmbiguousNumber => "S009",
            Self::BadName => "S010",
            Self::Unresolved => "S011",
            Self::File => "S012",
            Self::OutOfPlace => "S013",
            Self::NotInThisVersion => "S014",
            Self::Schema => "S015",
            Self::Table => "S016",
            Self::Secret => "S017",
            Self::NoSuchPlace => "S020",
            Self::Operand => "S021",
            Self::NeverEqual => "S022",
            Self::TargetField => "S023",
            Self::TargetValue => "S024",
            Self::MayBeNothing => "S025",
            Self::NotChecked => "S026",
            Self::Classified => "S027",
            Self::TakenOut => "S028",
        }
    }
}
