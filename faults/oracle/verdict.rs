//! What must be true after every fault, decided from what was sent and what arrived.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use serde_json::Value;

use super::receiver::Arrival;

/// How a document reached the bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// `POST /v1/asal/data`.
    Http,
    /// The queue of the system `absensi`.
    Queue,
}

/// A document that was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) door: Door,
    /// What its order is kept within.
    pub(crate) order: String,
    pub(crate) body: Value,
    /// It was sent with an idempotency key, again and again until it was accepted.
    pub(crate) keyed: bool,
    /// It was accepted: answered with 202, or confirmed by RabbitMQ. Otherwise nobody knows.
    pub(crate) accepted: bool,
    /// The ids that the bus answered with.
    pub(crate) ids: BTreeSet<String>,
    /// How often more it was handed over as another message, and accepted.
    pub(crate) repeats: u64,
    /// When it was made.
    pub(crate) at: Instant,
}

/// A target that gets every document of a door.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owed {
    pub(crate) door: Door,
    pub(crate) route: &'static str,
    pub(crate) target: &'static str,
    pub(crate) ordered: bool,
}

/// What was found; every list must be empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Accepted, and not taken by a target that it was for.
    pub(crate) lost: Vec<String>,
    /// Arrived, and never sent like this.
    pub(crate) phantom: Vec<String>,
    /// Arrived once more, and did not say that this may be so.
    pub(crate) unflagged: Vec<String>,
    /// One document with a key that became two messages.
    pub(crate) doubled: Vec<String>,
    /// Taken for the first time after a later one of its key.
    pub(crate) disorder: Vec<String>,
    /// Takings beyond the first, all flagged: no fault, but what a fault may cost.
    pub(crate) repeated: usize,
    /// The same for each target.
    pub(crate) repeated_at: BTreeMap<&'static str, usize>,
    /// Takings that were the first of their document at their target.
    pub(crate) delivered: usize,
}

/// Who gets what, in the project of [`Gateway`](super::gateway::Gateway).
pub(crate) const OWED: [Owed; 4] = [
    Owed { door: Door::Http, route: "urut", target: "tabulasi.hitung", ordered: true },
    Owed { door: Door::Http, route: "urut", target: "bawaslu.salinan", ordered: true },
    Owed { door: Door::Http, route: "bebas", target: "arsip.simpan", ordered: false },
    Owed { door: Door::Queue, route: "koreksi", target: "agenda.catat", ordered: false },
];

/// What is judged: what was sent, and what came of it.
#[derive(Clone, Copy)]
pub(crate) struct Run<'r> {
    pub(crate) sent: &'r BTreeMap<u64, Sent>,
    pub(crate) arrivals: &'r [Arrival],
    pub(crate) owed: &'r [Owed],
    /// Connections of gateways broke.
    pub(crate) cut: bool,
    /// What stands as a dead letter: the message's id and the target, or every target.
    pub(crate) dead: &'r BTreeSet<(String, Option<String>)>,
}

impl Verdict {
    /// Judges. A document that RabbitMQ hands out of a system's queue twice is two messages, and
    /// one of them says so, whichever is first. The same holds of deliveries where `cut` says that
    /// connections of gateways broke: the one that RabbitMQ has given up may be sending still while
    /// the other one sends, flagged.
    pub(crate) fn of(run: Run<'_>) -> Self {
        let Run { sent, arrivals, owed, cut, dead } = run;
        let mut verdict = Self::default();
        for owed in owed {
            let here: Vec<_> = arrivals.iter().filter(|it| it.target == owed.target).collect();
            verdict.lost(sent, &here, owed, dead);
            verdict.repeats(&here, owed, cut || owed.door == Door::Queue);
            if owed.ordered {
                verdict.order(sent, &here);
            }
        }
        verdict.phantoms(sent, arrivals, owed);
        verdict.doubles(sent, arrivals);
        verdict
    }

    /// Panics unless every list is empty.
    #[track_caller]
    pub(crate) fn holds(&self, context: &str) {
        let Self { lost, phantom, unflagged, doubled, disorder, .. } = self;
        let found = [lost, phantom, unflagged, doubled, disorder];
        assert!(found.iter().all(|it| it.is_empty()), "{context}: {self:#?}");
    }

    fn lost(
        &mut self,
        sent: &BTreeMap<u64, Sent>,
        here: &[&Arrival],
        owed: &Owed,
        dead: &BTreeSet<(String, Option<String>)>,
    ) {
        let taken: BTreeSet<u64> =
            here.iter().filter(|it| it.is_taken()).map(|it| it.number()).collect();
        self.delivered += taken.len();
        let is_dead = |id: &String| {
            [Some(owed.target.to_owned()), None]
                .iter()
                .any(|it| dead.contains(&(id.clone(), it.clone())))
        };
        let due = sent.iter().filter(|(_, it)| it.door == owed.door && it.accepted);
        let missing =
            due.filter(|(number, it)| !taken.contains(number) && !it.ids.iter().any(is_dead));
        self.lost.extend(missing.map(|(number, _)| format!("{number} at {}", owed.target)));
    }

    fn phantoms(&mut self, sent: &BTreeMap<u64, Sent>, arrivals: &[Arrival], owed: &[Owed]) {
        for it in arrivals {
            let place = owed.iter().find(|owed| owed.target == it.target);
            let known = sent.get(&it.number()).filter(|sent| sent.body == it.body);
            if place.map(|owed| owed.door) != known.map(|sent| sent.door) || known.is_none() {
                self.phantom.push(format!("{it:?}"));
            }
        }
    }

    /// By number and by key: of several, the later ones say so; or all but one, if `any`.
    fn repeats(&mut self, here: &[&Arrival], owed: &Owed, any: bool) {
        let (mut keys, mut numbers) = (BTreeSet::new(), BTreeMap::new());
        let mut taken = BTreeSet::new();
        for (index, it) in here.iter().enumerate() {
            let silent = it.attempt == 1 && !it.flagged;
            let key_is_new = keys.insert(&it.key);
            let (arrivals, silent_ones) = numbers.entry(it.number()).or_insert((0, 0));
            *arrivals += 1;
            *silent_ones += usize::from(silent);
            let is_wrong = if any { 1 < *silent_ones } else { 1 < *arrivals || !key_is_new };
            if silent && is_wrong {
                let before = here.iter().take(index).filter(|old| old.number() == it.number());
                self.unflagged.push(format!("{it:?} after {:?}", before.collect::<Vec<_>>()));
            }
            if it.is_taken() && !taken.insert(it.number()) && !silent {
                self.repeated += 1;
                *self.repeated_at.entry(owed.target).or_default() += 1;
            }
        }
    }

    /// Of one with a key there is one message. One that was handed over again as another message is
    /// a repeat on each route, so there is one on each; which may differ.
    fn doubles(&mut self, sent: &BTreeMap<u64, Sent>, arrivals: &[Arrival]) {
        let mut messages: BTreeMap<(u64, &str), BTreeSet<&str>> = BTreeMap::new();
        for it in arrivals {
            let known = sent.get(&it.number()).filter(|sent| sent.keyed);
            let Some(known) = known else { continue };
            let place = if known.repeats == 0 { "" } else { it.target.as_str() };
            let ids = messages.entry((it.number(), place)).or_default();
            ids.insert(&it.message);
            if known.repeats == 0 {
                ids.extend(known.ids.iter().map(String::as_str));
            }
        }
        let doubled = messages.into_iter().filter(|(_, ids)| 1 < ids.len());
        self.doubled.extend(doubled.map(|((number, _), ids)| format!("{number}: {ids:?}")));
    }

    /// First takings rise within each key. What nobody knows to be accepted has no place.
    fn order(&mut self, sent: &BTreeMap<u64, Sent>, here: &[&Arrival]) {
        let (mut seen, mut last) = (BTreeSet::new(), BTreeMap::<&str, (u64, Option<u64>)>::new());
        for it in here.iter().filter(|it| it.is_taken()) {
            let number = it.number();
            let Some(sent) = sent.get(&number).filter(|it| it.accepted) else { continue };
            if !seen.insert(number) {
                continue;
            }
            let place = (number, it.key_seq);
            // The number that the bus may send with each says the same.
            let is_behind = |before: &(u64, Option<u64>)| {
                number < before.0 || it.key_seq.is_some_and(|seq| Some(seq) <= before.1)
            };
            if let Some(before) = last.insert(&sent.order, place).filter(is_behind) {
                let (order, target) = (&sent.order, &it.target);
                self.disorder.push(format!("{place:?} after {before:?} of `{order}` at {target}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    const OWED: Owed =
        Owed { door: Door::Http, route: "urut", target: "tabulasi.hitung", ordered: true };

    fn sent(numbers: &[u64]) -> BTreeMap<u64, Sent> {
        let one = |number: &u64| {
            let sent = Sent {
                door: Door::Http,
                order: "a".to_owned(),
                body: json!({ "nomor": number }),
                keyed: true,
                accepted: true,
                ids: [format!("m{number}")].into(),
                repeats: 0,
                at: Instant::now(),
            };
            (*number, sent)
        };
        numbers.iter().map(one).collect()
    }

    fn arrival(number: u64) -> Arrival {
        Arrival {
            at: Instant::now(),
            after: Duration::ZERO,
            target: OWED.target.to_owned(),
            gateway: String::new(),
            key: format!("k{number}"),
            message: format!("m{number}"),
            attempt: 1,
            flagged: false,
            key_seq: None,
            body: json!({ "nomor": number }),
            status: 200,
            broken_off: None,
        }
    }

    fn judged(sent: &BTreeMap<u64, Sent>, arrivals: &[Arrival], owed: Owed) -> Verdict {
        let dead = &BTreeSet::new();
        Verdict::of(Run { sent, arrivals, owed: &[owed], cut: false, dead })
    }

    fn found(verdict: &Verdict) -> [usize; 5] {
        let Verdict { lost, phantom, unflagged, doubled, disorder, .. } = verdict;
        [lost, phantom, unflagged, doubled, disorder].map(Vec::len)
    }

    #[test]
    fn a_verdict_finds_every_kind_of_fault_and_nothing_where_there_is_none() {
        let judge =
            |sent: &BTreeMap<u64, Sent>, arrivals: &[Arrival]| found(&judged(sent, arrivals, OWED));
        let two = sent(&[1, 2]);
        assert_eq!(judge(&two, &[arrival(1), arrival(2)]), [0; 5]);
        let failed = Arrival { status: 503, ..arrival(2) };
        let retried = Arrival { attempt: 2, ..arrival(2) };
        let flagged = Arrival { flagged: true, ..arrival(1) };
        assert_eq!(judge(&two, &[arrival(1), failed.clone(), retried, flagged]), [0; 5]);

        assert_eq!(judge(&two, &[arrival(1), failed]), [1, 0, 0, 0, 0], "not taken");
        assert_eq!(judge(&two, &[arrival(1), arrival(2), arrival(3)]), [0, 1, 0, 0, 0]);
        let other = Arrival { body: json!({ "nomor": 2, "n": 1 }), ..arrival(2) };
        assert_eq!(judge(&two, &[arrival(1), other]), [0, 1, 0, 0, 0], "another body");
        let again = [arrival(1), arrival(2), arrival(2)];
        assert_eq!(judge(&two, &again), [0, 0, 1, 0, 0]);
        let second = Arrival { message: "m9".to_owned(), flagged: true, ..arrival(2) };
        assert_eq!(judge(&two, &[arrival(1), arrival(2), second]), [0, 0, 0, 1, 0]);
        assert_eq!(judge(&two, &[arrival(2), arrival(1)]), [0, 0, 0, 0, 1]);
        let numbered = |number, seq| Arrival { key_seq: Some(seq), ..arrival(number) };
        assert_eq!(judge(&two, &[numbered(1, 7), numbered(2, 7)]), [0, 0, 0, 0, 1]);
        assert_eq!(judge(&two, &[numbered(1, 7), numbered(2, 8)]), [0; 5]);

        let queued = Owed { door: Door::Queue, ordered: false, ..OWED };
        let of_queue = |flags: &[bool]| {
            let mut sent = sent(&[1]);
            sent.values_mut().for_each(|it| (it.door, it.keyed) = (Door::Queue, false));
            let arrival = |flagged| Arrival { flagged, key: format!("k{flagged}"), ..arrival(1) };
            let arrivals: Vec<_> = flags.iter().map(|it| arrival(*it)).collect();
            found(&judged(&sent, &arrivals, queued))
        };
        assert_eq!(of_queue(&[true, false]), [0; 5], "one of the two says so");
        assert_eq!(of_queue(&[false, false]), [0, 0, 1, 0, 0]);

        let mut unknown = two;
        unknown.values_mut().for_each(|it| (it.accepted, it.keyed) = (false, false));
        assert_eq!(judge(&unknown, &[arrival(2)]), [0; 5], "what nobody knows may be missing");
    }

    #[test]
    fn a_dead_letter_is_not_lost_where_it_is_dead() {
        let two = sent(&[1, 2]);
        let dead = BTreeSet::from([("m2".to_owned(), Some(OWED.target.to_owned()))]);
        let of_dead = |dead| {
            let run = Run { sent: &two, arrivals: &[arrival(1)], owed: &[OWED], cut: false, dead };
            found(&Verdict::of(run))
        };
        assert_eq!(of_dead(&dead), [0; 5], "a dead letter is not lost");
        let elsewhere = BTreeSet::from([("m2".to_owned(), Some("arsip.simpan".to_owned()))]);
        assert_eq!(of_dead(&elsewhere), [1, 0, 0, 0, 0]);
    }
}
