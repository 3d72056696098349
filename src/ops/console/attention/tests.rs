//! What is said of a bus in trouble, and in which order.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::*;
use crate::{
    engine::{Breaker, Disk, RouteStatus, TargetStatus, Wiring},
    ledger::{Pause, Tally, TargetTally},
    message::Endpoint,
    metrics::Look,
    ops::console::map,
};

const NOW: i64 = 1_768_617_000_000;

fn endpoint(name: &str) -> Endpoint {
    Endpoint::parse(name).unwrap()
}

fn target(name: &str) -> TargetStatus {
    TargetStatus {
        target: endpoint(name),
        orphaned: false,
        tally: TargetTally::default(),
        waiting: 0,
        retrying: 0,
        paused: 0,
        parked: 0,
        oldest: Duration::ZERO,
        breaker: Breaker::Closed,
        pause: None,
    }
}

fn route(name: &str, targets: Vec<TargetStatus>) -> RouteStatus {
    RouteStatus { route: name.into(), running: true, tally: Tally::default(), in_hand: 0, targets }
}

fn facts(status: Vec<RouteStatus>) -> Facts {
    let look = Look { started_at: NOW - 1, broker_up: true, ..Look::default() };
    Facts { now: Some(Timestamp::from_millis(NOW)), status, look, ..Facts::default() }
}

fn told(facts: &Facts) -> Vec<(Level, String)> {
    let items = attention(facts, Language::English);
    items.into_iter().map(|it| (it.level, it.what.english())).collect()
}

fn pause(name: &str, by_operator: bool, ago: Duration) -> Pause {
    let since = NOW - i64::try_from(ago.as_millis()).unwrap();
    Pause {
        target: endpoint(name),
        since: Timestamp::from_millis(since),
        reason: "401 Unauthorized".to_owned(),
        by_operator,
        system_digest: None,
    }
}

#[test]
fn nothing_is_said_while_all_is_well() {
    assert_eq!(told(&facts(vec![route("sppd", vec![target("arsip.naskah")])])), []);
}

#[test]
fn what_needs_somebody_most_comes_first() {
    let paused = TargetStatus {
        pause: Some(pause("arsip.naskah", false, Duration::from_mins(3))),
        paused: 7,
        ..target("arsip.naskah")
    };
    let late = TargetStatus {
        waiting: 1_200,
        oldest: Duration::from_hours(2),
        ..target("e-agenda.catat")
    };
    let mut facts = facts(vec![route("sppd", vec![late, paused])]);
    facts.look.journal_behind = Duration::from_secs(90);
    let told = told(&facts);
    assert_eq!(told[0].0, Level::Bad);
    assert!(told[0].1.starts_with("arsip.naskah turns simpul away, and is paused since"));
    let others: Vec<_> = told[1..].iter().map(|it| it.1.as_str()).collect();
    let late = "1,200 deliveries of `sppd` wait for e-agenda.catat, the oldest for 2 h.";
    assert_eq!(others, ["The journal is 1 min behind.", late]);
}

#[test]
fn a_target_that_is_down_is_told_once_and_its_backlog_not_again() {
    let down = |name: &str| TargetStatus {
        waiting: 9,
        oldest: Duration::from_hours(5),
        breaker: Breaker::Open,
        ..target(name)
    };
    let status = vec![
        route("sppd", vec![down("arsip.naskah")]),
        route("mutasi", vec![down("arsip.naskah"), down("arsip.hasil")]),
    ];
    let mut facts = facts(status);
    for name in ["arsip.naskah", "arsip.hasil"] {
        facts.look.failing_since.insert(name.into(), NOW - 600_000);
    }
    let items = attention(&facts, Language::English);
    assert_eq!(items.len(), 1, "{items:?}");
    let what = items[0].what.english();
    assert!(what.starts_with("arsip (2 targets) does not answer since"), "{what}");
    assert!(items[0].todo.english().starts_with("27 wait for it"), "{:?}", items[0].todo);
    assert_eq!(items[0].link, "/console/systems/arsip");
}

#[test]
fn an_operators_own_pause_is_a_note_until_it_looks_forgotten() {
    let of = |hours| {
        let pause = Some(pause("arsip.naskah", true, Duration::from_hours(hours)));
        let status = vec![route("sppd", vec![TargetStatus { pause, ..target("arsip.naskah") }])];
        told(&facts(status))[0].0
    };
    assert_eq!([of(1), of(25)], [Level::Note, Level::Warn]);
}

#[test]
fn a_silent_source_and_a_disk_that_fills_are_told() {
    let mut facts = facts(vec![]);
    let wiring = crate::engine::RouteWiring {
        summary: String::new(),
        from: endpoint("e-sppd.status"),
        to: vec![],
    };
    let rhythm = (endpoint("e-sppd.status"), Duration::from_hours(1));
    facts.wiring = Wiring {
        generation: 1,
        routes: BTreeMap::from([(Arc::from("sppd"), wiring)]),
        rhythms: BTreeMap::from([rhythm]),
    };
    facts.look.last_message.insert("e-sppd.status".into(), NOW - 3 * 3_600_000);
    facts.disk = Some(Disk { free: 3 << 30, low: 2 << 30, is_low: false });
    let told: Vec<_> = told(&facts).into_iter().map(|it| it.1).collect();
    let expected = [
        "The disk of the store fills up: 3.0 GiB are left.",
        "Nothing has come from e-sppd.status for 3 h.",
    ];
    assert_eq!(told, expected);
}

#[test]
fn of_a_thousand_routes_the_map_takes_those_in_trouble_then_the_busiest() {
    let calm = (0..1_000).map(|it| route(&format!("r{it:04}"), vec![target("arsip.naskah")]));
    let mut status: Vec<_> = calm.collect();
    status[777].tally.dead = 1;
    let mut facts = facts(status);
    facts.last_hour.insert("r0500".into(), 90);
    let first = map::first(&facts, map::ROUTES_MAX);
    assert_eq!(first.len(), map::ROUTES_MAX);
    let names: Vec<_> = first.iter().take(3).map(|it| &*it.route).collect();
    assert_eq!(names, ["r0777", "r0500", "r0000"]);
}
