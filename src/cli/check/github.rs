//! What was found, as commands to the runner of GitHub Actions: it marks the lines of a pull request.
//!
//! A command is one line, `::error file=…,line=…::message`. What it may not hold is written as
//! `%25`, `%0D`, `%0A`, and in a property also `%3A` and `%2C`.

use super::Found;
use crate::{
    cli::screen::{escaped, say as say_line},
    diagnostic::{Diagnostic, Language, Severity, Span, text},
};

pub(super) fn say(found: &Found<'_>) {
    for diagnostic in found.diagnostics {
        say_line(&escaped(&command(diagnostic, found.language)));
    }
    say_line(&found.summary());
}

fn command(found: &Diagnostic, language: Language) -> String {
    let severity = match found.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let Span { line, column, len } = found.at;
    let code = found.code.as_str();
    let mut properties = vec![format!("file={}", property(&found.file))];
    if line > 0 {
        properties.push(format!("line={line}"));
        properties.push(format!("col={column}"));
        properties.push(format!("endColumn={}", column.saturating_add(len.max(1))));
    }
    let message = found.message.told(language);
    properties.push(format!("title={}", property(&format!("{code}: {message}"))));
    let mut lines = vec![message];
    if !found.label.is_empty() {
        lines.push(found.label.told(language));
    }
    if let Some(help) = &found.help {
        lines.push(format!("{}: {}", text!("help").told(language), help.told(language)));
    }
    format!("::{severity} {}::{}", properties.join(","), data(&lines.join("\n")))
}

/// Text that a command may hold.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text that a property of a command may hold.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Report};

    #[test]
    fn what_would_end_a_command_or_a_property_is_written_otherwise() {
        let mut report = Report::default();
        report.enter("routes/a,b:50%.yaml");
        let at = Span { line: 3, column: 5, len: 2 };
        report.error(at, Code::Trap, "100 %: a,\nb").label("here").help("write `a`");
        report.warn(Span::default(), Code::File, "whole file");
        let found = report.into_sorted();
        let lines: Vec<_> = found.iter().map(|it| command(it, Language::English)).collect();
        assert_eq!(
            lines,
            [
                "::warning file=routes/a%2Cb%3A50%25.yaml,title=S012%3A whole file::whole file",
                "::error file=routes/a%2Cb%3A50%25.yaml,line=3,col=5,endColumn=7,\
                 title=S006%3A 100 %25%3A a%2C%0Ab::100 %25: a,%0Ab%0Ahere%0Ahelp: write `a`",
            ]
        );
    }
}
