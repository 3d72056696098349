//! The names and arguments of queues at RabbitMQ.

use std::{collections::BTreeSet, time::Duration};

use super::identity::MARK;
use crate::amqp::{Argument, QueueSpec};

/// Where RabbitMQ puts what it gives up by itself, which it never should.
pub(super) const DEAD: &str = "simpul.dead";

/// What the exchanges and queues of the ladder are called, before their delay.
pub const RUNG: &str = "simpul.delay.";

/// Never reached: but with none, 3.10 puts what comes back at the end of its queue, and 4.x drops
/// after 20 returns. `-1` would delete at the first one on 3.10.
const DELIVERIES_MAX: i64 = 1_000_000;

/// One of the queues among which the entries with order keys are divided.
pub(super) fn shard(queue: &str, number: u64) -> String {
    format!("{queue}.s{number:02}")
}

/// What a queue of ours consists of at RabbitMQ: shards, where its entries have an order.
pub(super) fn places(queue: &str, has_order: bool, shards: usize) -> Vec<String> {
    match has_order {
        true => (0..shards.max(1) as u64).map(|it| shard(queue, it)).collect(),
        false => vec![queue.to_owned()],
    }
}

/// Every queue of RabbitMQ that `queues` of ours come to, each with whether its entries have an
/// order, and those that all gateways need.
pub(super) fn needed<'a>(
    queues: impl IntoIterator<Item = (&'a str, bool)>,
    shards: usize,
    rungs: &[Duration],
) -> BTreeSet<String> {
    let mut all: BTreeSet<_> = rungs.iter().copied().map(rung_name).collect();
    all.extend([DEAD.to_owned(), MARK.to_owned()]);
    all.extend(queues.into_iter().flat_map(|(queue, order)| places(queue, order, shards)));
    all
}

/// The name without its shard.
pub(super) fn logical(place: &str) -> &str {
    match place.rsplit_once(".s") {
        Some((queue, shard)) if shard.len() == 2 && shard.bytes().all(|it| it.is_ascii_digit()) => {
            queue
        }
        _ => place,
    }
}

/// A quorum queue whose losses go where they are addressed to.
fn quorum(name: &str) -> QueueSpec {
    let text = |it: &str| Argument::Text(it.to_owned());
    let arguments = vec![
        ("x-queue-type", text("quorum")),
        ("x-overflow", text("reject-publish")),
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-strategy", text("at-least-once")),
    ];
    QueueSpec { name: name.to_owned(), arguments }
}

/// What a rung of the ladder is called, its exchange and its queue.
pub(super) fn rung_name(rung: Duration) -> String {
    format!("{RUNG}{}", label(rung))
}

/// A queue from which everything goes on after a while.
pub(super) fn rung(rung: Duration) -> QueueSpec {
    let ttl = i64::try_from(rung.as_millis()).unwrap_or(i64::MAX);
    let mut queue = quorum(&rung_name(rung));
    queue.arguments.push(("x-message-ttl", Argument::Number(ttl)));
    queue
}

/// A queue with entries. Whatever may have an order has one consumer at a time, also with several
/// gateways: the shards, and the queues of routes.
pub(super) fn of(place: &str) -> QueueSpec {
    let text = |it: &str| Argument::Text(it.to_owned());
    if place == DEAD {
        let arguments = vec![("x-queue-type", text("quorum"))];
        return QueueSpec { name: place.to_owned(), arguments };
    }
    let mut queue = quorum(place);
    queue.arguments.push(("x-dead-letter-routing-key", text(DEAD)));
    queue.arguments.push(("x-delivery-limit", Argument::Number(DELIVERIES_MAX)));
    if logical(place) != place || place.starts_with("simpul.route.") {
        queue.arguments.push(("x-single-active-consumer", Argument::Flag(true)));
    }
    queue
}

/// `5s`, `30m`, `6h`, `1500ms`.
fn label(rung: Duration) -> String {
    let ms = rung.as_millis();
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if ms.is_multiple_of(length) {
            return format!("{}{unit}", ms / length);
        }
    }
    format!("{ms}ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_and_shards_have_the_names_of_the_manual() {
        let labels = [5, 30, 300, 1_800, 7_200, 21_600].map(|it| label(Duration::from_secs(it)));
        assert_eq!(labels, ["5s", "30s", "5m", "30m", "2h", "6h"]);
        assert_eq!(
            logical("simpul.deliver.sppd.arsip.simpan.s03"),
            "simpul.deliver.sppd.arsip.simpan"
        );
        assert_eq!(logical("simpul.deliver.sppd.arsip.simpan"), "simpul.deliver.sppd.arsip.simpan");
        assert_eq!(logical("simpul.deliver.sppd.arsip.s1"), "simpul.deliver.sppd.arsip.s1");
    }

    #[test]
    fn what_has_an_order_needs_its_shards_and_all_share_the_rest() {
        let queues = [("simpul.route.sppd", false), ("simpul.deliver.sppd.arsip.simpan", true)];
        let rungs = [5, 30].map(Duration::from_secs);
        let needed: Vec<_> = needed(queues, 2, &rungs).into_iter().collect();
        let expected = [
            "simpul.dead",
            "simpul.delay.30s",
            "simpul.delay.5s",
            "simpul.deliver.sppd.arsip.simpan.s00",
            "simpul.deliver.sppd.arsip.simpan.s01",
            "simpul.route.sppd",
            "simpul.store",
        ];
        assert_eq!(needed, expected);
    }
}
