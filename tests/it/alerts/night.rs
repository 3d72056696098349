//! A bad night, before a real Prometheus: a target goes down, a document is refused, a deployment is
//! bad, a source falls silent, the disk fills; and then all of it is put right. Each alert fires once,
//! says something useful, and is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::prometheus::{EVERY, Prometheus, dashboard};
use crate::{
    command_line::{simpul, simpul_on},
    disk::SmallDisk,
    oracle::receiver::Receiver,
    support::process::{Process, client, sha256},
};

/// What the times in the rules are divided by: an hour is 36 s, a minute 0.6 s.
const FASTER: &str = "100";

/// How long it may take until the last alert is over: dead letters are shown for an hour.
const NIGHT_MAX: Duration = Duration::from_secs(120);

const ROUTE: &str = "\
route: surat
summary: Surat.
owner: Uji
from: asal.surat
deliver_within: 10m
retry: { first: 100ms, max: 500ms }
to:
  - target: arsip.simpan
";

/// A project with two sources and a target at `address`, and its store on `disk`.
fn project(address: &str, disk: &Path) -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let store = disk.join("data");
    write(
        "simpul.yaml",
        &format!(
            "listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: {}\nlimits: {{ disk_low: 8MiB }}\n",
            store.display()
        ),
    );
    let keys = format!("api_keys: {{ uji: \"sha256:{}\" }}", sha256("kunci"));
    write(
        "connectors/asal.yaml",
        &format!(
            "system: asal\nname: Asal\nowner: {{ unit: Bagian Umum, contact: umum@kpu.example }}\nhttp:\n  sources:\n    \
             surat: {{ {keys} }}\n    presensi: {{ expect_every: 10m, {keys} }}\n"
        ),
    );
    write(
        "connectors/arsip.yaml",
        &format!(
            "system: arsip\nname: Arsip dinamis\nowner: {{ unit: Tata Usaha, contact: arsip@kpu.example }}\nhttp:\n  \
             url: http://{address}\n  targets:\n    simpan: {{ post: /simpan }}\n    presensi: {{ post: /presensi }}\n"
        ),
    );
    write("routes/surat.yaml", ROUTE);
    write(
        "routes/presensi.yaml",
        "route: presensi\nsummary: Presensi.\nowner: Uji\nfrom: asal.presensi\nto:\n  - target: arsip.presensi\n",
    );
    project
}

/// Systems that send all night; `presensi` falls silent while it is told to.
struct Senders {
    silent: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

impl Senders {
    fn start(listen: &str) -> Self {
        let silent = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for source in ["surat", "presensi"] {
            let url = format!("http://{listen}/v1/asal/{source}");
            let silent = (source == "presensi").then(|| Arc::clone(&silent));
            tasks.spawn(send_on(url, silent));
        }
        Self { silent, _tasks: tasks }
    }
}

/// Sends one message after the other, but while it is told to be silent.
async fn send_on(url: String, silent: Option<Arc<AtomicBool>>) {
    for nomor in 0_u64.. {
        if silent.as_ref().is_none_or(|it| !it.load(Ordering::Relaxed)) {
            // Refused while the disk is full, as those of real senders are.
            let _ = send(&url, nomor).await;
        }
        // The rhythm of a sender; nothing waits for it.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn send(url: &str, nomor: u64) -> reqwest::Result<reqwest::Response> {
    let request = client().post(url).header("authorization", "Bearer kunci");
    let request = request.header("content-type", "application/json");
    request.body(json!({ "nomor": nomor }).to_string()).send().await
}

/// What was seen in the night: every alert that fired, and the queries that had an answer.
#[derive(Default)]
struct Seen {
    alerts: Mutex<BTreeMap<String, Value>>,
    answered: Mutex<BTreeSet<String>>,
}

impl Seen {
    /// Looks on until `holds` of the names of the alerts that fire.
    async fn until(
        &self,
        prometheus: &Prometheus,
        what: &str,
        holds: impl Fn(&BTreeSet<&str>) -> bool,
    ) {
        let start = Instant::now();
        loop {
            let firing = prometheus.firing().await;
            for alert in &firing {
                let key = name(alert).to_owned();
                self.alerts.lock().unwrap().entry(key).or_insert_with(|| alert.clone());
            }
            let names: BTreeSet<&str> = firing.iter().map(name).collect();
            if holds(&names) {
                return;
            }
            assert!(start.elapsed() < NIGHT_MAX, "never: {what}; there are {names:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Asks everything that the dashboard asks.
    async fn look_at_dashboard(&self, prometheus: &Prometheus) {
        for query in dashboard() {
            if !prometheus.query(&query).await.is_empty() {
                self.answered.lock().unwrap().insert(query);
            }
        }
    }
}

fn name(alert: &Value) -> &str {
    alert["labels"]["alertname"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_bad_night_each_alert_fires_once_and_is_over() {
    let Some(disk) = SmallDisk::mount(64) else { return };
    let receiver = Receiver::start().await;
    let project = project(&receiver.address.to_string(), disk.path());
    let process = Process::start(project.path());
    let rules = simpul_on(project.path(), &["alerts", "--faster", FASTER]);
    assert_eq!(rules.code, 0, "{}", rules.err);
    let Some(prometheus) = Prometheus::start(&process.ops, &rules.out).await else { return };
    let senders = Senders::start(&process.listen);
    let seen = Seen::default();
    let recorded = "route:simpul_messages_received:rate5m > 0";
    // Before the first scrapes nobody knows that the bus is there.
    while prometheus.query(recorded).await.len() < 2 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    seen.until(&prometheus, "a quiet evening", |it| it.is_empty()).await;
    seen.alerts.lock().unwrap().clear();
    let evening = Instant::now();

    // One document is refused; then the target goes down, and a source falls silent.
    let refused = AtomicBool::new(false);
    receiver.answer(move |it| {
        let first = it.target == "simpan" && !refused.swap(true, Ordering::Relaxed);
        if first { 422 } else { 200 }
    });
    seen.until(&prometheus, "a dead letter", |it| it.contains("SimpulDeadLetters")).await;
    receiver.answer(|it| if it.target == "simpan" { 503 } else { 200 });
    senders.silent.store(true, Ordering::Relaxed);
    // Once the disk is full nothing is taken that could show that the target is down.
    seen.until(&prometheus, "the breaker", |it| it.contains("SimpulBreakerOpen")).await;
    // Somebody deploys a route with a mistake.
    let route = project.path().join("routes/surat.yaml");
    fs::write(&route, ROUTE.replace("arsip.simpan", "arsip.simpam")).unwrap();
    assert_eq!(simpul_on(project.path(), &["reload"]).code, 1);
    disk.leave(7 << 20);
    let worst = BTreeSet::from([
        "SimpulBacklogOld",
        "SimpulBreakerOpen",
        "SimpulDeadLetters",
        "SimpulDiskFilling",
        "SimpulDiskLow",
        "SimpulReloadRefused",
        "SimpulSourceSilent",
        "SimpulTargetDown",
    ]);
    seen.until(&prometheus, "all of it at once", |it| *it == worst).await;
    seen.look_at_dashboard(&prometheus).await;

    // Morning.
    disk.clear();
    receiver.answer(|_| 200);
    senders.silent.store(false, Ordering::Relaxed);
    fs::write(&route, ROUTE).unwrap();
    assert_eq!(simpul_on(project.path(), &["reload"]).code, 0);
    seen.until(&prometheus, "only dead letters are left", |it| {
        it.iter().all(|it| *it == "SimpulDeadLetters")
    })
    .await;
    seen.look_at_dashboard(&prometheus).await;
    seen.until(&prometheus, "all is well", |it| it.is_empty()).await;

    once_each(&prometheus, &worst, evening.elapsed()).await;
    every_alert_is_understood(&seen, &worst);
    // There is no source that is fetched.
    let answered = seen.answered.lock().unwrap();
    let unanswered: Vec<_> = dashboard().into_iter().filter(|it| !answered.contains(it)).collect();
    assert_eq!(unanswered, ["max by (source) (simpul_source_connected{job=~\".*\"})"]);
}

/// Holds how often each alert began in the night, which took so long, against once.
async fn once_each(prometheus: &Prometheus, expected: &BTreeSet<&str>, night: Duration) {
    let firing = "ALERTS{alertstate=\"firing\"}";
    let night = night.as_millis();
    let began = format!("({firing} unless {firing} offset {EVERY})[{night}ms:{EVERY}]");
    let counted = prometheus.query(&format!("count_over_time({began})")).await;
    let counted: Vec<_> =
        counted.iter().map(|(it, count)| (it["alertname"].as_str().unwrap(), *count)).collect();
    assert!(counted.iter().all(|(_, count)| (*count - 1.0).abs() < 0.1), "{counted:?}");
    assert_eq!(counted.len(), expected.len(), "{counted:?}");
    assert_eq!(&counted.iter().map(|(name, _)| *name).collect::<BTreeSet<_>>(), expected);
}

/// Holds what the alerts said against what somebody needs who was asleep.
fn every_alert_is_understood(seen: &Seen, expected: &BTreeSet<&str>) {
    let alerts = seen.alerts.lock().unwrap();
    assert_eq!(&alerts.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    let said = |name: &str, key: &str| alerts[name]["annotations"][key].as_str().unwrap();
    for name in alerts.keys() {
        let all = [said(name, "summary"), said(name, "description"), said(name, "runbook_url")];
        let all = all.join(" ");
        assert!(
            !all.contains("<error") && !all.contains("no value") && !all.contains("{{"),
            "{all}"
        );
        assert!(all.contains("First ") || *name == *"SimpulBreakerOpen", "{all}");
        assert!(all.contains(&format!("docs/alerts.md#{}", name.to_lowercase())), "{all}");
    }
    let down = said("SimpulTargetDown", "summary");
    assert!(down.starts_with("arsip.simpan (Arsip dinamis) has not answered for "), "{down}");
    let whom = said("SimpulTargetDown", "description");
    assert!(whom.ends_with("Answers for it: Tata Usaha, arsip@kpu.example."), "{whom}");
    let silent = said("SimpulSourceSilent", "summary");
    assert!(silent.starts_with("nothing has come from asal.presensi (Asal) for "), "{silent}");
    assert!(said("SimpulSourceSilent", "description").contains("at least every 10m"));
    let dead = said("SimpulDeadLetters", "summary");
    assert_eq!(dead, "new dead letters of surat to arsip.simpan: refused");
    let labels = &alerts["SimpulTargetDown"]["labels"];
    assert_eq!((&labels["system"], &labels["unit"]), (&json!("arsip"), &json!("Tata Usaha")));
}

#[test]
fn times_can_be_divided_and_only_for_rules() {
    let said = simpul(&["alerts", "--faster", "60"]);
    assert!(said.out.contains("[1m]") && said.out.contains("for: 2s"), "{}", said.out);
    assert_eq!(simpul(&["alerts", "--faster", "60", "--tests", "x.yml"]).code, 2);
    assert_eq!(simpul(&["alerts", "--faster", "0"]).code, 2);
}
