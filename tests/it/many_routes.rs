//! What a set of files needs of a RabbitMQ, as `check` tells it and as it is when the bus has
//! started: with few routes and with five hundred.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use simpul::amqp::{Address, Admin, Link, Tls};

use crate::{
    command_line::simpul_on,
    support::{
        process::{self, Process, until},
        rabbit::Rabbit,
    },
};

/// The promise is a minute on a machine of its own; here a whole test run goes on beside it.
const START_MAX: Duration = Duration::from_secs(60);

#[test]
fn check_tells_how_many_queues_there_will_be_and_which_store_goes_with_them() {
    let project = project(2, "amqps://simpul:rahasia@mq.kpu.example/bus", "./data");
    let said = simpul_on(project.path(), &["check"]);
    assert_eq!(said.code, 0, "{}", said.err);
    insta::assert_snapshot!(said.out.trim_end(), @r"
    2 routes, 2 sources, 2 targets: no mistakes, 0 warnings
    RabbitMQ at mq.kpu.example:5671: 20 queues (2 of routes, 10 of deliveries, 8 that all share)
    store in a directory: for one gateway on this RabbitMQ. Several need one store,
    `store: postgres://…`, to agree on
      what was delivered, paused, given up   every route
      repeats (`identity`)                   r001
      the order of a key (`order_by`)        r000
      calls tried again (`Idempotency-Key`)  asal.r000, asal.r001
    ");

    let said = simpul_on(project.path(), &["check", "--format", "json"]);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    let needs = &told["rabbitmq"];
    assert_eq!(needs["address"], "mq.kpu.example:5671");
    assert_eq!(needs["store_is_shared"], false);
    let sharing = json!({ "identity": ["r001"], "order_by": ["r000"],
        "idempotency_keys": ["asal.r000", "asal.r001"] });
    assert_eq!(needs["sharing"], sharing);
    let queues = needs["queues"].as_array().unwrap();
    let queues: Vec<_> = queues.iter().map(|it| it.as_str().unwrap()).collect();
    insta::assert_snapshot!(queues.join("\n"), @r"
    simpul.dead
    simpul.delay.2h
    simpul.delay.30m
    simpul.delay.30s
    simpul.delay.5m
    simpul.delay.5s
    simpul.delay.6h
    simpul.deliver.r000.arsip.catat.s00
    simpul.deliver.r000.arsip.catat.s01
    simpul.deliver.r000.arsip.catat.s02
    simpul.deliver.r000.arsip.catat.s03
    simpul.deliver.r000.arsip.simpan.s00
    simpul.deliver.r000.arsip.simpan.s01
    simpul.deliver.r000.arsip.simpan.s02
    simpul.deliver.r000.arsip.simpan.s03
    simpul.deliver.r001.arsip.catat
    simpul.deliver.r001.arsip.simpan
    simpul.route.r000
    simpul.route.r001
    simpul.store
    ");
}

#[test]
fn check_of_several_gateways_has_nothing_to_warn_of() {
    let store = "postgres://simpul:rahasia@db.kpu.example/simpul";
    let project = project(1, "amqps://simpul:rahasia@mq.kpu.example/bus", store);
    let said = simpul_on(project.path(), &["check"]);
    assert_eq!(said.code, 0, "{}", said.err);
    insta::assert_snapshot!(said.out.trim_end(), @r"
    1 route, 1 source, 2 targets: no mistakes, 0 warnings
    RabbitMQ at mq.kpu.example:5671: 17 queues (1 of routes, 8 of deliveries, 8 that all share)
    store in PostgreSQL: any number of gateways can share it
    ");
}

#[test]
fn check_says_nothing_of_queues_where_messages_wait_in_the_store() {
    let project = project(1, "embedded", "./data");
    let said = simpul_on(project.path(), &["check", "--format", "json"]);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&told["usable"], told.get("rabbitmq")), (&json!(true), None));
    assert_eq!(simpul_on(project.path(), &["check"]).out.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_routes_with_two_targets_each_start_within_a_minute() {
    const ROUTES: usize = 500;
    let Some(rabbit) = Rabbit::start() else { return };
    let address = rabbit.vhost();
    let project = project(ROUTES, &address, "./data");
    let said = simpul_on(project.path(), &["check", "--format", "json"]);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    let queues = told["rabbitmq"]["queues"].as_array().unwrap();
    let queues: Vec<_> = queues.iter().map(|it| it.as_str().unwrap()).collect();
    assert_eq!(queues.len(), ROUTES * 3 + 6 + 8, "two deliveries have four shards each");

    let started = Instant::now();
    let bus = Process::start(project.path());
    send(&bus, &format!("r{:03}", ROUTES - 1)).await;
    let arrived = async |file: &'static str| {
        let text = fs::read_to_string(project.path().join("keluar").join(file));
        text.is_ok_and(|it| it.contains(r#"{"nomor":1}"#))
    };
    until("the delivery to the archive", || arrived("arsip.ndjson")).await;
    until("the delivery to the agenda", || arrived("agenda.ndjson")).await;

    let link = Link::open(Address::parse(&address).unwrap(), "test", Tls::default());
    assert!(link.connected().await);
    let admin = Admin::new(&link);
    for queue in queues.iter().filter(|it| !is_shared(it)) {
        let consumed = async || {
            let counts = admin.counts(queue).await.unwrap();
            counts.is_some_and(|it| it.consumers == 1)
        };
        until(&format!("`{queue}` to be consumed"), consumed).await;
    }
    let took = started.elapsed();
    assert!(took < START_MAX, "{took:?}");
    #[expect(clippy::print_stderr, reason = "a figure worth reading in the log of a run")]
    {
        eprintln!("{ROUTES} routes, {} queues: {took:?} until all are consumed", queues.len());
    }
}

/// Used by all routes, and consumed by nobody.
fn is_shared(queue: &str) -> bool {
    ["simpul.dead", "simpul.store"].contains(&queue) || queue.starts_with("simpul.delay.")
}

/// Hands a message to a source, as soon as the bus takes it.
async fn send(bus: &Process, source: &str) {
    let url = format!("http://{}/v1/asal/{source}", bus.listen);
    let client = process::client();
    let taken = async || {
        let call = client.post(&url).header("authorization", "Bearer kunci");
        let call = call.header("content-type", "application/json").body(r#"{"nomor":1}"#);
        call.send().await.is_ok_and(|it| it.status() == 202)
    };
    until("the message to be taken", taken).await;
}

/// As many routes, each with a source of its own and two targets. The first keeps an order.
fn project(routes: usize, broker: &str, store: &str) -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("secrets/broker", broker);
    write("secrets/store", store);
    write(
        "simpul.yaml",
        "listen: 127.0.0.1:0\nops: 127.0.0.1:0\nbroker: ${file:secrets/broker}\n\
         store: ${file:secrets/store}\n",
    );
    let head = |name: &str| {
        format!(
            "system: {name}\nname: Uji\nowner: {{ unit: Uji, contact: uji@kpu.example }}\n\
             classification: biasa\n"
        )
    };
    let names: Vec<_> = (0..routes).map(|it| format!("r{it:03}")).collect();
    let key = format!("      api_keys: {{ uji: \"sha256:{}\" }}\n", process::sha256("kunci"));
    let sources: String = names.iter().map(|name| format!("    {name}:\n{key}")).collect();
    write("connectors/asal.yaml", &format!("{}http:\n  sources:\n{sources}", head("asal")));
    let files = "files:\n  path: keluar\n  targets:\n    simpan: { file: arsip.ndjson }\n    \
                 catat: { file: agenda.ndjson }\n";
    write("connectors/arsip.yaml", &(head("arsip") + files));
    for (number, name) in names.iter().enumerate() {
        let order = if number == 0 { "order_by: $.nomor\n" } else { "identity: $.nomor\n" };
        let text = format!(
            "route: {name}\nsummary: Uji.\nowner: Uji\nfrom: asal.{name}\n{order}to:\n  \
             - target: arsip.simpan\n  - target: arsip.catat\n"
        );
        write(&format!("routes/{name}.yaml"), &text);
    }
    project
}
