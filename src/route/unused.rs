//! What is declared and never used: targets that no route sends to, sources that no route reads.

use std::collections::BTreeSet;

use super::{check::Declared, plan::Plan};
use crate::{
    diagnostic::{Code, Report, Span, text},
    message::Endpoint,
};

/// Adds to `report` what no route of `plan` uses. Only where all files are right: otherwise it may
/// be used by what could not be read.
pub(super) fn unused(plan: &Plan, declared: &Declared, report: &mut Report) {
    let routes = plan.routes.values();
    let sent: BTreeSet<&Endpoint> =
        routes.clone().flat_map(|it| it.to.iter().map(|it| &it.target)).collect();
    let read: BTreeSet<&Endpoint> = routes.map(|it| &it.from).collect();
    let at = |endpoint: &Endpoint| declared.places.get(endpoint).copied().unwrap_or(Span::START);
    for target in plan.targets.keys().filter(|it| !sent.contains(it)) {
        report.enter(&format!("connectors/{}.yaml", target.system));
        let message = text!("no route sends to `{}`", target);
        let found = report.warn(at(target), Code::UnusedTarget, message);
        found.label("a target that is never called");
        found.help(text!("write `- target: {}` in a route, or take it out", target));
    }
    for source in plan.sources.keys().filter(|it| !read.contains(it)) {
        report.enter(&format!("connectors/{}.yaml", source.system));
        let message = text!("no route reads `{}`", source);
        let found = report.warn(at(source), Code::UnreadSource, message);
        found.label("messages that are sent here are refused, or stay in their queue");
        found.help(text!("write `from: {}` in a route, or take it out", source));
    }
}
