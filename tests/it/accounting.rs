//! Every message is accounted for, at any time and after any crash.

use serde_json::json;
use simpul::{connector::Class, engine::RouteStatus, ledger::DeadFilter};

use crate::support::{
    bus::{Bus, Project},
    scripted::{Reply, Scripted},
};

const ROUTE: &str = r#"
identity: $.nomor
steps:
  - filter: $.jenis != 'kosong'
  - check: { into: $.gagal, rules: { positif: $.n >= 0 } }
to:
  - target: arsip.terima
    retry: { first: 10ms, max: 20ms, give_up: 150ms }
  - target: absensi.terima
    when: $.n > 5
    each: $.daftar[*]
    map: { hasil: "=100 / @" }
    retry: { first: 10ms, max: 20ms, give_up: 150ms }
"#;

/// Both equations of the accounts, for one route.
#[track_caller]
pub(crate) fn balanced(status: &RouteStatus) {
    let it = &status.tally;
    let ended = it.repeats + it.filtered + it.dead + it.discarded + it.routed;
    assert_eq!(it.received, ended + status.in_hand, "{status:#?}");
    for to in &status.targets {
        let it = &to.tally;
        let ended = it.delivered + it.dead + it.expired + it.discarded;
        let moving = to.waiting + to.retrying + to.paused + to.parked;
        assert_eq!(it.created, ended + moving, "{status:#?}");
    }
}

/// Answers that follow from a seed: mostly taken, sometimes not.
fn answers(seed: u64) -> impl Iterator<Item = Reply> {
    let mut state = seed;
    std::iter::from_fn(move || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        Some(match (state >> 33) % 10 {
            0 => Reply::Failed(Class::Unavailable, 503),
            1 => Reply::Failed(Class::Refused, 422),
            2 => Reply::Failed(Class::Misconfigured, 401),
            _ => Reply::Taken,
        })
    })
}

fn message(n: i64) -> serde_json::Value {
    let kind = if n % 7 == 0 { "kosong" } else { "isi" };
    // Every thirteenth has no `jenis`: the filter yields nothing, a bad message.
    let mut body = json!({ "nomor": n % 90, "n": n % 12, "daftar": [1, n % 3, 2] });
    if n % 13 != 0 {
        body["jenis"] = json!(kind);
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn both_equations_hold_at_any_time() {
    let arsip = Scripted::new(answers(1).take(400));
    let absensi = Scripted::new(answers(2).take(400));
    let bus = Bus::start(ROUTE, &[("arsip", arsip), ("absensi", absensi)]).await;
    for n in 0..150 {
        bus.publish(message(n % 100)).await;
        if n % 5 == 0 {
            balanced(&bus.status().await);
        }
    }
    bus.settled().await;
    let status = bus.status().await;
    balanced(&status);
    assert!(0 < status.tally.repeats && 0 < status.tally.dead && 0 < status.tally.filtered);

    bus.engine.replay(&DeadFilter::default(), "uji").await.unwrap();
    balanced(&bus.status().await);
    bus.settled().await;
    bus.engine.discard(&DeadFilter::default(), "uji").await.unwrap();
    let status = bus.status().await;
    balanced(&status);
    assert_eq!(status.tally.dead, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_equations_hold_after_each_of_twenty_crashes() {
    let arsip = Scripted::new(answers(3).take(2_000));
    let absensi = Scripted::new(answers(4).take(2_000));
    let targets = [("arsip", arsip.clone()), ("absensi", absensi.clone())];
    let mut project = Project::of(ROUTE, &targets);
    let mut published = 0;
    for round in 0..20 {
        let bus = project.start().await;
        balanced(&bus.status().await);
        for n in 0..15 {
            bus.publish(message(round * 15 + n)).await;
            published += 1;
        }
        project = bus.crash().await;
    }
    let bus = project.start().await;
    bus.settled().await;
    let status = bus.status().await;
    balanced(&status);
    assert_eq!(status.tally.received, published);
    for target in [arsip, absensi] {
        assert_eq!(unflagged_repeats(&target), Vec::<String>::new());
    }
}

/// Keys that came more than once without saying so.
fn unflagged_repeats(target: &Scripted) -> Vec<String> {
    let (keys, attempts) = (target.header("idempotency-key"), target.header("simpul-attempt"));
    let flags = target.header("simpul-possible-duplicate");
    let mut seen = std::collections::BTreeSet::new();
    let mut unflagged = Vec::new();
    for (index, key) in keys.iter().enumerate() {
        if !seen.insert(key) && attempts[index] == "1" && flags[index] != "true" {
            unflagged.push(key.clone());
        }
    }
    unflagged
}
