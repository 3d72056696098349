//! What is looked at in the route of a message that was fetched: whoever brings one is told at the
//! door, and here is nobody who could be told.

use super::pipeline::{Setting, VIOLATIONS_MAX, bad, told};
use crate::{
    expr::Scope,
    ledger::Cause,
    route::Route,
    step::{Rejected, Schema},
};

/// Holds the body against the schema of its source, if it was fetched.
pub(super) fn check(setting: Setting<'_>, route: &Route, scope: &Scope<'_>) -> Result<(), Cause> {
    let source = setting.plan.sources.get(&route.from).filter(|it| it.source.pull.is_some());
    let Some(schema) = source.and_then(|it| it.schema.as_ref()) else { return Ok(()) };
    let place = || format!("from {}: schema", route.from);
    if !scope.budget.take(Schema::steps(scope.body)) {
        return Err(bad(&place(), Rejected::too_much()));
    }
    let violations = schema.violations(scope.body, VIOLATIONS_MAX);
    match violations.is_empty() {
        true => Ok(()),
        false => Err(bad(&place(), told(&violations))),
    }
}
