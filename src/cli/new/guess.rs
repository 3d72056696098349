//! A first `map` between two schemas, by the names and types of their fields. Each guess says that it
//! is one.

use super::{
    doc::Doc,
    words::{Alike, alike},
    yaml::{key, text},
};

/// Objects and arrays inside each other that are looked into: a schema may refer to itself.
const DEPTH_MAX: usize = 8;

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
}

/// Two schemas, and what was made of them so far.
struct Draft<'d> {
    from: &'d Doc,
    to: &'d Doc,
    made: usize,
    lacking: Vec<String>,
}

/// Draws the body that `to` asks for from messages that fit `from`.
pub(super) fn guess(from: &Doc, to: &Doc) -> Guess {
    let mut draft = Draft { from, to, made: 0, lacking: Vec::new() };
    let mut fields = Vec::new();
    draft.collect(from, ("$", true), &[], &mut fields);
    let lines = draft.object(to, &fields, &[]).unwrap_or_default();
    Guess { lines, made: draft.made, lacking: draft.lacking }
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

    /// The lines of an object; nothing if no field of it got a value.
    fn object(
        &mut self,
        to: &'d Doc,
        fields: &[Field<'d>],
        names: &[&'d str],
    ) -> Option<Vec<String>> {
        let to = to.resolved(self.to);
        let before = self.made;
        let musts = to.get("required").map(Doc::items).unwrap_or_default();
        let mut lines = Vec::new();
        for (name, property) in to.get("properties").map(Doc::members).unwrap_or_default() {
            let property = property.resolved(self.to);
            let names = [names, &[name.as_str()]].concat();
            let required = musts.iter().any(|it| it.text() == Some(name));
            let lacking = self.lacking.len();
            match self.property(property, fields, &names, required) {
                Some(drawn) => lines.extend(drawn),
                None => {
                    // What is in it is lacking together with it.
                    self.lacking.truncate(lacking);
                    let what = kind(property).join(" or ");
                    let what = property.text_at("format").unwrap_or(&what);
                    lines.push(if required {
                        self.lacking.push(names.join("."));
                        format!("# to do: {}, required: {what}", one_line(name))
                    } else {
                        format!("# no guess: {}: {what}", one_line(name))
                    });
                }
            }
        }
        (before < self.made).then_some(lines)
    }

    /// The lines of a field; nothing if it has no value.
    fn property(
        &mut self,
        to: &'d Doc,
        fields: &[Field<'d>],
        names: &[&'d str],
        required: bool,
    ) -> Option<Vec<String>> {
        let name = names.last().copied().unwrap_or_default();
        if let Some(only) = only_value(to) {
            self.made += 1;
            return Some(vec![format!(
                "{}: {only}  # guess: check (the schema allows this alone)",
                key(name)
            )]);
        }
        if to.get("properties").is_some() && names.len() < DEPTH_MAX {
            let inner = self.object(to, fields, names)?;
            return Some(below(name, inner));
        }
        let item = to.get("items").map(|it| it.resolved(self.to));
        if let Some(item) = item.filter(|it| it.get("properties").is_some())
            && names.len() < DEPTH_MAX
        {
            return self.each(item, fields, names);
        }
        let (field, why, change) = self.best(to, fields, names)?;
        self.made += 1;
        // What may be absent is told where it must not be: as a bad message, with the field's name.
        let must = if required && !field.required { " | required" } else { "" };
        let value = text(&format!("{}{}{must}", field.path, change.pipe));
        let why = match why {
            Alike::Name => "same name",
            Alike::Meaning => "same meaning",
            Alike::Nearly => "alike",
        };
        Some(vec![format!("{}: {value}  # guess: check ({why}{})", key(name), change.note)])
    }

    /// An array of objects, from the array of objects that is most like it.
    fn each(
        &mut self,
        item: &'d Doc,
        fields: &[Field<'d>],
        names: &[&'d str],
    ) -> Option<Vec<String>> {
        let name = names.last().copied().unwrap_or_default();
        let arrays = fields.iter().filter_map(|it| {
            let inner = it.schema.get("items")?.resolved(self.from);
            inner.get("properties")?;
            let (score, _) = alike(name, it.names.last().copied().unwrap_or_default())?;
            Some((score, it, inner))
        });
        let (_, field, inner) = arrays.max_by(|left, right| left.0.total_cmp(&right.0))?;
        let mut of_item = Vec::new();
        self.collect(inner, ("@", true), &[], &mut of_item);
        let drawn = self.object(item, &of_item, &[])?;
        let mut lines =
            vec![format!("$each: {}  # guess: check", text(&format!("{}[*]", field.path)))];
        lines.extend(below("$map", drawn));
        Some(below(name, lines))
    }

    /// The field that is most like the one that is asked for.
    fn best<'f>(
        &self,
        to: &Doc,
        fields: &'f [Field<'d>],
        names: &[&str],
    ) -> Option<(&'f Field<'d>, Alike, Change)> {
        let name = names.last().copied().unwrap_or_default();
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

fn below(name: &str, inner: Vec<String>) -> Vec<String> {
    let mut lines = vec![format!("{}:", key(name))];
    lines.extend(inner.iter().map(|it| format!("  {it}")));
    lines
}

fn one_line(name: &str) -> String {
    name.replace(char::is_control, " ")
}
