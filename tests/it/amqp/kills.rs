//! Nothing that was published to a queue is lost, whoever dies.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;
use simpul::{
    connector::{Accepted, Handover, Intake, IntakeError, OpenSource, Pull, PullState, Pulling},
    message::{Endpoint, MessageId},
    route::{self, Given, Variables},
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Foreign, QUEUE, project, received, route, system, until};
use crate::support::{process::Process, rabbit::Rabbit, scripted::Scripted};

/// For each message that was delivered, how often in all, and how often without the flag.
fn delivered(file: &Path) -> BTreeMap<u64, (usize, usize)> {
    let mut seen: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    let text = fs::read_to_string(file).unwrap_or_default();
    for line in text.lines() {
        let Ok(line) = serde_json::from_str::<Value>(line) else { continue };
        let counts = seen.entry(line["body"]["n"].as_u64().unwrap()).or_default();
        counts.0 += 1;
        counts.1 += usize::from(line["headers"]["simpul-possible-duplicate"].is_null());
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_killed_again_and_again_loses_nothing_and_flags_what_it_repeats() {
    const MESSAGES: u64 = 600;
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("simpul.yaml", "listen: 127.0.0.1:0\nops: 127.0.0.1:0\n");
    write("connectors/absensi.yaml", &system(&foreign.url, ""));
    let out = folder.path().join("keluar");
    let arsip = format!(
        "system: arsip\nname: Arsip\nfiles:\n  path: {}\n  targets:\n    \
         terima: {{ file: arsip.ndjson, lines: headers_and_body }}\n",
        out.display()
    );
    write("connectors/arsip.yaml", &arsip);
    write("routes/uji.yaml", &route("uji", "absensi.koreksi"));

    let file = out.join("arsip.ndjson");
    let mut process = Process::start(folder.path());
    for n in 0..MESSAGES {
        foreign.publish(format!("{{\"n\":{n}}}")).await;
        if n % 100 == 50 {
            // In the middle of whatever it does with the last of them.
            drop(process);
            process = Process::start(folder.path());
        }
    }
    let all = async || delivered(&file).len() == usize::try_from(MESSAGES).unwrap();
    until("everything has arrived", all).await;
    until("the queue is empty", async || foreign.ready(QUEUE).await == Some(0)).await;
    let unflagged: Vec<_> =
        delivered(&file).into_iter().filter(|(_, (_, unflagged))| 1 < *unflagged).collect();
    assert_eq!(unflagged, [], "repeats without the flag");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_that_is_killed_loses_nothing_and_is_found_again() {
    let Some(rabbit) = tokio::task::spawn_blocking(Rabbit::start).await.unwrap() else { return };
    let rabbit = Arc::new(rabbit);
    let foreign = Foreign::at(rabbit.vhost()).await;
    foreign.declare(QUEUE).await;
    let arsip = Scripted::new([]);
    let bus = project(&foreign.url, "", &arsip).start().await;
    for n in 0..100 {
        foreign.publish(format!("{{\"n\":{n}}}")).await;
    }
    received(&bus, 1).await;
    let again = Arc::clone(&rabbit);
    let restart = move || {
        // What it knows of queues it writes down when it has a moment, and the queue is new.
        again.control(&["eval", "mnesia:sync_log()."]);
        again.kill();
        again.begin();
        again.wait_until_up();
    };
    tokio::task::spawn_blocking(restart).await.unwrap();
    assert!(foreign.link.connected().await);
    until("the sender is connected again", async || foreign.ready(QUEUE).await.is_some()).await;
    for n in 100..200 {
        // The first of them may be what tells its channel that the connection is gone.
        foreign.publish_until_confirmed(&format!("{{\"n\":{n}}}")).await;
    }
    let seen = || {
        let bodies = arsip.bodies();
        bodies.iter().map(|it| it["n"].as_u64().unwrap()).collect::<std::collections::BTreeSet<_>>()
    };
    until("everything has arrived", async || seen().len() == 200).await;
}

/// An intake that answers from a script, and then accepts.
#[derive(Default)]
struct Strict {
    refusals: Mutex<u32>,
    hangs: bool,
    accepted: Mutex<Vec<(String, bool)>>,
}

#[async_trait]
impl Intake for Strict {
    async fn accept(&self, handover: Handover) -> Result<Vec<Accepted>, IntakeError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        let mut refusals = self.refusals.lock().unwrap();
        if 0 < *refusals {
            *refusals -= 1;
            let retry_after = Duration::from_secs(1);
            return Err(IntakeError::Unavailable { reason: "penuh".to_owned(), retry_after });
        }
        let mut accepted = self.accepted.lock().unwrap();
        for it in handover.messages {
            accepted.push((String::from_utf8(it.body.to_vec()).unwrap(), it.redelivered));
        }
        Ok(Vec::new())
    }

    async fn fares(&self, _: &str, _: MessageId) -> Option<Value> {
        None
    }

    fn sources(&self) -> Arc<BTreeMap<Endpoint, Arc<OpenSource>>> {
        Arc::default()
    }
}

/// The source of [`system`], as the engine gets it.
fn pull(url: &str) -> Arc<dyn Pull> {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("connectors")).unwrap();
    fs::write(folder.path().join("connectors/absensi.yaml"), system(url, "")).unwrap();
    let variables = Variables::from_iter([]);
    let project = route::Project::new(folder.path(), &variables);
    let plan = route::load(project, &Given::default()).unwrap().plan;
    let source = plan.sources.into_values().next().unwrap().source;
    Arc::clone(&source.pull.as_ref().unwrap().pull)
}

/// Runs a source until dropped.
fn run(url: &str, intake: &Arc<Strict>) -> (JoinSet<()>, Arc<Mutex<Vec<PullState>>>) {
    let states: Arc<Mutex<Vec<PullState>>> = Arc::default();
    let seen = Arc::clone(&states);
    let pulling = Pulling {
        intake: Arc::clone(intake) as _,
        body_bytes_max: 1 << 20,
        tell: Arc::new(move |state| seen.lock().unwrap().push(state)),
        stop: CancellationToken::new(),
    };
    let pull = pull(url);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { pull.run(pulling).await });
    (tasks, states)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_stays_in_its_queue_until_the_bus_has_stored_it() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    foreign.publish("1").await;

    // Dies after it took the message, before it stored it.
    let hanging = Arc::new(Strict { hangs: true, ..Strict::default() });
    let (tasks, _) = run(&foreign.url, &hanging);
    until("it is taken", async || foreign.ready(QUEUE).await == Some(0)).await;
    drop(tasks);
    until("it is back", async || foreign.ready(QUEUE).await == Some(1)).await;

    // Is told that it cannot be stored, three times.
    let strict = Arc::new(Strict { refusals: Mutex::new(3), ..Strict::default() });
    let (tasks, states) = run(&foreign.url, &strict);
    until("it is stored", async || !strict.accepted.lock().unwrap().is_empty()).await;
    assert_eq!(*strict.accepted.lock().unwrap(), [("1".to_owned(), true)]);
    let trouble = "the bus does not take them: not now: penuh".to_owned();
    assert!(states.lock().unwrap().contains(&PullState::Trouble(trouble)));
    until("it is acknowledged", async || {
        foreign.admin.counts(QUEUE).await.unwrap().is_some_and(|it| it.ready == 0)
    })
    .await;
    drop(tasks);
    until("the queue is given back", async || {
        foreign.admin.counts(QUEUE).await.unwrap().is_some_and(|it| it.consumers == 0)
    })
    .await;
    assert_eq!(foreign.ready(QUEUE).await, Some(0));
}
