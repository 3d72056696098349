//! F32, with the whole program: the power goes, and with it whatever the disk was not asked to keep.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    oracle::random::Random,
    stage::{Context, IN_FLIGHT_MAX, Played, Stage},
};

/// Stands between a program and its files, and writes down what is written and what is synced.
const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/disk/shim.c");

/// Bytes of the head of a record.
const HEAD: usize = 24;

/// The directory of the store, which is synced like a file.
const DIRECTORY: &str = "data";

/// What a disk keeps whole or not at all.
const SECTOR: usize = 512;

/// A file: what the disk must have, and what it may have of the rest.
#[derive(Default)]
struct File {
    kept: Vec<u8>,
    pending: Vec<Change>,
}

enum Change {
    Written(u64, Vec<u8>),
    Cut(u64),
    Gone,
}

impl File {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Written(offset, bytes) => {
                let start = usize::try_from(*offset).unwrap();
                let end = start + bytes.len();
                self.kept.resize(self.kept.len().max(end), 0);
                self.kept[start..end].copy_from_slice(bytes);
            }
            Change::Cut(length) => self.kept.resize(usize::try_from(*length).unwrap(), 0),
            Change::Gone => self.kept.clear(),
        }
    }

    fn is_gone(&self) -> bool {
        self.pending.iter().any(|it| matches!(it, Change::Gone))
    }

    fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            self.apply(&change);
        }
    }

    /// The power goes: of what was not synced any sector may be there.
    fn lose(&mut self, random: &mut Random) {
        // Nothing of it, all of it, or one sector in two.
        let odds = random.below(3);
        let mut stays = move || odds == 1 || (odds == 2 && random.one_in(2));
        let pending = std::mem::take(&mut self.pending);
        for sector in pending.into_iter().flat_map(Change::sectors) {
            if stays() {
                self.apply(&sector);
            }
        }
    }
}

impl Change {
    /// In the parts of which a disk may have some.
    fn sectors(self) -> Vec<Self> {
        let Self::Written(offset, bytes) = self else { return vec![self] };
        let sector = |(index, it): (usize, &[u8])| {
            Self::Written(offset + (index * SECTOR) as u64, it.to_vec())
        };
        bytes.chunks(SECTOR).enumerate().map(sector).collect()
    }
}

/// What stands on the disk after the power went, by the name of the file.
fn image(bytes: &[u8], mut lose: impl FnMut(&mut File)) -> BTreeMap<String, Vec<u8>> {
    let (mut names, mut files) = (BTreeMap::new(), BTreeMap::<String, File>::new());
    let mut rest = bytes;
    while HEAD <= rest.len() {
        let (head, after) = rest.split_at(HEAD);
        let number = |at: usize| u32::from_ne_bytes(head[at..at + 4].try_into().unwrap());
        let offset = u64::from_ne_bytes(head[8..16].try_into().unwrap());
        let length = usize::try_from(number(16)).unwrap();
        // The last one may be torn by the kill.
        let Some(payload) = after.get(..length) else { break };
        rest = &after[length..];
        if head[0] == b'N' {
            let path = PathBuf::from(String::from_utf8_lossy(payload).into_owned());
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            names.insert(number(4), name);
            continue;
        }
        let Some(name) = names.get(&number(4)) else { continue };
        if name == DIRECTORY && head[0] == b'S' {
            // What was deleted before the directory was synced stays deleted.
            let gone = files.values_mut().filter(|it| it.is_gone());
            gone.for_each(File::sync);
            continue;
        }
        let file = files.entry(name.clone()).or_default();
        match head[0] {
            b'W' => file.pending.push(Change::Written(offset, payload.to_vec())),
            b'T' => file.pending.push(Change::Cut(offset)),
            b'U' => file.pending.push(Change::Gone),
            b'S' => file.sync(),
            _ => {}
        }
    }
    files.values_mut().for_each(&mut lose);
    files.into_iter().map(|(name, file)| (name, file.kept)).collect()
}

/// F32.
pub(crate) async fn cut(context: Context) -> Played {
    let cuts = context.length(4, 50);
    if !Path::new(SHIM).exists() {
        return Err("there is no shim for the disk".to_owned());
    }
    let mut stage = Stage::set(&context).await?;
    let folder = stage.gateways[0].folder().to_owned();
    let (library, record) = (folder.join("shim.so"), folder.join("record"));
    let mut build = Command::new("cc");
    build.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).args([SHIM, "-ldl"]);
    if !build.status().is_ok_and(|it| it.success()) {
        return Err("the shim for the disk cannot be compiled".to_owned());
    }
    stage.gateways[0].set("LD_PRELOAD", &library.display().to_string());
    stage.gateways[0].set("SHIM_MATCH", "/data");
    stage.gateways[0].set("SHIM_LOG", &record.display().to_string());
    let mut random = Random::new(context.seed);
    stage.start().await;
    stage.load().await;
    for _ in 0..cuts {
        let more = usize::try_from(30 + random.below(100)).unwrap();
        stage.accepted_more(more).await;
        stage.kill(0);
        let recorded = fs::read(&record).unwrap();
        for (name, bytes) in image(&recorded, |it| it.lose(&mut random)) {
            let path = folder.join("data").join(name);
            if bytes.is_empty() {
                let _ = fs::remove_file(path);
            } else {
                fs::write(path, bytes).unwrap();
            }
        }
        let _ = fs::remove_file(folder.join("data/simpul.db-shm"));
        // What the next one finds is what it begins with.
        seed_record(&record, &folder.join("data"));
        stage.restart(0).await;
    }
    stage.accepted_more(30).await;
    Ok(stage.judge(IN_FLIGHT_MAX * cuts).await)
}

/// A record of files as they are: written and synced.
fn seed_record(record: &Path, data: &Path) {
    let mut bytes = Vec::new();
    let mut put = |kind: u8, file: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap();
        bytes.extend([kind, 0, 0, 0]);
        bytes.extend(file.to_ne_bytes());
        bytes.extend(0_u64.to_ne_bytes());
        bytes.extend(length.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
    };
    for (number, name) in (1..).zip(["simpul.db", "simpul.db-wal"]) {
        let path = data.join(name);
        let Ok(content) = fs::read(&path) else { continue };
        put(b'N', number, path.display().to_string().as_bytes());
        put(b'W', number, &content);
        put(b'S', number, &[]);
    }
    fs::write(record, bytes).unwrap();
}
