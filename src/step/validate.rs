//! `validate`: refuses messages that do not fit a JSON Schema.

use std::sync::Arc;

use super::{Context, Flow, Rejected, Schema, Step};
use crate::{
    diagnostic::{Code, Located, Report, Span, nearest, text},
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
        let message = text!("no schema `{}`", &path.value);
        let shown = report.error(path.at, Code::UnknownName, message);
        shown.label("no such file under `schemas/`");
        let whole = format!("schemas/{}.schema.json", path.value);
        match nearest(&path.value, context.schemas.keys().map(String::as_str)) {
            _ if context.schemas.contains_key(&whole) => {
                shown.help(text!("write the path as from the project: `{}`", &whole))
            }
            _ if path.value.contains("://") => {
                shown.help("schemas are never fetched: copy it into `schemas/`")
            }
            Some(near) => shown.help(text!("did you mean `{}`?", near)),
            None => shown.help("write the path as from the project: `schemas/x.schema.json`"),
        };
        return None;
    };
    Some(Box::new(Validate { schema: Arc::clone(schema), path: path.value.clone(), at: path.at }))
}

struct Validate {
    schema: Arc<Schema>,
    path: String,
    at: Span,
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

    fn infer(&self, body: &Type, report: &mut Report) -> Type {
        let contract = self.schema.contract();
        if let Some(misfit) = contract.check(body).into_iter().find(|it| it.certain) {
            let message = text!("`{}` refuses every message", &self.path);
            let found = report.error(self.at, Code::TargetValue, message);
            found.label(match misfit.path.as_str() {
                "" => text!("the body never fits, by what is known of it here"),
                path => text!("`{}` never fits, by what is known of it here", path),
            });
            found.help("compare the schema with that of the source, and with the steps before");
            // What is known behind it would be nothing, and everything there wrong.
            return body.clone();
        }
        body.meet(contract.emitted())
    }
}
