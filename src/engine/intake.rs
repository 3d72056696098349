//! Where sources hand over what they receive: into the queue of each route that reads them.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use tracing::warn;

use super::{
    Shared,
    envelope::{self, route_queue},
    express::Express,
    live::Live,
    pipeline::MEMORY_MAX,
};
use crate::{
    broker::{BrokerError, Entry, Output},
    connector::{Accepted, Handover, Incoming, Intake, IntakeError, OpenSource},
    journal::{self, Event, Line},
    ledger::{self, Fate, KeyUse, Outcome},
    message::{Arena, Digest, Endpoint, MessageId, Timestamp, parse},
    route::{PlanSource, Route},
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

    /// Counts and says that messages could not be stored. The sender is not told why, so this is
    /// where an operator learns it: not for each message, of which there may be many.
    fn complain(&self, source: &Endpoint, error: &BrokerError) {
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

    fn side_by_side(&self, source: &Endpoint) -> usize {
        if self.shared.live().express.contains(source) { SIDE_BY_SIDE } else { 1 }
    }

    async fn fares(&self, client: &str, id: MessageId) -> Option<serde_json::Value> {
        let lines = self.shared.journal.of_message(id).await.ok()?;
        let accepted = lines.iter().find_map(|line| match &line.event {
            Event::Accepted { by } if by == client => Some(line.at),
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
                .map(|(target, _, outcome)| json!({ "target": target.to_string(), "state": outcome.map_or("under way", Outcome::word) }))
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

    /// The message that a key was used for, if it was used for this very body.
    async fn used(
        &self,
        client: &str,
        incoming: &Incoming,
        index: usize,
        batch: &Batch<'_>,
    ) -> Result<Option<Used>, IntakeError> {
        let Some(key) = &incoming.key else { return Ok(None) };
        let body = Digest::of(&[&incoming.body]);
        let known = match batch.keys.get(key) {
            Some((id, body)) => Some(KeyUse { message: *id, body: *body, stored: true }),
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

    /// Puts messages into the queue of each route that reads them.
    async fn store(&self, live: &Live, handover: &Handover) -> Result<Vec<Accepted>, IntakeError> {
        let readers = live.readers.get(&handover.source).ok_or(IntakeError::NoRoute)?;
        let source = live.plan.sources.get(&handover.source);
        // What was fetched has nobody who could be told: its route will do it.
        if let Some(source) = source.filter(|it| it.source.pull.is_none()) {
            validate(&self.shared, source, &handover.messages)?;
        }
        let _storing = self.reserve(handover)?;
        let mut batch = Batch::new(&self.shared, live, handover);
        for (index, incoming) in handover.messages.iter().enumerate() {
            match self.used(&handover.client, incoming, index, &batch).await? {
                Some(Used { first, stored: true }) => {
                    batch.accepted.push(Accepted { id: first, duplicate: true });
                }
                Some(Used { first, .. }) => batch.add(incoming, Name::Again(first), readers),
                None => batch.add(incoming, Name::New, readers),
            }
        }
        let Batch { outputs, mut writes, accepted, fresh, reserved, .. } = batch;
        if fresh == 0 {
            return Ok(accepted);
        }
        self.reserve_durably(&handover.client, reserved).await?;
        if self.shared.broker.is_transactional() {
            for route in readers {
                ledger::received(&mut writes, &route.name, fresh);
            }
        }
        for outcome in self.shared.broker.publish(outputs, writes).await {
            outcome.map_err(|error| {
                self.complain(&handover.source, &error);
                unavailable(&error)
            })?;
        }
        for route in readers {
            self.shared.metrics.route(&route.name).received.inc_by(fresh);
        }
        Ok(accepted)
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

/// What a message is to be called.
#[derive(Clone, Copy)]
enum Name {
    New,
    Again(MessageId),
}

/// A key that is reserved before its message is stored.
struct Reserved {
    index: usize,
    key: String,
    id: MessageId,
    body: Digest,
}

/// The messages of one handover, gathered for one publication.
struct Batch<'h> {
    shared: &'h Shared,
    handover: &'h Handover,
    generation: i64,
    now: Timestamp,
    outputs: Vec<Output>,
    writes: Writes,
    accepted: Vec<Accepted>,
    /// How many are not duplicates.
    fresh: u64,
    /// What the keys of this handover stand for.
    keys: HashMap<String, (MessageId, Digest)>,
    reserved: Vec<Reserved>,
}

impl<'h> Batch<'h> {
    fn new(shared: &'h Shared, live: &Live, handover: &'h Handover) -> Self {
        let (outputs, writes, accepted) = (Vec::new(), Writes::default(), Vec::new());
        let (generation, now, fresh) = (live.generation, shared.clock.now(), 0);
        let (keys, reserved) = (HashMap::new(), Vec::new());
        Self { shared, handover, generation, now, outputs, writes, accepted, fresh, keys, reserved }
    }

    fn add(&mut self, incoming: &Incoming, name: Name, readers: &[Arc<Route>]) {
        let (id, copy) = match name {
            Name::New => (self.shared.ids.next(self.now), false),
            Name::Again(id) => (id, true),
        };
        let client = &self.handover.client;
        if let Some(key) = &incoming.key {
            self.keep_key(key, Digest::of(&[&incoming.body]), id, copy);
        }
        let mut headers = incoming.headers.clone();
        headers.set(CLIENT, client.as_str());
        if let Some(flaw) = &incoming.flaw {
            envelope::mark_flaw(&mut headers, flaw);
        }
        if incoming.redelivered {
            envelope::mark_repeat(&mut headers);
        }
        for route in readers {
            let (headers, body) = (headers.clone(), incoming.body.clone());
            let entry = Entry { id, received_at: self.now, headers, body };
            let queue = route_queue(&route.name);
            self.outputs.push(Output { queue, entry, due: None, order_key: None, copy });
            if !self.shared.broker.is_transactional() {
                ledger::arrived(&mut self.writes, &route.name, id, self.now);
            }
            let line = Line {
                at: self.now,
                route: Arc::clone(&route.name),
                message: Some(id),
                delivery: None,
                generation: self.generation,
                event: Event::Accepted { by: client.clone() },
            };
            journal::append(&mut self.writes, &line);
        }
        self.fresh += 1;
        self.accepted.push(Accepted { id, duplicate: false });
    }

    fn keep_key(&mut self, key: &str, body: Digest, id: MessageId, copy: bool) {
        let whose = (self.handover.client.as_str(), key);
        if self.shared.broker.is_transactional() {
            ledger::keep_idempotency_key(&mut self.writes, whose, id, body, self.now);
        } else {
            if !copy {
                let (index, key) = (self.accepted.len(), key.to_owned());
                self.reserved.push(Reserved { index, key, id, body });
            }
            ledger::confirm_idempotency_key(&mut self.writes, whose, id);
        }
        self.keys.insert(key.to_owned(), (id, body));
    }
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
