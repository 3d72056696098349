//! The reconciliation: what was sent, and what became of all of it. The shape of `--format json`.

use std::collections::BTreeMap;

use serde::Serialize;

/// Everything that was sent, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct Figures {
    /// Documents for which the bus answered 202.
    pub(super) published: u64,
    /// Documents of those that did not arrive everywhere they were due, and that no operator is
    /// told of either.
    pub(super) lost: u64,
    /// By route.
    pub(super) routes: BTreeMap<String, RouteFigures>,
    /// What the kills did; only where there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crashes: Option<CrashFigures>,
}

/// One route. The first four as the bus tells them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct RouteFigures {
    /// Messages received.
    pub(super) received: u64,
    /// Of them: repeats.
    pub(super) repeats: u64,
    /// Of them: filtered.
    pub(super) filtered: u64,
    /// Of them: dead, waiting for an operator.
    pub(super) dead: u64,
    /// Complete documents that failed a rule, by rule; counted from what `bawaslu` received.
    pub(super) checks: BTreeMap<String, u64>,
    /// By `system.target`.
    pub(super) targets: BTreeMap<String, TargetFigures>,
}

/// One target of one route.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct TargetFigures {
    /// Deliveries that the stand-in took, by distinct key.
    pub(super) delivered: u64,
    /// Calls that the stand-in got, refused ones included.
    pub(super) attempts: u64,
    /// Dead letters, as the bus tells them.
    pub(super) dead: u64,
}

/// What the kills did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct CrashFigures {
    /// How often the bus was killed.
    pub(super) kills: u64,
    /// Calls with a key that the stand-in had seen before.
    pub(super) repeated: u64,
    /// Of them: without a word that they may be repeats. A broken promise.
    pub(super) unflagged: u64,
    /// How often the bus's own account was looked at after a restart, and added up.
    pub(super) accounts_checked: u64,
}

/// What a target is owed: which document, and what must not have changed about it on the way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Receipt {
    /// The document's own number.
    pub(super) document: String,
    /// What was checked of its content: votes, a digest, a name.
    pub(super) content: String,
}

/// Receipts of one target of one route, and how many there are of each.
pub(super) type Receipts = BTreeMap<Receipt, u64>;

/// Receipts by route and `system.target`.
pub(super) type AllReceipts = BTreeMap<(String, String), Receipts>;

/// What should become of what was sent: computed without any help of simpul.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Expectation {
    /// By route; `attempts` is left at 0, for nobody can know it.
    pub(super) routes: BTreeMap<String, RouteFigures>,
    /// What every target is owed.
    pub(super) owed: AllReceipts,
}

/// How many documents did not arrive everywhere they were due.
pub(super) fn lost(owed: &AllReceipts, arrived: &AllReceipts) -> u64 {
    let none = Receipts::new();
    let mut missing = std::collections::BTreeSet::new();
    for (place, receipts) in owed {
        let here = arrived.get(place).unwrap_or(&none);
        for (receipt, due) in receipts {
            if here.get(receipt).copied().unwrap_or_default() < *due {
                missing.insert((&place.0, &receipt.document));
            }
        }
    }
    missing.len() as u64
}

/// Everything in which `figures` and what arrived differ from what was expected, one line each.
pub(super) fn differences(
    expected: &Expectation,
    figures: &Figures,
    arrived: &AllReceipts,
) -> Vec<String> {
    let mut found = Vec::new();
    if figures.lost != 0 {
        found.push(format!("{} documents were lost", figures.lost));
    }
    for (name, want) in &expected.routes {
        let Some(got) = figures.routes.get(name) else {
            found.push(format!("route `{name}` is not in the bus's account"));
            continue;
        };
        compare_route(name, want, got, &mut found);
    }
    let none = Receipts::new();
    for ((route, target), here) in arrived {
        let due = expected.owed.get(&(route.clone(), target.clone())).unwrap_or(&none);
        let strange = here.iter().filter(|(it, count)| due.get(it).unwrap_or(&0) < *count).count();
        if strange > 0 {
            found.push(format!("{route}: `{target}` got {strange} documents it was not owed"));
        }
    }
    found
}

fn compare_route(name: &str, want: &RouteFigures, got: &RouteFigures, found: &mut Vec<String>) {
    let numbers = [
        ("received", want.received, got.received),
        ("repeats", want.repeats, got.repeats),
        ("filtered", want.filtered, got.filtered),
        ("dead", want.dead, got.dead),
    ];
    for (what, want, got) in numbers {
        if want != got {
            found.push(format!("{name}: {what} is {got}, expected {want}"));
        }
    }
    if want.checks != got.checks {
        found.push(format!("{name}: checks are {:?}, expected {:?}", got.checks, want.checks));
    }
    for (target, want) in &want.targets {
        let got = got.targets.get(target).copied().unwrap_or_default();
        if (want.delivered, want.dead) != (got.delivered, got.dead) {
            found.push(format!(
                "{name}: `{target}` has {} delivered and {} dead, expected {} and {}",
                got.delivered, got.dead, want.delivered, want.dead
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_that_misses_one_of_its_targets_is_lost_once() {
        let place = |target: &str| ("hasil-tps".to_owned(), target.to_owned());
        let receipt = |it: &str| Receipt { document: it.to_owned(), content: String::new() };
        let both = Receipts::from([(receipt("a"), 2), (receipt("b"), 1)]);
        let owed = AllReceipts::from([(place("x.y"), both.clone()), (place("x.z"), both.clone())]);

        assert_eq!(lost(&owed, &owed), 0);
        let less = Receipts::from([(receipt("a"), 1), (receipt("b"), 1)]);
        let arrived = AllReceipts::from([(place("x.y"), less), (place("x.z"), both.clone())]);
        assert_eq!(lost(&owed, &arrived), 1);
        assert_eq!(lost(&owed, &AllReceipts::new()), 2);

        let expected = Expectation { owed: arrived, ..Expectation::default() };
        let found = differences(&expected, &Figures::default(), &owed);
        assert_eq!(found, ["hasil-tps: `x.y` got 1 documents it was not owed"]);
    }
}
