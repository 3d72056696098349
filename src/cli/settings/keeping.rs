//! What the settings say of what is kept: how long, and the keys of what is sealed.

use std::{ops::RangeInclusive, time::Duration};

use super::{Settings, SettingsFile, file::RetentionSpec};
use crate::{
    connector::Secret,
    diagnostic::{Code, Entries, Located, Report, Text, text, units::DurationText},
    engine::RETENTION_JOURNAL_MIN,
    sealing::{KEY_NAME_MAX, SealingKey},
    spans,
};

/// The longest: ten years, as letters of an archive are kept.
const KEPT_MAX: Duration = Duration::from_hours(3650 * 24);

/// The shortest for bodies: what is forgotten is looked for every 10 s.
const BODIES_MIN: Duration = Duration::from_mins(1);

/// Keys that one gateway has at most: each change of the key leaves one until what it sealed is
/// forgotten.
const KEYS_MAX: usize = 16;

impl Settings {
    /// Takes over what is said of what is kept, and of traces.
    pub(super) fn take_kept(&mut self, file: &SettingsFile, report: &mut Report) {
        self.take_retention(&file.retention, report);
        self.take_body_keys(&file.body_keys, report);
        if let Some(traces) = &file.traces {
            self.traces = receiver(traces, report);
        }
    }

    fn take_retention(&mut self, spec: &RetentionSpec, report: &mut Report) {
        let of_journal = RETENTION_JOURNAL_MIN..=KEPT_MAX;
        let help = text!("write at least `7d` and at most `3650d`");
        kept(&mut self.retention.journal, spec.journal.as_ref(), (of_journal, help), report);
        let help = text!("write at least `1m` and at most `3650d`");
        let of_bodies = BODIES_MIN..=KEPT_MAX;
        kept(&mut self.retention.bodies, spec.bodies.as_ref(), (of_bodies, help), report);
    }

    fn take_body_keys(&mut self, keys: &Entries<Located<Secret>>, report: &mut Report) {
        if keys.is_empty() {
            return;
        }
        self.body_keys.clear();
        for (index, (name, key)) in keys.iter().enumerate() {
            if index == KEYS_MAX {
                let found = report.error(name.at, Code::WrongKind, "too many keys");
                found.help("take out those by which nothing is sealed any more");
            }
            let letters = name.value.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
            if !letters || !(1..=KEY_NAME_MAX).contains(&name.value.len()) {
                let message = text!("`{}` cannot be the name of a key", &name.value);
                let found = report.error(name.at, Code::BadName, message);
                found.help("write letters, digits and `-`: it stands in front of each sealed body");
                continue;
            }
            match SealingKey::parse(&name.value, key.value.reveal()) {
                Some(key) => self.body_keys.push(key),
                None => {
                    let found = report.error(key.at, Code::WrongKind, "not a key of 32 bytes");
                    found.help("write what `openssl rand -hex 32` prints: 64 hexadecimal digits");
                }
            }
        }
    }
}

/// Where traces go. Messages here never show the text: it may hold a password.
fn receiver(text: &Located<Secret>, report: &mut Report) -> Option<spans::Address> {
    let address = spans::Address::parse(text.value.reveal());
    if address.is_none() {
        let found =
            report.error(text.at, Code::WrongKind, "not an address of a receiver of traces");
        found.help("write `http://host:4318`, where OTLP is taken over HTTP");
    }
    address
}

fn kept(
    slot: &mut Duration,
    said: Option<&Located<DurationText>>,
    (range, help): (RangeInclusive<Duration>, Text),
    report: &mut Report,
) {
    let Some(said) = said else { return };
    if !range.contains(&said.value.0) {
        report.error(said.at, Code::WrongKind, "a retention out of range").help(help);
        return;
    }
    *slot = said.value.0;
}
