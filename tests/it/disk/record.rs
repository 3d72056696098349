//! What the shim has written down, and what a disk would hold after a power cut in the middle of it.
//!
//! A sync makes everything of its file durable that was written before. Of what was not synced any
//! sector of 512 bytes may have got there, or not; a file that was made or taken away may be there or
//! not until it or its directory was synced. What a failed sync was to write never gets there: the
//! system holds it for written.

use std::{collections::BTreeMap, path::Path};

/// The part of a write that a disk writes whole or not at all.
const SECTOR: usize = 512;

/// One call, in the order in which they were made.
pub(super) enum Record {
    Named(u32, String),
    Made(u32),
    Written(u32, usize, Vec<u8>),
    Cut(u32, usize),
    Synced(u32),
    SyncFailed(u32),
    Gone(u32),
    /// A line of the test, between two calls.
    Line(String),
}

/// Reads what the shim wrote.
pub(super) fn read(path: &Path) -> Vec<Record> {
    let bytes = std::fs::read(path).unwrap();
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some(head) = bytes.get(at..at + 24) {
        let number = |from: usize| u32::from_le_bytes(head[from..from + 4].try_into().unwrap());
        let (file, length) = (number(4), number(16) as usize);
        let offset = usize::try_from(u64::from_le_bytes(head[8..16].try_into().unwrap())).unwrap();
        let data = &bytes[at + 24..at + 24 + length];
        at += 24 + length;
        let text = || String::from_utf8(data.to_vec()).unwrap();
        records.push(match head[0] {
            b'N' => Record::Named(file, text()),
            b'O' if offset == 1 => Record::Made(file),
            b'O' => continue,
            b'W' => Record::Written(file, offset, data.to_vec()),
            b'T' => Record::Cut(file, offset),
            b'S' => Record::Synced(file),
            b'E' => Record::SyncFailed(file),
            b'U' => Record::Gone(file),
            b'A' => Record::Line(text()),
            other => panic!("a record of the kind {other}"),
        });
    }
    records
}

/// What a file has had done to it since it was last synced.
#[derive(Clone)]
enum Change {
    Made,
    Gone,
    Written(usize, Vec<u8>),
    Cut(usize),
}

#[derive(Default)]
struct OnDisk {
    /// What is there for certain; `None`: no such file.
    durable: Option<Vec<u8>>,
    pending: Vec<Change>,
}

/// A disk, as the calls made it up to some moment.
#[derive(Default)]
pub(super) struct Disk {
    names: BTreeMap<u32, String>,
    files: BTreeMap<u32, OnDisk>,
}

/// Chance, from a seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }

    /// Yes, in so many of a hundred cases.
    fn yes(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

impl Disk {
    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::Named(file, name) => {
                self.names.insert(*file, name.clone());
            }
            Record::Made(file) => self.change(*file, Change::Made),
            Record::Written(file, at, data) => {
                self.change(*file, Change::Written(*at, data.clone()));
            }
            Record::Cut(file, length) => self.change(*file, Change::Cut(*length)),
            Record::Gone(file) => self.change(*file, Change::Gone),
            Record::Synced(file) => self.sync(*file),
            Record::SyncFailed(file) => {
                let file = self.files.entry(*file).or_default();
                file.pending.retain(|it| !matches!(it, Change::Written(..)));
            }
            Record::Line(_) => {}
        }
    }

    fn change(&mut self, file: u32, change: Change) {
        self.files.entry(file).or_default().pending.push(change);
    }

    fn sync(&mut self, file: u32) {
        let synced = self.names.get(&file).cloned().unwrap_or_default();
        let below = |name: &str| Path::new(name).parent() == Some(Path::new(&synced));
        let entries = self.files.iter_mut().filter(|(it, _)| below(&self.names[it]));
        entries.for_each(|(_, it)| it.sync_entry());
        if let Some(file) = self.files.get_mut(&file) {
            for change in std::mem::take(&mut file.pending) {
                whole(&mut file.durable, &change);
            }
        }
    }

    /// What the files hold after a power cut now: of what is not synced, each sector is there in
    /// `percent` of a hundred cases.
    pub(super) fn image(&self, chance: &mut Chance, percent: usize) -> Vec<(String, Vec<u8>)> {
        let mut image = Vec::new();
        for (number, file) in &self.files {
            let mut content = file.durable.clone();
            for change in &file.pending {
                torn(&mut content, change, chance, percent);
            }
            let name = Path::new(&self.names[number]).file_name().unwrap();
            image.extend(content.map(|it| (name.to_str().unwrap().to_owned(), it)));
        }
        image
    }
}

impl OnDisk {
    /// Its directory was synced: whether it is there is certain now.
    fn sync_entry(&mut self) {
        let pending = std::mem::take(&mut self.pending);
        for change in pending {
            match change {
                Change::Gone => {
                    self.durable = None;
                    self.pending.clear();
                }
                Change::Made => self.durable = Some(Vec::new()),
                other => self.pending.push(other),
            }
        }
    }
}

fn whole(content: &mut Option<Vec<u8>>, change: &Change) {
    match change {
        Change::Made => *content = Some(Vec::new()),
        Change::Gone => *content = None,
        Change::Cut(length) => content.get_or_insert_default().resize(*length, 0),
        Change::Written(at, data) => put(content.get_or_insert_default(), *at, data),
    }
}

fn torn(content: &mut Option<Vec<u8>>, change: &Change, chance: &mut Chance, percent: usize) {
    match change {
        Change::Made if chance.yes(percent) => *content = Some(Vec::new()),
        Change::Gone if chance.yes(percent) => *content = None,
        Change::Cut(length) if chance.yes(percent) => {
            if let Some(content) = content {
                content.resize(*length, 0);
            }
        }
        Change::Written(at, data) => {
            let Some(content) = content else { return };
            let mut from = 0;
            while from < data.len() {
                let to = (SECTOR - (at + from) % SECTOR + from).min(data.len());
                if chance.yes(percent) {
                    put(content, at + from, &data[from..to]);
                }
                from = to;
            }
        }
        _ => {}
    }
}

fn put(content: &mut Vec<u8>, at: usize, data: &[u8]) {
    if content.len() < at + data.len() {
        content.resize(at + data.len(), 0);
    }
    content[at..at + data.len()].copy_from_slice(data);
}
