//! The codes of our diagnostics.

use super::{Text, text};

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
    /// Tests of a route that is not there.
    TestOfNothing,
    /// A test case that cannot be played, or can never hold.
    Case,
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
    /// Routes that feed each other, so that a message can go round.
    Circle,
    /// A target that no route sends to.
    UnusedTarget,
    /// A source that no route reads.
    UnreadSource,
    /// A retry that goes on after the message has expired.
    OutlivesMessage,
    /// A name that stands in two files.
    NameTwice,
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
        Self::TestOfNothing,
        Self::Case,
        Self::NoSuchPlace,
        Self::Operand,
        Self::NeverEqual,
        Self::TargetField,
        Self::TargetValue,
        Self::MayBeNothing,
        Self::NotChecked,
        Self::Classified,
        Self::TakenOut,
        Self::Circle,
        Self::UnusedTarget,
        Self::UnreadSource,
        Self::OutlivesMessage,
        Self::NameTwice,
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
            Self::TestOfNothing => "S018",
            Self::Case => "S019",
            Self::NoSuchPlace => "S020",
            Self::Operand => "S021",
            Self::NeverEqual => "S022",
            Self::TargetField => "S023",
            Self::TargetValue => "S024",
            Self::MayBeNothing => "S025",
            Self::NotChecked => "S026",
            Self::Classified => "S027",
            Self::TakenOut => "S028",
            Self::Circle => "S030",
            Self::UnusedTarget => "S031",
            Self::UnreadSource => "S032",
            Self::OutlivesMessage => "S033",
            Self::NameTwice => "S034",
        }
    }

    /// What it is about, in a few words: the title of its page.
    pub fn title(self) -> Text {
        match self {
            Self::Syntax => text!("the file is not YAML"),
            Self::Expression => text!("an expression does not parse"),
            Self::UnknownName => text!("a name refers to nothing"),
            Self::Missing => text!("something is missing"),
            Self::WrongKind => text!("a value is not of the kind that stands there"),
            Self::Trap => text!("YAML reads a value otherwise than it was meant"),
            Self::Feature => text!("YAML has it, files of simpul do not"),
            Self::Duplicate => text!("something stands twice"),
            Self::AmbiguousNumber => text!("a number that YAML would change"),
            Self::BadName => text!("a name that cannot be"),
            Self::Unresolved => text!("a `${env:…}` or `${file:…}` cannot be filled in"),
            Self::File => text!("a file cannot be read"),
            Self::OutOfPlace => text!("something is right elsewhere and cannot work here"),
            Self::NotInThisVersion => text!("this version does not have it"),
            Self::Schema => text!("a schema that is none"),
            Self::Table => text!("a table that is none"),
            Self::Secret => text!("a secret that stands in a file"),
            Self::TestOfNothing => text!("tests of a route that is not there"),
            Self::Case => text!("a test case that cannot be played, or can never hold"),
            Self::NoSuchPlace => text!("a place that cannot be"),
            Self::Operand => text!("an operand that never fits"),
            Self::NeverEqual => text!("a comparison that always comes out the same"),
            Self::TargetField => text!("a field that a target must have, or may not have"),
            Self::TargetValue => text!("a value that the target may refuse"),
            Self::MayBeNothing => text!("a value that may be missing"),
            Self::NotChecked => text!("not checked"),
            Self::Classified => text!("data on its way to a system that may not hold it"),
            Self::TakenOut => text!("a field that is named as taken out, and is not"),
            Self::Circle => text!("messages can go round between routes"),
            Self::UnusedTarget => text!("a target that no route uses"),
            Self::UnreadSource => text!("a source that nobody reads"),
            Self::OutlivesMessage => text!("tries that outlive the message"),
            Self::NameTwice => text!("two files with one name"),
        }
    }

    /// Its page, in Markdown.
    pub fn page(self) -> &'static str {
        match self {
            Self::Syntax => include_str!("../../docs/errors/S001.md"),
            Self::Expression => include_str!("../../docs/errors/S002.md"),
            Self::UnknownName => include_str!("../../docs/errors/S003.md"),
            Self::Missing => include_str!("../../docs/errors/S004.md"),
            Self::WrongKind => include_str!("../../docs/errors/S005.md"),
            Self::Trap => include_str!("../../docs/errors/S006.md"),
            Self::Feature => include_str!("../../docs/errors/S007.md"),
            Self::Duplicate => include_str!("../../docs/errors/S008.md"),
            Self::AmbiguousNumber => include_str!("../../docs/errors/S009.md"),
            Self::BadName => include_str!("../../docs/errors/S010.md"),
            Self::Unresolved => include_str!("../../docs/errors/S011.md"),
            Self::File => include_str!("../../docs/errors/S012.md"),
            Self::OutOfPlace => include_str!("../../docs/errors/S013.md"),
            Self::NotInThisVersion => include_str!("../../docs/errors/S014.md"),
            Self::Schema => include_str!("../../docs/errors/S015.md"),
            Self::Table => include_str!("../../docs/errors/S016.md"),
            Self::Secret => include_str!("../../docs/errors/S017.md"),
            Self::TestOfNothing => include_str!("../../docs/errors/S018.md"),
            Self::Case => include_str!("../../docs/errors/S019.md"),
            Self::NoSuchPlace => include_str!("../../docs/errors/S020.md"),
            Self::Operand => include_str!("../../docs/errors/S021.md"),
            Self::NeverEqual => include_str!("../../docs/errors/S022.md"),
            Self::TargetField => include_str!("../../docs/errors/S023.md"),
            Self::TargetValue => include_str!("../../docs/errors/S024.md"),
            Self::MayBeNothing => include_str!("../../docs/errors/S025.md"),
            Self::NotChecked => include_str!("../../docs/errors/S026.md"),
            Self::Classified => include_str!("../../docs/errors/S027.md"),
            Self::TakenOut => include_str!("../../docs/errors/S028.md"),
            Self::Circle => include_str!("../../docs/errors/S030.md"),
            Self::UnusedTarget => include_str!("../../docs/errors/S031.md"),
            Self::UnreadSource => include_str!("../../docs/errors/S032.md"),
            Self::OutlivesMessage => include_str!("../../docs/errors/S033.md"),
            Self::NameTwice => include_str!("../../docs/errors/S034.md"),
        }
    }
}
