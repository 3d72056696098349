//! Where sources hand over what they receive: through each route that reads them, or into its queue.

mod gather;
mod here;

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use tokio::task::JoinSet;
use tracing::warn;

use self::gather::{Batch, Gathered, Name, Reserved};
use super::{Shared, express::Express, live::Live, pipeline::MEMORY_MAX};
use crate::{
    broker::Output,
    connector::{Accepted, Handover, Incoming, Intake, IntakeError, OpenSource},
    crash::{self, Sabotage},
    journal::Event,
    ledger::{self, Fate, KeyUse, Outcome},
    message::{Arena, Digest, Endpoint, MessageId, Timestamp, parse},
    route::PlanSource,
    store::Writes,
};

/// When a sender should try again after the bus could not store his message.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// How often it is said at most that messages cannot be stored.
const COMPLAINT_PAUSE: Duration = Duration::from_secs(10);

/// Violations of a schema that an answer names.
const VIOLATIONS_MAX: usize = 10;

/// Handovers at once of a source whose messages go the short way: while one waits for its
/// confirmations, the next are taken through the route.
const SIDE_BY_SIDE: usize = 4;

/// How late the deliberate bug of that kind stores.
const LATE: Duration = Duration::from_millis(50);

/// The header of a message that says who handed it over.
pub(super) const CLIENT: &str = "simpul-client";

type ClientKey = (String, String);

/// The engine as sources see it.
pub(super) struct EngineIntake {
    shared: Arc<Shared>,
    /// Keys of messages that are being stored. std, not tokio: never held across an await.
    storing: Arc<Mutex<HashSet<ClientKey>>>,
    /// When it was last said that nothing can be stored.
    complained: Mutex<Option<Timestamp>>,
}

impl EngineIntake {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, storing: Arc::default(), complained: Mutex::default() }
    }

    /// Whether the disk has room for them. Before anything is done with them: what is on its way
    /// to its targets needs the rest.
    fn has_room(&self, handover: &Handover) -> Result<(), IntakeError> {
        let bytes = handover.messages.iter().map(|it| it.body.len()).sum();
        self.shared.store.has_room(bytes).map_err(|error| {
            self.complain(&handover.source, &error);
            IntakeError::NoRoom { reason: error.to_string(), retry_after: RETRY_AFTER }
        })
    }

    /// Counts and says that messages could not be stored. The sender is not told why, so this is
    /// where an operator learns it: not for each message, of which there may be many.
    fn complain(&self, source: &Endpoint, error: &dyn std::fmt::Display) {
        self.shared.metrics.broker_errors.inc();
        let now = self.shared.clock.now();
        let mut last = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|it| it.after(COMPLAINT_PAUSE) <= now) {
            *last = Some(now);
            warn!(%source, %error, "messages cannot be stored; their senders are told to try again");
        }
    }
}

/// Keys that are being stored; free again when dropped, whatever came of it.
struct Storing {
    keys: Vec<ClientKey>,
    all: Arc<Mutex<HashSet<ClientKey>>>,
}

impl Drop for Storing {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.keys {
            all.remove(key);
        }
    }
}

#[async_trait]
impl Intake for EngineIntake {
    async fn accept(&self, handover: Handover) -> Result<Vec<Accepted>, IntakeError> {
        let source = handover.source.to_string();
        let accepted = self.take(handover).await?;
        self.shared.metrics.source_spoke(&source, self.shared.clock.now().as_millis());
        Ok(accepted)
    }

    fn side_by_side(&self, source: &Endpoint) -> usize {
        if self.shared.live().express.contains(source) { SIDE_BY_SIDE } else { 1 }
    }

    async fn fares(&self, client: &str, id: MessageId) -> Option<serde_json::Value> {
        let lines = self.shared.journal.of_message(id).await.ok()?;
        let accepted = lines.iter().find_map(|line| match &line.event {
            Event::Accepted { by, .. } if by == client => Some(line.at),
            _ => None,
        })?;
        let fares = self.shared.ledger.fares(id).await.ok()?;
        let mut routes = serde_json::Map::new();
        for line in &lines {
            if matches!(line.event, Event::Accepted { .. }) {
                routes.insert(line.route.to_string(), json!({ "state": "in hand" }));
            }
        }
        for one in fares {
            let deliveries: Vec<_> = one
                .deliveries
                .iter()
                .map(|(target, ordinal, outcome)| {
                    let is_parked = one.parked.contains(&(target.clone(), *ordinal));
                    let open = if is_parked { "parked" } else { "under way" };
                    json!({ "target": target.to_string(), "state": outcome.map_or(open, Outcome::word) })
                })
                .collect();
            let fate = one.fate.map_or("in hand", Fate::word);
            routes
                .insert(one.route.to_string(), json!({ "state": fate, "deliveries": deliveries }));
        }
        Some(json!({ "id": id.to_string(), "accepted_at": accepted.to_string(), "routes": routes }))
    }

    fn sources(&self) -> Arc<BTreeMap<Endpoint, Arc<OpenSource>>> {
        Arc::clone(&self.shared.live().sources)
    }
}

impl EngineIntake {
    /// Takes messages the short way where they can go it, and stores the others.
    async fn take(&self, handover: Handover) -> Result<Vec<Accepted>, IntakeError> {
        self.has_room(&handover)?;
        let live = self.shared.live();
        let Some(express) = Express::of(&self.shared, &live, &handover.source) else {
            return self.store(&live, &handover).await;
        };
        let loaded = express.load(&handover);
        let ids = loaded.ids.clone();
        let Handover { source, client, messages } = handover;
        let left = messages.into_iter().enumerate().zip(&ids).filter(|(_, id)| id.is_none());
        let (places, messages): (Vec<_>, Vec<_>) = left.map(|(it, _)| it).unzip();
        // First what may be refused: nothing has been sent then.
        let stored = if messages.is_empty() {
            Vec::new()
        } else {
            let handover = Handover { source: source.clone(), client, messages };
            let stored = self.store(&live, &handover).await;
            stored.map_err(|error| error.of(|it| places.get(it).copied().unwrap_or(it)))?
        };
        express.ride(loaded).await.map_err(|error| {
            self.complain(&source, &error);
            unavailable(&error)
        })?;
        let mut stored = stored.into_iter();
        let accepted = |id: Option<MessageId>| match id {
            Some(id) => Some(Accepted { id, duplicate: false }),
            None => stored.next(),
        };
        Ok(ids.into_iter().filter_map(accepted).collect())
    }

    /// Marks the keys of a handover as being stored.
    fn reserve(&self, handover: &Handover) -> Result<Storing, IntakeError> {
        let mut reserved = Storing { keys: Vec::new(), all: Arc::clone(&self.storing) };
        for (index, incoming) in handover.messages.iter().enumerate() {
            let Some(key) = &incoming.key else { continue };
            let key = (handover.client.clone(), key.clone());
            if reserved.keys.contains(&key) {
                continue;
            }
            let mut all = self.storing.lock().unwrap_or_else(PoisonError::into_inner);
            if !all.insert(key.clone()) {
                drop(all);
                return Err(IntakeError::KeyInFlight { index });
            }
            reserved.keys.push(key);
        }
        Ok(reserved)
    }

    /// The message that a key was used for, if it was used for this very body; `before` in the same
    /// handover.
    async fn used(
        &self,
        client: &str,
        incoming: &Incoming,
        index: usize,
        before: Option<(MessageId, Digest)>,
    ) -> Result<Option<Used>, IntakeError> {
        let Some(key) = &incoming.key else { return Ok(None) };
        let body = Digest::of(&[&incoming.body]);
        let known = match before {
            Some((message, body)) => Some(KeyUse { message, body, stored: true }),
            None => {
                let now = self.shared.clock.now();
                let used = self.shared.ledger.key_use(client, key, now).await;
                used.map_err(|error| unavailable(&error))?
            }
        };
        match known {
            Some(KeyUse { message: first, body: before, stored }) if before == body => {
                Ok(Some(Used { first, stored }))
            }
            Some(_) => Err(IntakeError::KeyReused { index }),
            None => Ok(None),
        }
    }

    /// Takes messages through each route that reads them, or puts them into its queue.
    async fn store(&self, live: &Live, handover: &Handover) -> Result<Vec<Accepted>, IntakeError> {
        let readers = live.readers.get(&handover.source).ok_or(IntakeError::NoRoute)?;
        let source = live.plan.sources.get(&handover.source);
        // What was fetched has nobody who could be told: its route will do it.
        if let Some(source) = source.filter(|it| it.source.pull.is_none()) {
            validate(&self.shared, source, &handover.messages)?;
        }
        let _storing = self.reserve(handover)?;
        let mut batch = Batch::new(&self.shared, live, handover, readers);
        for (index, incoming) in handover.messages.iter().enumerate() {
            let before = incoming.key.as_ref().and_then(|key| batch.keys.get(key).copied());
            match self.used(&handover.client, incoming, index, before).await? {
                Some(Used { first, stored: true }) => {
                    batch.accepted.push(Accepted { id: first, duplicate: true });
                }
                Some(Used { first, .. }) => batch.add(incoming, Name::Again(first)),
                None => batch.add(incoming, Name::New),
            }
        }
        let Gathered { outputs, mut writes, accepted, fresh, reserved, ended, spans } =
            batch.gathered();
        if fresh == 0 {
            return Ok(accepted);
        }
        crash::point("before_append");
        self.reserve_durably(&handover.client, reserved).await?;
        crash::point("after_key_before_publish");
        if self.shared.broker.is_transactional() {
            for route in readers {
                ledger::received(&mut writes, &route.name, fresh);
            }
        }
        if crash::sabotaged(Sabotage::AcknowledgeEarly) {
            return Ok(self.publish_late((outputs, writes), accepted));
        }
        for outcome in self.shared.broker.publish(outputs, writes).await {
            outcome.map_err(|error| {
                self.complain(&handover.source, &error);
                unavailable(&error)
            })?;
        }
        crash::point("after_fsync_before_reply");
        self.shared.record(spans);
        for (route, ended) in readers.iter().zip(ended) {
            self.shared.metrics.route(&route.name).received.inc_by(fresh);
            super::batch::count(&self.shared, route, &ended);
        }
        Ok(accepted)
    }

    /// A deliberate bug: stores what was answered for already. See [`crash`].
    fn publish_late(
        &self,
        stored: (Vec<Output>, Writes),
        accepted: Vec<Accepted>,
    ) -> Vec<Accepted> {
        let shared = Arc::clone(&self.shared);
        let mut task = JoinSet::new();
        task.spawn(async move {
            tokio::time::sleep(LATE).await;
            shared.broker.publish(stored.0, stored.1).await
        });
        task.detach_all();
        accepted
    }

    /// Reserves the keys of messages that cannot be stored in one transaction with them.
    async fn reserve_durably(
        &self,
        client: &str,
        reserved: Vec<Reserved>,
    ) -> Result<(), IntakeError> {
        if reserved.is_empty() {
            return Ok(());
        }
        let (mut writes, now) = (Writes::default(), self.shared.clock.now());
        for Reserved { key, id, body, .. } in &reserved {
            ledger::reserve_idempotency_key(&mut writes, (client, key), *id, *body, now);
        }
        let changed = self.shared.store.commit_counting(writes).await;
        let changed = changed.map_err(|error| unavailable(&error))?;
        // Another gateway reserved the same key a moment ago: it is that one which stores.
        match reserved.iter().zip(changed).find(|(_, rows)| *rows == 0) {
            Some((Reserved { index, .. }, _)) => Err(IntakeError::KeyInFlight { index: *index }),
            None => Ok(()),
        }
    }
}

fn unavailable(error: &dyn std::error::Error) -> IntakeError {
    IntakeError::Unavailable { reason: error.to_string(), retry_after: RETRY_AFTER }
}

/// What an idempotency key was used for before.
struct Used {
    first: MessageId,
    /// If not, nobody knows whether it is: it is stored again under the same id, as a copy.
    stored: bool,
}

/// Holds the bodies against the source's schema.
fn validate(
    shared: &Shared,
    source: &PlanSource,
    messages: &[Incoming],
) -> Result<(), IntakeError> {
    let Some(schema) = &source.schema else { return Ok(()) };
    let mut arena = Arena::with_limit(MEMORY_MAX);
    for (index, incoming) in messages.iter().enumerate() {
        let violations = match parse(&arena, &incoming.body, &shared.options.limits) {
            Ok(body) => schema.violations(body, VIOLATIONS_MAX),
            Err(error) => {
                let violations = vec![(String::new(), error.to_string())];
                return Err(IntakeError::Invalid { index, violations });
            }
        };
        if !violations.is_empty() {
            let violations = violations.into_iter().map(|it| (it.pointer, it.message)).collect();
            return Err(IntakeError::Invalid { index, violations });
        }
        arena.reset();
    }
    Ok(())
}
