//! The RabbitMQ of a demonstration on one: the queue that a system publishes to, and care that
//! nobody else's queues are disturbed.

use std::{cell::OnceCell, time::Duration};

use serde::Deserialize;
use tokio::time::{sleep, timeout};

use super::{
    CouldNot,
    work::{DECREES_QUEUE, Post},
};
use crate::{
    amqp::{
        Address, Admin, AdminError, Argument, Counts, Link, LinkState, Properties, Publication,
        PublishFailure, Publisher, QueueSpec, Tls,
    },
    broker::rabbitmq::{MARK, RUNG},
};

/// How long the first connection may take.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// How long deleting the demonstration's queues may take, the wait for the bus's consumers to be
/// gone included.
const CLEAN_UP_MAX: Duration = Duration::from_secs(20);

/// How often it is looked whether they are gone.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

/// The RabbitMQ that messages wait at.
pub(super) struct RabbitMq {
    /// With user and password: for the environment of the bus.
    pub(super) url: String,
    /// Host and port.
    pub(super) host: String,
    admin: Admin,
    publisher: Publisher,
    /// Queues that were not there before the demonstration; nothing until that is known.
    ours: OnceCell<Vec<String>>,
}

/// What `simpul check --format json` says, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Checked {
    rabbitmq: Needs,
}

#[derive(Debug, Deserialize)]
struct Needs {
    queues: Vec<String>,
}

impl RabbitMq {
    /// Connects to the RabbitMQ at `url`.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when that is no address, or the first attempt fails.
    pub(super) async fn connect(url: &str) -> Result<Self, CouldNot> {
        let address = Address::parse(url).map_err(|error| {
            let help = "write `amqp://user:password@host:5672/vhost`";
            CouldNot(format!("what `--broker` says {error}; {help}"))
        })?;
        let host = address.host();
        let link = Link::open(address, "demo", Tls::default());
        let state = timeout(CONNECT_MAX, link.changed(&LinkState::Down(None))).await;
        let state = state.unwrap_or(LinkState::Down(Some("no answer".into())));
        if let Some(obstacle) = state.obstacle() {
            return Err(CouldNot(format!("RabbitMQ at {host}: {obstacle}")));
        }
        let (admin, publisher) = (Admin::new(&link), Publisher::open(&link));
        Ok(Self { url: url.to_owned(), host, admin, publisher, ours: OnceCell::new() })
    }

    /// What the personnel system publishes with.
    pub(super) fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Makes sure that nobody uses the queues that the bus will need, `checked` being what `check`
    /// says of its files, and declares the one that the personnel system publishes to.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when somebody uses one of them; nothing was touched then.
    pub(super) async fn prepare(&self, checked: &str) -> Result<(), CouldNot> {
        let checked: Checked = serde_json::from_str(checked)
            .map_err(|error| CouldNot(format!("bug: `check` tells no queues: {error}")))?;
        let mut queues = checked.rabbitmq.queues;
        queues.push(DECREES_QUEUE.to_owned());
        // Deleted last: until then no other bus begins to work in the vhost.
        queues.sort_by_key(|it| it == MARK);
        let mut ours = Vec::with_capacity(queues.len());
        for queue in queues {
            match self.admin.counts(&queue).await.map_err(|error| self.failed(&error))? {
                None => ours.push(queue),
                Some(Counts { ready: 0, consumers: 0 }) if queue != MARK => {}
                Some(used) => return Err(self.used(&queue, used)),
            }
        }
        // From here on they are ours to delete.
        let _ = self.ours.set(ours);
        let arguments = vec![("x-queue-type", Argument::Text("quorum".to_owned()))];
        let queue = QueueSpec { name: DECREES_QUEUE.to_owned(), arguments };
        self.admin.declare(&queue).await.map_err(|error| self.failed(&error))?;
        Ok(())
    }

    fn failed(&self, error: &AdminError) -> CouldNot {
        CouldNot(format!("RabbitMQ at {}: {error}", self.host))
    }

    fn used(&self, queue: &str, Counts { ready, consumers }: Counts) -> CouldNot {
        CouldNot(format!(
            "queue `{queue}` is there already at {} ({ready} messages, {consumers} consumers): \
             another bus works in this vhost, or a demo was killed in it\n\
             give the demo a vhost of its own: `rabbitmqctl add_vhost demo`, \
             `rabbitmqctl set_permissions -p demo USER '.*' '.*' '.*'`; \
             one that only demos have used can be emptied with `rabbitmqctl delete_vhost`",
            self.host
        ))
    }

    /// Once the bus is gone: deletes the queues that were not there before the demonstration, with
    /// what is in them, or leaves them where something went wrong. Returns what to tell of it.
    pub(super) async fn clean_up(&self, is_wrong: bool) -> Option<String> {
        let ours = self.ours.get()?;
        if is_wrong {
            let count = ours.len();
            return Some(format!(
                "The demo's {count} queues at {} are left for a look.",
                self.host
            ));
        }
        Some(match timeout(CLEAN_UP_MAX, self.delete(ours)).await {
            Ok(Ok(())) => {
                format!("The demo's {} queues at {} are deleted again.", ours.len(), self.host)
            }
            Ok(Err(error)) => format!("The demo's queues are not all deleted: {error}"),
            Err(_) => format!("The demo's queues at {} are in use, and are left.", self.host),
        })
    }

    async fn delete(&self, ours: &[String]) -> Result<(), AdminError> {
        for queue in ours {
            while self.admin.counts(queue).await?.is_some_and(|it| 0 < it.consumers) {
                sleep(LOOK_PAUSE).await;
            }
            self.admin.delete(queue).await?;
            if queue.starts_with(RUNG) {
                self.admin.delete_exchange(queue).await?;
            }
        }
        Ok(())
    }
}

/// Publishes a document as any AMQP client would: persistent, mandatory, confirmed, and with
/// nothing of simpul's in it.
///
/// # Errors
///
/// [`PublishFailure`] when it is not confirmed.
pub(super) async fn publish(
    publisher: &Publisher,
    queue: &str,
    post: &Post,
) -> Result<(), PublishFailure> {
    let properties = Properties {
        content_type: Some("application/json".to_owned()),
        message_id: Some(post.key.clone()),
        app_id: Some("simpeg".to_owned()),
        persistent: true,
        ..Properties::default()
    };
    let (exchange, routing_key) = (String::new(), queue.to_owned());
    let publication = Publication { exchange, routing_key, properties, body: post.body.clone() };
    let outcome = publisher.publish_all(vec![publication]).await.pop();
    outcome.unwrap_or_else(|| Err(PublishFailure::Unknown { reason: "no answer".to_owned() }))
}
