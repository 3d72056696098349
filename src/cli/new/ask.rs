//! Asking for what no flag says.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::{
    cli::{CouldNot, screen::escaped},
    diagnostic::{Language, Text, text},
};

/// Whether somebody can be asked.
pub(super) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// What was given, or else is answered; `read` says why it cannot be, and then it is asked for again.
///
/// # Errors
///
/// What was given cannot be; or nobody can be asked, and the flag is named.
pub(super) fn required<T>(
    given: Option<String>,
    flag: &str,
    (question, language): (&Text, Language),
    read: impl Fn(String) -> Result<T, CouldNot>,
) -> Result<T, CouldNot> {
    if let Some(given) = given {
        return read(given);
    }
    if !can_ask() {
        return Err(CouldNot(format!("`{flag}` is missing, and there is no terminal to ask at")));
    }
    loop {
        let Some(text) = answer(&question.told(language))? else {
            return Err(CouldNot(format!("`{flag}` is missing")));
        };
        if !text.is_empty()
            && let Some(value) = accepted(read(text))?
        {
            return Ok(value);
        }
    }
}

/// What was given, or else is answered; nothing where nobody can be asked or the answer is empty.
///
/// # Errors
///
/// What was given cannot be.
pub(super) fn optional<T>(
    given: Option<String>,
    (question, language): (Text, Language),
    read: impl Fn(String) -> Result<T, CouldNot>,
) -> Result<Option<T>, CouldNot> {
    if let Some(given) = given {
        return read(given).map(Some);
    }
    if !can_ask() {
        return Ok(None);
    }
    let question = text!("{} (Enter for none)", question).told(language);
    loop {
        let text = answer(&question)?.unwrap_or_default();
        if text.is_empty() {
            return Ok(None);
        }
        if let Some(value) = accepted(read(text))? {
            return Ok(Some(value));
        }
    }
}

/// Any text.
#[expect(clippy::unnecessary_wraps, reason = "stands where a reader may refuse")]
pub(super) fn anything(text: String) -> Result<String, CouldNot> {
    Ok(text)
}

/// One of a few words.
pub(super) fn one_of(text: String, words: &[&str]) -> Result<String, CouldNot> {
    if words.contains(&text.as_str()) {
        return Ok(text);
    }
    Err(CouldNot(format!("`{}`: write one of `{}`", text.escape_debug(), words.join("`, `"))))
}

/// A value, or why it is none, which is told.
fn accepted<T>(read: Result<T, CouldNot>) -> Result<Option<T>, CouldNot> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(CouldNot(reason)) => {
            put(&format!("  {}\n", escaped(&reason)))?;
            Ok(None)
        }
    }
}

fn answer(question: &str) -> Result<Option<String>, CouldNot> {
    put(&format!("{question}: "))?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).map_err(failed)?;
    if read == 0 {
        put("\n")?;
    }
    Ok((read > 0).then(|| line.trim().to_owned()))
}

fn put(text: &str) -> Result<(), CouldNot> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn failed(error: io::Error) -> CouldNot {
    CouldNot(format!("the terminal: {error}"))
}
