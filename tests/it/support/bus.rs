//! The real engine over the embedded broker in a temporary folder, with scripted targets.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use simpul::{
    broker::{
        Broker,
        embedded::Embedded,
        rabbitmq::{self, Address, RabbitMq, Tls},
    },
    connector::{Accepted, Handover, Incoming, IntakeError},
    engine::{Engine, GateSettings, Options, Parts, RouteStatus, Stopped},
    ledger::{DeadFilter, DeadLetter},
    message::{Clock, Digest, Endpoint, Headers},
    metrics::Metrics,
    route::{self, Given, Plan, Variables},
    sealing::{Keyring, SealingKey},
    spans::Exporter,
    store::Store,
};
use tempfile::TempDir;

use super::scripted::Scripted;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running bus; see the file.
pub(crate) struct Bus {
    pub(crate) engine: Engine,
    queues: Queues,
    metrics: Arc<Metrics>,
    project: Project,
}

/// What its messages wait in.
enum Queues {
    Embedded(Arc<Embedded>),
    RabbitMq(Box<RabbitMq>),
}

/// The files of a bus and the targets behind them; outlives the bus, as a folder does.
pub(crate) struct Project {
    folder: TempDir,
    targets: BTreeMap<Endpoint, Arc<Scripted>>,
    /// The names of the keys of sealed bodies.
    keys: &'static [&'static str],
    /// What takes its spans.
    traces: Option<Arc<Exporter>>,
}

/// Systems for tests: `asal.data` emits; each name in `targets` takes, as `name.terima`.
pub(crate) fn systems(targets: &[&str]) -> Vec<(String, String)> {
    let key = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let source = format!(
        "system: asal\nname: Asal\nhttp:\n  url: http://127.0.0.1:9\n  sources:\n    data: {{ api_keys: {{ uji: \"{key}\" }} }}\n"
    );
    let mut files = vec![("connectors/asal.yaml".to_owned(), source)];
    for name in targets {
        let text = format!(
            "system: {name}\nname: {name}\nhttp:\n  url: http://127.0.0.1:9\n  targets:\n    terima: {{ post: /terima }}\n"
        );
        files.push((format!("connectors/{name}.yaml"), text));
    }
    files
}

/// The keys of sealed bodies with these names, the first of which seals.
fn keyring(names: &[&str]) -> Option<Arc<Keyring>> {
    let key = |name: &&str| {
        let bytes = Digest::of(&[name.as_bytes()]).0;
        SealingKey { name: (*name).into(), bytes }
    };
    Keyring::new(names.iter().map(key).collect()).map(Arc::new)
}

impl Project {
    /// A project of `systems(targets)` and one route `uji`, whose text follows `from`.
    pub(crate) fn of(route: &str, targets: &[(&str, Arc<Scripted>)]) -> Self {
        let names: Vec<_> = targets.iter().map(|(name, _)| *name).collect();
        let folder = tempfile::tempdir().unwrap();
        let endpoint = |name: &str| Endpoint::parse(&format!("{name}.terima")).unwrap();
        let targets = targets.iter().map(|(name, it)| (endpoint(name), Arc::clone(it))).collect();
        let project = Self { folder, targets, keys: &["k1"], traces: None };
        for (path, text) in systems(&names) {
            project.write(&path, &text);
        }
        project.route("uji", route);
        project
    }

    /// With these keys of sealed bodies, the first of which seals.
    pub(crate) fn sealing_with(self, keys: &'static [&'static str]) -> Self {
        Self { keys, ..self }
    }

    /// With its spans taken there.
    pub(crate) fn tracing_to(self, exporter: &Arc<Exporter>) -> Self {
        Self { traces: Some(Arc::clone(exporter)), ..self }
    }

    /// Writes a route file; `rest` follows `from`.
    pub(crate) fn route(&self, name: &str, rest: &str) {
        let text = format!("route: {name}\nsummary: Uji.\nowner: Uji\nfrom: asal.data\n{rest}");
        self.write(&format!("routes/{name}.yaml"), &text);
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the project.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The plan of the files as they are now, its targets scripted.
    pub(crate) fn plan(&self) -> Plan {
        let mut plan = load(self.folder.path());
        for (name, target) in &mut plan.targets {
            let Some(scripted) = self.targets.get(name) else { continue };
            let open = Arc::get_mut(target).expect("a new plan belongs to nobody else");
            open.open.target = Arc::clone(scripted) as _;
        }
        plan
    }

    /// Opens the store once the tasks of a bus that crashed have let go of it.
    pub(crate) async fn open(&self) -> Store {
        let start = Instant::now();
        loop {
            match Store::open(&self.folder.path().join("data")) {
                Ok(store) => return store,
                Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Starts a bus on this project, with what an earlier one left.
    pub(crate) async fn start(self) -> Bus {
        let store = self.open().await;
        self.start_on(store.clone(), store, |it, _| it).await
    }

    /// As [`start`](Self::start), with something between the engine and its broker.
    pub(crate) async fn start_over(
        self,
        between: impl FnOnce(Arc<dyn Broker>, Store) -> Arc<dyn Broker>,
    ) -> Bus {
        let store = self.open().await;
        self.start_on(store.clone(), store, between).await
    }

    /// As [`start`](Self::start), on a store that other buses share; its queues are its own.
    pub(crate) async fn start_sharing(self, store: Store) -> Bus {
        let queues = self.open().await;
        self.start_on(queues, store, |it, _| it).await
    }

    /// As [`start`](Self::start), with its queues on a RabbitMQ; on a `shared` store, if there is
    /// one.
    pub(crate) async fn start_on_rabbitmq(self, address: &str, shared: Option<Store>) -> Bus {
        let store = match shared {
            Some(shared) => shared,
            None => self.open().await,
        };
        let (address, tls) = (Address::parse(address).unwrap(), Tls::default());
        let (clock, options) = (Clock::system(), rabbitmq::Options::default());
        let broker = RabbitMq::open(address, tls, store.clone(), clock, options).await.unwrap();
        broker.connected().await;
        let queues = Queues::RabbitMq(Box::new(broker.clone()));
        self.start_with(queues, store, Arc::new(broker)).await
    }

    async fn start_on(
        self,
        queues: Store,
        store: Store,
        between: impl FnOnce(Arc<dyn Broker>, Store) -> Arc<dyn Broker>,
    ) -> Bus {
        let broker = Arc::new(Embedded::open(queues, Clock::system()).await.unwrap());
        let queues = Queues::Embedded(Arc::clone(&broker));
        self.start_with(queues, store.clone(), between(broker, store)).await
    }

    async fn start_with(self, queues: Queues, store: Store, broker: Arc<dyn Broker>) -> Bus {
        let clock = Clock::system();
        let gate = GateSettings {
            probe_first: Duration::from_millis(20),
            probe_max: Duration::from_millis(100),
            pause_probe: Duration::from_millis(100),
            ..GateSettings::default()
        };
        let sample_every = Duration::from_millis(100);
        let hash_key = Some(b"kunci".to_vec());
        let keyring = keyring(self.keys);
        let traces = self.traces.clone();
        let options =
            Options { gate, hash_key, sample_every, keyring, traces, ..Options::default() };
        let metrics = Arc::new(Metrics::new());
        let parts = Parts { store, broker, metrics: Arc::clone(&metrics), clock, options };
        let engine = Engine::start(parts, self.plan()).await.unwrap();
        Bus { engine, queues, metrics, project: self }
    }
}

impl Bus {
    pub(crate) async fn start(route: &str, targets: &[(&str, Arc<Scripted>)]) -> Self {
        Project::of(route, targets).start().await
    }

    pub(crate) fn project(&self) -> &Project {
        &self.project
    }

    /// What it counts on.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Hands one message over; it must be accepted. A queue at a RabbitMQ that was declared a moment
    /// ago may have no leader yet: as a sender does, it tries again.
    pub(crate) async fn publish(&self, body: serde_json::Value) -> Accepted {
        let start = Instant::now();
        loop {
            match (self.offer(None, body.clone()).await, &self.queues) {
                (Err(IntakeError::Unavailable { .. }), Queues::RabbitMq(_))
                    if start.elapsed() < PATIENCE => {}
                (answer, _) => return answer.unwrap(),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Hands one message over.
    pub(crate) async fn offer(
        &self,
        key: Option<&str>,
        body: serde_json::Value,
    ) -> Result<Accepted, IntakeError> {
        self.hand_over(key, body.to_string().into()).await
    }

    /// Hands over a message with these headers.
    pub(crate) async fn offer_with(
        &self,
        headers: &[(&str, &str)],
        body: serde_json::Value,
    ) -> Accepted {
        let headers = headers.iter().copied();
        let (headers, body) = (headers.collect(), body.to_string().into());
        let messages = vec![Incoming { headers, body, ..Incoming::default() }];
        self.hand_all_over(messages).await.unwrap()[0]
    }

    /// Hands over a body that no source would let through.
    pub(crate) async fn offer_text(&self, body: &'static [u8]) -> Accepted {
        self.hand_over(None, body.into()).await.unwrap()
    }

    async fn hand_over(
        &self,
        key: Option<&str>,
        body: bytes::Bytes,
    ) -> Result<Accepted, IntakeError> {
        let key = key.map(str::to_owned);
        let messages =
            vec![Incoming { key, headers: Headers::default(), body, ..Incoming::default() }];
        Ok(self.hand_all_over(messages).await?[0])
    }

    /// Hands many messages over at once; they must be accepted.
    pub(crate) async fn offer_many(&self, bodies: impl Iterator<Item = serde_json::Value>) {
        let incoming = |body: serde_json::Value| Incoming {
            body: body.to_string().into(),
            ..Incoming::default()
        };
        self.hand_all_over(bodies.map(incoming).collect()).await.unwrap();
    }

    async fn hand_all_over(&self, messages: Vec<Incoming>) -> Result<Vec<Accepted>, IntakeError> {
        let source = Endpoint::parse("asal.data").unwrap();
        let handover = Handover { source, client: "asal.data/uji".to_owned(), messages };
        self.engine.intake().accept(handover).await
    }

    /// The state of the route `uji`.
    pub(crate) async fn status(&self) -> RouteStatus {
        let all = self.engine.status().await.unwrap();
        all.into_iter().find(|it| &*it.route == "uji").unwrap()
    }

    /// Waits until `holds`, asking again and again.
    pub(crate) async fn until(&self, what: &str, mut holds: impl FnMut(&RouteStatus) -> bool) {
        let start = Instant::now();
        loop {
            let status = self.status().await;
            if holds(&status) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "waited for {what}; it is {status:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until nothing is under way any more.
    pub(crate) async fn settled(&self) {
        let under_way = |it: &RouteStatus| -> u64 {
            it.targets.iter().map(|to| to.waiting + to.retrying + to.paused).sum()
        };
        self.until("everything to be settled", |it| it.in_hand == 0 && under_way(it) == 0).await;
    }

    /// Every dead letter.
    pub(crate) async fn dead(&self) -> Vec<DeadLetter> {
        self.engine.dead(&DeadFilter::default(), 500).await.unwrap()
    }

    /// A dead letter with what was sent.
    pub(crate) async fn dead_one(&self, id: i64) -> DeadLetter {
        self.engine.dead_one(id).await.unwrap().unwrap()
    }

    /// Puts the files as they are now into force.
    pub(crate) async fn reload(&self) -> simpul::engine::Reloaded {
        self.engine.reload(self.project.plan()).await.unwrap()
    }

    /// Stops as SIGTERM does; the project can be started again.
    pub(crate) async fn stop(self) -> (Project, Stopped) {
        let stopped = self.engine.stop(PATIENCE).await;
        match &self.queues {
            Queues::Embedded(broker) => broker.close().await.unwrap(),
            Queues::RabbitMq(broker) => broker.close().await,
        }
        (self.project, stopped)
    }

    /// Dies as `kill -9` does, as far as one process can: nothing is finished, nothing is marked.
    pub(crate) async fn crash(self) -> Project {
        self.engine.stop(Duration::ZERO).await;
        self.project
    }
}

fn load(folder: &Path) -> Plan {
    let variables = Variables::from_iter([]);
    let given = Given { hash_key: true, body_keys: true, ..Given::default() };
    match route::load(route::Project::new(folder, &variables), &given) {
        Ok(loaded) => loaded.plan,
        Err(broken) => panic!("{broken}"),
    }
}
