//! What operators do to a running bus, from the command line to the bus and back.
//!
//! The bus is played from a script; that the engine does what it is asked is shown elsewhere.

use std::{collections::BTreeSet, path::Path, sync::Arc, sync::Mutex, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use simpul::{
    engine::{KeyResumed, Preview, Reloaded, Replayed, RouteStatus, Trace},
    ledger::{Cause, DeadFilter, DeadLetter, Fares, Fate, Pause},
    message::{Clock, Endpoint, MessageId, Timestamp},
    metrics::Metrics,
    ops::{self, Access, Bus, Ops, OpsToken, Refusal},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use crate::command_line::{Said, simpul_on};

/// A number that no dead letter has.
const MISSING: i64 = 99;

/// A bus with two dead letters that writes down what it is told.
#[derive(Default)]
struct Scripted {
    told: Mutex<Vec<String>>,
    broken_files: bool,
    not_ready: bool,
}

impl Scripted {
    fn told(&self, what: String) {
        self.told.lock().unwrap().push(what);
    }
}

fn letter(id: i64, class: &str, reason: &str) -> DeadLetter {
    let (place, reason) = (String::new(), reason.to_owned());
    DeadLetter {
        id,
        at: Timestamp::from_millis(1_768_617_000_000),
        route: "sk-mutasi".into(),
        message: MessageId::from_bytes([7; 16]),
        delivery: Endpoint::parse("arsip.daftarkan-naskah").map(|it| (it, 0)),
        cause: Cause { class: class.into(), place, reason },
        attempts: 1,
        generation: 3,
        sent: Some(Bytes::from_static(b"{\"nomor\":\"800/12\",\"klasifikasi\":\"KU.02\"}")),
    }
}

#[async_trait]
impl Bus for Scripted {
    async fn ready(&self) -> Result<(), Refusal> {
        if self.not_ready {
            Err(Refusal::Unavailable("the disk is full".to_owned()))
        } else {
            Ok(())
        }
    }

    async fn status(&self) -> Result<Vec<RouteStatus>, Refusal> {
        Ok(vec![])
    }

    async fn dead(&self, filter: &DeadFilter, limit: usize) -> Result<Vec<DeadLetter>, Refusal> {
        let all = [letter(17, "refused", "422"), letter(18, "refused", "\u{1b}[2J422")];
        let meant = all.into_iter().filter(|it| {
            (filter.ids.is_empty() || filter.ids.contains(&it.id))
                && filter.route.as_ref().is_none_or(|route| **route == *it.route)
                && filter.after < it.id
        });
        Ok(meant.take(limit).collect())
    }

    async fn preview(&self, id: i64) -> Result<Option<Preview>, Refusal> {
        let target = Endpoint::parse("arsip.daftarkan-naskah").unwrap();
        let body = Bytes::from_static(b"{\"nomor\":\"800/12\",\"klasifikasi\":\"KP.04\"}");
        let letter = letter(id, "refused", "422");
        Ok(Some(Preview { letter, after: Ok(vec![(target, body)]) }))
    }

    async fn replay(&self, filter: &DeadFilter, by: &str) -> Result<Replayed, Refusal> {
        self.told(format!("replay {:?} {:?}: {by}", filter.ids, filter.route));
        let failed = if filter.ids == [18] { vec![(18, "steps[0]".to_owned())] } else { vec![] };
        let count = if filter.ids.iter().all(|&id| id == MISSING) && !filter.ids.is_empty() {
            0
        } else {
            1
        };
        Ok(Replayed { count, failed })
    }

    async fn discard(&self, filter: &DeadFilter, by: &str) -> Result<u64, Refusal> {
        self.told(format!("discard {:?}: {by}", filter.ids));
        Ok(filter.ids.iter().filter(|&&id| id != MISSING).count() as u64)
    }

    async fn pauses(&self) -> Result<Vec<Pause>, Refusal> {
        Ok(vec![])
    }

    async fn pause(&self, target: &Endpoint, reason: &str) -> Result<(), Refusal> {
        if &*target.system != "arsip" {
            return Err(Refusal::NotFound(format!("no target `{target}` in the running files")));
        }
        self.told(format!("pause {target}: {reason}"));
        Ok(())
    }

    async fn resume(&self, target: &Endpoint) -> Result<bool, Refusal> {
        self.told(format!("resume {target}"));
        Ok(true)
    }

    async fn resume_key(
        &self,
        target: &Endpoint,
        key: &str,
        by: &str,
    ) -> Result<KeyResumed, Refusal> {
        self.told(format!("resume {target} for {key}, {by}"));
        Ok(KeyResumed { keys: 1, dead: 1, parked: 12 })
    }

    async fn reload(&self) -> Result<(Reloaded, String), Refusal> {
        if self.broken_files {
            return Err(Refusal::Files("error[S001]: …\n --> routes/x.yaml:1:1\n".to_owned()));
        }
        let changed = vec!["sk-mutasi".to_owned()];
        Ok((Reloaded { generation: 4, changed, ..Reloaded::default() }, String::new()))
    }

    async fn trace(&self, id: MessageId) -> Result<Option<Trace>, Refusal> {
        let fate = Some(Fate::Filtered);
        let (deliveries, parked) = (vec![], BTreeSet::new());
        let fares = vec![Fares { route: "sk-mutasi".into(), fate, deliveries, parked }];
        let known = id == MessageId::from_bytes([7; 16]);
        Ok(known.then_some(Trace { fares, lines: vec![] }))
    }
}

/// A scripted bus that listens, and its project.
struct Running {
    project: tempfile::TempDir,
    bus: Arc<Scripted>,
    access: Access,
    stop: oneshot::Sender<()>,
    tasks: JoinSet<()>,
}

impl Running {
    async fn start(bus: Scripted) -> Self {
        let project = tempfile::tempdir().unwrap();
        let store = project.path().join("data");
        std::fs::create_dir(&store).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let token = OpsToken::create(&store, listener.local_addr().unwrap()).unwrap();
        let access = Access::read(&store).unwrap().unwrap();
        let (metrics, bus) = (Arc::new(Metrics::new()), Arc::new(bus));
        let router = ops::router(Ops {
            bus: Arc::clone(&bus) as Arc<dyn Bus>,
            metrics: Arc::clone(&metrics),
            clock: Clock::system(),
            token: Arc::new(token),
        });
        let (stop, stopped) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(ops::serve(listener, router, metrics, async { drop(stopped.await) }));
        Self { project, bus, access, stop, tasks }
    }

    /// Runs the program on the project, beside the bus.
    async fn simpul(&self, arguments: &'static [&'static str]) -> Said {
        let project = self.project.path().to_owned();
        tokio::task::spawn_blocking(move || simpul_on(&project, arguments)).await.unwrap()
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.bus.told.lock().unwrap())
    }

    /// One call without the command line: the status, and the body.
    async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> (u16, String) {
        let url = format!("http://{}{path}", self.access.address);
        let method = method.parse().unwrap();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let mut request = client.request(method, url).body(body.to_owned());
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_shown_and_previewed() {
    let running = Running::start(Scripted::default()).await;
    let list = running.simpul(&["dead", "list"]).await;
    assert_eq!(list.code, 0, "{}", list.err);
    assert!(list.out.starts_with("ID  AGE"), "{}", list.out);
    assert!(list.out.contains("\\u{1b}[2J422"), "no control character passes: {}", list.out);
    let more = running.simpul(&["dead", "list", "--limit", "1"]).await;
    assert_eq!(more.err, "there are more: `--after 17`\n");

    let shown = running.simpul(&["dead", "show", "17"]).await;
    assert!(!shown.out.contains("800/12"), "a body only where it is asked for: {}", shown.out);
    let shown = running.simpul(&["dead", "show", "17", "--body"]).await;
    assert!(shown.out.contains("  \"nomor\": \"800/12\",\n"), "{}", shown.out);
    assert_eq!(running.simpul(&["dead", "show", "99"]).await.code, 1);

    let preview = running.simpul(&["dead", "replay", "17", "--preview"]).await;
    insta::assert_snapshot!(preview.out, @r#"
    dead letter 17: sk-mutasi to arsip.daftarkan-naskah
      would send, compared with what failed:
        {
          "nomor": "800/12",
      -   "klasifikasi": "KU.02"
      +   "klasifikasi": "KP.04"
        }
    "#);
    assert_eq!(running.told(), [] as [&str; 0], "a preview changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_operator_orders_reaches_the_bus_with_his_name_and_reason() {
    let running = Running::start(Scripted::default()).await;
    let commands: [(&'static [&'static str], i32); 7] = [
        (&["dead", "replay", "17", "--reason", "map corrected"], 0),
        (&["dead", "replay", "18"], 1),
        (&["dead", "replay", "--route", "sk-mutasi"], 0),
        (&["dead", "discard", "17", "18", "--reason", "dibatalkan"], 0),
        (&["pause", "arsip.simpan", "--reason", "pemeliharaan"], 0),
        (&["resume", "arsip.simpan"], 0),
        (&["resume", "arsip.simpan", "--key", "12/SPD"], 0),
    ];
    for (command, code) in commands {
        let said = running.simpul(command).await;
        assert_eq!(said.code, code, "{command:?}: {}{}", said.out, said.err);
    }
    let expected = [
        "replay [17] None: sari: map corrected",
        "replay [18] None: sari",
        "replay [] Some(\"sk-mutasi\"): sari",
        "discard [17, 18]: sari: dibatalkan",
        "pause arsip.simpan: sari: pemeliharaan",
        "resume arsip.simpan",
        "resume arsip.simpan for 12/SPD, sari",
    ];
    assert_eq!(running.told(), expected);

    let unknown = running.simpul(&["pause", "arsib.simpan", "--reason", "x"]).await;
    assert_eq!(unknown.code, 2);
    assert_eq!(unknown.err, "error: no target `arsib.simpan` in the running files\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_names_no_dead_letter_does_not_look_dealt_with() {
    let running = Running::start(Scripted::default()).await;
    let missing = "1 number names no dead letter; `simpul dead list` shows which there are\n";
    let discarded = running.simpul(&["dead", "discard", "17", "99", "--reason", "x"]).await;
    assert_eq!((discarded.code, &*discarded.out), (1, "1 dead letter discarded\n"));
    assert_eq!(discarded.err, missing);
    let replayed = running.simpul(&["dead", "replay", "99", "99"]).await;
    assert_eq!((replayed.code, &*replayed.err), (1, missing));
    let mistyped = running.simpul(&["dead", "list", "--class", "bad mesage"]).await;
    assert_eq!(mistyped.code, 2, "{}", mistyped.out);
    assert!(mistyped.err.contains("'bad message'"), "{}", mistyped.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_of_broken_files_shows_the_mistakes_and_ends_with_one() {
    let running = Running::start(Scripted::default()).await;
    let said = running.simpul(&["reload"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(said.out, "generation 4 runs\n  changed  1 route: sk-mutasi\n");

    let running = Running::start(Scripted { broken_files: true, ..Scripted::default() }).await;
    let said = running.simpul(&["reload"]).await;
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    insta::assert_snapshot!(said.err, @r"
    error[S001]: …
     --> routes/x.yaml:1:1

    the files have mistakes; nothing was changed
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_traced_and_an_unknown_one_ends_with_one() {
    let running = Running::start(Scripted::default()).await;
    let said = running.simpul(&["trace", "07070707-0707-0707-0707-070707070707"]).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.ends_with("sk-mutasi: filtered\n"), "{}", said.out);
    let said = running.simpul(&["trace", "08080808-0808-0808-0808-080808080808"]).await;
    assert_eq!(said.code, 1);
    assert_eq!(running.simpul(&["trace", "17"]).await.code, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_nothing_is_shown_and_nothing_done() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = Running::start(Scripted::default()).await;
    let token = running.access.token.clone();
    let calls = [
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/dead"),
        ("GET", "/api/v1/dead/17"),
        ("GET", "/api/v1/dead/17/preview"),
        ("POST", "/api/v1/dead/replay"),
        ("POST", "/api/v1/dead/discard"),
        ("GET", "/api/v1/pauses"),
        ("POST", "/api/v1/pauses"),
        ("DELETE", "/api/v1/pauses/arsip.simpan"),
        ("POST", "/api/v1/reload"),
        ("GET", "/api/v1/messages/07070707-0707-0707-0707-070707070707/trace"),
    ];
    let order = r#"{"selection":{"all":true},"by":"orang asing"}"#;
    for (method, path) in calls {
        for token in [None, Some("salah"), Some("")] {
            let (status, body) = running.call(method, path, token, order).await;
            assert_eq!(status, 401, "{method} {path}: {body}");
        }
    }
    assert_eq!(running.told(), [] as [&str; 0]);
    assert_eq!(running.call("GET", "/api/v1/dead", Some(&token), "").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_make_no_sense_get_a_problem_and_change_nothing() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = Running::start(Scripted::default()).await;
    let token = running.access.token.clone();
    let long = format!(r#"{{"selection":{{"all":true}},"by":"{}"}}"#, "x".repeat(501));
    let huge = "x".repeat(100_000);
    let cases = [
        ("POST", "/api/v1/dead/replay", r#"{"selection":{},"by":"x"}"#, 400, "bad_selection"),
        ("POST", "/api/v1/dead/replay", r#"{"selection":{"rute":"x"},"by":"x"}"#, 400, "bad_body"),
        (
            "POST",
            "/api/v1/dead/discard",
            r#"{"selection":{"all":true},"by":""}"#,
            400,
            "bad_reason",
        ),
        ("POST", "/api/v1/dead/discard", &long, 400, "bad_reason"),
        ("POST", "/api/v1/dead/discard", &huge, 413, ""),
        ("POST", "/api/v1/pauses", r#"{"target":"arsip","reason":"x"}"#, 400, "bad_target"),
        ("GET", "/api/v1/dead?rute=x", "", 400, "unknown_parameter"),
        ("GET", "/api/v1/dead/tujuhbelas", "", 404, "not_found"),
        ("GET", "/api/v1/tidak-ada", "", 404, "not_found"),
        ("PUT", "/api/v1/reload", "", 405, ""),
    ];
    for (method, path, body, status, code) in cases {
        let answer = running.call(method, path, Some(&token), body).await;
        assert_eq!(answer.0, status, "{method} {path}: {}", answer.1);
        assert!(answer.1.contains(code), "{method} {path}: {}", answer.1);
    }
    assert_eq!(running.told(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_ask_for_metrics_and_health_without_a_token() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = Running::start(Scripted::default()).await;
    let (status, body) = running.call("GET", "/metrics", None, "").await;
    assert_eq!(status, 200);
    assert!(body.contains("simpul_build_info{version="), "{body}");
    assert_eq!(running.call("GET", "/health/live", None, "").await.0, 200);
    let ready = running.call("GET", "/health/ready", None, "").await;
    assert_eq!(ready, (200, "{\"status\":\"ready\"}".to_owned()));

    let running = Running::start(Scripted { not_ready: true, ..Scripted::default() }).await;
    let ready = running.call("GET", "/health/ready", None, "").await;
    let expected = "{\"reasons\":[\"the disk is full\"],\"status\":\"not ready\"}";
    assert_eq!(ready, (503, expected.to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_stopped_is_not_taken_for_a_running_one() {
    let mut running = Running::start(Scripted::default()).await;
    let (stop, _) = oneshot::channel();
    std::mem::replace(&mut running.stop, stop).send(()).unwrap();
    while running.tasks.join_next().await.is_some() {}
    let said = running.simpul(&["resume", "arsip.simpan"]).await;
    assert_eq!(said.code, 2);
    assert!(said.err.contains("the bus is not running"), "{}", said.err);
    assert!(Path::new(running.project.path()).join("data/ops.token").exists());
}
