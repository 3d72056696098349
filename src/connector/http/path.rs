//! Paths of targets: where the query begins, and that no message can lead a call elsewhere.

use std::ops::Range;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::literal::literal_letters;
use crate::diagnostic::{Text, text};

/// What may stand unencoded in what a `${…}` yields: the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes a value one segment of a path, or one value of a query: nothing of it means anything
/// there.
pub(super) fn encode(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

/// Leaves the value of a header as it is; one that no header can hold is refused when sent.
pub(super) fn as_it_is(value: &str) -> String {
    value.to_owned()
}

/// Why the path of a target is not one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathError {
    /// The bytes of the text that are wrong.
    pub at: Range<usize>,
    /// What is wrong.
    pub message: Text,
    /// What to write instead.
    pub help: Text,
}

/// Looks at the literal parts of a path: those outside `${…}`.
pub(super) fn check(text: &str) -> Result<(), PathError> {
    let error = |at, message, help| Err(PathError { at, message, help });
    if !text.starts_with('/') {
        let help = text!("write `/api/…`; the host stands in `url`");
        return error(0..text.len(), text!("a path begins with `/`"), help);
    }
    for (at, letter) in literal_letters(text) {
        let (message, help) = match letter {
            '#' => (text!("a path has no fragment"), text!("write `%23` for a literal `#`")),
            ' ' => (text!("a space in a path"), text!("write `%20`")),
            '\\' => (text!("a backslash in a path"), text!("write `/`")),
            it if it.is_control() => (text!("a control character in a path"), text!("take it out")),
            _ => continue,
        };
        return error(at..at + letter.len_utf8(), message, help);
    }
    if let Some((at, name)) = parameter(text) {
        let message = text!("`{}` is no parameter: it would be sent as it stands", name);
        let bare = name.trim_matches([':', '{', '}']);
        return error(at, message, text!("write `${$.{}}`", bare));
    }
    let path = &text[..query_start(text).unwrap_or(text.len())];
    let skeleton: String = literal_letters(path).map(|(_, letter)| letter).collect();
    if !is_safe(&skeleton, skeleton.ends_with('/')) {
        let message = text!("an empty segment, `.` or `..` in a path");
        return error(0..path.len(), message, text!("write the path that is meant"));
    }
    Ok(())
}

/// A parameter as OpenAPI or a web framework writes it: `{id}`, `:id`.
fn parameter(text: &str) -> Option<(Range<usize>, &str)> {
    let mut from = 0;
    for segment in text.split_inclusive('/') {
        let at = from;
        from += segment.len();
        let segment = segment.strip_suffix('/').unwrap_or(segment);
        let inner = segment.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        let inner = inner.or_else(|| segment.strip_prefix(':'));
        let is_name = |it: &str| {
            it.starts_with(|first: char| first.is_ascii_alphabetic())
                && it.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
        };
        if inner.is_some_and(is_name) {
            return Some((at..at + segment.len(), segment));
        }
    }
    None
}

/// Where the query begins: the first `?` outside `${…}`.
pub(super) fn query_start(text: &str) -> Option<usize> {
    literal_letters(text).find(|(_, letter)| *letter == '?').map(|(at, _)| at)
}

/// Whether what the message made of a path still is the path that its author meant: no empty
/// segment, none that leads upwards. Percent-encoding cannot prevent either: `..` has no letter
/// that needs encoding, and `%2e%2e` means the same.
pub(super) fn is_safe(path: &str, ends_with_slash: bool) -> bool {
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = if ends_with_slash { inner.strip_suffix('/').unwrap_or(inner) } else { inner };
    // The path `/` itself has one empty segment.
    path == "/" && ends_with_slash
        || inner.split('/').all(|it| !it.is_empty() && !is_dot_segment(it))
}

fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_begins_at_the_first_question_mark_outside_expressions() {
        let query = |text: &str| query_start(text).map(|at| text[at..].to_owned());
        assert_eq!(query("/a/b"), None);
        assert_eq!(query("/a?x=1?2"), Some("?x=1?2".to_owned()));
        assert_eq!(query("/a/${$.b[?@.c == '}'].d}/e?f=${$.g}"), Some("?f=${$.g}".to_owned()));
        assert_eq!(query(r"/a/${$['\'?}']}"), None);
        assert_eq!(query("/a$${x?y}"), Some("?y}".to_owned()));
    }

    #[test]
    fn a_value_cannot_leave_its_segment() {
        assert_eq!(encode("KU.02/a?b#c%d e"), "KU.02%2Fa%3Fb%23c%25d%20e");
        assert_eq!(encode("Déwan"), "D%C3%A9wan");
        for path in ["/a/../b", "/a/%2E%2e", "/a/./b", "/a//b", "/a/", "/"] {
            assert!(!is_safe(path, false), "{path}");
        }
        for path in ["/a/b", "/a/..b", "/a/b.c"] {
            assert!(is_safe(path, false), "{path}");
        }
        assert!(is_safe("/a/", true) && is_safe("/", true));
        assert!(!is_safe("/a//", true));
    }

    #[test]
    fn the_literal_parts_of_a_path_are_looked_at_when_it_is_loaded() {
        for path in ["/", "/a", "/a/", "/a/${$.b}/c?d=${$.e | default('#')}", "/a?b=c//d"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        let wrong = |path| check(path).unwrap_err();
        assert_eq!(wrong("api/x").message, "a path begins with `/`");
        assert_eq!(wrong("/a b").at, 2..3);
        assert_eq!(wrong("/a#b").message, "a path has no fragment");
        assert_eq!(wrong("/${$.a}/../b").message, "an empty segment, `.` or `..` in a path");
        assert_eq!(wrong("/a//b").message, "an empty segment, `.` or `..` in a path");
    }
}
