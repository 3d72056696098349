//! Sources that are silent, what waits for too long, and dead letters.

use std::collections::BTreeMap;

use super::Needs;
use crate::{
    diagnostic::text,
    message::Endpoint,
    ops::console::{
        figures::age,
        state::{Level, promise, waits_for},
    },
};

impl Needs<'_> {
    /// Sources that are silent, or cannot be fetched from.
    pub(super) fn sources(&mut self) {
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
                    "What is published waits in its queue, and is fetched once simpul can. See \
                     whether RabbitMQ runs, the queue is there, and user and password in \
                     connectors/{}.yaml are right.",
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
                    "It is expected to send something at least every {}. See whether simpul \
                     refuses it; then ask whether the system sends at all.{}",
                    age(*every),
                    self.ask(source)
                );
                self.push(Level::Warn, (what, todo), &link, there);
            }
        }
    }

    /// What waits for longer than it should, where no target's state tells why.
    pub(super) fn backlogs(&mut self) {
        let facts = self.facts;
        for route in &facts.status {
            for target in &route.targets {
                let name = target.target.to_string();
                let link = format!("/console/routes/{}", route.route);
                let there = text!("Open the route");
                let waits = target.waiting + target.retrying;
                if target.orphaned && 0 < waits_for(target) {
                    let what = text!(
                        "{} deliveries of `{}` wait for {}, where the files that run send \
                         nothing any more.",
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
                        "They are to be there within {}. The target answers, but takes less \
                         than comes, or fails now and then: see its attempts.",
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
                        "They go on once it is replayed or discarded, or somebody lets the key \
                         go on without it."
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
    pub(super) fn dead(&mut self) {
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
                "They are kept. See why, correct it, preview what would be sent, and replay \
                 them together."
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
