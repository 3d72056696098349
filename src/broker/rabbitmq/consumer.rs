//! Takes ready entries out of one queue: out of all queues of RabbitMQ that make it up.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::{join_all, select_all};
use tokio::sync::watch;

use super::{
    Shared,
    envelope::{self, Envelope},
    queue::{Queue, Ready},
    spec,
};
use crate::{
    amqp::{Acker, ConsumeOptions, Consumer as Channel, Patience, Setup, Taken},
    broker::{Consumer, Delivery, Order, Taking},
};

/// The longest sleep: the system's clock may be set, which no timer notices.
const SLEEP_MAX: Duration = Duration::from_mins(1);

/// Entries that are taken over from one channel at once.
const TAKEN_MAX: usize = 256;

/// A consumer of one queue.
pub(super) struct RabbitConsumer {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    /// Deliveries that are handed out and not settled, at most.
    prefetch: usize,
    /// What RabbitMQ hands out over one channel before anything of it is acknowledged.
    held: u16,
    /// The queues of RabbitMQ, each with its channel.
    channels: Vec<(String, Channel)>,
    news: watch::Receiver<std::collections::BTreeSet<String>>,
}

impl RabbitConsumer {
    pub(super) fn new(shared: Arc<Shared>, queue: Arc<Queue>, taking: Taking) -> Self {
        let prefetch = taking.prefetch.max(1);
        shared.topology.want(&queue.name, taking.order);
        let mut idle = queue.idle();
        let channels = std::mem::take(&mut idle.consumers);
        idle.since = None;
        drop(idle);
        let mut news = shared.topology.news();
        // So that the first look is not missed.
        news.mark_changed();
        let held = held(taking, shared.topology.shards());
        Self { shared, queue, prefetch, held, channels, news }
    }

    /// Starts to consume from queues that are new.
    fn attach(&mut self) {
        for place in self.shared.topology.declared_places(&self.queue.name) {
            if self.channels.iter().any(|(it, _)| *it == place) {
                continue;
            }
            // The mark again, on each connection: meanwhile the queues may be another store's.
            let mark = Setup::Queue(self.shared.topology.identity.mark());
            let setup = vec![mark, Setup::Queue(spec::of(&place))];
            let (queue, prefetch) = (place.clone(), self.held);
            // The keeper sees it, for all queues at once.
            let options = ConsumeOptions { queue, prefetch, setup, quiet_max: None };
            let channel = Channel::open(&self.shared.consuming.link(), options);
            self.queue.attached(&place, channel.acker());
            self.channels.push((place, channel));
        }
    }

    fn arrived(&self, place: &str, acker: &Acker, taken: Vec<Taken>) {
        let now = self.shared.clock.now();
        for taken in taken {
            let Some(envelope) = Envelope::of(&taken) else {
                self.put_aside(place, acker, taken);
                continue;
            };
            let rest = envelope.due.map(|due| due.since(now)).unwrap_or_default();
            let rung = self.shared.topology.rung(rest);
            if envelope.order_key.is_none() && rung.is_some() {
                self.delay(place, acker, envelope, taken);
            } else {
                self.queue.arrived(envelope, taken, acker.clone());
            }
        }
    }

    /// The next rung of the ladder: not dropped halfway, whatever becomes of this consumer.
    fn delay(&self, place: &str, acker: &Acker, envelope: Envelope, taken: Taken) {
        let (shared, acker, place) = (Arc::clone(&self.shared), acker.clone(), place.to_owned());
        self.shared.spawn(async move {
            if shared.climb(&envelope, &place).await.is_ok() {
                acker.ack(vec![taken.tag]).await;
            } else if acker.is_live(taken.tag) {
                shared.queue_of(&place).arrived(envelope, taken, acker);
            }
        });
    }

    /// What simpul did not write is kept where nothing takes it for an entry.
    fn put_aside(&self, place: &str, acker: &Acker, taken: Taken) {
        let (shared, acker, place) = (Arc::clone(&self.shared), acker.clone(), place.to_owned());
        self.shared.spawn(async move {
            let publication = envelope::foreign(&taken, &place);
            if shared.send(vec![publication], Patience::Long).await.is_ok() {
                acker.ack(vec![taken.tag]).await;
                shared.count_damaged();
            }
        });
    }
}

/// What is held of each queue of RabbitMQ. With order keys there are several, and behind a key that
/// waits others go on as far as what is held reaches: all of it together is what the settings allow
/// to be in memory, and each alone is enough to keep the target busy.
fn held(taking: Taking, shards: usize) -> u16 {
    let held = match taking.order {
        Order::Free => taking.prefetch,
        Order::ByKey { reach } => reach.div_ceil(shards).max(taking.prefetch),
    };
    u16::try_from(held.max(1)).unwrap_or(u16::MAX)
}

#[async_trait]
impl Consumer for RabbitConsumer {
    async fn next(&mut self, max: usize) -> Vec<Delivery> {
        let queue = Arc::clone(&self.queue);
        loop {
            if self.shared.is_closed() {
                return std::future::pending().await;
            }
            if self.news.has_changed().unwrap_or_default() {
                self.news.mark_unchanged();
                self.attach();
            }
            // From before the look: a change while looking must not be slept through.
            let mut changed = std::pin::pin!(queue.changed.notified());
            changed.as_mut().enable();
            let sleep = match queue.ready(max, self.prefetch, self.shared.clock.now()) {
                Ready::Deliveries(deliveries) => return deliveries,
                Ready::Nothing(wait) => wait.unwrap_or(SLEEP_MAX).min(SLEEP_MAX),
            };
            let arrival = async {
                if self.channels.is_empty() {
                    return std::future::pending().await;
                }
                let takes = self.channels.iter_mut();
                let takes = takes.map(|(_, channel)| Box::pin(channel.next(TAKEN_MAX)));
                let (taken, index, _) = select_all(takes).await;
                (index, taken)
            };
            let came = tokio::select! {
                came = arrival => Some(came),
                () = changed => None,
                _ = self.news.changed() => { self.news.mark_changed(); None }
                () = tokio::time::sleep(sleep) => None,
            };
            if let Some((index, taken)) = came
                && let Some((place, channel)) = self.channels.get(index)
            {
                if taken.is_empty() {
                    // Closed with its link: the broker is closing.
                    self.channels.swap_remove(index);
                } else {
                    self.arrived(place, &channel.acker(), taken);
                }
            }
        }
    }

    async fn rest(&mut self) {
        self.close_channels().await;
    }
}

impl RabbitConsumer {
    /// Closes the channels: of a queue with a single active consumer another one becomes that.
    async fn close_channels(&mut self) {
        let channels = std::mem::take(&mut self.channels);
        join_all(channels.into_iter().map(|(_, channel)| channel.close())).await;
        // So that the next look opens them anew.
        self.news.mark_changed();
    }
}

impl Drop for RabbitConsumer {
    fn drop(&mut self) {
        let mut idle = self.queue.idle();
        idle.consumers = std::mem::take(&mut self.channels);
        idle.since = Some(tokio::time::Instant::now());
    }
}
