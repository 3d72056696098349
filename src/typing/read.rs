//! A schema's text into demands.

use std::{collections::HashMap, sync::Arc};

use super::{
    Bound, Judge, Kinds, PERSONAL_KEYWORD, Rule, RuleKind,
    contract::{Additional, Constant, Counted, Demand},
};
use crate::{
    diagnostic::Span,
    message::{Number, Value},
};

/// Keywords that decide whether a value fits and are not reasoned about.
const UNCHECKED: [&str; 17] = [
    "not",
    "anyOf",
    "oneOf",
    "if",
    "dependentSchemas",
    "dependentRequired",
    "dependencies",
    "patternProperties",
    "propertyNames",
    "prefixItems",
    "additionalItems",
    "contains",
    "multipleOf",
    "uniqueItems",
    "unevaluatedItems",
    "unevaluatedProperties",
    "$dynamicRef",
];

/// Places that are looked for: each takes going through the text, and only the first is shown.
const SPOTS_MAX: usize = 64;

/// Schemas inside each other that are followed: as many as a file may hold.
const DEPTH_MAX: usize = 512;

pub(super) fn demands(
    root: Value<'_>,
    draft_7: bool,
    judge: Judge,
    place: &dyn Fn(&str) -> Span,
) -> Vec<Demand> {
    let moves = has_base_inside(root, true);
    let (about_people, known) = (mentions_people(root), HashMap::new());
    let mut reader = Reader {
        root,
        draft_7,
        moves,
        about_people,
        judge,
        place,
        spots: 0,
        known,
        demands: Vec::new(),
    };
    reader.read(root, "", 0);
    reader.demands
}

struct Reader<'r, 'a> {
    root: Value<'a>,
    draft_7: bool,
    /// A schema inside has a base of its own, so that `#` is not always the file.
    moves: bool,
    /// Something in it is said to be about a person.
    about_people: bool,
    judge: Judge,
    place: &'r dyn Fn(&str) -> Span,
    /// Places that were looked for.
    spots: usize,
    /// The demand of each schema that was read, by its JSON Pointer.
    known: HashMap<String, usize>,
    demands: Vec<Demand>,
}

impl<'a> Reader<'_, 'a> {
    /// Where a part of the text stands, for the first of them.
    fn spot(&mut self, part: &str) -> Span {
        self.spots += 1;
        if self.spots <= SPOTS_MAX { (self.place)(part) } else { Span::START }
    }

    /// The demand of the schema at `pointer`, which may be under way.
    fn read(&mut self, schema: Value<'a>, pointer: &str, depth: usize) -> usize {
        if let Some(known) = self.known.get(pointer) {
            return *known;
        }
        let index = self.demands.len();
        self.known.insert(pointer.to_owned(), index);
        self.demands.push(Demand::any());
        let demand = match schema {
            Value::Bool(any) => Demand { never: !any, ..Demand::any() },
            Value::Object(members) => self.demand(members, pointer, depth),
            _ => Demand::any(),
        };
        if let Some(slot) = self.demands.get_mut(index) {
            *slot = demand;
        }
        index
    }

    fn demand(
        &mut self,
        members: &'a [(&'a str, Value<'a>)],
        pointer: &str,
        depth: usize,
    ) -> Demand {
        let is_personal = members.iter().any(|(key, value)| says_personal(key, *value));
        let mut demand = Demand { is_personal, ..Demand::any() };
        let reference = members.iter().find(|(key, _)| *key == "$ref");
        if let (true, Some((key, value))) = (self.draft_7, reference) {
            // In draft 7 what stands beside a `$ref` does not count.
            self.refer(key, *value, depth, &mut demand);
            return demand;
        }
        for (key, value) in members {
            match UNCHECKED.iter().find(|it| *it == key) {
                Some(keyword) if asserts(keyword, *value) => {
                    self.leave((keyword, key), *value, &mut demand);
                }
                Some(_) => {}
                None => self.keyword(key, *value, (pointer, depth), &mut demand),
            }
        }
        demand
    }

    /// A keyword that is not reasoned about, and as it stands in the text. What is about a person
    /// somewhere in it, or wherever it leads to, may be anything that it stands beside.
    fn leave(
        &mut self,
        (keyword, key): (&'static str, &str),
        value: Value<'a>,
        demand: &mut Demand,
    ) {
        let place = self.spot(key);
        demand.unchecked.push((keyword, place));
        demand.is_personal |= match keyword {
            "$ref" | "$dynamicRef" => self.about_people,
            _ => mentions_people(value),
        };
    }

    fn keyword(
        &mut self,
        key: &'a str,
        value: Value<'a>,
        (pointer, depth): (&str, usize),
        demand: &mut Demand,
    ) {
        let inner = |name: &str| format!("{pointer}/{name}");
        if DEPTH_MAX < depth {
            let place = self.spot(key);
            demand.unchecked.push(("$ref", place));
            demand.is_personal |= self.about_people;
            return;
        }
        match (key, value) {
            ("$ref", value) => self.refer(key, value, depth, demand),
            ("allOf", Value::Array(all)) => {
                for (index, schema) in all.iter().enumerate() {
                    let read = self.read(*schema, &inner(&format!("allOf/{index}")), depth + 1);
                    demand.also.push(read);
                }
            }
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    let pointer = inner(&format!("properties/{}", escaped(name)));
                    let read = self.read(*schema, &pointer, depth + 1);
                    demand.fields.insert(Arc::from(*name), read);
                }
            }
            ("additionalProperties", Value::Bool(any)) => {
                demand.additional = if any { Additional::Any } else { Additional::No };
            }
            ("additionalProperties", schema) => {
                let read = self.read(schema, &inner(key), depth + 1);
                demand.additional = Additional::As(read);
            }
            ("items", Value::Array(_)) => self.leave(("items", key), value, demand),
            // `if` says that they are not reasoned about.
            ("then" | "else", schema) => demand.is_personal |= mentions_people(schema),
            ("items", schema) => demand.items = Some(self.read(schema, &inner(key), depth + 1)),
            ("pattern", Value::Text(text)) => {
                let place = self.spot(key);
                demand.rules.push(Rule::new(RuleKind::Pattern, text, place, self.judge));
            }
            ("format", Value::Text(text)) => {
                let place = self.spot(key);
                demand.rules.push(Rule::new(RuleKind::Format, text, place, self.judge));
            }
            _ => plain(key, value, demand),
        }
    }

    /// A `$ref` within the file; one that cannot be followed is not reasoned about.
    fn refer(&mut self, key: &str, value: Value<'a>, depth: usize, demand: &mut Demand) {
        let Value::Text(text) = value else { return };
        let pointer = text.strip_prefix('#').filter(|it| it.is_empty() || it.starts_with('/'));
        let pointer = pointer.filter(|it| !it.contains('%') && !self.moves);
        let found = pointer.and_then(|it| {
            let mut parts = it.split('/').skip(1);
            let schema = parts.try_fold(self.root, inside);
            Some((it, schema?))
        });
        match found {
            Some((pointer, schema)) if depth <= DEPTH_MAX => {
                demand.also.push(self.read(schema, pointer, depth + 1));
            }
            _ => self.leave(("$ref", key), value, demand),
        }
    }
}

fn says_personal(key: &str, value: Value<'_>) -> bool {
    key == PERSONAL_KEYWORD && value != Value::Bool(false)
}

/// Whether anything in this part of a schema is said to be about a person.
fn mentions_people(value: Value<'_>) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|it| mentions_people(*it)),
        Value::Object(members) => {
            members.iter().any(|(key, inner)| says_personal(key, *inner) || mentions_people(*inner))
        }
        _ => false,
    }
}

/// Whether a schema inside the file has an `$id`.
fn has_base_inside(value: Value<'_>, is_root: bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|it| has_base_inside(*it, false)),
        Value::Object(members) => members.iter().any(|(key, inner)| {
            let base = *key == "$id" && matches!(inner, Value::Text(_));
            base && !is_root || has_base_inside(*inner, false)
        }),
        _ => false,
    }
}

/// Whether a keyword that is not reasoned about can refuse anything.
fn asserts(keyword: &str, value: Value<'_>) -> bool {
    !(matches!(keyword, "uniqueItems") && value == Value::Bool(false))
}

/// Keywords that hold no schema.
fn plain(key: &str, value: Value<'_>, demand: &mut Demand) {
    match (key, value) {
        ("type", Value::Text(name)) => types(&[Value::Text(name)], demand),
        ("type", Value::Array(names)) => types(names, demand),
        ("enum", Value::Array(all)) => among(all.iter().map(constant).collect(), demand),
        ("const", value) => among(vec![constant(&value)], demand),
        ("required", Value::Array(names)) => {
            let names = names.iter().filter_map(|it| match it {
                Value::Text(name) => Some(Arc::from(*name)),
                _ => None,
            });
            demand.required = names.collect();
        }
        (_, Value::Number(number)) => bound(key, number, demand),
        _ => {}
    }
}

fn types(names: &[Value<'_>], demand: &mut Demand) {
    let mut kinds = Kinds(0);
    let mut numbers = false;
    let mut whole = false;
    for name in names {
        let Value::Text(name) = name else { continue };
        kinds = kinds.and(match *name {
            "null" => Kinds::NULL,
            "boolean" => Kinds::BOOLEAN,
            "string" => Kinds::TEXT,
            "array" => Kinds::ARRAY,
            "object" => Kinds::OBJECT,
            "number" => {
                numbers = true;
                Kinds::NUMBER
            }
            _ => {
                whole = true;
                Kinds::NUMBER
            }
        });
    }
    demand.kinds = kinds;
    demand.whole = whole && !numbers;
}

/// `enum` and `const`; where both stand, a value must be among both.
fn among(constants: Vec<Constant>, demand: &mut Demand) {
    demand.one_of = Some(match demand.one_of.take() {
        None => constants,
        Some(others) => {
            let is_there = |it: &Constant| constants.iter().any(|other| other.equals(it));
            others.into_iter().filter(is_there).collect()
        }
    });
}

impl Constant {
    fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(one), Self::Number(other)) => super::range::compare(one, other).is_eq(),
            _ => self == other,
        }
    }
}

fn constant(value: &Value<'_>) -> Constant {
    match value {
        Value::Null => Constant::Null,
        Value::Bool(value) => Constant::Bool(*value),
        Value::Number(number) => Constant::Number(number.text().into()),
        Value::Text(text) => Constant::Text(Arc::from(*text)),
        Value::Array(_) => Constant::Array,
        Value::Object(_) => Constant::Object,
    }
}

fn bound(key: &str, number: Number<'_>, demand: &mut Demand) {
    let bound = |open| Some(Bound { value: number.text().into(), open });
    let tighter = |range: super::Range, demand: &mut Demand| {
        demand.range = demand.range.meet(&range);
    };
    // A count that is no short number is beyond all measure.
    let count = || number.text().parse::<f64>().map_or(u64::MAX, |it| it as u64);
    let least = |counted: &mut Counted| counted.least = count();
    let most = |counted: &mut Counted| counted.most = Some(count());
    match key {
        "minimum" => tighter(super::Range { least: bound(false), most: None }, demand),
        "exclusiveMinimum" => tighter(super::Range { least: bound(true), most: None }, demand),
        "maximum" => tighter(super::Range { least: None, most: bound(false) }, demand),
        "exclusiveMaximum" => tighter(super::Range { least: None, most: bound(true) }, demand),
        "minLength" => least(&mut demand.length),
        "maxLength" => most(&mut demand.length),
        "minItems" => least(&mut demand.count),
        "maxItems" => most(&mut demand.count),
        "minProperties" => least(&mut demand.size),
        "maxProperties" => most(&mut demand.size),
        _ => {}
    }
}

fn inside<'a>(value: Value<'a>, part: &str) -> Option<Value<'a>> {
    let name = part.replace("~1", "/").replace("~0", "~");
    match value {
        Value::Array(items) => items.get(name.parse::<usize>().ok()?).copied(),
        other => other.get(&name),
    }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
