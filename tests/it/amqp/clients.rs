//! Programs of other people, written as the documentation of their libraries shows.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use super::{Foreign, QUEUE, project, received};
use crate::support::scripted::Scripted;

/// As <https://www.rabbitmq.com/tutorials/tutorial-two-python> and pika's page on confirms.
const PIKA: &str = r#"
import json, sys
import pika

connection = pika.BlockingConnection(pika.URLParameters(sys.argv[1]))
channel = connection.channel()
channel.queue_declare(queue=sys.argv[2], durable=True)
channel.confirm_delivery()
for n in range(50):
    channel.basic_publish(
        exchange='',
        routing_key=sys.argv[2],
        body=json.dumps({'n': n, 'nama': 'Siti Nurhalizah'}),
        properties=pika.BasicProperties(
            content_type='application/json',
            delivery_mode=pika.DeliveryMode.Persistent,
            headers={'percobaan': 1, 'satker': '13.01', 'rinci': {'a': [1, True, None]}},
        ),
        mandatory=True,
    )
connection.close()
"#;

/// As <https://amqp-node.github.io/amqplib/> shows, with promises.
const AMQPLIB: &str = r"
const amqplib = require('amqplib');

(async () => {
  const [url, queue] = process.argv.slice(1);
  const conn = await amqplib.connect(url);
  const ch = await conn.createConfirmChannel();
  await ch.assertQueue(queue, { durable: true });
  for (let n = 0; n < 50; n++) {
    const body = Buffer.from(JSON.stringify({ n, nama: 'Siti Nurhalizah' }));
    ch.sendToQueue(queue, body, {
      persistent: true, contentType: 'application/json', timestamp: Date.now(),
      headers: { percobaan: 1, rinci: { a: [1, 2.5, true, null] } },
    });
  }
  await ch.waitForConfirms();
  await conn.close();
})();
";

/// Where the libraries are: once for all runs on a machine, or in `SIMPUL_TEST_CLIENTS`.
fn folder() -> PathBuf {
    let given = std::env::var_os("SIMPUL_TEST_CLIENTS").map(PathBuf::from);
    given.unwrap_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients"))
}

/// Says why a test did nothing; in CI that is a failure.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
fn skipped(why: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
    eprintln!("skipped: {why}");
}

fn done(command: &mut Command) -> bool {
    command.output().is_ok_and(|it| it.status.success())
}

/// Installs pika; where it is.
fn pika() -> Option<&'static PathBuf> {
    static PLACE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        let place = folder().join("pika");
        let install = ["-m", "pip", "install", "--quiet", "--target"];
        let mut pip = Command::new("python3");
        pip.args(install).arg(&place).arg("pika==1.3.2");
        (place.join("pika").is_dir() || done(&mut pip)).then_some(place)
    };
    PLACE.get_or_init(install).as_ref()
}

/// Installs amqplib; where it is.
fn amqplib() -> Option<&'static PathBuf> {
    static PLACE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        let place = folder().join("amqplib");
        std::fs::create_dir_all(&place).ok()?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
        npm.arg(&place).arg("amqplib@0.10.4");
        (place.join("node_modules/amqplib").is_dir() || done(&mut npm)).then_some(place)
    };
    PLACE.get_or_init(install).as_ref()
}

/// Runs a program against a running bus; what it published must arrive.
async fn publishes(program: impl FnOnce(&str) -> Output + Send + 'static) {
    let Some(foreign) = Foreign::new().await else { return };
    let arsip = Scripted::new([]);
    // The program declares the queue, so the bus waits for it.
    let bus = project(&foreign.url, "", &arsip).start().await;
    let url = foreign.url.clone();
    let output = tokio::task::spawn_blocking(move || program(&url)).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    received(&bus, 50).await;
    let mut numbers: Vec<_> = arsip.bodies().iter().map(|it| it["n"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).collect::<Vec<_>>());
    assert!(arsip.bodies().iter().all(|it| it["nama"] == "Siti Nurhalizah"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_pika_program_publishes_is_delivered() {
    let Some(place) = tokio::task::spawn_blocking(pika).await.unwrap() else {
        return skipped("pika cannot be installed with pip");
    };
    publishes(move |url| {
        let mut python = Command::new("python3");
        python.env("PYTHONPATH", place).args(["-c", PIKA, url, QUEUE]).output().unwrap()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_program_publishes_is_delivered() {
    let Some(place) = tokio::task::spawn_blocking(amqplib).await.unwrap() else {
        return skipped("amqplib cannot be installed with npm");
    };
    publishes(move |url| {
        let mut node = Command::new("node");
        node.current_dir(place).args(["-e", AMQPLIB, "--", url, QUEUE]);
        node.output().unwrap()
    })
    .await;
}
