//! Spans of what a message goes through: accepted, routed, each attempt. Where nothing is traced, none
//! of it is made. Which span comes within which travels with the message, and outlives the process.

use std::{sync::Arc, time::Duration};

use super::{Shared, envelope};
use crate::{
    connector::{Class, Speaks},
    journal::Term,
    ledger::{Cause, Fate},
    message::{Endpoint, Headers, Message, MessageId, Timestamp},
    spans::{Attribute, Context, Kind, Span, TRACEPARENT, TRACESTATE, Traced},
};

/// The header in which a CloudEvent brings its context, where the call has none of its own.
const OF_EVENT: &str = "ce-traceparent";

/// What a message is found by that is part of a trace.
const FOUND_BY: &str = "trace";

impl Shared {
    /// Begins to trace a message that is accepted: marks it with its span, which is within that of its
    /// sender. The span ends when the message is durable.
    pub(super) fn trace_accepted(
        &self,
        message: &mut Message,
        (source, is_fetched): (&Endpoint, bool),
    ) -> Option<Span> {
        self.options.traces.as_ref()?;
        let headers = &mut message.headers;
        let sent = [TRACEPARENT, OF_EVENT].into_iter().find_map(|it| headers.get(it));
        let sent = sent.and_then(Context::parse);
        let context = match sent {
            Some(sent) => sent.next()?,
            None => Context::begin()?,
        };
        // What the sender's tracing wants passed on belongs to the sender's trace.
        let state = sent.and_then(|_| headers.get(TRACESTATE)).map(Into::into);
        let traced = Traced { context, state };
        envelope::mark_trace(headers, &traced);
        let mut attributes: Vec<(&str, Attribute)> = vec![
            ("messaging.operation.type", "receive".into()),
            ("messaging.operation.name", "accept".into()),
            ("messaging.destination.name", source.to_string().into()),
            ("messaging.message.id", message.id.to_string().into()),
            ("messaging.message.body.size", Attribute::Number(message.body.len() as i64)),
        ];
        let kind = if is_fetched {
            attributes.push(("messaging.system", "rabbitmq".into()));
            Kind::Consumer
        } else {
            attributes.push(("messaging.system", "simpul".into()));
            attributes.push(("http.request.method", "POST".into()));
            let path = format!("/v1/{}/{}", source.system, source.name);
            attributes.push(("http.route", path.into()));
            Kind::Server
        };
        Some(Span {
            parent: sent.map(|it| it.span),
            name: format!("accept {source}"),
            kind,
            attributes,
            ..begun(traced, message.received_at)
        })
    }

    /// A span of its own for what is done next with a message; `None`: it is not traced.
    pub(super) fn next_span(&self, headers: &Headers) -> Option<Arc<Traced>> {
        self.options.traces.as_ref()?;
        envelope::traced(headers)?.next().map(Arc::new)
    }

    /// The span of an attempt, and marks the call with it.
    pub(super) fn trace_attempt(
        &self,
        within: Option<&Arc<Traced>>,
        headers: &mut Headers,
    ) -> Option<Traced> {
        self.options.traces.as_ref()?;
        let traced = within?.next()?;
        mark_call(headers, &traced);
        Some(traced)
    }

    /// Hands spans over that have ended now.
    pub(super) fn record(&self, spans: Vec<Span>) {
        let (Some(exporter), false) = (&self.options.traces, spans.is_empty()) else { return };
        let end = self.clock.now();
        exporter.take(spans.into_iter().map(|it| Span { end, ..it }));
    }
}

/// Marks a call with the span that it is made in.
pub(super) fn mark_call(headers: &mut Headers, traced: &Traced) {
    headers.set(TRACEPARENT, traced.context.header());
    if let Some(state) = &traced.state {
        headers.set(TRACESTATE, &**state);
    }
}

/// A span that is within no other and ends as it begins, until more is known.
fn begun(traced: Traced, start: Timestamp) -> Span {
    let Traced { context, state } = traced;
    Span {
        context,
        parent: None,
        state,
        name: String::new(),
        kind: Kind::Internal,
        start,
        end: start,
        attributes: Vec::new(),
        error: None,
    }
}

/// A message that was routed, whatever became of it.
pub(super) fn routed(
    traced: &Traced,
    message: &Message,
    (route, generation, start): (&str, i64, Timestamp),
    (fate, cause): (Fate, Option<&Cause>),
) -> Span {
    let parent = envelope::traced(&message.headers).map(|it| it.context.span);
    let attributes: Vec<(&str, Attribute)> = vec![
        ("messaging.system", "simpul".into()),
        ("messaging.operation.type", "process".into()),
        ("messaging.operation.name", "route".into()),
        ("messaging.message.id", message.id.to_string().into()),
        ("simpul.route", route.into()),
        ("simpul.generation", generation.into()),
        ("simpul.fate", fate.word().into()),
    ];
    Span {
        parent,
        name: format!("route {route}"),
        attributes,
        error: cause.map(|it| it.class.to_string()),
        ..begun(traced.clone(), start)
    }
}

/// One attempt at a delivery.
pub(super) struct Attempt<'a> {
    pub(super) traced: Traced,
    /// The span within which the delivery was made.
    pub(super) within: [u8; 8],
    pub(super) message: MessageId,
    pub(super) route: &'a str,
    pub(super) target: &'a Endpoint,
    pub(super) speaks: Speaks,
    /// Which, from 1.
    pub(super) attempt: u32,
    /// The class; `None`: it was taken.
    pub(super) class: Option<Class>,
    /// The class in one word, and the answer in one line.
    pub(super) answer: (&'static str, &'a str),
    pub(super) end: Timestamp,
    pub(super) took: Duration,
}

impl Attempt<'_> {
    pub(super) fn span(self) -> Span {
        let Self { traced, within, message, route, target, speaks, attempt, class, .. } = self;
        let (word, answer) = self.answer;
        let mut attributes: Vec<(&str, Attribute)> = vec![
            ("messaging.operation.type", "send".into()),
            ("messaging.operation.name", "deliver".into()),
            ("messaging.destination.name", target.to_string().into()),
            ("messaging.message.id", message.to_string().into()),
            ("simpul.route", route.into()),
            ("simpul.attempt", i64::from(attempt).into()),
            ("simpul.class", word.into()),
        ];
        let kind = match speaks {
            Speaks::Http { method, host, port } => {
                attributes.push(("messaging.system", "simpul".into()));
                attributes.push(("http.request.method", method.into()));
                attributes.push(("server.address", host.into()));
                attributes.extend(port.map(|it| ("server.port", i64::from(it).into())));
                let status = answer.split(' ').next().and_then(|it| it.parse::<u16>().ok());
                let status = status.filter(|it| (100..600).contains(it));
                let status = status.map(|it| ("http.response.status_code", i64::from(it).into()));
                attributes.extend(status);
                Kind::Client
            }
            Speaks::Amqp { host, exchange } => {
                attributes.push(("messaging.system", "rabbitmq".into()));
                attributes.push(("server.address", host.into()));
                attributes.push(("simpul.exchange", exchange.into()));
                Kind::Producer
            }
            Speaks::Other => Kind::Producer,
        };
        if class.is_some() {
            attributes.push(("error.type", word.into()));
        }
        let took = i64::try_from(self.took.as_millis()).unwrap_or(i64::MAX);
        let start = Timestamp::from_millis(self.end.as_millis().saturating_sub(took));
        Span {
            parent: Some(within),
            name: format!("deliver {target}"),
            kind,
            end: self.end,
            attributes,
            error: class.map(|_| word.to_owned()),
            ..begun(traced, start)
        }
    }
}

/// The number of the trace that a message is part of.
pub(super) fn trace_of(headers: &Headers) -> Option<String> {
    Some(envelope::traced(headers)?.context.trace_text())
}

/// What finds a message by its trace.
pub(super) fn term(headers: &Headers) -> Option<Term> {
    Term::plain(FOUND_BY.into(), &trace_of(headers)?)
}
