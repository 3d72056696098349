//! What the doctor found out about one thing, in one line.

use serde::Serialize;

use crate::cli::screen::{counted, escaped};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// It works, and will not for long or not for everybody.
    Warn,
    /// It does not work.
    Fail,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    state: State,
    /// What was looked at: `files`, `disk`, `target`.
    about: &'static str,
    /// What is the case.
    what: String,
    /// What to do, where there is something.
    #[serde(rename = "do")]
    todo: Option<String>,
}

impl Line {
    pub(super) fn ok(about: &'static str, what: impl Into<String>) -> Self {
        Self { state: State::Ok, about, what: what.into(), todo: None }
    }

    pub(super) fn warn(
        about: &'static str,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { state: State::Warn, about, what: what.into(), todo: Some(todo.into()) }
    }

    pub(super) fn fail(
        about: &'static str,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { state: State::Fail, about, what: what.into(), todo: Some(todo.into()) }
    }

    pub(super) fn is_failure(&self) -> bool {
        self.state == State::Fail
    }
}

/// A line for each thing, and one that counts them.
pub(super) fn render(lines: &[Line]) -> String {
    let width = lines.iter().map(|it| it.about.len()).max().unwrap_or_default();
    let mut out = String::new();
    for Line { state, about, what, todo } in lines {
        let state = match state {
            State::Ok => "ok  ",
            State::Warn => "warn",
            State::Fail => "fail",
        };
        let todo = todo.as_ref().map_or_else(String::new, |it| format!("; {it}"));
        let line = format!("{state}  {about:width$}  {what}{todo}");
        out.push_str(&escaped(&line).replace('\n', " "));
        out.push('\n');
    }
    let count = |state| lines.iter().filter(|it| it.state == state).count() as u64;
    out.push_str(&format!(
        "\n{} ok, {}, {}",
        count(State::Ok),
        counted(count(State::Warn), "warning", "warnings"),
        counted(count(State::Fail), "failure", "failures")
    ));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_it_is_what_it_is_and_what_to_do() {
        let lines = [
            Line::ok("files", "3 routes: no mistakes"),
            Line::warn("disk", "1 GiB free", "make room"),
            Line::fail("target", "arsip: \u{1b}[31m\nrefused", "start it"),
        ];
        insta::assert_snapshot!(render(&lines), @r"
        ok    files   3 routes: no mistakes
        warn  disk    1 GiB free; make room
        fail  target  arsip: \u{1b}[31m refused; start it

        1 ok, 1 warning, 1 failure
        ");
    }
}
