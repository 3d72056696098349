//! `${env:NAME}` and `${file:PATH}`: what must not stand in files is filled in when they are read.
//!
//! What it is filled in with is never shown: the scalar becomes [`Style::Filled`], and the report
//! conceals it.

use std::{collections::BTreeMap, fmt, fs::File, io::Read as _, ops::Range, path::Path};

use super::load::not_read;
use crate::diagnostic::{Code, Node, NodeKind, Report, Scalar, Span, Style, Text, nearest, text};

/// Bytes that a `${file:…}` may have: certificates and keys, not data.
const FILE_BYTES_MAX: u64 = 64 << 10;

const ENV: &str = "${env:";
const FILE: &str = "${file:";

/// The variables of the environment. Their values are not shown.
#[derive(Clone, Default)]
pub struct Variables {
    values: BTreeMap<String, String>,
    stand_in: bool,
}

impl Variables {
    /// Those of this process, without the ones that are not Unicode.
    pub fn of_process() -> Self {
        let variables = std::env::vars_os();
        variables
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    /// None at all: what files ask for is stood in for, also what they ask of other files. For
    /// tests of routes, which call nobody, and must give the same on each machine.
    pub fn stand_ins() -> Self {
        Self { values: BTreeMap::new(), stand_in: true }
    }

    /// Whether what files ask for is stood in for.
    pub(super) fn stands_in(&self) -> bool {
        self.stand_in
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The names of all variables.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self { values: variables.into_iter().collect(), stand_in: false }
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.values.keys()).finish()
    }
}

/// Fills in every `${env:…}` and `${file:…}` of a tree, adding what is wrong to `report`. Paths
/// are relative to `directory`.
pub(super) fn fill(node: &mut Node, variables: &Variables, directory: &Path, report: &mut Report) {
    let at = node.at;
    match &mut node.kind {
        NodeKind::List(items) => {
            items.iter_mut().for_each(|it| fill(it, variables, directory, report));
        }
        NodeKind::Map(entries) => {
            entries.iter_mut().for_each(|(_, it)| fill(it, variables, directory, report));
        }
        NodeKind::Scalar(scalar) => match fill_text(&scalar.text, variables, directory) {
            Ok(None) => {}
            Ok(Some(Filled { text, values })) => {
                values.iter().for_each(|it| report.conceal(it));
                *scalar = Scalar { text, style: Style::Filled };
            }
            Err(mistakes) => {
                for Mistake { range, message, help } in mistakes {
                    let at = at.within(&scalar.text, range);
                    report.error(at, Code::Unresolved, message).help(help);
                }
                node.at = Span::NOWHERE;
            }
        },
    }
}

/// Adds to `report` every `${env:…}` and `${file:…}` of a tree: nothing is filled in there.
pub(super) fn refuse(node: &mut Node, report: &mut Report) {
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(|it| refuse(it, report)),
        NodeKind::Map(entries) => entries.iter_mut().for_each(|(_, it)| refuse(it, report)),
        NodeKind::Scalar(scalar) => {
            let text = &scalar.text;
            let Some(start) = next(text, 0) else { return };
            let rest = text.get(start..).unwrap_or_default();
            let end = rest.find('}').map_or(text.len(), |it| start + it + 1);
            let kind = if rest.starts_with(ENV) { ENV } else { FILE };
            let at = node.at.within(text, start..end);
            let message = text!("`{}…}` cannot stand in a route file", kind);
            let found = report.error(at, Code::Unresolved, message);
            found
                .help("a route works on the message alone; what is secret stands in a system file");
            node.at = Span::NOWHERE;
        }
    }
}

/// The secrets that stand in a tree as they are, by the keys that lead to them.
pub(super) fn secrets_in<'n>(
    node: &'n Node,
    keys: &mut Vec<&'n str>,
    found: &mut Vec<(Span, String)>,
) {
    match &node.kind {
        NodeKind::List(items) => items.iter().for_each(|it| secrets_in(it, keys, found)),
        NodeKind::Map(entries) => {
            for (key, value) in entries {
                keys.push(&key.value);
                secrets_in(value, keys, found);
                keys.pop();
            }
        }
        NodeKind::Scalar(scalar) if is_secret(keys, &scalar.text) => {
            found.push((node.at, scalar.text.clone()));
        }
        NodeKind::Scalar(_) => {}
    }
}

fn is_secret(keys: &[&str], text: &str) -> bool {
    if next(text, 0).is_some() || text.is_empty() {
        return false;
    }
    let by_key = match keys {
        ["http", "auth", "basic", "user"] | ["http", "auth", "header", "name"] => false,
        // Whatever else stands there: a mistyped key does not make a password public.
        ["hash_key"] | ["body_keys", _] | ["http", "auth", ..] => true,
        ["http", "sources", _, "api_keys", _] => !text.starts_with("sha256:"),
        ["http", "headers", name] | ["http", "targets", _, "headers", name] => {
            names_a_secret(name) && !text.contains("${")
        }
        _ => false,
    };
    by_key || holds_password(text) || looks_secret(text)
}

/// Whether a header of this name is there to hold a secret.
fn names_a_secret(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    ["authorization", "cookie", "api-key", "apikey", "password", "secret", "token"]
        .iter()
        .any(|word| header.contains(word))
}

/// The secrets that stand in a route file: nothing in it is ever filled in.
pub(super) fn secrets_in_route(node: &Node, key: &str, found: &mut Vec<(Span, String)>) {
    match &node.kind {
        NodeKind::List(items) => items.iter().for_each(|it| secrets_in_route(it, key, found)),
        NodeKind::Map(entries) => {
            entries.iter().for_each(|(key, value)| secrets_in_route(value, &key.value, found));
        }
        NodeKind::Scalar(scalar) => {
            let text = scalar.text.as_str();
            let literal = !text.starts_with(['$', '@', '=']) && !text.contains("${");
            let named = names_a_secret(key) && literal && text.len() >= SECRET_BYTES_MIN;
            if named || holds_password(text) || looks_secret(text) {
                found.push((node.at, text.to_owned()));
            }
        }
    }
}

/// Bytes of a text below which it is a name or a placeholder, and no secret.
const SECRET_BYTES_MIN: usize = 8;

/// Whether a text has the shape of a key or token, whatever stands before it.
fn looks_secret(text: &str) -> bool {
    let hex = |it: &str| it.bytes().all(|it| it.is_ascii_hexdigit());
    let signed = |it: &str| it.starts_with("eyJ") && it.len() > 40 && it.matches('.').count() == 2;
    text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----")
        || text.split_whitespace().any(signed)
        || text.strip_prefix("simpul_").is_some_and(|it| it.len() >= 32 && hex(it))
        || text.strip_prefix("Bearer ").is_some_and(|it| it.len() >= 16 && !it.contains("${"))
        || text.len() == 20 && text.starts_with("AKIA")
}

/// Whether a text is an address with a password in it.
fn holds_password(text: &str) -> bool {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    user.split_once(':').is_some_and(|(_, password)| !password.is_empty())
}

struct Filled {
    text: String,
    values: Vec<String>,
}

struct Mistake {
    range: Range<usize>,
    message: Text,
    help: Text,
}

/// The text with everything filled in; nothing where there is nothing to fill in.
fn fill_text(
    text: &str,
    variables: &Variables,
    directory: &Path,
) -> Result<Option<Filled>, Vec<Mistake>> {
    let mut filled = Filled { text: String::with_capacity(text.len()), values: Vec::new() };
    let mut mistakes = Vec::new();
    let mut from = 0;
    while let Some(start) = next(text, from) {
        filled.text.push_str(text.get(from..start).unwrap_or_default());
        let rest = text.get(start..).unwrap_or_default();
        let Some(len) = rest.find('}') else {
            mistakes.push(Mistake {
                range: start..text.len(),
                message: text!("`${` is never closed"),
                help: text!("write `${env:NAME}` or `${file:PATH}`"),
            });
            break;
        };
        from = start + len + 1;
        let inner = rest.get(..len).unwrap_or_default();
        let value = match (inner.strip_prefix(ENV), inner.strip_prefix(FILE)) {
            (Some(name), _) => variable(name, variables),
            (_, Some(path)) => read(path, directory),
            _ => continue,
        };
        match value {
            Ok(value) => {
                filled.text.push_str(&value);
                filled.values.push(value);
            }
            Err((message, help)) => mistakes.push(Mistake { range: start..from, message, help }),
        }
    }
    filled.text.push_str(text.get(from..).unwrap_or_default());
    match (mistakes.is_empty(), filled.values.is_empty()) {
        (false, _) => Err(mistakes),
        (true, true) => Ok(None),
        (true, false) => Ok(Some(filled)),
    }
}

/// Where the next thing to fill in begins. `$$` is a literal dollar, also before a brace.
pub(super) fn next(text: &str, from: usize) -> Option<usize> {
    let rest = text.get(from..).filter(|it| it.contains("${"))?;
    rest.match_indices('$').map(|(index, _)| from + index).find(|index| {
        let here = text.get(*index..).unwrap_or_default();
        let before = text.get(from..*index).unwrap_or_default();
        let dollars = before.len() - before.trim_end_matches('$').len();
        dollars % 2 == 0 && (here.starts_with(ENV) || here.starts_with(FILE))
    })
}

fn variable(name: &str, variables: &Variables) -> Result<String, (Text, Text)> {
    let valid = !name.is_empty()
        && !name.starts_with(|it: char| it.is_ascii_digit())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_');
    if !valid {
        let help =
            text!("write letters, digits and `_` alone: `${env:NAME}`; there are no defaults");
        return Err((text!("`{}` is not the name of a variable", name), help));
    }
    match variables.get(name) {
        Some("") => {
            let help = text!("give it a value before simpul starts");
            Err((text!("the variable `{}` is empty", name), help))
        }
        Some(value) => Ok(value.to_owned()),
        None => {
            let help = match nearest(name, variables.names()) {
                Some(near) => text!("did you mean `{}`?", near),
                None => text!("set it before simpul starts: `{}=…`", name),
            };
            Err((text!("the variable `{}` is not set", name), help))
        }
    }
}

fn read(path: &str, directory: &Path) -> Result<String, (Text, Text)> {
    let full = directory.join(path);
    let wrong = |why: Text| {
        let help = text!("name a file that the account which runs simpul may read");
        Err((text!("the file `{}` cannot be read: {}", path, why), help))
    };
    match full.metadata() {
        // Reading a pipe or a device may never end.
        Ok(metadata) if !metadata.is_file() => return wrong(text!("not a regular file")),
        Ok(metadata) if FILE_BYTES_MAX < metadata.len() => {
            return wrong(text!("it is over 64 KiB"));
        }
        Ok(_) => {}
        Err(error) => return wrong(not_read(&error)),
    }
    let mut text = String::new();
    let read = File::open(&full).and_then(|it| it.take(FILE_BYTES_MAX).read_to_string(&mut text));
    if let Err(error) = read {
        return wrong(not_read(&error));
    }
    let value = text.strip_suffix('\n').unwrap_or(&text);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() { wrong(text!("it is empty")) } else { Ok(value.to_owned()) }
}
