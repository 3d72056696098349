//! What a person sees: lines, and a block of progress that is redrawn where there is a terminal.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Without a terminal, progress is written as plain lines, this far apart at least.
const PLAIN_PAUSE: Duration = Duration::from_secs(2);

/// Lines that the output of one command may take on the screen.
const OUTPUT_LINES_MAX: usize = 24;

/// Where everything goes that a person reads.
pub(super) struct Display {
    /// Standard output belongs to the JSON object: everything else goes to standard error.
    to_stderr: bool,
    redraws: bool,
    drawn: Mutex<Drawn>,
}

#[derive(Debug, Default)]
struct Drawn {
    /// Lines of progress that stand at the end of the screen.
    lines: usize,
    last: Vec<String>,
    /// When progress was written last, or something else that there was to read.
    at: Option<Instant>,
}

impl Display {
    /// A screen on standard output, or on standard error where that is `for_json`.
    pub(super) fn new(for_json: bool) -> Self {
        let redraws =
            if for_json { io::stderr().is_terminal() } else { io::stdout().is_terminal() };
        Self { to_stderr: for_json, redraws, drawn: Mutex::default() }
    }

    /// A line, below what was written before.
    pub(super) fn line(&self, text: &str) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = erase(&mut drawn);
        all.push_str(text);
        all.push('\n');
        drawn.at = Some(Instant::now());
        if self.redraws {
            // It was erased, and is drawn again below the line even where it has not changed.
            drawn.last.clear();
        }
        self.write(&all);
    }

    /// The head of a new part.
    pub(super) fn heading(&self, text: &str) {
        self.line(&format!("\n== {text}"));
    }

    /// A command as an operator types it, and what it answered.
    pub(super) fn command(&self, command: &str, output: &str) {
        self.line(&format!("  $ {command}"));
        let lines: Vec<_> = output.lines().collect();
        for line in lines.iter().take(OUTPUT_LINES_MAX) {
            self.line(&format!("  | {line}"));
        }
        if let Some(more) = lines.len().checked_sub(OUTPUT_LINES_MAX).filter(|it| *it > 0) {
            self.line(&format!("  | … {more} more lines"));
        }
    }

    /// The state of things: replaces the one before on a terminal; elsewhere it is written when
    /// it has changed, and not too often.
    pub(super) fn progress(&self, lines: Vec<String>) {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        if drawn.last == lines {
            return;
        }
        if !self.redraws && drawn.at.is_some_and(|at| at.elapsed() < PLAIN_PAUSE) {
            return;
        }
        let mut all = erase(&mut drawn);
        for line in &lines {
            all.push_str(line);
            all.push('\n');
        }
        if self.redraws {
            drawn.lines = lines.len();
        }
        drawn.last = lines;
        drawn.at = Some(Instant::now());
        self.write(&all);
    }

    fn write(&self, text: &str) {
        // Nobody can be told that nobody reads.
        let _ = if self.to_stderr {
            io::stderr().write_all(text.as_bytes())
        } else {
            io::stdout().write_all(text.as_bytes())
        };
    }
}

/// What takes the progress off a terminal again.
fn erase(drawn: &mut Drawn) -> String {
    match std::mem::take(&mut drawn.lines) {
        0 => String::new(),
        lines => format!("\x1b[{lines}A\x1b[J"),
    }
}
