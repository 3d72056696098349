//! How a route, or its way to a target, fares: one word, and how bad it is.

use std::time::Duration;

use maud::{Markup, html};

use super::Visit;
use crate::{
    diagnostic::{Text, text},
    engine::{Breaker, RouteStatus, TargetStatus, Wiring},
};

/// How much somebody is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Level {
    /// Nothing happens, and nothing waits.
    #[default]
    Idle,
    /// All is well.
    Fine,
    /// Held on purpose.
    Note,
    /// Somebody should look.
    Warn,
    /// Somebody is needed.
    Bad,
}

impl Level {
    /// Its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Fine => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A level and the word for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) level: Level,
    pub(super) word: Text,
}

impl State {
    fn new(level: Level, word: Text) -> Self {
        Self { level, word }
    }

    /// As a mark with its word.
    pub(super) fn sign(&self, visit: &Visit) -> Markup {
        html! { span class={ "sign " (self.level.class()) } { (visit.t(&self.word)) } }
    }

    /// How the way to a target fares; `promise` is how old a message may get there.
    pub(super) fn of_target(target: &TargetStatus, promise: Duration) -> Self {
        let waits = 0 < target.waiting + target.retrying + target.paused;
        match &target.pause {
            Some(pause) if pause.by_operator => {
                return Self::new(Level::Note, text!("paused"));
            }
            Some(_) => return Self::new(Level::Bad, text!("turned away")),
            None => {}
        }
        if target.breaker != Breaker::Closed {
            return Self::new(Level::Bad, text!("does not answer"));
        }
        if target.orphaned && waits {
            return Self::new(Level::Warn, text!("left behind"));
        }
        if waits && promise < target.oldest {
            return Self::new(Level::Warn, text!("late"));
        }
        if 0 < target.tally.dead {
            return Self::new(Level::Warn, text!("dead letters"));
        }
        if 0 < target.parked {
            return Self::new(Level::Warn, text!("parked"));
        }
        if 0 < target.retrying {
            return Self::new(Level::Warn, text!("tries again"));
        }
        Self::new(Level::Fine, text!("fine"))
    }

    /// How a route fares: as its worst target, or its own dead letters.
    pub(super) fn of_route(status: &RouteStatus, wiring: &Wiring) -> Self {
        if !status.running {
            return Self::new(Level::Idle, text!("not in the files that run"));
        }
        let promise = |target: &TargetStatus| promise(wiring, &status.route, target);
        let of_targets = status.targets.iter().map(|it| Self::of_target(it, promise(it)));
        let worst = of_targets.max_by_key(|it| it.level);
        let own = match status.tally.dead {
            0 => Self::new(Level::Fine, text!("fine")),
            _ => Self::new(Level::Warn, text!("dead letters")),
        };
        match worst {
            Some(worst) if own.level < worst.level => worst,
            _ => own,
        }
    }
}

/// Within which time a message is to reach a target of a route.
pub(super) fn promise(wiring: &Wiring, route: &str, target: &TargetStatus) -> Duration {
    let wire =
        wiring.routes.get(route).and_then(|it| it.to.iter().find(|to| to.target == target.target));
    wire.map_or(crate::engine::PROMISE, |it| it.promise)
}

/// Dead letters of a route now: messages that could not be routed, and deliveries given up.
pub(super) fn dead(status: &RouteStatus) -> u64 {
    let of_targets = status.targets.iter().map(|it| it.tally.dead);
    status.tally.dead + of_targets.sum::<u64>()
}

/// What waits on a route: to be routed, and to be delivered.
pub(super) fn waiting(status: &RouteStatus) -> u64 {
    let of_targets = status.targets.iter().map(waits_for);
    status.in_hand + of_targets.sum::<u64>()
}

/// What waits for a target.
pub(super) fn waits_for(target: &TargetStatus) -> u64 {
    target.waiting + target.retrying + target.paused + target.parked
}
