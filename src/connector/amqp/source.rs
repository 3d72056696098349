//! AMQP sources: a queue, consumed into the intake.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{interval, sleep};

use super::{
    super::{CallError, Handover, Incoming, IntakeError, Pull, PullState, Pulling, Reached},
    connection::Shared,
    headers,
    reach::{Wanted, reach},
    spec::{QueueKind, Trusted},
};
use crate::{
    amqp::{
        Acker, Argument, Binding, ConsumeOptions, Consumer, ConsumerState, Link, LinkState,
        QueueSpec, Setup, Taken,
    },
    message::Endpoint,
};

/// Messages that are handed over together at most: one commit for all of them.
const BATCH_MAX: usize = 256;

/// Bytes of bodies that are handed over together, one message always: as of one call over HTTP.
const BATCH_BYTES_MAX: usize = 16 << 20;

/// The largest body that is kept, in bytes: what RabbitMQ takes unless it was told otherwise.
const KEPT_BYTES_MAX: usize = 128 << 20;

/// What is kept of a larger one, in bytes: enough to see what it was.
const CUT_BYTES: usize = 64 << 10;

/// The pause after the bus could not take a message; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(200);

/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often it is looked how the consumer fares.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long nothing may come before it is made sure that this is because there is nothing: a few
/// packets, and what a new queue of the same name holds is there.
const QUIET_MAX: Duration = Duration::from_mins(1);

/// A queue that a system publishes to.
pub(super) struct AmqpSource {
    pub(super) endpoint: Endpoint,
    pub(super) shared: Arc<Shared>,
    pub(super) reading: Reading,
}

/// How the queue is read.
pub(super) struct Reading {
    pub(super) queue: String,
    pub(super) declare: Option<QueueKind>,
    /// Exchanges, each with a routing key.
    pub(super) bindings: Vec<(String, String)>,
    pub(super) prefetch: u16,
    pub(super) trust: Vec<Trusted>,
}

/// How handing over ended.
enum Handed {
    /// The messages are stored, and acknowledged.
    Over,
    /// They are not, and will come again.
    Back,
}

#[async_trait]
impl Pull for AmqpSource {
    async fn run(&self, pulling: Pulling) {
        let link = self.shared.consuming();
        let mut consumer = Consumer::open(link, self.reading.options());
        let acker = consumer.acker();
        let mut look = interval(LOOK_EVERY);
        let (mut waiting, mut handing) = (VecDeque::new(), FuturesUnordered::new());
        loop {
            let at_once = pulling.intake.side_by_side(&self.endpoint);
            while handing.len() < at_once
                && let Some(batch) = waiting.pop_front()
            {
                handing.push(self.hand_over(batch, &acker, &pulling));
            }
            tokio::select! {
                biased;
                () = pulling.stop.cancelled() => break,
                _ = look.tick() => (pulling.tell)(state(link, &consumer.state())),
                Some(handed) = handing.next() => if let Handed::Back = handed {
                    // The batches behind would overtake this one; they come again too. Not those
                    // of a newer channel: there this one has come again before them.
                    waiting.retain(|it: &Vec<Taken>| it.iter().all(|it| acker.is_live(it.tag)));
                },
                taken = consumer.next(BATCH_MAX), if waiting.is_empty() => {
                    if taken.is_empty() {
                        // Closed, which nobody but this source does.
                        break;
                    }
                    waiting.extend(batches(taken));
                }
            }
        }
        while handing.next().await.is_some() {}
        drop(handing);
        // What is not acknowledged goes back to its place in the queue.
        consumer.close().await;
    }

    async fn reach(&self) -> Result<Reached, CallError> {
        let wanted = match self.reading.declare {
            // It is made where it is missing.
            Some(_) => Wanted::Any,
            None => Wanted::Queue(&self.reading.queue),
        };
        reach(self.shared.consuming(), wanted).await
    }
}

impl AmqpSource {
    /// Hands messages over, again and again until they are stored, the bus stops, or RabbitMQ has
    /// them back; then acknowledges them.
    async fn hand_over(&self, batch: Vec<Taken>, acker: &Acker, pulling: &Pulling) -> Handed {
        let tags: Vec<_> = batch.iter().map(|it| it.tag).collect();
        let messages = batch.into_iter().map(|it| self.incoming(it, pulling)).collect();
        let client = format!("{}/amqp", self.endpoint);
        let mut handover = Handover { source: self.endpoint.clone(), client, messages };
        let mut pause = PAUSE_MIN;
        while tags.iter().all(|it| acker.is_live(*it)) {
            let refusal = match pulling.intake.accept(handover.clone()).await {
                Ok(_) => {
                    // What was not acknowledged for a broken channel comes again, flagged.
                    acker.ack(tags).await;
                    return Handed::Over;
                }
                Err(refusal) => refusal,
            };
            if flaw(&mut handover.messages, &refusal) {
                continue;
            }
            if !matches!(refusal, IntakeError::NoRoom { .. }) {
                // They may be stored all the same.
                handover.messages.iter_mut().for_each(|it| it.redelivered = true);
            }
            (pulling.tell)(PullState::Trouble(format!("the bus does not take them: {refusal}")));
            tokio::select! {
                () = pulling.stop.cancelled() => return Handed::Back,
                () = sleep(pause) => pause = (pause * 2).min(PAUSE_MAX),
            }
        }
        Handed::Back
    }

    fn incoming(&self, taken: Taken, pulling: &Pulling) -> Incoming {
        let Taken { properties, redelivered, body, .. } = taken;
        let (body, flaw) = fitting(body, pulling.body_bytes_max);
        let key = headers::key(&properties, &self.reading.trust);
        let headers = headers::kept(&properties);
        Incoming { key, headers, body, flaw, redelivered }
    }
}

impl Reading {
    fn options(&self) -> ConsumeOptions {
        let declared = self.declare.map(|kind| {
            let kind = match kind {
                QueueKind::Quorum => "quorum",
                QueueKind::Classic => "classic",
            };
            let arguments = vec![("x-queue-type", Argument::Text(kind.to_owned()))];
            Setup::Queue(QueueSpec { name: self.queue.clone(), arguments })
        });
        let bound = self.bindings.iter().map(|(exchange, routing_key)| {
            Setup::Bind(Binding {
                queue: self.queue.clone(),
                exchange: exchange.clone(),
                routing_key: routing_key.clone(),
            })
        });
        let setup = declared.into_iter().chain(bound).collect();
        let (queue, prefetch, quiet_max) = (self.queue.clone(), self.prefetch, Some(QUIET_MAX));
        ConsumeOptions { queue, prefetch, setup, quiet_max }
    }
}

/// Takes a message that can never be accepted out of the way: it becomes a dead letter. False where
/// the refusal is about none of them.
fn flaw(messages: &mut [Incoming], refusal: &IntakeError) -> bool {
    let (index, why) = match refusal {
        IntakeError::KeyReused { index } => {
            (*index, "its message id was used for another body".to_owned())
        }
        IntakeError::Invalid { index, .. } => (*index, refusal.to_string()),
        IntakeError::Unavailable { .. }
        | IntakeError::NoRoom { .. }
        | IntakeError::KeyInFlight { .. }
        | IntakeError::NoRoute => {
            return false;
        }
    };
    let Some(message) = messages.get_mut(index) else { return false };
    message.key = None;
    message.flaw = Some(why);
    true
}

/// A body as it is kept, and what is wrong with its size.
fn fitting(body: Bytes, bytes_max: usize) -> (Bytes, Option<String>) {
    let size = body.len();
    if size <= bytes_max {
        return (body, None);
    }
    if size <= KEPT_BYTES_MAX {
        let why = format!("{size} bytes are more than `limits: body` allows, which is {bytes_max}");
        return (body, Some(why));
    }
    let why = format!("{size} bytes are too many; the first {CUT_BYTES} are kept");
    // A copy, so that the rest is not kept in memory with it.
    (Bytes::copy_from_slice(&body[..CUT_BYTES]), Some(why))
}

/// Messages in the portions in which they are handed over.
fn batches(taken: Vec<Taken>) -> Vec<Vec<Taken>> {
    let mut all: Vec<Vec<Taken>> = Vec::new();
    let mut bytes = 0;
    for one in taken {
        bytes += one.body.len();
        match all.last_mut() {
            Some(batch) if bytes <= BATCH_BYTES_MAX => batch.push(one),
            _ => {
                bytes = one.body.len();
                all.push(vec![one]);
            }
        }
    }
    all
}

fn state(link: &Link, consumer: &ConsumerState) -> PullState {
    let reason = match consumer {
        ConsumerState::Consuming => match link.state() {
            // A broker that takes nothing still hands out.
            LinkState::Up | LinkState::Blocked(_) => return PullState::Connected,
            down => down.obstacle().unwrap_or_default(),
        },
        ConsumerState::Waiting(Some(reason)) => reason.to_string(),
        ConsumerState::Waiting(None) => link.obstacle().unwrap_or_else(|| "not yet".to_owned()),
    };
    PullState::Trouble(reason)
}
