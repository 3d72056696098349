//! `simpul eval -i`: one expression after the other over one document.

use std::io::{self, BufRead, IsTerminal, Write};

use super::{Given, document};
use crate::{
    cli::{
        CouldNot, Exit, Outcome,
        screen::{complain, escaped, say},
    },
    expr::functions,
};

const HELP: &str = "\
  EXPRESSION       its value; no line at all for nothing
  ? EXPRESSION     what each of its parts comes to
  .message FILE    take another document
  .show            the document
  .item JSON       what `@` is; without JSON, nothing
  .functions       all functions, and what they do
  .help            this
  .quit            as Ctrl-D";

/// Characters of a document that `.show` prints.
const SHOWN_MAX: usize = 20_000;

/// Answers the lines of standard input until it ends.
pub(super) fn run(mut given: Given<'_>) -> Outcome {
    let asks = io::stdin().is_terminal();
    if asks {
        say("one expression a line; `.help` tells what else can be typed");
    }
    let mut exit = Exit::Done;
    let mut lines = io::stdin().lock().lines();
    loop {
        if asks {
            let mut out = io::stdout().lock();
            let _ = write!(out, "> ").and_then(|()| out.flush());
        }
        let Some(line) = lines.next() else { return Ok(exit) };
        let line = line.map_err(|error| CouldNot(format!("standard input: {error}")))?;
        match answer(line.trim(), &mut given) {
            Ok(Some(Exit::Done)) => {}
            Ok(Some(other)) => exit = other,
            Ok(None) => return Ok(exit),
            // A line that does not parse is the most usual thing; the next one may.
            Err(CouldNot(reason)) => {
                complain(&format!("error: {}", escaped(&reason)));
                exit = Exit::FoundWrong;
            }
        }
    }
}

/// Answers a line; nothing where it says that this is enough.
fn answer(line: &str, given: &mut Given<'_>) -> Result<Option<Exit>, CouldNot> {
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    match word {
        "" => {}
        ".quit" | ".exit" => return Ok(None),
        ".help" => say(HELP),
        ".functions" => {
            for function in functions() {
                say(&format!("  {:34} {}", function.usage(), function.summary));
            }
        }
        ".message" if rest.is_empty() => {
            return Err(CouldNot("which? write `.message FILE`".to_owned()));
        }
        ".message" => {
            let before = std::mem::replace(&mut given.document, document(Some(rest))?);
            if let Err(error) = given.scope(|_| Ok(Exit::Done)) {
                given.document = before;
                return Err(error);
            }
        }
        ".show" => {
            let text = String::from_utf8_lossy(&given.document);
            say(&escaped(&text.chars().take(SHOWN_MAX).collect::<String>()));
        }
        ".item" => {
            let item = (!rest.is_empty()).then(|| rest.to_owned());
            let before = std::mem::replace(&mut given.item, item);
            if let Err(error) = given.scope(|_| Ok(Exit::Done)) {
                given.item = before;
                return Err(error);
            }
        }
        "?" => return given.explain(rest).map(Some),
        _ if line.starts_with('.') => {
            return Err(CouldNot(format!(
                "no `{}` here; `.help` tells what there is",
                word.escape_debug()
            )));
        }
        _ => match line.strip_prefix('?') {
            Some(text) => return given.explain(text.trim()).map(Some),
            None => return given.value(line).map(Some),
        },
    }
    Ok(Some(Exit::Done))
}
