//! The parsed body of a message.

/// A JSON value in an [`Arena`](super::Arena), or in the text that it was parsed from.
///
/// Copying one copies a pointer. Object members keep the order of the source; a parsed object
/// never holds one key twice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// `null`. A value, unlike *nothing*.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number<'a>),
    /// A text.
    Text(&'a str),
    /// An array.
    Array(&'a [Value<'a>]),
    /// An object: its members in source order.
    Object(&'a [(&'a str, Value<'a>)]),
}

/// A number, by the text that stood in the document: `1.0`, `1e3` and 40 digits stay as written.
///
/// Two are `==` here when written alike; the expression language compares by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    /// Takes `text` for a number without looking: the caller has checked the JSON grammar.
    pub fn from_checked(text: &'a str) -> Self {
        Self(text)
    }

    /// The number as written.
    pub fn text(self) -> &'a str {
        self.0
    }
}

impl<'a> Value<'a> {
    /// The member of an object by its key; `None` for other values and other keys.
    pub fn get(self, key: &str) -> Option<Value<'a>> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
            }
            _ => None,
        }
    }

    /// What kind of value this is, in the words of error messages.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "text",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}
