//! What is known of the result of a function before there are values: its signature.

use crate::typing::{Kinds, Numbers, Texts, Type};

/// What a function takes, and what it gives for what is known of its arguments.
#[derive(Debug, Clone, Copy)]
pub(in crate::expr) struct Signature {
    /// The kinds that each argument may be of; the last also of those behind it.
    pub(in crate::expr) takes: &'static [Kinds],
    /// The type of what it gives where it gives anything; wider than that, never narrower. Its
    /// arguments are values, of the kinds that it takes.
    pub(in crate::expr) gives: fn(&[Type]) -> Type,
    /// What of a field that must not go out its result still says.
    pub(in crate::expr) flow: Flow,
}

/// What of its arguments the result of a function still says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Flow {
    /// All that they say.
    All,
    /// What is in the parts that it passes on.
    Parts,
    /// How many there are, or whether.
    Little,
    /// A pseudonym, or a few characters.
    Hidden,
}

/// A function that makes something new of its arguments.
pub(super) const fn from(takes: &'static [Kinds], gives: fn(&[Type]) -> Type) -> Signature {
    Signature { takes, gives, flow: Flow::All }
}

/// A function that passes parts of its arguments on.
pub(super) const fn keeping(takes: &'static [Kinds], gives: fn(&[Type]) -> Type) -> Signature {
    Signature { takes, gives, flow: Flow::Parts }
}

/// A function that tells how many there are, or whether.
pub(super) const fn telling(takes: &'static [Kinds], gives: fn(&[Type]) -> Type) -> Signature {
    Signature { takes, gives, flow: Flow::Little }
}

/// A function that is there to hide its argument.
pub(super) const fn hiding(takes: &'static [Kinds], gives: fn(&[Type]) -> Type) -> Signature {
    Signature { takes, gives, flow: Flow::Hidden }
}

/// What is known of an argument that is a text; `None` where it may be something else as well.
pub(super) fn text_in(arguments: &[Type], index: usize) -> Option<Texts> {
    arguments.get(index).filter(|it| !it.unknown).and_then(|it| it.text.clone())
}

/// What is known of an argument that is a number.
pub(super) fn number_in(arguments: &[Type], index: usize) -> Option<Numbers> {
    arguments.get(index).filter(|it| !it.unknown).and_then(|it| it.number.clone())
}

/// The whole number that an argument is, where it can be no other.
pub(super) fn whole_in(argument: &Type) -> Option<u64> {
    let numbers = argument.number.as_ref().filter(|_| argument.kinds() == Kinds::NUMBER)?;
    match numbers.one_of.as_deref() {
        Some([only]) => only.parse().ok(),
        _ => None,
    }
}
