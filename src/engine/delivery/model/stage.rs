//! What all histories of a thread have: files, targets, a database in memory, a clock that stands.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, RwLock},
};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::{runtime::Runtime, sync::Mutex as AsyncMutex};
use tokio_util::sync::CancellationToken;

use super::{Mutation, Random};
use crate::{
    broker::simulated::Simulated,
    connector::{Answer, Call, CallError, Class, Target},
    engine::{
        Chance, Engine, Options, Shared, express,
        hand::InHand,
        jobs::Desk,
        live::{Gates, Live},
    },
    journal::Journal,
    ledger::Ledger,
    message::{Clock, Endpoint, IdSource, Timestamp},
    metrics::Metrics,
    route::{self, Given, Plan, Project, Variables},
    store::Store,
};

/// When each history begins.
pub(super) const START: Timestamp = Timestamp::from_millis(1_768_617_000_000);

/// One route without an order, to both targets, and one with an order, to one of them.
const ROUTES: [(&str, &str); 2] = [
    (
        "bebas",
        "to:\n  - target: arsip.terima\n    retry: { first: 1s, factor: 2, max: 4s, give_up: 20s }\n  \
         - target: agenda.terima\n    retry: { first: 1s, factor: 2, max: 4s, give_up: 20s }\n",
    ),
    (
        "urut",
        "order_by: $.k\nto:\n  - target: absensi.terima\n    \
         retry: { first: 1s, factor: 2, max: 4s, give_up: 20s }\n",
    ),
];

/// The targets.
pub(super) const TARGETS: [&str; 3] = ["arsip.terima", "agenda.terima", "absensi.terima"];

/// A delivery that reached a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) target: &'static str,
    /// The number of its message, and its key.
    pub(super) number: usize,
    pub(super) key: usize,
    pub(super) idempotency_key: String,
    pub(super) attempt: u32,
    pub(super) flagged: bool,
    pub(super) taken: bool,
}

/// A target that remembers, and answers as its seed has it.
struct Remembering {
    name: &'static str,
    desk: Arc<Mutex<Answers>>,
}

struct Answers {
    random: Random,
    /// Takes everything.
    mended: bool,
    mutation: Option<Mutation>,
    arrivals: Vec<Arrival>,
}

#[derive(Deserialize)]
struct Body {
    n: usize,
    k: usize,
}

#[async_trait]
impl Target for Remembering {
    async fn send(&self, call: &Call) -> Result<Answer, CallError> {
        let mut desk = self.desk.lock().unwrap();
        let body: Body = serde_json::from_slice(&call.body).unwrap();
        let header = |name: &str| call.headers.get(name).unwrap_or_default().to_owned();
        let drops_flag = desk.mutation == Some(Mutation::DropsTheFlag);
        let class = if desk.mended { None } else { answer(&mut desk.random) };
        desk.arrivals.push(Arrival {
            target: self.name,
            number: body.n,
            key: body.k,
            idempotency_key: header("idempotency-key"),
            attempt: header("simpul-attempt").parse().unwrap(),
            flagged: header("simpul-possible-duplicate") == "true" && !drops_flag,
            taken: class.is_none(),
        });
        let Some((class, status, suspicious)) = class else {
            return Ok(Answer { summary: "200".to_owned() });
        };
        let (reason, status, retry_after) = (status.to_string(), Some(status), None);
        Err(CallError { class, status, reason, retry_after, suspicious })
    }
}

fn answer(random: &mut Random) -> Option<(Class, u16, bool)> {
    match random.below(20) {
        0..4 => Some((Class::Unavailable, 503, false)),
        4..6 => Some((Class::Refused, 422, false)),
        6 => Some((Class::Refused, 404, true)),
        7 => Some((Class::Misconfigured, 401, false)),
        _ => None,
    }
}

/// See the module.
pub(super) struct Stage {
    runtime: Runtime,
    pub(super) store: Store,
    pub(super) live: Arc<Live>,
    metrics: Arc<Metrics>,
    desk: Arc<Mutex<Answers>>,
}

impl Stage {
    pub(super) fn set() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let desk = Arc::new(Mutex::new(Answers {
            random: Random::of(0),
            mended: false,
            mutation: None,
            arrivals: Vec::new(),
        }));
        let mut plan = plan();
        for (name, target) in &mut plan.targets {
            let name = TARGETS.into_iter().find(|it| **it == name.to_string()).unwrap();
            let remembering = Remembering { name, desk: Arc::clone(&desk) };
            Arc::get_mut(target).unwrap().open.target = Arc::new(remembering);
        }
        let live = Arc::new(Live::new(1, plan, None));
        let store = Store::in_memory(false).unwrap();
        Self { runtime, store, live, metrics: Arc::new(Metrics::new()), desk }
    }

    pub(super) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// A new history: nothing has happened yet.
    pub(super) fn clear(&self, seed: u64, mutation: Option<Mutation>) {
        self.store.clear().unwrap();
        let mut desk = self.desk.lock().unwrap();
        desk.random = Random::of(seed ^ 0x5eed);
        (desk.mended, desk.mutation) = (false, mutation);
        desk.arrivals.clear();
    }

    /// From now on targets take everything.
    pub(super) fn mend(&self) {
        self.desk.lock().unwrap().mended = true;
    }

    /// What has reached the targets, in its order.
    pub(super) fn arrived(&self) -> Vec<Arrival> {
        self.desk.lock().unwrap().arrivals.clone()
    }

    /// What the tasks of a process share.
    pub(super) fn shared(&self, broker: &Simulated, clock: Clock) -> Arc<Shared> {
        Arc::new(Shared {
            store: self.store.clone(),
            broker: Arc::new(broker.clone()),
            ledger: Ledger::new(self.store.clone()),
            journal: Journal::new(self.store.clone()),
            metrics: Arc::clone(&self.metrics),
            clock,
            options: Options {
                in_flight: 4,
                prefetch: 20,
                chance: Chance::None,
                ..Options::default()
            },
            ids: IdSource::default(),
            live: RwLock::new(Arc::clone(&self.live)),
            gates: Gates::default(),
            in_hand: InHand::open(None, START),
            backlog: express::Backlog::default(),
            afterwards: express::Afterwards::default(),
            restored_up_to: None,
            acting: AsyncMutex::default(),
            desk: Desk::default(),
            stopping: CancellationToken::new(),
            stop: CancellationToken::new(),
        })
    }
}

/// An engine whose tasks the model runs itself.
pub(super) fn engine(shared: &Arc<Shared>) -> Engine {
    Engine { shared: Arc::clone(shared), running: Arc::default(), pulls: Arc::default() }
}

/// The source of both routes.
pub(super) fn source() -> Endpoint {
    Endpoint::parse("asal.data").unwrap()
}

fn plan() -> Plan {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: String, text: String| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let key = "0".repeat(64);
    let http = "http:\n  url: http://127.0.0.1:9";
    write(
        "connectors/asal.yaml".to_owned(),
        format!(
            "system: asal\nname: Asal\n{http}\n  sources:\n    data: {{ api_keys: {{ uji: \"sha256:{key}\" }} }}\n"
        ),
    );
    for target in TARGETS {
        let name = target.split('.').next().unwrap();
        write(
            format!("connectors/{name}.yaml"),
            format!(
                "system: {name}\nname: {name}\n{http}\n  targets:\n    terima: {{ post: /terima }}\n"
            ),
        );
    }
    for (name, rest) in ROUTES {
        let text = format!("route: {name}\nsummary: Uji.\nowner: Uji\nfrom: asal.data\n{rest}");
        write(format!("routes/{name}.yaml"), text);
    }
    load(folder.path())
}

fn load(folder: &Path) -> Plan {
    let variables = Variables::from_iter(BTreeMap::<String, String>::new());
    match route::load(Project::new(folder, &variables), &Given::default()) {
        Ok(loaded) => loaded.plan,
        Err(broken) => panic!("{broken}"),
    }
}
