//! The mistakes that YAML invites: what its author meant by a line that is no YAML.

use super::{Code, Report, Span, Text, text};

/// What kind of thing the YAML library could not go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// A character that no plain value may begin with.
    Reserved,
    /// A `: ` in a plain value.
    SecondColon,
    /// Text after the closing quote of a value.
    AfterQuote,
    /// Text after `|` or `>`.
    BlockHeader,
    /// A tab where only spaces may indent.
    Tab,
    /// A quote that is never closed.
    OpenQuote,
    /// A backslash in double quotes that means nothing.
    Escape,
    /// A `- ` where no item of a list can be.
    Item,
    /// A line beside the items of a list that is none.
    NoItem,
    /// Something between braces that is neither `,` nor their end.
    InFlow,
    /// A brace that is never closed.
    OpenFlow,
    /// A line that is no key at this depth.
    Key,
    /// A `%` line before the document.
    Directive,
    /// Too many lists and mappings in each other.
    TooDeep,
    /// Anything else, in the library's words.
    Other(String),
}

/// Where a syntax error is, and what stands before it.
#[derive(Debug, Clone, Default)]
pub(super) struct Near {
    pub(super) line: u32,
    pub(super) column: u32,
    /// The last scalar, and whether it was a plain one.
    pub(super) scalar: Option<Span>,
    pub(super) plain: bool,
    /// The braces and brackets that are open.
    pub(super) flow: Vec<Span>,
    /// The outermost brace or bracket that was closed just before.
    pub(super) after_flow: Option<Span>,
}

/// A value that is taken out of the text so that the rest can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repair(Span);

impl Repair {
    /// The text with letters in place of the value: every other place stays what it was.
    pub(super) fn apply(self, text: &str) -> String {
        let Span { line, column, len } = self.0;
        let mut out = String::with_capacity(text.len());
        for (number, full) in (1..).zip(text.split_inclusive('\n')) {
            if number != line {
                out.push_str(full);
                continue;
            }
            for (index, letter) in (1..).zip(full.chars()) {
                let inside = column <= index && index - column < len;
                out.push(if inside && !matches!(letter, '\r' | '\n') { '_' } else { letter });
            }
        }
        out
    }

    /// Whether a scalar at `at` stands in for what was taken out.
    pub(super) fn touches(self, at: Span) -> bool {
        at.line == self.0.line
            && at.column < self.0.column + self.0.len.max(1)
            && self.0.column < at.column + at.len.max(1)
    }
}

/// The lines of a file.
pub(super) struct Lines<'a>(Vec<&'a str>);

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text.lines().collect())
    }

    /// A line, from 1.
    pub(super) fn line(&self, number: u32) -> &'a str {
        let index = usize::try_from(number).unwrap_or(0).wrapping_sub(1);
        self.0.get(index).copied().unwrap_or_default()
    }

    /// From a column on, so many characters, or to the end of the line.
    pub(super) fn slice(&self, line: u32, column: u32, len: Option<u32>) -> &'a str {
        let rest = skip(self.line(line), column.saturating_sub(1));
        match len {
            Some(len) => rest.get(..rest.len() - skip(rest, len).len()).unwrap_or_default(),
            None => rest,
        }
    }

    /// The value that begins at a column and ends with the line, or inside braces with the next
    /// `,` or brace that is not its own.
    pub(super) fn value_from(&self, line: u32, column: u32, in_flow: bool) -> &'a str {
        let rest = self.slice(line, column, None);
        let mut depth = 0_u32;
        let end = rest.char_indices().find(|(_, letter)| {
            match letter {
                '[' | '{' | '(' => depth += 1,
                ']' | '}' | ')' if depth > 0 => {
                    depth -= 1;
                    return false;
                }
                _ => {}
            }
            in_flow && depth == 0 && matches!(letter, ',' | ']' | '}')
        });
        rest.get(..end.map_or(rest.len(), |(index, _)| index)).unwrap_or_default().trim_end()
    }

    /// Where on a line the value begins: behind its indentation, dashes and key.
    fn value(&self, number: u32) -> u32 {
        let line = self.line(number);
        let mut rest = line.trim_start();
        while let Some(item) = rest.strip_prefix("- ") {
            rest = item.trim_start();
        }
        if let Some((key, value)) = rest.split_once(": ")
            && !key.starts_with(['\'', '"', '[', '{'])
        {
            rest = value.trim_start();
        }
        Self::count(line) - Self::count(rest) + 1
    }

    /// How many characters `text` has.
    pub(super) fn count(text: &str) -> u32 {
        u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
    }
}

fn skip(text: &str, count: u32) -> &str {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    text.char_indices().nth(count).map_or("", |(index, _)| text.get(index..).unwrap_or_default())
}

/// `text` in the quotes that change least.
pub(super) fn quoted(text: &str) -> String {
    match text.contains(['"', '\\']) {
        false => format!("\"{text}\""),
        true => format!("'{}'", text.replace('\'', "''")),
    }
}

impl Broken {
    /// Adds the mistake to `report`; says what to take out of the text to read on.
    pub(super) fn report(
        &self,
        near: &Near,
        lines: &Lines<'_>,
        report: &mut Report,
    ) -> Option<Repair> {
        let here = Span { line: near.line, column: near.column, len: 1 };
        let begin = Span { column: lines.value(near.line), ..here };
        let first = lines.slice(begin.line, begin.column, Some(1));
        match self {
            Self::Reserved => begins_with(here, near, lines, report),
            Self::SecondColon => second_colon(here, near, lines, report),
            _ if near.after_flow.is_some_and(|it| it.line == near.line) => {
                begins_with(near.after_flow.unwrap_or(here), near, lines, report)
            }
            Self::AfterQuote if near.flow.is_empty() => begins_with(begin, near, lines, report),
            Self::AfterQuote => {
                let found =
                    report.error(here, Code::Trap, "text after the closing quote of a value");
                found.label(
                    "inside `{ }` and `[ ]` a `,` ends a value, and so does a closing quote",
                );
                found.help("put quotes around the whole value that holds the `,` or the quotes");
                None
            }
            Self::BlockHeader if "!&>|".contains(first) => begins_with(begin, near, lines, report),
            Self::Item if first == "-" || lines.line(here.line).contains(": - ") => {
                begins_with(here, near, lines, report)
            }
            Self::Other(_) if !first.is_empty() && "!&*%,".contains(first) => {
                begins_with(begin, near, lines, report)
            }
            Self::InFlow if near.flow.last().is_some_and(|it| it.line < here.line) => {
                Self::OpenFlow.plainly(here, near, lines, report);
                None
            }
            Self::InFlow => in_flow(here, near, lines, report),
            _ => {
                self.plainly(here, near, lines, report);
                None
            }
        }
    }

    /// What cannot be read around.
    fn plainly(&self, here: Span, near: &Near, lines: &Lines<'_>, report: &mut Report) {
        let (at, message, help) = match self {
            Self::Tab => {
                let before = lines.line(here.line).split('\t').next().unwrap_or_default();
                let at = Span { column: Lines::count(before) + 1, ..here };
                (at, text!("a tab where only spaces may stand"), text!("indent with spaces"))
            }
            Self::OpenQuote => {
                let line = near.scalar.map_or(here.line, |it| it.line);
                let at = Span { line, column: lines.value(line), len: 1 };
                (
                    at,
                    text!("this quote is never closed"),
                    text!("close it, or quote with the other kind"),
                )
            }
            Self::Escape => (
                Span { len: Lines::count(lines.value_from(here.line, here.column, false)), ..here },
                text!("a backslash in double quotes that means nothing there"),
                text!("use single quotes: in them a backslash is a backslash"),
            ),
            Self::OpenFlow if !near.flow.is_empty() => {
                let at = near.flow.last().copied().unwrap_or(here);
                let brace = lines.slice(at.line, at.column, Some(1));
                (
                    at,
                    text!("this `{}` is never closed", brace),
                    text!("close it, or put quotes around a text"),
                )
            }
            Self::Key => no_key(here, lines.line(here.line)),
            Self::NoItem => {
                let line = lines.line(here.line).trim();
                (
                    Span { len: Lines::count(line), ..here },
                    text!("a line between the items of a list that begins with no `- `"),
                    text!(
                        "begin it with `- ` below theirs if it is an item; indent it further if it \
                     belongs to the item above"
                    ),
                )
            }
            Self::Directive => (here, text!("a line that begins with `%`"), text!("remove it")),
            Self::TooDeep => (
                here,
                text!("lists and mappings nested too deep"),
                text!("nest at most 64 of them"),
            ),
            Self::Other(message) => (
                here,
                Text::whole(message.clone()),
                text!("put quotes around the value, or look at the line above"),
            ),
            _ => (
                here,
                text!("not the YAML we expect"),
                text!("write `key: value`, or `- ` before an item of a list"),
            ),
        };
        let code = if *self == Self::Escape { Code::Trap } else { Code::Syntax };
        report.error(at, code, message).help(help);
    }
}

/// A line that is neither a key nor an item, as deep as it stands: what it is, and what to write.
fn no_key(here: Span, line: &str) -> (Span, Text, Text) {
    if line.trim_start().starts_with("- ") {
        let message = text!("an item of a list that stands further in or out than the others");
        return (here, message, text!("put its `- ` exactly below theirs"));
    }
    let message = text!("a key should stand here, as deep as the others of its mapping");
    let help = text!("write `key: value`, with `: ` between, and indent it like its neighbours");
    (here, message, help)
}

/// A plain value that begins with a character which means something to YAML.
fn begins_with(at: Span, near: &Near, lines: &Lines<'_>, report: &mut Report) -> Option<Repair> {
    let value = lines.value_from(at.line, at.column, !near.flow.is_empty());
    let at = Span { len: Lines::count(value), ..at };
    let begin = value.chars().next()?;
    let why = match begin {
        '!' => text!("YAML takes it for a tag; files of simpul have none"),
        '*' => text!("YAML takes it for an alias; files of simpul have none"),
        '&' => text!("YAML takes it for an anchor; files of simpul have none"),
        '[' => text!("YAML takes it for a list, which ends at its `]`"),
        '{' => text!("YAML takes it for a mapping, which ends at its `}`"),
        '\'' | '"' => text!("YAML ends the value at the closing quote"),
        '|' | '>' => text!("YAML takes it for a block of lines"),
        '-' => text!("YAML takes it for an item of a list"),
        _ => text!("YAML reserves it"),
    };
    let message = match begin {
        '\'' | '"' => text!("text after the closing `{}` of a value", &begin),
        '-' => text!("a plain value cannot begin with `- `"),
        '`' => text!("a plain value cannot begin with a backquote"),
        _ => text!("a plain value cannot begin with `{}`", &begin),
    };
    let inner = value.strip_prefix('`').and_then(|it| it.strip_suffix('`'));
    let help = match (begin, inner) {
        ('`', Some(inner)) => text!("write `{}`: a text needs no backquotes", &quoted(inner)),
        ('|', _) if value.starts_with("| ") => {
            text!("a pipe needs a value before it: `$.name {}`", value)
        }
        _ => text!("write `{}`", &quoted(value)),
    };
    report.error(at, Code::Trap, message).label(why).help(help);
    Some(Repair(at))
}

/// A `: ` in a plain value, or a key that is indented as if it went on with the value above.
fn second_colon(here: Span, near: &Near, lines: &Lines<'_>, report: &mut Report) -> Option<Repair> {
    let start = near.scalar.filter(|it| it.line == here.line);
    let column = match start {
        Some(scalar) if near.plain => scalar.column,
        Some(_) => lines.value(here.line),
        None => {
            let indented = lines.line(here.line);
            let column = Lines::count(indented) - Lines::count(indented.trim_start()) + 1;
            let len = here.column.saturating_sub(column).max(1);
            let at = Span { column, len, ..here };
            let found =
                report.error(at, Code::Syntax, "a key that goes on with the value above it");
            found.help("indent it like the key that it stands beside");
            return None;
        }
    };
    let value = lines.value_from(here.line, column, false);
    let at = Span { column, len: Lines::count(value), ..here };
    let found = report.error(at, Code::Trap, "a plain value cannot hold `: `");
    found.label("YAML takes what stands before it for a key");
    found.help(text!("write `{}`", &quoted(value)));
    Some(Repair(at))
}

/// A bracket or brace inside a plain value that stands between braces.
fn in_flow(here: Span, near: &Near, lines: &Lines<'_>, report: &mut Report) -> Option<Repair> {
    let cut = lines.slice(here.line, here.column, Some(1));
    let touching = near
        .scalar
        .filter(|it| near.plain && it.line == here.line && it.column + it.len == here.column);
    let Some(scalar) = touching.filter(|_| matches!(cut, "[" | "{")) else {
        let message = text!("`,` or the end of the braces should stand here");
        let found = report.error(here, Code::Syntax, message);
        found.help("put quotes around a text that holds `,`, `[`, `]`, `{` or `}`");
        return None;
    };
    let value = lines.value_from(scalar.line, scalar.column, true);
    let at = Span { len: Lines::count(value), ..scalar };
    let message = text!("a plain value inside `{ }` or `[ ]` cannot hold `{}`", cut);
    let found = report.error(at, Code::Trap, message);
    found.label(text!("YAML ends the value before the `{}`", cut));
    found.help(text!("write `{}`", &quoted(value)));
    Some(Repair(at))
}
