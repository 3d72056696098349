//! A first `map` between two schemas, by the names and types of their fields. Each guess says that it
//! is one, and none is left that `check` would refuse.

use std::cell::Cell;

use super::{
    doc::Doc,
    drawn::{Choice, Drawn, Open, hold, lacking, lines, made, prune},
    words::{Alike, alike},
    yaml::text,
};
use crate::{diagnostic::Report, step::Schema};

/// Objects and arrays inside each other that are looked into: a schema may refer to itself.
const DEPTH_MAX: usize = 8;

/// Fields of either side that are looked at: a schema that refers to itself in many places has
/// millions, and who maps a thousand by hand has other means.
const FIELDS_MAX: usize = 1_000;

/// How alike two fields must be for a guess.
const LIKELY: f64 = 0.38;

/// What names count for less, for each level that one stands deeper than the other.
const LEVEL: f64 = 0.04;

/// A drafted `map`.
pub(super) struct Guess {
    /// Its lines, without indentation before the outermost.
    pub(super) lines: Vec<String>,
    /// How many fields got a value.
    pub(super) made: usize,
    /// Fields that the target requires and that got none.
    pub(super) lacking: Vec<String>,
}

/// A field of the source.
struct Field<'d> {
    /// `$.a.b`, `@.c`.
    path: String,
    names: Vec<&'d str>,
    schema: &'d Doc,
    /// Whether every message has it.
    required: bool,
}

impl Field<'_> {
    /// How much it is alike one called `name`. A sender may also be the name of the sender.
    fn alike(&self, name: &str) -> Option<(f64, Alike)> {
        let last = self.names.last().copied().unwrap_or_default();
        let named = alike("nama", last).is_some_and(|(_, why)| why != Alike::Nearly);
        let parent = self.names.len().checked_sub(2).and_then(|it| self.names.get(it));
        let of_named =
            || alike(name, parent.filter(|_| named)?).map(|(it, _)| (it * 0.6, Alike::Nearly));
        alike(name, last).or_else(of_named)
    }

    /// What a field of the target may be set to from this one, the simplest first.
    fn choices(&self, to: &Doc, required: bool, (why, change): (Alike, &Change)) -> Vec<Choice> {
        let why = match why {
            Alike::Name => "same name",
            Alike::Meaning => "same meaning",
            Alike::Nearly => "alike",
        };
        let (path, Change { pipe, note }) = (&self.path, change);
        let mut ways = vec![((*pipe).to_owned(), (*note).to_owned())];
        if kind(self.schema) == ["string"] && to.text_at("format") == Some("date") {
            ways.push((" | date".to_owned(), ", as a day".to_owned()));
        }
        if let Some(Doc::Number(most)) = to.get("maxLength") {
            ways.push((format!("{pipe} | truncate({most})"), format!("{note}, cut to {most}")));
        }
        // What may be absent is told where it must not be: as a bad message, with the field's name.
        let must = if required { " | required" } else { "" };
        let plain = ways.iter().map(|(pipe, note)| {
            let must = if self.required { "" } else { must };
            (format!("{path}{pipe}{must}"), note.clone())
        });
        // Null before the functions, which take none, and null behind them, which `date` makes.
        let without_null = ways.iter().flat_map(|(pipe, note)| {
            let before = format!("=[{path}] | first{pipe}{must}");
            let behind = format!("=[{path}{pipe}] | first{must}");
            [before, behind].map(|it| (it, format!("{note}, null left out")))
        });
        let choice = |(value, note): (String, String)| Choice {
            value: text(&value),
            why: format!("{why}{note}"),
        };
        plain.chain(without_null).map(choice).collect()
    }
}

/// Two schemas, and how much was looked at so far.
struct Draft<'d> {
    from: &'d Doc,
    to: &'d Doc,
    drawn: Cell<usize>,
}

/// Draws the body that `to` asks for from messages that fit `from`.
pub(super) fn guess(from: &Doc, to: &Doc) -> Guess {
    let draft = Draft { from, to, drawn: Cell::new(0) };
    let mut fields = Vec::new();
    draft.collect(from, ("$", true), &[], &mut fields);
    let mut drawn = draft.object(to, &fields, &[]);
    let compile = |it: &Doc| Schema::compile(&it.pretty(), &mut Report::default());
    match compile(from).zip(compile(to)) {
        Some((from, to)) => hold(&mut drawn, &from, &to),
        None => prune(&mut drawn),
    }
    Guess { lines: lines(&drawn), made: made(&drawn), lacking: lacking(&drawn) }
}

impl<'d> Draft<'d> {
    /// The fields of a schema, those of objects inside it too.
    fn collect(
        &self,
        schema: &'d Doc,
        (path, required): (&str, bool),
        names: &[&'d str],
        fields: &mut Vec<Field<'d>>,
    ) {
        let schema = schema.resolved(self.from);
        let musts = schema.get("required").map(Doc::items).unwrap_or_default();
        for (name, property) in schema.get("properties").map(Doc::members).unwrap_or_default() {
            if FIELDS_MAX <= fields.len() {
                return;
            }
            let property = property.resolved(self.from);
            let required = required && musts.iter().any(|it| it.text() == Some(name));
            let path = format!("{path}{}", segment(name));
            let names = [names, &[name.as_str()]].concat();
            if names.len() < DEPTH_MAX && property.get("properties").is_some() {
                self.collect(property, (&path, required), &names, fields);
            }
            fields.push(Field { path, names, schema: property, required });
        }
    }

    /// The fields of an object that is called `names`, `[]` for the items of an array.
    fn object(&self, to: &'d Doc, fields: &[Field<'d>], names: &[&'d str]) -> Vec<Drawn> {
        let to = to.resolved(self.to);
        let musts = to.get("required").map(Doc::items).unwrap_or_default();
        let mut drawn = Vec::new();
        for (name, property) in to.get("properties").map(Doc::members).unwrap_or_default() {
            if FIELDS_MAX <= self.drawn.replace(self.drawn.get() + 1) {
                break;
            }
            let property = property.resolved(self.to);
            let names = [names, &[name.as_str()]].concat();
            let what = kind(property).join(" or ");
            let what = property.text_at("format").unwrap_or(&what).to_owned();
            let required = musts.iter().any(|it| it.text() == Some(name));
            let owned = names.iter().map(|it| (*it).to_owned()).collect();
            let open = Open { names: owned, what, required, refused: None };
            drawn.push(self.property(property, fields, &names, open));
        }
        drawn
    }

    /// A field, with a value where there is one.
    fn property(&self, to: &'d Doc, fields: &[Field<'d>], names: &[&'d str], open: Open) -> Drawn {
        if let Some(value) = only_value(to) {
            let why = "the schema allows this alone".to_owned();
            return Drawn::Value(open, vec![Choice { value, why }]);
        }
        if to.get("properties").is_some() && names.len() < DEPTH_MAX {
            return Drawn::Inside(open, None, self.object(to, fields, names));
        }
        let item = to.get("items").map(|it| it.resolved(self.to));
        if let Some(item) = item.filter(|it| it.get("properties").is_some())
            && names.len() < DEPTH_MAX
        {
            return self.each(item, fields, names, open);
        }
        match self.best(to, fields, names) {
            Some((field, why, change)) => {
                let choices = field.choices(to, open.required, (why, &change));
                Drawn::Value(open, choices)
            }
            None => Drawn::Open(open),
        }
    }

    /// An array of objects, from the array of objects that is most like it.
    fn each(&self, item: &'d Doc, fields: &[Field<'d>], names: &[&'d str], open: Open) -> Drawn {
        let name = names.last().copied().unwrap_or_default();
        let arrays = fields.iter().filter_map(|it| {
            let inner = it.schema.get("items")?.resolved(self.from);
            inner.get("properties")?;
            let (score, _) = alike(name, it.names.last().copied().unwrap_or_default())?;
            Some((score, it, inner))
        });
        let best = arrays.max_by(|left, right| left.0.total_cmp(&right.0));
        let Some((_, field, inner)) = best else { return Drawn::Open(open) };
        let mut of_item = Vec::new();
        self.collect(inner, ("@", true), &[], &mut of_item);
        let drawn = self.object(item, &of_item, &[names, &["[]"]].concat());
        Drawn::Inside(open, Some(format!("{}[*]", field.path)), drawn)
    }

    /// The field that is most like the one that is asked for.
    fn best<'f>(
        &self,
        to: &Doc,
        fields: &'f [Field<'d>],
        names: &[&str],
    ) -> Option<(&'f Field<'d>, Alike, Change)> {
        let name = names.last().copied().unwrap_or_default();
        // As from the item on, where there is one: `@` is like it.
        let names = names.rsplit(|it| *it == "[]").next().unwrap_or_default();
        let rated = fields.iter().filter_map(|field| {
            let (mut score, why) = field.alike(name)?;
            let change = Change::between(field.schema, to)?;
            // Under a like parent the same name is likelier, and far away it is less so.
            let parent = |names: &[&str]| {
                names.len().checked_sub(2).and_then(|it| names.get(it).map(|it| (*it).to_owned()))
            };
            if let (Some(left), Some(right)) = (parent(names), parent(&field.names)) {
                score += if alike(&left, &right).is_some() { 0.1 } else { -0.1 };
            }
            score -= LEVEL * names.len().abs_diff(field.names.len()) as f64;
            score -= if change.pipe.is_empty() { 0.0 } else { 0.1 };
            Some((score, field, why, change))
        });
        let rated = rated.filter(|it| LIKELY <= it.0);
        // The first of the best, in the order of the schema.
        let best = rated.reduce(|best, it| if best.0 < it.0 { it } else { best });
        best.map(|(_, field, why, change)| (field, why, change))
    }
}

/// What makes a value of one type one of another.
struct Change {
    pipe: &'static str,
    note: &'static str,
}

impl Change {
    /// Nothing if there is no sensible one.
    fn between(from: &Doc, to: &Doc) -> Option<Self> {
        let (left, right) = (kind(from), kind(to));
        let formats = (from.text_at("format"), to.text_at("format"));
        let one = |it: &[&str]| match it {
            [only] => Some((*only).to_owned()),
            _ => None,
        };
        let (pipe, note) = match (one(&left).as_deref(), one(&right).as_deref()) {
            (None, _) | (_, None) => ("", ", types to be seen"),
            (Some("string"), Some("string")) => match formats {
                (Some("date-time"), Some("date")) => (" | truncate(10)", ", the day alone"),
                (Some("date"), Some("date-time")) => return None,
                _ => ("", ""),
            },
            (Some("integer"), Some("number")) => ("", ""),
            (Some("number"), Some("integer")) => (" | round", ", rounded"),
            (Some("integer" | "number" | "boolean"), Some("string")) => (" | text", ", as text"),
            (Some("string"), Some("integer" | "number")) => (" | number", ", as a number"),
            (Some(left), Some(right)) if left == right => ("", ""),
            _ => return None,
        };
        Some(Self { pipe, note })
    }
}

/// The types that a schema allows but for null.
fn kind(schema: &Doc) -> Vec<&str> {
    let named: Vec<_> = match schema.get("type") {
        Some(Doc::Text(one)) => vec![one.as_str()],
        Some(Doc::List(several)) => several.iter().filter_map(Doc::text).collect(),
        _ if schema.get("properties").is_some() => vec!["object"],
        _ if schema.get("items").is_some() => vec!["array"],
        _ if schema
            .get("enum")
            .is_some_and(|it| it.items().iter().all(|it| it.text().is_some())) =>
        {
            vec!["string"]
        }
        _ => Vec::new(),
    };
    named.into_iter().filter(|it| *it != "null").collect()
}

/// The one value that a schema allows, as a literal of `map`.
fn only_value(schema: &Doc) -> Option<String> {
    let only = match (schema.get("const"), schema.get("enum").map(Doc::items)) {
        (Some(value), _) | (None, Some([value])) => value,
        _ => return None,
    };
    match only {
        Doc::Text(it) => Some(super::yaml::literal(it)),
        Doc::Number(it) => Some(format!("={it}")),
        Doc::Bool(it) => Some(it.to_string()),
        _ => None,
    }
}

/// `.name`, or `['na-me']`.
fn segment(name: &str) -> String {
    let mut letters = name.chars();
    let simple = letters.next().is_some_and(|it| it.is_ascii_alphabetic() || it == '_')
        && letters.all(|it| it.is_ascii_alphanumeric() || it == '_');
    if simple {
        return format!(".{name}");
    }
    format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'"))
}
