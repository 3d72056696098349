//! `split`: makes one message of each item of an array.

use super::{Context, Flow, Part, Rejected, SPLIT_MAX, Step, kind_of, text::message_expression};
use crate::{
    diagnostic::{Code, Located, Report, text},
    expr::{Expr, Known, Scope},
    message::Value,
    typing::{Kinds, Type},
};

pub(super) fn compile(
    items: &Located<String>,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<Box<dyn Step>> {
    let items = message_expression(items, context, report)?;
    Some(Box::new(Split { items }))
}

struct Split {
    items: Expr,
}

impl Step for Split {
    fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Flow<'a>, Rejected> {
        let wrong = |what: &str| Rejected::because(format!("`{}`: {what}", self.items.text()));
        match self.items.eval(scope)? {
            // No parts: the route is done with it, by this step, and the journal says so.
            Some(Value::Array([])) => Ok(Flow::Filtered),
            Some(Value::Array(items)) if SPLIT_MAX < items.len() => {
                Err(wrong(&format!("more than {SPLIT_MAX} items")))
            }
            Some(Value::Array(items)) => Ok(Flow::Split(items.to_vec())),
            Some(other) => Err(wrong(&format!("is {}, not an array", kind_of(other)))),
            None => Err(wrong("is nothing, not an array")),
        }
    }

    fn parts<'a>(&self, scope: &Scope<'a>) -> Vec<Part<'a>> {
        vec![Part::of("", &self.items, scope)]
    }

    fn infer(&self, body: &Type, report: &mut Report) -> Type {
        let inferred = self.items.infer(Known { body, item: None }, report);
        let then = text!("where it is, the message is bad: there is nothing to split");
        inferred.must_be_there(then, text!("give another value: `| default([])`"), report);
        let kinds = inferred.value.kinds();
        if kinds.0 != 0 && !kinds.meets(Kinds::ARRAY) {
            let message = text!("`split` takes an array, not {}", kinds.words());
            let found = report.error(self.items.at(), Code::Operand, message);
            found.label(text!("this is {}", inferred.value.clone().present().words()));
            found.help("name the field that holds the items");
        }
        let marks = inferred.value.marks;
        inferred.value.arrays().map(|it| it.each.clone().marked(marks)).unwrap_or_default()
    }

    fn uses_hash(&self) -> bool {
        self.items.uses_hash()
    }
}
