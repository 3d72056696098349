//! Two bodies, field by field.

use crate::{
    diagnostic::{Text, text},
    message::{JsonWriter, Value},
};

/// Letters of a value that are shown.
const SHOWN_MAX: usize = 200;

/// Differences that are shown of one body.
const LINES_MAX: usize = 20;

/// What differs between what is wanted and what came; with `is_whole` also what came beside it.
/// Numbers are compared as they are written, members in any order.
pub(super) fn compare(wanted: Value<'_>, got: Value<'_>, is_whole: bool) -> Vec<Text> {
    let mut comparing = Comparing { is_whole, lines: Vec::new() };
    comparing.value("", wanted, got);
    let more = comparing.lines.len().saturating_sub(LINES_MAX);
    comparing.lines.truncate(LINES_MAX);
    if 0 < more {
        comparing.lines.push(text!("and {} more", &more));
    }
    comparing.lines
}

struct Comparing {
    is_whole: bool,
    lines: Vec<Text>,
}

impl Comparing {
    fn value(&mut self, path: &str, wanted: Value<'_>, got: Value<'_>) {
        match (wanted, got) {
            (Value::Object(wanted), Value::Object(got)) => self.object(path, wanted, got),
            (Value::Array(wanted), Value::Array(got)) => self.array(path, wanted, got),
            (Value::Number(left), Value::Number(right)) if left.text() == right.text() => {}
            (Value::Text(left), Value::Text(right)) if left == right => {}
            (Value::Bool(left), Value::Bool(right)) if left == right => {}
            (Value::Null, Value::Null) => {}
            _ => {
                let (wanted, got) = (shown(wanted), shown(got));
                self.lines.push(text!("{}: expected {}, got {}", named(path), &wanted, &got));
            }
        }
    }

    fn object(&mut self, path: &str, wanted: &[(&str, Value<'_>)], got: &[(&str, Value<'_>)]) {
        for (name, value) in wanted {
            let path = joined(path, name);
            match got.iter().find(|(it, _)| it == name) {
                Some((_, came)) => self.value(&path, *value, *came),
                None => {
                    self.lines.push(text!("{}: expected {}, got nothing", &path, &shown(*value)));
                }
            }
        }
        let beside = got.iter().filter(|(name, _)| wanted.iter().all(|(it, _)| it != name));
        for (name, value) in beside.filter(|_| self.is_whole) {
            let path = joined(path, name);
            self.lines.push(text!("{}: expected nothing, got {}", &path, &shown(*value)));
        }
    }

    fn array(&mut self, path: &str, wanted: &[Value<'_>], got: &[Value<'_>]) {
        if wanted.len() != got.len() {
            let (path, wanted, got) = (named(path), wanted.len(), got.len());
            return self.lines.push(text!("{}: expected {} items, got {}", path, &wanted, &got));
        }
        for (index, (wanted, got)) in wanted.iter().zip(got).enumerate() {
            self.value(&format!("{path}[{index}]"), *wanted, *got);
        }
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn named(path: &str) -> Text {
    if path.is_empty() { text!("the whole") } else { text!("{}", path) }
}

fn shown(value: Value<'_>) -> String {
    let text = JsonWriter::to_vec(value);
    let text = String::from_utf8_lossy(&text);
    if text.chars().count() <= SHOWN_MAX {
        return text.into_owned();
    }
    text.chars().take(SHOWN_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Arena, Limits, parse};

    fn told(wanted: &str, got: &str, is_whole: bool) -> String {
        let arena = Arena::with_limit(1 << 20);
        let value = |text: &str| {
            parse(&arena, arena.text(text).unwrap().as_bytes(), &Limits::default()).unwrap()
        };
        {
            let lines = compare(value(wanted), value(got), is_whole);
            lines.iter().map(Text::english).collect::<Vec<_>>().join("\n")
        }
    }

    #[test]
    fn every_difference_is_told_by_the_path_of_its_field() {
        let wanted = r#"{"a":1.0,"b":{"c":[1,2]},"d":null,"e":"x"}"#;
        let got = r#"{"e":"y","a":1,"b":{"c":[1,3],"z":true},"f":[]}"#;
        insta::assert_snapshot!(told(wanted, got, true), @r#"
        a: expected 1.0, got 1
        b.c[1]: expected 2, got 3
        b.z: expected nothing, got true
        d: expected null, got nothing
        e: expected "x", got "y"
        f: expected nothing, got []
        "#);
        insta::assert_snapshot!(told("[1]", "{}", true), @"the whole: expected [1], got {}");
    }

    #[test]
    fn what_stands_beside_a_part_does_not_matter() {
        assert_eq!(told(r#"{"a":[{"b":1}]}"#, r#"{"a":[{"b":1,"c":2}],"d":3}"#, false), "");
        assert_ne!(told(r#"{"a":[]}"#, r#"{"a":[{}]}"#, false), "");
    }
}
