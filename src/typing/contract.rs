//! A JSON Schema as it is reasoned with: what it demands of a value, one demand for each schema in
//! it, and what in it is not reasoned about.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::{
    Kinds, Range, Texts, Type,
    language::{self, Relation},
};
use crate::{diagnostic::Span, message::Value};

/// A rule for texts that is held as a whole: one text keeps to it or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// A regular expression.
    Pattern,
    /// A format of JSON Schema: `date`.
    Format,
}

impl RuleKind {
    /// The keyword of JSON Schema.
    #[must_use]
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Pattern => "pattern",
            Self::Format => "format",
        }
    }
}

/// Whether a text keeps to a rule.
pub type Keeps = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// How texts are held against a rule, as the validator of messages does it.
pub type Judge = fn(RuleKind, &str) -> Option<Keeps>;

/// A pattern or format, and how a literal text is held against it.
pub struct Rule {
    /// Which of both.
    pub kind: RuleKind,
    /// As written in the schema.
    pub text: Arc<str>,
    pub(super) place: Span,
    judge: Judge,
    /// Made for the first literal: most rules never meet one.
    judged: OnceLock<Option<Keeps>>,
    /// How texts of which something is known stand to it: routes ask the same again and again.
    related: Mutex<HashMap<KnownOfTexts, Option<Relation>>>,
}

/// The patterns that texts match, and how many characters they have.
type KnownOfTexts = (Vec<Arc<str>>, u64, Option<u64>);

impl Rule {
    pub(super) fn new(kind: RuleKind, text: &str, place: Span, judge: Judge) -> Self {
        Self {
            kind,
            text: text.into(),
            place,
            judge,
            judged: OnceLock::new(),
            related: Mutex::default(),
        }
    }

    /// How these texts stand to it; `None` where that cannot be told.
    pub(super) fn relation(&self, texts: &Texts) -> Option<Relation> {
        let patterns = texts.rules.iter().filter(|(kind, _)| *kind == RuleKind::Pattern);
        let patterns: Vec<_> = patterns.map(|(_, pattern)| Arc::clone(pattern)).collect();
        let known = (patterns, texts.least, texts.most);
        let remembered = || self.related.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(relation) = remembered().get(&known) {
            return *relation;
        }
        let patterns: Vec<&str> = known.0.iter().map(|it| &**it).collect();
        let relation = language::relate(&patterns, (known.1, known.2), &self.text);
        remembered().insert(known, relation);
        relation
    }

    /// Whether `text` keeps to it; `None` where that cannot be told.
    #[must_use]
    pub fn takes(&self, text: &str) -> Option<bool> {
        let judged = self.judged.get_or_init(|| (self.judge)(self.kind, &self.text));
        judged.as_ref().map(|it| it(text))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.keyword(), self.text)
    }
}

/// A value that stands in a schema under `enum` or `const`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Constant {
    Null,
    Bool(bool),
    Number(Arc<str>),
    Text(Arc<str>),
    Array,
    Object,
}

/// What an object may have beside the properties that are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Additional {
    /// Anything, for nothing is said.
    #[default]
    Unsaid,
    /// Anything, for so it is said.
    Any,
    /// Nothing.
    No,
    /// What fits this demand.
    As(usize),
}

/// At least and at most so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    pub(super) least: u64,
    pub(super) most: Option<u64>,
}

/// What one schema demands of a value.
#[derive(Debug)]
pub(super) struct Demand {
    /// `false`: nothing fits.
    pub(super) never: bool,
    /// What fits is about a person.
    pub(super) is_personal: bool,
    pub(super) kinds: Kinds,
    /// Of numbers only whole ones.
    pub(super) whole: bool,
    pub(super) one_of: Option<Vec<Constant>>,
    pub(super) range: Range,
    pub(super) length: Counted,
    pub(super) rules: Vec<Rule>,
    pub(super) items: Option<usize>,
    pub(super) count: Counted,
    pub(super) fields: BTreeMap<Arc<str>, usize>,
    pub(super) required: Vec<Arc<str>>,
    pub(super) additional: Additional,
    pub(super) size: Counted,
    /// What must fit as well: `$ref`, `allOf`.
    pub(super) also: Vec<usize>,
    /// Keywords that are not reasoned about, and where they stand.
    pub(super) unchecked: Vec<(&'static str, Span)>,
}

impl Demand {
    pub(super) fn any() -> Self {
        Self {
            is_personal: false,
            never: false,
            kinds: Kinds::ANY,
            whole: false,
            one_of: None,
            range: Range::default(),
            length: Counted::default(),
            rules: Vec::new(),
            items: None,
            count: Counted::default(),
            fields: BTreeMap::new(),
            required: Vec::new(),
            additional: Additional::Unsaid,
            size: Counted::default(),
            also: Vec::new(),
            unchecked: Vec::new(),
        }
    }

    /// Whether something is said of objects.
    pub(super) fn describes_objects(&self) -> bool {
        !self.fields.is_empty()
            || !self.required.is_empty()
            || matches!(self.additional, Additional::No | Additional::As(_))
            || self.size != Counted::default()
    }

    pub(super) fn describes_arrays(&self) -> bool {
        self.items.is_some() || self.count != Counted::default()
    }

    pub(super) fn describes_texts(&self) -> bool {
        !self.rules.is_empty() || self.length != Counted::default()
    }

    pub(super) fn describes_numbers(&self) -> bool {
        self.whole || self.range != Range::default()
    }

    /// Whether every value fits.
    pub(super) fn is_trivial(&self) -> bool {
        !self.never
            && self.kinds == Kinds::ANY
            && self.one_of.is_none()
            && self.also.is_empty()
            && self.unchecked.is_empty()
            && !self.describes_objects()
            && !self.describes_arrays()
            && !self.describes_texts()
            && !self.describes_numbers()
    }
}

/// A JSON Schema as it is reasoned with.
#[derive(Debug)]
pub struct Contract {
    /// The first is that of the whole.
    pub(super) demands: Vec<Demand>,
    pub(super) emitted: OnceLock<Type>,
}

impl Contract {
    /// Reads a schema that the validator has taken. `place` tells where a part of its text stands.
    #[must_use]
    pub fn read(
        root: Value<'_>,
        draft_7: bool,
        judge: Judge,
        place: &dyn Fn(&str) -> Span,
    ) -> Self {
        let demands = super::read::demands(root, draft_7, judge, place);
        Self { demands, emitted: OnceLock::new() }
    }

    /// What values that fit are like; computed once.
    pub fn emitted(&self) -> &Type {
        self.emitted.get_or_init(|| super::emitted::emitted(self))
    }
}
