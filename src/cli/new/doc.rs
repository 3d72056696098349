//! A JSON or YAML document whose members keep their order: what drafts are made of.

use std::{fs, path::Path};

use crate::{
    cli::{CouldNot, screen::escaped},
    diagnostic::{Language, Node, NodeKind, PlainValue, Report, parse as parse_yaml},
    message::{Arena, Limits, Value, parse as parse_json},
};

/// Bytes of a document that a draft is made from: more than any description of an interface has.
const BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Memory for reading it.
const MEMORY_BYTES_MAX: usize = 512 * 1024 * 1024;

/// References that are followed one behind the other.
const REFERENCES_MAX: usize = 32;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Doc {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(String),
    List(Vec<Doc>),
    Map(Vec<(String, Doc)>),
}

impl Doc {
    /// Reads a file: JSON, or YAML where its name says so.
    pub(super) fn read(path: &Path) -> Result<Self, CouldNot> {
        let text = text_of(path)?;
        let name = path.display().to_string();
        if path.extension().is_some_and(|it| it == "yaml" || it == "yml") {
            let mut report = Report::default();
            report.enter(&name);
            let node = parse_yaml(&text, &mut report).filter(|_| !report.has_errors());
            return node.as_ref().map(Self::of_node).ok_or_else(|| {
                let found: String = report
                    .into_sorted()
                    .iter()
                    .map(|it| it.render(&text, Language::English) + "\n")
                    .collect();
                CouldNot(format!("`{name}` is no YAML that simpul reads:\n{}", escaped(&found)))
            });
        }
        let mut documents = Self::lines(&name, &text)?;
        match (documents.pop(), documents.is_empty()) {
            (Some(document), true) => Ok(document),
            _ => Err(CouldNot(format!("`{name}` holds more than one document"))),
        }
    }

    /// Reads all JSON documents of a file: one, or one on each line.
    pub(super) fn read_all(path: &Path) -> Result<Vec<Self>, CouldNot> {
        Self::lines(&path.display().to_string(), &text_of(path)?)
    }

    fn lines(name: &str, text: &str) -> Result<Vec<Self>, CouldNot> {
        let read = |text: &str| {
            let arena = Arena::with_limit(MEMORY_BYTES_MAX);
            parse_json(&arena, text.as_bytes(), &Limits::default()).map(Self::of_value)
        };
        let lines: Vec<_> = text.lines().filter(|it| !it.trim().is_empty()).collect();
        let all = read(text).map(|it| vec![it]);
        all.or_else(|error| match lines.len() {
            0 | 1 => Err(error),
            _ => lines.iter().map(|it| read(it)).collect::<Result<_, _>>().map_err(|_| error),
        })
        .map_err(|error| CouldNot(format!("`{name}`: {error}")))
    }

    fn of_value(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(it) => Self::Bool(it),
            Value::Number(it) => Self::Number(it.text().to_owned()),
            Value::Text(it) => Self::Text(it.to_owned()),
            Value::Array(items) => Self::List(items.iter().map(|it| Self::of_value(*it)).collect()),
            Value::Object(members) => {
                let member =
                    |(key, it): &(&str, Value<'_>)| ((*key).to_owned(), Self::of_value(*it));
                Self::Map(members.iter().map(member).collect())
            }
        }
    }

    fn of_node(node: &Node) -> Self {
        match &node.kind {
            NodeKind::List(items) => Self::List(items.iter().map(Self::of_node).collect()),
            NodeKind::Map(entries) => {
                let entry = |(key, it): &(crate::diagnostic::Located<String>, Node)| {
                    (key.value.clone(), Self::of_node(it))
                };
                Self::Map(entries.iter().map(entry).collect())
            }
            NodeKind::Scalar(scalar) => match scalar.plain_value() {
                Ok(PlainValue::Null) => Self::Null,
                Ok(PlainValue::Bool(it)) => Self::Bool(it),
                Ok(PlainValue::Number(it)) => Self::Number(it.to_owned()),
                Ok(PlainValue::Text(it)) => Self::Text(it.to_owned()),
                // Bounds of ten digits and more; whatever else it is, is text.
                Err(_) => match serde_json::from_str::<serde_json::Number>(&scalar.text) {
                    Ok(_) => Self::Number(scalar.text.clone()),
                    Err(_) => Self::Text(scalar.text.clone()),
                },
            },
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.members().iter().find(|(name, _)| name == key).map(|(_, it)| it)
    }

    /// The members of a mapping; none of anything else.
    pub(super) fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Map(members) => members,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Self] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a member.
    pub(super) fn text_at(&self, key: &str) -> Option<&str> {
        self.get(key)?.text()
    }

    /// What this stands for in `root`: itself, or what its `$ref` within the document leads to.
    pub(super) fn resolved<'d>(&'d self, root: &'d Self) -> &'d Self {
        let mut found = self;
        for _ in 0..REFERENCES_MAX {
            let Some(path) = found.text_at("$ref").and_then(|it| it.strip_prefix("#/")) else {
                break;
            };
            let mut at = root;
            for key in path.split('/') {
                let key = key.replace("~1", "/").replace("~0", "~");
                match at.get(&key) {
                    Some(inner) => at = inner,
                    None => return found,
                }
            }
            found = at;
        }
        found
    }

    /// As JSON, in lines.
    pub(super) fn pretty(&self) -> String {
        let mut text = String::new();
        self.write(0, &mut text);
        text.push('\n');
        text
    }

    /// On one line, where nothing is nested in it and it is short.
    fn short(&self) -> Option<String> {
        const LETTERS_MAX: usize = 80;
        let nested = |it: &Self| {
            matches!(it, Self::Map(_))
                || it.items().iter().any(|it| !it.items().is_empty() || !it.members().is_empty())
        };
        let members = self.members();
        if members.is_empty() || members.iter().any(|(_, it)| nested(it)) {
            return None;
        }
        let member = |(key, it): &(String, Self)| {
            let mut text = format!("{}: ", serde_json::Value::from(key.as_str()));
            it.write(0, &mut text);
            text
        };
        let text = members.iter().map(member).collect::<Vec<_>>().join(", ");
        (text.len() <= LETTERS_MAX).then(|| format!("{{ {text} }}"))
    }

    fn write(&self, indent: usize, text: &mut String) {
        if let Some(short) = self.short() {
            text.push_str(&short);
            return;
        }
        let line = |indent: usize, text: &mut String| {
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", indent));
        };
        let quoted = |it: &str| serde_json::Value::from(it).to_string();
        match self {
            Self::Null => text.push_str("null"),
            Self::Bool(it) => text.push_str(&it.to_string()),
            Self::Number(it) => text.push_str(it),
            Self::Text(it) => text.push_str(&quoted(it)),
            Self::List(items) if items.is_empty() => text.push_str("[]"),
            Self::Map(members) if members.is_empty() => text.push_str("{}"),
            Self::List(items)
                if items.iter().all(|it| !matches!(it, Self::List(_) | Self::Map(_))) =>
            {
                text.push('[');
                for (number, item) in items.iter().enumerate() {
                    text.push_str(if number > 0 { ", " } else { "" });
                    item.write(indent, text);
                }
                text.push(']');
            }
            Self::List(items) => {
                text.push('[');
                for (number, item) in items.iter().enumerate() {
                    text.push_str(if number > 0 { "," } else { "" });
                    line(indent + 1, text);
                    item.write(indent + 1, text);
                }
                line(indent, text);
                text.push(']');
            }
            Self::Map(members) => {
                text.push('{');
                for (number, (key, it)) in members.iter().enumerate() {
                    text.push_str(if number > 0 { "," } else { "" });
                    line(indent + 1, text);
                    text.push_str(&format!("{}: ", quoted(key)));
                    it.write(indent + 1, text);
                }
                line(indent, text);
                text.push('}');
            }
        }
    }
}

impl From<&str> for Doc {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A mapping of these members.
pub(super) fn map<const N: usize>(members: [(&str, Doc); N]) -> Doc {
    Doc::Map(members.into_iter().map(|(key, it)| (key.to_owned(), it)).collect())
}

fn text_of(path: &Path) -> Result<String, CouldNot> {
    let failed = |error: String| CouldNot(format!("`{}`: {error}", path.display()));
    let size = fs::metadata(path).map_err(|it| failed(it.to_string()))?.len();
    if BYTES_MAX < size {
        return Err(failed(format!("over {BYTES_MAX} bytes")));
    }
    fs::read_to_string(path).map_err(|it| failed(it.to_string()))
}
