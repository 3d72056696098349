//! One channel that publishes: pipelined, each message confirmed, each with an answer of its own.
//!
//! One task owns the channel, for on a shared one the library can hand a confirmation to the wrong
//! message. It also hands a returned message to whichever confirmation comes next; as the broker
//! sends the return before the confirmation, and confirmations are seen here in the order in which
//! they came, a return is known by its message id before its own confirmation is judged.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use lapin::{BasicProperties, types::ShortString};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::{
    Link, LinkState, Properties,
    desk::{Confirmed, Desk},
    fields,
    link::Inside,
    pulse::{Outstanding, Pulses, STALL_AFTER},
};

/// Messages that wait for their confirmation at most; more wait before they are sent, since the
/// library's own queue has no end.
const OUTSTANDING_MAX: usize = 512;

/// Messages that are handed to the task together at most: it wakes once for all of them.
const TOGETHER_MAX: usize = 64;

/// How often it is looked whether one has waited for too long.
const LOOK_EVERY: Duration = Duration::from_millis(500);

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

/// How long a message may wait for its confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As long as a broker may take.
    Long,
    /// As long as the broker gives a sign of life: somebody waits for the answer.
    Short,
}

/// Publishes over a link. Cheap to clone; all clones share one channel, in the order of the calls.
#[derive(Clone)]
pub struct Publisher(Arc<Inner>);

struct Inner {
    link: Link,
    jobs: mpsc::Sender<Vec<Job>>,
    room: Arc<Semaphore>,
    pulses: Arc<Pulses>,
    _tasks: JoinSet<()>,
}

pub(super) type Outcome = Result<(), PublishFailure>;

/// One message for the task, and who waits for it.
struct Job {
    sending: Sending,
    pending: Pending,
}

/// Who waits for a message. Dropped, it makes room for the next.
pub(super) struct Pending {
    pub(super) answer: oneshot::Sender<Outcome>,
    pub(super) outstanding: Outstanding,
    _room: OwnedSemaphorePermit,
}

impl Pending {
    pub(super) fn answer(self, outcome: Outcome) {
        let _ = self.answer.send(outcome);
    }
}

pub(super) struct Sending {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Bytes,
}

/// What was handed over: where to, and where its answer comes from.
type Handed = (Arc<str>, oneshot::Receiver<Outcome>);

impl Publisher {
    /// A publisher with a channel of its own on `link`. Needs a runtime.
    pub fn open(link: &Link) -> Self {
        let (jobs, queue) = mpsc::channel(OUTSTANDING_MAX);
        let mut tasks = JoinSet::new();
        let pulses = Arc::new(Pulses::default());
        tasks.spawn(run(link.inside(), queue, Arc::clone(&pulses)));
        let room = Arc::new(Semaphore::new(OUTSTANDING_MAX));
        Self(Arc::new(Inner { link: link.clone(), jobs, room, pulses, _tasks: tasks }))
    }

    /// Publishes all of them in their order, without waiting for one before the next is sent;
    /// returns when each is confirmed or has failed, with an outcome for each. Fails at once while
    /// there is no connection, or the broker takes nothing.
    pub async fn publish_all(&self, publications: Vec<Publication>) -> Vec<Outcome> {
        self.publish_with(publications, Patience::Long).await
    }

    /// As [`publish_all`](Self::publish_all), waiting no longer than `patience`.
    pub async fn publish_with(
        &self,
        publications: Vec<Publication>,
        patience: Patience,
    ) -> Vec<Outcome> {
        let mut handed = Vec::with_capacity(publications.len());
        let mut gathered = Vec::with_capacity(publications.len().min(TOGETHER_MAX));
        for publication in publications {
            handed.push(self.hand_over(publication, patience, &mut gathered).await);
        }
        self.send(&mut gathered).await;
        let mut outcomes = Vec::with_capacity(handed.len());
        // From the last on, which is confirmed last: nobody is woken for each of them.
        for handed in handed.into_iter().rev() {
            outcomes.push(match handed {
                Ok(handed) => self.answer(handed, patience).await,
                Err(failure) => Err(failure),
            });
        }
        outcomes.reverse();
        outcomes
    }

    /// Gives what is gathered to the task. Where that is gone, so is who would have answered.
    async fn send(&self, gathered: &mut Vec<Job>) {
        if !gathered.is_empty() {
            let _ = self.0.jobs.send(std::mem::take(gathered)).await;
        }
    }

    /// Why nothing is confirmed, if nothing is.
    pub fn stall(&self) -> Option<String> {
        self.0.pulses.is_stalled().then(|| silence("the broker"))
    }

    async fn hand_over(
        &self,
        publication: Publication,
        patience: Patience,
        gathered: &mut Vec<Job>,
    ) -> Result<Handed, PublishFailure> {
        if let Some(reason) = self.0.link.obstacle() {
            return Err(PublishFailure::Unknown { reason });
        }
        let place = place(&publication);
        let sending =
            sending(publication).map_err(|reason| PublishFailure::Unsendable { reason })?;
        let room = match Arc::clone(&self.0.room).try_acquire_owned() {
            Ok(room) => room,
            Err(_) => {
                // Its confirmations are what there may be room after.
                self.send(gathered).await;
                self.room(&place, patience).await?
            }
        };
        let (answer, answered) = oneshot::channel();
        let outstanding = self.0.pulses.sent(Arc::clone(&place), sending.body.len());
        gathered.push(Job { sending, pending: Pending { answer, outstanding, _room: room } });
        if TOGETHER_MAX <= gathered.len() {
            self.send(gathered).await;
        }
        Ok((place, answered))
    }

    /// Waits until one more may be outstanding.
    async fn room(
        &self,
        place: &str,
        patience: Patience,
    ) -> Result<OwnedSemaphorePermit, PublishFailure> {
        let gone = |_| PublishFailure::Unknown { reason: "the bus is stopping".to_owned() };
        tokio::select! {
            biased;
            reason = self.stalls(place, patience) => Err(reason),
            room = Arc::clone(&self.0.room).acquire_owned() => room.map_err(gone),
        }
    }

    async fn answer(&self, (place, answered): Handed, patience: Patience) -> Outcome {
        tokio::select! {
            biased;
            answer = answered => answer.unwrap_or_else(|_| unknown("the bus is stopping")),
            // What was sent stays outstanding: its confirmation tells that the broker is back.
            failure = self.stalls(&place, patience) => Err(failure),
        }
    }

    /// Waits until nothing is to be hoped for of a place.
    async fn stalls(&self, place: &str, patience: Patience) -> PublishFailure {
        loop {
            let at = match patience {
                Patience::Long => None,
                Patience::Short => self.0.pulses.stalls_at(place),
            };
            // Nothing is outstanding, so nothing keeps anybody waiting.
            let Some(at) = at else { return std::future::pending().await };
            if at <= Instant::now() {
                return PublishFailure::Unknown { reason: silence(&format!("`{place}`")) };
            }
            sleep_until(at).await;
        }
    }
}

fn silence(whose: &str) -> String {
    format!("{whose} has confirmed nothing for {} ms", STALL_AFTER.as_millis())
}

/// What a message is sent to: an exchange, or the queue behind the default one.
fn place(Publication { exchange, routing_key, .. }: &Publication) -> Arc<str> {
    if exchange.is_empty() { routing_key.as_str().into() } else { exchange.as_str().into() }
}

fn sending(publication: Publication) -> Result<Sending, String> {
    let Publication { exchange, routing_key, properties, body } = publication;
    Ok(Sending {
        exchange: fields::short("the name of the exchange", exchange)?,
        routing_key: fields::short("the routing key", routing_key)?,
        properties: properties.into_amqp()?,
        body,
    })
}

pub(super) fn unknown(reason: &str) -> Outcome {
    Err(PublishFailure::Unknown { reason: reason.to_owned() })
}

/// Publishes until nobody holds the publisher any more.
///
/// RabbitMQ stops a channel for seconds each time something is published over it to a queue that has
/// lost its server. So what goes to a queue that stays behind goes over a channel apart, until it
/// confirms something.
async fn run(
    mut link: watch::Receiver<Inside>,
    mut jobs: mpsc::Receiver<Vec<Job>>,
    pulses: Arc<Pulses>,
) {
    let mut desks = Desks { desk: None, apart: None, pulses };
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        let obstacle = link.borrow_and_update().state.obstacle();
        if let Some(reason) = obstacle {
            desks.give_up(&reason, |it| !it.fits(&link));
        }
        let Desks { desk, apart, .. } = &mut desks;
        tokio::select! {
            jobs = jobs.recv() => match jobs {
                Some(jobs) => for job in jobs {
                    desks.send(&mut link, job).await;
                },
                None => return,
            },
            first = confirmed(desk) => desks.judge(first).await,
            first = confirmed(apart) => desks.judge_apart(first).await,
            changed = link.changed() => if changed.is_err() { return },
            _ = look.tick() => desks.look(),
        }
    }
}

/// The channel of a publisher, and the one for what stays behind.
struct Desks {
    desk: Option<Desk>,
    apart: Option<Desk>,
    pulses: Arc<Pulses>,
}

impl Desks {
    /// Gives up the channels of which that is true.
    fn give_up(&mut self, reason: &str, mut broken: impl FnMut(&mut Desk) -> bool) {
        for desk in [&mut self.desk, &mut self.apart] {
            if let Some(broken) = desk.take_if(&mut broken) {
                broken.give_up(reason);
            }
        }
    }

    async fn send(&mut self, link: &mut watch::Receiver<Inside>, job: Job) {
        let is_sick = self.pulses.is_sick(&job.pending.outstanding.place);
        let desk = if is_sick { &mut self.apart } else { &mut self.desk };
        *desk = send(desk.take(), link, job, &self.pulses).await;
    }

    async fn judge(&mut self, first: Confirmed) {
        let Some(desk) = &mut self.desk else { return };
        desk.judge(first).await;
        for (place, _) in desk.findings().iter().filter(|(_, is_well)| !**is_well) {
            self.pulses.set_sick(place, true);
        }
    }

    async fn judge_apart(&mut self, first: Confirmed) {
        let Some(apart) = &mut self.apart else { return };
        apart.judge(first).await;
        for (place, _) in apart.findings().iter().filter(|(_, is_well)| **is_well) {
            self.pulses.set_sick(place, false);
        }
    }

    /// Gives up what waits for too long, and puts a channel that hangs apart with what it hangs at:
    /// the others need not wait for it.
    fn look(&mut self) {
        self.give_up("the channel confirms nothing any more", Desk::expire);
        let Some(place) = self.desk.as_ref().and_then(Desk::suspect) else { return };
        self.pulses.set_sick(&place, true);
        if self.apart.is_none() {
            self.apart = self.desk.take();
        }
    }
}

/// The next confirmation of a channel; never, while there is none.
async fn confirmed(desk: &mut Option<Desk>) -> Confirmed {
    match desk {
        Some(desk) => desk.confirmed().await,
        None => std::future::pending().await,
    }
}

/// Sends one message; returns the channel to go on with.
async fn send(
    desk: Option<Desk>,
    link: &mut watch::Receiver<Inside>,
    Job { sending, pending }: Job,
    pulses: &Arc<Pulses>,
) -> Option<Desk> {
    let Inside { state, session } = link.borrow().clone();
    let (Some(session), LinkState::Up) = (session, &state) else {
        pending.answer(unknown(&state.obstacle().unwrap_or_default()));
        return desk;
    };
    let open = match desk {
        Some(desk) if desk.is_open(&session) => Ok(desk),
        other => {
            if let Some(broken) = other {
                broken.give_up("the channel was closed");
            }
            Desk::open(&session, Arc::clone(pulses)).await
        }
    };
    match open {
        Ok(mut desk) => {
            desk.send(sending, pending).await;
            Some(desk)
        }
        Err(reason) => {
            pending.answer(unknown(&reason));
            None
        }
    }
}
