//! A connection that breaks while what came over it is handed over.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use simpul::{
    broker::rabbitmq::Address,
    connector::{Accepted, Handover, Intake, IntakeError, OpenSource, Pulling},
    message::{Clock, Endpoint, IdSource, MessageId},
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Foreign, QUEUE, project, until};
use crate::{oracle::proxy::Proxy, support::scripted::Scripted};

/// Lets the first handover wait, and then refuses it; takes all others.
struct Reluctant {
    ids: IdSource,
    handed: Mutex<Vec<String>>,
    gate: Semaphore,
}

#[async_trait]
impl Intake for Reluctant {
    async fn accept(&self, handover: Handover) -> Result<Vec<Accepted>, IntakeError> {
        let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
        let bodies: Vec<_> = handover.messages.iter().map(|it| text(&it.body)).collect();
        let is_first = self.handed.lock().unwrap().is_empty();
        self.handed.lock().unwrap().extend(bodies);
        if is_first {
            self.gate.acquire().await.unwrap().forget();
            let (reason, retry_after) = ("uji".to_owned(), Duration::ZERO);
            return Err(IntakeError::Unavailable { reason, retry_after });
        }
        let now = Clock::system().now();
        let accepted = |_| Accepted { id: self.ids.next(now), duplicate: false };
        Ok(handover.messages.iter().map(accepted).collect())
    }

    async fn fares(&self, _client: &str, _id: MessageId) -> Option<serde_json::Value> {
        None
    }

    fn sources(&self) -> Arc<BTreeMap<Endpoint, Arc<OpenSource>>> {
        Arc::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_over_the_new_connection_is_handed_over_when_the_old_one_gives_up() {
    let Some(foreign) = Foreign::new().await else { return };
    foreign.declare(QUEUE).await;
    let port = Address::parse(&foreign.url).unwrap().host();
    let port = port.rsplit(':').next().unwrap().parse().unwrap();
    let proxy = Proxy::start(port).await;
    let plan = project(&proxy.through(&foreign.url), "", &Scripted::new([])).plan();
    let source = &plan.sources[&Endpoint::parse("absensi.koreksi").unwrap()];
    let pull = Arc::clone(&source.source.pull.as_ref().unwrap().pull);
    let (ids, handed, gate) = (IdSource::default(), Mutex::default(), Semaphore::new(0));
    let intake = Arc::new(Reluctant { ids, handed, gate });
    let pulling = Pulling {
        intake: Arc::clone(&intake) as _,
        body_bytes_max: 1024,
        tell: Arc::new(|_| {}),
        stop: CancellationToken::new(),
    };
    let mut task = JoinSet::new();
    task.spawn(async move { pull.run(pulling).await });

    foreign.publish("1").await;
    let handed = || intake.handed.lock().unwrap().clone();
    until("the first to be handed over", async || handed() == ["1"]).await;
    proxy.cut();
    // Both come over the new connection, and wait behind the handover that is under way.
    foreign.publish("2").await;
    until("both to be taken anew", async || foreign.ready(QUEUE).await == Some(0)).await;
    intake.gate.add_permits(1);
    until("both to be handed over", async || handed() == ["1", "1", "2"]).await;
}
