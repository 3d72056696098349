//! One history: processes that start, work step by step, and die or stop.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _};
use serde_json::json;

use super::{
    Mutation, Random,
    rules::{Sent, Verdict, judge},
    stage::{START, Stage, engine, source},
};
use crate::{
    broker::simulated::{Fault, Simulated},
    connector::{Handover, Incoming, Intake as _},
    engine::{
        Shared,
        delivery::{SETTLEMENTS_MAX, Worker},
        envelope::{delivery_queue, route_queue},
        intake::EngineIntake,
        worker,
    },
    ledger::DeadFilter,
    message::Clock,
    route::Route,
};

/// Messages of a history at most.
const MESSAGES_MAX: usize = 3;

/// Keys that they have.
const KEYS: usize = 2;

/// Steps of a history before everything is mended.
const STEPS_MAX: usize = 40;

/// Rounds in which everything that is left must come to its end.
const ROUNDS_MAX: usize = 100;

/// The longest that a round waits: a paused target is tried each minute.
const ROUND_MAX: Duration = Duration::from_secs(64);

/// What goes on in a history.
pub(super) struct World<'s> {
    stage: &'s Stage,
    broker: Simulated,
    clock: Clock,
    random: Random,
    pub(super) sent: Vec<Sent>,
    messages: usize,
    steps: usize,
    deaths: u64,
}

/// Lives through a history; what was seen, and which rules were broken.
pub(super) async fn history(stage: &Stage, seed: u64, mutation: Option<Mutation>) -> Verdict {
    stage.clear(seed, mutation);
    let mut random = Random::of(seed);
    let clock = Clock::starting_at(START);
    let transactional = random.one_in(2);
    let bug = match mutation {
        Some(Mutation::Broker(bug)) => Some(bug),
        _ => None,
    };
    // Some histories are quiet, in some hardly anything succeeds.
    let rarity = [6, 15, 40, 1_000][random.below(4)];
    let mut chance = random.clone();
    let faults = move || match chance.below(2 * rarity) {
        0 => Fault::Dies,
        1 => Fault::Fails,
        _ => Fault::None,
    };
    let broker = Simulated::new(stage.store.clone(), clock, (transactional, bug), Box::new(faults));
    let messages = 1 + random.below(MESSAGES_MAX);
    let steps = random.below(STEPS_MAX);
    let sent = Vec::new();
    let mut world = World { stage, broker, clock, random, sent, messages, steps, deaths: 0 };
    while 0 < world.steps {
        world.life().await;
    }
    world.broker.mend();
    stage.mend();
    if world.broker.is_dead() {
        world.broker.restart();
    }
    world.end().await
}

impl World<'_> {
    /// A process from its start until it dies or stops.
    async fn life(&mut self) {
        let shared = self.stage.shared(&self.broker, self.clock);
        let routes = start(&shared).await;
        let mut workers = workers(&shared, &routes);
        while 0 < self.steps && !self.broker.is_dead() {
            self.steps -= 1;
            if self.random.one_in(25) {
                break;
            }
            self.step(&shared, &routes, &mut workers).await;
        }
        if self.broker.is_dead() || self.random.one_in(3) {
            // Nothing that the process had in hand is finished.
            self.broker.die();
            self.deaths += 1;
            drop(workers);
            self.broker.restart();
            return;
        }
        // As a reload and a stop in order: everything in hand is finished.
        for worker in workers {
            worker.end().await;
        }
        if self.broker.is_dead() {
            self.deaths += 1;
            self.broker.restart();
        }
    }

    async fn step(
        &mut self,
        shared: &Arc<Shared>,
        routes: &[Arc<Route>],
        workers: &mut [Worker<'_>],
    ) {
        match self.random.below(20) {
            0..3 if self.sent.len() < self.messages => self.offer(shared).await,
            0..6 => {
                let route = &routes[self.random.below(routes.len())];
                self.route(shared, route).await;
            }
            6 => {
                let pause = [10, 1_000, 5_000, 61_000][self.random.below(4)];
                tokio::time::advance(Duration::from_millis(pause)).await;
            }
            7 if self.random.one_in(4) => {
                // If it is refused the operator will try again.
                let all = DeadFilter::default();
                let _ = engine(shared).replay(&all, "operator: uji").await;
            }
            7 => shared.call_keys().await,
            8 => tokio::task::yield_now().await,
            _ => {
                let worker = &mut workers[self.random.below(3)];
                self.work(worker).await;
            }
        }
    }

    /// A sender hands a message over.
    async fn offer(&mut self, shared: &Arc<Shared>) {
        let (number, key) = (self.sent.len(), self.random.below(KEYS));
        let body = json!({ "n": number, "k": key }).to_string().into();
        let messages = vec![Incoming { body, ..Incoming::default() }];
        let handover = Handover { source: source(), client: "asal.data/uji".to_owned(), messages };
        let intake = EngineIntake::new(Arc::clone(shared));
        let accepted = intake.accept(handover).await.ok().and_then(|it| it.first().map(|it| it.id));
        self.sent.push(Sent { number, key, accepted });
    }

    /// A route's worker takes some messages.
    async fn route(&mut self, shared: &Arc<Shared>, route: &Arc<Route>) {
        let most = 1 + self.random.below(3);
        let taken = self.broker.take(&route_queue(&route.name), most);
        if !taken.is_empty() {
            // If it fails everything comes back.
            let _ = worker::work(shared, route, taken).await;
        }
    }

    /// One arm of a delivery worker.
    async fn work(&mut self, worker: &mut Worker<'_>) {
        match self.random.below(4) {
            0 => {
                let room = worker.room();
                let queue = delivery_queue(&worker.route.name, &worker.destination.target);
                let taken = if 0 < room { self.broker.take(&queue, room) } else { Vec::new() };
                if !taken.is_empty() {
                    worker.take(taken).await;
                }
            }
            1 if !worker.held.is_empty() => {
                let gate = Arc::clone(&worker.gate);
                if let Some(pass) = gate.pass().now_or_never() {
                    worker.let_through(pass).await;
                }
            }
            2 if worker.settling.len() < SETTLEMENTS_MAX => {
                if let Some(done) = worker.tasks.join_next_with_id().await {
                    worker.settle(done);
                }
            }
            _ => {
                worker.settling.next().await;
            }
        }
    }

    /// Everything is mended: what is left comes to its end, dead letters are replayed, and the
    /// rules must hold.
    async fn end(mut self) -> Verdict {
        let mut broken = Vec::new();
        let shared = self.stage.shared(&self.broker, self.clock);
        let routes = start(&shared).await;
        let engine = engine(&shared);
        let mut dead_letters = 0;
        for _ in 0..2 {
            let mut workers = workers(&shared, &routes);
            if !self.drain(&shared, &routes, &mut workers).await {
                let status = engine.status().await;
                broken.push(format!("something is stuck: {status:#?}"));
            }
            for worker in workers {
                worker.end().await;
            }
            let all = DeadFilter::default();
            let dead = engine.dead(&all, 500).await.unwrap_or_default().len();
            if dead == 0 {
                break;
            }
            dead_letters += dead as u64;
            if let Err(error) = engine.replay(&all, "operator: uji").await {
                broken.push(format!("a replay is refused: {error}"));
            }
        }
        let arrivals = self.stage.arrived();
        let mut verdict = judge(&engine, &self.sent, &arrivals).await;
        verdict.broken.extend(broken);
        (verdict.deaths, verdict.dead_letters) = (self.deaths, dead_letters);
        verdict
    }

    /// Works until nothing is left to do; whether it came to that.
    async fn drain(
        &mut self,
        shared: &Arc<Shared>,
        routes: &[Arc<Route>],
        workers: &mut [Worker<'_>],
    ) -> bool {
        let mut wait = Duration::from_secs(1);
        for _ in 0..ROUNDS_MAX {
            shared.call_keys().await;
            for route in routes {
                self.route(shared, route).await;
            }
            for worker in &mut *workers {
                self.work_all(worker).await;
            }
            let is_done = self.broker.is_idle() && workers.iter().all(|it| it.held.is_empty());
            if is_done && shared.ledger.keys_to_call().await.is_ok_and(|it| it.is_empty()) {
                return true;
            }
            tokio::time::advance(wait).await;
            wait = (wait * 2).min(ROUND_MAX);
        }
        false
    }
}

impl World<'_> {
    /// Every arm of a delivery worker, as far as it goes.
    async fn work_all(&mut self, worker: &mut Worker<'_>) {
        let queue = delivery_queue(&worker.route.name, &worker.destination.target);
        let taken = self.broker.take(&queue, worker.room());
        if !taken.is_empty() {
            worker.take(taken).await;
        }
        let gate = Arc::clone(&worker.gate);
        if !worker.held.is_empty()
            && let Some(pass) = gate.pass().now_or_never()
        {
            worker.let_through(pass).await;
        }
        while let Some(done) = worker.tasks.join_next_with_id().await {
            worker.settle(done);
        }
        while worker.settling.next().await.is_some() {}
    }
}

/// What a process does at its start; the routes that it runs.
async fn start(shared: &Arc<Shared>) -> Vec<Arc<Route>> {
    for pause in shared.ledger.pauses().await.unwrap_or_default() {
        shared.gate(&pause.target.clone()).pause(pause);
    }
    shared.live().plan.routes.values().cloned().collect()
}

fn workers<'w>(shared: &'w Arc<Shared>, routes: &'w [Arc<Route>]) -> Vec<Worker<'w>> {
    let all = routes.iter().flat_map(|route| (0..route.to.len()).map(move |index| (route, index)));
    all.filter_map(|(route, index)| Worker::new(shared, route, index)).collect()
}
