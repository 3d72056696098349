//! Bodies where messages wait at a RabbitMQ, and several gateways share a store.

use std::sync::Arc;

use simpul::store::{Options, Store};

use super::{CANARY, arsip_0, bodies, letter, route, sent};
use crate::support::{
    bus::{Bus, Project},
    postgres::database,
    rabbit::Rabbit,
    scripted::Scripted,
};

/// Whether the canary stands in any column of these tables.
async fn is_shown(store: &Store, tables: &[&'static str]) -> bool {
    let answers = store.query(tables.iter().map(|sql| (*sql, vec![])).collect()).await.unwrap();
    answers.concat().iter().any(|row| {
        row.blob(0).windows(CANARY.len()).any(|it| it == CANARY.as_bytes())
            || row.text(1).contains(CANARY)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_kept_and_sealed_on_rabbitmq_and_a_store_in_postgresql() {
    let (Some(rabbit), Some(database)) = (Rabbit::shared(), database().await) else { return };
    let address = rabbit.vhost();
    let arsip = Scripted::new([]);
    let start = async |bodies: &str| -> (Bus, Store) {
        let store = Store::connect(&database, Options::default()).await.unwrap();
        let project = Project::of(&route(bodies), &[("arsip", Arc::clone(&arsip))]);
        (project.start_on_rabbitmq(&address, Some(store.clone())).await, store)
    };
    const TABLES: &[&str] = &[
        "SELECT body, headers FROM kept",
        "SELECT sealed, route FROM body WHERE sealed IS NOT NULL",
    ];
    let (one, store) = start("bodies: full\n").await;
    let (other, _) = start("bodies: full\n").await;
    arsip.hold();
    let id = one.publish(letter("1")).await.id;
    one.until("the delivery", |it| it.tally.routed == 1).await;
    assert!(!is_shown(&store, TABLES).await);
    arsip.release();
    one.until("the outcome", |it| it.targets[0].tally.delivered == 1).await;
    // Whichever of them routed it, either can open it.
    let expected = [(None, letter("1")), (arsip_0(), sent("1"))];
    assert_eq!(bodies(&one, id).await, expected);
    assert_eq!(bodies(&other, id).await, expected);
    assert!(arsip.bodies().iter().all(|it| *it == sent("1")));
    for bus in [one, other] {
        bus.stop().await;
    }
}
