//! The scenarios, by their names in the matrix of faults.

mod broker;
mod clock;
mod cluster;
mod input;
mod kills;
mod lifecycle;
mod pair;
mod power;
mod targets;
mod windows;

use std::pin::Pin;

use crate::stage::{Broker, Context, Played};

/// A scenario at work.
pub(crate) type Playing = Pin<Box<dyn Future<Output = Played>>>;

/// One line of the matrix.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) fault: &'static str,
    /// On which brokers it makes sense.
    pub(crate) brokers: &'static [Broker],
    /// Whether it belongs to the set that every change must pass.
    pub(crate) core: bool,
    pub(crate) play: fn(Context) -> Playing,
}

const BOTH: &[Broker] = &[Broker::Embedded, Broker::RabbitMq];
const EMBEDDED: &[Broker] = &[Broker::Embedded];
const RABBITMQ: &[Broker] = &[Broker::RabbitMq];

macro_rules! scenario {
    ($name:literal, $fault:literal, $brokers:expr, $core:expr, $play:path) => {
        Scenario {
            name: $name,
            fault: $fault,
            brokers: $brokers,
            core: $core,
            play: |context| Box::pin($play(context)),
        }
    };
}

/// All of them.
pub(crate) const ALL: &[Scenario] = &[
    scenario!("F01", "kill -9 before anything is stored (W1)", BOTH, true, windows::before_append),
    scenario!(
        "F02",
        "kill -9 after it is stored, before the answer (W2)",
        BOTH,
        true,
        windows::before_reply
    ),
    scenario!(
        "F03",
        "kill -9 after publishing, before the confirm is seen (W3)",
        RABBITMQ,
        true,
        windows::before_confirm
    ),
    scenario!(
        "F04",
        "kill -9 between the destinations of a message (W4)",
        BOTH,
        true,
        windows::between_destinations
    ),
    scenario!(
        "F05",
        "kill -9 before and after a delivery is sent (W5, W6)",
        BOTH,
        true,
        windows::around_send
    ),
    scenario!(
        "F06",
        "kill -9 after the outcome is stored, before the ack (W7)",
        BOTH,
        true,
        windows::before_ack
    ),
    scenario!(
        "F07",
        "kill -9 at a retry and at a dead letter (W8, W9)",
        BOTH,
        true,
        windows::retry_and_dead
    ),
    scenario!("F08", "kill -9 at random moments", BOTH, true, kills::random),
    scenario!("F09", "a crash loop with everything prefetched", BOTH, true, kills::crash_loop),
    scenario!("F10", "kill -9 of RabbitMQ", RABBITMQ, true, broker::killed),
    scenario!("F11", "RabbitMQ stopped for a while", RABBITMQ, true, broker::stopped),
    scenario!(
        "F12",
        "three nodes, the leader of a route's queue killed",
        RABBITMQ,
        false,
        cluster::leader_killed
    ),
    scenario!(
        "F13",
        "three nodes, two of them killed, then back",
        RABBITMQ,
        false,
        cluster::quorum_lost
    ),
    scenario!(
        "F14",
        "a partition, the gateway on the smaller side",
        RABBITMQ,
        false,
        cluster::partition
    ),
    scenario!("F15", "a partition that comes and goes", RABBITMQ, false, cluster::flapping),
    scenario!("F16", "half-open connections to RabbitMQ", RABBITMQ, true, broker::half_open),
    scenario!("F17", "confirms lost, publications arrive", RABBITMQ, true, broker::one_way),
    scenario!(
        "F18",
        "RabbitMQ closes a channel (consumer timeout)",
        RABBITMQ,
        true,
        broker::channel_closed
    ),
    scenario!("F19", "memory alarm", RABBITMQ, true, broker::memory_alarm),
    scenario!("F20", "queues full (reject-publish)", RABBITMQ, true, broker::queue_full),
    scenario!("F21", "a destination takes 5 s for each answer", BOTH, true, targets::slow),
    scenario!("F22", "a destination answers 500 for a while", BOTH, true, targets::failing),
    scenario!("F23", "429 with Retry-After", BOTH, true, targets::told_to_wait),
    scenario!(
        "F24",
        "a destination reads everything and never answers",
        BOTH,
        true,
        targets::never_answering
    ),
    scenario!("F25", "a destination is stopped (SIGSTOP)", BOTH, true, targets::half_open),
    scenario!("F26", "resets, truncated and dripping answers", BOTH, true, targets::breaking_off),
    scenario!("F27", "401 from one destination", BOTH, true, targets::other_password),
    scenario!("F32", "power cuts: what was not synced is gone", EMBEDDED, true, power::cut),
    scenario!("F33", "SIGTERM under load, and a second one", BOTH, true, lifecycle::terminated),
    scenario!(
        "F34",
        "two gateways are restarted one after the other",
        RABBITMQ,
        false,
        pair::rolling
    ),
    scenario!(
        "F35",
        "a reload each second, good and broken files mixed",
        BOTH,
        true,
        lifecycle::reloaded
    ),
    scenario!(
        "F36",
        "one key fifty times at once, and with another body",
        BOTH,
        true,
        input::duplicates
    ),
    scenario!(
        "F37",
        "poison: a panic, an endless expression, headers nested deeply",
        BOTH,
        true,
        input::poison
    ),
    scenario!("F38", "oversized: bodies, headers, batches", BOTH, true, input::oversized),
    scenario!("F39", "the clock is put forward, back, to 1970, and leaps", BOTH, false, clock::put),
    scenario!(
        "F42",
        "a second process on the same store",
        EMBEDDED,
        true,
        lifecycle::second_process
    ),
];
