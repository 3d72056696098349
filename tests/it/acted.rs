//! What people do to a real bus, and which bodies they look at, stands in its journal.

use std::sync::Arc;

use serde_json::json;
use simpul::{
    diagnostic::Language,
    journal::Event,
    ledger::DeadFilter,
    ops::{Desk, EngineBus, Reason, access::Caller},
};

use crate::support::{
    bus::Bus,
    scripted::{Scripted, refused},
};

/// The bus as the command line of the machine may use it.
fn desk(bus: &Bus) -> Desk {
    let read: simpul::ops::Reader =
        Arc::new(|_: Language| Box::pin(async { Err("these files are never read".to_owned()) }));
    let metrics = Arc::new(simpul::metrics::Metrics::new());
    let engine = EngineBus::new(bus.engine.clone(), metrics, read);
    Desk::new(Arc::new(engine), Caller::local_as("sari"))
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_and_actions_stand_in_the_journal_and_in_the_history_of_the_message() {
    let arsip = Scripted::new([refused()]);
    let bus = Bus::start("to:\n  - target: arsip.terima\n", &[("arsip", arsip)]).await;
    let accepted = bus.publish(json!({ "nomor": "800/12" })).await;
    bus.settled().await;
    let letter = bus.dead().await.pop().unwrap();
    let desk = desk(&bus);
    let sent = desk.dead_sent(letter.id).await.unwrap().unwrap().sent;
    assert!(sent.is_some());
    desk.dead_one(letter.id).await.unwrap().unwrap();
    let filter = DeadFilter { ids: vec![letter.id], ..DeadFilter::default() };
    let reason = Reason::parse("dibatalkan").unwrap();
    assert_eq!(desk.discard(&filter, &reason).await, Ok(1));

    let told = |event: &Event| match event {
        Event::Acted { who, did, what, reason } => {
            Some(format!("{who} {did}: {what} {}", reason.as_deref().unwrap_or("-")))
        }
        _ => None,
    };
    let actions = desk.actions(None, 10).await.unwrap();
    let actions: Vec<_> = actions.iter().filter_map(|it| told(&it.line.event)).collect();
    let id = letter.id;
    let expected = [
        format!("sari (local) discard: discarded 1 dead letter: {id} dibatalkan"),
        format!("sari (local) looked: looked at what was sent, dead letter {id} -"),
    ];
    assert_eq!(actions, expected);
    let trace = desk.trace(accepted.id).await.unwrap().unwrap();
    let looks = trace.lines.iter().filter_map(|it| told(&it.event)).count();
    assert_eq!(looks, 1, "the look stands in the history of the message");

    bus.stop().await;
}
