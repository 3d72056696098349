//! What travels with a delivery in its queue, beside the body.

use std::sync::Arc;

use bytes::Bytes;

use super::pipeline::Made;
use crate::{
    broker::{Entry, QueueName},
    crash::{self, Sabotage},
    ledger::DeliveryId,
    message::{Digest, Endpoint, Headers, MessageId, Timestamp},
    route::Plan,
    spans::{TRACESTATE, Traced},
};

const ORDINAL: &str = "simpul-ordinal";
const KEY: &str = "simpul-key";
const PARAMETERS: &str = "simpul-parameters";
const GENERATION: &str = "simpul-generation";
const ATTEMPTS: &str = "simpul-attempts";
const FAILING_SINCE: &str = "simpul-failing-since";
const PANICS: &str = "simpul-panics";
const REASON: &str = "simpul-reason";
const REPEAT: &str = "simpul-possible-duplicate";
const FLAW: &str = "simpul-flaw";
const SEQ: &str = "simpul-key-seq";
const CALL: &str = "simpul-call";
const CALLED: &str = "simpul-called";
const ONLY_TO: &str = "simpul-only-to";
const TRACE: &str = "simpul-trace";

/// The name of a route's queue.
pub(super) fn route_queue(route: &str) -> QueueName {
    format!("simpul.route.{route}").into()
}

/// The name of the queue of one target of a route.
pub(super) fn delivery_queue(route: &str, target: &Endpoint) -> QueueName {
    format!("simpul.deliver.{route}.{target}").into()
}

/// The route of a route queue; `None` for other queues.
pub(super) fn parse_route_queue(queue: &str) -> Option<&str> {
    queue.strip_prefix("simpul.route.")
}

/// The queues of a set of files, each with whether its entries have an order.
pub fn queues(plan: &Plan) -> impl Iterator<Item = (QueueName, bool)> + '_ {
    plan.routes.values().flat_map(|route| {
        let has_order = route.order_by.is_some();
        let deliveries = route.to.iter();
        let deliveries =
            deliveries.map(move |it| (delivery_queue(&route.name, &it.target), has_order));
        std::iter::once((route_queue(&route.name), false)).chain(deliveries)
    })
}

/// The route and target of a delivery queue; `None` for other queues.
pub(super) fn parse_delivery_queue(queue: &str) -> Option<(Arc<str>, Endpoint)> {
    let (route, target) = queue.strip_prefix("simpul.deliver.")?.split_once('.')?;
    Some((route.into(), Endpoint::parse(target)?))
}

/// How often working on an entry of a route queue has panicked.
pub(super) fn panics(headers: &Headers) -> u32 {
    number(headers, PANICS).unwrap_or_default()
}

/// The same headers with another count of panics.
pub(super) fn with_panics(mut headers: Headers, panics: u32) -> Headers {
    headers.set(PANICS, panics.to_string());
    headers
}

/// Marks an entry of a route queue as one that may be there twice.
pub(super) fn mark_repeat(headers: &mut Headers) {
    headers.set(REPEAT, "true");
}

/// Whether an entry may be in its queue twice.
pub(super) fn may_repeat(headers: &Headers) -> bool {
    headers.get(REPEAT).is_some()
}

/// Marks an entry of a route queue as one that no route can work on.
pub(super) fn mark_flaw(headers: &mut Headers, flaw: &str) {
    headers.set(FLAW, flaw);
}

/// Why no route can work on an entry.
pub(super) fn flaw(headers: &Headers) -> Option<&str> {
    headers.get(FLAW)
}

/// The headers without the flaw: an operator wants the message worked on all the same.
pub(super) fn without_flaw(mut headers: Headers) -> Headers {
    headers.remove(FLAW);
    headers
}

/// The headers of an entry that is no delivery, but calls what is parked of a key to come.
pub(super) fn call(ordered_key: i64) -> Headers {
    Headers::from_iter([(CALL, ordered_key.to_string())])
}

/// The key of which an entry calls what is parked.
pub(super) fn called_key(headers: &Headers) -> Option<i64> {
    number(headers, CALL)
}

/// The entry that called what is parked: it is what stands in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Called {
    /// The key that it calls.
    pub(super) key: i64,
    id: MessageId,
    received_at: Timestamp,
}

impl Called {
    fn of(headers: &Headers) -> Option<Self> {
        let mut parts = headers.get(CALLED)?.split(' ');
        let key = parts.next()?.parse().ok()?;
        let id = parts.next()?.parse().ok()?;
        let received_at = Timestamp::from_millis(parts.next()?.parse().ok()?);
        Some(Self { key, id, received_at })
    }

    /// The entry, as it stands in the queue.
    pub(super) fn entry(&self) -> Entry {
        let Self { key, id, received_at } = *self;
        Entry { id, received_at, headers: call(key), body: Bytes::new() }
    }
}

/// Headers of a parked delivery as it is handed out in the place of the entry that called it.
pub(super) fn mark_called(headers: &mut Headers, ordered_key: i64, call: &Entry) {
    let at = call.received_at.as_millis();
    headers.set(CALLED, format!("{ordered_key} {} {at}", call.id));
}

/// Whether a delivery is parked, and was handed out in the place of an entry that called it.
pub(super) fn is_called(headers: &Headers) -> bool {
    headers.get(CALLED).is_some()
}

/// Notes the number of a delivery among those of its key.
pub(super) fn mark_seq(headers: &mut Headers, seq: Option<i64>) {
    if let Some(seq) = seq {
        headers.set(SEQ, seq.to_string());
    }
}

/// Marks an entry of a route queue as one of which an operator wants to be sent only what goes to
/// this target.
pub(super) fn send_only_to(headers: &mut Headers, target: &Endpoint) {
    headers.set(ONLY_TO, target.to_string());
}

/// The only target that a message is to be sent to, where an operator wants that.
pub(super) fn only_to(headers: &Headers) -> Option<Endpoint> {
    Endpoint::parse(headers.get(ONLY_TO)?)
}

/// Notes within which span what comes next happens.
pub(super) fn mark_trace(headers: &mut Headers, traced: &Traced) {
    headers.set(TRACE, traced.context.header());
    if let Some(state) = &traced.state {
        headers.set(TRACESTATE, &**state);
    }
}

/// Within which span what comes next happens; `None`: nothing was traced where it was made.
pub(super) fn traced(headers: &Headers) -> Option<Traced> {
    Traced::of(headers.get(TRACE)?, headers.get(TRACESTATE))
}

/// The state of a delivery that waits in its queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope {
    /// Which of the deliveries of its message to its target.
    pub(super) ordinal: u32,
    /// Its `Idempotency-Key`.
    pub(super) key: Digest,
    /// What the target's parameters yielded.
    pub(super) parameters: Vec<String>,
    /// The generation of files that made it.
    pub(super) generation: i64,
    /// Attempts so far.
    pub(super) attempts: u32,
    /// Since when every attempt found the target unavailable; `give_up` counts from here.
    pub(super) failing_since: Option<Timestamp>,
    /// How often an attempt panicked.
    pub(super) panics: u32,
    /// What the last attempt came to, for people who look at the queue.
    pub(super) reason: Option<String>,
    /// Its message may have been accepted twice.
    pub(super) may_repeat: bool,
    /// Its number among the deliveries of its key, once it is known.
    pub(super) seq: Option<i64>,
    /// It is parked, and was handed out in the place of this entry.
    pub(super) called: Option<Called>,
    /// Within which span it was made.
    pub(super) traced: Option<Arc<Traced>>,
}

impl Envelope {
    /// Of a delivery that was not tried yet.
    pub(super) fn first(
        made: &Made,
        generation: i64,
        (may_repeat, traced): (bool, Option<Arc<Traced>>),
    ) -> Self {
        Self {
            traced,
            ordinal: made.ordinal,
            key: made.key,
            parameters: made.parameters.clone(),
            generation,
            attempts: 0,
            failing_since: None,
            panics: 0,
            reason: None,
            may_repeat,
            seq: None,
            called: None,
        }
    }

    /// As headers of a queue entry.
    pub(super) fn to_headers(&self) -> Headers {
        let mut headers = Headers::default();
        headers.set(ORDINAL, self.ordinal.to_string());
        headers.set(KEY, self.key.to_string());
        if !self.parameters.is_empty() {
            let list = serde_json::to_string(&self.parameters).unwrap_or_default();
            headers.set(PARAMETERS, list);
        }
        headers.set(GENERATION, self.generation.to_string());
        headers.set(ATTEMPTS, self.attempts.to_string());
        if let Some(since) = self.failing_since {
            headers.set(FAILING_SINCE, since.as_millis().to_string());
        }
        if self.panics > 0 {
            headers.set(PANICS, self.panics.to_string());
        }
        if let Some(reason) = &self.reason {
            headers.set(REASON, reason.clone());
        }
        if self.may_repeat {
            mark_repeat(&mut headers);
        }
        mark_seq(&mut headers, self.seq);
        if let Some(traced) = &self.traced {
            mark_trace(&mut headers, traced);
        }
        headers
    }

    /// Reads what [`to_headers`](Self::to_headers) wrote; `None` if it is not that.
    pub(super) fn of(headers: &Headers) -> Option<Self> {
        let parameters = match headers.get(PARAMETERS) {
            Some(list) => serde_json::from_str(list).ok()?,
            None => Vec::new(),
        };
        Some(Self {
            ordinal: number(headers, ORDINAL)?,
            key: headers.get(KEY)?.parse().ok()?,
            parameters,
            generation: number(headers, GENERATION)?,
            attempts: number(headers, ATTEMPTS)?,
            failing_since: number(headers, FAILING_SINCE).map(Timestamp::from_millis),
            panics: panics(headers),
            reason: headers.get(REASON).map(str::to_owned),
            may_repeat: may_repeat(headers),
            seq: number(headers, SEQ),
            called: Called::of(headers),
            traced: traced(headers).map(Arc::new),
        })
    }

    /// What stands in for the envelope of an entry that has none.
    pub(super) fn foreign(key: Digest) -> Self {
        Self {
            ordinal: 0,
            key,
            parameters: Vec::new(),
            generation: 0,
            attempts: 0,
            failing_since: None,
            panics: 0,
            reason: None,
            may_repeat: false,
            seq: None,
            called: None,
            traced: None,
        }
    }

    /// The headers that go out with an attempt.
    pub(super) fn outgoing(&self, entry: &Entry, possible_duplicate: bool) -> Headers {
        let attempt = Outgoing {
            key: self.key,
            message: entry.id,
            accepted_at: entry.received_at.to_string(),
            attempt: self.attempts.saturating_add(1),
            may_repeat: possible_duplicate || self.may_repeat,
            seq: self.seq,
        };
        attempt.headers()
    }

    /// How the ledger knows this delivery.
    pub(super) fn delivery_id(&self, route: &Arc<str>, to: &Endpoint, entry: &Entry) -> DeliveryId {
        DeliveryId {
            route: Arc::clone(route),
            message: entry.id,
            target: to.clone(),
            ordinal: self.ordinal,
        }
    }
}

/// What a target is told beside the body.
pub(super) struct Outgoing {
    /// The delivery's key.
    pub(super) key: Digest,
    pub(super) message: MessageId,
    /// When the message was accepted, as text: many have the same.
    pub(super) accepted_at: String,
    /// Which attempt it is, from 1.
    pub(super) attempt: u32,
    /// It may have been sent before.
    pub(super) may_repeat: bool,
    /// Its number among the deliveries of its key.
    pub(super) seq: Option<i64>,
}

impl Outgoing {
    /// As headers of a call.
    pub(super) fn headers(self) -> Headers {
        let mut headers = Headers::default();
        headers.set("idempotency-key", self.key.to_string());
        headers.set("simpul-message-id", self.message.to_string());
        headers.set("simpul-accepted-at", self.accepted_at);
        headers.set("simpul-attempt", self.attempt.to_string());
        if self.may_repeat && !crash::sabotaged(Sabotage::DropFlag) {
            headers.set(REPEAT, "true");
        }
        mark_seq(&mut headers, self.seq);
        headers
    }
}

fn number<T: std::str::FromStr>(headers: &Headers, name: &str) -> Option<T> {
    headers.get(name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_survives_its_queue() {
        let traced =
            Traced::of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some("a=1"));
        let envelope = Envelope {
            ordinal: 3,
            key: Digest::of(&[b"x"]),
            parameters: vec!["a b".to_owned()],
            generation: 7,
            attempts: 2,
            failing_since: Some(Timestamp::from_millis(99)),
            panics: 1,
            reason: Some("503".to_owned()),
            may_repeat: true,
            seq: Some(12),
            called: None,
            traced: traced.map(Arc::new),
        };
        assert_eq!(Envelope::of(&envelope.to_headers()), Some(envelope));
        assert_eq!(Envelope::of(&Headers::default()), None);
    }

    #[test]
    fn a_delivery_queue_is_known_by_its_name() {
        let target = Endpoint::parse("arsip.daftar").unwrap();
        let name = delivery_queue("sppd-terbit", &target);
        assert_eq!(parse_delivery_queue(&name), Some(("sppd-terbit".into(), target)));
        assert_eq!(parse_delivery_queue("simpul.route.sppd-terbit"), None);
    }
}
