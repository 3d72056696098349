//! Damage on the disk: bits that flip, sectors and pages that come back as zeroes or as something
//! else. Nothing wrong is ever delivered or replayed; what `simpul store check` tells apart is measured.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use simpul::{
    broker::{Broker, Taking, embedded::Embedded},
    ledger::{DeadFilter, Ledger},
    message::{Clock, MessageId},
    store::{Inspection, Row, Store},
};

use super::{
    images::{given, inspected},
    record::Chance,
    told,
};
use crate::{
    command_line::{Said, simpul},
    support::{
        bus::Bus,
        scripted::{Scripted, refused},
    },
};

/// How many places are damaged in each way, unless the variable says so.
const PLACES: (&str, usize) = ("SIMPUL_DAMAGED_PLACES", 50);

const PAGE: usize = 4_096;
const SECTOR: usize = 512;

const MESSAGES: u64 = 150;

fn body(nomor: u64) -> Value {
    json!({ "nomor": nomor, "isi": "x".repeat(usize::try_from(200 + nomor * 37).unwrap()) })
}

/// A store in which deliveries wait, and others are dead, closed cleanly; all that is right about it.
struct Sound {
    folder: tempfile::TempDir,
    bodies: BTreeMap<MessageId, Value>,
}

impl Sound {
    async fn new() -> Self {
        let (waits, dies) = (Scripted::new([]), Scripted::new([]));
        dies.always(Some(refused()));
        waits.hold();
        let route = "to:\n  - target: tunggu.terima\n  - target: mati.terima\n";
        let bus = Bus::start(route, &[("tunggu", waits), ("mati", dies)]).await;
        let mut bodies = BTreeMap::new();
        for nomor in 0..MESSAGES {
            bodies.insert(bus.publish(body(nomor)).await.id, body(nomor));
        }
        bus.until("half of it to be dead", |it| {
            it.targets.iter().any(|to| to.tally.dead == MESSAGES)
        })
        .await;
        let project = bus.crash().await;
        let folder = tempfile::tempdir_in(memory()).unwrap();
        // Opened and closed, so that all of it is in the database.
        drop(project.open().await);
        fs::copy(project.path().join("data/simpul.db"), folder.path().join("simpul.db")).unwrap();
        Self { folder, bodies }
    }

    fn bytes(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("simpul.db")).unwrap()
    }
}

fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// A way in which a disk fails.
#[derive(Clone, Copy, Debug)]
enum Way {
    Bit,
    ZeroSector,
    ZeroPage,
    /// What stands there belongs elsewhere.
    OtherPage,
}

impl Way {
    const ALL: [Self; 4] = [Self::Bit, Self::ZeroSector, Self::ZeroPage, Self::OtherPage];

    fn damage(self, bytes: &mut [u8], chance: &mut Chance) {
        let pages = bytes.len() / PAGE;
        match self {
            Self::Bit => {
                let at = chance.below(bytes.len());
                bytes[at] ^= 1 << chance.below(8);
            }
            Self::ZeroSector => {
                let at = chance.below(bytes.len() / SECTOR) * SECTOR;
                bytes[at..at + SECTOR].fill(0);
            }
            Self::ZeroPage => {
                let at = chance.below(pages) * PAGE;
                bytes[at..at + PAGE].fill(0);
            }
            Self::OtherPage => {
                let (from, to) = (chance.below(pages) * PAGE, chance.below(pages) * PAGE);
                bytes.copy_within(from..from + PAGE, to);
            }
        }
    }
}

/// What came of damage in one way.
#[derive(Default, Debug)]
struct Measured {
    /// It changed nothing: what was there is what was written.
    unchanged: usize,
    /// `store check` says so, or the store cannot be opened.
    found: usize,
    /// It does not, and every row is as it was.
    unused: usize,
    /// It does not, and rows of these tables are not as they were.
    unseen: BTreeMap<String, usize>,
    /// It does not, and something is missing that was to be delivered or can be replayed.
    missed: usize,
}

impl Measured {
    /// Damage that nobody found.
    fn see(&mut self, sound: &BTreeMap<String, Vec<Row>>, directory: &Path) {
        let now = content(directory);
        let other: Vec<_> =
            sound.iter().filter(|(table, rows)| now.get(*table) != Some(rows)).collect();
        self.unused += usize::from(other.is_empty());
        for (table, _) in other {
            *self.unseen.entry(table.clone()).or_default() += 1;
        }
    }
}

/// What a bus would do with a store.
struct Used {
    /// What was handed out or kept, and is not what was accepted.
    wrong: Vec<String>,
    /// And all of it is there.
    is_all: bool,
}

/// All rows of all tables.
fn content(directory: &Path) -> BTreeMap<String, Vec<Row>> {
    let store = Inspection::open(directory).unwrap();
    let mut tables = BTreeMap::new();
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let _ = store.rows(names, &[], |row| {
        tables.insert(row.text(0).to_owned(), Vec::new());
    });
    for (table, rows) in &mut tables {
        let asked = format!("SELECT * FROM {table}");
        let _ = store.rows(&asked, &[], |row| rows.push(row.clone()));
    }
    tables
}

async fn used(directory: &Path, bodies: &BTreeMap<MessageId, Value>) -> Option<Used> {
    let store = Store::open(directory).ok()?;
    let broker = Embedded::open(store.clone(), Clock::system()).await.ok()?;
    let (mut wrong, mut deliveries, mut letters) = (Vec::new(), 0, 0);
    let mut look = |whose: &str, id: &MessageId, body: &[u8]| {
        let found: Option<Value> = serde_json::from_slice(body).ok();
        if found.is_none() || found.as_ref() != bodies.get(id) {
            let start = String::from_utf8_lossy(body).chars().take(60).collect::<String>();
            wrong.push(format!("{whose} of {id}: {} bytes, {start:?}", body.len()));
        }
    };
    let queue = Arc::from("simpul.deliver.uji.tunggu.terima");
    let mut consumer = broker.consume(&queue, Taking::free(500));
    let mut all = Vec::new();
    // A question to a damaged store fails again and again.
    while all.len() < bodies.len()
        && let Ok(taken) = tokio::time::timeout(Duration::from_millis(50), consumer.next(200)).await
    {
        all.extend(taken);
    }
    for delivery in &all {
        look("a delivery", &delivery.entry.id, &delivery.entry.body);
        deliveries += 1;
    }
    let ledger = Ledger::new(store);
    for id in bodies.keys() {
        if let Ok(Some(message)) = ledger.message("uji", *id).await {
            look("what is kept", id, &message.body);
            letters += 1;
        }
    }
    let dead = ledger.dead_letters(&DeadFilter::default(), 500).await;
    let is_all = deliveries == bodies.len()
        && letters == bodies.len()
        && dead.is_ok_and(|it| it.len() == bodies.len());
    Some(Used { wrong, is_all })
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_damaged_is_delivered_or_replayed_and_what_is_told_apart_is_measured() {
    let sound = Sound::new().await;
    assert_eq!(inspected(sound.folder.path()).unwrap(), []);
    let used_before = used(sound.folder.path(), &sound.bodies).await.unwrap();
    assert!(used_before.wrong.is_empty() && used_before.is_all, "the store was sound before");
    let (whole, rows) = (sound.bytes(), content(sound.folder.path()));
    let places = given(PLACES);
    let mut chance = Chance::new(31);
    for way in Way::ALL {
        let mut measured = Measured::default();
        for place in 0..places {
            let folder = tempfile::tempdir_in(memory()).unwrap();
            let mut bytes = whole.clone();
            way.damage(&mut bytes, &mut chance);
            if bytes == whole {
                measured.unchanged += 1;
                continue;
            }
            fs::write(folder.path().join("simpul.db"), bytes).unwrap();
            let is_found = inspected(folder.path()).map_or(true, |found| !found.is_empty());
            let used = used(folder.path(), &sound.bodies).await;
            let wrong = used.as_ref().map_or(&[][..], |it| &it.wrong);
            assert!(wrong.is_empty(), "{way:?} {place}: {wrong:#?}");
            match used {
                _ if is_found => measured.found += 1,
                Some(Used { is_all: true, .. }) => measured.see(&rows, folder.path()),
                _ => measured.missed += 1,
            }
        }
        told(&format!("{way:?}: {measured:?}"));
        assert_eq!(measured.missed, 0, "{way:?}: {measured:?}");
        assert!(places / 2 < measured.found, "{way:?}: {measured:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_says_what_is_lost_and_ends_with_its_code() {
    let sound = Sound::new().await;
    let directory = sound.folder.path();
    let check = |arguments: &[&str]| -> Said {
        simpul(&[&["store", "check", directory.to_str().unwrap()], arguments].concat())
    };
    let said = check(&[]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains(" rows with bodies read; nothing is damaged"), "{}", said.out);

    // In the body of one delivery that waits, and of one message that is kept.
    let database = directory.join("simpul.db");
    let sql = |text: &str| {
        let said = std::process::Command::new("sqlite3").arg(&database).arg(text).output();
        said.is_ok_and(|it| it.status.success())
    };
    let flip = |table: &str, place: &str| {
        sql(&format!(
            "UPDATE {table} SET body = CAST(replace(CAST(body AS TEXT), 'xx\"', 'xy\"') AS BLOB) \
             WHERE {place}"
        ))
    };
    if !flip("entry", "position = (SELECT max(position) FROM entry)") {
        told("skipped: there is no sqlite3");
        return;
    }
    assert!(flip("kept", "message = (SELECT min(message) FROM kept)"));
    let said = check(&["--format", "json"]);
    assert_eq!(said.code, 1, "{}", said.out);
    let view: Value = serde_json::from_str(&said.out).unwrap();
    let findings = view["findings"].as_array().unwrap();
    let ids: Vec<String> = sound.bodies.keys().map(ToString::to_string).collect();
    assert_eq!(findings.len(), 2, "{findings:#?}");
    let names = |finding: &Value, id: &str| finding["what"].as_str().unwrap().contains(id);
    assert!(names(&findings[0], ids.last().unwrap()), "{findings:#?}");
    assert!(names(&findings[1], &ids[0]), "{findings:#?}");

    let said = simpul(&["store", "check", "/tidak/ada"]);
    assert_eq!(said.code, 2, "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_a_bus_runs_on_is_not_looked_at_beside_it() {
    let bus = Bus::start("to:\n  - target: x.terima\n", &[("x", Scripted::new([]))]).await;
    let directory = bus.project().path().join("data");
    let said = simpul(&["store", "check", directory.to_str().unwrap()]);
    assert_eq!(said.code, 2, "{}", said.out);
    assert!(said.err.contains("has the store in"), "{}", said.err);
}
