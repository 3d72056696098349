//! What a handover comes to, gathered for one publication.

use std::{collections::HashMap, sync::Arc};

use super::{CLIENT, here::Here};
use crate::{
    broker::{Entry, Output},
    connector::{Accepted, Handover, Incoming},
    engine::{
        Shared,
        batch::{Ended, accepted},
        bodies::Keeper,
        envelope::{self, route_queue},
        live::Live,
        pipeline::MEMORY_MAX,
    },
    journal::{self, Line},
    ledger,
    message::{Arena, Digest, Message, MessageId, Timestamp},
    route::Route,
    spans::Span,
    store::Writes,
};

/// What a message is to be called.
#[derive(Clone, Copy)]
pub(super) enum Name {
    New,
    Again(MessageId),
}

/// A key that is reserved before its message is stored.
pub(super) struct Reserved {
    pub(super) index: usize,
    pub(super) key: String,
    pub(super) id: MessageId,
    pub(super) body: Digest,
}

/// The messages of one handover.
pub(super) struct Batch<'h> {
    shared: &'h Shared,
    handover: &'h Handover,
    generation: i64,
    now: Timestamp,
    /// Whether simpul fetches from their source.
    is_fetched: bool,
    /// The routes that read them.
    readers: &'h [Arc<Route>],
    /// Each of them, for what can be routed here.
    here: Vec<Here<'h>>,
    arena: Arena,
    outputs: Vec<Output>,
    writes: Writes,
    pub(super) accepted: Vec<Accepted>,
    /// How many are not duplicates.
    fresh: u64,
    /// What the keys of this handover stand for.
    pub(super) keys: HashMap<String, (MessageId, Digest)>,
    reserved: Vec<Reserved>,
    /// Of the messages that are accepted.
    spans: Vec<Span>,
}

/// What is to be published, and what is to be told then.
pub(super) struct Gathered {
    pub(super) outputs: Vec<Output>,
    pub(super) writes: Writes,
    pub(super) accepted: Vec<Accepted>,
    pub(super) fresh: u64,
    pub(super) reserved: Vec<Reserved>,
    /// For each route.
    pub(super) ended: Vec<Vec<Ended>>,
    /// What is to be traced then.
    pub(super) spans: Vec<Span>,
}

impl<'h> Batch<'h> {
    pub(super) fn new(
        shared: &'h Shared,
        live: &'h Live,
        handover: &'h Handover,
        readers: &'h [Arc<Route>],
    ) -> Self {
        let (generation, now) = (live.generation, shared.clock.now());
        let source = live.plan.sources.get(&handover.source);
        let is_fetched = source.is_some_and(|it| it.source.pull.is_some());
        let here = readers.iter().map(|route| Here::new((shared, live), route, handover, now));
        Self {
            shared,
            handover,
            generation,
            now,
            is_fetched,
            readers,
            here: here.collect(),
            arena: Arena::with_limit(MEMORY_MAX),
            outputs: Vec::new(),
            writes: Writes::default(),
            accepted: Vec::new(),
            fresh: 0,
            keys: HashMap::new(),
            reserved: Vec::new(),
            spans: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, incoming: &Incoming, name: Name) {
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
        let body = incoming.body.clone();
        let mut message = Message { id, received_at: self.now, headers, body };
        let source = (&self.handover.source, self.is_fetched);
        self.spans.extend(self.shared.trace_accepted(&mut message, source));
        for (route, here) in self.readers.iter().zip(&mut self.here) {
            if !here.route(&self.arena, &message) {
                queue((self.shared, route), &message, copy, &mut self.outputs);
                if !self.shared.broker.is_transactional() {
                    ledger::arrived(&mut self.writes, &route.name, id, self.now);
                }
                let line = Line {
                    at: self.now,
                    route: Arc::clone(&route.name),
                    message: Some(id),
                    delivery: None,
                    generation: self.generation,
                    event: accepted(client, &message),
                };
                journal::append(&mut self.writes, &line);
            }
            self.arena.reset();
        }
        self.fresh += 1;
        self.accepted.push(Accepted { id, duplicate: false });
    }

    pub(super) fn gathered(self) -> Gathered {
        let Self { mut outputs, mut writes, accepted, fresh, reserved, here, mut spans, .. } = self;
        let mut ended = Vec::with_capacity(here.len());
        for here in here {
            let (of_route, routed) = here.finish(&mut outputs, &mut writes);
            ended.push(of_route);
            spans.extend(routed);
        }
        Gathered { outputs, writes, accepted, fresh, reserved, ended, spans }
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

/// Puts a message into the queue of a route.
fn queue(
    (shared, route): (&Shared, &Route),
    message: &Message,
    copy: bool,
    outputs: &mut Vec<Output>,
) {
    let Message { id, received_at, headers, body } = message.clone();
    let body = Keeper::new(shared, route).accepted(id, body);
    let entry = Entry { id, received_at, headers, body };
    let queue = route_queue(&route.name);
    outputs.push(Output { queue, entry, due: None, order_key: None, copy });
}
