//! What is in hand at this moment, written where it outlives the process: a message on which the
//! whole process ends (no memory, no stack) is known by that, and is out of the way after three times.
//!
//! Before the pure part of a route works on messages their ids are written into a small file, and
//! cleared when it is done: two writes into the memory of the system for a batch, and no sync, for
//! the file need not survive more than the process. What stands there at the next start was in hand
//! when the one before ended. These messages are then worked on alone, so that the next time the
//! one at fault stands there by itself. Calls of targets are not marked: they take seconds, in
//! which any process may be killed, and a panic in them is caught.
//!
//! A message that is routed where it arrives is not stored yet when it ends the process, and comes
//! again under another id: the route then takes messages from its queue alone, for an hour.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tracing::warn;

use super::{batch::PANICS_MAX, worker::BATCH_MAX};
use crate::message::{Digest, MessageId, Timestamp};

/// Ends of the process after which a message is taken out of the way.
pub(super) const CRASHES_MAX: u32 = PANICS_MAX;

/// How long a route that ended the process where a message arrived takes messages from its queue
/// alone: longer than a sender may take to try again.
const DOOR_CLOSED: Duration = Duration::from_hours(1);

/// Messages that are remembered as suspects at most: more were never in hand at once.
const SUSPECTS_MAX: usize = 4_096;

/// What is in hand, and what is suspected, beside the store.
const MARKS: &str = "in-hand";
const SUSPECTS: &str = "suspects.json";

const MARK_BYTES: usize = 16 + 16 * BATCH_MAX;

/// A route and a message: what can be at fault.
type Suspect = (u64, MessageId);

/// See the file.
#[derive(Default)]
pub(super) struct InHand {
    /// Where it is written; `None`: nowhere.
    kept: Option<(File, PathBuf)>,
    // std, not tokio: held for a few instructions, or to write down what few know of.
    places: Mutex<Places>,
    known: Mutex<Known>,
    /// How many suspects and closed doors there are: mostly none, and then nothing is locked.
    count: AtomicUsize,
}

/// Places in the file that nobody uses.
#[derive(Default)]
struct Places {
    free: Vec<u64>,
    next: u64,
}

#[derive(Default)]
struct Known {
    suspects: BTreeMap<Suspect, u32>,
    /// Routes, by until when their door is closed.
    doors: HashMap<u64, Timestamp>,
}

/// Something in hand; dropped, it no longer is.
pub(super) struct Held<'a> {
    hand: &'a InHand,
    place: Option<u64>,
}

impl InHand {
    /// Opens the files in `directory`, and draws its conclusions from what the last process left.
    /// Where that cannot be done, nothing is written.
    pub(super) fn open(directory: Option<&Path>, now: Timestamp) -> Self {
        let Some(directory) = directory else { return Self::default() };
        Self::read(directory, now).unwrap_or_else(|error| {
            let directory = directory.display();
            warn!(%error, "`{directory}/{MARKS}` cannot be written: a message that ends the process would do so again");
            Self::default()
        })
    }

    fn read(directory: &Path, now: Timestamp) -> io::Result<Self> {
        let path = directory.join(SUSPECTS);
        let mut known = Known::parse(&fs::read_to_string(&path).unwrap_or_default(), now);
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = file.open(directory.join(MARKS))?;
        let left = known.learn(&fs::read(directory.join(MARKS))?, now);
        if 0 < left {
            warn!(messages = left, "the last process ended at work on these; each is tried alone");
        }
        let count = AtomicUsize::new(known.count());
        let hand = Self {
            kept: Some((file, path)),
            places: Mutex::default(),
            known: Mutex::new(known),
            count,
        };
        hand.write_down(&hand.known())?;
        if let Some((file, _)) = &hand.kept {
            // Its room is taken now, and not when the disk may be full.
            file.set_len(0)?;
            file.write_all_at(&[0; 16 * MARK_BYTES], 0)?;
        }
        Ok(hand)
    }

    /// Messages of a route are in hand until this is dropped.
    pub(super) fn hold(&self, route: &str, ids: impl Iterator<Item = MessageId>) -> Held<'_> {
        let mut mark = Vec::with_capacity(MARK_BYTES);
        mark.extend([0; 8]);
        mark.extend(digest_of(route).to_le_bytes());
        ids.take(BATCH_MAX).for_each(|id| mark.extend(id.as_bytes()));
        self.mark(mark)
    }

    /// A message that has no lasting id yet is in hand.
    pub(super) fn hold_at_door(&self, route: &str) -> Held<'_> {
        let mut mark = vec![0; 8];
        mark.extend(digest_of(route).to_le_bytes());
        self.mark(mark)
    }

    /// Writes `mark` into a place of its own; its first byte says how many ids it has, and one more.
    fn mark(&self, mut mark: Vec<u8>) -> Held<'_> {
        let Some((file, _)) = &self.kept else { return Held { hand: self, place: None } };
        let ids = (mark.len() - 16) / 16;
        mark[0] = u8::try_from(ids + 1).unwrap_or(u8::MAX);
        let place = {
            let mut places = lock(&self.places);
            places.free.pop().unwrap_or_else(|| {
                places.next += 1;
                places.next - 1
            })
        };
        // If it cannot be written, that is no reason to leave the message alone.
        let _ = file.write_all_at(&mark, place * MARK_BYTES as u64);
        Held { hand: self, place: Some(place) }
    }

    /// How often the process has ended while it worked on a message.
    pub(super) fn crashes(&self, route: &str, id: MessageId) -> u32 {
        if self.count.load(Ordering::Relaxed) == 0 {
            return 0;
        }
        self.known().suspects.get(&(digest_of(route), id)).copied().unwrap_or_default()
    }

    /// Whether messages of a route are not to be worked on before they are stored.
    pub(super) fn is_door_closed(&self, route: &str, now: Timestamp) -> bool {
        0 < self.count.load(Ordering::Relaxed)
            && self.known().doors.get(&digest_of(route)).is_some_and(|until| now < *until)
    }

    /// These messages are done with: they are suspected no longer.
    pub(super) fn acquit(&self, route: &str, ids: impl Iterator<Item = MessageId>) {
        if self.count.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut known = self.known();
        let (before, route) = (known.count(), digest_of(route));
        for id in ids {
            known.suspects.remove(&(route, id));
        }
        if known.count() < before {
            self.count.store(known.count(), Ordering::Relaxed);
            if let Err(error) = self.write_down(&known) {
                warn!(%error, "who is suspected of having ended the process cannot be written");
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }

    /// In one piece or not at all, as far as the process is concerned.
    fn write_down(&self, known: &Known) -> io::Result<()> {
        let Some((_, path)) = &self.kept else { return Ok(()) };
        if known.count() == 0 {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            };
        }
        let new = path.with_extension("new");
        fs::write(&new, known.to_json())?;
        fs::rename(new, path)
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let (Some(place), Some((file, _))) = (self.place, &self.hand.kept) {
            let _ = file.write_all_at(&[0], place * MARK_BYTES as u64);
            lock(&self.hand.places).free.push(place);
        }
    }
}

impl Known {
    fn count(&self) -> usize {
        self.suspects.len() + self.doors.len()
    }

    /// Counts what a process that ended had in hand; returns how many messages that were.
    fn learn(&mut self, marks: &[u8], now: Timestamp) -> usize {
        let mut left = 0;
        for mark in marks.chunks(MARK_BYTES) {
            let (Some(count @ 1..), Some(route)) = (mark.first().copied(), mark.get(8..16)) else {
                continue;
            };
            let route = u64::from_le_bytes(route.try_into().unwrap_or_default());
            let ids = mark.get(16..).unwrap_or_default().chunks_exact(16);
            let ids = ids.take(usize::from(count) - 1);
            if count == 1 {
                self.doors.insert(route, now.after(DOOR_CLOSED));
                left += 1;
            }
            for id in ids {
                left += 1;
                let id = MessageId::from_bytes(id.try_into().unwrap_or_default());
                if self.suspects.len() < SUSPECTS_MAX {
                    *self.suspects.entry((route, id)).or_default() += 1;
                }
            }
        }
        left
    }

    fn to_json(&self) -> String {
        let suspect = |((route, id), crashes): (&Suspect, &u32)| {
            serde_json::json!([route.to_string(), id.to_string(), crashes])
        };
        let door = |(route, until): (&u64, &Timestamp)| {
            serde_json::json!([route.to_string(), until.as_millis()])
        };
        let suspects: Vec<_> = self.suspects.iter().map(suspect).collect();
        let doors: Vec<_> = self.doors.iter().map(door).collect();
        serde_json::json!({ "suspects": suspects, "doors": doors }).to_string()
    }

    /// Reads what [`to_json`](Self::to_json) wrote; anything else accuses nobody.
    fn parse(text: &str, now: Timestamp) -> Self {
        #[derive(Default, serde::Deserialize)]
        struct Read {
            suspects: Vec<(String, String, u32)>,
            doors: Vec<(String, i64)>,
        }
        let Read { suspects, doors } = serde_json::from_str(text).unwrap_or_default();
        let suspects = suspects.iter().filter_map(|(route, id, crashes)| {
            Some(((route.parse().ok()?, id.parse().ok()?), *crashes))
        });
        let doors = doors.iter().filter_map(|(route, until)| {
            Some((route.parse().ok()?, Timestamp::from_millis(*until)))
        });
        let doors = doors.filter(|(_, until)| now < *until);
        Self { suspects: suspects.take(SUSPECTS_MAX).collect(), doors: doors.collect() }
    }
}

/// A route in eight bytes.
fn digest_of(route: &str) -> u64 {
    let digest = Digest::of(&[route.as_bytes()]).0;
    u64::from_le_bytes(digest[..8].try_into().unwrap_or_default())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::IdSource;

    const NOW: Timestamp = Timestamp::from_millis(1_768_617_000_000);

    fn ids(count: usize) -> Vec<MessageId> {
        let source = IdSource::default();
        (0..count).map(|_| source.next(NOW)).collect()
    }

    fn open(directory: &Path) -> InHand {
        InHand::open(Some(directory), NOW)
    }

    #[test]
    fn what_was_in_hand_when_the_process_ended_is_suspected_and_nothing_else_is() {
        let directory = tempfile::tempdir().unwrap();
        let ids = ids(4);
        let hand = open(directory.path());
        drop(hand.hold("uji", ids[..1].iter().copied()));
        // As if the process ended here.
        std::mem::forget(hand.hold("uji", ids[1..3].iter().copied()));
        let crashes = |hand: &InHand| [0, 1, 2, 3].map(|it| hand.crashes("uji", ids[it]));
        assert_eq!(crashes(&hand), [0; 4]);

        let hand = open(directory.path());
        assert_eq!(crashes(&hand), [0, 1, 1, 0]);
        assert_eq!(hand.crashes("lain", ids[1]), 0);
        hand.acquit("uji", [ids[1]].into_iter());
        std::mem::forget(hand.hold("uji", [ids[2]].into_iter()));

        let hand = open(directory.path());
        assert_eq!(crashes(&hand), [0, 0, 2, 0]);
        hand.acquit("uji", [ids[2]].into_iter());
        assert_eq!(crashes(&open(directory.path())), [0; 4]);
    }

    #[test]
    fn a_route_that_ended_the_process_at_the_door_has_it_closed_for_an_hour() {
        let directory = tempfile::tempdir().unwrap();
        std::mem::forget(open(directory.path()).hold_at_door("uji"));
        let later = |minutes| NOW.after(Duration::from_mins(minutes));
        for _ in 0..2 {
            let hand = open(directory.path());
            assert!(hand.is_door_closed("uji", later(59)) && !hand.is_door_closed("lain", NOW));
            assert!(!hand.is_door_closed("uji", later(60)));
        }
        let hand = InHand::open(Some(directory.path()), later(61));
        assert!(!hand.is_door_closed("uji", NOW));
    }

    #[test]
    fn more_at_once_than_there_are_places_find_some() {
        let directory = tempfile::tempdir().unwrap();
        let hand = open(directory.path());
        let ids = ids(100);
        let held: Vec<_> = ids.iter().map(|id| hand.hold("uji", [*id].into_iter())).collect();
        std::mem::forget(held);
        let hand = open(directory.path());
        assert!(ids.iter().all(|it| hand.crashes("uji", *it) == 1));
    }

    #[test]
    fn files_of_somebody_else_accuse_nobody() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(SUSPECTS), "{\"suspects\": 7}").unwrap();
        fs::write(directory.path().join(MARKS), [0xff; 100]).unwrap();
        let hand = open(directory.path());
        assert!(ids(3).into_iter().all(|it| hand.crashes("uji", it) == 0));
    }
}
