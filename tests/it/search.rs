//! "Where is the letter?": messages are found by the values that their route names.

use serde_json::{Value, json};
use simpul::{
    engine::Found,
    journal::Wanted,
    ledger::Fate,
    message::MessageId,
    store::{Options, Store},
};

use crate::{
    command_line::simpul_on,
    support::{
        bus::{Bus, Project},
        postgres::database,
        rabbit::Rabbit,
        scripted::Scripted,
    },
};

const ROUTE: &str = "\
search: { nomor: $.nomor, peserta: '$.peserta[*].nip' }
steps:
  - filter: $.status == 'TERBIT'
to:
  - target: arsip.terima
    map: { nomor: $.nomor, total: $.total }
";

async fn found(bus: &Bus, text: &str) -> Found {
    let wanted = Wanted { text: text.to_owned(), begins: false, below: None };
    bus.engine.find(&wanted).await.unwrap()
}

/// The messages that are found, each with its fate.
async fn fates(bus: &Bus, text: &str) -> Vec<(MessageId, Option<Fate>)> {
    let found = found(bus, text).await;
    found.messages.iter().map(|it| (it.id, it.fares[0].fate)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_is_found_by_its_number_whatever_became_of_it() {
    let bus = Bus::start(ROUTE, &[("arsip", Scripted::new([]))]).await;
    let letter =
        |nomor: &str, status: &str| json!({ "nomor": nomor, "status": status, "total": 1 });
    let sent = bus.publish(letter("090/TU.01/13/2026", "TERBIT")).await.id;
    let dropped = bus.publish(letter("091/TU.01/13/2026", "DRAF")).await.id;
    // Nothing for `total`, which the map needs.
    let dead = bus.publish(json!({ "nomor": "092/TU.01/13/2026", "status": "TERBIT" })).await.id;
    // The same number once more.
    let again = bus.publish(letter("090/TU.01/13/2026", "DRAF")).await.id;
    bus.settled().await;
    let bus = bus.stop().await.0.start().await;

    let (routed, filtered) = (Some(Fate::Routed), Some(Fate::Filtered));
    assert_eq!(fates(&bus, "090/tu.01/13/2026").await, [(again, filtered), (sent, routed)]);
    assert_eq!(fates(&bus, " 091/TU.01/13/2026 ").await, [(dropped, filtered)]);
    let [(id, fate)] = fates(&bus, "092/TU.01/13/2026").await[..] else { panic!("not found") };
    assert_eq!((id, fate.is_some()), (dead, true));
    assert_eq!(found(&bus, "093/TU.01/13/2026").await, Found::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_found_by_each_value_of_a_list_and_by_numbers() {
    let bus = Bus::start(ROUTE, &[("arsip", Scripted::new([]))]).await;
    let peserta = json!([{ "nip": 7 }, { "nip": "8" }, { "nip": null }, { "nip": [9] }]);
    let body = json!({ "nomor": 12.50, "status": "TERBIT", "total": 1, "peserta": peserta });
    let id = bus.publish(body).await.id;
    bus.settled().await;
    for (text, is_found) in [("7", true), ("8", true), ("9", false), ("12.5", true)] {
        let found = fates(&bus, text).await;
        assert_eq!(found.iter().any(|it| it.0 == id), is_found, "{text}");
    }
}

/// A project whose source's schema marks the NIP.
fn about_people(route: &str) -> Project {
    let nip = json!({ "type": "string", "x-data-pribadi": "umum" });
    of_schema(&json!({ "type": "object", "properties": { "nip": nip } }), route)
}

/// A project whose source has this schema.
fn of_schema(schema: &Value, route: &str) -> Project {
    let project = Project::of(route, &[("arsip", Scripted::new([]))]);
    project.write("schemas/pegawai.schema.json", &schema.to_string());
    let system = std::fs::read_to_string(project.path().join("connectors/asal.yaml")).unwrap();
    let with = "data: { schema: schemas/pegawai.schema.json,";
    project.write("connectors/asal.yaml", &system.replace("data: {", with));
    project
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_about_a_person_is_found_and_stands_in_no_row_of_the_search() {
    const NIP: &str = "199001012015031001";
    let route = "search: { nip: $.nip | upper, nomor: $.nomor }\nto:\n  - target: arsip.terima\n";
    let bus = about_people(route).start().await;
    let id = bus.publish(json!({ "nip": NIP, "nomor": "800/12" })).await.id;
    bus.settled().await;
    for text in [NIP, "800/12"] {
        assert_eq!(fates(&bus, text).await.iter().map(|it| it.0).collect::<Vec<_>>(), [id]);
    }
    let project = bus.stop().await.0;
    let rows = project.open().await.query(vec![("SELECT value FROM search", vec![])]).await;
    let values: Vec<_> = rows.unwrap().concat().iter().map(|it| it.blob(0)).collect();
    assert_eq!(values.len(), 2);
    let holds = |text: &str| {
        values.iter().any(|it| it.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    assert!(holds("800/12") && !holds(&NIP[..6]), "{values:?}");
}

#[test]
fn a_search_for_what_is_about_a_person_needs_a_key() {
    let project = about_people("search: { nip: $.nip }\nto:\n  - target: arsip.terima\n");
    let said = simpul_on(project.path(), &["check"]).out;
    let error = said.find("error[").map_or("", |at| &said[at..]);
    insta::assert_snapshot!(error, @r"
    error[S013]: `nip` is about a person, and there is no key to hide it
     --> routes/uji.yaml:5:16
      |
    5 | search: { nip: $.nip }
      |                ^^^^^ only a keyed digest of it is stored
      = help: write `hash_key: ${env:HASH_KEY}` into simpul.yaml; `openssl rand -hex 16` makes one

    1 mistake, 4 warnings: the files cannot be used
    ");
}

#[test]
fn wherever_a_schema_says_that_a_field_is_about_a_person_it_counts() {
    let nip = json!({ "properties": { "nip": { "x-data-pribadi": "umum" } } });
    let nested = json!({ "$defs": { "orang": {
        "type": "object",
        "properties": { "nip": { "x-data-pribadi": "umum" }, "atasan": { "$ref": "#/$defs/orang" } }
    } }, "$ref": "#/$defs/orang" });
    let draft_7 = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": { "teks": { "type": "string" } },
        "properties": { "nip": { "$ref": "#/definitions/teks", "x-data-pribadi": "umum" } }
    });
    let moved = json!({
        "$defs": { "a": { "$id": "urn:a", "type": "object" }, "orang": nip },
        "properties": { "orang": { "$ref": "#/$defs/orang" } }
    });
    let schemas = [
        (json!({ "anyOf": [nip, {}] }), "$.nip"),
        (json!({ "oneOf": [nip, { "type": "array" }] }), "$.nip"),
        (json!({ "if": { "required": ["nip"] }, "then": nip }), "$.nip"),
        (json!({ "patternProperties": { "^n": { "x-data-pribadi": "spesifik" } } }), "$.nip"),
        (json!({ "properties": { "orang": { "prefixItems": [nip] } } }), "$.orang[0].nip"),
        (json!({ "allOf": [nip] }), "$.nip | trim"),
        (json!({ "additionalProperties": nip }), "$.siapa.nip"),
        (nested, "$.atasan.atasan.nip"),
        (draft_7, "$.nip"),
        (moved, "$.orang.nip"),
    ];
    for (schema, path) in schemas {
        let route = format!("search: {{ nip: '{path}' }}\nto:\n  - target: arsip.terima\n");
        let said = simpul_on(of_schema(&schema, &route).path(), &["check"]).out;
        assert!(said.contains("`nip` is about a person"), "{schema}: {path}\n{said}");
    }
}

#[test]
fn what_no_schema_marks_is_not_about_a_person() {
    let other = json!({ "x-data-pribadi": false, "type": "string" });
    let nip = json!({ "type": "string", "x-data-pribadi": "umum" });
    let schema =
        json!({ "type": "object", "properties": { "nomor": other, "nip": nip, "satker": {} } });
    for expression in ["$.nomor", "$.satker", "$.nip | hash"] {
        let route = format!("search: {{ n: '{expression}' }}\nto:\n  - target: arsip.terima\n");
        let said = simpul_on(of_schema(&schema, &route).path(), &["check"]).out;
        assert!(!said.contains("is about a person"), "{expression}\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_finds_letters_with_and_without_a_bus() {
    let bus = Bus::start(ROUTE, &[("arsip", Scripted::new([]))]).await;
    for nomor in ["090/TU.01/13/2026", "091/TU.01/13/2026", "091/TU.01/13/2026"] {
        bus.publish(json!({ "nomor": nomor, "status": "DRAF" })).await;
    }
    bus.settled().await;
    let project = bus.stop().await.0;
    let said = |arguments: &[&str]| simpul_on(project.path(), arguments);

    let one = said(&["trace", "090/TU.01/13/2026"]);
    assert_eq!(one.code, 0, "{}", one.err);
    assert!(one.out.starts_with("message ") && one.out.contains("uji: filtered"), "{}", one.out);

    let two = said(&["trace", "091/tu.01/13/2026"]);
    assert_eq!(two.code, 0, "{}", two.err);
    assert_eq!(two.out.matches("uji (nomor): filtered").count(), 2, "{}", two.out);

    let all = said(&["trace", "--begins", "09"]);
    assert_eq!(all.out.matches("uji (nomor): filtered").count(), 3, "{}", all.out);

    let none = said(&["trace", "090"]);
    assert_eq!((none.code, &*none.out), (1, ""));
    assert!(none.err.contains("nothing is found by `090`"), "{}", none.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_on_one_store_find_what_any_of_them_routed() {
    let (Some(rabbit), Some(database)) = (Rabbit::shared(), database().await) else { return };
    let address = rabbit.vhost();
    let start = async || {
        let store = Store::connect(&database, Options::default()).await.unwrap();
        let project = Project::of(ROUTE, &[("arsip", Scripted::new([]))]);
        project.start_on_rabbitmq(&address, Some(store)).await
    };
    let (one, other) = (start().await, start().await);
    let id = one.publish(json!({ "nomor": "090/TU", "status": "DRAF" })).await.id;
    one.until("the filter", |it| it.tally.filtered == 1).await;
    assert_eq!(fates(&other, "090/tu").await, [(id, Some(Fate::Filtered))]);
    let wanted = Wanted { text: "090".to_owned(), begins: true, below: None };
    assert_eq!(other.engine.find(&wanted).await.unwrap().messages.len(), 1);
    for bus in [one, other] {
        bus.stop().await;
    }
}
