//! Reads YAML into a [`Node`] tree. The only file that knows which YAML library we use.
//!
//! The library's events are used, not its deserializer: they tell the place and the style of
//! every scalar, and leave its text alone.

use serde::de::DeserializeOwned;
use serde_saphyr::granit_parser::{
    ErrorKind, Event, Parser, ScalarStyle, ScanError, Span as Range, StructureStyle, options,
};

use super::{
    Node, Report, Scalar, Span, Style,
    decode::decode,
    format::{Token, TokenKind},
    trap::{Broken, Lines, Near},
    tree::Tree,
};

/// How deep lists and mappings may be nested: more than any file needs, and little enough for
/// functions that call themselves.
const DEPTH_MAX: usize = 64;

/// Syntax errors of one file that are looked for.
const REPAIRS_MAX: usize = 100;

/// Reads one YAML document, adding everything wrong with it to `report` (which is in that file).
///
/// `None` if anything is wrong with it; then `report` has an error.
pub fn read<T: DeserializeOwned>(text: &str, report: &mut Report) -> Option<T> {
    let before = report.errors();
    let value = decode(&parse(text, report)?, report)?;
    (report.errors() == before).then_some(value)
}

/// Reads one YAML document as a tree, adding everything wrong with it to `report`. What could not
/// be read stands at [`Span::NOWHERE`]. `None` if the rest cannot be read for it.
pub fn parse(text: &str, report: &mut Report) -> Option<Node> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::new(text);
    let mut repaired = text.to_owned();
    let mut repairs = Vec::new();
    loop {
        // Found anew by each round, so only those of the last one count.
        let mut tree = Tree::new(&lines, &repairs);
        let Err((broken, near)) = build(&repaired, &mut tree) else {
            return Some(tree.finish(report));
        };
        let repair = broken.report(&near, &lines, report);
        match repair.filter(|it| repairs.len() < REPAIRS_MAX && !repairs.contains(it)) {
            Some(repair) => {
                repaired = repair.apply(&repaired);
                repairs.push(repair);
            }
            None => {
                tree.finish(report);
                return None;
            }
        }
    }
}

/// What stands in a text that [`parse`] takes, piece by piece; `None` if it does not take it.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let options = options! { block_nesting_limit: DEPTH_MAX, flow_nesting_limit: DEPTH_MAX };
    let mut tokens = Vec::new();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, range) = event.ok()?;
        let kind = match event {
            Event::Scalar(value, style, ..) => {
                let scalar = scalar(&value, style, &range);
                TokenKind::Scalar { scalar, double: style == ScalarStyle::DoubleQuoted }
            }
            Event::SequenceStart(style, ..) => TokenKind::Open { map: false, flow: flow(style) },
            Event::MappingStart(style, ..) => TokenKind::Open { map: true, flow: flow(style) },
            Event::SequenceEnd | Event::MappingEnd => TokenKind::Close,
            _ => continue,
        };
        let (start, end) = (range.start.index(), range.end.index());
        tokens.push(Token { kind, start, end, column: range.start.col() });
    }
    Some(tokens)
}

fn build(text: &str, tree: &mut Tree<'_>) -> Result<(), (Broken, Near)> {
    let options = options! {
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        disallow_directives: true,
        block_nesting_limit: DEPTH_MAX,
        flow_nesting_limit: DEPTH_MAX,
    };
    let mut near = Near::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, range) = match event {
            Ok(event) => event,
            Err(error) => return Err(broken(&error, near)),
        };
        note(&event, &range, &mut near);
        let tag = range.tag_start().is_some().then(|| range.tag_span().unwrap_or(range));
        if let Some(tag) = tag {
            tree.tag(span(&tag));
        }
        match event {
            Event::DocumentStart(..) if !tree.is_empty() => {
                tree.second_document(span(&range));
                return Ok(());
            }
            Event::Scalar(value, style, anchor, _) => {
                let damaged = tag.is_some() || anchor != 0;
                tree.scalar(scalar(&value, style, &range), place(&value, style, &range), damaged);
            }
            Event::SequenceStart(style, ..) => tree.open(span(&range), flow(style), false),
            Event::MappingStart(style, ..) => tree.open(span(&range), flow(style), true),
            Event::SequenceEnd | Event::MappingEnd => tree.close(end(&range)),
            Event::Alias(_) | Event::UnresolvedAlias(_) => tree.alias(span(&range)),
            Event::Anchor(..) => tree.anchor(span(&range)),
            _ => {}
        }
        if let Some(at) = tree.too_deep(DEPTH_MAX) {
            return Err((Broken::TooDeep, Near { line: at.line, column: at.column, ..near }));
        }
    }
    Ok(())
}

/// Keeps what a syntax error may have to do with.
fn note(event: &Event<'_>, range: &Range, near: &mut Near) {
    let at = span(range);
    near.after_flow = None;
    match event {
        Event::Scalar(_, style, ..) => {
            near.scalar = Some(at);
            near.plain = *style == ScalarStyle::Plain;
        }
        Event::SequenceStart(StructureStyle::Flow, ..)
        | Event::MappingStart(StructureStyle::Flow, ..)
            if at.len > 0 =>
        {
            near.flow.push(at);
        }
        Event::SequenceEnd | Event::MappingEnd if at.len > 0 => {
            near.after_flow = near.flow.pop().filter(|_| near.flow.is_empty());
        }
        _ => {}
    }
}

fn broken(error: &ScanError, near: Near) -> (Broken, Near) {
    use ErrorKind as Kind;
    let near = Near {
        line: number(error.marker().line()),
        column: number(error.marker().col() + 1),
        ..near
    };
    let broken = match error.kind() {
        Kind::UnexpectedCharacter { .. } => Broken::Reserved,
        Kind::MappingValueNotAllowed | Kind::InvalidColonPlacement if near.flow.is_empty() => {
            Broken::SecondColon
        }
        Kind::InvalidTrailingSingleQuotedScalar | Kind::InvalidTrailingDoubleQuotedScalar => {
            Broken::AfterQuote
        }
        Kind::InvalidBlockScalarHeader => Broken::BlockHeader,
        Kind::TabInBlockIndentation
        | Kind::TabInIndentation
        | Kind::TabNotAllowed
        | Kind::TabInPlainScalar
        | Kind::TabAtBlockScalarStart => Broken::Tab,
        Kind::UnclosedQuotedScalar | Kind::InvalidQuotedScalarIndent => Broken::OpenQuote,
        Kind::UnknownQuotedScalarEscape
        | Kind::InvalidQuotedScalarHexEscape
        | Kind::InvalidUnicodeEscape => Broken::Escape,
        Kind::BlockSequenceEntryNotAllowed | Kind::InvalidBlockEntryWhitespace => Broken::Item,
        Kind::ExpectedFlowMappingSeparator | Kind::ExpectedFlowSequenceSeparator => Broken::InFlow,
        Kind::UnexpectedEofFlowSequence
        | Kind::UnexpectedEofFlowMapping
        | Kind::UnexpectedEofImplicitFlowMapping
        | Kind::UnclosedFlowCollection { .. }
        | Kind::InvalidFlowScalarIndent
        | Kind::InvalidColonPlacement => Broken::OpenFlow,
        Kind::ExpectedBlockMappingKey
        | Kind::SimpleKeyExpected
        | Kind::InvalidSimpleKey
        | Kind::InvalidIndentation
        | Kind::MappingKeyNotAllowed => Broken::Key,
        Kind::ExpectedBlockSequenceEntry => Broken::NoItem,
        Kind::DirectiveDisallowed => Broken::Directive,
        Kind::RecursionLimitExceeded => Broken::TooDeep,
        _ => Broken::Other(error.info().to_owned()),
    };
    (broken, near)
}

fn flow(style: StructureStyle) -> bool {
    style == StructureStyle::Flow
}

fn scalar(value: &str, style: ScalarStyle, range: &Range) -> Scalar {
    let empty = style == ScalarStyle::Plain && range.start.index() == range.end.index();
    let style = match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    };
    // For what is not there the library says `~`.
    Scalar { text: if empty { String::new() } else { value.to_owned() }, style }
}

/// The place of a scalar. Its length is that of `value` exactly where `value` stands in the file
/// character by character; [`Span::within`] relies on it.
fn place(value: &str, style: ScalarStyle, range: &Range) -> Span {
    let whole = span(range);
    let text = number(value.trim_end_matches('\n').chars().count());
    let lines = range.end.line() - range.start.line();
    match style {
        ScalarStyle::Plain if lines == 0 => whole,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
            if lines == 0 && whole.len == text + 2 && text > 0 =>
        {
            Span { column: whole.column + 1, len: text, ..whole }
        }
        ScalarStyle::Literal => Span { len: text, ..whole },
        ScalarStyle::Folded if lines <= 1 => Span { len: text, ..whole },
        _ => Span { len: whole.len.max(text + 1), ..whole },
    }
}

fn span(range: &Range) -> Span {
    let len = range.end.index().saturating_sub(range.start.index());
    let column = number(range.start.col() + 1);
    Span { line: number(range.start.line()), column, len: number(len) }
}

fn end(range: &Range) -> (u32, u32) {
    (number(range.end.line()), number(range.end.col() + 1))
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Located, NodeKind};

    /// What stands at the place that is told for `part` of the only value of a file.
    fn marked<'a>(text: &'a str, part: &str) -> Option<&'a str> {
        let node = parse(text, &mut Report::default()).unwrap();
        let NodeKind::Map(entries) = node.kind else { panic!("{text}") };
        let NodeKind::Scalar(scalar) = &entries[0].1.kind else { panic!("{text}") };
        let start = scalar.text.find(part).unwrap();
        let at = entries[0].1.at.within(&scalar.text, start..start + part.len());
        let lines = Lines::new(text);
        (at.len == u32::try_from(part.chars().count()).unwrap())
            .then(|| lines.slice(at.line, at.column, Some(at.len)))
    }

    #[test]
    fn a_part_of_a_value_is_found_in_the_file_however_the_value_is_written() {
        for text in [
            "a: $.x = 'é' = $.y",
            "a: \"$.x = 'é' = $.y\"",
            "a: '$.x = \"é\" = $.y'",
            "a: |\n  $.x\n  = 'é' = $.y\n",
            "a: >-\n  $.x = 'é' = $.y\n",
            "é: 龍 $.x = $.y",
        ] {
            assert_eq!(marked(text, "$.y"), Some("$.y"), "{text}");
        }
    }

    #[test]
    fn where_the_file_holds_escapes_or_folded_lines_the_whole_value_is_marked() {
        for text in
            ["a: '$.x = ''é'' = $.y'", "a: \"\\u0041 $.y\"", "a: >-\n  $.x\n  $.y\n", "a: b\n  $.y"]
        {
            assert_eq!(marked(text, "$.y"), None, "{text}");
        }
    }

    #[test]
    fn keys_and_values_keep_their_places() {
        #[derive(serde::Deserialize)]
        struct File {
            list: Vec<Located<String>>,
            empty: Option<Node>,
        }
        let text = "# é\nlist:\n  - é: x\n";
        let mut report = Report::default();
        assert!(read::<File>(text, &mut report).is_none());
        let found = report.into_sorted();
        assert_eq!(found[0].at, Span { line: 3, column: 5, len: 1 });

        let file: File = read("list: [é, \"y\"]\nempty: { }", &mut Report::default()).unwrap();
        let places: Vec<_> = file.list.iter().map(|it| (it.at.column, it.at.len)).collect();
        assert_eq!(places, [(8, 1), (12, 1)]);
        assert_eq!(file.empty.unwrap().at, Span { line: 2, column: 8, len: 3 });
    }
}
