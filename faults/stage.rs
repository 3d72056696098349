//! What a scenario plays on: gateways, senders, receivers, and what was found.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use simpul::ops::wire::RouteView;
use tokio::time::sleep;

use crate::oracle::{
    gateway::{Gateway, Setting, imbalance, is_settled},
    rabbit::Rabbit,
    receiver::Receiver,
    rules::{self, Breach, Calm, Known, Recovery, Rule},
    senders::{Log, QueueSender, Sender, Traffic},
    verdict::{Door, OWED, Owed, Run, Verdict},
};

/// How long anything may take that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The same where it will not: a deliberate bug lost it.
const PATIENCE_SABOTAGED: Duration = Duration::from_secs(8);

/// How long a gateway may take to be ready again after a kill.
pub(crate) const READY_MAX: Duration = Duration::from_secs(3);

/// What an unordered target may be sent at once.
pub(crate) const IN_FLIGHT_MAX: usize = 32;

/// Senders over HTTP: some 200 documents a second.
const LANES: usize = 5;

/// Messages that are looked up in the journal after a run.
const LOOKED_UP_MAX: usize = 300;

/// Look-ups at once.
const LOOKED_UP_AT_ONCE: usize = 8;

/// Where messages wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broker {
    Embedded,
    RabbitMq,
}

/// How a scenario is played.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) broker: Broker,
    pub(crate) seed: u64,
    /// As written in the matrix, and not as short as it makes sense.
    pub(crate) full: bool,
    /// A deliberate bug.
    pub(crate) sabotage: Option<String>,
    /// Whether routes recognise repeats: then they are routed by a worker, and not where they arrive.
    pub(crate) identity: bool,
}

impl Context {
    /// One of two lengths.
    pub(crate) fn length<T>(&self, core: T, full: T) -> T {
        if self.full { full } else { core }
    }
}

/// What a scenario found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Findings {
    pub(crate) kills: usize,
    pub(crate) accepted: usize,
    pub(crate) delivered: usize,
    pub(crate) lost: usize,
    pub(crate) flagged: usize,
    pub(crate) unflagged: usize,
    pub(crate) disorder: usize,
    pub(crate) recoveries: Vec<Recovery>,
    pub(crate) breaches: Vec<Breach>,
}

/// How a scenario ends: with findings, or not played and why.
pub(crate) type Played = Result<Findings, String>;

/// See the file.
pub(crate) struct Stage {
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) receiver: Receiver,
    pub(crate) log: Arc<Log>,
    pub(crate) sender: Sender,
    pub(crate) setting: Setting,
    pub(crate) owed: Vec<Owed>,
    /// Connections of gateways break in this scenario.
    pub(crate) cut: bool,
    /// Panics that the scenario brings about.
    pub(crate) panics: usize,
    pub(crate) findings: Findings,
    context: Context,
    queue: Option<QueueSender>,
    traffic: Option<Traffic>,
    calm: Calm,
}

/// The RabbitMQ that scenarios share which do not hurt it.
pub(crate) async fn shared_rabbit() -> Result<&'static Rabbit, String> {
    let shared = tokio::task::spawn_blocking(Rabbit::shared).await.unwrap();
    shared.ok_or_else(|| "RabbitMQ is not installed".to_owned())
}

/// One that can be hurt.
pub(crate) async fn own_rabbit() -> Result<Arc<Rabbit>, String> {
    let own = tokio::task::spawn_blocking(Rabbit::start).await.unwrap();
    own.map(Arc::new).ok_or_else(|| "RabbitMQ is not installed".to_owned())
}

/// Does something slow with a RabbitMQ.
pub(crate) async fn with_rabbit<T: Send + 'static>(
    rabbit: &Arc<Rabbit>,
    act: impl FnOnce(&Rabbit) -> T + Send + 'static,
) -> T {
    let rabbit = Arc::clone(rabbit);
    tokio::task::spawn_blocking(move || act(&rabbit)).await.unwrap()
}

impl Stage {
    /// With one gateway that is not started, on the broker of the context.
    pub(crate) async fn set(context: &Context) -> Result<Self, String> {
        let rabbitmq = match context.broker {
            Broker::Embedded => None,
            Broker::RabbitMq => Some(shared_rabbit().await?.vhost()),
        };
        Ok(Self::on(context, rabbitmq).await)
    }

    /// The same on a certain RabbitMQ, or with the queues in the store.
    pub(crate) async fn on(context: &Context, rabbitmq: Option<String>) -> Self {
        let mut stage = Self::empty(context, rabbitmq).await;
        stage.add("satu", |_| {});
        stage
    }

    /// Without a gateway.
    pub(crate) async fn empty(context: &Context, rabbitmq: Option<String>) -> Self {
        let (receiver, log) = (Receiver::start().await, Log::new());
        let identity = context.identity;
        let setting = Setting { rabbitmq, identity, ..Setting::embedded(receiver.address) };
        let mut sender = Sender::new(&log, Vec::new());
        sender.repeats = identity;
        // Its queue is there before the gateway looks for it.
        let queue = match &setting.rabbitmq {
            Some(url) => Some(QueueSender::open(&log, url).await),
            None => None,
        };
        let has_queue = queue.is_some();
        let owed = OWED.into_iter().filter(|it| has_queue || it.door == Door::Http);
        Self {
            gateways: Vec::new(),
            receiver,
            log,
            sender,
            owed: owed.collect(),
            setting,
            cut: false,
            panics: 0,
            findings: Findings::default(),
            context: context.clone(),
            queue,
            traffic: None,
            calm: Calm::default(),
        }
    }

    /// One more gateway, not yet started.
    pub(crate) fn add(&mut self, name: &'static str, change: impl FnOnce(&mut Setting)) {
        let mut setting = self.setting.clone();
        change(&mut setting);
        let mut gateway = Gateway::new(name, &setting);
        if let Some(sabotage) = &self.context.sabotage {
            gateway.set("SIMPUL_SABOTAGE", sabotage);
        }
        self.sender.gateways.push(gateway.place());
        self.gateways.push(gateway);
    }

    /// Only these routes, of those that there are. Before the start.
    pub(crate) fn only(&mut self, routes: &[&str]) {
        for route in ["urut", "bebas", "koreksi"].iter().filter(|it| !routes.contains(it)) {
            let has_it = self.owed.iter().any(|it| it.route == *route);
            for gateway in self.gateways.iter().filter(|_| has_it) {
                gateway.remove(&format!("routes/{route}.yaml"));
            }
            self.owed.retain(|it| it.route != *route);
        }
    }

    /// Starts every gateway, and waits until they are ready.
    pub(crate) async fn start(&mut self) {
        for index in 0..self.gateways.len() {
            self.gateways[index].start().await;
            self.ready(index).await;
        }
        self.calm = self.calm_now(0);
    }

    /// Waits until a gateway is ready.
    pub(crate) async fn ready(&self, index: usize) {
        let gateway = &self.gateways[index];
        until("a gateway to be ready", self, async || gateway.ops("/health/ready").await.0 == 200)
            .await;
    }

    /// Starts a gateway that was killed; how long until it is ready is a matter of I6.
    pub(crate) async fn restart(&mut self, index: usize) {
        let begun = Instant::now();
        self.gateways[index].start().await;
        self.ready(index).await;
        let took = begun.elapsed();
        self.findings.recoveries.push(Recovery { what: "ready", took, most: READY_MAX });
        if self.calm == Calm::default() {
            self.calm = self.calm_now(0);
        }
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self, index: usize) {
        self.gateways[index].kill();
        self.findings.kills += 1;
    }

    /// Starts a gateway that kills itself at a point, and waits until it has done so.
    pub(crate) async fn dies_at(&mut self, point: &str) {
        self.gateways[0].start_dying(point).await;
        let begun = Instant::now();
        while !self.gateways[0].has_died() {
            assert!(begun.elapsed() < PATIENCE, "`{point}` is never passed\n{}", self.logs());
            sleep(Duration::from_millis(2)).await;
        }
        self.findings.kills += 1;
    }

    /// Senders begin to send from all doors.
    pub(crate) async fn load(&mut self) {
        let queue = self.queue.take().filter(|_| self.owes(Door::Queue));
        self.traffic = Some(Traffic::start(&self.sender, queue, LANES, self.context.seed));
    }

    fn owes(&self, door: Door) -> bool {
        self.owed.iter().any(|it| it.door == door)
    }

    /// Lets every sender finish the document in hand: each is accepted in the end.
    pub(crate) async fn rest(&mut self) {
        let Some(traffic) = self.traffic.take() else { return };
        if let Err(error) = traffic.finish().await {
            panic!("{error}; the last answers: {:?}\n{}", self.log.last_answers(), self.logs());
        }
    }

    /// Waits until so many more documents are accepted.
    pub(crate) async fn accepted_more(&self, count: usize) {
        let end = self.log.accepted() + count;
        until("more documents are accepted", self, async || end <= self.log.accepted()).await;
    }

    /// Waits until a document that was made after `since` is taken by every target: that must be
    /// within `most` of `since`.
    pub(crate) async fn goes_on(&mut self, what: &'static str, since: Instant, most: Duration) {
        let targets = self.owed.iter().filter(|it| it.door == Door::Http).map(|it| it.target);
        let mut last = since;
        for target in targets.collect::<Vec<_>>() {
            let begun = Instant::now();
            let at = loop {
                let sent = self.log.sent();
                let arrivals = self.receiver.arrivals();
                let fresh = |number: u64| sent.get(&number).is_some_and(|it| since < it.at);
                let found = arrivals
                    .iter()
                    .find(|it| it.target == target && it.is_taken() && fresh(it.number()));
                if let Some(found) = found {
                    break found.at;
                }
                if PATIENCE <= begun.elapsed() {
                    let (told, logs) = (self.log.last_answers(), self.logs());
                    panic!("{what}: never at {target}; the last answers: {told:?}\n{logs}");
                }
                sleep(Duration::from_millis(20)).await;
            };
            last = last.max(at);
        }
        let took = last.saturating_duration_since(since);
        self.findings.recoveries.push(Recovery { what, took, most });
    }

    /// The end of what the gateways logged.
    pub(crate) fn logs(&self) -> String {
        self.gateways.iter().map(Gateway::log).collect::<Vec<_>>().join("\n---\n")
    }

    /// Something that the scenario asks for does not hold.
    pub(crate) fn breaks(&mut self, what: impl Into<String>) {
        self.findings.breaches.push(Breach { rule: Rule::Pass, what: what.into() });
    }

    /// Something that the scenario asks for.
    pub(crate) fn wants(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.breaks(what());
        }
    }

    /// Something that the scenario asks for, and that a machine may be too slow for.
    pub(crate) fn wants_in_time(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.findings.breaches.push(Breach { rule: Rule::Pace, what: what() });
        }
    }

    /// Every dead letter: the message's id and the target.
    pub(crate) async fn dead(&self) -> BTreeSet<(String, Option<String>)> {
        let (mut dead, mut after) = (BTreeSet::new(), 0);
        loop {
            let call = format!("/dead?limit=500&after={after}");
            let Some((200, told)) = self.gateways[0].operating(&call, None).await else {
                panic!("dead letters cannot be listed\n{}", self.logs());
            };
            for letter in told["letters"].as_array().unwrap() {
                let text = |name: &str| letter[name].as_str().map(str::to_owned);
                dead.insert((text("message").unwrap(), text("target")));
                after = letter["id"].as_i64().unwrap();
            }
            if told["more"] != true {
                return dead;
            }
        }
    }

    pub(crate) fn verdict(&self, dead: &BTreeSet<(String, Option<String>)>) -> Verdict {
        let (sent, arrivals) = (&self.log.sent(), &self.receiver.arrivals()[..]);
        Verdict::of(Run { sent, arrivals, owed: &self.owed, cut: self.cut, dead })
    }

    /// Waits until nothing is on its way; how all routes fare then.
    pub(crate) async fn drained(&mut self) -> Vec<RouteView> {
        let start = Instant::now();
        loop {
            let status = self.gateways[0].status().await;
            let is_done = |it: &RouteView| is_settled(it) && imbalance(it).is_none();
            let done = status.as_ref().is_some_and(|it| it.iter().all(is_done));
            if done || self.patience() < start.elapsed() {
                if !done {
                    self.breaks(format!("it does not settle: {status:?}"));
                }
                return status.unwrap_or_default();
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for the end of it all, and holds it against every rule; at each target at most
    /// `repeats` repeats.
    pub(crate) async fn judge(mut self, repeats: usize) -> Findings {
        self.rest().await;
        let begun = Instant::now();
        let (routes, verdict) = loop {
            let routes = self.drained().await;
            let dead = self.dead().await;
            let verdict = self.verdict(&dead);
            // What waits in a system's own queue stands in no account of ours yet.
            if verdict.lost.is_empty() || self.patience() < begun.elapsed() {
                break (routes, verdict);
            }
            sleep(Duration::from_millis(100)).await;
        };
        if let (false, Some(url)) = (verdict.lost.is_empty(), &self.setting.rabbitmq) {
            let waits = waiting(url).await;
            self.breaks(format!("what stands in RabbitMQ: {waits}"));
        }
        let mut found = rules::of_verdict(&verdict);
        found.extend(rules::repeats(&verdict, &self.owed, repeats));
        let (sent, arrivals) = (self.log.sent(), self.receiver.arrivals());
        for route in &routes {
            found.extend(rules::evidence(route, &self.owed, &sent, &arrivals));
        }
        let accepted = sent.values().filter(|it| it.door == Door::Http && it.accepted);
        let ids: BTreeSet<String> = accepted.flat_map(|it| it.ids.iter().cloned()).collect();
        let step = ids.len().div_ceil(LOOKED_UP_MAX).max(1);
        let ids: BTreeSet<String> = ids.into_iter().step_by(step).collect();
        found.extend(rules::of_journal(&ids, &self.known(&ids).await));
        let calm = self.calm_now(0);
        found.extend(rules::calm(&self.calm, &calm, self.panics));
        let mut findings = std::mem::take(&mut self.findings);
        found.extend(rules::recovery(&findings.recoveries));
        if !found.is_empty() {
            keep_logs(&self.gateways);
        }
        findings.breaches.extend(found);
        findings.accepted = self.log.accepted();
        findings.delivered = verdict.delivered;
        findings.lost = verdict.lost.len();
        findings.flagged = verdict.repeated;
        findings.unflagged = verdict.unflagged.len();
        findings.disorder = verdict.disorder.len();
        findings
    }

    /// How long what is missing may still come.
    fn patience(&self) -> Duration {
        if self.context.sabotage.is_some() { PATIENCE_SABOTAGED } else { PATIENCE }
    }

    /// What the journal says of these messages.
    async fn known(&self, ids: &BTreeSet<String>) -> BTreeMap<String, Known> {
        let ask = async |id: &String| {
            let call = format!("/messages/{id}/trace");
            let (status, told) = self.gateways[0].operating(&call, None).await?;
            (status == 200).then(|| (id.clone(), known(&told)))
        };
        let asked = stream::iter(ids).map(ask).buffer_unordered(LOOKED_UP_AT_ONCE);
        asked.filter_map(async |it| it).collect().await
    }

    /// What a gateway takes of the machine now.
    pub(crate) fn calm_now(&mut self, index: usize) -> Calm {
        let log = self.gateways[index].folder().join("simpul.log");
        let log = fs::read_to_string(log).unwrap_or_default();
        let panics = log.lines().filter(|it| it.contains("panicked")).count();
        let Some(process) = self.gateways[index].process() else { return Calm::default() };
        Calm {
            resident_kib: process.figure("VmHWM").unwrap_or_default(),
            open_files: process.open_files(),
            threads: process.figure("Threads").unwrap_or_default(),
            panics,
        }
    }
}

/// What stands in the queues of the shared RabbitMQ, for whoever looks for what is lost.
async fn waiting(url: &str) -> String {
    let vhost = url.rsplit('/').next().unwrap_or_default();
    let vhost = vhost.split('?').next().unwrap_or_default().to_owned();
    let Ok(rabbit) = shared_rabbit().await else { return String::new() };
    let columns = ["name", "messages_ready", "messages_unacknowledged", "consumers"];
    let list = move || rabbit.control(&[&["list_queues", "-p", &vhost][..], &columns].concat());
    let listed = tokio::task::spawn_blocking(list).await.unwrap_or_default();
    let some = listed.lines().filter(|it| !it.contains("\t0\t0\t"));
    some.collect::<Vec<_>>().join("; ")
}

fn known(told: &Value) -> Known {
    let mut known = Known::default();
    for route in told["routes"].as_array().into_iter().flatten() {
        let events = route["events"].as_array().into_iter().flatten();
        let accepted = events.filter(|it| it["event"] == "accepted").count();
        let name = route["route"].as_str().unwrap_or_default().to_owned();
        known.accepted.insert(name, accepted);
        let deliveries = route["deliveries"].as_array().into_iter().flatten();
        let open = deliveries.filter(|it| it["outcome"] == "under way");
        known.open.extend(open.map(ToString::to_string));
    }
    known
}

/// Logs of a run that broke a rule outlive it.
fn keep_logs(gateways: &[Gateway]) {
    for gateway in gateways {
        let log = gateway.folder().join("simpul.log");
        let kept = std::env::temp_dir().join(format!("simpul-faults-{}.log", std::process::id()));
        let _ = fs::copy(log, kept);
    }
}

/// Waits until `holds`, asking again and again.
pub(crate) async fn until(what: &str, stage: &Stage, holds: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}\n{}", stage.logs());
        sleep(Duration::from_millis(10)).await;
    }
}
