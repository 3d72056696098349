//! What operators do to a running bus, from the command line to the bus and back.
//!
//! The bus is played from a script; that the engine does what it is asked is shown elsewhere.

mod dead;
mod door;
mod openapi;
mod rights;
mod sessions;
mod users;

use std::{collections::BTreeSet, path::Path, sync::Arc, sync::Mutex, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use simpul::{
    diagnostic::Language,
    engine::{
        Acted, Comparison, Difference, KeyResumed, Preview, Reloaded, Replayed, RouteStatus, Trace,
    },
    ledger::{
        Approval, Cause, DeadFilter, DeadGroup, DeadLetter, Fares, Fate, Job, JobFailure, JobOrder,
        JobState, JobTerms, Pause,
    },
    message::{Clock, Endpoint, MessageId, Timestamp},
    metrics::Metrics,
    ops::{self, Access, Bus, Ops, OpsToken, Refusal, access::Door},
};
use tokio::{net::TcpListener, sync::oneshot, task::JoinSet};

use crate::command_line::{Said, simpul_on};

/// A number that no dead letter has.
const MISSING: i64 = 99;

/// A bus with two dead letters that writes down what it is told.
#[derive(Default)]
struct Scripted {
    told: Mutex<Vec<String>>,
    noted: Mutex<Vec<String>>,
    job: Mutex<Option<Job>>,
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
        group: "5d1f0c6be2a94873".to_owned(),
        attempts: 1,
        generation: 3,
        sent: Some(Bytes::from_static(b"{\"nomor\":\"800/12\",\"klasifikasi\":\"KU.02\"}")),
    }
}

fn job(order: JobOrder) -> Job {
    Job {
        id: 7,
        order,
        at: Timestamp::from_millis(1_768_617_000_000),
        state: JobState::Running,
        total: 99_211,
        passed: 0,
        failed: 0,
        waits: None,
        ended: None,
        ended_by: None,
        who: None,
        approval: Approval::NotNeeded,
    }
}

fn mistake(language: Language) -> String {
    let word = if language == Language::Indonesian { "galat" } else { "error" };
    format!("{word}[S001]: …\n --> routes/x.yaml:1:1\n")
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

    async fn dead_one(&self, id: i64) -> Result<Option<DeadLetter>, Refusal> {
        let filter = DeadFilter { ids: vec![id], ..DeadFilter::default() };
        Ok(self.dead(&filter, 1).await?.pop())
    }

    async fn dead_groups(
        &self,
        filter: &DeadFilter,
        _limit: usize,
    ) -> Result<Vec<DeadGroup>, Refusal> {
        self.told(format!("groups {:?} since {:?}", filter.route, filter.since));
        let it = letter(17, "refused", "422");
        let (first, last) = (it.at, it.at);
        let target = it.delivery.map(|(target, _)| target);
        let (name, cause) = (it.group, it.cause);
        let (count, example, route) = (99_211, it.id, it.route);
        Ok(vec![DeadGroup { name, count, first, last, example, route, target, cause }])
    }

    async fn dead_count(&self, _filter: &DeadFilter) -> Result<u64, Refusal> {
        Ok(99_211)
    }

    async fn order(&self, order: JobOrder, terms: &JobTerms) -> Result<Job, Refusal> {
        if terms.count.is_some_and(|it| it != 99_211) {
            return Err(Refusal::Changed("this is about 99211 dead letters now".to_owned()));
        }
        let JobOrder { kind, filter, only_to, rate, by } = &order;
        let (kind, only_to) = (kind.word(), only_to.as_ref().map(ToString::to_string));
        let DeadFilter { route, group, .. } = filter;
        self.told(format!("{kind} {route:?} {group:?} {only_to:?} {rate:?}: {by}"));
        let approval = if terms.second_person { Approval::Awaited } else { Approval::NotNeeded };
        let job = Job { who: terms.who.clone(), approval, ..job(order) };
        *self.job.lock().unwrap() = Some(job.clone());
        Ok(job)
    }

    async fn jobs(&self, _limit: usize) -> Result<Vec<Job>, Refusal> {
        Ok(self.job.lock().unwrap().clone().into_iter().collect())
    }

    async fn job(&self, id: i64) -> Result<Option<(Job, Vec<JobFailure>)>, Refusal> {
        let job = self.job.lock().unwrap().clone().filter(|it| it.id == id);
        if let Some(job) = job.as_ref().filter(|it| it.approval == Approval::Awaited) {
            return Ok(Some((job.clone(), vec![])));
        }
        // It is done as soon as somebody asks.
        let done =
            |job: Job| Job { state: JobState::Done, passed: job.total - 1, failed: 1, ..job };
        let cause = letter(17, "refused", "422").cause;
        let failure = JobFailure { count: 1, letter: 17, target: None, cause };
        Ok(job.map(|it| (done(it), vec![failure])))
    }

    async fn approve(&self, id: i64, by: &str) -> Result<Option<Job>, Refusal> {
        self.told(format!("approve {id}: {by}"));
        let mut job = self.job.lock().unwrap();
        let approved = |it: &mut Job| it.approval = Approval::By(by.to_owned());
        job.as_mut().map(approved);
        Ok(job.clone())
    }

    async fn cancel(&self, id: i64, by: &str) -> Result<Option<Job>, Refusal> {
        self.told(format!("cancel {id}: {by}"));
        let job = self.job.lock().unwrap().clone().filter(|it| it.id == id);
        Ok(job.map(|it| Job { state: JobState::Cancelled, ..it }))
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

    async fn plan(&self, language: Language) -> Result<(Comparison, String), Refusal> {
        if self.broken_files {
            return Err(Refusal::Files(mistake(language)));
        }
        let routes = Difference {
            added: vec!["surat-masuk".to_owned()],
            changed: vec!["sk-mutasi".to_owned(), "sppd-terbit".to_owned()],
            removed: vec!["lama".to_owned()],
        };
        let targets =
            Difference { changed: vec!["arsip.simpan".to_owned()], ..Difference::default() };
        let frees = vec!["arsip.simpan".to_owned()];
        let sources = Difference::default();
        Ok((Comparison { generation: 3, routes, sources, targets, frees }, String::new()))
    }

    async fn reload(&self, language: Language) -> Result<(Reloaded, String), Refusal> {
        if self.broken_files {
            return Err(Refusal::Files(mistake(language)));
        }
        let changed = vec!["sk-mutasi".to_owned()];
        Ok((Reloaded { generation: 4, changed, ..Reloaded::default() }, String::new()))
    }

    async fn note(&self, acted: Acted) -> Result<(), Refusal> {
        let Acted { who, did, what, reason, .. } = acted;
        let reason = reason.map(|it| format!(": {it}")).unwrap_or_default();
        self.noted.lock().unwrap().push(format!("{who} {did}: {what}{reason}"));
        Ok(())
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
    door: Arc<Door>,
    stop: oneshot::Sender<()>,
    tasks: JoinSet<()>,
}

impl Running {
    async fn start(bus: Scripted) -> Self {
        Self::with_users(bus, "").await
    }

    /// The same, with a file of users; none, if it is empty.
    async fn with_users(bus: Scripted, users: &str) -> Self {
        let project = tempfile::tempdir().unwrap();
        let store = project.path().join("data");
        std::fs::create_dir(&store).unwrap();
        if !users.is_empty() {
            std::fs::write(store.join("users.yaml"), users).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let token = OpsToken::create(&store, listener.local_addr().unwrap()).unwrap();
        let access = Access::read(&store).unwrap().unwrap();
        let (metrics, bus) = (Arc::new(Metrics::new()), Arc::new(bus));
        let door = Arc::new(Door::open(store.join("users.yaml"), Clock::system()).unwrap());
        let router = ops::router(Ops {
            bus: Arc::clone(&bus) as Arc<dyn Bus>,
            metrics: Arc::clone(&metrics),
            clock: Clock::system(),
            token: Arc::new(token),
            door: Arc::clone(&door),
            second_person: users.contains("second person"),
        });
        let (stop, stopped) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(ops::serve(listener, router, metrics, async { drop(stopped.await) }));
        Self { project, bus, access, door, stop, tasks }
    }

    /// Runs the program on the project, beside the bus.
    async fn simpul(&self, arguments: &'static [&'static str]) -> Said {
        let project = self.project.path().to_owned();
        tokio::task::spawn_blocking(move || simpul_on(&project, arguments)).await.unwrap()
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.bus.told.lock().unwrap())
    }

    /// What was written down of what people did.
    fn noted(&self) -> Vec<String> {
        std::mem::take(&mut *self.bus.noted.lock().unwrap())
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
async fn what_an_operator_orders_reaches_the_bus_with_his_name_and_reason() {
    let running = Running::start(Scripted::default()).await;
    let commands: [(&'static [&'static str], i32); 6] = [
        (&["dead", "replay", "17", "--reason", "map corrected"], 0),
        (&["dead", "replay", "18", "--reason", "coba lagi"], 1),
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
        "replay [17] None: sari (local): map corrected",
        "replay [18] None: sari (local): coba lagi",
        "discard [17, 18]: sari (local): dibatalkan",
        "pause arsip.simpan: sari (local): pemeliharaan",
        "resume arsip.simpan",
        "resume arsip.simpan for 12/SPD, sari (local)",
    ];
    assert_eq!(running.told(), expected);

    let unknown = running.simpul(&["pause", "arsib.simpan", "--reason", "x"]).await;
    assert_eq!(unknown.code, 2);
    assert_eq!(unknown.err, "error: no target `arsib.simpan` in the running files\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_tells_what_a_reload_would_change_and_changes_nothing() {
    let running = Running::start(Scripted::default()).await;
    let said = running.simpul(&["plan"]).await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    insta::assert_snapshot!(said.out, @r"
    generation 3 runs; a reload would change:
      add     1 route: surat-masuk
      change  2 routes: sk-mutasi, sppd-terbit
      remove  1 route: lama
      change  1 target: arsip.simpan
      what waits in the queues of a removed route stays, and is shown as orphaned
      free    1 paused target: arsip.simpan
    ");
    assert_eq!(running.told(), [] as [&str; 0]);

    let running = Running::start(Scripted { broken_files: true, ..Scripted::default() }).await;
    assert_eq!(running.simpul(&["plan"]).await.code, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_and_a_reload_are_told_in_indonesian_also_what_the_bus_finds_in_the_files() {
    let running = Running::start(Scripted::default()).await;
    let said = running.simpul(&["plan", "--lang", "id"]).await;
    insta::assert_snapshot!(said.out, @r"
    generasi 3 berjalan; pemuatan ulang akan mengubah:
      tambah  1 rute: surat-masuk
      ubah    2 rute: sk-mutasi, sppd-terbit
      hapus   1 rute: lama
      ubah    1 target: arsip.simpan
      yang menunggu di antrean rute yang dihapus tetap ada, dan ditampilkan sebagai yatim
      bebas   1 target yang dijeda: arsip.simpan
    ");
    let said = running.simpul(&["reload", "--lang", "id"]).await;
    assert_eq!(said.out, "generasi 4 berjalan\n  diubah   1 rute: sk-mutasi\n");

    let running = Running::start(Scripted { broken_files: true, ..Scripted::default() }).await;
    let said = running.simpul(&["reload", "--lang", "id"]).await;
    insta::assert_snapshot!(said.err, @r"
    galat[S001]: …
     --> routes/x.yaml:1:1

    berkas mengandung kesalahan; tidak ada yang diubah
    ");
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
    let said = running.simpul(&["trace", "17"]).await;
    assert_eq!((said.code, &*said.out), (1, ""));
    assert!(said.err.contains("nothing is found by `17`"), "{}", said.err);
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
