//! Asking for what no flag says.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::{
    cli::CouldNot,
    diagnostic::{Language, Text, text},
};

/// Whether somebody can be asked.
fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// What was given, or else is answered.
///
/// # Errors
///
/// Nobody can be asked; the flag is named.
pub(super) fn required(
    given: Option<String>,
    flag: &str,
    question: &Text,
    language: Language,
) -> Result<String, CouldNot> {
    if let Some(given) = given {
        return Ok(given);
    }
    if !can_ask() {
        return Err(CouldNot(format!("`{flag}` is missing, and there is no terminal to ask at")));
    }
    loop {
        match answer(&question.told(language))? {
            Some(text) if text.is_empty() => {}
            Some(text) => return Ok(text),
            None => return Err(CouldNot(format!("`{flag}` is missing"))),
        }
    }
}

/// What was given, or else is answered; nothing where nobody can be asked or the answer is empty.
pub(super) fn optional(
    given: Option<String>,
    question: Text,
    language: Language,
) -> Result<Option<String>, CouldNot> {
    if given.is_some() || !can_ask() {
        return Ok(given);
    }
    Ok(answer(&text!("{} (Enter for none)", question).told(language))?.filter(|it| !it.is_empty()))
}

fn answer(question: &str) -> Result<Option<String>, CouldNot> {
    let failed = |error: io::Error| CouldNot(format!("the terminal: {error}"));
    let mut out = io::stdout().lock();
    write!(out, "{question}: ").and_then(|()| out.flush()).map_err(failed)?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok((read > 0).then(|| line.trim().to_owned()))
}
