//! What is kept of bodies: as the route wants it, for as long as it wants it, and so that a copy of the
//! disk shows nothing of it.

mod files;
mod gateways;
mod look;

use std::{fs, path::Path, sync::Arc};

use serde_json::{Value, json};
use simpul::{
    connector::Class,
    engine::{KeptBody, KnownBody},
    message::MessageId,
    store::Writes,
};

use crate::support::{
    bus::{Bus, Project},
    scripted::{Reply, Scripted},
};

/// What stands in bodies, and may stand nowhere on the disk.
const CANARY: &str = "KENARI-199001012015031001";

/// A body that has it.
fn letter(nomor: &str) -> Value {
    json!({ "nomor": nomor, "nip": CANARY, "total": 1 })
}

const TO: &str = "to:\n  - target: arsip.terima\n    map: { nomor: $.nomor, pegawai: $.nip }\n";

/// A route that says this of its bodies.
fn route(bodies: &str) -> String {
    format!("{bodies}{TO}")
}

/// A target whose path holds what stands in the body.
fn with_path(project: &Project) {
    let file = project.path().join("connectors/arsip.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("/terima", "\"/terima/${$.nip}\"")).unwrap();
}

/// The files in which the canary stands.
fn showing(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(showing(&path));
        } else if fs::read(&path).unwrap().windows(CANARY.len()).any(|it| it == CANARY.as_bytes()) {
            found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
    }
    found
}

/// The bodies of a message as JSON, each with the ordinal of its delivery; a digest as its length.
fn shown(bodies: &[KeptBody]) -> Vec<(Option<String>, Value)> {
    let one = |it: &KeptBody| {
        let delivery = it.delivery.as_ref().map(|(target, ordinal)| format!("{target} {ordinal}"));
        let body = match &it.known {
            KnownBody::Whole(body) => serde_json::from_slice(body).unwrap(),
            KnownBody::Digest(_, bytes) => json!(bytes),
            KnownBody::Sealed(unopened) => json!(unopened.to_string()),
            KnownBody::NotRead => json!("not read"),
        };
        (delivery, body)
    };
    bodies.iter().map(one).collect()
}

async fn bodies(bus: &Bus, id: MessageId) -> Vec<(Option<String>, Value)> {
    shown(&bus.engine.bodies(id).await.unwrap())
}

fn sent(nomor: &str) -> Value {
    json!({ "nomor": nomor, "pegawai": CANARY })
}

fn length(body: &Value) -> Value {
    json!(body.to_string().len())
}

/// The first delivery of a message.
fn arsip_0() -> Option<String> {
    Some("arsip.terima 0".to_owned())
}

/// Takes messages every way that there is: delivered, waiting for their target, dead on their way,
/// refused, and in the queue of their route.
async fn every_way(bodies: &str) -> (Project, Vec<String>) {
    let arsip = Scripted::new([Reply::Taken, Reply::Failed(Class::Refused, 422)]);
    let project = Project::of(&route(bodies), &[("arsip", Arc::clone(&arsip))]);
    with_path(&project);
    let bus = project.start().await;
    delivered_refused_and_bad(&bus).await;
    // More than what is routed where it arrives.
    bus.offer_many((0..100).map(|it| letter(&it.to_string()))).await;
    arsip.hold();
    bus.offer_many((0..100).map(|it| letter(&it.to_string()))).await;
    let folder = bus.project().path().to_owned();
    let mut found = showing(&folder);
    // As if the power failed.
    let project = bus.crash().await;
    found.extend(showing(&folder));
    arsip.release();
    let bus = project.start().await;
    bus.settled().await;
    assert_eq!(bus.status().await.targets[0].tally.delivered, 201);
    assert_eq!(bus.dead().await.len(), 2);
    let project = bus.stop().await.0;
    found.extend(showing(&folder));
    (project, found)
}

async fn delivered_refused_and_bad(bus: &Bus) {
    bus.publish(letter("1")).await;
    bus.settled().await;
    bus.publish(letter("2")).await;
    bus.until("the refusal", |it| it.targets[0].tally.dead == 1).await;
    bus.offer_text(b"{\"nip\":\"KENARI-199001012015031001\"").await;
    bus.until("the bad message", |it| it.tally.dead == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_disk_shows_no_body_of_a_route_that_seals_them() {
    // So that it is known that the looking finds something where there is something.
    let (_, found) = every_way("").await;
    assert!(found.iter().any(|it| it.starts_with("simpul.db")), "{found:?}");
    let (_, found) = every_way("bodies: full\n").await;
    assert_eq!(found, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_and_what_was_sent_is_kept_as_the_route_wants_it() {
    for (said, expected) in [
        ("", vec![]),
        ("bodies: none\n", vec![]),
        ("bodies: digest\n", vec![(None, length(&letter("1"))), (arsip_0(), length(&sent("1")))]),
        ("bodies: full\n", vec![(None, letter("1")), (arsip_0(), sent("1"))]),
    ] {
        let arsip = Scripted::new([]);
        let bus = Bus::start(&route(said), &[("arsip", Arc::clone(&arsip))]).await;
        let id = bus.publish(letter("1")).await.id;
        bus.settled().await;
        assert_eq!(bodies(&bus, id).await, expected, "{said}");
        assert_eq!(arsip.bodies(), [sent("1")]);
        let counts = bus.metrics().encode();
        let nothing = counts.contains("simpul_bodies_kept_bytes_total{route=\"uji\"} 0\n");
        assert_eq!(nothing, expected.is_empty(), "{said}");
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_replay_is_kept_beside_what_was_sent_before() {
    let arsip = Scripted::new([Reply::Failed(Class::Refused, 422)]);
    let bus = Bus::start(&route("bodies: full\n"), &[("arsip", Arc::clone(&arsip))]).await;
    let id = bus.publish(letter("1")).await.id;
    bus.until("the dead letter", |it| it.targets[0].tally.dead == 1).await;
    let letter_id = bus.dead().await[0].id;
    let dead = bus.dead_one(letter_id).await;
    assert_eq!(serde_json::from_slice::<Value>(&dead.sent.unwrap()).unwrap(), sent("1"));
    let corrected = "bodies: full\nto:\n  - target: arsip.terima\n    map: { no: $.nomor }\n";
    bus.project().route("uji", corrected);
    bus.reload().await;
    let preview = bus.engine.preview(letter_id).await.unwrap().unwrap().after.unwrap();
    assert_eq!(preview[0].1, "{\"no\":\"1\"}");
    let message = bus.engine.dead_message(letter_id).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&message.body).unwrap(), letter("1"));
    let filter = simpul::ledger::DeadFilter::default();
    assert_eq!(bus.engine.replay(&filter, "siti: diperbaiki").await.unwrap().count, 1);
    bus.settled().await;
    let expected = [(None, letter("1")), (arsip_0(), sent("1")), (arsip_0(), json!({ "no": "1" }))];
    assert_eq!(bodies(&bus, id).await, expected);
    assert_eq!(arsip.bodies().last(), Some(&json!({ "no": "1" })));
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_can_be_changed_and_one_that_is_missing_loses_nothing() {
    let arsip = Scripted::new([]);
    arsip.hold();
    let bus = Bus::start(&route("bodies: full\n"), &[("arsip", Arc::clone(&arsip))]).await;
    let id = bus.publish(letter("1")).await.id;
    bus.until("the delivery", |it| it.targets[0].waiting == 1).await;
    let project = bus.crash().await;
    // The old key is gone: what it sealed is given up, and kept.
    let bus = project.sealing_with(&["k2"]).start().await;
    arsip.release();
    bus.until("the dead letter", |it| it.targets[0].tally.dead == 1).await;
    let reason = bus.dead().await[0].cause.reason.clone();
    assert_eq!(reason, "the body is sealed with key `k1`, which `body_keys` does not name");
    let refused = json!("the body is sealed with key `k1`, which `body_keys` does not name");
    assert_eq!(bodies(&bus, id).await[0], (None, refused));
    let filter = simpul::ledger::DeadFilter::default();
    let failed = bus.engine.replay(&filter, "siti: coba").await.unwrap().failed;
    assert!(failed[0].1.contains("key `k1`"), "{failed:?}");
    // It is back, behind the new one: everything can be opened, and is sent.
    let bus = bus.stop().await.0.sealing_with(&["k2", "k1"]).start().await;
    assert_eq!(bodies(&bus, id).await[0], (None, letter("1")));
    assert_eq!(bus.engine.replay(&filter, "siti: kunci kembali").await.unwrap().count, 1);
    bus.settled().await;
    // Once when the bus died, and once now.
    assert_eq!(arsip.bodies(), [sent("1"), sent("1")]);
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_order_and_what_is_parked_is_sealed_too() {
    let arsip = Scripted::new([Reply::Failed(Class::Refused, 422)]);
    let said = format!("order_by: $.nip\nidentity: $.nomor\nbodies: full\n{TO}");
    let bus = Bus::start(&said, &[("arsip", Arc::clone(&arsip))]).await;
    for nomor in ["1", "2", "2", "3"] {
        bus.publish(letter(nomor)).await;
    }
    bus.until("the parking", |it| it.targets[0].parked == 2 && it.tally.repeats == 1).await;
    assert_eq!(showing(bus.project().path()), [""; 0]);
    let filter = simpul::ledger::DeadFilter::default();
    assert_eq!(bus.engine.replay(&filter, "siti: coba").await.unwrap().count, 1);
    bus.until("the deliveries", |it| it.targets[0].tally.delivered == 3).await;
    assert_eq!(arsip.bodies(), ["1", "1", "2", "3"].map(sent));
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_forgotten_when_their_time_is_over_and_the_journal_stays() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(&route("bodies: full\nretention: 1h\n"), &[("arsip", arsip)]).await;
    let id = bus.publish(letter("1")).await.id;
    bus.settled().await;
    let kept = bus.engine.bodies(id).await.unwrap();
    let hour = kept[0].until.as_millis() - kept[0].at.as_millis();
    assert_eq!(hour, 3_600_000);
    let project = bus.stop().await.0;
    let store = project.open().await;
    let mut writes = Writes::default();
    writes.push("UPDATE body SET until = 1 WHERE target = ''", vec![]);
    store.commit(writes).await.unwrap();
    drop(store);
    let bus = project.start().await;
    assert_eq!(bodies(&bus, id).await, [(arsip_0(), sent("1"))]);
    assert!(!bus.engine.trace(id).await.unwrap().unwrap().lines.is_empty());
    // The first that is done beside the messages is to forget, and the end waits for it.
    let store = bus.stop().await.0.open().await;
    let rows = store.query(vec![("SELECT count(*) FROM body", vec![])]).await.unwrap();
    assert_eq!(rows[0][0].int(0), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_tells_how_large_a_body_was_before_it_was_sealed() {
    for said in ["", "bodies: full\n"] {
        let arsip = Scripted::new([]);
        let bus = Bus::start(&route(said), &[("arsip", Arc::clone(&arsip))]).await;
        let id = bus.publish(letter("1")).await.id;
        bus.settled().await;
        let lines = bus.engine.trace(id).await.unwrap().unwrap().lines;
        let told: Vec<_> = lines.iter().filter_map(|it| it.event.bytes()).collect();
        let expected = [letter("1"), sent("1")].map(|it| it.to_string().len() as u64);
        assert_eq!(told, expected, "{said}");
        bus.stop().await;
    }
}
