//! What is known of values before there are any: types, read from JSON Schemas, carried through
//! expressions and steps, and held against the schema of a target.
//!
//! ```text
//! schema file ── Contract::read ──▶ Contract ── emitted ──▶ Type of what a source may send
//!                                      │                      │ expressions and steps infer
//!                                      └── check(…) ◀──────── Type of what a target would get
//! ```
//!
//! A [`Type`] is wider than what it stands for, never narrower: every value that can be there is
//! one of the type. So what a contract takes of the whole type, it takes of every document.
//! Whoever adds to this room keeps that promise; `tests/it/typing/` generates schemas, routes and
//! documents and holds it to that.

mod access;
mod change;
mod check;
mod contract;
mod depth;
mod emitted;
mod join;
mod kinds;
mod language;
mod made;
mod meet;
mod misfit;
mod range;
mod read;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use self::depth::DEPTH_MAX;
pub use self::{
    access::Reached,
    change::Step,
    contract::{Contract, Judge, Keeps, Rule, RuleKind},
    kinds::Kinds,
    misfit::{Misfit, MisfitKind},
    range::{Bound, Range},
    words::list,
};
use crate::diagnostic::Span;

/// The mark of what its schema says is about a person, by the keyword [`PERSONAL_KEYWORD`].
pub const PERSONAL: u64 = 1 << 63;

/// `"x-data-pribadi": "umum"` or `"spesifik"`: personal data, of the kinds of article 4 of Law 27 of
/// 2022 on personal data protection. `false`: none.
pub const PERSONAL_KEYWORD: &str = "x-data-pribadi";

/// What is known of a value that may be somewhere.
///
/// A kind that is described may be there, and is like that. One that is not described cannot be
/// there, unless the type is `unknown`: then it can, and nothing more is known of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Type {
    /// There may be nothing.
    pub absent: bool,
    /// There may be null.
    pub null: bool,
    /// Which of true and false there may be.
    pub truths: Truths,
    /// There may be a number.
    pub number: Option<Numbers>,
    /// There may be a text.
    pub text: Option<Texts>,
    /// There may be an array.
    pub array: Option<Arc<Items>>,
    /// There may be an object.
    pub object: Option<Arc<Members>>,
    /// Kinds that are not described may be there all the same.
    pub unknown: bool,
    /// Fields that must not go out, a bit for each: what they say went into this value.
    pub marks: u64,
    /// Where in the route's file the value is made.
    pub at: Option<Span>,
}

/// Which of both there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Truths {
    /// There may be true.
    pub yes: bool,
    /// There may be false.
    pub no: bool,
}

impl Truths {
    /// Either.
    pub const ANY: Self = Self { yes: true, no: true };

    /// Whether there is any.
    #[must_use]
    pub fn any(self) -> bool {
        self.yes || self.no
    }
}

/// What is known of numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numbers {
    /// They have no fraction.
    pub whole: bool,
    /// Between what they are.
    pub range: Range,
    /// They are among these, by value.
    pub one_of: Option<Vec<Arc<str>>>,
}

/// What is known of texts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Texts {
    /// Characters that they have at least.
    pub least: u64,
    /// Characters that they have at most.
    pub most: Option<u64>,
    /// They are among these.
    pub one_of: Option<BTreeSet<Arc<str>>>,
    /// Patterns and formats that they keep to.
    pub rules: BTreeSet<(RuleKind, Arc<str>)>,
}

/// What is known of arrays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Items {
    /// Each item. Never absent.
    pub each: Type,
    /// How many there are at least.
    pub least: u64,
    /// How many there are at most.
    pub most: Option<u64>,
    /// At least one of them is certainly not null.
    pub solid: bool,
}

/// What is known of objects.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Members {
    /// Members by name; one that may be missing is absent too.
    pub fields: BTreeMap<Arc<str>, Type>,
    /// What else there may be.
    pub rest: Rest,
}

/// What an object may have beside the members that are known by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Rest {
    /// Nothing.
    #[default]
    Closed,
    /// Its schema names others and does not forbid more: whoever reads more has likely mistyped.
    Undeclared,
    /// Any number of members like this.
    Of(Box<Type>),
}

impl Type {
    /// Nothing is known: any value, or nothing.
    #[must_use]
    pub fn unknown() -> Self {
        Self { absent: true, unknown: true, ..Self::default() }
    }

    /// Any value, but there is one.
    #[must_use]
    pub fn anything() -> Self {
        Self { unknown: true, ..Self::default() }
    }

    /// There is nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self { absent: true, ..Self::default() }
    }

    /// Null.
    #[must_use]
    pub fn null() -> Self {
        Self { null: true, ..Self::default() }
    }

    /// True or false.
    #[must_use]
    pub fn boolean() -> Self {
        Self { truths: Truths::ANY, ..Self::default() }
    }

    /// Numbers like these.
    #[must_use]
    pub fn number(numbers: Numbers) -> Self {
        Self { number: Some(numbers), ..Self::default() }
    }

    /// Whole numbers from 0.
    #[must_use]
    pub fn count() -> Self {
        let range = Range { least: Some(Bound::at("0")), most: None };
        Self::number(Numbers { whole: true, range, one_of: None })
    }

    /// Texts like these.
    #[must_use]
    pub fn text(texts: Texts) -> Self {
        Self { text: Some(texts), ..Self::default() }
    }

    /// A text of so many characters, at least and at most.
    #[must_use]
    pub fn text_of(least: u64, most: Option<u64>) -> Self {
        Self::text(Texts { least, most, ..Texts::default() })
    }

    /// This text and no other.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self::text(Texts::among([Arc::from(text)].into()))
    }

    /// This number and no other.
    #[must_use]
    pub fn literal_number(text: &str) -> Self {
        Self::number(Numbers::among(vec![text.into()]))
    }

    /// Arrays like these.
    #[must_use]
    pub fn array(items: Items) -> Self {
        Self { array: Some(Arc::new(items)), ..Self::default() }
    }

    /// Objects like these.
    #[must_use]
    pub fn object(members: Members) -> Self {
        Self { object: Some(Arc::new(members)), ..Self::default() }
    }

    /// The same, or nothing.
    #[must_use]
    pub fn or_nothing(self) -> Self {
        Self { absent: true, ..self }
    }

    /// The same, and there is one.
    #[must_use]
    pub fn present(self) -> Self {
        Self { absent: false, ..self }
    }

    /// The same, without null.
    #[must_use]
    pub fn without_null(mut self) -> Self {
        self.null = false;
        if self.unknown {
            self.described();
            self.null = false;
        }
        self
    }

    /// The same, made at this place of the file.
    #[must_use]
    pub fn made_at(mut self, at: Span) -> Self {
        self.at = Some(at);
        self
    }

    /// The same, bearing marks.
    #[must_use]
    pub fn marked(mut self, marks: u64) -> Self {
        self.marks |= marks;
        self
    }

    /// Describes every kind, so that each can be taken out or narrowed: unknown no more.
    pub fn described(&mut self) {
        if !std::mem::take(&mut self.unknown) {
            return;
        }
        self.null = true;
        self.truths = Truths::ANY;
        self.number.get_or_insert_default();
        self.text.get_or_insert_default();
        self.array.get_or_insert_with(|| Arc::new(Items::anything()));
        self.object.get_or_insert_with(|| Arc::new(Members::anything()));
    }

    /// Which kinds of values there may be.
    #[must_use]
    pub fn kinds(&self) -> Kinds {
        if self.unknown {
            return Kinds::ANY;
        }
        let kind = |is: bool, kind: Kinds| if is { kind.0 } else { 0 };
        Kinds(
            kind(self.null, Kinds::NULL)
                | kind(self.truths.any(), Kinds::BOOLEAN)
                | kind(self.number.is_some(), Kinds::NUMBER)
                | kind(self.text.is_some(), Kinds::TEXT)
                | kind(self.array.is_some(), Kinds::ARRAY)
                | kind(self.object.is_some(), Kinds::OBJECT),
        )
    }

    /// Whether there is never a value.
    #[must_use]
    pub fn has_no_value(&self) -> bool {
        self.kinds().0 == 0
    }

    /// The arrays that there may be.
    #[must_use]
    pub fn arrays(&self) -> Option<Arc<Items>> {
        match &self.array {
            None if self.unknown => Some(Arc::new(Items::anything())),
            known => known.clone(),
        }
    }

    /// The objects that there may be.
    #[must_use]
    pub fn objects(&self) -> Option<Arc<Members>> {
        match &self.object {
            None if self.unknown => Some(Arc::new(Members::anything())),
            known => known.clone(),
        }
    }

    /// Only what is of these kinds, and no word on whether there is something.
    #[must_use]
    pub fn only(mut self, kinds: Kinds) -> Self {
        if self.unknown && kinds != Kinds::ANY {
            self.described();
        }
        self.null &= kinds.meets(Kinds::NULL);
        if !kinds.meets(Kinds::BOOLEAN) {
            self.truths = Truths::default();
        }
        self.number = self.number.filter(|_| kinds.meets(Kinds::NUMBER));
        self.text = self.text.filter(|_| kinds.meets(Kinds::TEXT));
        self.array = self.array.filter(|_| kinds.meets(Kinds::ARRAY));
        self.object = self.object.filter(|_| kinds.meets(Kinds::OBJECT));
        self
    }

    /// The marks of it and of everything in it.
    #[must_use]
    pub fn all_marks(&self) -> u64 {
        let items = self.array.as_ref().map_or(0, |it| it.each.all_marks());
        let members = self.object.as_ref().map_or(0, |it| it.all_marks());
        self.marks | items | members
    }
}
