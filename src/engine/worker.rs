//! One route at work: from its queue, through its steps, into the queues of its targets.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{
    EngineError, Shared,
    batch::{self, Batch, Claims, claim_keys, message_of},
    envelope::route_queue,
    hand::CRASHES_MAX,
    pipeline::{self, Fated, MEMORY_MAX, Routed},
};
use crate::{
    broker::{Delivery, Taking},
    ledger::{self, Claim, Known},
    message::{Arena, Digest, Message, MessageId, Timestamp},
    route::Route,
    store::Writes,
};

/// Messages that are routed and settled together at most.
pub(super) const BATCH_MAX: usize = 64;

/// How long a worker waits after the store or the broker refused.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// Takes messages through the route until `stop`, which is looked at only between batches.
pub(super) async fn run(shared: Arc<Shared>, route: Arc<Route>, stop: CancellationToken) {
    let queue = route_queue(&route.name);
    let mut consumer = shared.broker.consume(&queue, Taking::free(shared.options.prefetch));
    loop {
        let taken = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            taken = consumer.next(BATCH_MAX) => taken,
        };
        // In a box: else every worker that waits would hold the room that the work takes.
        if let Err(error) = Box::pin(work(&shared, &route, taken)).await {
            shared.metrics.broker_errors.inc();
            warn!(route = &*route.name, %error, "messages not settled; they come back");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TROUBLE_PAUSE) => {}
            }
        }
    }
}

pub(super) async fn work(
    shared: &Shared,
    route: &Arc<Route>,
    taken: Vec<Delivery>,
) -> Result<(), EngineError> {
    let routed = route_all(shared, route, &taken);
    let now = shared.clock.now();
    let mut known = known_of(shared, route, &taken).await?;
    let claims = claims_of(shared, route, &taken, &routed, now).await?;
    let generation = shared.live().generation;
    let is_transactional = shared.broker.is_transactional();
    let ids: Vec<_> = taken.iter().map(|it| it.entry.id).collect();
    let mut batch = Batch::new((shared, route), (now, generation));
    (batch.claims, batch.is_transactional) = (claims, is_transactional);
    for (delivery, routed) in taken.into_iter().zip(routed) {
        let id = delivery.entry.id;
        let seen = !batch.seen.insert(id) && !is_transactional;
        match (known.remove(&id), routed) {
            _ if seen => batch.drop_copy(delivery),
            (Some(known), Tried::Routed(routed)) => batch.go_on(delivery, &known, routed),
            (None, Tried::Routed(routed)) => batch.add(delivery, routed),
            (known, Tried::Panicked) => batch.panicked(shared, delivery, known.as_ref()),
            (known, Tried::Crashed) => {
                batch.give_up(delivery, known.as_ref(), batch::crashed("steps", "ended the bus"));
            }
        }
    }
    let Batch { settled, outputs, writes, ended, spans, .. } = batch;
    shared.broker.settle(settled, outputs, writes).await?;
    shared.record(spans);
    shared.in_hand.acquit(&route.name, ids.into_iter());
    batch::count(shared, route, &ended);
    Ok(())
}

/// What the ledger knows of messages that were settled before: a crash, or a settlement that failed
/// halfway, can have come before they left their queue. Fresh ones are asked about too, for of a
/// message that was put in twice it may be the copy that comes first.
async fn known_of(
    shared: &Shared,
    route: &Route,
    taken: &[Delivery],
) -> Result<HashMap<MessageId, Known>, EngineError> {
    if shared.broker.is_transactional() {
        return Ok(HashMap::new());
    }
    let asked: Vec<_> = taken.iter().map(|it| it.entry.id).collect();
    let found = shared.ledger.settled(&route.name, &asked).await?;
    Ok(asked.into_iter().zip(found).filter_map(|(id, known)| Some((id, known?))).collect())
}

/// What came of the pure part.
enum Tried {
    Routed(Routed),
    Panicked,
    /// It was not tried: three times the process has ended while it was.
    Crashed,
}

/// Runs the pure part for each message. Written down before: together, or each alone where one of
/// them may be one that ends the process.
fn route_all(shared: &Shared, route: &Route, taken: &[Delivery]) -> Vec<Tried> {
    let live = shared.live();
    let setting = shared.setting(&live.plan);
    let mut arena = Arena::with_limit(MEMORY_MAX);
    let mut all = Vec::with_capacity(taken.len());
    let crashes = |it: &Delivery| shared.in_hand.crashes(&route.name, it.entry.id);
    let one_by_one = taken.iter().any(|it| 0 < crashes(it));
    let ids = taken.iter().map(|it| it.entry.id);
    let _together = (!one_by_one).then(|| shared.in_hand.hold(&route.name, ids));
    for delivery in taken {
        let message = message_of(&delivery.entry);
        if one_by_one && CRASHES_MAX <= crashes(delivery) {
            error!(route = &*route.name, message = %message.id, "bug: it ended the bus; given up");
            all.push(Tried::Crashed);
            continue;
        }
        let message = match shared.opened(&route.name, &message) {
            Ok(message) => message,
            Err(unopened) => {
                let fate = Fated::Dead(pipeline::bad("body", unopened));
                all.push(Tried::Routed(Routed::only(fate)));
                continue;
            }
        };
        let id = std::iter::once(message.id);
        let _alone = one_by_one.then(|| shared.in_hand.hold(&route.name, id));
        let run = AssertUnwindSafe(|| pipeline::run(setting, route, &arena, &message));
        all.push(catch_unwind(run).map_or(Tried::Panicked, Tried::Routed));
        if let Some(Tried::Panicked) = all.last() {
            shared.metrics.panics.inc();
            error!(route = &*route.name, message = %message.id, "bug: a route panicked");
        }
        arena.reset();
    }
    all
}

async fn claims_of(
    shared: &Shared,
    route: &Route,
    taken: &[Delivery],
    routed: &[Tried],
    now: Timestamp,
) -> Result<Claims, EngineError> {
    let Some(identity) = &route.identity else { return Ok(Claims::new()) };
    let (mut keys, mut writes) = (Vec::new(), Writes::default());
    for (delivery, routed) in taken.iter().zip(routed) {
        let Tried::Routed(routed) = routed else { continue };
        let Ok(Message { id: message, body, .. }) =
            shared.opened(&route.name, &message_of(&delivery.entry))
        else {
            continue;
        };
        let body = Digest::of(&[&body]);
        let claim = Claim { message, body, until: now.after(identity.window) };
        for key in claim_keys(identity, routed, body) {
            if !matches!(routed.fate, Fated::Dead(_)) {
                ledger::claim(&mut writes, &route.name, key, &claim, now);
            }
            keys.push(key);
        }
    }
    if shared.store.is_shared() {
        // Between gateways the database decides, before anything follows from it.
        shared.store.commit(writes).await?;
    }
    let found = shared.ledger.claims(&route.name, &keys, now).await?;
    Ok(keys.into_iter().zip(found).filter_map(|(key, claim)| Some((key, claim?))).collect())
}
