//! A RabbitMQ behind `amqps://` is recognised by its certificate, and refused with a sentence.

use std::{io::Read as _, net::TcpListener, thread};

use rustls::{ServerConnection, Stream};
use serde_json::json;
use simpul::amqp::{Address, Link, LinkState, Tls};

use super::{Foreign, until};
use crate::support::{
    bus::{Bus, Project},
    rabbit::{AUTHORITY, Rabbit},
    scripted::Scripted,
    tls,
};

const ANOTHER_AUTHORITY: &str = include_str!("../http_target/tls/other.pem");
/// Whose certificate ended with the year 2020.
const OLD_AUTHORITY: &str = include_str!("tls/old-ca.pem");
const EXPIRED: &str = include_str!("tls/expired.pem");
const EXPIRED_KEY: &str = include_str!("tls/expired.key");

/// How a connection fares once it has tried.
async fn state(address: &str, authority: &str) -> LinkState {
    let tls = Tls { ca_pem: Some(authority.to_owned()) };
    let link = Link::open(Address::parse(address).unwrap(), "test", tls);
    let state = link.changed(&LinkState::Down(None)).await;
    link.close().await;
    state
}

async fn refusal(address: &str, authority: &str) -> String {
    match state(address, authority).await {
        LinkState::Down(Some(reason)) => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn rabbit() -> Option<&'static Rabbit> {
    tokio::task::spawn_blocking(Rabbit::shared).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_is_trusted_for_the_named_authority_and_its_name_and_for_nothing_else() {
    let Some(rabbit) = rabbit().await else { return };
    let plain = rabbit.vhost();
    let (right, wrong) = (rabbit.by_tls(&plain, "localhost"), rabbit.by_tls(&plain, "127.0.0.1"));
    assert_eq!(state(&right, AUTHORITY).await, LinkState::Up);
    assert_eq!(
        refusal(&right, ANOTHER_AUTHORITY).await,
        "the server's certificate is by an authority that is not trusted here: give the \
         authority's own as `ca` (`broker_ca` in simpul.yaml)"
    );
    let other_name = "the server's certificate is for another name than that of the address";
    assert_eq!(refusal(&wrong, AUTHORITY).await, other_name);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_expired_is_refused() {
    let config = tls::server(EXPIRED, EXPIRED_KEY);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut connection = ServerConnection::new(config).unwrap();
        // The client says goodbye here, before it says a word of AMQP.
        let _ = Stream::new(&mut connection, &mut tcp).read(&mut [0; 64]);
    });
    let address = format!("amqps://simpul:rahasia@localhost:{port}/");
    let reason = refusal(&address, OLD_AUTHORITY).await;
    assert_eq!(reason, "the server's certificate has expired");
}

/// A bus that sends to the queue `agenda.masuk` at `url`, trusting an authority.
async fn start(url: &str, authority: &str) -> Bus {
    let project = Project::of("to:\n  - target: agenda.terima\n", &[("arsip", Scripted::new([]))]);
    let pem = authority.trim_end().replace('\n', "\n    ");
    let text = format!(
        "system: agenda\nname: Agenda\namqp:\n  url: {url}\n  ca: |\n    {pem}\n  \
         targets:\n    terima: {{ queue: agenda.masuk }}\n"
    );
    project.write("connectors/agenda.yaml", &text);
    project.start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_behind_an_unknown_authority_is_paused_and_behind_a_known_one_delivered_to() {
    let Some(rabbit) = rabbit().await else { return };
    let foreign = Foreign::at(rabbit.vhost()).await;
    foreign.declare("agenda.masuk").await;
    let url = rabbit.by_tls(&foreign.url, "localhost");

    let bus = start(&url, ANOTHER_AUTHORITY).await;
    bus.publish(json!({ "n": 1 })).await;
    bus.until("the pause", |it| it.targets[0].pause.is_some()).await;
    let reason = bus.status().await.targets[0].pause.clone().unwrap().reason;
    assert!(reason.contains("by an authority that is not trusted here"), "{reason}");

    let bus = start(&url, AUTHORITY).await;
    bus.publish(json!({ "n": 2 })).await;
    until("the delivery", async || foreign.ready("agenda.masuk").await == Some(1)).await;
}
