//! What needs somebody first, in sentences: what is wrong, and what to do.
//!
//! A pure function of what is known, in the words and with the limits of `simpul alerts`.

use std::{collections::BTreeMap, time::Duration};

use super::{
    facts::Facts,
    figures::{age, number, size},
    state::{Level, promise, waits_for},
};
use crate::{
    diagnostic::{Language, Text, text},
    engine::TargetStatus,
    message::{Endpoint, Timestamp},
};

/// How long a target is unavailable before it is more than a restart.
const DOWN_AFTER: Duration = Duration::from_mins(5);

/// How long an operator's pause lasts before he is reminded.
const PAUSE_KEPT: Duration = Duration::from_hours(24);

/// How long before its end a certificate is to be renewed.
const RENEW: Duration = Duration::from_hours(14 * 24);

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
    items.sort_by(|left, right| right.level.cmp(&left.level));
    items
}

struct Needs<'f> {
    facts: &'f Facts,
    language: Language,
    items: Vec<Item>,
}

/// What the routes have for one target, all together.
#[derive(Default)]
struct For<'f> {
    waiting: u64,
    routes: Vec<&'f str>,
    one: Option<&'f TargetStatus>,
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
                "Senders are told to try again; what was accepted is kept. See whether RabbitMQ runs, has memory and disk, and can be reached."
            );
            self.push(Level::Bad, (what, todo), "/health/ready", text!("The reason"));
        }
        if 0 < look.damaged {
            let what = text!(
                "{} queue entries are not as they were written, and were put aside.",
                &self.n(look.damaged)
            );
            let todo = text!(
                "The disk gave back other bytes than it was given. Copy the store and run `simpul store check` on the copy; have the disk examined."
            );
            self.push(Level::Bad, (what, todo), "/console/dead", text!("Dead letters"));
        }
        self.disk();
        if BEHIND < look.journal_behind {
            let what = text!("The journal is {} behind.", age(look.journal_behind));
            let todo = text!(
                "Messages pass, but what happened to them is not written down yet. See whether the disk of the store, or its PostgreSQL, can be written to."
            );
            self.push(Level::Warn, (what, todo), "/metrics", text!("The figures"));
        }
        if looks && look.reload_refused {
            let what = text!("The files on the disk have mistakes, and are not what runs.");
            let todo = text!(
                "What ran before goes on, but simpul would not start with these files: do not restart it. See every mistake with its place, correct it, and take the files into use."
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
                "Senders are told to try again; deliveries go on. Make room on that disk; messages are accepted again by themselves."
            );
            self.push(Level::Bad, (what, todo), "/metrics", text!("The figures"));
        } else if disk.free < disk.low.saturating_mul(2) {
            let what = text!("The disk of the store fills up: {} are left.", &free);
            let todo = text!(
                "With less than {} nothing is accepted any more. See what grows: a backlog, dead letters, or other programs' files.",
                &size(self.language, disk.low)
            );
            self.push(Level::Warn, (what, todo), "/metrics", text!("The figures"));
        }
    }

    /// Each target once, whatever number of routes goes there.
    fn targets(&mut self) {
        let mut all: BTreeMap<&'f Endpoint, For<'f>> = BTreeMap::new();
        for route in &self.facts.status {
            for target in &route.targets {
                let of = all.entry(&target.target).or_default();
                of.waiting += waits_for(target);
                of.routes.push(&route.route);
                of.one = Some(target);
            }
        }
        for (endpoint, of) in all {
            self.target(endpoint, &of);
            self.certificate(endpoint);
        }
    }

    fn target(&mut self, endpoint: &Endpoint, of: &For<'f>) {
        let link = format!("/console/targets/{endpoint}");
        let (titled, waiting) = (self.facts.titled(endpoint), self.n(of.waiting));
        let there = text!("Open the target");
        if let Some(pause) = of.one.and_then(|it| it.pause.as_ref()) {
            let lasted = self.facts.now().since(pause.since);
            let since = self.since(pause.since);
            if pause.by_operator {
                let level = if PAUSE_KEPT < lasted { Level::Warn } else { Level::Note };
                let what = text!(
                    "{} is paused by an operator since {}: {}",
                    &titled,
                    &since,
                    &pause.reason
                );
                let todo = text!("{} wait for it until somebody frees it.", &waiting);
                self.push(level, (what, todo), &link, there);
            } else {
                let what = text!(
                    "{} turns simpul away, and is paused since {}: {}",
                    &titled,
                    &since,
                    &pause.reason
                );
                let todo = text!(
                    "{} wait for it; nothing is lost. Correct address or password in connectors/{}.yaml and take the files into use, which frees it; or have it corrected there, and free it.{}",
                    &waiting,
                    &endpoint.system,
                    self.ask(endpoint)
                );
                self.push(Level::Bad, (what, todo), &link, there);
            }
            return;
        }
        let Some(failing) = self.facts.look.failing_since.get(endpoint.to_string().as_str()) else {
            return;
        };
        let lasted = self.ago(*failing);
        let level = if DOWN_AFTER < lasted { Level::Bad } else { Level::Warn };
        let since = self.since(Timestamp::from_millis(*failing));
        let what = text!("{} does not answer since {}, for {}.", &titled, &since, age(lasted));
        let todo = text!(
            "{} wait for it and are tried again; nothing is lost. See whether the system runs and can be reached from here. Once it answers, everything goes on by itself.{}",
            &waiting,
            self.ask(endpoint)
        );
        self.push(level, (what, todo), &link, there);
    }

    /// Whom to ask, as the end of a sentence.
    fn ask(&self, endpoint: &Endpoint) -> Text {
        match self.facts.owner(endpoint).as_str() {
            "" => Text::default(),
            owner => text!(" Answers for it: {}.", owner),
        }
    }

    fn certificate(&mut self, endpoint: &Endpoint) {
        let Some(until) = self.facts.look.certificates.get(endpoint.to_string().as_str()) else {
            return;
        };
        let until = Timestamp::from_millis(*until);
        if self.facts.now().after(RENEW) < until {
            return;
        }
        let titled = self.facts.titled(endpoint);
        let what = match until <= self.facts.now() {
            true => text!("The certificate of {} has ended.", &titled),
            false => text!(
                "The certificate of {} ends in {}.",
                &titled,
                age(until.since(self.facts.now()))
            ),
        };
        let todo = text!(
            "Without a new one the target is paused, and everything for it kept. Ask for it to be renewed.{}",
            self.ask(endpoint)
        );
        self.push(
            Level::Warn,
            (what, todo),
            &format!("/console/targets/{endpoint}"),
            text!("Open the target"),
        );
    }

    /// Sources that are silent, or cannot be fetched from.
    fn sources(&mut self) {
        let facts = self.facts;
        let mut readers: BTreeMap<&Endpoint, Vec<&str>> = BTreeMap::new();
        for (name, route) in &facts.wiring.routes {
            readers.entry(&route.from).or_default().push(name);
        }
        for (source, routes) in readers {
            let name = source.to_string();
            let (titled, first) =
                (facts.titled(source), routes.first().copied().unwrap_or_default());
            let link = format!("/console/routes/{first}");
            let there = text!("Open the route");
            if facts.look.not_connected.iter().any(|it| **it == *name) {
                let what = text!("Nothing can be fetched from {}.", &titled);
                let todo = text!(
                    "What is published waits in its queue, and is fetched once simpul can. See whether RabbitMQ runs, the queue is there, and user and password in connectors/{}.yaml are right.",
                    &source.system
                );
                self.push(Level::Bad, (what, todo), &link, there);
                continue;
            }
            let (every, last) =
                (facts.wiring.rhythms.get(source), facts.look.last_message.get(name.as_str()));
            let Some((every, last)) = every.zip(last) else { continue };
            let silent = self.ago(*last);
            if *every < silent {
                let what = text!("Nothing has come from {} for {}.", &titled, age(silent));
                let todo = text!(
                    "It is expected to send something at least every {}. See whether simpul refuses it; then ask whether the system sends at all.{}",
                    age(*every),
                    self.ask(source)
                );
                self.push(Level::Warn, (what, todo), &link, there);
            }
        }
    }

    /// What waits for longer than it should, where no target's state tells why.
    fn backlogs(&mut self) {
        let facts = self.facts;
        for route in &facts.status {
            for target in &route.targets {
                let name = target.target.to_string();
                let link = format!("/console/routes/{}", route.route);
                let there = text!("Open the route");
                let waits = target.waiting + target.retrying;
                if target.orphaned && 0 < waits_for(target) {
                    let what = text!(
                        "{} deliveries of `{}` wait for {}, where the files that run send nothing any more.",
                        &self.n(waits_for(target)),
                        &route.route,
                        &name
                    );
                    let todo =
                        text!("They stay until the files go there again, or they are given up.");
                    self.push(Level::Warn, (what, todo), &link, there);
                    continue;
                }
                let told =
                    target.pause.is_some() || facts.look.failing_since.contains_key(name.as_str());
                let promise = promise(&facts.wiring, &route.route, target);
                if 0 < waits && !told && promise < target.oldest {
                    let what = text!(
                        "{} deliveries of `{}` wait for {}, the oldest for {}.",
                        &self.n(waits),
                        &route.route,
                        &facts.titled(&target.target),
                        age(target.oldest)
                    );
                    let todo = text!(
                        "They are to be there within {}. The target answers, but takes less than comes, or fails now and then: see its attempts.",
                        age(promise)
                    );
                    self.push(Level::Warn, (what, todo), &link, there);
                }
                if 0 < target.parked {
                    let what = text!(
                        "{} deliveries of `{}` to {} are parked behind a dead letter of their key.",
                        &self.n(target.parked),
                        &route.route,
                        &name
                    );
                    let todo = text!(
                        "They go on once it is replayed or discarded, or somebody lets the key go on without it."
                    );
                    self.push(
                        Level::Warn,
                        (what, todo),
                        &format!("/console/dead?route={}&target={name}", route.route),
                        text!("Dead letters"),
                    );
                }
            }
        }
    }

    /// Dead letters, by what those that failed alike have in common.
    fn dead(&mut self) {
        let facts = self.facts;
        for group in &facts.groups {
            let (count, since) = (self.n(group.count), self.since(group.first));
            let reason = reason(&group.cause.place, &group.cause.reason);
            let what = match (&group.target, group.count) {
                (Some(target), 1) => text!(
                    "A dead letter of `{}` for {} since {}: {}",
                    &group.route,
                    target,
                    &since,
                    &reason
                ),
                (None, 1) => {
                    text!("A dead letter of `{}` since {}: {}", &group.route, &since, &reason)
                }
                (Some(target), _) => text!(
                    "{} dead letters of `{}` for {} since {}: {}",
                    &count,
                    &group.route,
                    target,
                    &since,
                    &reason
                ),
                (None, _) => text!(
                    "{} dead letters of `{}` since {}: {}",
                    &count,
                    &group.route,
                    &since,
                    &reason
                ),
            };
            let todo = text!(
                "They are kept. See why, correct it, preview what would be sent, and replay them together."
            );
            self.push(
                Level::Warn,
                (what, todo),
                &format!("/console/dead/groups/{}", group.name),
                text!("Open the group"),
            );
        }
    }
}

/// Letters of a reason that a sentence shows.
const REASON_MAX: usize = 160;

fn reason(place: &str, reason: &str) -> String {
    let whole = match place {
        "" => reason.to_owned(),
        place => format!("{place}: {reason}"),
    };
    let mut letters = whole.chars();
    let mut short: String = letters.by_ref().take(REASON_MAX).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}
