//! Publishing and settling: writes committed, then outputs confirmed, then deliveries acknowledged.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::{
    Shared,
    envelope::Envelope,
    queue::{Queue, Receipt},
};
use crate::{
    amqp::{Acker, Patience, Publication, PublishFailure, Tag},
    broker::{BrokerError, Delivery, Output, QueueName, Settled},
    crash::{self, Sabotage},
    message::{Headers, Timestamp},
    store::Writes,
};

impl From<crate::amqp::AdminError> for BrokerError {
    fn from(error: crate::amqp::AdminError) -> Self {
        Self { reason: error.to_string() }
    }
}

/// How to acknowledge what was settled: per channel, by the place of its first one.
pub(super) type Receipts = BTreeMap<(QueueName, u64), (Acker, Vec<Tag>)>;

/// Adds receipts, those of one channel together.
pub(super) fn gather(all: &mut Receipts, queue: &QueueName, receipts: Vec<Receipt>) {
    for (acker, tag) in receipts {
        let key = (QueueName::clone(queue), acker.channel());
        all.entry(key).or_insert_with(|| (acker, Vec::new())).1.push(tag);
    }
}

/// Acknowledges; returns how many of them could be. The others come again.
pub(super) async fn acknowledge(receipts: Receipts) -> u64 {
    let mut count = 0;
    for (acker, tags) in receipts.into_values() {
        count += acker.ack(tags).await as u64;
    }
    count
}

impl Shared {
    /// Puts outputs into their queues; all of them are confirmed if there is no error. Outputs with
    /// the same key go one after the other: were one refused, the next would overtake it.
    pub(super) async fn put(
        &self,
        outputs: Vec<Output>,
        patience: Patience,
    ) -> Result<(), BrokerError> {
        if outputs.is_empty() {
            return Ok(());
        }
        if self.is_closed() {
            return Err(BrokerError { reason: "simpul is stopping".to_owned() });
        }
        self.ours().await?;
        let places: BTreeSet<_> =
            outputs.iter().map(|it| self.topology.place(&it.queue, it.order_key)).collect();
        self.declared(&places, patience).await?;
        let mut waves: Vec<Vec<Publication>> = Vec::new();
        let mut next_wave: HashMap<_, usize> = HashMap::new();
        for output in outputs {
            let place = self.topology.place(&output.queue, output.order_key);
            let Output { entry, due, order_key, copy, .. } = output;
            let envelope = Envelope { entry, due, order_key, is_copy: copy };
            let wave = order_key.map_or(0, |key| {
                let next = next_wave.entry((place.clone(), key)).or_default();
                *next += 1;
                *next - 1
            });
            let publication = self.publication(&envelope, &place).await?;
            match waves.get_mut(wave) {
                Some(wave) => wave.push(publication),
                None => waves.push(vec![publication]),
            }
        }
        for wave in waves {
            self.send(wave, patience).await?;
        }
        Ok(())
    }

    /// To its queue, or to the ladder in front of it.
    async fn publication(
        &self,
        envelope: &Envelope,
        place: &str,
    ) -> Result<Publication, BrokerError> {
        let now = self.clock.now();
        let delay = envelope.due.map(|due| due.since(now)).unwrap_or_default();
        match self.topology.rung(delay).filter(|_| envelope.order_key.is_none()) {
            None => Ok(envelope.publication("", place)),
            Some(rung) => {
                let exchange = self.topology.ensure_rung(&self.admin, rung).await?;
                Ok(envelope.publication(&exchange, place))
            }
        }
    }

    /// Puts an entry onto the next rung before `place`.
    pub(super) async fn climb(&self, envelope: &Envelope, place: &str) -> Result<(), BrokerError> {
        let publication = self.publication(envelope, place).await?;
        self.send(vec![publication], Patience::Long).await
    }

    /// Publishes; an error unless all of them are confirmed.
    pub(super) async fn send(
        &self,
        publications: Vec<Publication>,
        patience: Patience,
    ) -> Result<(), BrokerError> {
        let keys: Vec<_> = publications.iter().map(|it| it.routing_key.clone()).collect();
        let outcomes = self.publisher.publish_with(publications, patience).await;
        if crash::sabotaged(Sabotage::IgnoreConfirm) {
            return Ok(());
        }
        let mut worst = Ok(());
        for (place, outcome) in keys.into_iter().zip(outcomes) {
            let Err(failure) = outcome else { continue };
            if matches!(failure, PublishFailure::Returned { .. }) {
                tracing::error!(queue = place, "the queue is gone; it is declared anew");
                self.topology.forget(&place);
            }
            worst = Err(BrokerError { reason: format!("`{place}`: {failure}") });
        }
        worst
    }

    pub(super) async fn settle(
        &self,
        settled: Vec<Settled>,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        let (mut climbing, mut climbed) = (Vec::new(), BTreeSet::new());
        for one in &settled {
            let (queue, envelope) = lent(delivery_of(one))?;
            let Settled::Again { headers, due, .. } = one else { continue };
            if self.climbs(&envelope, *due) {
                climbed.insert((queue.name.clone(), delivery_of(one).loan.position));
                climbing.push(again(queue.name.clone(), envelope, headers, *due));
            }
        }
        let (climbs, routes) = (!climbing.is_empty(), !outputs.is_empty());
        self.store.commit(writes).await?;
        crash::point_if(routes, "after_fate_before_destinations");
        climbing.extend(outputs);
        self.put(climbing, Patience::Long).await?;
        crash::point_if(climbs, "after_rung_confirm");
        crash::point_if(routes, "after_destinations_before_ack");
        crash::point_if(!climbs && !routes, "after_outcome_before_ack");
        let mut receipts = Receipts::new();
        for one in settled {
            release(one, &climbed, &mut receipts);
        }
        // What cannot be acknowledged comes again, and the ledger knows it.
        acknowledge(receipts).await;
        Ok(())
    }

    /// Whether it waits at RabbitMQ, rather than here.
    fn climbs(&self, envelope: &Envelope, due: Timestamp) -> bool {
        let delay = due.since(self.clock.now());
        envelope.order_key.is_none() && self.topology.rung(delay).is_some()
    }
}

/// Ends a loan, so that dropping it means nothing any more.
fn release(one: Settled, climbed: &BTreeSet<(QueueName, i64)>, receipts: &mut Receipts) {
    let (mut delivery, again) = match one {
        Settled::Done(delivery) => (delivery, None),
        Settled::Again { delivery, headers, due } => (delivery, Some((headers, due))),
    };
    let position = delivery.loan.position;
    let Some(home) = delivery.loan.home.take() else { return };
    let Some(queue) = (home.as_ref() as &dyn Any).downcast_ref::<Queue>() else { return };
    match again.filter(|_| !climbed.contains(&(queue.name.clone(), position))) {
        Some((headers, due)) => queue.hold(position, headers, due),
        None => {
            let receipt = queue.finish(position);
            gather(receipts, &queue.name, receipt.into_iter().collect());
        }
    }
}

fn delivery_of(settled: &Settled) -> &Delivery {
    match settled {
        Settled::Done(delivery) | Settled::Again { delivery, .. } => delivery,
    }
}

fn again(queue: QueueName, envelope: Envelope, headers: &Headers, due: Timestamp) -> Output {
    let Envelope { mut entry, order_key, .. } = envelope;
    entry.headers = headers.clone();
    // A copy by nature, until the first one is acknowledged.
    Output { queue, entry, due: Some(due), order_key, copy: true }
}

fn lent(delivery: &Delivery) -> Result<(&Queue, Envelope), BrokerError> {
    let lender = delivery.loan.home.as_deref();
    let queue = lender.and_then(|it| (it as &dyn Any).downcast_ref::<Queue>());
    let found = queue.and_then(|it| Some((it, it.lent(delivery.loan.position)?)));
    let reason = "bug: a delivery is settled that is not on loan".to_owned();
    found.ok_or(BrokerError { reason })
}
