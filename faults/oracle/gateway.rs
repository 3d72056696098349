//! A gateway: `simpul run` as a process of its own, that can be killed, started again, and asked.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use simpul::ops::{
    Access,
    wire::{RouteView, TargetView},
};
use tempfile::TempDir;

use super::{
    QUEUE,
    process::{Process, client, sha256},
    senders::Place,
};

/// What a gateway runs on.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// Where messages wait, and where the system `absensi` has its queue; nothing, where they wait
    /// in the store.
    pub(crate) rabbitmq: Option<String>,
    /// A PostgreSQL, or nothing for a store of its own.
    pub(crate) database: Option<String>,
    /// Where the targets are.
    pub(crate) receiver: SocketAddr,
    /// `retry` of the targets.
    pub(crate) retry: &'static str,
    /// Whether a document that is handed over as another message is known to be a repeat.
    pub(crate) identity: bool,
}

/// Pauses that pass while a test waits.
pub(crate) const QUICK: &str = "{ first: 100ms, factor: 2, max: 1s, give_up: 1h }";

impl Setting {
    /// With its own store, and quick to try again.
    pub(crate) fn alone(rabbitmq: &str, receiver: SocketAddr) -> Self {
        Self { rabbitmq: Some(rabbitmq.to_owned()), ..Self::embedded(receiver) }
    }

    /// As [`alone`](Self::alone), with its queues in its store.
    pub(crate) fn embedded(receiver: SocketAddr) -> Self {
        Self { rabbitmq: None, database: None, receiver, retry: QUICK, identity: true }
    }
}

/// The name under which one calls that is started to die.
pub(crate) const DYING: &str = "mati";

/// See the file. Killed when dropped.
pub(crate) struct Gateway {
    folder: TempDir,
    /// What its files take from the environment.
    variables: Vec<(&'static str, String)>,
    process: Option<Process>,
    place: Place,
}

impl Gateway {
    /// Not yet started.
    pub(crate) fn new(name: &'static str, setting: &Setting) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = setting.database.clone().unwrap_or_else(|| "./data".to_owned());
        let rabbitmq = setting.rabbitmq.clone().unwrap_or_else(|| "embedded".to_owned());
        let name = name.to_owned();
        let variables = vec![("RABBITMQ", rabbitmq), ("STORE", store), ("GERBANG", name)];
        let place = Arc::new(Mutex::new(None));
        let gateway = Self { folder, variables, process: None, place };
        for (path, text) in files(setting) {
            gateway.write(path, &text);
        }
        gateway
    }

    /// Writes a file of its project.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Takes a file of its project away.
    pub(crate) fn remove(&self, path: &str) {
        fs::remove_file(self.folder.path().join(path)).unwrap();
    }

    /// The directory of its project.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A variable of its environment, from its next start on.
    pub(crate) fn set(&mut self, variable: &'static str, value: &str) {
        self.variables.retain(|(name, _)| *name != variable);
        self.variables.push((variable, value.to_owned()));
    }

    /// The process, while it runs.
    pub(crate) fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }

    /// Where senders find it, now and after each start.
    pub(crate) fn place(&self) -> Place {
        Arc::clone(&self.place)
    }

    pub(crate) async fn start(&mut self) {
        let (folder, variables) = (self.folder.path().to_owned(), self.variables.clone());
        let start = move || Process::start_with(&folder, &variables);
        let process = tokio::task::spawn_blocking(start).await.unwrap();
        *self.place.lock().unwrap() = Some(process.listen.clone());
        self.process = Some(process);
    }

    /// Starts it to die at a crash point, perhaps before it is up. What it sends says so.
    pub(crate) async fn start_dying(&mut self, point: &str) {
        let point = ("SIMPUL_CRASH_AT", point.to_owned());
        self.start_perhaps(&[point, ("GERBANG", DYING.to_owned())]).await;
    }

    /// Starts it where it may die before it is up.
    pub(crate) async fn try_start(&mut self) {
        self.start_perhaps(&[]).await;
    }

    async fn start_perhaps(&mut self, more: &[(&'static str, String)]) {
        let (folder, mut variables) = (self.folder.path().to_owned(), self.variables.clone());
        variables.extend_from_slice(more);
        let start = move || Process::try_start(&folder, &variables);
        let process = tokio::task::spawn_blocking(start).await.unwrap();
        *self.place.lock().unwrap() = process.as_ref().ok().map(|it| it.listen.clone());
        self.process = process.ok();
    }

    /// Whether it is dead, by `kill -9`: its own hand.
    pub(crate) fn has_died(&mut self) -> bool {
        const KILLED: i32 = 9;
        let dead = self.process.as_mut().is_none_or(|it| it.killed_by() == Some(KILLED));
        if dead {
            *self.place.lock().unwrap() = None;
            self.process = None;
        }
        dead
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        *self.place.lock().unwrap() = None;
        drop(self.process.take().unwrap());
    }

    /// As SIGTERM does; it must end in good order.
    pub(crate) async fn stop(&mut self) {
        *self.place.lock().unwrap() = None;
        let mut process = self.process.take().unwrap();
        process.signal("-TERM");
        let ended = tokio::task::spawn_blocking(move || process.ended()).await.unwrap();
        assert_eq!(ended, Some(0), "{}", self.log());
    }

    /// The end of what it logged.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("simpul.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(60).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// What machines ask: `/metrics`, `/health/ready`.
    pub(crate) async fn ops(&self, path: &str) -> (u16, String) {
        self.process.as_ref().unwrap().ops(path).await
    }

    /// A call of an operator; `None` if it was not answered.
    pub(crate) fn operating(
        &self,
        call: &str,
        order: Option<Value>,
    ) -> impl Future<Output = Option<(u16, Value)>> + 'static + use<> {
        let access = Access::read(&self.folder.path().join("data")).unwrap().unwrap();
        let url = format!("http://{}/api/v1{call}", access.address);
        let request = match order {
            None => client().get(url),
            Some(order) => client().post(url).body(order.to_string()),
        };
        async move {
            let answer = request.bearer_auth(access.token).send().await.ok()?;
            let status = answer.status().as_u16();
            Some((status, serde_json::from_str(&answer.text().await.ok()?).unwrap()))
        }
    }

    /// How all routes fare; `None` while it cannot tell.
    pub(crate) async fn status(&self) -> Option<Vec<RouteView>> {
        let (status, told) = self.operating("/status", None).await?;
        (status == 200).then(|| serde_json::from_value(told["routes"].clone()).unwrap())
    }

    /// The numbers of the dead letters.
    pub(crate) async fn dead(&self) -> Vec<i64> {
        let (status, told) = self.operating("/dead?limit=500", None).await.unwrap();
        assert_eq!(status, 200, "{told}");
        let letters = told["letters"].as_array().unwrap();
        letters.iter().map(|it| it["id"].as_i64().unwrap()).collect()
    }

    /// Orders all dead letters to be replayed; the number of the job.
    pub(crate) async fn order_replay(&self) -> i64 {
        let (status, told) = self.operating("/dead/count", None).await.unwrap();
        assert_eq!(status, 200, "{told}");
        let order = json!({
            "kind": "replay", "selection": { "all": true }, "count": told["count"],
            "by": "operator", "reason": "uji",
        });
        let (status, told) = self.operating("/dead/jobs", Some(order)).await.unwrap();
        assert_eq!(status, 200, "{told}");
        told["id"].as_i64().unwrap()
    }

    /// A job: its state, and how many letters it has sent on.
    pub(crate) async fn job(&self, id: i64) -> Option<(String, u64)> {
        let (status, told) = self.operating(&format!("/dead/jobs/{id}"), None).await?;
        let state = told["state"].as_str().filter(|_| status == 200)?.to_owned();
        Some((state, told["passed"].as_u64()?))
    }

    /// Replays dead letters; the answer, if there was one. Does not hold the gateway.
    pub(crate) fn replaying(
        &self,
        ids: &[i64],
    ) -> impl Future<Output = Option<(u16, Value)>> + 'static + use<> {
        let order = json!({ "selection": { "ids": ids }, "by": "operator", "reason": "uji" });
        self.operating("/dead/replay", Some(order))
    }
}

/// Both equations of the accounts; what is wrong, if something is.
pub(crate) fn imbalance(route: &RouteView) -> Option<String> {
    let ended = route.repeats + route.filtered + route.dead + route.discarded + route.routed;
    let moving = |it: &TargetView| it.waiting + it.retrying + it.paused;
    let ended_of = |it: &TargetView| it.delivered + it.dead + it.expired + it.discarded;
    let adds_up = route.received == ended + route.in_hand
        && route.targets.iter().all(|it| it.created == ended_of(it) + moving(it));
    (!adds_up).then(|| format!("{route:#?}"))
}

/// Whether nothing of a route is on its way.
pub(crate) fn is_settled(route: &RouteView) -> bool {
    let moving = |it: &TargetView| it.waiting + it.retrying + it.paused;
    route.in_hand == 0 && route.targets.iter().all(|it| moving(it) == 0)
}

fn files(setting: &Setting) -> Vec<(&'static str, String)> {
    let Setting { receiver, retry, identity, .. } = setting;
    let settings = format!(
        "listen: 127.0.0.1:0\nops: 127.0.0.1:0\nbroker: ${{env:RABBITMQ}}\n\
         store: ${{env:STORE}}\nlimits: {{ rate: 5000/s }}\nretry:\n  standard: {retry}\n"
    );
    let asal = format!(
        "{}http:\n  sources:\n    data:\n      api_keys: {{ uji: \"sha256:{}\" }}\n",
        head("asal"),
        sha256("kunci")
    );
    let absensi = format!(
        "{}amqp:\n  url: ${{env:RABBITMQ}}\n  sources:\n    koreksi: {{ queue: {QUEUE} }}\n",
        head("absensi")
    );
    let target = |system, name| system_of(*receiver, system, name);
    let of_identity = |text: &str| {
        text.replace("identity: $.nomor\n", if *identity { "identity: $.nomor\n" } else { "" })
    };
    let mut files = vec![
        ("simpul.yaml", settings),
        ("connectors/asal.yaml", asal),
        ("connectors/tabulasi.yaml", target("tabulasi", "hitung")),
        ("connectors/bawaslu.yaml", target("bawaslu", "salinan")),
        ("connectors/arsip.yaml", target("arsip", "simpan")),
        ("connectors/agenda.yaml", target("agenda", "catat")),
        ("routes/urut.yaml", route("urut", "asal.data", &of_identity(URUT))),
        ("routes/bebas.yaml", route("bebas", "asal.data", &of_identity(BEBAS))),
    ];
    if setting.rabbitmq.is_some() {
        files.push(("connectors/absensi.yaml", absensi));
        files.push(("routes/koreksi.yaml", route("koreksi", "absensi.koreksi", KOREKSI)));
    }
    files
}

fn head(system: &str) -> String {
    format!(
        "system: {system}\nname: {system}\nowner: {{ unit: Uji, contact: uji@kpu.example }}\n\
         classification: biasa\n"
    )
}

/// A system with one target at the receiver, which is told by which gateway it is called.
pub(crate) fn system_of(receiver: SocketAddr, system: &str, target: &str) -> String {
    format!(
        "{}http:\n  url: http://{receiver}\n  headers: {{ X-Gerbang: \"${{env:GERBANG}}\" }}\n  \
         targets:\n    {target}: {{ post: /{system}.{target} }}\n",
        head(system)
    )
}

/// In order, and no document twice.
const URUT: &str = "\
order_by: $.kunci
identity: $.nomor
to:
  - target: tabulasi.hitung
  - target: bawaslu.salinan
";

/// In any order, and no document twice.
const BEBAS: &str = "\
identity: $.nomor
to:
  - target: arsip.simpan
";

/// What comes over a queue.
const KOREKSI: &str = "\
to:
  - target: agenda.catat
";

/// A route file; `rest` follows `from`.
pub(crate) fn route(name: &str, from: &str, rest: &str) -> String {
    format!("route: {name}\nsummary: Uji.\nowner: Uji\nfrom: {from}\n{rest}")
}
