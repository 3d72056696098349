//! What putting in and settling change in the store, as statements of one transaction.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use super::{
    Shared, number,
    queue::{Queue, positions},
    sql,
};
use crate::{
    broker::{BrokerError, Delivery, Output, Settled},
    message::{Digest, Headers, Timestamp},
    store::{Expect, Writes},
};

/// Adds the statements that put `outputs` into their queues; returns those queues.
pub(super) fn put(shared: &Shared, writes: &mut Writes, outputs: Vec<Output>) -> Vec<Arc<Queue>> {
    let mut grown: BTreeMap<i64, (Arc<Queue>, usize)> = BTreeMap::new();
    for output in outputs {
        let queue = shared.queue(&output.queue);
        let id = queue.id;
        let (queue, count) = grown.entry(id).or_insert((queue, 0));
        if *count == 0 && !queue.stored.load(Ordering::Relaxed) {
            create(writes, queue);
        }
        *count += 1;
        put_one(writes, id, output);
    }
    for (id, (_, count)) in &grown {
        writes.push(sql::GROW, vec![(*id).into(), number(*count).into()]);
    }
    grown.into_values().map(|(queue, _)| queue).collect()
}

fn create(writes: &mut Writes, queue: &Queue) {
    let params = vec![queue.id.into(), queue.name.as_ref().into()];
    let otherwise = "bug: two brokers work on one store";
    writes.push_expecting(sql::CREATE, params, Expect { rows: 1, otherwise });
}

fn put_one(writes: &mut Writes, queue: i64, output: Output) {
    let Output { entry, due, order_key, copy, .. } = output;
    let mut params = vec![
        queue.into(),
        due.map_or(0, due_ms).into(),
        entry.received_at.as_millis().into(),
        i64::from(crc32fast::hash(&entry.body)).into(),
        entry.id.as_bytes().as_slice().into(),
        entry.headers.to_json().into(),
        entry.body.into(),
        i64::from(copy).into(),
    ];
    match order_key {
        None => writes.push(sql::PUT, params),
        Some(key) => {
            params.push(key.0.as_slice().into());
            writes.push(sql::PUT_KEYED, params);
        }
    }
}

/// The columns's 0 means "at once", so no moment may look like it.
fn due_ms(due: Timestamp) -> i64 {
    due.as_millis().max(1)
}

/// Adds the statements that remove or postpone `settled`.
///
/// # Errors
///
/// When one of them is not on loan from an embedded broker: a bug, and nothing may be written.
pub(super) fn take(writes: &mut Writes, settled: &[Settled]) -> Result<(), BrokerError> {
    let mut done: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut freed: BTreeSet<(i64, Digest)> = BTreeSet::new();
    for one in settled {
        let (delivery, again) = match one {
            Settled::Done(delivery) => (delivery, None),
            Settled::Again { delivery, headers, due } => (delivery, Some((headers, *due))),
        };
        let position = delivery.loan.position;
        let queue = home(delivery);
        let (Some(queue), Some(order_key)) = (queue, queue.and_then(|it| it.order_key(position)))
        else {
            let reason = "bug: a delivery is settled that is not on loan".to_owned();
            return Err(BrokerError { reason });
        };
        match again {
            Some((headers, due)) => postpone(writes, position, headers, due),
            None => {
                done.entry(queue.id).or_default().push(position);
                freed.extend(order_key.map(|key| (queue.id, key)));
            }
        }
    }
    for (queue, gone) in done {
        let expect = Expect { rows: gone.len() as u64, otherwise: SETTLED_BEFORE };
        writes.push_expecting(sql::TAKE_OUT, vec![positions(gone).into()], expect);
        writes.push(sql::SHRINK, vec![queue.into()]);
    }
    for (queue, key) in freed {
        writes.push(sql::UNBLOCK, vec![queue.into(), key.0.as_slice().into()]);
    }
    Ok(())
}

/// Comes about when a settlement was given up by its caller and took place all the same.
const SETTLED_BEFORE: &str = "a delivery was settled before, so nothing of this was written";

fn postpone(writes: &mut Writes, position: i64, headers: &Headers, due: Timestamp) {
    let params = vec![position.into(), due_ms(due).into(), headers.to_json().into()];
    let expect = Expect { rows: 1, otherwise: SETTLED_BEFORE };
    writes.push_expecting(sql::POSTPONE, params, expect);
}

/// Ends the loans of what was settled, so that dropping them means nothing any more.
pub(super) fn release(settled: Vec<Settled>) {
    for one in settled {
        let (mut delivery, stays) = match one {
            Settled::Done(delivery) => (delivery, false),
            Settled::Again { delivery, .. } => (delivery, true),
        };
        let position = delivery.loan.position;
        if let Some(queue) = home(&delivery) {
            queue.settled(position, stays);
        }
        delivery.loan.home = None;
    }
}

/// The queue that a delivery is on loan from.
fn home(delivery: &Delivery) -> Option<&Queue> {
    let lender = delivery.loan.home.as_deref()?;
    (lender as &dyn Any).downcast_ref()
}
