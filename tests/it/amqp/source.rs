//! Queues as sources.

use serde_json::json;
use simpul::amqp::Properties;

use super::{Foreign, QUEUE, id, project, received, route, system, until};
use crate::support::{bus::Bus, scripted::Scripted};

async fn reasons(bus: &Bus) -> Vec<String> {
    let dead = bus.dead().await;
    let mut all: Vec<_> =
        dead.iter().map(|it| format!("{}: {}", it.cause.place, it.cause.reason)).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_system_publishes_to_its_queue_is_delivered_and_leaves_the_queue() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    foreign.publish(r#"{"n":0}"#).await;
    let arsip = Scripted::new([]);
    let bus = project(&foreign.url, "", &arsip).start().await;
    for n in 1..200 {
        foreign.publish(format!("{{\"n\":{n}}}")).await;
    }
    received(&bus, 200).await;
    let mut numbers: Vec<_> = arsip.bodies().iter().map(|it| it["n"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    assert!(arsip.header("simpul-possible-duplicate").iter().all(|it| it == "-"));
    bus.stop().await;
    // With nobody connected, whatever was not acknowledged would stand there again.
    until("the queue is given back", async || {
        foreign.admin.counts(QUEUE).await.unwrap().is_some_and(|it| it.consumers == 0)
    })
    .await;
    assert_eq!(foreign.ready(QUEUE).await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_and_headers_can_be_used_in_a_route() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    let arsip = Scripted::new([]);
    let project = project(&foreign.url, "", &arsip);
    let map = "    map: { jenis: \"=header('type')\", satker: \"=header('x-satker')\", \
               induk: \"=header('correlation-id')\", palsu: \"=header('simpul-client')\" }\n";
    project.write("routes/uji.yaml", &(route("uji", "absensi.koreksi") + map));
    let bus = project.start().await;
    let headers = [("X-Satker", "13.01"), ("simpul-client", "palsu")];
    let properties = Properties {
        kind: Some("koreksi".to_owned()),
        correlation_id: Some("SPD-1".to_owned()),
        headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        ..Properties::default()
    };
    foreign.publish_with(properties, "{}").await;
    received(&bus, 1).await;
    let expected = json!({ "jenis": "koreksi", "satker": "13.01", "induk": "SPD-1",
        "palsu": "absensi.koreksi/amqp" });
    assert_eq!(arsip.bodies(), [expected]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_messages_become_dead_letters_and_the_queue_goes_on() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    let arsip = Scripted::new([]);
    let project = project(&foreign.url, ", schema: schemas/koreksi.schema.json", &arsip);
    let schema = r#"{"type":"object","required":["nip"]}"#;
    project.write("schemas/koreksi.schema.json", schema);
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    let large = format!("{{\"nip\":\"{}\"}}", "9".repeat(1 << 20));
    foreign.publish("bukan json").await;
    foreign.publish(&b"{\"nip\":\"\xff\xfe\"}"[..]).await;
    foreign.publish("").await;
    foreign.publish(deep).await;
    foreign.publish(large.clone()).await;
    foreign.publish(r#"{"nama":"rahasia"}"#).await;
    foreign.publish(r#"{"nip":"1","nip":"2"}"#).await;
    foreign.publish(r#"{"nip":"7"}"#).await;
    let bus = project.start().await;
    received(&bus, 8).await;
    assert_eq!(arsip.bodies(), [json!({ "nip": "7" })]);
    insta::assert_snapshot!(reasons(&bus).await.join("\n"), @r"
    body: 1048586 bytes are more than `limits: body` allows, which is 1048576
    body: an object has one key twice at line 1, column 12
    body: nested deeper than 64 levels at line 1, column 65
    body: not JSON: expected a value at line 1, column 1
    body: not JSON: expected a value at line 1, column 1
    body: not UTF-8 at line 1, column 9
    from absensi.koreksi: schema: `the body` must have `nip`
    ");
    until("the queue is empty", async || foreign.ready(QUEUE).await == Some(0)).await;

    // What came is kept as it came, and can be sent on.
    let dead = bus.dead().await;
    let large_one = dead.iter().find(|it| it.cause.reason.contains("limits")).unwrap();
    let filter = simpul::ledger::DeadFilter { ids: vec![large_one.id], ..Default::default() };
    assert_eq!(bus.engine.replay(&filter, "operator").await.unwrap().count, 1);
    bus.settled().await;
    assert_eq!(arsip.calls()[1].body, large.as_bytes());
    let tally = bus.status().await.tally;
    assert_eq!((tally.received, tally.routed, tally.dead), (8, 2, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_id_is_believed_only_where_the_file_says_so() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    foreign.declare("absensi.lain").await;
    let arsip = Scripted::new([]);
    let project = project(&foreign.url, ", trust: [message-id]", &arsip);
    let bus = project.start().await;
    foreign.publish_with(id("1"), r#"{"n":1}"#).await;
    foreign.publish_with(id("1"), r#"{"n":1}"#).await;
    foreign.publish_with(id("1"), r#"{"n":2}"#).await;
    foreign.publish_with(id("2"), r#"{"n":1}"#).await;
    received(&bus, 3).await;
    assert_eq!(arsip.bodies(), [json!({ "n": 1 }), json!({ "n": 1 })]);
    assert_eq!(reasons(&bus).await, ["body: its message id was used for another body"]);

    bus.project().write("connectors/absensi.yaml", &system(&foreign.url, ""));
    bus.reload().await;
    foreign.publish_with(id("1"), r#"{"n":1}"#).await;
    received(&bus, 4).await;
    assert_eq!(arsip.bodies().len(), 3, "without trust two messages are two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_two_routes_read_goes_to_both() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    let arsip = Scripted::new([]);
    let project = project(&foreign.url, "", &arsip);
    project.write("routes/kedua.yaml", &route("kedua", "absensi.koreksi"));
    let _bus = project.start().await;
    for n in 0..20 {
        foreign.publish(format!("{{\"n\":{n}}}")).await;
    }
    until("both have all", async || arsip.calls().len() == 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_missing_is_waited_for_unless_it_is_to_be_declared() {
    let Some(foreign) = Foreign::new().await else { return };
    let arsip = Scripted::new([]);
    let bus = project(&foreign.url, "", &arsip).start().await;
    until("it is told", async || {
        let metrics = bus.metrics().encode();
        metrics.contains("simpul_source_connected{source=\"absensi.koreksi\"} 0")
    })
    .await;
    assert_eq!(foreign.ready(QUEUE).await, None, "it is not declared by simpul");
    foreign.declare(QUEUE).await;
    foreign.publish(r#"{"n":1}"#).await;
    received(&bus, 1).await;
    until("it is told", async || {
        let metrics = bus.metrics().encode();
        metrics.contains("simpul_source_connected{source=\"absensi.koreksi\"} 1")
    })
    .await;
    bus.stop().await;

    let Some(foreign) = Foreign::new().await else { return };
    let bus = project(&foreign.url, ", declare: quorum", &arsip).start().await;
    until("it is declared", async || foreign.ready(QUEUE).await.is_some()).await;
    foreign.publish(r#"{"n":2}"#).await;
    received(&bus, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_while_messages_come_lose_and_repeat_nothing() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    let arsip = Scripted::new([]);
    let bus = project(&foreign.url, "", &arsip).start().await;
    for n in 0..300_u32 {
        foreign.publish(format!("{{\"n\":{n}}}")).await;
        if n % 60 == 30 {
            let other = system(&foreign.url, &format!(", prefetch: {}", n + 1));
            bus.project().write("connectors/absensi.yaml", &other);
            bus.reload().await;
        }
    }
    received(&bus, 300).await;
    let mut numbers: Vec<_> = arsip.bodies().iter().map(|it| it["n"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());

    // A source that no route reads any more is left alone.
    bus.project().write("routes/uji.yaml", &route("uji", "asal.data"));
    bus.reload().await;
    foreign.publish("{}").await;
    let free = async || {
        let counts = foreign.admin.counts(QUEUE).await.unwrap();
        counts.is_some_and(|it| it.consumers == 0 && it.ready == 1)
    };
    until("the queue is given back", free).await;
    let metrics = bus.metrics().encode();
    assert!(!metrics.contains("simpul_source_connected{"), "{metrics}");
}
