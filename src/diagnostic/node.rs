//! A YAML document as a tree that knows the place of every value.

use std::fmt;

use serde::{Deserialize, Deserializer};

use super::{Span, Text, text, wire};

/// A value together with the place where its author wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: Span,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::located(deserializer)
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

impl NodeKind {
    /// What it is, in the words of diagnostics.
    pub(super) fn name(&self) -> Text {
        match self {
            Self::Scalar(scalar) if scalar.is_null() => text!("nothing"),
            Self::Scalar(_) => text!("a single value"),
            Self::List(_) => text!("a list"),
            Self::Map(_) => text!("a mapping"),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        wire::node(deserializer)
    }
}

/// A scalar by the text of the file, never through a float.
#[derive(Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text: of a plain scalar as written, of a quoted or block one what it stands for.
    pub text: String,
    /// How it was written; only a plain scalar may be anything but text.
    pub style: Style,
}

impl fmt::Debug for Scalar {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.style == Style::Filled { "***" } else { &self.text };
        write!(formatter, "{:?} {text:?}", self.style)
    }
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
    /// With `${env:…}` or `${file:…}` in it, which have been filled in: never show the text.
    Filled,
}

/// What a plain scalar means in `map`, `set` and the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlainValue<'a> {
    /// `null`, `~`, or nothing at all.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A JSON number, exactly as written.
    Number(&'a str),
    /// Anything else.
    Text(&'a str),
}

/// A plain scalar that YAML would turn into another number than its author wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ambiguous {
    /// What YAML makes of it, as a clause: "`13.10` loses its last digit".
    pub why: Text,
    /// Both right spellings: "write `'13.10'` for the text or `=13.10` for the number".
    pub help: Text,
}

impl Scalar {
    /// Whether nothing stands there: not even a null.
    pub fn is_empty(&self) -> bool {
        self.style == Style::Plain && self.text.is_empty()
    }

    /// Whether it is `null`, `~`, or nothing at all.
    pub(super) fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(self.text.as_str(), "" | "~" | "null")
    }

    /// What the scalar means where any value may stand; quoted and block ones are text.
    ///
    /// # Errors
    ///
    /// [`Ambiguous`] for a number that other YAML readers would change; the author decides.
    pub fn plain_value(&self) -> Result<PlainValue<'_>, Ambiguous> {
        let text = self.text.as_str();
        if self.style != Style::Plain {
            return Ok(PlainValue::Text(text));
        }
        match text {
            "" | "~" | "null" => return Ok(PlainValue::Null),
            "true" => return Ok(PlainValue::Bool(true)),
            "false" => return Ok(PlainValue::Bool(false)),
            _ => {}
        }
        if let Some(why) = misread_as_number(text) {
            return Err(Ambiguous { why, help: spellings(text) });
        }
        if is_json_number(text) {
            return Ok(PlainValue::Number(text));
        }
        Ok(PlainValue::Text(text))
    }
}

/// Digits from which on a plain number is more likely a code (NIP, account, telephone) than a
/// quantity, and beyond which readers that use 32 bits change it.
const DIGITS_MAX: usize = 9;

/// Why a plain scalar is not the number, or not the text, that its author sees in it.
fn misread_as_number(text: &str) -> Option<Text> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let digits = unsigned.bytes().filter(u8::is_ascii_digit).count();
    let starts_as_number = unsigned.starts_with(|it: char| it.is_ascii_digit() || it == '.');
    if digits == 0 || !starts_as_number {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let special = [".inf", ".nan"].iter().any(|it| unsigned.eq_ignore_ascii_case(it));
        return special.then(|| text!("YAML takes it for a number that JSON does not have"));
    }
    let radix = ["0x", "0o", "0b", "0X", "0O", "0B"].iter().any(|it| unsigned.starts_with(it));
    if radix && unsigned.len() > 2 && unsigned.bytes().skip(2).all(|it| it.is_ascii_hexdigit()) {
        return Some(text!("YAML takes it for a number in another base"));
    }
    if unsigned.contains('_')
        && unsigned.bytes().all(|it| it.is_ascii_digit() || b"_.".contains(&it))
    {
        return Some(text!("some YAML readers take it for a number, others for text"));
    }
    if is_sexagesimal(unsigned) {
        return Some(text!("some YAML readers take it for a number in base 60"));
    }
    if !is_number_like(unsigned) {
        return None;
    }
    let whole = unsigned.split(['.', 'e', 'E']).next().unwrap_or_default();
    if whole.len() > 1 && whole.starts_with('0') {
        return Some(text!("YAML drops the leading zero"));
    }
    if unsigned.contains(['.']) && unsigned.ends_with('0') && !unsigned.contains(['e', 'E']) {
        return Some(text!("YAML drops the last zero"));
    }
    if digits > DIGITS_MAX {
        return Some(text!("a number of {} digits may be rounded, or be a code", &digits));
    }
    (!is_json_number(text)).then(|| text!("YAML takes it for a number, JSON does not"))
}

/// Digits with at most one dot and an exponent: what YAML 1.1 or 1.2 calls a number.
fn is_number_like(unsigned: &str) -> bool {
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let dots = mantissa.bytes().filter(|it| *it == b'.').count();
    dots <= 1
        && mantissa.bytes().all(|it| it.is_ascii_digit() || it == b'.')
        && mantissa.bytes().any(|it| it.is_ascii_digit())
        && !exponent.is_empty()
        && exponent.bytes().all(|it| it.is_ascii_digit())
}

/// `12:30` and `1:02:03`, which YAML 1.1 reads as 750 and 3723.
fn is_sexagesimal(unsigned: &str) -> bool {
    unsigned.contains(':')
        && unsigned
            .split(':')
            .all(|it| (1..=2).contains(&it.len()) && it.bytes().all(|digit| digit.is_ascii_digit()))
}

/// Whether `text` is a number by the grammar of JSON.
pub(super) fn is_json_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mantissa = unsigned.split(['e', 'E']).next().unwrap_or_default();
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    is_number_like(unsigned)
        && !fraction.is_empty()
        && (whole == "0" || !whole.is_empty() && !whole.starts_with('0'))
}

/// How to write `text` as text, and as a number where it is one.
fn spellings(text: &str) -> Text {
    let unsigned = text.trim_start_matches(['+', '-']);
    let sign = if text.starts_with('-') { "-" } else { "" };
    let bare = unsigned.replace('_', "");
    let trimmed = bare.trim_start_matches('0');
    let canonical = match trimmed.chars().next() {
        Some('0'..='9') => format!("{sign}{trimmed}"),
        _ => format!("{sign}0{trimmed}"),
    };
    let radix = i64::from_str_radix(
        unsigned.get(2..).unwrap_or_default(),
        match unsigned.get(..2) {
            Some("0x" | "0X") => 16,
            Some("0o" | "0O") => 8,
            Some("0b" | "0B") => 2,
            _ => return finish(text, is_json_number(&canonical).then_some(canonical)),
        },
    );
    finish(text, radix.ok().map(|it| format!("{sign}{it}")))
}

fn finish(text: &str, number: Option<String>) -> Text {
    match number {
        Some(number) => text!("write `'{}'` for the text, or `={}` for the number", text, &number),
        None => text!("write `'{}'` for the text", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), style: Style::Plain }
    }

    #[test]
    fn plain_scalars_that_other_readers_would_change_are_refused_with_both_spellings() {
        let cases = [
            ("13.10", "write `'13.10'` for the text, or `=13.10` for the number"),
            ("007", "write `'007'` for the text, or `=7` for the number"),
            ("0o14", "write `'0o14'` for the text, or `=12` for the number"),
            ("0xff", "write `'0xff'` for the text, or `=255` for the number"),
            ("1_000", "write `'1_000'` for the text, or `=1000` for the number"),
            ("1234567890", "write `'1234567890'` for the text, or `=1234567890` for the number"),
            ("-0", "write `'-0'` for the text, or `=-0` for the number"),
            (".5", "write `'.5'` for the text, or `=0.5` for the number"),
            ("12:30", "write `'12:30'` for the text"),
            (".inf", "write `'.inf'` for the text"),
        ];
        for (text, help) in cases {
            match plain(text).plain_value() {
                Err(ambiguous) => assert_eq!(ambiguous.help, help, "{text}"),
                Ok(value) => assert_eq!((text, value), ("-0", PlainValue::Number("-0"))),
            }
        }
    }

    #[test]
    fn plain_scalars_that_every_reader_reads_alike_are_what_they_seem() {
        assert_eq!(plain("null").plain_value(), Ok(PlainValue::Null));
        assert_eq!(plain("true").plain_value(), Ok(PlainValue::Bool(true)));
        for number in ["0", "5", "-12", "1.5", "1e3", "123456789", "0.25"] {
            assert_eq!(plain(number).plain_value(), Ok(PlainValue::Number(number)));
        }
        for text in ["no", "KU.02", "1.2.3", "2024-02-14", "10s", "1a", "3/2024", "0812-33", "."] {
            assert_eq!(plain(text).plain_value(), Ok(PlainValue::Text(text)));
        }
    }

    #[test]
    fn quoted_scalars_are_text_whatever_they_look_like() {
        let quoted = Scalar { text: "007".to_owned(), style: Style::Quoted };
        assert_eq!(quoted.plain_value(), Ok(PlainValue::Text("007")));
    }
}
