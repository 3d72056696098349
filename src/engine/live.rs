//! A generation at work: which routes run, and how they start and stop.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex as StdMutex, PoisonError, RwLock},
    time::Duration,
};

use futures_util::FutureExt as _;
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{
    Engine, EngineError, GateSettings, Parts, Shared,
    bodies::may_run,
    dead::paused_by,
    delivery,
    express::{self, Afterwards, Backlog},
    gate::Gate,
    gateways,
    hand::InHand,
    housekeeping, jobs, worker,
};
use crate::{
    connector::OpenSource,
    journal::{self, Event, Journal, Line},
    ledger::{self, Ledger},
    message::{Endpoint, Timestamp},
    route::{Plan, Route},
    store::Writes,
};

/// How long a worker that panicked outside of any message waits before it starts again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// One generation of files and what is looked up in it.
pub(super) struct Live {
    /// Its number.
    pub(super) generation: i64,
    /// Its files, compiled.
    pub(super) plan: Plan,
    /// The sources that accept messages.
    pub(super) sources: Arc<BTreeMap<Endpoint, Arc<OpenSource>>>,
    /// The routes that read each source.
    pub(super) readers: BTreeMap<Endpoint, Vec<Arc<Route>>>,
    /// The sources whose messages may go the short way.
    pub(super) express: BTreeSet<Endpoint>,
}

impl Live {
    pub(super) fn new(generation: i64, plan: Plan, rabbitmq: Option<&str>) -> Self {
        let mut readers: BTreeMap<Endpoint, Vec<Arc<Route>>> = BTreeMap::new();
        for route in plan.routes.values() {
            readers.entry(route.from.clone()).or_default().push(Arc::clone(route));
        }
        let opened = plan.sources.iter();
        let sources = opened.map(|(name, it)| (name.clone(), Arc::clone(&it.source))).collect();
        let (sources, express) = (Arc::new(sources), BTreeSet::new());
        let mut live = Self { generation, plan, sources, readers, express };
        let suits = |it: &&Endpoint| express::suits(&live, it, rabbitmq);
        live.express = live.readers.keys().filter(suits).cloned().collect();
        live
    }
}

/// The gates before the targets. A gate outlives the generation that first needed it.
#[derive(Default)]
pub(super) struct Gates(StdMutex<BTreeMap<Endpoint, Arc<Gate>>>);

impl Gates {
    pub(super) fn of(&self, target: &Endpoint, settings: GateSettings) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(target.clone());
        Arc::clone(gate.or_insert_with(|| Arc::new(Gate::new(target.clone(), settings))))
    }
}

/// The tasks of an engine.
#[derive(Default)]
pub(super) struct Running {
    pub(super) routes: BTreeMap<Arc<str>, RunningRoute>,
    pub(super) background: JoinSet<()>,
}

/// The tasks of one route.
pub(super) struct RunningRoute {
    pub(super) route: Arc<Route>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// How a stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Everything in hand was finished and settled.
    Drained,
    /// The grace ran out; what was in hand goes back to its queue.
    Aborted,
}

impl Engine {
    /// Starts a plan.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read or written; nothing runs then.
    pub async fn start(parts: Parts, mut plan: Plan) -> Result<Self, EngineError> {
        let Parts { store, broker, metrics, clock, options } = parts;
        may_run(&plan, &options)?;
        let (ledger, journal) = (Ledger::new(store.clone()), Journal::new(store.clone()));
        let generation = gateways::next_generation(&store, 0, plan.digest, clock.now()).await?;
        let pauses = ledger.pauses().await?;
        let restored_up_to = ledger.restored_up_to().await?;
        let files = std::mem::take(&mut plan.files);
        let live = Live::new(generation, plan, broker.rabbitmq().as_deref());
        let live = RwLock::new(Arc::new(live));
        let (gates, ids, acting) = (Gates::default(), options.chance.ids(), Mutex::default());
        let (stopping, stop) = (CancellationToken::new(), CancellationToken::new());
        let in_hand = InHand::open(options.in_hand.as_deref(), clock.now());
        let shared = Shared {
            store,
            broker,
            ledger,
            journal,
            metrics,
            clock,
            options,
            ids,
            live,
            gates,
            in_hand,
            backlog: Backlog::default(),
            afterwards: Afterwards::default(),
            restored_up_to,
            acting,
            desk: jobs::Desk::default(),
            stopping,
            stop,
        };
        let (running, pulls) = (Arc::default(), Arc::default());
        let engine = Self { shared: Arc::new(shared), running, pulls };
        let shared = &engine.shared;

        let mut writes = Writes::default();
        for pause in pauses {
            let target = pause.target.clone();
            if shared.freed_by_files(&pause) {
                ledger::resume(&mut writes, &target);
            } else {
                shared.metrics.set_paused(&target.to_string(), Some(paused_by(&pause)));
                shared.gate(&target).pause(pause);
            }
        }
        let live = shared.live();
        shared.record_generation(&mut writes, &live, "started");
        shared.keep_files(&mut writes, (generation, shared.clock.now()), &files).await?;
        drop(files);
        shared.store.commit(writes).await?;

        let mut running = engine.running.lock().await;
        for route in live.plan.routes.values() {
            running.start(shared, route);
        }
        running.background.spawn(express::write_afterwards(Arc::clone(shared)));
        if shared.options.keeps_house {
            running.background.spawn(housekeeping::run(Arc::clone(shared)));
            running.background.spawn(jobs::run(Arc::clone(shared)));
        }
        drop(running);
        shared.listen(&live);
        // Last: what they bring finds its routes at work.
        engine.pulls.lock().await.start(shared);
        shared.metrics.reload_succeeded(generation, shared.clock.now().as_millis());
        info!(generation, routes = live.plan.routes.len(), "started");
        Ok(engine)
    }

    /// Stops: sources that fetch first, then routes and deliveries; each finishes what it holds,
    /// all within `grace`.
    pub async fn stop(&self, grace: Duration) -> Stopped {
        let start = Instant::now();
        self.shared.stopping.cancel();
        let fetched = timeout(grace, async { self.pulls.lock().await.stop().await }).await;
        let grace = grace.saturating_sub(start.elapsed());
        // Before the lock: a reload that waits for a route to finish is not waited for twice.
        self.shared.stop.cancel();
        let mut running = self.running.lock().await;
        let routes = std::mem::take(&mut running.routes);
        let drained = timeout(grace, async {
            for route in routes.values() {
                route.stop.cancel();
            }
            for (_, route) in routes {
                route.finish().await;
            }
            while running.background.join_next().await.is_some() {}
        });
        let drained = drained.await.is_ok() && fetched.is_ok();
        if drained { Stopped::Drained } else { Stopped::Aborted }
    }
}

impl Shared {
    /// Whether the system file of a paused target is another one than when it was paused.
    pub(super) fn freed_by_files(&self, pause: &ledger::Pause) -> bool {
        let live = self.live();
        let now = live.plan.targets.get(&pause.target).map(|it| it.open.digest);
        !pause.by_operator
            && now.is_some()
            && pause.system_digest.is_some()
            && now != pause.system_digest
    }

    pub(super) fn record_generation(&self, writes: &mut Writes, live: &Live, how: &str) {
        let at = self.clock.now();
        if let Some(digest) = live.plan.digest {
            ledger::start_generation(writes, live.generation, digest, at);
        }
        let event = Event::Generation { how: how.to_owned() };
        journal::append(writes, &bare_line(at, live.generation, event));
    }
}

/// A journal line about no message.
pub(super) fn bare_line(at: Timestamp, generation: i64, event: Event) -> Line {
    Line { at, route: "".into(), message: None, delivery: None, generation, event }
}

impl Running {
    /// Starts the tasks of a route.
    pub(super) fn start(&mut self, shared: &Arc<Shared>, route: &Arc<Route>) {
        let stop = shared.stop.child_token();
        let mut tasks = JoinSet::new();
        let worker = {
            let (shared, route, stop) = (Arc::clone(shared), Arc::clone(route), stop.clone());
            move || worker::run(Arc::clone(&shared), Arc::clone(&route), stop.clone())
        };
        tasks.spawn(supervise(Arc::clone(shared), route.name.to_string(), stop.clone(), worker));
        for index in 0..route.to.len() {
            let (owner, route, halt) = (Arc::clone(shared), Arc::clone(route), stop.clone());
            let name = format!("{} to {}", route.name, route.to[index].target);
            let worker =
                move || delivery::run(Arc::clone(&owner), Arc::clone(&route), index, halt.clone());
            tasks.spawn(supervise(Arc::clone(shared), name, stop.clone(), worker));
        }
        let running = RunningRoute { route: Arc::clone(route), stop, tasks };
        self.routes.insert(Arc::clone(&route.name), running);
    }
}

impl RunningRoute {
    /// Stops the route; returns when it has settled what it held.
    pub(super) async fn finish(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Runs a worker, again after a panic that no message can be blamed for, until `stop`. In one task
/// with it: a bus has as many workers as it has routes and targets.
pub(super) async fn supervise<F, W>(
    shared: Arc<Shared>,
    name: String,
    stop: CancellationToken,
    worker: F,
) where
    F: Fn() -> W + Send,
    W: Future<Output = ()> + Send,
{
    // What a worker holds goes with it, so nothing half done is ever looked at again.
    while AssertUnwindSafe(worker()).catch_unwind().await.is_err() {
        shared.metrics.panics.inc();
        error!(worker = name, "bug: a worker panicked; it starts again");
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RESTART_PAUSE) => {}
        }
    }
}
