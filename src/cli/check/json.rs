//! What was found, for programs.

use serde::Serialize;

use super::{Found, page};
use crate::{
    cli::{rabbitmq::Needs, screen::say_json},
    diagnostic::{Diagnostic, Language, Severity},
};

#[derive(Serialize)]
struct CheckView<'a> {
    usable: bool,
    errors: usize,
    warnings: usize,
    routes: Vec<&'a str>,
    diagnostics: Vec<DiagnosticView<'a>>,
    /// Only where the settings choose a RabbitMQ.
    #[serde(skip_serializing_if = "Option::is_none")]
    rabbitmq: Option<&'a Needs>,
}

#[derive(Serialize)]
struct DiagnosticView<'a> {
    severity: &'static str,
    code: &'static str,
    file: &'a str,
    line: u32,
    column: u32,
    /// How many characters are marked.
    length: u32,
    message: String,
    label: String,
    help: Option<String>,
    /// What the code means, at length.
    page: String,
}

impl<'a> DiagnosticView<'a> {
    fn of(found: &'a Diagnostic, language: Language) -> Self {
        let severity = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        Self {
            severity,
            code: found.code.as_str(),
            file: &found.file,
            line: found.at.line,
            column: found.at.column,
            length: found.at.len,
            message: found.message.told(language),
            label: found.label.told(language),
            help: found.help.as_ref().map(|it| it.told(language)),
            page: page(found.code),
        }
    }
}

pub(super) fn say(found: &Found<'_>) {
    let routes = found.plan.iter().flat_map(|it| it.routes.keys()).map(|it| &**it).collect();
    let diagnostics = found.diagnostics.iter().map(|it| DiagnosticView::of(it, found.language));
    say_json(&CheckView {
        usable: found.plan.is_some(),
        errors: found.count(Severity::Error),
        warnings: found.count(Severity::Warning),
        routes,
        diagnostics: diagnostics.collect(),
        rabbitmq: found.needs.as_ref(),
    });
}
