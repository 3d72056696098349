//! What was found, as SARIF 2.1.0: what code scanning services read.
//!
//! Only fields that GitHub names in its reference of what it reads, and those that the standard
//! asks for.

use serde_json::{Value, json};

use super::{Found, path_in_address};
use crate::{
    cli::screen::say_json,
    diagnostic::{Code, Diagnostic, Language, Severity, Span, text},
};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(super) fn say(found: &Found<'_>) {
    say_json(&log(found.diagnostics, found.language));
}

fn log(found: &[Diagnostic], language: Language) -> Value {
    let mut codes: Vec<Code> = found.iter().map(|it| it.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let rules: Vec<Value> = codes.iter().map(|it| rule(*it, language)).collect();
    let results = found.iter().map(|it| {
        let index = codes.binary_search(&it.code).unwrap_or_default();
        result(it, index, language)
    });
    let spoken = match language {
        Language::English => "en",
        Language::Indonesian => "id",
    };
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "simpul",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "language": spoken,
            // Our columns count characters.
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn rule(code: Code, language: Language) -> Value {
    let title = code.title().told(language);
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": title },
        "fullDescription": { "text": title },
        "help": { "text": code.page(), "markdown": code.page() },
        "properties": { "problem.severity": "error", "precision": "very-high" },
    })
}

fn result(found: &Diagnostic, rule: usize, language: Language) -> Value {
    let level = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    json!({
        "ruleId": found.code.as_str(),
        "ruleIndex": rule,
        "level": level,
        "message": { "text": message(found, language) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": path_in_address(&found.file), "uriBaseId": "%SRCROOT%" },
            "region": region(found.at),
        } }],
        "partialFingerprints": { "primaryLocationLineHash": fingerprint(found) },
    })
}

fn message(found: &Diagnostic, language: Language) -> String {
    let mut message = found.message.told(language);
    if !found.label.is_empty() {
        message = format!("{message} ({})", found.label.told(language));
    }
    if let Some(help) = &found.help {
        message = format!("{message}\n{}: {}", text!("help").told(language), help.told(language));
    }
    message
}

/// A region begins on a line from 1; what is about a whole file is shown on its first.
fn region(at: Span) -> Value {
    if at.line == 0 {
        return json!({ "startLine": 1 });
    }
    json!({
        "startLine": at.line,
        "startColumn": at.column,
        "endLine": at.line,
        "endColumn": at.column.saturating_add(at.len.max(1)),
    })
}

/// Stays the same while the mistake stands in its file, on whatever line.
fn fingerprint(found: &Diagnostic) -> String {
    let digest = crate::message::Digest::of(&[
        found.code.as_str().as_bytes(),
        found.file.as_bytes(),
        found.message.english().as_bytes(),
        found.label.english().as_bytes(),
    ]);
    digest.0.iter().take(8).map(|it| format!("{it:02x}")).collect()
}
