//! `validate`: refuses messages that do not fit a JSON Schema.

use std::sync::Arc;

use super::{Context, Flow, Rejected, Schema, Step};
use crate::{
    diagnostic::{Code, Located, Report, nearest},
    expr::Scope,
    typing::Type,
};

/// Violations that a rejection lists; the operator needs the first, not all of a wrong document.
const VIOLATIONS_MAX: usize = 5;

pub(super) fn compile(
    path: &Located<String>,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<Box<dyn Step>> {
    let Some(schema) = context.schemas.get(&path.value) else {
        let message = format!("no schema `{}`", path.value);
        let shown = report.error(path.at, Code::UnknownName, message);
        shown.label("no such file under `schemas/`");
        if let Some(near) = nearest(&path.value, context.schemas.keys().map(String::as_str)) {
            shown.help(format!("did you mean `{near}`?"));
        }
        return None;
    };
    Some(Box::new(Validate { schema: Arc::clone(schema), path: path.value.clone() }))
}

struct Validate {
    schema: Arc<Schema>,
    path: String,
}

impl Step for Validate {
    fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Flow<'a>, Rejected> {
        if !scope.budget.take(Schema::steps(scope.body)) {
            return Err(Rejected::too_much());
        }
        let violations = self.schema.violations(scope.body, VIOLATIONS_MAX);
        if violations.is_empty() {
            return Ok(Flow::Next(scope.body));
        }
        let listed: Vec<String> = violations.iter().map(ToString::to_string).collect();
        Err(Rejected::because(format!("does not fit `{}`: {}", self.path, listed.join("; "))))
    }

    fn infer(&self, body: &Type, _: &mut Report) -> Type {
        body.meet(self.schema.contract().emitted())
    }
}
