//! A [`Node`] into one of our types, finding all mistakes of the file.
//!
//! Serde stops at the first mistake. So a mistake is noted together with the node that it is in,
//! and the tree is decoded again with a stand-in in place of that node, until a round finds
//! nothing new. Each round takes at least one node out, and no file is large.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use serde::de::DeserializeOwned;

use super::{
    Ambiguous, Code, Located, Node, NodeKind, Report, Span, Style, Text, habit::habit, nearest,
    reader::Reader, text,
};

/// Mistakes of one file after which the rest is not looked for: nobody reads more at once.
const MISTAKES_MAX: usize = 200;

/// Decodes `node`, adding everything wrong with it to `report`. What could not be read is stood
/// in for, and nothing more is reported about it; `None` if there is nothing to go on with.
///
/// A type with a `Deserialize` of its own says what is wrong with a text as a predicate, and on
/// a second line what to write instead: `custom("is no duration\nwrite it like `5s`")`.
pub fn decode<T: DeserializeOwned>(node: &Node, report: &mut Report) -> Option<T> {
    let mut marks = Marks::default();
    for _ in 0..MISTAKES_MAX {
        let fault = match T::deserialize(Reader { node, marks: &marks }) {
            Ok(value) => return Some(value),
            Err(fault) => fault,
        };
        let (owner, mistake) = (fault.owner?, fault.mistake);
        if let Some(mistake) = &mistake {
            mistake.report(fault.at, report);
        }
        let new = match (mistake.as_deref(), fault.key) {
            (Some(Mistake::Missing(field)), _) => {
                marks.lacking.entry(owner).or_default().push(field);
                true
            }
            (_, true) => marks.skipped.insert(owner),
            (_, false) => marks.poor.insert(owner) || marks.lost.insert(owner),
        };
        if !new {
            return None;
        }
    }
    None
}

/// A node, by its address: the tree stands still while it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id(usize);

impl Id {
    pub(super) fn of(node: &Node) -> Self {
        Self(std::ptr::from_ref(node).addr())
    }
}

/// What is known to be wrong with the nodes of a tree.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// Values that cannot be read.
    poor: HashSet<Id>,
    /// Those of them that cannot be stood in for either, and may be left out.
    lost: HashSet<Id>,
    /// Values whose keys cannot be read, or should not be there.
    skipped: HashSet<Id>,
    /// The keys that mappings should have and have not.
    lacking: HashMap<Id, Vec<&'static str>>,
}

impl Marks {
    pub(super) fn is_poor(&self, node: &Node) -> bool {
        node.at == Span::NOWHERE || self.poor.contains(&Id::of(node))
    }

    pub(super) fn is_lost(&self, node: &Node) -> bool {
        self.lost.contains(&Id::of(node))
    }

    pub(super) fn is_skipped(&self, node: &Node) -> bool {
        self.skipped.contains(&Id::of(node))
    }

    pub(super) fn lacking(&self, node: &Node) -> &[&'static str] {
        self.lacking.get(&Id::of(node)).map_or(&[], Vec::as_slice)
    }
}

/// Why a node could not be decoded.
#[derive(Debug)]
pub(super) struct Fault {
    /// The node that is at fault; none until the error reaches a node.
    owner: Option<Id>,
    /// Whether it is the key that is wrong, and not the value.
    key: bool,
    at: Span,
    /// Absent for what was reported before.
    mistake: Option<Box<Mistake>>,
}

#[derive(Debug)]
enum Mistake {
    Unknown {
        name: String,
        known: &'static [&'static str],
    },
    Missing(&'static str),
    /// A predicate lacks its subject until the fault reaches a node.
    Other {
        code: Code,
        message: Text,
        help: Option<Text>,
        predicate: bool,
    },
}

/// What should stand where something else stands.
pub(super) enum Expected<'a> {
    List,
    Map,
    /// A mapping with these keys.
    Fields(&'a [&'a str]),
    /// One of some words, or of some keys.
    OneOf(Text),
    /// A single value.
    Scalar(Text),
}

impl Expected<'_> {
    fn what(&self) -> Text {
        /// Keys that a message names.
        const NAMED_MAX: usize = 4;
        match self {
            Self::List => text!("a list"),
            Self::Map => text!("a mapping"),
            Self::Fields(fields) if fields.len() > NAMED_MAX => text!(
                "a mapping with `{}:`, …",
                &fields.get(..NAMED_MAX).unwrap_or_default().join(":`, `")
            ),
            Self::Fields(fields) => text!("a mapping with `{}:`", &fields.join(":`, `")),
            Self::OneOf(what) | Self::Scalar(what) => what.clone(),
        }
    }
}

impl Fault {
    /// What was reported before.
    pub(super) fn silent() -> Self {
        Self { owner: None, key: false, at: Span::NOWHERE, mistake: None }
    }

    /// A mistake that no node is at fault for yet.
    pub(super) fn wrong(message: impl Into<Text>, help: Option<Text>) -> Self {
        let (code, message) = (Code::WrongKind, message.into());
        Self::new(Mistake::Other { code, message, help, predicate: false })
    }

    /// A plain number that YAML would change.
    pub(super) fn ambiguous(node: &Node, why: &Ambiguous) -> Self {
        let message = text!("{} is ambiguous: {}", found(node), why.why.clone());
        let (code, help) = (Code::AmbiguousNumber, Some(why.help.clone()));
        Self::new(Mistake::Other { code, message, help, predicate: false })
    }

    /// A mapping where exactly one key should be, which says what it is.
    pub(super) fn one_key(node: &Node, known: &[&str]) -> Self {
        let second = match &node.kind {
            NodeKind::Map(entries) => entries.get(1).map(|(key, _)| key),
            _ => None,
        };
        match second {
            Some(key) => Self::wrong(
                text!("`{}` is one key too many", &key.value),
                Some(text!("give each item of a list one key, and its own `- `")),
            )
            .owned_by(node)
            .placed(key.at),
            None => Self::kind(node, Expected::OneOf(text!("one of `{}`", &known.join("`, `")))),
        }
    }

    /// What a type's own `Deserialize` says about what stands there.
    fn predicate(message: Text, help: Option<Text>) -> Self {
        let code = Code::WrongKind;
        Self::new(Mistake::Other { code, message, help, predicate: true })
    }

    fn new(mistake: Mistake) -> Self {
        Self { mistake: Some(Box::new(mistake)), ..Self::silent() }
    }

    /// The node is not of the kind that its type expects.
    pub(super) fn kind(node: &Node, expected: Expected<'_>) -> Self {
        let nothing = matches!(&node.kind, NodeKind::Scalar(it) if it.is_null());
        if node.at == Span::START && nothing {
            let help = text!("write the keys of this kind of file; `docs/files.md` has them");
            return Self::wrong("the file is empty", Some(help));
        }
        let message = text!("{} where {} should stand", found(node), expected.what());
        let help = match (&node.kind, expected) {
            (NodeKind::Scalar(scalar), _) if scalar.is_null() => {
                text!("write a value, or leave the key out")
            }
            (_, Expected::List) => {
                text!("begin each item on a line of its own with `- `; also if it is one alone")
            }
            (_, Expected::Map) => text!("write `key: value`, one a line, without `- `"),
            (_, Expected::Fields(fields)) => match fields {
                [] => text!("leave it out"),
                [one] => text!("write `{ {}: … }`", one),
                [one, two] => text!("write `{ {}: …, {}: … }`", one, two),
                [one, two, ..] => text!(
                    "write its keys below it, one a line and further in: `{}: …`, `{}: …`",
                    one,
                    two
                ),
            },
            (NodeKind::List(_) | NodeKind::Map(_), Expected::Scalar(what)) => text!(
                "write {} and nothing else; if all of this is meant as one text, put quotes around it",
                what
            ),
            (_, Expected::Scalar(what) | Expected::OneOf(what)) => text!("write {}", what),
        };
        let help = Some(help);
        Self::wrong(message, help)
    }

    /// Lays the fault at `node` unless it is laid at another one.
    pub(super) fn owned_by(self, node: &Node) -> Self {
        match self.owner {
            Some(_) => self,
            None => Self { owner: Some(Id::of(node)), at: node.at, ..self.about(found(node)) },
        }
    }

    /// Lays the fault at the key of the value `node`.
    pub(super) fn owned_by_key(self, node: &Node, key: &Located<String>) -> Self {
        match self.owner {
            Some(_) => self,
            None => Self {
                owner: Some(Id::of(node)),
                key: true,
                at: key.at,
                ..self.about(text!("`{}`", &key.value))
            },
        }
    }

    /// The same fault, shown at `at`.
    pub(super) fn placed(self, at: Span) -> Self {
        Self { at, ..self }
    }

    /// Puts what stands there before what a type's own `Deserialize` said about it.
    fn about(mut self, subject: Text) -> Self {
        if let Some(Mistake::Other { message, predicate, .. }) = self.mistake.as_deref_mut()
            && std::mem::take(predicate)
        {
            *message = text!("{} {}", subject, std::mem::take(message));
        }
        self
    }
}

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let whole = message.to_string();
        let (message, help) = match whole.split_once('\n') {
            Some((first, rest)) => (first.to_owned(), Some(Text::whole(rest.to_owned()))),
            None => (whole, None),
        };
        Self::predicate(Text::whole(message), help)
    }

    fn invalid_type(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        let expected = expected.to_string();
        let expected = match expected.as_str() {
            "u8" | "u16" | "u32" | "u64" | "usize" | "i8" | "i16" | "i32" | "i64" | "isize" => {
                text!("a whole number")
            }
            "f32" | "f64" => text!("a number"),
            other => Text::whole(other.to_owned()),
        };
        let help = text!("write {}", expected.clone());
        Self::predicate(text!("stands where {} should", expected), Some(help))
    }

    fn invalid_value(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        let help = match expected.to_string().as_str() {
            "u8" => text!("write a whole number from 0 to {}", &u8::MAX),
            "u16" => text!("write a whole number from 0 to {}", &u16::MAX),
            "u32" => text!("write a whole number from 0 to {}", &u32::MAX),
            other => text!("write {}", Text::whole(other.to_owned())),
        };
        Self::predicate("is not in the range".into(), Some(help))
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Mistake::Unknown { name: name.to_owned(), known })
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Mistake::Unknown { name: name.to_owned(), known })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Mistake::Missing(field))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.mistake)
    }
}

impl std::error::Error for Fault {}

impl Mistake {
    fn report(&self, at: Span, report: &mut Report) {
        match self {
            Self::Unknown { name, known } => {
                let message = text!("nothing here is called `{}`", name);
                let help = suggestion(name, known);
                report.error(at, Code::UnknownName, message).label("unknown").help(help);
            }
            Self::Missing(field) => {
                let label = text!("must have `{}:`", field);
                let found = report.error(at, Code::Missing, text!("`{}` is missing", field));
                found.label(label).help(text!("write `{}:` and its value here", field));
            }
            Self::Other { code, message, help, .. } => {
                let found = report.error(at, *code, message);
                if let Some(help) = help {
                    found.help(help);
                }
            }
        }
    }
}

/// Names the likeliest candidate, or all of them.
fn suggestion(wrong: &str, known: &[&str]) -> Text {
    if let Some(said) = habit(wrong, known) {
        return said;
    }
    match nearest(wrong, known.iter().copied()) {
        Some(name) => text!("did you mean `{}`?", name),
        None if known.is_empty() => text!("leave it out"),
        None => text!("use one of `{}`", &known.join("`, `")),
    }
}

/// What stands at `node`, in the words of diagnostics.
fn found(node: &Node) -> Text {
    /// Characters of a text that a message repeats.
    const SHOWN_MAX: usize = 40;
    match &node.kind {
        NodeKind::Scalar(scalar) if scalar.style == Style::Filled => text!("the value"),
        NodeKind::Scalar(scalar) if !scalar.is_null() => {
            let mut shown: String = scalar.text.chars().take(SHOWN_MAX).collect();
            if shown.len() < scalar.text.len() {
                shown.push('…');
            }
            text!("`{}`", &shown.replace('\n', " "))
        }
        kind => kind.name(),
    }
}
