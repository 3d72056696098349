//! What a route says of the bodies that pass through it: whether they are kept, and how long.

use std::time::Duration;

use super::{file::RouteFile, plan::Bodies};
use crate::diagnostic::{Code, Report, Text, text};

/// The shortest time for which bodies are kept: what is forgotten is looked for every 10 s.
const RETENTION_MIN: Duration = Duration::from_mins(1);

/// The longest: ten years, as letters of an archive are kept.
const RETENTION_MAX: Duration = Duration::from_hours(3650 * 24);

/// What is kept of bodies, and how long where the route says so.
pub(super) fn bodies(
    file: &RouteFile,
    has_key: bool,
    report: &mut Report,
) -> (Bodies, Option<Duration>) {
    let bodies = file.bodies.as_ref().map(|it| it.value).unwrap_or_default();
    if let Some(said) = &file.bodies
        && bodies == Bodies::Full
        && !has_key
    {
        let message = text!("`bodies: full`, and there is no key to seal them with");
        let found = report.error(said.at, Code::OutOfPlace, message);
        found.label("they would stand on the disk for everybody to read").help(keys_help());
    }
    if let Some(said) = &file.retention {
        if bodies == Bodies::None {
            let message = text!("`retention` in a route that keeps no bodies");
            let found = report.error(said.at, Code::OutOfPlace, message);
            found.help("write `bodies: digest` or `bodies: full` beside it, or leave this out");
        }
        if !(RETENTION_MIN..=RETENTION_MAX).contains(&said.value.0) {
            let found = report.error(said.at, Code::WrongKind, "a retention out of range");
            found.help("write at least `1m` and at most `3650d`");
        }
    }
    (bodies, file.retention.as_ref().map(|it| it.value.0))
}

/// What to do where bodies are to be sealed without a key.
fn keys_help() -> Text {
    text!(
        "write `body_keys: { k1: \"${file:/run/secrets/simpul-bodies}\" }` into simpul.yaml; \
         `openssl rand -hex 32` makes a key"
    )
}
