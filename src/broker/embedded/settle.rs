//! What putting in and settling change in the store, as statements of one transaction.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use super::{
    Shared, number,
    queue::{Arriving, Queue, positions},
    sql,
    tip::Fresh,
    whole,
};
use crate::{
    broker::{BrokerError, Delivery, Output, Settled},
    message::{Digest, Timestamp},
    store::{Expect, Sum, Writes},
};

/// Adds the statements that put `outputs` into their queues, and what is to be done once they are
/// there.
pub(super) fn put(shared: &Shared, writes: &mut Writes, outputs: Vec<Output>) {
    let mut grown: BTreeMap<i64, Grown> = BTreeMap::new();
    for output in outputs {
        let queue = shared.queue(&output.queue);
        let grown = grown.entry(queue.id).or_insert_with(|| Grown::new(writes, queue));
        grown.put(writes, shared.next_position(), output);
    }
    for (id, Grown { queue, fresh, count }) in grown {
        writes.add(entries(id), number(count));
        let arriving = Arriving::new(queue, fresh, count);
        writes.then(move || arriving.arrived());
    }
}

/// How many entries a queue has.
pub(super) fn entries(queue: i64) -> Sum {
    Sum { sql: sql::ENTRIES, key: vec![queue.into()] }
}

/// What is put into one queue.
struct Grown {
    queue: Arc<Queue>,
    fresh: Vec<Fresh>,
    count: usize,
}

impl Grown {
    fn new(writes: &mut Writes, queue: Arc<Queue>) -> Self {
        if !queue.stored.load(Ordering::Relaxed) {
            create(writes, &queue);
        }
        Self { queue, fresh: Vec::new(), count: 0 }
    }

    fn put(&mut self, writes: &mut Writes, position: i64, output: Output) {
        self.count += 1;
        let Output { entry, due, order_key, copy, .. } = output;
        let headers = entry.headers.to_json();
        let sum = whole::sum(self.queue.id, &entry, &headers, order_key);
        let mut params = vec![
            position.into(),
            self.queue.id.into(),
            due.map_or(0, due_ms).into(),
            entry.received_at.as_millis().into(),
            sum.into(),
            entry.id.as_bytes().as_slice().into(),
            headers.into(),
            entry.body.clone().into(),
            i64::from(copy).into(),
        ];
        match order_key {
            None => writes.push(sql::PUT, params),
            Some(key) => {
                params.push(key.0.as_slice().into());
                writes.push(sql::PUT_KEYED, params);
            }
        }
        if due.is_none() && order_key.is_none() {
            self.fresh.push(Fresh { position, entry, copy });
        }
    }
}

fn create(writes: &mut Writes, queue: &Queue) {
    let params = vec![queue.id.into(), queue.name.as_ref().into()];
    let otherwise = "bug: two brokers work on one store";
    writes.push_expecting(sql::CREATE, params, Expect { rows: 1, otherwise });
}

/// The column's 0 means "at once", so no moment may look like it.
fn due_ms(due: Timestamp) -> i64 {
    due.as_millis().max(1)
}

/// Adds the statements that remove or postpone `settled`.
///
/// # Errors
///
/// When one of them is not on loan from an embedded broker: a bug, and nothing may be written.
pub(super) fn take(writes: &mut Writes, settled: &[Settled]) -> Result<(), BrokerError> {
    let mut done: BTreeMap<i64, (Arc<Queue>, Vec<i64>)> = BTreeMap::new();
    let mut freed: BTreeSet<(i64, Digest)> = BTreeSet::new();
    for one in settled {
        let (delivery, again) = match one {
            Settled::Done(delivery) => (delivery, None),
            Settled::Again { delivery, headers, due } => (delivery, Some((headers, *due))),
        };
        let position = delivery.loan.position;
        let queue = home(delivery);
        let order_key = queue.as_ref().and_then(|it| it.order_key(position));
        let (Some(queue), Some(order_key)) = (queue, order_key) else {
            let reason = "bug: a delivery is settled that is not on loan".to_owned();
            return Err(BrokerError { reason });
        };
        match again {
            Some((headers, due)) => {
                let headers = headers.to_json();
                let sum = whole::sum(queue.id, &delivery.entry, &headers, order_key);
                postpone(writes, position, due, (headers, sum));
            }
            None => {
                freed.extend(order_key.map(|key| (queue.id, key)));
                done.entry(queue.id).or_insert((queue, Vec::new())).1.push(position);
            }
        }
    }
    for (id, (queue, gone)) in done {
        let count = gone.len();
        let expect = Expect { rows: count as u64, otherwise: SETTLED_BEFORE };
        writes.push_expecting(sql::TAKE_OUT, vec![positions(gone).into()], expect);
        writes.each_adds(entries(id), -1);
        writes.then(move || queue.left(count));
    }
    for (queue, key) in freed {
        writes.push(sql::UNBLOCK, vec![queue.into(), key.0.as_slice().into()]);
    }
    Ok(())
}

/// Comes about when a settlement was given up by its caller and took place all the same.
const SETTLED_BEFORE: &str = "a delivery was settled before, so nothing of this was written";

fn postpone(writes: &mut Writes, position: i64, due: Timestamp, (headers, sum): (String, i64)) {
    let params = vec![position.into(), due_ms(due).into(), headers.into(), sum.into()];
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
fn home(delivery: &Delivery) -> Option<Arc<Queue>> {
    let lender: Arc<dyn Any + Send + Sync> = delivery.loan.home.clone()?;
    lender.downcast().ok()
}
