//! A place in the body where a step puts a value.

use super::{
    Rejected, kind_of,
    path::{Selector, parse},
    text::show_syntax_error,
};
use crate::{
    diagnostic::{Code, Located, Report, Span, text},
    message::{Arena, Value},
    typing::{DEPTH_MAX, Step, Type},
};

/// One place in the body: `$.a.b`, `$.items[0].note`.
#[derive(Debug)]
pub(super) struct Place {
    text: String,
    at: Span,
    way: Vec<Way>,
}

#[derive(Debug)]
enum Way {
    Name(String),
    Index(i64),
}

impl Place {
    /// Compiles a path that names one place, adding what is wrong with it to `report`.
    pub(super) fn compile(text: &Located<String>, report: &mut Report) -> Option<Self> {
        let segments = match parse(&text.value) {
            Ok(segments) => segments,
            Err(error) => {
                show_syntax_error(text, &error, report);
                return None;
            }
        };
        let way = segments.into_iter().map(|it| match it.selector {
            Selector::Name(name) if !it.anywhere => Some(Way::Name(name)),
            Selector::Index(number) if !it.anywhere => Some(Way::Index(number)),
            _ => None,
        });
        let Some(way) = way.collect() else {
            report
                .error(text.at, Code::WrongKind, text!("`{}` names many places", &text.value))
                .label("a value is put into one place")
                .help("write a path of names and numbers, without `*` and `..`");
            return None;
        };
        Some(Self { text: text.value.clone(), at: text.at, way })
    }

    /// Objects and arrays around what is put there.
    pub(super) fn depth(&self) -> usize {
        self.way.len()
    }

    /// The path as written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// `body` with `value` at this place; objects are made on the way where there is nothing or
    /// null. What does not change is not copied.
    ///
    /// # Errors
    ///
    /// [`Rejected`] where something else than an object is in the way, or an array has no such
    /// item.
    pub(super) fn set<'a>(
        &self,
        body: Value<'a>,
        value: Value<'a>,
        arena: &'a Arena,
    ) -> Result<Value<'a>, Rejected> {
        set(Some(body), &self.way, value, arena).map_err(|wrong| wrong.in_field(&self.text))
    }
}

impl Place {
    /// What `body` is like with `value` at this place; adds to `report` where it never can be.
    pub(super) fn infer(&self, body: &Type, value: &Type, report: &mut Report) -> Type {
        let way: Vec<_> = self.way.iter().map(Way::typed).collect();
        if body.has_no_value() {
            return Type::default();
        }
        let changed = match way.split_at_checked(DEPTH_MAX) {
            Some((followed, more)) if !more.is_empty() => {
                let marks = value.all_marks() | body.all_marks();
                body.with(followed, &Type::anything().marked(marks))
            }
            _ => body.with(&way, value),
        };
        changed.unwrap_or_else(|| {
            let message = text!("nothing can be put at `{}`", &self.text);
            let found = report.error(self.at, Code::NoSuchPlace, message);
            found.label("what is on the way there is neither an object nor such an array");
            found.help("put it beside, or `remove` what is in the way");
            Type::default()
        })
    }
}

impl Way {
    fn typed(&self) -> Step<'_> {
        match self {
            Self::Name(name) => Step::Name(name),
            Self::Index(index) => Step::Index(*index),
        }
    }
}

fn set<'a>(
    old: Option<Value<'a>>,
    way: &[Way],
    value: Value<'a>,
    arena: &'a Arena,
) -> Result<Value<'a>, Rejected> {
    let Some((first, rest)) = way.split_first() else {
        return Ok(value);
    };
    match (first, old) {
        (Way::Name(name), Some(Value::Object(members))) => {
            let found = members.iter().position(|(key, _)| key == name);
            let inner = found.and_then(|it| members.get(it)).map(|(_, value)| *value);
            let inner = set(inner, rest, value, arena)?;
            let mut members = members.to_vec();
            match found.and_then(|it| members.get_mut(it)) {
                Some(member) => member.1 = inner,
                None => members.push((arena.text(name)?, inner)),
            }
            Ok(Value::Object(arena.slice(&members)?))
        }
        (Way::Name(name), None | Some(Value::Null)) => {
            let inner = set(None, rest, value, arena)?;
            Ok(Value::Object(arena.slice(&[(arena.text(name)?, inner)])?))
        }
        (Way::Index(number), Some(Value::Array(items))) => {
            let mut items = items.to_vec();
            match index(*number, items.len()).and_then(|it| items.get_mut(it)) {
                Some(item) => *item = set(Some(*item), rest, value, arena)?,
                None => return Err(Rejected::because(format!("the array has no item {number}"))),
            }
            Ok(Value::Array(arena.slice(&items)?))
        }
        (Way::Name(name), Some(other)) => {
            Err(Rejected::because(format!("`{name}` would be put into {}", kind_of(other))))
        }
        (Way::Index(number), old) => {
            let into = old.map_or("nothing", kind_of);
            Err(Rejected::because(format!("item {number} would be put into {into}")))
        }
    }
}

/// The place in an array of `length` that a number names; negative ones count from the end.
pub(super) fn index(number: i64, length: usize) -> Option<usize> {
    let from_start = match number {
        0.. => usize::try_from(number).ok(),
        _ => length.checked_sub(usize::try_from(number.unsigned_abs()).ok()?),
    };
    from_start.filter(|it| *it < length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnostic::Span,
        message::{JsonWriter, Limits, parse as parse_body},
    };

    fn put(path: &str, body: &str) -> String {
        let text = Located { value: path.to_owned(), at: Span::default() };
        let place = Place::compile(&text, &mut Report::default()).unwrap();
        let arena = Arena::with_limit(1 << 16);
        let body = parse_body(&arena, body.as_bytes(), &Limits::default()).unwrap();
        match place.set(body, Value::Text("X"), &arena) {
            Ok(value) => String::from_utf8(JsonWriter::to_vec(value)).unwrap(),
            Err(rejected) => rejected.to_string(),
        }
    }

    #[test]
    fn a_value_is_put_in_its_place_and_the_rest_stays_in_order() {
        assert_eq!(put("$.b", r#"{"a":1.0,"b":{"c":2},"d":3}"#), r#"{"a":1.0,"b":"X","d":3}"#);
        assert_eq!(put("$.e", r#"{"a":1}"#), r#"{"a":1,"e":"X"}"#);
        assert_eq!(put("$.b.c", r#"{"b":{"a":1,"c":2}}"#), r#"{"b":{"a":1,"c":"X"}}"#);
        assert_eq!(put("$['b c']", "{}"), r#"{"b c":"X"}"#);
        assert_eq!(put("$.a[1].b", r#"{"a":[1,{},3]}"#), r#"{"a":[1,{"b":"X"},3]}"#);
        assert_eq!(put("$[-1]", "[1,2]"), r#"[1,"X"]"#);
    }

    #[test]
    fn objects_are_made_on_the_way_where_there_is_nothing_or_null() {
        assert_eq!(put("$.a.b.c", r#"{"z":1}"#), r#"{"z":1,"a":{"b":{"c":"X"}}}"#);
        assert_eq!(put("$.a.b", r#"{"a":null}"#), r#"{"a":{"b":"X"}}"#);
        assert_eq!(put("$.a", "null"), r#"{"a":"X"}"#);
    }

    #[test]
    fn what_is_in_the_way_is_not_overwritten() {
        let cases = [
            ("$.a.b", r#"{"a":"x"}"#, "field `$.a.b`: `b` would be put into a text"),
            ("$.a.b", r#"{"a":[1]}"#, "field `$.a.b`: `b` would be put into an array"),
            ("$.a", "[]", "field `$.a`: `a` would be put into an array"),
            ("$.a[0]", "{}", "field `$.a[0]`: item 0 would be put into nothing"),
            ("$.a[0]", r#"{"a":{}}"#, "field `$.a[0]`: item 0 would be put into an object"),
            ("$[2]", "[1,2]", "field `$[2]`: the array has no item 2"),
            ("$[-3]", "[1,2]", "field `$[-3]`: the array has no item -3"),
        ];
        for (path, body, expected) in cases {
            assert_eq!(put(path, body), expected, "{path} {body}");
        }
    }

    #[test]
    fn a_value_cannot_be_put_into_many_places() {
        for path in ["$.a[*].b", "$..b", "$.*"] {
            let text = Located { value: path.to_owned(), at: Span::default() };
            let mut report = Report::default();
            assert!(Place::compile(&text, &mut report).is_none());
            let found = report.into_sorted();
            assert_eq!(found[0].message.english(), format!("`{path}` names many places"));
        }
    }
}
