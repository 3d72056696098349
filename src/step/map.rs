//! `map`: makes a new body in the shape that its author draws. Stands as a step and at targets.

use super::{
    Context, Flow, Part, Rejected, Step, kind_of,
    text::{expression, no_item, show_syntax_error},
};
use crate::{
    diagnostic::{
        Code, Located, Node, NodeKind, PlainValue, Report, Scalar, Span, Style, nearest, text,
    },
    expr::{Expr, Scope, ValueText, field_elsewhere},
    message::{Number, Value},
};

/// A compiled `map`: the shape of a new body. Stands as a step and at targets.
///
/// Mappings and lists are made as they are drawn; each single value in them is an expression, a
/// template or a literal. A field, or an item of a list, whose value is nothing is left out.
/// `{ $each: expression, $map: shape }` makes an array: the shape once for each item, which is
/// `@` in it.
#[derive(Debug)]
pub struct Map(Shape);

impl Map {
    /// Compiles the value of a `map:` key, adding everything wrong with it to `report`.
    pub fn compile(node: &Node, context: &Context<'_>, report: &mut Report) -> Option<Self> {
        Shape::compile(node, context, report).map(Self)
    }

    /// The new body; `None` when the whole map is one expression that yields nothing.
    ///
    /// # Errors
    ///
    /// [`Rejected`]: names the field.
    pub fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Option<Value<'a>>, Rejected> {
        self.0.value(scope)
    }

    /// What each of its fields comes to for the message in `scope`.
    pub fn parts<'a>(&self, scope: &Scope<'a>) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        self.0.parts("", scope, &mut parts);
        parts
    }

    /// Whether some message may be at fault.
    pub fn can_fail(&self) -> bool {
        self.0.can_fail()
    }

    /// Whether `@` is mentioned outside `$each`.
    pub fn uses_item(&self) -> bool {
        self.0.item_at.is_some()
    }

    /// Where `@` is mentioned first outside `$each`.
    pub fn item_at(&self) -> Option<Span> {
        self.0.item_at
    }

    /// Whether the key of `hash` is needed.
    pub fn uses_hash(&self) -> bool {
        self.0.uses_hash
    }
}

pub(super) fn compile(
    shape: &Node,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<Box<dyn Step>> {
    let map = Map::compile(shape, context, report)?;
    if let Some(at) = map.item_at() {
        no_item(at, report);
        return None;
    }
    Some(Box::new(map))
}

impl Step for Map {
    fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Flow<'a>, Rejected> {
        match self.0.value(scope)? {
            Some(body) => Ok(Flow::Next(body)),
            None => Err(Rejected::because("the new body is nothing")),
        }
    }

    fn parts<'a>(&self, scope: &Scope<'a>) -> Vec<Part<'a>> {
        Map::parts(self, scope)
    }

    fn can_fail(&self) -> bool {
        // A whole that is nothing is no body.
        self.0.can_fail() || matches!(self.0.kind, Kind::Text(_) | Kind::Each { .. })
    }

    fn uses_hash(&self) -> bool {
        self.0.uses_hash
    }

    fn deepens(&self) -> usize {
        self.0.depth()
    }
}

/// What may stand where a value stands: one of `map`, of `set`, or within them.
#[derive(Debug)]
pub(super) struct Shape {
    kind: Kind,
    item_at: Option<Span>,
    uses_hash: bool,
}

#[derive(Debug)]
enum Kind {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    Text(ValueText),
    List(Vec<Shape>),
    Object(Vec<(String, Shape)>),
    Each {
        items: Expr,
        shape: Box<Shape>,
    },
}

const EACH: &str = "$each";
const MAP: &str = "$map";

impl Shape {
    pub(super) fn compile(node: &Node, context: &Context<'_>, report: &mut Report) -> Option<Self> {
        match &node.kind {
            NodeKind::Scalar(scalar) => Self::scalar(scalar, node.at, context, report),
            NodeKind::List(items) => {
                let shapes: Vec<_> =
                    items.iter().map(|it| Self::compile(it, context, report)).collect();
                let shapes: Vec<Self> = shapes.into_iter().collect::<Option<_>>()?;
                Some(Self::of(Kind::List, shapes, |it| it))
            }
            NodeKind::Map(fields) => match fields.iter().find(|(key, _)| is_reserved(key)) {
                Some((key, _)) => Self::each(fields, key, context, report),
                None => {
                    let compile = |(key, node): &(Located<String>, Node), report: &mut Report| {
                        Some((key.value.clone(), Self::compile(node, context, report)?))
                    };
                    let fields: Vec<_> = fields.iter().map(|it| compile(it, report)).collect();
                    let fields: Vec<_> = fields.into_iter().collect::<Option<_>>()?;
                    Some(Self::of(Kind::Object, fields, |(_, shape)| shape))
                }
            },
        }
    }

    fn scalar(
        scalar: &Scalar,
        at: Span,
        context: &Context<'_>,
        report: &mut Report,
    ) -> Option<Self> {
        if scalar.is_empty() {
            report
                .error(at, Code::Missing, "no value stands here")
                .help("write `null` if null is meant, or take the field out");
            return None;
        }
        let plain = scalar.plain_value().map_err(|ambiguous| {
            report
                .error(at, Code::AmbiguousNumber, text!("`{}` is ambiguous", &scalar.text))
                .label(ambiguous.why)
                .help(ambiguous.help);
        });
        let kind = match plain.ok()? {
            PlainValue::Null => Kind::Null,
            PlainValue::Bool(value) => Kind::Bool(value),
            PlainValue::Number(text) => Kind::Number(text.to_owned()),
            PlainValue::Text(text) => match ValueText::parse_with(text, context.environment()) {
                Ok(value) => {
                    doubtful(scalar, at, report);
                    return Some(Self::text(value, at));
                }
                Err(error) => {
                    show_syntax_error(&Located { value: text.to_owned(), at }, &error, report);
                    return None;
                }
            },
        };
        Some(Self { kind, item_at: None, uses_hash: false })
    }

    fn text(value: ValueText, at: Span) -> Self {
        let (item_at, uses_hash) = (value.uses_item().then_some(at), value.uses_hash());
        Self { kind: Kind::Text(value), item_at, uses_hash }
    }

    fn of<T>(kind: fn(Vec<T>) -> Kind, parts: Vec<T>, shape: fn(&T) -> &Self) -> Self {
        let item_at = parts.iter().find_map(|it| shape(it).item_at);
        let uses_hash = parts.iter().any(|it| shape(it).uses_hash);
        Self { kind: kind(parts), item_at, uses_hash }
    }

    /// A mapping in which some key begins with `$`; `reserved` is the first.
    fn each(
        fields: &[(Located<String>, Node)],
        reserved: &Located<String>,
        context: &Context<'_>,
        report: &mut Report,
    ) -> Option<Self> {
        let [mut items, mut shape] = [None, None];
        for (key, node) in fields {
            match key.value.as_str() {
                EACH => items = Some(node),
                MAP => shape = Some(node),
                _ => return unknown_key(key, report),
            }
        }
        let (Some(items), Some(shape)) = (items, shape) else {
            let other = if items.is_none() { EACH } else { MAP };
            report
                .error(
                    reserved.at,
                    Code::Missing,
                    text!("`{}` without `{}`", &reserved.value, &other),
                )
                .help("write `{ $each: $.items, $map: { field: \"@.field\" } }`");
            return None;
        };
        let shape = Self::compile(shape, context, report);
        let NodeKind::Scalar(scalar) = &items.kind else {
            report
                .error(items.at, Code::WrongKind, "`$each` is no expression")
                .help("write the array that it goes through: `$each: $.items`");
            return None;
        };
        let text = Located { value: scalar.text.clone(), at: items.at };
        let items = expression(&text, context, report)?;
        let shape = Box::new(shape?);
        let item_at = items.uses_item().then_some(text.at);
        let uses_hash = items.uses_hash() || shape.uses_hash;
        Some(Self { kind: Kind::Each { items, shape }, item_at, uses_hash })
    }

    /// Arrays and objects inside each other, as drawn.
    pub(super) fn depth(&self) -> usize {
        match &self.kind {
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => 0,
            // An expression may make an array of what it finds.
            Kind::Text(_) => 1,
            Kind::List(shapes) => 1 + shapes.iter().map(Self::depth).max().unwrap_or_default(),
            Kind::Object(fields) => {
                1 + fields.iter().map(|(_, shape)| shape.depth()).max().unwrap_or_default()
            }
            Kind::Each { shape, .. } => 1 + shape.depth(),
        }
    }

    /// Adds what each single value in it comes to; `name` is that of the whole.
    pub(super) fn parts<'a>(&self, name: &str, scope: &Scope<'a>, parts: &mut Vec<Part<'a>>) {
        let mut add = |text: &str| {
            let came = self.value(scope).map_err(|error| error.to_string());
            parts.push(Part { name: name.to_owned(), text: text.to_owned(), came });
        };
        match &self.kind {
            Kind::Null => add("null"),
            Kind::Bool(value) => add(if *value { "true" } else { "false" }),
            Kind::Number(text) => add(text),
            Kind::Text(value) => add(value.text()),
            Kind::List(shapes) => {
                for (index, shape) in shapes.iter().enumerate() {
                    shape.parts(&format!("{name}[{index}]"), scope, parts);
                }
            }
            Kind::Object(fields) => {
                for (field, shape) in fields {
                    let dot = if name.is_empty() { "" } else { "." };
                    shape.parts(&format!("{name}{dot}{field}"), scope, parts);
                }
            }
            Kind::Each { items, shape } => match items.eval(scope) {
                Ok(Some(Value::Array(found))) => {
                    for (index, item) in found.iter().enumerate() {
                        let scope = Scope { item: Some(*item), ..*scope };
                        shape.parts(&format!("{name}[{index}]"), &scope, parts);
                    }
                }
                _ => add(&format!("$each: {}", items.text())),
            },
        }
    }

    fn can_fail(&self) -> bool {
        match &self.kind {
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => false,
            Kind::Text(value) => value.can_fail(),
            Kind::List(shapes) => shapes.iter().any(Self::can_fail),
            Kind::Object(fields) => fields.iter().any(|(_, shape)| shape.can_fail()),
            Kind::Each { items, shape } => {
                items.can_fail() || !items.yields_array() || shape.can_fail()
            }
        }
    }

    /// Where `@` is mentioned first outside `$each`.
    pub(super) fn item_at(&self) -> Option<Span> {
        self.item_at
    }

    pub(super) fn uses_hash(&self) -> bool {
        self.uses_hash
    }

    /// The value for one message; `None` is *nothing*.
    pub(super) fn value<'a>(&self, scope: &Scope<'a>) -> Result<Option<Value<'a>>, Rejected> {
        if !scope.budget.take(1) {
            return Err(Rejected::too_much());
        }
        Ok(Some(match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Number(text) => Value::Number(Number::from_checked(scope.arena.text(text)?)),
            Kind::Text(text) => return Ok(text.eval(scope)?),
            Kind::List(shapes) => {
                let mut items = scope.arena.list_for(shapes.len())?;
                for (index, shape) in shapes.iter().enumerate() {
                    let item = shape.value(scope);
                    if let Some(item) = item.map_err(|it| it.in_field(&format!("[{index}]")))? {
                        items.push(item)?;
                    }
                }
                Value::Array(items.finish())
            }
            Kind::Object(fields) => {
                let mut members = scope.arena.list_for(fields.len())?;
                for (name, shape) in fields {
                    if let Some(value) = shape.value(scope).map_err(|it| it.in_field(name))? {
                        members.push((scope.arena.text(name)?, value))?;
                    }
                }
                Value::Object(members.finish())
            }
            Kind::Each { items, shape } => return each_value(items, shape, scope),
        }))
    }
}

fn each_value<'a>(
    items: &Expr,
    shape: &Shape,
    scope: &Scope<'a>,
) -> Result<Option<Value<'a>>, Rejected> {
    let items = match items.eval(scope)? {
        Some(Value::Array(items)) => items,
        Some(other) => {
            let reason = format!("`{}`: is {}, not an array", items.text(), kind_of(other));
            return Err(Rejected::because(reason));
        }
        None => return Ok(None),
    };
    let mut made = scope.arena.list_for(items.len())?;
    for (index, item) in items.iter().enumerate() {
        let scope = Scope { item: Some(*item), ..*scope };
        let value = shape.value(&scope);
        if let Some(value) = value.map_err(|it| it.in_field(&format!("[{index}]")))? {
            made.push(value)?;
        }
    }
    Ok(Some(Value::Array(made.finish())))
}

/// Warns of a text that is taken as it stands, and was probably meant otherwise.
fn doubtful(scalar: &Scalar, at: Span, report: &mut Report) {
    let text = scalar.text.as_str();
    if let Some(path) = field_elsewhere(text) {
        let found = report.warn(at, Code::Trap, text!("`{}` is sent as it stands", text));
        found.label("a text, not a field of the message");
        found.help(text!(
            "write `{}` for the field; where the text is meant, `='{}'`",
            &path,
            text
        ));
        return;
    }
    let meant = match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" => "true",
        "no" | "off" | "n" => "false",
        "true" => "true",
        "false" => "false",
        _ => return,
    };
    if scalar.style == Style::Plain {
        let found = report.warn(at, Code::Trap, text!("`{}` is a text here", text));
        found.label("some YAML readers take it for a truth value");
        found.help(text!("write `{}` for the truth value, or `'{}'` for the text", meant, text));
    }
}

fn is_reserved(key: &Located<String>) -> bool {
    key.value.starts_with('$')
}

fn unknown_key(key: &Located<String>, report: &mut Report) -> Option<Shape> {
    let name = &key.value;
    if !is_reserved(key) {
        report
            .error(key.at, Code::OutOfPlace, text!("`{}` cannot stand beside `$each`", name))
            .label("`$each` and `$map` make an array, which has no fields")
            .help(text!(
                "put `{}` under `$map`, or beside the field that this is the value of",
                name
            ));
        return None;
    }
    let shown = report.error(key.at, Code::UnknownName, text!("unknown key `{}`", name));
    shown.label("keys that begin with `$` are reserved");
    match nearest(name, [EACH, MAP]) {
        Some(near) => shown.help(text!("did you mean `{}`?", &near)),
        None => shown.help("there are `$each` and `$map`; a field cannot have a name like this"),
    };
    None
}
