//! A password, typed unseen or read from standard input.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::{
    cli::CouldNot,
    ops::access::password::{self, Hashed},
};

/// Asks for a new password, twice at a terminal; its hash.
///
/// # Errors
///
/// It cannot be read, or is none that is taken.
pub(super) fn password() -> Result<String, CouldNot> {
    let password = if io::stdin().is_terminal() {
        let first = unseen("password: ")?;
        if first != unseen("once more: ")? {
            return Err(CouldNot("the two passwords differ; nothing was changed".to_owned()));
        }
        first
    } else {
        line()?
    };
    let hashed = password::hash(&password).map_err(|wrong| CouldNot(wrong.english()))?;
    Ok(Hashed::to_text(&hashed))
}

/// What is typed, without showing it.
fn unseen(question: &str) -> Result<String, CouldNot> {
    let mut err = io::stderr().lock();
    let _ = err.write_all(question.as_bytes()).and_then(|()| err.flush());
    let hidden = Hidden::begin()?;
    let read = line();
    drop(hidden);
    let _ = err.write_all(b"\n");
    read
}

fn line() -> Result<String, CouldNot> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).map_err(failed)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// A terminal that does not show what is typed; it does again when this is dropped.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> Result<Self, CouldNot> {
        let before = tcgetattr(io::stdin()).map_err(|error| failed(error.into()))?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)
            .map_err(|error| failed(error.into()))?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing anyway.
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
    }
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn failed(error: io::Error) -> CouldNot {
    CouldNot(format!("the terminal: {error}"))
}
