//! `set`: adds fields to the body, or replaces them.

use super::{
    Context, DEEPENS_MAX, Flow, Part, Rejected, Step, map::Shape, place::Place, text::no_item,
};
use crate::{
    diagnostic::{Code, Entries, Node, Report, text},
    expr::{Known, Scope},
    typing::Type,
};

pub(super) fn compile(
    fields: &Entries<Node>,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<Box<dyn Step>> {
    let mut compiled = Vec::new();
    let mut deepens = 0_usize;
    for (path, node) in fields.iter() {
        let place = Place::compile(path, report);
        let shape = Shape::compile(node, context, report);
        if let Some(at) = shape.as_ref().and_then(Shape::item_at) {
            no_item(at, report);
            continue;
        }
        let Some((place, shape)) = place.zip(shape) else { continue };
        // Each field may take over the body with all that those before it have set.
        deepens = deepens.saturating_add(place.depth() + shape.depth());
        if DEEPENS_MAX < deepens {
            let message = text!("these fields nest values too deeply");
            let found = report.error(path.at, Code::WrongKind, message);
            found.label(text!("more than {} levels, all fields together", &DEEPENS_MAX));
            found.help("draw the new body with `map`, or set a larger part of it at once");
            return None;
        }
        compiled.push((place, shape));
    }
    (compiled.len() == fields.len())
        .then(|| Box::new(Set { fields: compiled, deepens }) as Box<dyn Step>)
}

struct Set {
    fields: Vec<(Place, Shape)>,
    deepens: usize,
}

impl Step for Set {
    /// Each field sees what those before it have set.
    fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Flow<'a>, Rejected> {
        let mut scope = *scope;
        for (place, shape) in &self.fields {
            let value = shape.value(&scope).map_err(|wrong| wrong.in_field(place.text()))?;
            if let Some(value) = value {
                scope.body = place.set(scope.body, value, scope.arena)?;
            }
        }
        Ok(Flow::Next(scope.body))
    }

    fn parts<'a>(&self, scope: &Scope<'a>) -> Vec<Part<'a>> {
        let (mut scope, mut parts) = (*scope, Vec::new());
        for (place, shape) in &self.fields {
            shape.parts(place.text(), &scope, &mut parts);
            let set = shape.value(&scope).ok().flatten();
            let set = set.map(|value| place.set(scope.body, value, scope.arena));
            match set {
                Some(Ok(body)) => scope.body = body,
                Some(Err(_)) => break,
                None => {}
            }
        }
        parts
    }

    fn infer(&self, body: &Type, report: &mut Report) -> Type {
        let mut body = body.clone();
        for (place, shape) in &self.fields {
            let value = shape.infer(Known { body: &body, item: None }, report);
            let changed = place.infer(&body, &value.clone().present(), report);
            // What is nothing is not set.
            body = if value.absent { changed.join(&body) } else { changed }.bounded();
        }
        body
    }

    fn uses_hash(&self) -> bool {
        self.fields.iter().any(|(_, shape)| shape.uses_hash())
    }

    fn deepens(&self) -> usize {
        self.deepens
    }
}
