//! The engine: a plan into running tasks, until it is told to stop.
//!
//! Each route is one worker that takes messages from the route's queue through its steps, and one
//! delivery worker for each of its targets. Each target has one [gate](gate) that all routes
//! share. What a message gives rise to is committed in the settlement of the message itself, so
//! that a crash leaves it either before or after a hop, never in between.

mod acted;
mod again;
mod batch;
mod bodies;
mod changes;
mod compare;
mod compared;
mod dead;
mod delivery;
mod ended;
mod envelope;
mod express;
mod fetched;
mod found;
mod gate;
mod gateways;
mod hand;
mod housekeeping;
mod intake;
mod jobs;
mod kept;
mod keys;
mod live;
mod look;
mod pipeline;
mod pull;
mod rehearsal;
mod reload;
mod routed;
mod status;
mod terms;
mod traces;
mod verdict;
mod wiring;
mod worker;

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

pub use self::{
    acted::Acted,
    bodies::{KeptBody, KnownBody, Opener, RETENTION_JOURNAL_MIN, Retention},
    changes::{CHANGES_MAX, Change, Changes, ShownValue, What},
    compare::{Comparison, Difference},
    compared::SentChanges,
    dead::{Preview, Replayed},
    envelope::queues,
    found::{FOUND_MAX, Found, FoundMessage},
    gate::{Breaker, GateSettings},
    keys::KeyResumed,
    live::Stopped,
    look::{BodyOf, Explained, Stepped},
    rehearsal::{Planned, Rehearsal, Rehearsed, Sending, Watch},
    reload::Reloaded,
    status::{RouteStatus, TargetStatus, Trace},
    wiring::{PROMISE, RouteWiring, Wire, Wiring},
};
use self::{
    express::{Afterwards, Backlog},
    gate::Gate,
    hand::InHand,
    live::{Gates, Live, Running},
    pipeline::Setting,
    pull::Pulls,
};
use crate::{
    broker::{Broker, BrokerError},
    connector::Intake,
    journal::Journal,
    ledger::Ledger,
    message::{Clock, Endpoint, IdSource, Limits, Timestamp},
    metrics::Metrics,
    route::Plan,
    sealing::Keyring,
    spans::Exporter,
    store::{Store, StoreError},
};
pub use crate::{step::Shown, store::Disk};

/// What an engine works with.
pub struct Parts {
    /// The database of ledger and journal.
    pub store: Store,
    /// The queues.
    pub broker: Arc<dyn Broker>,
    /// What it counts on.
    pub metrics: Arc<Metrics>,
    /// What time it is.
    pub clock: Clock,
    /// Settings.
    pub options: Options,
}

/// Settings of an engine.
#[derive(Debug, Clone)]
pub struct Options {
    /// The key of the expression function `hash`.
    pub hash_key: Option<Vec<u8>>,
    /// The keys of the bodies that are sealed.
    pub keyring: Option<Arc<Keyring>>,
    /// How long what is written down is kept.
    pub retention: Retention,
    /// What takes the spans of traces; `None`: nothing is traced.
    pub traces: Option<Arc<Exporter>>,
    /// Messages that a route's worker holds at most.
    pub prefetch: usize,
    /// Attempts under way at once for one target of a route.
    pub in_flight: usize,
    /// What a body may be like.
    pub limits: Limits,
    /// The largest body of a message that is fetched, in bytes.
    pub body_bytes_max: usize,
    /// How the gates before the targets behave.
    pub gate: GateSettings,
    /// How often queue depths are measured.
    pub sample_every: Duration,
    /// The directory in which it is written down what is in hand, so that a message that ends the
    /// process is known by that; `None`: nowhere.
    pub in_hand: Option<PathBuf>,
    /// Whether anything is left to chance.
    pub chance: Chance,
    /// Whether the engine also does what is beside the messages: measures its queues, forgets what
    /// is old, works on jobs over dead letters.
    pub keeps_house: bool,
}

/// What is left to chance: ids of messages, and by how much pauses are spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Chance {
    /// Both, as the system has it.
    #[default]
    System,
    /// Neither: ids are counted, and pauses are as long as the files say.
    None,
}

impl Chance {
    /// From 0 to 1, to spread pauses.
    fn luck(self) -> f64 {
        if self == Self::None {
            return 1.0;
        }
        let mut byte = [128];
        // Without randomness the pauses are not spread, which harms nobody.
        let _ = getrandom::fill(&mut byte);
        f64::from(byte[0]) / 255.0
    }

    fn ids(self) -> IdSource {
        match self {
            Self::System => IdSource::default(),
            Self::None => IdSource::counting(),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            hash_key: None,
            keyring: None,
            retention: Retention::USUAL,
            traces: None,
            prefetch: 500,
            in_flight: 32,
            limits: Limits::default(),
            body_bytes_max: 1 << 20,
            gate: GateSettings::default(),
            sample_every: Duration::from_secs(5),
            in_hand: None,
            chance: Chance::System,
            keeps_house: true,
        }
    }
}

/// A running engine. Cheap to clone; it runs until [`Engine::stop`].
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    running: Arc<Mutex<Running>>,
    /// Locked after `running`, where both are.
    pulls: Arc<Mutex<Pulls>>,
}

/// The engine cannot do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The broker refused.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// No such target in the running files.
    #[error("no target `{0}` in the running files")]
    UnknownTarget(Endpoint),
    /// A job is about more dead letters than who orders it takes it to be, or fewer.
    #[error("this is about {has} dead letters now, and not about {asked}")]
    Count {
        /// How many he takes it to be about.
        asked: u64,
        /// How many it is about.
        has: u64,
    },
    /// Bodies of a route are to be sealed, and the bus was started without a key.
    #[error(
        "route `{0}` has `bodies: full`, and the bus was started without `body_keys`: settings are \
         read at the start"
    )]
    NoBodyKey(String),
    /// It is stopping.
    #[error("the bus is stopping")]
    Stopping,
}

/// What all tasks share.
struct Shared {
    store: Store,
    broker: Arc<dyn Broker>,
    ledger: Ledger,
    journal: Journal,
    metrics: Arc<Metrics>,
    clock: Clock,
    options: Options,
    ids: IdSource,
    // std, not tokio: held to swap or clone an `Arc`, never across an await.
    live: RwLock<Arc<Live>>,
    gates: Gates,
    in_hand: InHand,
    backlog: Backlog,
    afterwards: Afterwards,
    /// What was accepted up to then may have been delivered: the store is a backup that was restored.
    restored_up_to: Option<Timestamp>,
    /// One operator's action at a time, so that two replays cannot take the same letter.
    acting: Mutex<()>,
    desk: jobs::Desk,
    /// The bus stops: no source is started any more.
    stopping: CancellationToken,
    /// Everything stops.
    stop: CancellationToken,
}

impl Shared {
    /// The newest generation.
    fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn gate(&self, target: &Endpoint) -> Arc<Gate> {
        self.gates.of(target, self.options.gate)
    }

    fn setting<'a>(&'a self, plan: &'a Plan) -> Setting<'a> {
        let hash_key = self.options.hash_key.as_deref();
        Setting { plan, hash_key, limits: self.options.limits, watch: None }
    }
}

impl Engine {
    /// Where sources hand over what they receive.
    pub fn intake(&self) -> Arc<dyn Intake> {
        Arc::new(intake::EngineIntake::new(Arc::clone(&self.shared)))
    }

    /// The number of the generation of files that runs.
    pub fn generation(&self) -> i64 {
        self.shared.live().generation
    }
}
