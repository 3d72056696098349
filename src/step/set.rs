//! `set`: adds fields to the body, or replaces them.

use super::{Context, Flow, Rejected, Step, map::Shape, place::Place, text::no_item};
use crate::{
    diagnostic::{Entries, Node, Report},
    expr::Scope,
};

pub(super) fn compile(
    fields: &Entries<Node>,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<Box<dyn Step>> {
    let mut compiled = Vec::new();
    for (path, node) in &fields.0 {
        let place = Place::compile(path, report);
        let shape = Shape::compile(node, context, report);
        if let Some(at) = shape.as_ref().and_then(Shape::item_at) {
            no_item(at, report);
            continue;
        }
        compiled.extend(place.zip(shape));
    }
    (compiled.len() == fields.0.len()).then(|| Box::new(Set { fields: compiled }) as Box<dyn Step>)
}

struct Set {
    fields: Vec<(Place, Shape)>,
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

    fn uses_hash(&self) -> bool {
        self.fields.iter().any(|(_, shape)| shape.uses_hash())
    }
}
