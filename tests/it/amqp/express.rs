//! The short way from a queue to queues of simpul's own RabbitMQ: as safe as the usual one.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use simpul::{
    amqp::{Address, ConsumeOptions, Consumer, Properties, QueueSpec, Taken, Tls},
    broker::{
        Broker,
        rabbitmq::{Options, RabbitMq},
    },
    engine::KnownBody,
    journal::Wanted,
    ledger::DeadFilter,
    message::{Clock, Endpoint},
};
use tokio::{runtime::Handle, task::block_in_place};

use super::{Foreign, QUEUE, system, until};
use crate::{
    support::{
        bus::{Bus, Project},
        scripted::Scripted,
    },
    traces::receiver::{Receiver, hex, text, traceparent},
};

/// A bus whose own RabbitMQ is the one of `foreign`, with a route from its queue to `agenda` and
/// `arsip`, both queues there.
async fn start(foreign: &Foreign, rest: &str) -> Bus {
    start_with(foreign, rest, |it| it).await
}

/// As [`start`], with something done to the project first.
async fn start_with(foreign: &Foreign, rest: &str, with: impl FnOnce(Project) -> Project) -> Bus {
    foreign.declare(QUEUE).await;
    let project = Project::of("to:\n  - target: lain.terima\n", &[("lain", Scripted::new([]))]);
    project.write("connectors/absensi.yaml", &system(&foreign.url, ""));
    for name in ["agenda", "arsip"] {
        let text = format!(
            "system: {name}\nname: {name}\namqp:\n  url: {}\n  targets:\n    \
             terima: {{ queue: {name}.masuk }}\n",
            foreign.url
        );
        project.write(&format!("connectors/{name}.yaml"), &text);
    }
    let route = format!(
        "route: uji\nsummary: Uji.\nowner: Uji\nfrom: absensi.koreksi\n{rest}to:\n  \
         - target: agenda.terima\n    retry: {{ first: 50ms, factor: 1 }}\n  \
         - target: arsip.terima\n    when: $.n % 2 == 0\n    map: {{ nomor: $.n }}\n"
    );
    project.write("routes/uji.yaml", &route);
    let url = foreign.url.clone();
    let own = move |_, store| {
        let (address, tls) = (Address::parse(&url).unwrap(), Tls::default());
        let open = RabbitMq::open(address, tls, store, Clock::system(), Options::default());
        let broker = block_in_place(|| Handle::current().block_on(open)).unwrap();
        Arc::new(broker) as Arc<dyn Broker>
    };
    with(project).start_over(own).await
}

async fn declare_quorum(foreign: &Foreign, name: &str) {
    let kind = simpul::amqp::Argument::Text("quorum".to_owned());
    let arguments = vec![("x-queue-type", kind)];
    foreign.admin.declare(&QueueSpec { name: name.to_owned(), arguments }).await.unwrap();
}

/// Takes `count` different messages of a queue: how often each number came, and how often without
/// saying that it may be a repeat.
async fn numbers(foreign: &Foreign, queue: &str, count: usize) -> BTreeMap<u64, (usize, usize)> {
    let (queue, setup) = (queue.to_owned(), Vec::new());
    let options = ConsumeOptions { queue, prefetch: 500, setup, quiet_max: None };
    let mut consumer = Consumer::open(&foreign.link, options);
    let mut seen: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    while seen.len() < count {
        let taken = tokio::time::timeout(super::PATIENCE, consumer.next(500)).await.unwrap();
        for Taken { body, properties, .. } in &taken {
            let body: Value = serde_json::from_slice(body).unwrap();
            let number = body["n"].as_u64().or_else(|| body["nomor"].as_u64()).unwrap();
            let counts = seen.entry(number).or_default();
            counts.0 += 1;
            counts.1 += usize::from(!properties.headers.contains_key("simpul-possible-duplicate"));
        }
        consumer.acker().ack(taken.iter().map(|it| it.tag).collect()).await;
    }
    consumer.close().await;
    seen
}

/// Messages that the ledger has stored one by one.
async fn stored(bus: &Bus) -> u64 {
    let status = bus.status().await;
    let letters = bus.engine.dead(&DeadFilter::default(), 500).await.unwrap();
    assert_eq!(letters.len() as u64, status.tally.dead);
    status.tally.received
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_from_queue_to_queue_goes_straight_and_is_accounted_for() {
    let Some(foreign) = Foreign::new().await else { return };
    declare_quorum(&foreign, "agenda.masuk").await;
    declare_quorum(&foreign, "arsip.masuk").await;
    let bus = start(&foreign, "search: { n: $.n }\nsteps:\n  - filter: $.n < 200\n").await;
    for n in 0..250 {
        foreign.publish(format!("{{\"n\":{n}}}")).await;
    }
    let once = |it: &BTreeMap<u64, (usize, usize)>| it.values().all(|it| *it == (1, 1));
    let agenda = numbers(&foreign, "agenda.masuk", 200).await;
    let arsip = numbers(&foreign, "arsip.masuk", 100).await;
    assert!(once(&agenda) && once(&arsip), "{agenda:?} {arsip:?}");
    bus.until("the accounts", |it| it.tally.received == 250).await;
    let status = bus.status().await;
    assert_eq!((status.tally.filtered, status.tally.routed), (50, 200));
    let created: Vec<_> =
        status.targets.iter().map(|it| (it.tally.created, it.tally.delivered)).collect();
    assert_eq!(created, [(200, 200), (100, 100)]);
    assert_eq!(foreign.ready(QUEUE).await, Some(0));
    for n in ["7", "230"] {
        let wanted = Wanted { text: n.to_owned(), begins: false, below: None };
        assert_eq!(bus.engine.find(&wanted).await.unwrap().messages.len(), 1, "{n}");
    }

    // Nothing of it was ever in a queue of simpul's, and the journal tells where it went.
    let metrics = bus.metrics().encode();
    assert!(metrics.contains("simpul_messages_received_total{route=\"uji\"} 250"), "{metrics}");
    let line = "simpul_deliveries_ended_total{outcome=\"delivered\",route=\"uji\",\
                target=\"agenda.terima\"} 200";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_confirmed_on_the_short_way_goes_the_usual_one_and_the_rest_is_not_repeated() {
    let Some(foreign) = Foreign::new().await else { return };
    declare_quorum(&foreign, "arsip.masuk").await;
    let bus = start(&foreign, "").await;
    for n in 0..40 {
        foreign.publish(format!("{{\"n\":{n}}}")).await;
    }
    let agenda = Endpoint::parse("agenda.terima").unwrap();
    bus.until("the pause", |it| it.targets.iter().any(|it| it.target == agenda && it.paused == 40))
        .await;
    declare_quorum(&foreign, "agenda.masuk").await;
    bus.engine.resume(&agenda).await.unwrap();
    let agenda = numbers(&foreign, "agenda.masuk", 40).await;
    assert!(agenda.values().all(|it| it.0 == 1), "{agenda:?}");
    let arsip = numbers(&foreign, "arsip.masuk", 20).await;
    assert!(arsip.values().all(|it| it.0 == 1), "{arsip:?}");
    bus.settled().await;
    assert_eq!(stored(&bus).await, 40);
    let status = bus.status().await;
    assert!(status.targets.iter().all(|it| it.tally.created == it.tally.delivered), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_between_good_ones_becomes_a_dead_letter_and_they_go_on() {
    let Some(foreign) = Foreign::new().await else { return };
    declare_quorum(&foreign, "agenda.masuk").await;
    declare_quorum(&foreign, "arsip.masuk").await;
    let bus = start(&foreign, "").await;
    for n in 0..30 {
        let body = if n % 3 == 0 { "bukan json".to_owned() } else { format!("{{\"n\":{n}}}") };
        foreign.publish(body).await;
    }
    let agenda = numbers(&foreign, "agenda.masuk", 20).await;
    assert!(agenda.values().all(|it| *it == (1, 1)), "{agenda:?}");
    bus.until("the dead letters", |it| it.tally.dead == 10 && it.tally.received == 30).await;
    until("everything to be acknowledged", async || foreign.ready(QUEUE).await == Some(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_dies_on_the_short_way_loses_nothing_and_flags_what_it_repeats() {
    let Some(foreign) = Foreign::new().await else { return };
    declare_quorum(&foreign, "agenda.masuk").await;
    declare_quorum(&foreign, "arsip.masuk").await;
    for round in 0..5_u64 {
        let bus = start(&foreign, "").await;
        for n in 0..100 {
            foreign.publish(format!("{{\"n\":{}}}", round * 100 + n)).await;
        }
        // Dropped halfway: its connections break as those of a process that is killed.
        drop(bus.crash().await);
    }
    let bus = start(&foreign, "").await;
    let agenda = numbers(&foreign, "agenda.masuk", 500).await;
    let arsip = numbers(&foreign, "arsip.masuk", 250).await;
    for (number, (_, unflagged)) in agenda.iter().chain(&arsip) {
        assert!(*unflagged <= 1, "{number} came twice without a word");
    }
    drop(bus);
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_straight_is_traced_and_its_bodies_are_kept() {
    let Some(foreign) = Foreign::new().await else { return };
    declare_quorum(&foreign, "agenda.masuk").await;
    declare_quorum(&foreign, "arsip.masuk").await;
    let receiver = Receiver::start().await;
    let traced = |it: Project| it.tracing_to(&receiver.exporter);
    let bus = start_with(&foreign, "bodies: full\nsearch: { n: $.n }\n", traced).await;
    let sent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let headers = BTreeMap::from([("traceparent".to_owned(), sent)]);
    let properties = Properties { headers, ..Properties::default() };
    foreign.publish_with(properties, "{\"n\":2}").await;
    bus.until("the accounts", |it| it.tally.routed == 1).await;

    let spans = receiver.spans(4).await;
    assert!(spans.iter().all(|it| hex(&it.trace_id) == TRACE));
    let of = |name: &str| spans.iter().find(|it| it.name == name).unwrap();
    let (accepted, routed) = (of("accept absensi.koreksi"), of("route uji"));
    assert_eq!(hex(&accepted.parent_span_id), "00f067aa0ba902b7");
    assert_eq!(routed.parent_span_id, accepted.span_id);
    let (agenda, arsip) = (of("deliver agenda.terima"), of("deliver arsip.terima"));
    assert_eq!([&agenda.parent_span_id, &arsip.parent_span_id], [&routed.span_id; 2]);
    assert_eq!(text(&agenda.attributes, "messaging.system"), "rabbitmq");
    let (queue, setup) = ("agenda.masuk".to_owned(), Vec::new());
    let options = ConsumeOptions { queue, prefetch: 1, setup, quiet_max: None };
    let mut consumer = Consumer::open(&foreign.link, options);
    let taken = tokio::time::timeout(super::PATIENCE, consumer.next(1)).await.unwrap();
    assert_eq!(taken[0].properties.headers["traceparent"], traceparent(agenda));
    consumer.close().await;

    // It never stood in a queue of simpul's: what is kept is all that there is of it.
    let wanted = Wanted { text: TRACE.to_owned(), begins: false, below: None };
    let id = bus.engine.find(&wanted).await.unwrap().messages[0].id;
    let kept = bus.engine.bodies(id).await.unwrap();
    let bodies: Vec<_> = kept
        .iter()
        .map(|it| match &it.known {
            KnownBody::Whole(body) => String::from_utf8(body.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(bodies, ["{\"n\":2}", "{\"n\":2}", "{\"nomor\":2}"]);
    bus.stop().await;
}
