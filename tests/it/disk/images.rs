//! Power cuts: the real store at work is recorded (`shim.c`), the disks that a power cut could leave
//! are made from the record, and opened. What was acknowledged before is there, and nothing is wrong.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use simpul::{
    broker::embedded::{self, Embedded},
    connector::{Answer, Call, CallError, Class, Handover, Incoming, Intake, Target},
    engine::{Engine, Options, Parts},
    ledger,
    message::{Clock, Endpoint, MessageId},
    metrics::Metrics,
    store::{Finding, Inspection, Store, StoreError},
};
use tokio::task::JoinSet;

use super::{
    record::{Chance, Disk, Record, read},
    shim, told,
};
use crate::support::{bus::Project, scripted::Scripted};

/// What tells the process that it is the one to be recorded: the file that makes a sync fail.
const CHILD: &str = "SIMPUL_TEST_RECORDED";

/// How many images are made, unless the variable says so.
const IMAGES: (&str, usize) = ("SIMPUL_CRASH_IMAGES", 1_000);

/// The seed of the images, unless the variable says so.
const SEED: (&str, usize) = ("SIMPUL_CRASH_SEED", 4711);

/// No more images are made after this, where nobody said how many.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Opening one may take so long, on a busy machine without optimisation.
const OPEN_MAX: Duration = Duration::from_secs(3);

pub(super) fn given((variable, usual): (&str, usize)) -> usize {
    env::var(variable).map_or(usual, |it| it.parse().unwrap())
}

fn body(nomor: u64) -> Value {
    json!({ "nomor": nomor, "kunci": nomor % 5, "isi": "x".repeat(1_500) })
}

/// Set for the process that is recorded, a sync fails in the middle, and it opens the store again.
const FAILED_SYNC: &str = "SIMPUL_FAILED_SYNC";

/// Where the record learns what was acknowledged.
#[derive(Clone)]
struct Acknowledged(Arc<Mutex<File>>);

impl Acknowledged {
    fn say(&self, line: &str) {
        self.0.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }
}

/// Takes most, refuses some for ever, and some the first time.
struct Picky;

#[async_trait]
impl Target for Picky {
    async fn send(&self, call: &Call) -> Result<Answer, CallError> {
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        let nomor = body["nomor"].as_u64().unwrap();
        let failed = |class, status| {
            let (reason, status) = ("uji".to_owned(), Some(status));
            Err(CallError { class, status, reason, retry_after: None, suspicious: false })
        };
        match nomor % 11 {
            3 => failed(Class::Refused, 422),
            7 if call.headers.get("simpul-attempt") == Some("1") => failed(Class::Unavailable, 503),
            _ => Ok(Answer { summary: "200".to_owned() }),
        }
    }
}

/// An engine on the store of a project.
struct Working {
    engine: Engine,
    broker: Arc<Embedded>,
}

impl Working {
    async fn start(project: &Project, directory: &Path) -> Self {
        let store = open(directory).await;
        let clock = Clock::system();
        let broker = Arc::new(Embedded::open(store.clone(), clock).await.unwrap());
        let mut plan = project.plan();
        for target in plan.targets.values_mut() {
            Arc::get_mut(target).unwrap().open.target = Arc::new(Picky);
        }
        let (metrics, options) = (Arc::new(Metrics::new()), Options::default());
        let parts = Parts { store, broker: Arc::clone(&broker) as _, metrics, clock, options };
        Self { engine: Engine::start(parts, plan).await.unwrap(), broker }
    }

    /// Hands messages over, eight at a time; says which were accepted.
    async fn work(&self, numbers: std::ops::Range<u64>, said: &Acknowledged) {
        let mut senders = JoinSet::new();
        for sender in 0..8 {
            let (numbers, said) = (numbers.clone(), said.clone());
            let intake = self.engine.intake();
            senders.spawn(async move {
                for nomor in numbers.filter(|it| it % 8 == sender) {
                    hand_over(&*intake, nomor, &said).await;
                }
            });
        }
        while senders.join_next().await.is_some() {}
    }

    async fn stop(self, cleanly: bool) {
        self.engine.stop(Duration::from_secs(10)).await;
        if cleanly {
            self.broker.close().await.unwrap();
        }
    }
}

async fn hand_over(intake: &dyn Intake, nomor: u64, said: &Acknowledged) {
    let message = Incoming {
        key: nomor.is_multiple_of(3).then(|| format!("kunci-{nomor}")),
        body: body(nomor).to_string().into(),
        ..Incoming::default()
    };
    let source = Endpoint::parse("asal.data").unwrap();
    let handover = Handover { source, client: "asal.data/uji".into(), messages: vec![message] };
    if let Ok(accepted) = intake.accept(handover).await {
        said.say(&format!("{} {nomor}\n", accepted[0].id));
    }
}

/// Opens the store once the tasks of the engine before have let go of it.
async fn open(directory: &Path) -> Store {
    let start = Instant::now();
    loop {
        match Store::open(directory) {
            Ok(store) => return store,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(20), "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Does nothing, unless it runs in the process that is to be recorded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_that_is_recorded() {
    let Some(fault) = env::var_os(CHILD) else { return };
    let plain =
        "steps:\n  - filter: $.nomor % 13 != 0\nto:\n  - target: x.terima\n  - target: y.terima\n";
    let targets = [("x", Scripted::new([])), ("y", Scripted::new([]))];
    let project = Project::of(plain, &targets);
    project.route("urut", "order_by: $.kunci\nto:\n  - target: x.terima\n");
    // The child's folder for temporary files belongs to its parent.
    let directory = env::temp_dir().join("data");
    fs::create_dir(&directory).unwrap();
    let said = File::create(directory.join("acknowledged")).unwrap();
    let said = Acknowledged(Arc::new(Mutex::new(said)));

    let bus = Working::start(&project, &directory).await;
    bus.work(0..120, &said).await;
    bus.stop(true).await;
    let bus = Working::start(&project, &directory).await;
    bus.work(120..160, &said).await;
    let bus = if env::var_os(FAILED_SYNC).is_some() {
        // What it was to write never gets to the disk, and the system believes it is there.
        fs::write(fault, "sync").unwrap();
        bus.work(160..200, &said).await;
        bus.stop(false).await;
        Working::start(&project, &directory).await
    } else {
        bus.work(160..200, &said).await;
        bus
    };
    bus.work(200..260, &said).await;
    said.say("end\n");
    drop(bus);
}

/// Records the work.
fn recorded(shim: &Path, a_sync_fails: bool) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let (log, fault) = (folder.path().join("record"), folder.path().join("fault"));
    let name = std::thread::current().name().unwrap().to_owned();
    let name = name.rsplit_once("::").map_or(String::new(), |(room, _)| format!("{room}::"));
    let child = Command::new(env::current_exe().unwrap())
        .arg(format!("{name}the_work_that_is_recorded"))
        .args(["--exact", "--nocapture"])
        .env("LD_PRELOAD", shim)
        .env("SHIM_MATCH", "/data")
        .env("SHIM_LOG", &log)
        .env("SHIM_FAULT", &fault)
        .env("TMPDIR", folder.path())
        .env(CHILD, &fault)
        .envs(a_sync_fails.then_some((FAILED_SYNC, "1")))
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    read(&log)
}

/// A disk after a power cut, and what had been acknowledged.
struct Image {
    number: usize,
    files: Vec<(String, Vec<u8>)>,
    acknowledged: Arc<Vec<(MessageId, u64)>>,
}

#[test]
fn no_power_cut_loses_what_was_acknowledged_or_leaves_anything_wrong() {
    cut_the_power(false);
}

#[test]
fn no_power_cut_loses_what_was_acknowledged_around_a_sync_that_failed() {
    cut_the_power(true);
}

fn cut_the_power(a_sync_fails: bool) {
    let Some(shim) = shim() else { return };
    let records = recorded(shim, a_sync_fails);
    let count = |is: fn(&Record) -> bool| records.iter().filter(|it| is(it)).count();
    let syncs = count(|it| matches!(it, Record::Synced(_)));
    let failed = count(|it| matches!(it, Record::SyncFailed(_)));
    let written = count(|it| matches!(it, Record::Written(..)));
    let lines = count(|it| matches!(it, Record::Line(_)));
    assert!(
        failed == usize::from(a_sync_fails) && 60 < syncs && 150 < lines,
        "{failed} {syncs} {written} {lines}"
    );

    let (images, checked) = sync_channel(4);
    let checked = Arc::new(Mutex::new(checked));
    let checkers: Vec<_> = (0..2)
        .map(|_| {
            let checked = Arc::clone(&checked);
            std::thread::spawn(move || check_all(&checked))
        })
        .collect();
    // So that what makes them learns it when both have found something.
    drop(checked);
    let made = make(&records, &images);
    drop(images);
    let mut slowest = Duration::ZERO;
    for checker in checkers {
        match checker.join() {
            Ok(one) => slowest = slowest.max(one),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
    assert!(slowest < OPEN_MAX, "opening took {slowest:?}");
    told(&format!(
        "{made} power cuts in a record of {written} writes and {syncs} syncs with {lines} \
         acknowledged messages: nothing lost, nothing wrong; opened within {slowest:?}"
    ));
}

/// Makes images at moments all over the record; returns how many.
fn make(records: &[Record], images: &SyncSender<Image>) -> usize {
    let (wanted, start) = (given(IMAGES), Instant::now());
    let mut chance = Chance::new(given(SEED) as u64);
    let mut moments: Vec<(usize, usize)> = Vec::new();
    for number in 0..wanted {
        // Every other one right before a sync, where most is on its way.
        let mut at = chance.below(records.len());
        if number % 2 == 0 {
            let next = records[at..].iter().position(|it| matches!(it, Record::Synced(_)));
            at += next.unwrap_or_default();
        }
        moments.push((at, number));
    }
    // Where the time does not suffice they lie all over the record all the same: in eight rounds.
    let mut made = 0;
    for round in 0..8 {
        let mut of_round: Vec<_> =
            moments.iter().copied().filter(|(_, number)| number % 8 == round).collect();
        of_round.sort_unstable();
        made += make_round(records, &of_round, images, &mut chance);
        if TIME_MAX < start.elapsed() && env::var_os(IMAGES.0).is_none() {
            break;
        }
    }
    made
}

fn make_round(
    records: &[Record],
    moments: &[(usize, usize)],
    images: &SyncSender<Image>,
    chance: &mut Chance,
) -> usize {
    let (mut disk, mut acknowledged) = (Disk::default(), Arc::new(Vec::new()));
    let (mut moments, mut made) = (moments.iter().peekable(), 0);
    for (at, record) in records.iter().enumerate() {
        while let Some((_, number)) = moments.next_if(|(moment, _)| *moment == at) {
            let percent = [0, 10, 50, 90, 100][chance.below(5)];
            let files = disk.image(chance, percent);
            let image = Image { number: *number, files, acknowledged: Arc::clone(&acknowledged) };
            if images.send(image).is_err() {
                // The ones that check have found something.
                return made;
            }
            made += 1;
        }
        disk.apply(record);
        if let Record::Line(line) = record
            && let Some((id, nomor)) = line.trim().split_once(' ')
        {
            let message = (id.parse().unwrap(), nomor.parse().unwrap());
            Arc::make_mut(&mut acknowledged).push(message);
        }
    }
    made
}

/// Opens images until there are no more; returns how long the slowest took.
fn check_all(images: &Mutex<Receiver<Image>>) -> Duration {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut slowest = Duration::ZERO;
    loop {
        let next = images.lock().unwrap().recv();
        let Ok(image) = next else { return slowest };
        slowest = slowest.max(check(&image, &runtime));
    }
}

/// A folder in memory, where there is one: what is opened here is synced for nobody.
fn folder() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn check(image: &Image, runtime: &tokio::runtime::Runtime) -> Duration {
    let Image { number, files, acknowledged } = image;
    let folder = folder();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    if !acknowledged.is_empty() {
        let found = inspected(folder.path()).unwrap_or_else(|it| panic!("image {number}: {it}"));
        assert!(found.is_empty(), "image {number}: {found:#?}");
    }
    let start = Instant::now();
    let store = Store::open(folder.path()).unwrap_or_else(|it| panic!("image {number}: {it}"));
    runtime.block_on(async {
        Embedded::open(store.clone(), Clock::system()).await.unwrap();
        let took = start.elapsed();
        let known = known(&store).await;
        for (id, nomor) in &**acknowledged {
            let routes = known.get(id).map_or(0, Vec::len);
            assert_eq!(routes, 2, "image {number}: message {nomor} is not there");
        }
        for (id, bodies) in &known {
            let expected = acknowledged.iter().find(|(it, _)| it == id);
            let Some((_, nomor)) = expected else { continue };
            let expected = body(*nomor).to_string();
            let is_right = |it: &Vec<u8>| it.is_empty() || *it == expected.as_bytes();
            assert!(bodies.iter().all(is_right), "image {number}: message {nomor} is another");
        }
        took
    })
}

/// Every message that is known, once for each route, with its body where it is kept.
async fn known(store: &Store) -> BTreeMap<MessageId, Vec<Vec<u8>>> {
    let asked = "SELECT m.id, k.body FROM message AS m LEFT JOIN kept AS k ON k.message = m.number
                 WHERE m.fate IS NOT NULL
                 UNION ALL
                 SELECT e.message, e.body FROM entry AS e JOIN queue AS q ON q.id = e.queue
                 WHERE q.name LIKE 'simpul.route.%'";
    let mut known: BTreeMap<MessageId, Vec<Vec<u8>>> = BTreeMap::new();
    for row in store.query(vec![(asked, vec![])]).await.unwrap().iter().flatten() {
        let id = MessageId::from_bytes(row.blob(0).as_ref().try_into().unwrap());
        known.entry(id).or_default().push(row.blob(1).to_vec());
    }
    known
}

/// What `simpul store check` would find.
pub(super) fn inspected(directory: &Path) -> Result<Vec<Finding>, StoreError> {
    let store = Inspection::open(directory)?;
    let mut found = store.files();
    embedded::check(&store, &mut found);
    ledger::check(&store, &mut found);
    Ok(found)
}
