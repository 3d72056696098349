//! One channel that publishes: pipelined, each message confirmed, each with an answer of its own.
//!
//! One task owns the channel, for on a shared one the library can hand a confirmation to the wrong
//! message. It also hands a returned message to whichever confirmation comes next; as the broker
//! sends the return before the confirmation, and confirmations are seen here in the order in which
//! they came, a return is known by its message id before its own confirmation is judged.

use std::{
    collections::HashMap,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::Poll,
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Confirmation,
    message::BasicReturnMessage,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::ShortString,
};
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    Link, LinkState, Properties, fields,
    link::{Inside, Session},
    why,
};

/// Messages that wait for their confirmation at most; more wait before they are sent, since the
/// library's own queue has no end.
const OUTSTANDING_MAX: usize = 512;

/// How long a broker may take to confirm.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is looked whether one has waited for too long.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a broker may take to open a channel.
const CHANNEL_TIMEOUT: Duration = Duration::from_secs(5);

/// One message to publish.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The exchange; empty for the default one, where the routing key is the name of a queue.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
    /// What travels beside the body. A message id should be there and differ from that of
    /// everything else under way: by it a message is known that came back. Without one, and with
    /// several under way, a return counts for all that went to the same place.
    pub properties: Properties,
    /// The body.
    pub body: Bytes,
}

/// Why a message was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishFailure {
    /// The broker refused it: a full queue, or no disk.
    #[error("the broker refused it")]
    Nacked,
    /// No queue is bound where it was sent.
    #[error("returned: {code} {text}")]
    Returned {
        /// The broker's number: 312 where there is no queue.
        code: u16,
        /// The broker's words.
        text: String,
    },
    /// It cannot be sent at all: AMQP has no way to write it.
    #[error("AMQP cannot carry it: {reason}")]
    Unsendable {
        /// What is in the way.
        reason: String,
    },
    /// It may have been published or not.
    #[error("not confirmed: {reason}")]
    Unknown {
        /// What happened.
        reason: String,
    },
}

/// Publishes over a link. Cheap to clone; all clones share one channel, in the order of the calls.
#[derive(Clone)]
pub struct Publisher(Arc<Inner>);

struct Inner {
    link: Link,
    jobs: mpsc::Sender<Job>,
    room: Arc<Semaphore>,
    _tasks: JoinSet<()>,
}

type Outcome = Result<(), PublishFailure>;

/// One message for the task, and where its answer goes.
struct Job {
    sending: Sending,
    answer: oneshot::Sender<Outcome>,
    _room: tokio::sync::OwnedSemaphorePermit,
}

struct Sending {
    exchange: ShortString,
    routing_key: ShortString,
    properties: BasicProperties,
    body: Bytes,
}

impl Publisher {
    /// A publisher with a channel of its own on `link`. Needs a runtime.
    pub fn open(link: &Link) -> Self {
        let (jobs, queue) = mpsc::channel(OUTSTANDING_MAX);
        let mut tasks = JoinSet::new();
        tasks.spawn(run(link.inside(), queue));
        let room = Arc::new(Semaphore::new(OUTSTANDING_MAX));
        Self(Arc::new(Inner { link: link.clone(), jobs, room, _tasks: tasks }))
    }

    /// Publishes all of them in their order, without waiting for one before the next is sent;
    /// returns when each is confirmed or has failed, with an outcome for each. Fails at once while
    /// there is no connection, or the broker takes nothing.
    pub async fn publish_all(&self, publications: Vec<Publication>) -> Vec<Outcome> {
        let mut answers = Vec::with_capacity(publications.len());
        for publication in publications {
            answers.push(self.hand_over(publication).await);
        }
        let mut outcomes = Vec::with_capacity(answers.len());
        for answer in answers {
            outcomes.push(match answer {
                Ok(answer) => answer.await.unwrap_or_else(|_| unknown("the bus is stopping")),
                Err(failure) => Err(failure),
            });
        }
        outcomes
    }

    async fn hand_over(
        &self,
        publication: Publication,
    ) -> Result<oneshot::Receiver<Outcome>, PublishFailure> {
        if let Some(reason) = self.0.link.obstacle() {
            return Err(PublishFailure::Unknown { reason });
        }
        let sending =
            sending(publication).map_err(|reason| PublishFailure::Unsendable { reason })?;
        let gone = || PublishFailure::Unknown { reason: "the bus is stopping".to_owned() };
        let room = Arc::clone(&self.0.room).acquire_owned().await.map_err(|_| gone())?;
        let (answer, answered) = oneshot::channel();
        self.0.jobs.send(Job { sending, answer, _room: room }).await.map_err(|_| gone())?;
        Ok(answered)
    }
}

fn sending(publication: Publication) -> Result<Sending, String> {
    let Publication { exchange, routing_key, properties, body } = publication;
    Ok(Sending {
        exchange: fields::short("the name of the exchange", &exchange)?,
        routing_key: fields::short("the routing key", &routing_key)?,
        properties: properties.to_amqp()?,
        body,
    })
}

fn unknown(reason: &str) -> Outcome {
    Err(PublishFailure::Unknown { reason: reason.to_owned() })
}

/// By what a returned message is known: exchange, routing key and message id.
type Mark = (String, String, Option<String>);

type Confirming = Pin<Box<dyn Future<Output = (u64, lapin::Result<Confirmation>)> + Send>>;

/// What was sent and is not confirmed.
struct Waiting {
    mark: Mark,
    since: Instant,
    job: Job,
}

/// A channel with what was sent over it.
struct Desk {
    epoch: u64,
    channel: lapin::Channel,
    next: u64,
    confirming: FuturesUnordered<Confirming>,
    waiting: HashMap<u64, Waiting>,
    /// What came back, until its confirmation is seen.
    returned: HashMap<Mark, (u16, String)>,
}

/// Publishes until nobody holds the publisher any more.
async fn run(mut link: watch::Receiver<Inside>, mut jobs: mpsc::Receiver<Job>) {
    let mut desk: Option<Desk> = None;
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        let obstacle = link.borrow_and_update().state.obstacle();
        if let (Some(reason), Some(broken)) = (obstacle, desk.take_if(|it| !it.fits(&link))) {
            broken.give_up(&reason);
        }
        let confirmed = async {
            match &mut desk {
                Some(desk) if !desk.confirming.is_empty() => desk.confirming.next().await,
                _ => std::future::pending().await,
            }
        };
        tokio::select! {
            job = jobs.recv() => match job {
                Some(job) => desk = send(desk, &mut link, job).await,
                None => return,
            },
            Some(first) = confirmed => {
                if let Some(desk) = &mut desk {
                    desk.judge(first).await;
                }
            }
            changed = link.changed() => if changed.is_err() { return },
            _ = look.tick() => if let Some(late) = desk.take_if(|it| it.is_late()) {
                late.give_up(&format!("no confirmation within {} s", CONFIRM_TIMEOUT.as_secs()));
            },
        }
    }
}

/// Sends one message; returns the channel to go on with.
async fn send(desk: Option<Desk>, link: &mut watch::Receiver<Inside>, job: Job) -> Option<Desk> {
    let Inside { state, session } = link.borrow().clone();
    let (Some(session), LinkState::Up) = (session, &state) else {
        let _ = job.answer.send(unknown(&state.obstacle().unwrap_or_default()));
        return desk;
    };
    let open = match desk {
        Some(desk) if desk.epoch == session.epoch && desk.channel.status().connected() => Ok(desk),
        other => {
            if let Some(broken) = other {
                broken.give_up("the channel was closed");
            }
            Desk::open(&session).await
        }
    };
    match open {
        Ok(mut desk) => {
            desk.send(job).await;
            Some(desk)
        }
        Err(reason) => {
            let _ = job.answer.send(unknown(&reason));
            None
        }
    }
}

impl Desk {
    async fn open(session: &Session) -> Result<Self, String> {
        let opening = async {
            let channel = session.channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok(channel)
        };
        let opened = timeout(CHANNEL_TIMEOUT, Box::pin(opening)).await;
        let opened = opened.map_err(|_| "the broker opens no channel".to_owned())?;
        let channel = opened.map_err(|it: lapin::Error| why(&it))?;
        let (confirming, waiting, returned) =
            (FuturesUnordered::new(), HashMap::new(), HashMap::new());
        Ok(Self { epoch: session.epoch, channel, next: 0, confirming, waiting, returned })
    }

    /// Whether it belongs to the connection that there is, and may publish.
    fn fits(&self, link: &watch::Receiver<Inside>) -> bool {
        let inside = link.borrow();
        inside.state == LinkState::Up
            && inside.session.as_ref().is_some_and(|it| it.epoch == self.epoch)
    }

    fn is_late(&self) -> bool {
        self.waiting.values().any(|it| CONFIRM_TIMEOUT < it.since.elapsed())
    }

    async fn send(&mut self, job: Job) {
        let number = self.next;
        self.next += 1;
        let Sending { exchange, routing_key, properties, body } = &job.sending;
        let mark = (
            exchange.to_string(),
            routing_key.to_string(),
            properties.message_id().as_ref().map(ToString::to_string),
        );
        let sending = Sending {
            exchange: exchange.clone(),
            routing_key: routing_key.clone(),
            properties: properties.clone(),
            body: body.clone(),
        };
        let channel = self.channel.clone();
        let mut confirming: Confirming =
            Box::pin(async move { (number, confirm(channel, sending).await) });
        self.waiting.insert(number, Waiting { mark, since: Instant::now(), job });
        // The first look hands the frames over, so messages leave in the order of the calls.
        let first = poll_fn(|context| Poll::Ready(confirming.as_mut().poll(context))).await;
        match first {
            Poll::Ready(confirmed) => self.judge(confirmed).await,
            Poll::Pending => self.confirming.push(confirming),
        }
    }

    /// Judges a confirmation together with all others that are there.
    async fn judge(&mut self, first: (u64, lapin::Result<Confirmation>)) {
        let mut seen = vec![first];
        while let Poll::Ready(Some(next)) =
            poll_fn(|context| Poll::Ready(self.confirming.poll_next_unpin(context))).await
        {
            seen.push(next);
        }
        let mut judged = Vec::with_capacity(seen.len());
        for (number, confirmed) in seen {
            let own = self.waiting.get(&number).map(|it| it.mark.clone());
            let outcome = match confirmed {
                Ok(Confirmation::Ack(back)) => self.note(back, own.as_ref(), Ok(())),
                Ok(Confirmation::Nack(back)) => {
                    self.note(back, own.as_ref(), Err(PublishFailure::Nacked))
                }
                Ok(Confirmation::NotRequested) => unknown("bug: the channel confirms nothing"),
                Err(error) => unknown(&why(&error)),
            };
            judged.push((number, outcome));
        }
        for (number, outcome) in judged {
            self.answer(number, outcome);
        }
    }

    /// Keeps a message that came back with the confirmation of one that may be another.
    fn note(
        &mut self,
        back: Option<BasicReturnMessage>,
        own: Option<&Mark>,
        outcome: Outcome,
    ) -> Outcome {
        let Some(back) = back else { return outcome };
        let delivery = &back.delivery;
        let mark = (
            delivery.exchange.to_string(),
            delivery.routing_key.to_string(),
            delivery.properties.message_id().as_ref().map(ToString::to_string),
        );
        let is_own = own == Some(&mark);
        self.returned.insert(mark, (back.reply_code, back.reply_text.to_string()));
        // Its own return may come with a later confirmation.
        if is_own { outcome } else { unknown("others came back at the same time") }
    }

    fn answer(&mut self, number: u64, outcome: Outcome) {
        let Some(Waiting { mark, job, .. }) = self.waiting.remove(&number) else { return };
        let outcome = match self.returned.get(&mark) {
            Some((code, text)) => Err(PublishFailure::Returned { code: *code, text: text.clone() }),
            None => outcome,
        };
        if !self.waiting.values().any(|it| it.mark == mark) {
            self.returned.remove(&mark);
        }
        let _ = job.answer.send(outcome);
    }

    /// Says of everything under way that nobody knows. What was sent over this channel may still
    /// arrive, so the next message takes another one.
    fn give_up(self, reason: &str) {
        for (_, waiting) in self.waiting {
            let _ = waiting.job.answer.send(unknown(reason));
        }
    }
}

/// Sends, and waits for the confirmation.
async fn confirm(channel: lapin::Channel, sending: Sending) -> lapin::Result<Confirmation> {
    let Sending { exchange, routing_key, properties, body } = sending;
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    channel.basic_publish(exchange, routing_key, options, &body, properties).await?.await
}
