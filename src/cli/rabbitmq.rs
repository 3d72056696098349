//! What a set of files needs of a RabbitMQ: how many queues, and which store.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{project::Files, screen::counted};
use crate::{
    broker::rabbitmq::{self, Options},
    engine,
    route::{Plan, Route},
};

/// Names that one line shows.
const NAMES_MAX: usize = 6;

/// What a set of files needs of the RabbitMQ that the settings choose.
#[derive(Debug, Serialize)]
pub(super) struct Needs {
    /// Host and port.
    address: String,
    /// Every queue that there will be, by name.
    queues: BTreeSet<String>,
    /// Whether the store is one that several gateways can share.
    store_is_shared: bool,
    sharing: Sharing,
}

/// What several gateways have to know of each other, and for whom: what would go wrong with a
/// store for each.
#[derive(Debug, Serialize)]
struct Sharing {
    /// Routes that recognise repeats.
    identity: Vec<String>,
    /// Routes that keep an order.
    order_by: Vec<String>,
    /// Sources whose senders may call twice with one key.
    idempotency_keys: Vec<String>,
}

impl Needs {
    /// Nothing where messages wait in the store.
    pub(super) fn of(files: &Files) -> Option<Self> {
        let address = files.settings.rabbitmq.as_ref()?.host();
        let ours: Vec<_> = engine::queues(&files.plan).collect();
        let ours = ours.iter().map(|(name, has_order)| (&**name, *has_order));
        let queues = rabbitmq::queues_needed(ours, &Options::default());
        let store_is_shared = files.settings.database.is_some();
        Some(Self { address, queues, store_is_shared, sharing: Sharing::of(&files.plan) })
    }

    /// Every queue that there will be, by name.
    pub(super) fn queues(&self) -> &BTreeSet<String> {
        &self.queues
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let with = |start: &str| self.queues.iter().filter(|it| it.starts_with(start)).count();
        let (routes, deliveries) = (with("simpul.route."), with("simpul.deliver."));
        let rest = self.queues.len() - routes - deliveries;
        let queues = counted(self.queues.len() as u64, "queue", "queues");
        let mut lines = vec![format!(
            "RabbitMQ at {}: {queues} ({routes} of routes, {deliveries} of deliveries, {rest} that \
             all share)",
            self.address
        )];
        if self.store_is_shared {
            lines.push("store in PostgreSQL: any number of gateways can share it".to_owned());
            return lines;
        }
        lines.push(
            "store in a directory: for one gateway on this RabbitMQ. Several need one store,"
                .to_owned(),
        );
        lines.push("`store: postgres://…`, to agree on".to_owned());
        lines.push(row("what was delivered, paused, given up", "every route"));
        let Sharing { identity, order_by, idempotency_keys } = &self.sharing;
        for (what, whose) in [
            ("repeats (`identity`)", identity),
            ("the order of a key (`order_by`)", order_by),
            ("calls tried again (`Idempotency-Key`)", idempotency_keys),
        ] {
            if !whose.is_empty() {
                lines.push(row(what, &few(whose)));
            }
        }
        lines
    }
}

impl Sharing {
    fn of(plan: &Plan) -> Self {
        let routes = |asks: fn(&Route) -> bool| {
            let asking = plan.routes.values().filter(|it| asks(it));
            asking.map(|it| it.name.to_string()).collect()
        };
        // Those that are called: a queue's messages bear a key only where its file trusts it.
        let called = plan.sources.iter().filter(|(_, it)| it.source.pull.is_none());
        Self {
            identity: routes(|it| it.identity.is_some()),
            order_by: routes(|it| it.order_by.is_some()),
            idempotency_keys: called.map(|(name, _)| name.to_string()).collect(),
        }
    }
}

fn row(what: &str, whose: &str) -> String {
    format!("  {what:<38} {whose}")
}

/// The first of many names.
fn few(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(store_is_shared: bool, identity: usize) -> String {
        let queues = ["simpul.dead", "simpul.delay.5s", "simpul.deliver.a.b.c", "simpul.route.a"];
        let sharing = Sharing {
            identity: (0..identity).map(|it| format!("route-{it}")).collect(),
            order_by: vec!["sk-mutasi".to_owned()],
            idempotency_keys: vec![],
        };
        let queues = queues.map(str::to_owned).into();
        let address = "mq.kpu.example:5672".to_owned();
        Needs { address, queues, store_is_shared, sharing }.lines().join("\n")
    }

    #[test]
    fn a_store_for_one_says_what_several_would_disagree_on() {
        insta::assert_snapshot!(needs(false, 8), @r"
        RabbitMQ at mq.kpu.example:5672: 4 queues (1 of routes, 1 of deliveries, 2 that all share)
        store in a directory: for one gateway on this RabbitMQ. Several need one store,
        `store: postgres://…`, to agree on
          what was delivered, paused, given up   every route
          repeats (`identity`)                   route-0, route-1, route-2, route-3, route-4, route-5 and 2 more
          the order of a key (`order_by`)        sk-mutasi
        ");
    }

    #[test]
    fn a_shared_store_needs_no_advice() {
        insta::assert_snapshot!(needs(true, 1), @r"
        RabbitMQ at mq.kpu.example:5672: 4 queues (1 of routes, 1 of deliveries, 2 that all share)
        store in PostgreSQL: any number of gateways can share it
        ");
    }
}
