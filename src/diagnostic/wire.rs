//! How places and whole trees pass through serde, which knows neither.
//!
//! [`Located`] and [`Node`] ask for a tuple struct of a name that only our own deserializers
//! know; those answer with the place and then the value. Any other deserializer answers with
//! something else, which is a bug of ours and said to be one.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};

use super::{Located, Node, NodeKind, Scalar, Span, Style};

/// Asks for `line, column, len, value`.
pub(super) const LOCATED: &str = "$simpul::Located";

/// Asks for `line, column, len, kind` and the content: see [`SCALAR`], [`LIST`], [`MAP`].
pub(super) const NODE: &str = "$simpul::Node";

/// The content is a style and a text.
pub(super) const SCALAR: u8 = 0;
/// The content is a sequence of nodes.
pub(super) const LIST: u8 = 1;
/// The content is a sequence of keys, located, and a sequence of as many nodes.
pub(super) const MAP: u8 = 2;

/// The styles, by the numbers that stand for them.
pub(super) const STYLES: [Style; 4] = [Style::Plain, Style::Quoted, Style::Block, Style::Filled];

pub(super) fn located<'de, T, D>(deserializer: D) -> Result<Located<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    deserializer.deserialize_tuple_struct(LOCATED, 4, LocatedVisitor(PhantomData))
}

pub(super) fn node<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
    deserializer.deserialize_tuple_struct(NODE, 6, NodeVisitor)
}

struct LocatedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for LocatedVisitor<T> {
    type Value = Located<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value with its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let at = span(&mut parts)?;
        Ok(Located { value: part(&mut parts)?, at })
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value with its place")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Node, A::Error> {
        let at = span(&mut parts)?;
        let kind = match part::<u8, _>(&mut parts)? {
            SCALAR => {
                let style = usize::from(part::<u8, _>(&mut parts)?);
                let style = STYLES.get(style).copied().unwrap_or(Style::Plain);
                NodeKind::Scalar(Scalar { text: part(&mut parts)?, style })
            }
            LIST => NodeKind::List(part(&mut parts)?),
            _ => {
                let keys: Vec<Located<String>> = part(&mut parts)?;
                let values: Vec<Node> = part(&mut parts)?;
                NodeKind::Map(keys.into_iter().zip(values).collect())
            }
        };
        Ok(Node { at, kind })
    }
}

fn span<'de, A: SeqAccess<'de>>(parts: &mut A) -> Result<Span, A::Error> {
    Ok(Span { line: part(parts)?, column: part(parts)?, len: part(parts)? })
}

fn part<'de, T: Deserialize<'de>, A: SeqAccess<'de>>(parts: &mut A) -> Result<T, A::Error> {
    let missing =
        || A::Error::custom("bug: this type has lost its place, see `diagnostic/wire.rs`");
    parts.next_element()?.ok_or_else(missing)
}
