//! Targets that turn simpul away, do not answer, are held, or whose certificate ends.

use std::{collections::BTreeMap, time::Duration};

use super::Needs;
use crate::{
    diagnostic::{Text, text},
    engine::TargetStatus,
    message::{Endpoint, Timestamp},
    ops::console::{
        figures::age,
        state::{Level, waits_for},
    },
};

/// How long a target is unavailable before it is more than a restart.
const DOWN_AFTER: Duration = Duration::from_mins(5);

/// How long an operator's pause lasts before he is reminded.
const PAUSE_KEPT: Duration = Duration::from_hours(24);

/// How long before its end a certificate is to be renewed.
const RENEW: Duration = Duration::from_hours(14 * 24);

/// Why nothing, or little, gets to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    Misconfigured,
    Down,
    Held,
}

/// What the routes have for one target, all together.
#[derive(Default)]
struct For<'f> {
    waiting: u64,
    one: Option<&'f TargetStatus>,
}

impl<'f> Needs<'f> {
    /// Each target once, whatever number of routes goes there.
    pub(super) fn targets(&mut self) {
        let mut all: BTreeMap<&'f Endpoint, For<'f>> = BTreeMap::new();
        for route in &self.facts.status {
            for target in &route.targets {
                let of = all.entry(&target.target).or_default();
                of.waiting += waits_for(target);
                of.one = Some(target);
            }
        }
        // What several targets of one system have in common is said once.
        let mut alike: BTreeMap<(&'f str, Trouble), Vec<(&'f Endpoint, For<'f>)>> = BTreeMap::new();
        for (endpoint, of) in all {
            self.certificate(endpoint);
            if let Some(trouble) = self.trouble(endpoint, &of) {
                alike.entry((&*endpoint.system, trouble)).or_default().push((endpoint, of));
            }
        }
        for (_, targets) in alike {
            let waiting = targets.iter().map(|(_, of)| of.waiting).sum();
            if let Some((endpoint, of)) = targets.first() {
                self.target((*endpoint, targets.len()), &For { waiting, one: of.one });
            }
        }
    }

    fn trouble(&self, endpoint: &Endpoint, of: &For<'f>) -> Option<Trouble> {
        match of.one.and_then(|it| it.pause.as_ref()) {
            Some(pause) if pause.by_operator => Some(Trouble::Held),
            Some(_) => Some(Trouble::Misconfigured),
            None => {
                let failing = &self.facts.look.failing_since;
                failing.contains_key(endpoint.to_string().as_str()).then_some(Trouble::Down)
            }
        }
    }

    fn target(&mut self, (endpoint, count): (&Endpoint, usize), of: &For<'f>) {
        let (mut link, mut there) =
            (format!("/console/targets/{endpoint}"), text!("Open the target"));
        let (mut titled, waiting) = (self.facts.titled(endpoint), self.n(of.waiting));
        if 1 < count {
            link = format!("/console/systems/{}", endpoint.system);
            there = text!("Open the system");
            let title = self.facts.system(endpoint).map(|it| it.title.as_str()).unwrap_or_default();
            let all = text!("{} targets", &self.n(count as u64)).told(self.language);
            titled = match title {
                "" => format!("{} ({all})", endpoint.system),
                title => format!("{} ({title}, {all})", endpoint.system),
            };
        }
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
                    "{} wait for it; nothing is lost. Correct address or password in \
                     connectors/{}.yaml and take the files into use, which frees it; or have it \
                     corrected there, and free it.{}",
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
            "{} wait for it and are tried again; nothing is lost. See whether the system runs \
             and can be reached from here. Once it answers, everything goes on by itself.{}",
            &waiting,
            self.ask(endpoint)
        );
        self.push(level, (what, todo), &link, there);
    }

    /// Whom to ask, as the end of a sentence.
    pub(super) fn ask(&self, endpoint: &Endpoint) -> Text {
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
            "Without a new one the target is paused, and everything for it kept. Ask for it to \
             be renewed.{}",
            self.ask(endpoint)
        );
        self.push(
            Level::Warn,
            (what, todo),
            &format!("/console/targets/{endpoint}"),
            text!("Open the target"),
        );
    }
}
