//! The gate, step by step, on a paused clock.

use super::*;
use crate::message::IdSource;

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_open_the_breaker_and_one_probe_closes_it() {
    let gate = gate();
    assert_eq!(learn(&gate, Some(Class::Unavailable)), Change::Failing);
    for _ in 0..3 {
        assert_eq!(learn(&gate, Some(Class::Unavailable)), Change::None);
    }
    assert!(gate.flows());
    assert_eq!(learn(&gate, Some(Class::Unavailable)), Change::Opened);
    assert_eq!(gate.breaker(), Breaker::Open);

    let before = Instant::now();
    let Pass::Probe(probe) = gate.pass().await else { panic!("it flows") };
    assert_eq!(before.elapsed(), Duration::from_secs(1));
    assert_eq!(gate.breaker(), Breaker::HalfOpen);
    assert_eq!(learn(&gate, None), Change::Closed);
    drop(probe);
    assert!(matches!(gate.pass().await, Pass::Flow));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_asks_for_a_pause_is_left_alone_whatever_waits() {
    for failures in [0, 5] {
        let gate = gate();
        for _ in 0..failures {
            learn(&gate, Some(Class::Unavailable));
        }
        gate.rest(Duration::from_secs(7));
        assert!(!gate.flows());
        let before = Instant::now();
        let _pass = gate.pass().await;
        assert_eq!(before.elapsed(), Duration::from_secs(7), "{failures} failures");
    }
}

#[tokio::test(start_paused = true)]
async fn waits_between_probes_double_up_to_the_longest() {
    let gate = gate();
    for _ in 0..5 {
        learn(&gate, Some(Class::Unavailable));
    }
    let mut waits = Vec::new();
    for _ in 0..7 {
        let before = Instant::now();
        let probe = gate.pass().await;
        waits.push(before.elapsed().as_secs());
        learn(&gate, Some(Class::Unavailable));
        drop(probe);
    }
    assert_eq!(waits, [1, 2, 4, 5, 5, 5, 5]);
}

#[tokio::test(start_paused = true)]
async fn only_one_probe_is_under_way_at_a_time() {
    let gate = gate();
    for _ in 0..5 {
        learn(&gate, Some(Class::Unavailable));
    }
    let probe = gate.pass().await;
    let second = tokio::time::timeout(Duration::from_hours(1), gate.pass()).await;
    assert!(second.is_err(), "a second probe passed");
    drop(probe);
    assert!(matches!(gate.pass().await, Pass::Probe(_)));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_pauses_at_once_and_a_probe_each_minute_frees() {
    let gate = gate();
    assert!(matches!(learn(&gate, Some(Class::Misconfigured)), Change::Paused(_)));
    assert_eq!(learn(&gate, Some(Class::Misconfigured)), Change::None);
    let before = Instant::now();
    let Pass::Probe(probe) = gate.pass().await else { panic!("it flows") };
    assert_eq!(before.elapsed(), Duration::from_mins(1));
    assert_eq!(learn(&gate, None), Change::Resumed);
    drop(probe);
    assert!(gate.flows());
}

#[tokio::test(start_paused = true)]
async fn an_operators_pause_is_never_probed() {
    let gate = gate();
    gate.pause(Pause {
        target: Endpoint::parse("arsip.daftar").unwrap(),
        since: Timestamp::from_millis(0),
        reason: "pemeliharaan".to_owned(),
        by_operator: true,
        system_digest: None,
    });
    let waited = tokio::time::timeout(Duration::from_hours(24), gate.pass()).await;
    assert!(waited.is_err());
    assert_eq!(learn(&gate, None), Change::None);
    assert!(gate.resume());
    assert!(matches!(gate.pass().await, Pass::Flow));
}

#[tokio::test(start_paused = true)]
async fn three_different_messages_not_found_in_a_row_pause_the_target() {
    let gate = gate();
    let ids = IdSource::default();
    let [first, second, third] = [(); 3].map(|()| ids.next(Timestamp::from_millis(0)));
    let not_found = |id| {
        let mut attempted = attempted(Some(Class::Refused));
        attempted.suspicious = true;
        let change = gate.learn(id, &mut attempted, Timestamp::from_millis(0), Digest::of(&[]));
        (change != Change::None, attempted.class)
    };
    assert_eq!(not_found(first), (false, Some(Class::Refused)));
    assert_eq!(not_found(first), (false, Some(Class::Refused)));
    assert_eq!(not_found(second), (false, Some(Class::Refused)));
    assert_eq!(not_found(third), (true, Some(Class::Misconfigured)));
}

fn gate() -> Arc<Gate> {
    let target = Endpoint::parse("arsip.daftar").unwrap();
    Arc::new(Gate::new(target, GateSettings::default()))
}

fn learn(gate: &Gate, class: Option<Class>) -> Change {
    let id = IdSource::default().next(Timestamp::from_millis(0));
    gate.learn(id, &mut attempted(class), Timestamp::from_millis(0), Digest::of(&[]))
}

fn attempted(class: Option<Class>) -> Attempted {
    Attempted { class, summary: "x".to_owned(), retry_after: None, suspicious: false }
}
