//! The rules I1 to I9: what must be true after every fault, and what was found where it is not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use simpul::ops::wire::{RouteView, TargetView};

use super::{
    gateway::imbalance,
    receiver::Arrival,
    verdict::{Door, Owed, Sent, Verdict},
};

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// I1: what was accepted was taken by every target, or is dead.
    Lost,
    /// I2: what arrived was sent, and has the body that was sent.
    Phantom,
    /// I3: what may be a repeat says so.
    Unflagged,
    /// I4: repeats are no more than the fault allows; one key is one message.
    Repeats,
    /// I5: first takings of a key rise.
    Order,
    /// I6: it goes on as soon as it must.
    Recovery,
    /// I7: the bus's own accounts are what senders and receivers saw.
    Evidence,
    /// I8: what was answered with 2xx is in the journal.
    Lie,
    /// I9: memory, files and threads stay bounded, and nothing panics.
    Calm,
    /// What the scenario itself asks for.
    Pass,
    /// The same, where it hangs on how fast the machine was meanwhile.
    Pace,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lost => "I1 lost",
            Self::Phantom => "I2 phantom",
            Self::Unflagged => "I3 unflagged",
            Self::Repeats => "I4 repeats",
            Self::Order => "I5 order",
            Self::Recovery => "I6 recovery",
            Self::Evidence => "I7 evidence",
            Self::Lie => "I8 lie",
            Self::Calm => "I9 calm",
            Self::Pass => "pass",
            Self::Pace => "pace",
        })
    }
}

/// A rule that does not hold, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) rule: Rule,
    pub(crate) what: String,
}

fn breach(rule: Rule, what: impl Into<String>) -> Breach {
    Breach { rule, what: what.into() }
}

/// I1, I2, I3, I5, and the half of I4 that needs no bound.
pub(crate) fn of_verdict(verdict: &Verdict) -> Vec<Breach> {
    let lists = [
        (Rule::Lost, &verdict.lost),
        (Rule::Phantom, &verdict.phantom),
        (Rule::Unflagged, &verdict.unflagged),
        (Rule::Repeats, &verdict.doubled),
        (Rule::Order, &verdict.disorder),
    ];
    lists.into_iter().flat_map(|(rule, all)| all.iter().map(move |it| breach(rule, it))).collect()
}

/// What a gateway holds of a system's queue: what of it RabbitMQ hands out twice is two messages.
const HELD_MAX: usize = 500;

/// I4: at each target at most so many; more where documents come over a queue.
pub(crate) fn repeats(verdict: &Verdict, owed: &[Owed], most: usize) -> Vec<Breach> {
    let mut found = Vec::new();
    for (target, count) in &verdict.repeated_at {
        let of_queue = owed.iter().any(|it| it.target == *target && it.door == Door::Queue);
        let most = if of_queue { most.max(HELD_MAX) } else { most };
        if most < *count {
            let what = format!("{count} repeats at {target}, at most {most} allowed");
            found.push(breach(Rule::Repeats, what));
        }
    }
    found
}

/// How long something took to go on after a fault.
#[derive(Debug, Clone)]
pub(crate) struct Recovery {
    pub(crate) what: &'static str,
    pub(crate) took: Duration,
    pub(crate) most: Duration,
}

/// I6.
pub(crate) fn recovery(all: &[Recovery]) -> Vec<Breach> {
    let late = all.iter().filter(|it| it.most < it.took);
    late.map(|it| {
        let (what, took, most) = (it.what, it.took, it.most);
        breach(Rule::Recovery, format!("{what} after {took:.1?}, at most {most:?} allowed"))
    })
    .collect()
}

/// I7: the accounts of a route that has settled, against what senders and receivers know.
pub(crate) fn evidence(
    route: &RouteView,
    owed: &[Owed],
    sent: &BTreeMap<u64, Sent>,
    arrivals: &[Arrival],
) -> Vec<Breach> {
    let mut found: Vec<String> = imbalance(route).into_iter().collect();
    let Some(door) = owed.iter().find(|it| it.route == route.route).map(|it| it.door) else {
        return Vec::new();
    };
    let here = || sent.values().filter(|it| it.door == door);
    let accepted = here().filter(|it| it.accepted).count() as u64;
    let unknown = here().filter(|it| !it.accepted).count() as u64;
    let repeats: u64 = here().map(|it| it.repeats).sum();
    let received = route.received;
    if received < accepted + repeats {
        found.push(format!("received {received}, and {accepted} + {repeats} were accepted"));
    }
    if door == Door::Http && accepted + repeats + unknown < received {
        let most = accepted + repeats + unknown;
        found.push(format!("received {received}, and at most {most} were sent"));
    }
    for target in &route.targets {
        found.extend(of_target(route, target, door, arrivals));
    }
    let name = &route.route;
    found.into_iter().map(|it| breach(Rule::Evidence, format!("route {name}: {it}"))).collect()
}

fn of_target(
    route: &RouteView,
    target: &TargetView,
    door: Door,
    arrivals: &[Arrival],
) -> Vec<String> {
    let mut found = Vec::new();
    let (name, created) = (&target.target, target.created);
    if route.routed != created {
        found.push(format!("{} routed, {created} created for {name}", route.routed));
    }
    let ended = target.delivered + target.dead + target.expired + target.discarded;
    if created != ended {
        found.push(format!("{created} created for {name}, {ended} ended"));
    }
    let taken = arrivals.iter().filter(|it| it.target == *name && it.is_taken());
    let taken = taken.map(Arrival::number).collect::<BTreeSet<_>>().len() as u64;
    // A queue hands one document out twice, as two messages, where its consumer dies.
    if door == Door::Http && taken != target.delivered {
        found.push(format!("{} delivered to {name}, which took {taken}", target.delivered));
    }
    found
}

/// I7 and I8: of every message that was accepted the journal knows the acceptance, once on each
/// route, and one final outcome for each delivery. `known` holds what it says.
pub(crate) fn of_journal(
    accepted: &BTreeSet<String>,
    known: &BTreeMap<String, Known>,
) -> Vec<Breach> {
    let mut found = Vec::new();
    for id in accepted {
        let Some(Known { accepted, open }) = known.get(id) else {
            found.push(breach(Rule::Lie, format!("{id} was answered with 202 and is not there")));
            continue;
        };
        for (route, _) in accepted.iter().filter(|(_, count)| **count != 1) {
            let count = accepted[route];
            let what = format!("{id} was accepted {count} times on route {route}");
            found.push(breach(Rule::Evidence, what));
        }
        for delivery in open {
            found.push(breach(Rule::Evidence, format!("{id}: {delivery} has no outcome")));
        }
    }
    found
}

/// What the journal says of a message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// On each route, how often it says that it was accepted.
    pub(crate) accepted: BTreeMap<String, usize>,
    /// Deliveries without an outcome.
    pub(crate) open: Vec<String>,
}

/// What a process takes of its machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Calm {
    pub(crate) resident_kib: u64,
    pub(crate) open_files: usize,
    pub(crate) threads: u64,
    pub(crate) panics: usize,
}

/// Memory that a gateway may take, in KiB.
const RESIDENT_KIB_MAX: u64 = 512 << 10;

/// Files and sockets that a gateway may have open.
const OPEN_FILES_MAX: usize = 2_000;

/// Threads that may be there beside those of a fresh start: those for calls that block end by
/// themselves, ten seconds after they were needed.
const THREADS_MORE_MAX: u64 = 16;

/// I9.
pub(crate) fn calm(before: &Calm, after: &Calm, panics_meant: usize) -> Vec<Breach> {
    let mut found = Vec::new();
    let mut over = |what: &str, is: u64, most: u64| {
        if most < is {
            found.push(breach(Rule::Calm, format!("{is} {what}, at most {most} allowed")));
        }
    };
    over("KiB resident", after.resident_kib, RESIDENT_KIB_MAX);
    over("files open", after.open_files as u64, OPEN_FILES_MAX as u64);
    over("threads", after.threads, before.threads + THREADS_MORE_MAX);
    over("panics in the log", after.panics as u64, panics_meant as u64);
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::verdict::OWED;

    fn rules(found: &[Breach]) -> Vec<Rule> {
        found.iter().map(|it| it.rule).collect()
    }

    #[test]
    fn more_repeats_than_a_fault_allows_break_a_rule() {
        let repeated_at = BTreeMap::from([("arsip.simpan", 3), ("bawaslu.salinan", 1)]);
        let verdict = Verdict { repeated: 4, repeated_at, ..Verdict::default() };
        assert_eq!(repeats(&verdict, &OWED, 3), []);
        assert_eq!(rules(&repeats(&verdict, &OWED, 2)), [Rule::Repeats]);
        assert_eq!(rules(&repeats(&verdict, &OWED, 0)), [Rule::Repeats; 2]);
        let of_queue = |count| {
            let repeated_at = BTreeMap::from([("agenda.catat", count)]);
            repeats(&Verdict { repeated_at, ..Verdict::default() }, &OWED, 0)
        };
        assert_eq!(of_queue(HELD_MAX), []);
        assert_eq!(rules(&of_queue(HELD_MAX + 1)), [Rule::Repeats]);
    }

    #[test]
    fn every_list_of_a_verdict_is_a_rule() {
        let one = || vec!["7".to_owned()];
        let verdict = Verdict {
            lost: one(),
            phantom: one(),
            unflagged: one(),
            doubled: one(),
            disorder: one(),
            ..Verdict::default()
        };
        let all = [Rule::Lost, Rule::Phantom, Rule::Unflagged, Rule::Repeats, Rule::Order];
        assert_eq!(rules(&of_verdict(&verdict)), all);
    }

    #[test]
    fn what_goes_on_too_late_breaks_a_rule() {
        let of = |took| Recovery {
            what: "ready",
            took: Duration::from_millis(took),
            most: Duration::from_secs(3),
        };
        assert_eq!(recovery(&[of(2_999)]), []);
        assert_eq!(rules(&recovery(&[of(100), of(3_001)])), [Rule::Recovery]);
    }

    #[test]
    fn what_was_promised_and_is_not_in_the_journal_is_a_lie() {
        let accepted = BTreeSet::from(["a".to_owned()]);
        let known = |count, open: &[&str]| {
            let accepted = BTreeMap::from([("urut".to_owned(), count)]);
            let open = open.iter().map(|it| (*it).to_owned()).collect();
            BTreeMap::from([("a".to_owned(), Known { accepted, open })])
        };
        assert_eq!(of_journal(&accepted, &known(1, &[])), []);
        assert_eq!(rules(&of_journal(&accepted, &BTreeMap::new())), [Rule::Lie]);
        assert_eq!(rules(&of_journal(&accepted, &known(2, &[]))), [Rule::Evidence]);
        assert_eq!(rules(&of_journal(&accepted, &known(0, &[]))), [Rule::Evidence]);
        assert_eq!(rules(&of_journal(&accepted, &known(1, &["arsip"]))), [Rule::Evidence]);
    }

    #[test]
    fn accounts_that_are_not_what_was_seen_break_a_rule() {
        let owed =
            [Owed { door: Door::Http, route: "urut", target: "tabulasi.hitung", ordered: true }];
        let (sent, none) = (BTreeMap::new(), BTreeMap::new());
        let of = |received, created, delivered| RouteView {
            route: "urut".to_owned(),
            received,
            routed: received,
            targets: vec![TargetView {
                target: "tabulasi.hitung".to_owned(),
                created,
                delivered,
                ..TargetView::default()
            }],
            ..RouteView::default()
        };
        assert_eq!(evidence(&of(0, 0, 0), &owed, &sent, &[]), []);
        // Received more than was sent, and delivered what nobody took.
        assert_eq!(rules(&evidence(&of(1, 1, 1), &owed, &none, &[])), [Rule::Evidence; 2]);
        // A delivery without an end: both equations, and the route's own count.
        assert!(!evidence(&of(0, 1, 0), &owed, &none, &[]).is_empty());
    }

    #[test]
    fn a_gateway_that_grows_or_panics_breaks_a_rule() {
        let fresh = Calm { resident_kib: 40_000, open_files: 40, threads: 9, panics: 0 };
        assert_eq!(calm(&fresh, &fresh, 0), []);
        for wrong in [
            Calm { resident_kib: RESIDENT_KIB_MAX + 1, ..fresh.clone() },
            Calm { open_files: OPEN_FILES_MAX + 1, ..fresh.clone() },
            Calm { threads: fresh.threads + THREADS_MORE_MAX + 1, ..fresh.clone() },
            Calm { panics: 1, ..fresh.clone() },
        ] {
            assert_eq!(rules(&calm(&fresh, &wrong, 0)), [Rule::Calm], "{wrong:?}");
        }
    }
}
