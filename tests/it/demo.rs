//! The demonstration is the first thing a newcomer runs: its figures are exact, with made-up
//! documents and with the real ones, while everything goes well and while it does not, and wherever
//! its messages wait.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::{Value, json};
use simpul::amqp::{
    Address, Admin, Argument, Link, Properties, Publication, Publisher, QueueSpec, Tls,
};

use crate::support::rabbit::Rabbit;

#[test]
fn every_made_up_document_is_accounted_for() {
    let told = demo(&["--fast", "--count", "300", "--seed", "7"]);

    assert_eq!(told["lost"], 0);
    let results = &told["routes"]["hasil-tps"];
    let number = |key: &str| results[key].as_u64().unwrap();
    let delivered = |target: &str| results["targets"][target]["delivered"].as_u64().unwrap();
    assert_eq!((number("received"), number("repeats"), number("dead")), (315, 15, 0));
    assert_eq!(delivered("bawaslu.salinan-hasil"), 300 - number("filtered"));
    assert_eq!(delivered("tabulasi.hitung"), delivered("ppid.umumkan-hasil"));
    assert!(delivered("tabulasi.hitung") < delivered("arsip.simpan-hasil"), "{results}");
    let received = ["hasil-tps", "sppd-terbit", "sk-mutasi"].map(|it| &told["routes"][it]);
    let received = received.map(|it| it["received"].as_u64().unwrap());
    assert_eq!(told["published"].as_u64().unwrap(), received.iter().sum::<u64>());
}

#[test]
fn the_real_results_give_the_known_figures_through_every_trouble() {
    let Some(folder) = real_results() else { return };
    assert_known(&demo(&["--data", &folder.display().to_string()]));
}

#[test]
fn the_real_results_give_the_known_figures_on_rabbitmq_too() {
    let (Some(folder), Some(rabbit)) = (real_results(), Rabbit::shared()) else { return };
    let folder = folder.display().to_string();
    assert_known(&demo(&["--data", &folder, "--broker", &rabbit.vhost()]));
}

/// What is known of the real results, whatever the messages wait in.
fn assert_known(told: &Value) {
    assert_eq!(told["lost"], 0);
    let results = &told["routes"]["hasil-tps"];
    let four = ["received", "repeats", "filtered", "dead"].map(|it| results[it].clone());
    assert_eq!(four, [json!(1_053), json!(53), json!(421), json!(0)]);
    let delivered = |target: &str| results["targets"][target]["delivered"].clone();
    assert_eq!(delivered("bawaslu.salinan-hasil"), 579);
    assert_eq!(delivered("arsip.simpan-hasil"), 579);
    assert_eq!(delivered("ppid.umumkan-hasil"), 278);
    assert_eq!(delivered("tabulasi.hitung"), 278);
    assert_eq!(
        results["checks"],
        json!({ "R1": 28, "R2": 7, "R3": 34, "R4": 6, "R5": 20, "R6": 3, "R7": 4, "R8": 2 })
    );

    // The troubles: one decree stays dead with its reason; the outage cost calls, not results;
    // of the wrongly mapped orders and of those behind the wrong password, none is missing.
    assert_eq!(told["routes"]["sk-mutasi"]["dead"], 1);
    let calls = results["targets"]["tabulasi.hitung"]["attempts"].as_u64().unwrap();
    assert!(278 + 5 <= calls, "`tabulasi` was down: {calls} calls");
    let orders = &told["routes"]["sppd-terbit"];
    let agenda = &orders["targets"]["e-agenda.catat"];
    assert_eq!((&orders["dead"], &agenda["dead"]), (&json!(0), &json!(0)));
    assert!(12 + 20 <= agenda["delivered"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_on_rabbitmq_has_the_figures_of_one_without_and_leaves_no_queue() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let address = rabbit.vhost();
    let arguments = ["--count", "200", "--seed", "11"];
    let there = {
        let broker = address.clone();
        tokio::task::spawn_blocking(move || {
            demo(&[arguments.as_slice(), &["--broker", &broker]].concat())
        })
    };
    let mut here = tokio::task::spawn_blocking(move || demo(&arguments)).await.unwrap();
    let mut there = there.await.unwrap();
    // How often a system in trouble was called is a matter of moments.
    forget_attempts(&mut here);
    forget_attempts(&mut there);
    assert_eq!(here, there);

    let admin = admin(&address).await;
    for queue in ["simpul.route.sk-mutasi", "simpul-demo.simpeg.sk", "simpul.dead"] {
        assert_eq!(admin.counts(queue).await.unwrap(), None, "{queue}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_touches_no_queue_that_somebody_uses() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let address = rabbit.vhost();
    let admin = admin(&address).await;
    let name = "simpul.route.sk-mutasi".to_owned();
    let arguments = vec![("x-queue-type", Argument::Text("quorum".to_owned()))];
    admin.declare(&QueueSpec { name: name.clone(), arguments }).await.unwrap();
    let link = Link::open(Address::parse(&address).unwrap(), "test", Tls::default());
    assert!(link.connected().await);
    let (exchange, body) = (String::new(), "milik orang lain".into());
    let publication = Publication {
        exchange,
        routing_key: name.clone(),
        properties: Properties { persistent: true, ..Properties::default() },
        body,
    };
    let published = Publisher::open(&link).publish_all(vec![publication]).await;
    assert_eq!(published, [Ok(())]);

    let output = simpul_demo(&["--fast", "--broker", &address]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("queue `simpul.route.sk-mutasi`"), "{told}");
    assert!(told.contains("1 messages"), "{told}");
    assert!(!told.contains("simpul:simpul"), "no password: {told}");
    assert_eq!(admin.counts(&name).await.unwrap().map(|it| it.ready), Some(1));
    assert_eq!(admin.counts("simpul-demo.simpeg.sk").await.unwrap(), None);
}

#[test]
fn a_demo_without_its_rabbitmq_says_so_at_once() {
    // Port 1 of this machine: nobody listens there.
    let output = simpul_demo(&["--broker", "amqp://simpul:rahasia@127.0.0.1:1/x"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("RabbitMQ at 127.0.0.1:1: not connected"), "{told}");
    assert!(!told.contains("rahasia"), "{told}");
}

async fn admin(address: &str) -> Admin {
    let link = Link::open(Address::parse(address).unwrap(), "test", Tls::default());
    assert!(link.connected().await);
    Admin::new(&link)
}

fn forget_attempts(told: &mut Value) {
    for route in told["routes"].as_object_mut().unwrap().values_mut() {
        for target in route["targets"].as_object_mut().unwrap().values_mut() {
            target["attempts"].take();
        }
    }
}

/// Runs the demonstration; it must be content with itself. Returns its JSON object.
fn demo(arguments: &[&str]) -> Value {
    let output = simpul_demo(arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}\n{told}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn simpul_demo(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simpul"));
    command.args(["demo", "--format", "json"]).args(arguments).output().unwrap()
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn real_results() -> Option<PathBuf> {
    let shared = std::env::var_os("SIMPUL_SHARED").unwrap_or_else(|| "../shared".into());
    let folder = PathBuf::from(shared).join("data/sirekap-2024-ppwp-tps");
    if !folder.exists() {
        eprintln!("skipped: no {}", folder.display());
        return None;
    }
    Some(folder)
}
