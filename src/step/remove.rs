//! `remove`: takes fields out of the body.

use super::{
    Flow, Rejected, Step,
    path::{Segment, Selector, parse},
    place::index,
    text::show_syntax_error,
};
use crate::{
    diagnostic::{Code, Located, Report},
    expr::Scope,
    message::{Arena, ArenaFull, Value},
};

pub(super) fn compile(
    paths: &Located<Vec<Located<String>>>,
    report: &mut Report,
) -> Option<Box<dyn Step>> {
    if paths.value.is_empty() {
        report
            .error(paths.at, Code::Missing, "a `remove` without paths")
            .label("nothing would ever be taken out")
            .help("write what to take out: `remove: [$.nik]`");
        return None;
    }
    let mut compiled = Vec::new();
    for text in &paths.value {
        match parse(&text.value) {
            Ok(path) => compiled.push(path),
            Err(error) => show_syntax_error(text, &error, report),
        }
    }
    (compiled.len() == paths.value.len())
        .then(|| Box::new(Remove { paths: compiled }) as Box<dyn Step>)
}

struct Remove {
    paths: Vec<Vec<Segment>>,
}

impl Step for Remove {
    fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Flow<'a>, Rejected> {
        let mut body = scope.body;
        for path in &self.paths {
            body = without(body, path, scope.arena)?.unwrap_or(body);
        }
        Ok(Flow::Next(body))
    }

    fn can_fail(&self) -> bool {
        false
    }
}

/// `value` without what `path` names in it; `None` where it names nothing, so that nothing is
/// copied in vain.
fn without<'a>(
    value: Value<'a>,
    path: &[Segment],
    arena: &'a Arena,
) -> Result<Option<Value<'a>>, ArenaFull> {
    let Some((segment, rest)) = path.split_first() else {
        return Ok(None);
    };
    let here = without_here(value, &segment.selector, rest, arena)?;
    if !segment.anywhere {
        return Ok(here);
    }
    // The same again in everything that is left.
    let below = each_inside(here.unwrap_or(value), arena, |_, inner| {
        Ok(match without(inner, path, arena)? {
            Some(changed) => Kept::As(changed),
            None => Kept::Unchanged,
        })
    })?;
    Ok(below.or(here))
}

fn without_here<'a>(
    value: Value<'a>,
    selector: &Selector,
    rest: &[Segment],
    arena: &'a Arena,
) -> Result<Option<Value<'a>>, ArenaFull> {
    let item = match (selector, value) {
        (Selector::Index(number), Value::Array(items)) => index(*number, items.len()),
        _ => None,
    };
    each_inside(value, arena, |key, inner| {
        let is_chosen = match (selector, key) {
            (Selector::All, _) => true,
            (Selector::Name(name), Key::Name(key)) => name == key,
            (Selector::Index(_), Key::Index(index)) => item == Some(index),
            _ => false,
        };
        if !is_chosen {
            return Ok(Kept::Unchanged);
        }
        if rest.is_empty() {
            return Ok(Kept::Not);
        }
        Ok(without(inner, rest, arena)?.map_or(Kept::Unchanged, Kept::As))
    })
}

enum Key<'k> {
    Name(&'k str),
    Index(usize),
}

/// What becomes of a member or item.
enum Kept<'a> {
    Unchanged,
    As(Value<'a>),
    Not,
}

/// An array or object with each thing in it kept as `keep` says; `None` when all is unchanged.
fn each_inside<'a>(
    value: Value<'a>,
    arena: &'a Arena,
    keep: impl Fn(Key<'_>, Value<'a>) -> Result<Kept<'a>, ArenaFull>,
) -> Result<Option<Value<'a>>, ArenaFull> {
    let mut changed = false;
    let mut kept = |key: Key<'_>, value| -> Result<Option<Value<'a>>, ArenaFull> {
        let decision = keep(key, value)?;
        changed |= !matches!(decision, Kept::Unchanged);
        Ok(match decision {
            Kept::Unchanged => Some(value),
            Kept::As(other) => Some(other),
            Kept::Not => None,
        })
    };
    match value {
        Value::Array(items) => {
            let mut left = Vec::new();
            for (index, item) in items.iter().enumerate() {
                left.extend(kept(Key::Index(index), *item)?);
            }
            changed.then(|| arena.slice(&left).map(Value::Array)).transpose()
        }
        Value::Object(members) => {
            let mut left = Vec::new();
            for (key, member) in members {
                left.extend(kept(Key::Name(key), *member)?.map(|it| (*key, it)));
            }
            changed.then(|| arena.slice(&left).map(Value::Object)).transpose()
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{JsonWriter, Limits, parse as parse_body};

    fn removed(path: &str, body: &str) -> String {
        let arena = Arena::with_limit(1 << 16);
        let body = parse_body(&arena, body.as_bytes(), &Limits::default()).unwrap();
        let value = without(body, &parse(path).unwrap(), &arena).unwrap();
        String::from_utf8(JsonWriter::to_vec(value.unwrap_or(body))).unwrap()
    }

    #[test]
    fn what_a_path_names_is_gone_and_the_rest_stays_in_order() {
        assert_eq!(removed("$.b", r#"{"a":1.0,"b":{"c":2},"d":3}"#), r#"{"a":1.0,"d":3}"#);
        assert_eq!(removed("$.b.c", r#"{"b":{"c":2,"d":3}}"#), r#"{"b":{"d":3}}"#);
        assert_eq!(removed("$.a[1]", r#"{"a":[1,2,3]}"#), r#"{"a":[1,3]}"#);
        assert_eq!(removed("$[-1]", "[1,2,3]"), "[1,2]");
        assert_eq!(
            removed("$.a[*].b", r#"{"a":[{"b":1},{"c":2},{"b":3,"d":4}]}"#),
            r#"{"a":[{},{"c":2},{"d":4}]}"#
        );
        assert_eq!(removed("$.*", r#"{"a":1,"b":[2]}"#), "{}");
        assert_eq!(removed("$.a[*]", r#"{"a":[1,2]}"#), r#"{"a":[]}"#);
    }

    #[test]
    fn two_dots_find_a_name_at_every_depth() {
        let body = r#"{"nik":1,"a":{"nik":{"nik":2},"x":[{"nik":3,"y":4},[{"nik":5}]]}}"#;
        assert_eq!(removed("$..nik", body), r#"{"a":{"x":[{"y":4},[{}]]}}"#);
        assert_eq!(removed("$..x[0].y", body), body.replace(r#","y":4"#, ""));
        assert_eq!(removed("$..*", body), "{}");
        assert_eq!(removed("$..[0]", "[[1,2],[[3,4]]]"), "[[]]");
    }

    #[test]
    fn what_is_not_there_need_not_be_removed() {
        for path in ["$.z", "$.a.z", "$.a[0]", "$[0]", "$..z", "$.b.c", "$.c[7]", "$.c[-3].x"] {
            let body = r#"{"a":{"b":1},"b":null,"c":[1,2]}"#;
            assert_eq!(removed(path, body), body, "{path}");
        }
    }

    #[test]
    fn nothing_is_copied_where_nothing_is_removed() {
        let arena = Arena::with_limit(1 << 16);
        let body = parse_body(&arena, br#"{"a":[1,2,{"b":3}]}"#, &Limits::default()).unwrap();
        for path in ["$.z", "$..z", "$.a[*].z"] {
            assert_eq!(without(body, &parse(path).unwrap(), &arena), Ok(None));
        }
    }
}
