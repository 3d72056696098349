//! Expressions in files: compiled, or shown where they are wrong.

use super::Context;
use crate::{
    diagnostic::{Code, Located, Report, Span},
    expr::{Expr, SyntaxError},
};

/// Compiles an expression that stands in a file, adding what is wrong with it to `report`.
pub fn expression(
    text: &Located<String>,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<Expr> {
    Expr::parse_with(&text.value, context.environment())
        .map(|it| it.placed(text.at))
        .map_err(|error| show_syntax_error(text, &error, report))
        .ok()
}

/// As [`expression`], for a place where no `@` can be: `$` is all that a step sees.
pub(super) fn message_expression(
    text: &Located<String>,
    context: &Context<'_>,
    report: &mut Report,
) -> Option<Expr> {
    let expression = expression(text, context, report)?;
    if expression.uses_item() {
        no_item(text.at, report);
        return None;
    }
    Some(expression)
}

/// Adds to `report` that a text in a file does not parse, at the place inside it.
pub fn show_syntax_error(text: &Located<String>, error: &SyntaxError, report: &mut Report) {
    let at = text.at.within(&text.value, error.at.clone());
    let shown = report.error(at, Code::Expression, &error.message);
    if let Some(help) = &error.help {
        shown.help(help);
    }
}

/// Adds to `report` that `@` stands where there is no item.
pub(super) fn no_item(at: Span, report: &mut Report) {
    report
        .error(at, Code::OutOfPlace, "`@` has no item here")
        .label("`@` is the item of `$each`, or of the `each` of a target")
        .help("write `$`, which is the body of the message");
}
