//! The parts of a running bus: how they are put together, and in which order they stop.

use std::{
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::{JoinSet, spawn_blocking},
};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{
        Broker, BrokerError,
        embedded::Embedded,
        rabbitmq::{self, RabbitMq},
    },
    cli::{
        CouldNot,
        project::{self, Files},
        settings::Settings,
    },
    connector::http::source::{self, ProblemCode},
    diagnostic::Language,
    engine::{Engine, Options, Parts, Stopped},
    message::{Clock, Limits},
    metrics::Metrics,
    ops::{self, Bus, EngineBus, Ops, OpsToken, Reader, access::Door},
    sealing::Keyring,
    spans::Exporter,
    store::{self, Store},
};

/// How long routes and deliveries may take to finish what they hold, within the whole stop.
const ENGINE_STOP_TIMEOUT: Duration = Duration::from_secs(25);

/// What is kept of the store in memory where messages wait at a RabbitMQ: it has no queues then, and
/// is mostly added to.
const STORE_CACHE_MIB: u32 = 4;

/// A bus that takes messages.
pub(super) struct Running {
    engine: Engine,
    queues: Queues,
    bus: Arc<EngineBus>,
    store_directory: PathBuf,
    addresses: (std::net::SocketAddr, std::net::SocketAddr),
    sources: JoinSet<()>,
    sources_stop: CancellationToken,
    ops: JoinSet<()>,
    ops_stop: CancellationToken,
    reloads: JoinSet<()>,
    /// Brings traces to their receiver, to the end.
    traces: JoinSet<()>,
    traces_stop: CancellationToken,
    /// In which it is told what is wrong with the files of a reload.
    language: Language,
    /// With which the first operator's name is made, where there is none yet.
    first: Option<String>,
    /// Says why the disk failed the store.
    disk: mpsc::Receiver<String>,
}

/// What ends a bus that nobody asked to stop.
pub(super) enum Failed {
    /// The disk of the store, for this reason.
    Disk(String),
    /// A part that should not end.
    Part(&'static str),
}

impl Running {
    /// Starts everything, or nothing.
    pub(super) async fn start(
        project: &Path,
        files: Files,
        language: Language,
    ) -> Result<Self, CouldNot> {
        let Files { settings, plan, .. } = files;
        let clock = Clock::system();
        let metrics = Arc::new(Metrics::new());
        metrics.started(clock.now().as_millis());
        // The addresses first: one that is taken must not leave a trace in the store.
        let listener = bind("listen", settings.listen).await?;
        let ops_listener = bind("ops", settings.ops).await?;
        let addresses = (address(&listener)?, address(&ops_listener)?);

        let (on_failure, disk) = mpsc::channel(1);
        let store = open(&settings, &metrics, on_failure).await?;
        let queues = Queues::open(&settings, store.clone(), clock).await;
        let queues = queues.map_err(|it| CouldNot(it.to_string()))?;
        let traces = exporter(&settings, addresses.0, &metrics)?;
        let options = Options {
            hash_key: settings.hash_key.as_ref().map(|it| it.reveal().as_bytes().to_vec()),
            keyring: keyring(&settings)?,
            retention: settings.retention,
            traces: traces.clone(),
            prefetch: settings.prefetch,
            limits: Limits { depth: settings.depth_max },
            body_bytes_max: settings.body_bytes_max,
            in_hand: Some(settings.store.clone()),
            ..Options::default()
        };
        let parts =
            Parts { store, broker: queues.broker(), metrics: Arc::clone(&metrics), clock, options };
        let engine = Engine::start(parts, plan).await.map_err(|it| CouldNot(it.to_string()))?;
        let token = OpsToken::create(&settings.store, addresses.1)
            .map_err(|error| CouldNot(format!("`{}`: {error}", settings.store.display())))?;
        let door = Door::open(settings.users_file(), clock);
        let door = Arc::new(door.map_err(|broken| CouldNot(broken.told(language)))?);
        let first = door.first_token().await;
        let first = first.map_err(|error| CouldNot(format!("no token: {error}")))?;
        let bus = EngineBus::new(engine.clone(), Arc::clone(&metrics), reader(project));
        let bus = Arc::new(bus);

        let mut running = Self {
            engine,
            queues,
            bus: Arc::clone(&bus),
            store_directory: settings.store.clone(),
            addresses,
            sources: JoinSet::new(),
            sources_stop: CancellationToken::new(),
            ops: JoinSet::new(),
            ops_stop: CancellationToken::new(),
            reloads: JoinSet::new(),
            traces: JoinSet::new(),
            traces_stop: CancellationToken::new(),
            language,
            first,
            disk,
        };
        let (counting, stop) = (bus.count(clock), running.ops_stop.clone());
        running.ops.spawn(async move {
            let _ = stop.run_until_cancelled(counting).await;
        });
        let (metrics_too, token) = (Arc::clone(&metrics), Arc::new(token));
        let second_person = settings.second_person;
        let router =
            ops::router(Ops { bus, metrics: metrics_too, clock, token, door, second_person });
        let stop = running.ops_stop.clone().cancelled_owned();
        running.ops.spawn(ops::serve(ops_listener, router, Arc::clone(&metrics), stop));
        if let Some(exporter) = traces {
            let stop = running.traces_stop.clone();
            running.traces.spawn(async move { exporter.run(stop.cancelled()).await });
        }
        running.take(listener, &settings, metrics);
        Ok(running)
    }

    /// Opens the systems' door.
    fn take(&mut self, listener: TcpListener, settings: &Settings, metrics: Arc<Metrics>) {
        let on_refusal: source::OnRefusal = Arc::new(move |code| {
            metrics.ingest_refused(code);
            if code == ProblemCode::Bug.as_str() {
                metrics.panics.inc();
            }
        });
        let limits = project::ingest_limits(settings);
        let intake = self.engine.intake();
        let router = source::router(intake, limits.clone(), Arc::clone(&on_refusal));
        let stop = self.sources_stop.clone();
        self.sources.spawn(source::serve(listener, router, limits, on_refusal, stop));
    }

    /// Where it can be reached, in one line.
    pub(super) fn greeting(&self) -> String {
        let (listen, ops) = self.addresses;
        let generation = self.engine.generation();
        format!(
            "simpul runs: systems http://{listen}, operators http://{ops}, generation {generation}"
        )
    }

    /// Where nobody can log in yet: how the first one can, within an hour. Shown once.
    pub(super) fn invitation(&mut self) -> Option<String> {
        let (token, (_, ops)) = (self.first.take()?, self.addresses);
        Some(format!(
            "nobody can log in yet: open http://{ops}/console/first within an hour, and enter\n  \
             {token}\nor make a user with `simpul user add`"
        ))
    }

    /// Reads the files again, beside everything else.
    pub(super) fn reload(&mut self) {
        let (bus, language) = (Arc::clone(&self.bus), self.language);
        self.reloads.spawn(async move {
            // What came of it is logged by the bus, as for a reload over HTTP.
            let _ = bus.reload(language).await;
        });
    }

    /// Waits until a part ends that should not.
    pub(super) async fn failed(&mut self) -> Failed {
        loop {
            tokio::select! {
                Some(reason) = self.disk.recv() => return Failed::Disk(reason),
                _ = self.sources.join_next() => return Failed::Part("the systems' listener"),
                _ = self.ops.join_next() => return Failed::Part("the operators' listener"),
                Some(_) = self.reloads.join_next() => {}
            }
        }
    }

    /// Stops in the order in which messages flow; operators can watch until the end. Whether
    /// everything in hand was settled.
    pub(super) async fn stop(mut self) -> bool {
        self.bus.stopping();
        self.reloads.shutdown().await;
        self.sources_stop.cancel();
        while self.sources.join_next().await.is_some() {}
        let stopped = self.engine.stop(ENGINE_STOP_TIMEOUT).await;
        let closed = self.queues.close().await;
        self.traces_stop.cancel();
        while self.traces.join_next().await.is_some() {}
        if let Err(error) = &closed {
            tracing::warn!(%error, "the queues were not closed; what is in them will be flagged");
        }
        self.ops_stop.cancel();
        while self.ops.join_next().await.is_some() {}
        OpsToken::remove(&self.store_directory);
        stopped == Stopped::Drained && closed.is_ok()
    }
}

/// Where messages wait.
enum Queues {
    Embedded(Arc<Embedded>),
    RabbitMq(RabbitMq),
}

impl Queues {
    async fn open(settings: &Settings, store: Store, clock: Clock) -> Result<Self, BrokerError> {
        let Some(address) = &settings.rabbitmq else {
            return Ok(Self::Embedded(Arc::new(Embedded::open(store, clock).await?)));
        };
        let left = if store.is_shared() { 0 } else { Embedded::left(&store).await? };
        if 0 < left {
            let reason = format!(
                "{left} messages wait in the embedded queues of this store: run it with `broker: \
                 embedded` until none does, and change to RabbitMQ then"
            );
            return Err(BrokerError { reason });
        }
        let tls = rabbitmq::Tls { ca_pem: settings.broker_ca.clone() };
        let options = rabbitmq::Options::default();
        let opened = RabbitMq::open(address.clone(), tls, store, clock, options).await?;
        Ok(Self::RabbitMq(opened))
    }

    fn broker(&self) -> Arc<dyn Broker> {
        match self {
            Self::Embedded(broker) => Arc::clone(broker) as _,
            Self::RabbitMq(broker) => Arc::new(broker.clone()),
        }
    }

    async fn close(&self) -> Result<(), BrokerError> {
        match self {
            Self::Embedded(broker) => broker.close().await,
            Self::RabbitMq(broker) => {
                broker.close().await;
                Ok(())
            }
        }
    }
}

/// The keys of sealed bodies, where there are any.
fn keyring(settings: &Settings) -> Result<Option<Arc<Keyring>>, CouldNot> {
    if settings.body_keys.is_empty() {
        return Ok(None);
    }
    let keyring = Keyring::new(settings.body_keys.clone());
    let keyring = keyring.ok_or_else(|| CouldNot("the system gives no randomness".to_owned()))?;
    Ok(Some(Arc::new(keyring)))
}

/// What takes the spans of traces, where they go anywhere.
fn exporter(
    settings: &Settings,
    listen: std::net::SocketAddr,
    metrics: &Arc<Metrics>,
) -> Result<Option<Arc<Exporter>>, CouldNot> {
    let Some(address) = settings.traces.clone() else { return Ok(None) };
    let exporter = Exporter::new(address, listen.to_string(), Arc::clone(metrics));
    let exporter = exporter.map_err(|reason| CouldNot(format!("`traces`: {reason}")))?;
    Ok(Some(Arc::new(exporter)))
}

async fn bind(setting: &str, address: std::net::SocketAddr) -> Result<TcpListener, CouldNot> {
    TcpListener::bind(address)
        .await
        .map_err(|error| CouldNot(format!("`{setting}: {address}`: {error}")))
}

fn address(listener: &TcpListener) -> Result<std::net::SocketAddr, CouldNot> {
    listener.local_addr().map_err(|error| CouldNot(format!("a listener has no address: {error}")))
}

async fn open(
    settings: &Settings,
    metrics: &Arc<Metrics>,
    failed: mpsc::Sender<String>,
) -> Result<Store, CouldNot> {
    let metrics = Arc::clone(metrics);
    let observe = move |seen: store::CommitSeen| metrics.store_committed(seen.jobs, seen.duration);
    let observe: Option<Arc<dyn Fn(store::CommitSeen) + Send + Sync>> = Some(Arc::new(observe));
    let on_failure = move |reason: &str| {
        // It is told once, and there is room for one.
        let _ = failed.try_send(reason.to_owned());
    };
    let on_failure: Option<store::OnFailure> = Some(Arc::new(on_failure));
    let disk_low = Some(settings.disk_low);
    let mut options = store::Options { observe, on_failure, disk_low, ..store::Options::default() };
    if settings.rabbitmq.is_some() {
        options.cache_mib = STORE_CACHE_MIB;
    }
    let Some(address) = &settings.database else {
        return Ok(Store::open_with(&settings.store, options)?);
    };
    // Opening a store in a directory makes it; here it is for the operators' token alone.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&settings.store);
    let directory = settings.store.display();
    made.map_err(|error| CouldNot(format!("the directory `{directory}`: {error}")))?;
    Ok(Store::connect(address, options).await?)
}

/// Reads the project's files, off the runtime's threads. Settings stay those of the start.
fn reader(project: &Path) -> Reader {
    let project = project.to_owned();
    Arc::new(move |language| {
        let project = project.clone();
        Box::pin(async move {
            let read = spawn_blocking(move || project::read(&project)).await;
            let read = read.map_err(|error| format!("bug: reading the files: {error}"))?;
            let files = read.map_err(|broken| broken.told(language))?;
            let warned = files.warned(language);
            Ok((files.plan, warned))
        })
    })
}
