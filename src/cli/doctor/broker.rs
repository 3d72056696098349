//! The servers that the bus itself stands on: RabbitMQ for its queues, PostgreSQL for its store.

use std::time::Duration;

use tokio::time::timeout;

use super::{Line, reach::Clocks};
use crate::{
    amqp::{Admin, AdminError, Binding, Link, LinkState, Tls},
    broker::rabbitmq::Address,
    cli::{project::Files, rabbitmq::Needs, screen::counted, settings::Settings},
    message::Clock,
    store::{self, Store},
};

/// How long connecting may take.
const TIME_MAX: Duration = Duration::from_secs(10);

pub(super) async fn look(
    settings: &Settings,
    files: Option<&Files>,
    lines: &mut Vec<Line>,
    clocks: &mut Clocks,
) {
    if let Some(address) = &settings.database {
        lines.push(postgres(address, clocks).await);
    }
    match &settings.rabbitmq {
        Some(address) => {
            let ca = settings.broker_ca.clone();
            lines.extend(rabbitmq(address, ca, files.and_then(Needs::of)).await);
        }
        None => lines.push(Line::ok("broker", "embedded: no server is needed")),
    }
}

async fn postgres(address: &store::Address, clocks: &mut Clocks) -> Line {
    let clock = Clock::system();
    let asked = clock.now();
    match Store::look(address).await {
        Ok(seen) => {
            let ours = asked.as_millis().midpoint(clock.now().as_millis());
            clocks.saw("the PostgreSQL", seen.now_ms.saturating_sub(ours));
            let tables = match seen.has_store {
                true => "has the tables of a store",
                false => "is empty; `simpul run` makes the tables",
            };
            Line::ok("store", format!("PostgreSQL {}: {tables}", seen.version))
        }
        Err(error) => {
            let todo = "see `store` in simpul.yaml, and docs/operating.md, A store in PostgreSQL";
            Line::fail("store", error.reason, todo)
        }
    }
}

async fn rabbitmq(address: &Address, ca_pem: Option<String>, needs: Option<Needs>) -> Vec<Line> {
    let host = address.host();
    let link = Link::open(address.clone(), "doctor", Tls { ca_pem });
    let state = timeout(TIME_MAX, link.changed(&LinkState::Down(None))).await;
    let mut lines = Vec::new();
    match state {
        Ok(LinkState::Up) => {
            let version = link.version().map_or_else(String::new, |it| format!(", {it}"));
            lines.push(Line::ok("broker", format!("{host}: connected{version}")));
            let admin = Admin::new(&link);
            lines.extend(rights(&admin, &host).await);
            if let Some(needs) = needs {
                lines.push(queues(&admin, &host, &needs).await);
            }
        }
        Ok(LinkState::Blocked(reason)) => lines.push(blocked(&host, &reason)),
        Ok(other) => {
            let reason = other.obstacle().unwrap_or_default();
            let todo = "see that it runs, and `broker` in simpul.yaml: address, user, password, \
                        virtual host";
            lines.push(Line::fail("broker", format!("{host}: {reason}"), todo));
        }
        Err(_) => {
            let what = format!("{host}: no answer within {} s", TIME_MAX.as_secs());
            lines.push(Line::fail("broker", what, "look whether a firewall is between"));
        }
    }
    link.close().await;
    lines
}

fn blocked(host: &str, reason: &str) -> Line {
    let what = format!("{host}: takes nothing: {reason}");
    Line::fail("broker", what, "give it memory or disk (`rabbitmqctl status`, alarms)")
}

/// Whether the user may do what the bus will do, tried on a queue that is not there and does not come
/// to be there by it: RabbitMQ looks at the rights first.
async fn rights(admin: &Admin, host: &str) -> Option<Line> {
    let name = format!("simpul.doctor.{:032x}", chance());
    let exchange = "amq.direct".to_owned();
    let binding = Binding { queue: name.clone(), exchange, routing_key: String::new() };
    let asked = [
        ("configure", admin.delete(&name).await.map(drop)),
        ("read", admin.purge(&name).await.map(drop)),
        ("write", admin.bind(&binding).await),
    ];
    let mut missing = Vec::new();
    for (right, answer) in asked {
        match answer {
            Err(AdminError::Failed { reason, .. })
                if reason.contains("ACCESS_REFUSED") && reason.contains(&name) =>
            {
                missing.push(right);
            }
            _ => {}
        }
    }
    if missing.is_empty() {
        return Some(Line::ok("broker", format!("{host}: its user has the rights to `simpul.…`")));
    }
    Some(Line::fail(
        "broker",
        format!("{host}: its user lacks the right to {} `simpul.…`", missing.join(", ")),
        "`rabbitmqctl set_permissions -p VHOST USER '^simpul\\..*' '^(simpul\\..*|amq\\.default)$' \
         '^simpul\\..*'`",
    ))
}

/// A name that nobody has.
fn chance() -> u128 {
    let mut bytes = [0; 16];
    // Without randomness the name is one that nobody has either.
    let _ = getrandom::fill(&mut bytes);
    u128::from_be_bytes(bytes)
}

/// Whether the queues are there; those that are not are made when the bus starts.
async fn queues(admin: &Admin, host: &str, needs: &Needs) -> Line {
    let mut there = 0;
    for name in needs.queues() {
        match admin.counts(name).await {
            Ok(found) => there += u64::from(found.is_some()),
            Err(error) => {
                let todo = "see `rabbitmqctl list_queues` and its log";
                return Line::fail("broker", format!("{host}: {error}"), todo);
            }
        }
    }
    let all = counted(needs.queues().len() as u64, "queue", "queues");
    let what = format!("{host}: {there} of {all} are there; `simpul run` makes the others");
    Line::ok("broker", what)
}
