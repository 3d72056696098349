//! Exchanges and queues as targets.

use std::sync::Arc;

use serde_json::json;
use simpul::{
    amqp::{Argument, Binding, ConsumeOptions, Consumer, ExchangeSpec, QueueSpec, Taken},
    engine::RouteStatus,
};

use super::{Foreign, until};
use crate::support::{
    bus::{Bus, Project},
    scripted::Scripted,
};

/// Starts a bus whose route `uji` sends to the AMQP target `agenda.terima`.
async fn start(url: &str, target: &str) -> Bus {
    let rest = "to:\n  - target: agenda.terima\n    retry: { first: 50ms, factor: 1 }\n";
    let project = Project::of(rest, &[("arsip", Scripted::new([]))]);
    write(&project, url, target);
    project.start().await
}

fn write(project: &Project, url: &str, target: &str) {
    let text = format!(
        "system: agenda\nname: Agenda\namqp:\n  url: {url}\n  targets:\n    terima: {target}\n"
    );
    project.write("connectors/agenda.yaml", &text);
}

/// The next messages of a queue, as a system would take them.
async fn take(foreign: &Foreign, queue: &str, count: usize) -> Vec<Taken> {
    let (queue, setup) = (queue.to_owned(), Vec::new());
    let options = ConsumeOptions { queue, prefetch: 100, setup, quiet_max: None };
    let mut consumer = Consumer::open(&foreign.link, options);
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(consumer.next(count).await);
    }
    consumer.acker().ack(all.iter().map(|it| it.tag).collect()).await;
    consumer.close().await;
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_published_with_its_routing_key_and_names_itself() {
    let Some(foreign) = Foreign::new().await else { return };
    let exchange = ExchangeSpec { name: "kepegawaian".to_owned(), kind: "topic" };
    foreign.admin.declare_exchange(&exchange).await.unwrap();
    foreign.declare("agenda.mutasi").await;
    let binding = Binding {
        queue: "agenda.mutasi".to_owned(),
        exchange: "kepegawaian".to_owned(),
        routing_key: "mutasi.#".to_owned(),
    };
    foreign.admin.bind(&binding).await.unwrap();
    let target = "{ exchange: kepegawaian, routing_key: 'mutasi.${$.jenis}', type: mutasi, \
                  headers: { X-Satker: '${$.satker}' } }";
    let bus = start(&foreign.url, target).await;
    let accepted = bus.publish(json!({ "jenis": "pindah", "satker": "13.01" })).await;
    let [taken] = &take(&foreign, "agenda.mutasi", 1).await[..] else { panic!("one") };

    assert_eq!(taken.routing_key, "mutasi.pindah");
    assert_eq!(&taken.body[..], br#"{"jenis":"pindah","satker":"13.01"}"#);
    let properties = &taken.properties;
    assert_eq!(properties.content_type.as_deref(), Some("application/json"));
    assert_eq!(properties.kind.as_deref(), Some("mutasi"));
    assert_eq!(properties.headers["X-Satker"], "13.01");
    assert_eq!(properties.headers["simpul-message-id"], accepted.id.to_string());
    assert_eq!(properties.headers["simpul-attempt"], "1");
    assert_eq!(properties.message_id.as_ref(), properties.headers.get("idempotency-key"));
    assert!(properties.message_id.is_some() && properties.persistent);
    bus.settled().await;
    assert_eq!(bus.status().await.targets[0].tally.delivered, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_queue_takes_pauses_the_target_and_loses_nothing() {
    let Some(foreign) = Foreign::new().await else { return };
    let bus = start(&foreign.url, "{ queue: agenda.masuk }").await;
    bus.publish(json!({ "n": 1 })).await;
    bus.until("the pause", |it| it.targets[0].pause.is_some()).await;
    let status = bus.status().await;
    let pause = status.targets[0].pause.clone().unwrap();
    assert!(pause.reason.contains("returned: 312 NO_ROUTE"), "{}", pause.reason);
    assert_eq!(status.targets[0].paused, 1);

    // A probe finds that it works now.
    foreign.declare("agenda.masuk").await;
    assert_eq!(&take(&foreign, "agenda.masuk", 1).await[0].body[..], br#"{"n":1}"#);
    bus.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_that_is_missing_pauses_its_target_and_no_other() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare("agenda.masuk").await;
    let rest = "to:\n  - target: agenda.terima\n  - target: agenda.hilang\n";
    let project = Project::of(rest, &[("arsip", Scripted::new([]))]);
    let targets = "{ queue: agenda.masuk }\n    hilang: { exchange: tidak-ada }";
    write(&project, &foreign.url, targets);
    let bus = project.start().await;
    for n in 0..20 {
        bus.publish(json!({ "n": n })).await;
    }
    assert_eq!(take(&foreign, "agenda.masuk", 20).await.len(), 20);
    bus.until("the pause", |it| it.targets.iter().any(|to| to.pause.is_some())).await;
    let delivered = |it: &RouteStatus| it.targets.iter().any(|to| to.tally.delivered == 20);
    bus.until("the others' deliveries", delivered).await;
    let status = bus.status().await;
    let lost = status.targets.iter().find(|it| &*it.target.name == "hilang").unwrap();
    let reason = &lost.pause.as_ref().unwrap().reason;
    assert!(reason.contains("no exchange 'tidak-ada'"), "{reason}");
    let found = status.targets.iter().find(|it| &*it.target.name == "terima").unwrap();
    assert_eq!((found.tally.delivered, found.pause.clone()), (20, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_pauses_the_target_until_the_file_has_the_right_one() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare("agenda.masuk").await;
    let wrong = foreign.url.replace("simpul:simpul@", "simpul:salah@");
    let bus = start(&wrong, "{ queue: agenda.masuk }").await;
    bus.publish(json!({ "n": 1 })).await;
    bus.until("the pause", |it| it.targets[0].pause.is_some()).await;
    write(bus.project(), &foreign.url, "{ queue: agenda.masuk }");
    assert_eq!(bus.reload().await.freed, ["agenda.terima"]);
    bus.settled().await;
    assert_eq!(foreign.ready("agenda.masuk").await, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_full_is_waited_for() {
    let Some(foreign) = Foreign::new().await else { return };
    let arguments = vec![
        ("x-max-length", Argument::Number(1)),
        ("x-overflow", Argument::Text("reject-publish".to_owned())),
    ];
    let queue = QueueSpec { name: "agenda.masuk".to_owned(), arguments };
    foreign.admin.declare(&queue).await.unwrap();
    let bus = Arc::new(start(&foreign.url, "{ queue: agenda.masuk }").await);
    for n in 0..5 {
        bus.publish(json!({ "n": n })).await;
    }
    bus.until("a refusal", |it| it.targets[0].retrying > 0).await;
    assert_eq!(bus.status().await.targets[0].pause, None);
    let mut taken = 0;
    while taken < 5 {
        taken += take(&foreign, "agenda.masuk", 1).await.len();
    }
    bus.settled().await;
    until("it is empty", async || foreign.ready("agenda.masuk").await == Some(0)).await;
    assert_eq!(bus.status().await.targets[0].tally.delivered, 5);
}
