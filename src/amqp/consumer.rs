//! One channel that consumes, and acknowledges in groups.
//!
//! A task owns the channel and makes it anew whenever it breaks. It never cancels a consumer: on a
//! queue with a single active consumer the next one would get messages while the ones before are
//! still held. It closes the channel instead, which gives everything back first.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinSet,
    time::{sleep_until, timeout},
};

use super::{
    Binding, Link, Properties, QueueSpec, admin,
    fields::short,
    held::Held,
    link::{Inside, Pause, Session, session},
    why,
};

/// How long a broker may take to start handing out, and to take acknowledgements.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a channel may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Groups of acknowledgements that wait at most.
const COMMANDS_MAX: usize = 256;

/// What to consume.
#[derive(Debug, Clone)]
pub struct ConsumeOptions {
    /// The queue.
    pub queue: String,
    /// How many messages are held at most that are not acknowledged.
    pub prefetch: u16,
    /// What is declared first, over and over: on every new connection.
    pub setup: Vec<Setup>,
    /// After how long without a message it consumes anew, while it holds none. RabbitMQ 3.10.8
    /// may put a consumer on a quorum queue that is declared in the place of a deleted one without a
    /// word, and take its messages for copies of those that the old one handed out.
    pub quiet_max: Option<Duration>,
}

/// What a consumer sets up before it consumes.
#[derive(Debug, Clone)]
pub enum Setup {
    /// A queue.
    Queue(QueueSpec),
    /// A binding.
    Bind(Binding),
}

/// Which message of which connection: what is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// The channel's number. A tag of an earlier one means nothing any more.
    pub(super) epoch: u64,
    /// The broker's number.
    pub(super) number: u64,
}

impl Tag {
    /// The number of the channel, which rises with each of a consumer.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// A message that was taken and is not acknowledged.
#[derive(Debug, Clone)]
pub struct Taken {
    /// What to acknowledge it with.
    pub tag: Tag,
    /// It may have been handed out before.
    pub redelivered: bool,
    /// Where it was published.
    pub exchange: String,
    /// With which routing key.
    pub routing_key: String,
    /// What travelled beside the body, cleaned.
    pub properties: Properties,
    /// The body.
    pub body: Bytes,
}

/// How a consumer fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsumerState {
    /// Not consuming, and why, once an attempt has failed.
    Waiting(Option<Arc<str>>),
    /// Consuming.
    Consuming,
}

/// Takes messages out of one queue. Dropped, it closes its channel.
pub struct Consumer {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
    tasks: JoinSet<()>,
}

/// Acknowledges what a consumer took. Cheap to clone.
#[derive(Clone)]
pub struct Acker {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

/// The consumers of this process, so far.
static CONSUMERS: AtomicU64 = AtomicU64::new(0);

struct Shared {
    /// Which consumer of this process it is.
    number: u64,
    /// What came and was not asked for yet: at most `prefetch`.
    // std, not tokio: held for a few instructions, never across an await.
    arrived: Mutex<VecDeque<Taken>>,
    arrival: Notify,
    /// The number of the channel in use.
    epoch: AtomicU64,
    state: watch::Sender<ConsumerState>,
    /// Nothing will arrive any more.
    closed: watch::Sender<bool>,
}

impl Shared {
    fn arrived(&self) -> MutexGuard<'_, VecDeque<Taken>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Command {
    /// Acknowledge, and say how many were of the channel in use.
    Ack(Vec<Tag>, oneshot::Sender<usize>),
    Renew,
    Close,
}

impl Consumer {
    /// Starts to consume over `link`, and never gives up. Needs a runtime.
    pub fn open(link: &Link, options: ConsumeOptions) -> Self {
        let shared = Arc::new(Shared {
            number: CONSUMERS.fetch_add(1, Ordering::Relaxed),
            arrived: Mutex::default(),
            arrival: Notify::new(),
            epoch: AtomicU64::new(0),
            state: watch::Sender::new(ConsumerState::Waiting(None)),
            closed: watch::Sender::new(false),
        });
        let (commands, received) = mpsc::channel(COMMANDS_MAX);
        let mut tasks = JoinSet::new();
        let task = Task { shared: Arc::clone(&shared), options, commands: received };
        tasks.spawn(task.run(link.inside()));
        Self { shared, commands, tasks }
    }

    /// The next messages, at least one and at most `max`: whatever is there, waiting while nothing
    /// is. None at all once it is closed. Safe to drop while it waits.
    pub async fn next(&mut self, max: usize) -> Vec<Taken> {
        let mut closed = self.shared.closed.subscribe();
        loop {
            // From before the look: what comes meanwhile must not be slept through.
            let arrival = self.shared.arrival.notified();
            {
                let mut arrived = self.shared.arrived();
                let count = arrived.len().min(max.max(1));
                if 0 < count {
                    return arrived.drain(..count).collect();
                }
            }
            tokio::select! {
                () = arrival => {}
                _ = closed.wait_for(|it| *it) => return Vec::new(),
            }
        }
    }

    /// What acknowledges.
    pub fn acker(&self) -> Acker {
        Acker { shared: Arc::clone(&self.shared), commands: self.commands.clone() }
    }

    /// How it fares.
    pub fn state(&self) -> ConsumerState {
        self.shared.state.borrow().clone()
    }

    /// Waits until it consumes.
    pub async fn consuming(&self) {
        let mut state = self.shared.state.subscribe();
        let _ = state.wait_for(|it| *it == ConsumerState::Consuming).await;
    }

    /// Closes the channel: what is not acknowledged goes back to its place in the queue.
    pub async fn close(mut self) {
        let _ = self.commands.send(Command::Close).await;
        while self.tasks.join_next().await.is_some() {}
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // The task ends by itself, with its channel closed before its consumer is dropped.
        if self.commands.try_send(Command::Close).is_ok() {
            self.tasks.detach_all();
        }
    }
}

impl Acker {
    /// Acknowledges `tags`; returns how many of them were of the channel in use. The others will
    /// come again. AMQP answers nothing to an acknowledgement: it was sent, that is all.
    pub async fn ack(&self, tags: Vec<Tag>) -> usize {
        let (answer, answered) = oneshot::channel();
        if self.commands.send(Command::Ack(tags, answer)).await.is_err() {
            return 0;
        }
        answered.await.unwrap_or_default()
    }

    /// Tells the consumer to close its channel, which gives back what is not acknowledged, and to
    /// consume anew; false if it has too much to do to hear it.
    pub fn renew(&self) -> bool {
        self.commands.try_send(Command::Renew).is_ok()
    }

    /// Tells the channels of different consumers apart, for grouping what is acknowledged.
    pub fn channel(&self) -> u64 {
        self.shared.number
    }

    /// Whether a tag can still be acknowledged; if not, its message comes again.
    pub fn is_live(&self, tag: Tag) -> bool {
        tag.epoch == self.shared.epoch.load(Ordering::Acquire)
    }
}

struct Task {
    shared: Arc<Shared>,
    options: ConsumeOptions,
    commands: mpsc::Receiver<Command>,
}

/// Why a channel came to its end.
enum End {
    /// It broke.
    Broken(String),
    /// It is to be another one.
    Renewed,
    /// The consumer is to be closed.
    Closed,
}

impl Task {
    async fn run(mut self, mut link: watch::Receiver<Inside>) {
        let mut pause = Pause::default();
        loop {
            let end = tokio::select! {
                found = session(&mut link) => match found {
                    Some(session) => self.consume(&session, &mut pause).await,
                    None => break,
                },
                command = self.commands.recv() => match command {
                    Some(Command::Ack(_, answer)) => {
                        let _ = answer.send(0);
                        continue;
                    }
                    // There is none.
                    Some(Command::Renew) => continue,
                    Some(Command::Close) | None => break,
                },
            };
            self.shared.epoch.fetch_add(1, Ordering::AcqRel);
            self.shared.arrived().clear();
            let reason = match end {
                End::Broken(reason) => reason,
                End::Renewed => continue,
                End::Closed => break,
            };
            tracing::warn!(queue = self.options.queue, "not consuming: {reason}");
            self.shared.state.send_replace(ConsumerState::Waiting(Some(reason.into())));
            // Commands wait a little longer; what they acknowledge comes again in any case.
            pause.wait().await;
        }
        self.shared.closed.send_replace(true);
    }

    /// Consumes until the channel breaks or is to be closed.
    async fn consume(&mut self, session: &Session, pause: &mut Pause) -> End {
        let started = timeout(ANSWER_TIMEOUT, Box::pin(start(session, &self.options))).await;
        let (channel, consumer) = match started {
            Ok(Ok(started)) => started,
            Ok(Err(error)) => return End::Broken(why(&error)),
            Err(_) => return End::Broken("the broker opens no channel".to_owned()),
        };
        *pause = Pause::default();
        let epoch = self.shared.epoch.fetch_add(1, Ordering::AcqRel) + 1;
        self.shared.state.send_replace(ConsumerState::Consuming);
        let mut held = Held::new(epoch, channel.clone());
        let end = self.hand_over(consumer.clone(), &mut held).await;
        // Before the consumer is dropped, which would cancel it.
        let _ = timeout(CLOSE_TIMEOUT, channel.close(200, ShortString::default())).await;
        drop(consumer);
        end
    }

    async fn hand_over(&mut self, mut consumer: lapin::Consumer, held: &mut Held) -> End {
        loop {
            tokio::select! {
                () = sleep_until(held.quiet_at(self.options.quiet_max)) => return End::Renewed,
                delivery = consumer.next() => {
                    let (taken, end) = take(delivery, &mut consumer, held);
                    // Also what came right before the end: it counts as held.
                    self.shared.arrived().extend(taken);
                    self.shared.arrival.notify_one();
                    if let Some(end) = end {
                        return end;
                    }
                }
                command = self.commands.recv() => match command {
                    Some(Command::Ack(tags, answer)) => match held.ack(tags).await {
                        Ok(count) => { let _ = answer.send(count); }
                        Err(reason) => return End::Broken(reason),
                    },
                    Some(Command::Renew) => return End::Renewed,
                    Some(Command::Close) | None => return End::Closed,
                },
            }
        }
    }
}

/// A delivery and all others that are there already, at most as many as may be held; and whether
/// that was the end.
fn take(
    first: Option<lapin::Result<Delivery>>,
    consumer: &mut lapin::Consumer,
    held: &mut Held,
) -> (Vec<Taken>, Option<End>) {
    let (mut all, mut next) = (Vec::new(), Some(first));
    while let Some(delivery) = next {
        match delivery {
            Some(Ok(delivery)) => {
                held.took(delivery.delivery_tag);
                all.push(admin::taken(delivery, held.epoch()));
            }
            Some(Err(error)) => return (all, Some(End::Broken(why(&error)))),
            None => return (all, Some(End::Broken("the broker ended it".to_owned()))),
        }
        next = consumer.next().now_or_never();
    }
    (all, None)
}

async fn start(
    session: &Session,
    options: &ConsumeOptions,
) -> lapin::Result<(Channel, lapin::Consumer)> {
    let channel = session.channel().await?;
    for setup in &options.setup {
        match setup {
            Setup::Queue(queue) => drop(admin::declare(&channel, queue).await?),
            Setup::Bind(binding) => admin::bind(&channel, binding).await?,
        }
    }
    // Before consuming, or the whole queue comes at once.
    channel.basic_qos(options.prefetch.max(1), BasicQosOptions::default()).await?;
    let queue = short("the name of the queue", &options.queue);
    let queue = queue.map_err(std::io::Error::other)?;
    let (consume, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let consumer = channel.basic_consume(queue, ShortString::default(), consume, arguments).await?;
    Ok((channel, consumer))
}
