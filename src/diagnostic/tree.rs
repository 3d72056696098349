//! Builds a [`Node`] tree from what the YAML library tells, refusing what our files do not have.

use std::{collections::HashMap, mem};

use super::{
    Code, Located, Node, NodeKind, Report, Scalar, Span, Style, Text, text,
    trap::{Lines, Repair, quoted},
};

/// A tree under construction.
pub(super) struct Tree<'a> {
    lines: &'a Lines<'a>,
    repairs: &'a [Repair],
    report: Report,
    stack: Vec<Open>,
    root: Option<Node>,
}

/// A list or mapping that is not closed yet.
struct Open {
    at: Span,
    flow: bool,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Map {
        entries: Vec<(Located<String>, Node)>,
        /// The keys so far, and their lines: a file may have very many.
        lines: HashMap<String, u32>,
        key: Key,
    },
}

/// Where a mapping stands.
enum Key {
    /// Before a key.
    Awaited,
    /// Before the value of this key.
    Given(Located<String>),
    /// Before the value of a key that was refused.
    Refused,
}

impl<'a> Tree<'a> {
    pub(super) fn new(lines: &'a Lines<'a>, repairs: &'a [Repair]) -> Self {
        Self { lines, repairs, report: Report::default(), stack: Vec::new(), root: None }
    }

    /// The tree, after adding what was found wrong with it to `report`. Of an empty file it is
    /// an empty scalar.
    pub(super) fn finish(self, report: &mut Report) -> Node {
        report.append(self.report);
        let nothing = Scalar { text: String::new(), style: Style::Plain };
        self.root.unwrap_or(Node { at: Span::START, kind: NodeKind::Scalar(nothing) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.root.is_none() && self.stack.is_empty()
    }

    /// Where the innermost list or mapping stands, if there are more than `max` of them.
    pub(super) fn too_deep(&self, max: usize) -> Option<Span> {
        self.stack.last().filter(|_| max < self.stack.len()).map(|it| it.at)
    }

    pub(super) fn scalar(&mut self, scalar: Scalar, at: Span, damaged: bool) {
        let damaged = damaged
            || self.repairs.iter().any(|it| it.touches(at))
            || scalar.style == Style::Plain && self.loses_its_end(&scalar, at)
            || scalar.is_empty() && self.lacks_its_value(at);
        let at = match (damaged, scalar.is_empty()) {
            (true, _) => Span::NOWHERE,
            (_, true) => Span { len: 1, ..at },
            _ => at,
        };
        self.add(Node { at, kind: NodeKind::Scalar(scalar) });
    }

    pub(super) fn open(&mut self, at: Span, flow: bool, map: bool) {
        let content = match map {
            true => Content::Map { entries: Vec::new(), lines: HashMap::new(), key: Key::Awaited },
            false => Content::List(Vec::new()),
        };
        self.stack.push(Open { at: Span { len: at.len.max(1), ..at }, flow, content });
    }

    pub(super) fn close(&mut self, (line, column): (u32, u32)) {
        let Some(Open { mut at, flow, content }) = self.stack.pop() else { return };
        if flow && line == at.line {
            at.len = column.saturating_sub(at.column).max(1);
        }
        if let (false, Content::Map { entries, .. }) = (flow, &content)
            && let Some((first, _)) = entries.first().filter(|(key, _)| key.at.line == at.line)
        {
            at.len = first.at.len;
        }
        let kind = match content {
            Content::List(items) => NodeKind::List(items),
            Content::Map { entries, .. } => NodeKind::Map(entries),
        };
        self.add(Node { at, kind });
    }

    pub(super) fn tag(&mut self, at: Span) {
        self.refuse(at, text!("YAML takes it for a tag; files of simpul have none"));
    }

    pub(super) fn anchor(&mut self, at: Span) {
        self.refuse(at, text!("YAML takes it for an anchor; files of simpul have none"));
    }

    pub(super) fn alias(&mut self, at: Span) {
        self.refuse(at, text!("YAML takes it for an alias; files of simpul have none"));
        let scalar = Scalar { text: String::new(), style: Style::Plain };
        self.add(Node { at: Span::NOWHERE, kind: NodeKind::Scalar(scalar) });
    }

    pub(super) fn second_document(&mut self, at: Span) {
        let message = text!("a second document begins here");
        let found = self.report.error(at, Code::Feature, message);
        found.help("put it in a file of its own");
    }

    fn refuse(&mut self, at: Span, why: Text) {
        let begin = self.lines.slice(at.line, at.column, Some(1));
        let value = self.lines.value_from(at.line, at.column, self.in_flow());
        let message = text!("a plain value cannot begin with `{}`", &begin);
        let found = self.report.error(at, Code::Trap, message);
        found.label(why);
        found.help(text!(
            "if it is text or an expression, write `{}`; else take it out, and write out what it stands for",
            &quoted(value)
        ));
    }

    fn in_flow(&self) -> bool {
        self.stack.last().is_some_and(|it| it.flow)
    }

    /// Whether a plain value is cut short by a `#` that looks like a part of it: comments have a
    /// space after theirs.
    fn loses_its_end(&mut self, scalar: &Scalar, at: Span) -> bool {
        let end = at.column + at.len;
        let rest = self.lines.slice(at.line, end, None);
        let tail = match scalar.is_empty() {
            true => rest.trim_start_matches([':', '-']),
            false => rest,
        };
        let comment = tail.trim_start_matches([' ', '\t']);
        let text_like = comment.strip_prefix('#').is_some_and(|it| {
            it.starts_with(|first: char| !first.is_whitespace() && !"#!-=".contains(first))
        });
        if !text_like || comment.len() == tail.len() {
            return false;
        }
        let skipped = rest.len() - comment.len();
        let column = end + Lines::count(rest.get(..skipped).unwrap_or_default());
        let comment = comment.trim_end();
        let cut = Span { line: at.line, column, len: Lines::count(comment) };
        let whole = match scalar.is_empty() {
            true => comment.to_owned(),
            false => self.lines.slice(at.line, at.column, None).trim_end().to_owned(),
        };
        let found = self.report.error(cut, Code::Trap, "the value ends before this `#`");
        found.label("a space and `#` begin a comment");
        found.help(text!(
            "if it belongs to the value, write `{}`; if it is a comment, put a space after `#`",
            &quoted(&whole)
        ));
        true
    }

    /// Whether a key of a mapping in braces has no value: mostly the rest of a value that a comma
    /// has cut in two.
    fn lacks_its_value(&mut self, at: Span) -> bool {
        let Some(Open { flow: true, content, .. }) = self.stack.last_mut() else { return false };
        let Content::Map { key: Key::Given(key), entries, .. } = content else { return false };
        if let (true, Some((_, before))) = (key.value.contains(')'), entries.last_mut()) {
            // The value before it was cut in two; this says so, and nothing else need be said.
            before.at = Span::NOWHERE;
        }
        let message = text!("`{}` has no value", &key.value);
        let found = self.report.error(key.at, Code::Trap, message);
        found.label("a key, because a `,` ends a value inside `{ }` and `[ ]`");
        found.help(
            "put quotes around the whole value that holds the `,`, or write `: ` and a value",
        );
        at.line > 0
    }

    /// Puts a node where the innermost list or mapping awaits one.
    fn add(&mut self, node: Node) {
        let Some(open) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return;
        };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, lines, key } => match mem::replace(key, Key::Awaited) {
                Key::Awaited => {
                    let accepted = accept_key(node, lines, &mut self.report);
                    *key = accepted.map_or(Key::Refused, Key::Given);
                }
                Key::Given(key) => entries.push((key, node)),
                Key::Refused => {}
            },
        }
    }
}

fn accept_key(
    node: Node,
    lines: &mut HashMap<String, u32>,
    report: &mut Report,
) -> Option<Located<String>> {
    let at = node.at;
    let scalar = match node.kind {
        _ if at == Span::NOWHERE => return None,
        NodeKind::Scalar(scalar) => scalar,
        kind => {
            let found = report.error(at, Code::Feature, text!("{} as a key", kind.name()));
            found.help("if it is text, put quotes around it");
            return None;
        }
    };
    if scalar.is_empty() {
        let found = report.error(at, Code::Missing, "a key is missing before this `:`");
        found.help("write the key, or put quotes around a text that begins with `:`");
        return None;
    }
    if scalar.style == Style::Plain && scalar.text == "<<" {
        let found = report.error(at, Code::Feature, "`<<` would merge another mapping into this");
        found.help("write the keys out");
        return None;
    }
    if let Some(first) = lines.insert(scalar.text.clone(), at.line) {
        let message = text!("`{}` stands twice in this mapping", &scalar.text);
        let found = report.error(at, Code::Duplicate, message);
        found.label(text!("first on line {}", &first));
        found.help("remove one of them");
        return None;
    }
    Some(Located { value: scalar.text, at })
}
