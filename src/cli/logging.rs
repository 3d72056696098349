//! The log: what the process says about itself. Never a body, never a secret, never a control
//! character of somebody else.

use std::{
    io::{self, Write},
    panic,
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::broker::rabbitmq::UNLOGGED;

use super::{CouldNot, LogFormat, screen::escaped};

/// What is logged where nothing is said. Not what the AMQP library says: every refusal of a broker
/// is an error to it, and it announces to give up where simpul never does; what matters of it is
/// said once, by simpul.
const USUAL: &str = "info,lapin=off,hyper=warn";

/// Bytes of a line in the log; what is longer is cut.
const LINE_BYTES_MAX: usize = 8 * 1024;

/// Starts the log on standard error; `filter` says what is logged: `info`, `simpul=debug,warn`.
pub(super) fn start(format: LogFormat, filter: Option<&str>) -> Result<(), CouldNot> {
    let filter = parse(filter.unwrap_or(USUAL))?;
    let filter = match UNLOGGED.parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Lines(format))
        .with_ansi(false);
    let started = match format {
        LogFormat::Human => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| CouldNot(format!("the log cannot be started: {error}")))
}

/// A word that is no level would be taken for the name of a part of the program, and everything
/// else be silent: `verbose` must not switch the log off.
fn parse(filter: &str) -> Result<EnvFilter, CouldNot> {
    let wrong = |what: String| {
        CouldNot(format!("`log`: {what}; write for example `info` or `simpul=debug,warn`"))
    };
    let mut words = filter.split(',').filter(|it| !it.contains(['=', '[']));
    if let Some(word) = words.find(|it| it.is_empty() || it.parse::<LevelFilter>().is_err()) {
        let levels = "there are off, error, warn, info, debug, trace";
        return Err(wrong(format!("`{}` is no level; {levels}", escaped(word))));
    }
    EnvFilter::try_new(filter).map_err(|error| wrong(error.to_string()))
}

/// Logs where a panic happened. Its text only where it was written into the program: one that was
/// put together at run time may quote a message.
pub(super) fn catch_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let text = info.payload().downcast_ref::<&'static str>().copied().unwrap_or_default();
        if tracing::event_enabled!(tracing::Level::ERROR) {
            tracing::error!(place, "bug: panic: {text}");
        } else {
            super::complain(&format!("bug: panic at {place}: {text}"));
        }
    }));
}

/// Writes each line of the log whole, cut, and without control characters.
struct Lines(LogFormat);

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line(self.0)
    }
}

/// One line; the subscriber writes it with one call.
struct Line(LogFormat);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = match self.0 {
            LogFormat::Human => human(bytes),
            LogFormat::Json => json(bytes),
        };
        // A log that cannot be written must not stop the bus.
        let _ = io::stderr().lock().write_all(line.as_bytes());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn human(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let whole = text.trim_end_matches('\n');
    let kept = whole.get(..whole.floor_char_boundary(LINE_BYTES_MAX)).unwrap_or_default();
    let mark = if kept.len() < whole.len() { " … (cut)" } else { "" };
    format!("{}{mark}\n", escaped(kept).replace('\n', "\\n"))
}

/// The line itself: JSON has its own way with control characters. One that is too long becomes a
/// text in an object of its own, for half an object is none.
fn json(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let whole = text.trim_end_matches('\n');
    let kept = whole.get(..whole.floor_char_boundary(LINE_BYTES_MAX)).unwrap_or_default();
    if kept.len() == whole.len() {
        return format!("{whole}\n");
    }
    format!("{}\n", serde_json::json!({ "message": "a line was cut", "cut": kept }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_level_does_not_switch_the_log_off() {
        for filter in ["info", "WARN", "off", "simpul=debug,warn", "info,hyper=trace", USUAL] {
            assert!(parse(filter).is_ok(), "{filter}");
        }
        let CouldNot(reason) = parse("info,verbose").unwrap_err();
        assert_eq!(
            reason,
            "`log`: `verbose` is no level; there are off, error, warn, info, debug, trace; \
             write for example `info` or `simpul=debug,warn`"
        );
        assert!(parse("simpul=lots").is_err());
        assert!(parse("").is_err());
    }

    #[test]
    fn a_line_stays_one_line_whatever_is_in_it() {
        assert_eq!(
            human(b"INFO satu\ndua\r\x1b[2Jtiga\n"),
            "INFO satu\\ndua\\u{d}\\u{1b}[2Jtiga\n"
        );
    }

    #[test]
    fn a_long_line_is_cut() {
        let cut = human("é".repeat(LINE_BYTES_MAX).as_bytes());
        assert!(cut.len() < LINE_BYTES_MAX + 20, "{}", cut.len());
        assert!(cut.ends_with("é … (cut)\n"));
    }

    #[test]
    fn a_long_line_of_json_stays_json() {
        let long = format!("{{\"message\":\"{}\"}}\n", "x".repeat(LINE_BYTES_MAX));
        let cut: serde_json::Value = serde_json::from_str(&json(long.as_bytes())).unwrap();
        assert_eq!(cut["message"], "a line was cut");
        assert_eq!(json(b"{\"a\":1}\n"), "{\"a\":1}\n");
    }
}
