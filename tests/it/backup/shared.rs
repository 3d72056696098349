//! A store in a PostgreSQL, beside queues at a RabbitMQ: restored by its own tools, marked by hand.

use std::sync::Arc;

use serde_json::json;
use simpul::store::{Address, Options, Store};
use tokio_postgres::NoTls;

use super::{FLAG, replay_all};
use crate::support::{
    bus::Project,
    postgres::database_url,
    rabbit::Rabbit,
    scripted::{Scripted, refused},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_store_that_is_marked_flags_what_it_sends_again() {
    let (Some(url), Some(rabbit)) = (database_url().await, Rabbit::shared()) else { return };
    let broker = rabbit.vhost();
    let address = Address::parse(&url).unwrap();
    let open = async || Store::connect(&address, Options::default()).await.unwrap();
    let arsip = Scripted::new([refused()]);
    let route = "order_by: $.kunci\non_exhausted: dead_letter\nto:\n  - target: arsip.terima\n";
    let project = Project::of(route, &[("arsip", Arc::clone(&arsip))]);
    let bus = project.start_on_rabbitmq(&broker, Some(open().await)).await;
    bus.publish(json!({ "kunci": "a" })).await;
    bus.until("the letter", |it| it.targets[0].tally.dead == 1).await;
    let (project, _) = bus.stop().await;

    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    let mut driver = tokio::task::JoinSet::new();
    driver.spawn(connection);
    client.batch_execute(include_str!("../../../deploy/mark-restored.sql")).await.unwrap();

    let bus = project.start_on_rabbitmq(&broker, Some(open().await)).await;
    replay_all(&bus).await;
    bus.settled().await;
    for kunci in ["a", "b"] {
        bus.publish(json!({ "kunci": kunci })).await;
        bus.settled().await;
    }
    assert_eq!(arsip.header(FLAG), ["-", "true", "-", "-"]);
    let numbers: Vec<u64> =
        arsip.header("simpul-key-seq").iter().map(|it| it.parse().unwrap()).collect();
    assert_eq!(numbers, [1, 1, 1_000_002, 1_000_001]);
}
