//! `filter`: lets through only the messages for which a condition holds.

use super::{Context, Flow, Part, Rejected, Step, text::message_expression};
use crate::{
    diagnostic::{Located, Report, text},
    expr::{Expr, Known, Scope},
    typing::Type,
};

pub(super) fn compile(
    when: &Located<String>,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<Box<dyn Step>> {
    let when = message_expression(when, context, report)?;
    Some(Box::new(Filter { when }))
}

struct Filter {
    when: Expr,
}

impl Step for Filter {
    fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Flow<'a>, Rejected> {
        match self.when.holds(scope)? {
            Some(true) => Ok(Flow::Next(scope.body)),
            Some(false) => Ok(Flow::Filtered),
            // A filter must not lose a message because of a misspelt field.
            None => {
                let text = self.when.text();
                Err(Rejected::because(format!("`{text}`: is nothing, neither true nor false")))
            }
        }
    }

    fn parts<'a>(&self, scope: &Scope<'a>) -> Vec<Part<'a>> {
        vec![Part::of("", &self.when, scope)]
    }

    fn infer(&self, body: &Type, report: &mut Report) -> Type {
        let inferred = self.when.infer_condition(Known { body, item: None }, report);
        let then = text!("where it is, the message is bad: neither let through nor filtered");
        let help =
            text!("ask with `| exists`, or give another value: `($.total | default(0)) > 0`");
        inferred.must_be_there(then, help, report);
        self.when.narrow(body)
    }

    fn uses_hash(&self) -> bool {
        self.when.uses_hash()
    }
}
