//! A YAML document as a tree that knows the place of every value.

use serde::{Deserialize, Deserializer};

use super::Span;

/// A value together with the place where its author wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Span,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> Result<Self, D::Error> {
        todo!("files helper")
    }
}

/// A YAML value and its place: what `map`, `set` and the like hold, where any value may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub at: Span,
    /// What it is.
    pub kind: NodeKind,
}

/// What a [`Node`] is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file. No key stands twice.
    Map(Vec<(Located<String>, Node)>),
}

/// A scalar by the text of the file, never through a float.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text: of a plain scalar as written, of a quoted or block one what it stands for.
    pub text: String,
    /// How it was written; only a plain scalar may be anything but text.
    pub style: Style,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// As a block (`|` or `>`).
    Block,
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> Result<Self, D::Error> {
        todo!("files helper")
    }
}
