//! What needs somebody first, in sentences: what is wrong, and what to do.
//!
//! A pure function of what is known, in the words and with the limits of `simpul alerts`.

mod flow;
mod targets;

use std::time::Duration;

use super::{
    facts::Facts,
    figures::{age, number, size},
    state::Level,
};
use crate::{
    diagnostic::{Language, Text, text},
    message::Timestamp,
};

/// How late the journal may be.
const BEHIND: Duration = Duration::from_secs(30);

/// Something that needs somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// How much.
    pub(super) level: Level,
    /// What is wrong.
    pub(super) what: Text,
    /// What it means, and what to do first.
    pub(super) todo: Text,
    /// Where to go on.
    pub(super) link: String,
    /// What is there.
    pub(super) there: Text,
}

/// Everything that needs somebody, what needs him most first.
pub(super) fn attention(facts: &Facts, language: Language) -> Vec<Item> {
    let mut needs = Needs { facts, language, items: Vec::new() };
    needs.bus();
    needs.targets();
    needs.sources();
    needs.backlogs();
    needs.dead();
    let mut items = needs.items;
    items.sort_by_key(|it| std::cmp::Reverse(it.level));
    items
}

struct Needs<'f> {
    facts: &'f Facts,
    language: Language,
    items: Vec<Item>,
}

impl<'f> Needs<'f> {
    fn push(&mut self, level: Level, (what, todo): (Text, Text), link: &str, there: Text) {
        self.items.push(Item { level, what, todo, link: link.to_owned(), there });
    }

    fn n(&self, it: u64) -> String {
        number(self.language, it)
    }

    /// How long ago a moment was.
    fn ago(&self, at: i64) -> Duration {
        self.facts.now().since(Timestamp::from_millis(at))
    }

    fn since(&self, at: Timestamp) -> String {
        super::figures::short(self.language, at, self.facts.now())
    }

    /// Broker, disk, journal, files.
    fn bus(&mut self) {
        let look = &self.facts.look;
        // Where nobody looks there is nothing to see.
        let looks = look.started_at != 0;
        if looks && !look.broker_up {
            let what = text!("Messages can neither be put into queues nor taken from them.");
            let todo = text!(
                "Senders are told to try again; what was accepted is kept. See whether RabbitMQ \
                 runs, has memory and disk, and can be reached."
            );
            self.push(Level::Bad, (what, todo), "/health/ready", text!("The reason"));
        }
        if 0 < look.damaged {
            let what = text!(
                "{} queue entries are not as they were written, and were put aside.",
                &self.n(look.damaged)
            );
            let todo = text!(
                "The disk gave back other bytes than it was given. Copy the store and run \
                 `simpul store check` on the copy; have the disk examined."
            );
            self.push(Level::Bad, (what, todo), "/console/dead", text!("Dead letters"));
        }
        self.disk();
        if BEHIND < look.journal_behind {
            let what = text!("The journal is {} behind.", age(look.journal_behind));
            let todo = text!(
                "Messages pass, but what happened to them is not written down yet. See whether \
                 the disk of the store, or its PostgreSQL, can be written to."
            );
            self.push(Level::Warn, (what, todo), "/metrics", text!("The figures"));
        }
        if looks && look.reload_refused {
            let what = text!("The files on the disk have mistakes, and are not what runs.");
            let todo = text!(
                "What ran before goes on, but simpul would not start with these files: do not \
                 restart it. See every mistake with its place, correct it, and take the files \
                 into use."
            );
            self.push(
                Level::Warn,
                (what, todo),
                "/console/files?disk=1",
                text!("Compare the files"),
            );
        }
    }

    fn disk(&mut self) {
        let Some(disk) = self.facts.disk else { return };
        let free = size(self.language, disk.free);
        if disk.is_low {
            let what = text!(
                "The disk of the store is nearly full, and nothing is accepted: {} are left.",
                &free
            );
            let todo = text!(
                "Senders are told to try again; deliveries go on. Make room on that disk; \
                 messages are accepted again by themselves."
            );
            self.push(Level::Bad, (what, todo), "/metrics", text!("The figures"));
        } else if disk.free < disk.low.saturating_mul(2) {
            let what = text!("The disk of the store fills up: {} are left.", &free);
            let todo = text!(
                "With less than {} nothing is accepted any more. See what grows: a backlog, \
                 dead letters, or other programs' files.",
                &size(self.language, disk.low)
            );
            self.push(Level::Warn, (what, todo), "/metrics", text!("The figures"));
        }
    }
}

#[cfg(test)]
mod tests;
