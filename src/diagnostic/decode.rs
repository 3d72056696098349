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
    Ambiguous, Code, Located, Node, NodeKind, Report, Span, Style, nearest, reader::Reader,
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
        let new = match (&mistake, fault.key) {
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
    mistake: Option<Mistake>,
}

#[derive(Debug)]
enum Mistake {
    Unknown { name: String, known: &'static [&'static str] },
    Missing(&'static str),
    Other { code: Code, message: String, help: Option<String> },
}

impl Fault {
    /// What was reported before.
    pub(super) fn silent() -> Self {
        Self { owner: None, key: false, at: Span::NOWHERE, mistake: None }
    }

    /// A mistake that no node is at fault for yet.
    pub(super) fn wrong(message: impl Into<String>, help: Option<&str>) -> Self {
        let (message, help) = (message.into(), help.map(ToOwned::to_owned));
        Self::new(Mistake::Other { code: Code::WrongKind, message, help })
    }

    /// A plain number that YAML would change.
    pub(super) fn ambiguous(node: &Node, why: &Ambiguous) -> Self {
        let message = format!("{} is ambiguous: {}", found(node), why.why);
        let (code, help) = (Code::AmbiguousNumber, Some(why.help.clone()));
        Self::new(Mistake::Other { code, message, help })
    }

    /// A mapping where exactly one key should be, which says what it is.
    pub(super) fn one_key(node: &Node, known: &[&str]) -> Self {
        let second = match &node.kind {
            NodeKind::Map(entries) => entries.get(1).map(|(key, _)| key),
            _ => None,
        };
        match second {
            Some(key) => Self::wrong(
                format!("`{}` is one key too many", key.value),
                Some("give each item of a list one key, and its own `- `"),
            )
            .owned_by(node)
            .placed(key.at),
            None => Self::kind(node, &format!("one of `{}`", known.join("`, `"))),
        }
    }

    fn new(mistake: Mistake) -> Self {
        Self { mistake: Some(mistake), ..Self::silent() }
    }

    /// The node is not of the kind that its type expects.
    pub(super) fn kind(node: &Node, expected: &str) -> Self {
        if node.at == Span::START && found(node) == NOTHING {
            return Self::wrong("the file is empty", None);
        }
        let message = format!("{} where {expected} should stand", found(node));
        let help = match &node.kind {
            NodeKind::Scalar(scalar) if scalar.is_null() => {
                Some("write a value, or leave the key out")
            }
            NodeKind::List(_) | NodeKind::Map(_) if expected.contains("text") => {
                Some("if all of it is one text, put quotes around it")
            }
            _ => None,
        };
        Self::wrong(message, help)
    }

    /// Lays the fault at `node` unless it is laid at another one.
    pub(super) fn owned_by(self, node: &Node) -> Self {
        match self.owner {
            Some(_) => self,
            None => Self { owner: Some(Id::of(node)), at: node.at, ..self.about(&found(node)) },
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
                ..self.about(&format!("`{}`", key.value))
            },
        }
    }

    /// The same fault, shown at `at`.
    pub(super) fn placed(self, at: Span) -> Self {
        Self { at, ..self }
    }

    /// Puts what stands there before what a type's own `Deserialize` said about it.
    fn about(mut self, subject: &str) -> Self {
        if let Some(Mistake::Other { message, .. }) = &mut self.mistake
            && let Some(predicate) = message.strip_prefix(PREDICATE)
        {
            *message = format!("{subject} {predicate}");
        }
        self
    }
}

/// Marks a message as lacking its subject until the fault reaches a node.
const PREDICATE: &str = "\0";

impl serde::de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        let (message, help) = text
            .split_once('\n')
            .map_or((text.as_str(), None), |(first, rest)| (first, Some(rest)));
        Self::wrong(format!("{PREDICATE}{message}"), help)
    }

    fn invalid_type(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        let expected = expected.to_string();
        let expected = match expected.as_str() {
            "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative,",
            "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
            "f32" | "f64" => "a number",
            other => other,
        };
        <Self as serde::de::Error>::custom(format!("stands where {expected} should"))
    }

    fn invalid_value(_: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        let limit = match expected.to_string().as_str() {
            "u8" => " from 0 to 255".to_owned(),
            "u16" => " from 0 to 65535".to_owned(),
            "u32" => " from 0 to 4294967295".to_owned(),
            other => format!(": {other}"),
        };
        <Self as serde::de::Error>::custom(format!(
            "is not in the range\nwrite a whole number{limit}"
        ))
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
                let message = format!("nothing here is called `{name}`");
                let help = suggestion(name, known);
                report.error(at, Code::UnknownName, message).label("unknown").help(help);
            }
            Self::Missing(field) => {
                let label = format!("must have `{field}:`");
                report.error(at, Code::Missing, format!("`{field}` is missing")).label(label);
            }
            Self::Other { code, message, help } => {
                let found = report.error(at, *code, message.trim_start_matches(PREDICATE));
                if let Some(help) = help {
                    found.help(help);
                }
            }
        }
    }
}

/// Names the likeliest candidate, or all of them.
fn suggestion(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if known.is_empty() => "leave it out".to_owned(),
        None => format!("use one of `{}`", known.join("`, `")),
    }
}

/// What stands where nothing stands.
const NOTHING: &str = "nothing";

/// What stands at `node`, in the words of diagnostics.
fn found(node: &Node) -> String {
    /// Characters of a text that a message repeats.
    const SHOWN_MAX: usize = 40;
    match &node.kind {
        NodeKind::Scalar(scalar) if scalar.style == Style::Filled => "the value".to_owned(),
        NodeKind::Scalar(scalar) if !scalar.is_null() => {
            let mut text: String = scalar.text.chars().take(SHOWN_MAX).collect();
            if text.len() < scalar.text.len() {
                text.push('…');
            }
            format!("`{}`", text.replace('\n', " "))
        }
        kind => kind.name().to_owned(),
    }
}
