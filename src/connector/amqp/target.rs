//! AMQP targets: one delivery is one message, published and confirmed.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::timeout;

use super::{
    super::{Answer, Call, CallError, Class, Draft, Reached, Speaks, Target},
    connection::Shared,
    headers,
    reach::{Wanted, reach},
};
use crate::amqp::{CERTIFICATE, LinkState, Publication, PublishFailure, Publisher};

/// How long the first connection may take before a delivery is put off.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);

/// Words of RabbitMQ and of TLS that say that no patience will help.
const MISCONFIGURED: [&str; 4] =
    ["ACCESS_REFUSED", "NOT_ALLOWED", CERTIFICATE, "invalid certificate"];

/// A target of an AMQP system.
pub(super) struct AmqpTarget {
    shared: Arc<Shared>,
    parts: Parts,
    /// A channel of its own: an exchange that is not there ends the channel, for all that use it.
    publisher: OnceLock<Publisher>,
}

/// What a target's own part of the file yields.
pub(super) struct Parts {
    /// Empty for the default exchange.
    pub(super) exchange: String,
    pub(super) routing_key: Part,
    /// The property `type`.
    pub(super) kind: Option<Part>,
    pub(super) headers: Vec<(String, Part)>,
}

/// A part of a call: as written, or the parameter with this index.
pub(super) enum Part {
    Literal(String),
    Parameter(usize),
}

impl Part {
    fn text<'a>(&'a self, parameters: &'a [String]) -> Result<&'a str, CallError> {
        match self {
            Self::Literal(text) => Ok(text),
            Self::Parameter(index) => {
                let missing = "bug: the call has fewer parameters than its target asks for";
                let text = parameters.get(*index).map(String::as_str);
                text.ok_or_else(|| failed(Class::Refused, missing.to_owned()))
            }
        }
    }
}

impl AmqpTarget {
    pub(super) fn new(shared: Arc<Shared>, parts: Parts) -> Self {
        Self { shared, parts, publisher: OnceLock::new() }
    }

    fn publication(&self, call: Call) -> Result<Publication, CallError> {
        let Call { body, parameters, headers } = call;
        let mut own = BTreeMap::new();
        for (name, value) in &self.parts.headers {
            own.insert(name.clone(), value.text(&parameters)?.to_owned());
        }
        let mut properties = headers::outgoing(headers, own);
        if let Some(kind) = &self.parts.kind {
            properties.kind = Some(kind.text(&parameters)?.to_owned());
        }
        let exchange = self.parts.exchange.clone();
        let routing_key = self.parts.routing_key.text(&parameters)?.to_owned();
        Ok(Publication { exchange, routing_key, properties, body })
    }

    fn judge(&self, failure: PublishFailure) -> CallError {
        let reason = failure.to_string();
        match failure {
            PublishFailure::Nacked => failed(Class::Unavailable, reason),
            PublishFailure::Unsendable { .. } => failed(Class::Refused, reason),
            PublishFailure::Returned { code, .. } => {
                CallError { status: Some(code), ..failed(Class::Misconfigured, reason) }
            }
            PublishFailure::Unknown { .. } => failed(self.class_of(&reason), reason),
        }
    }

    /// What an end of the channel or the connection means for this target.
    fn class_of(&self, reason: &str) -> Class {
        let no_exchange = format!("no exchange '{}'", self.parts.exchange);
        let misconfigured =
            reason.contains(&no_exchange) || MISCONFIGURED.iter().any(|it| reason.contains(it));
        if misconfigured { Class::Misconfigured } else { Class::Unavailable }
    }
}

#[async_trait]
impl Target for AmqpTarget {
    async fn send(&self, call: &Call) -> Result<Answer, CallError> {
        let outcome = self.send_all(vec![call.clone()]).await.pop();
        outcome.unwrap_or_else(|| Err(failed(Class::Unavailable, "bug: no outcome".to_owned())))
    }

    async fn send_all(&self, calls: Vec<Call>) -> Vec<Result<Answer, CallError>> {
        let link = self.shared.publishing();
        // The first delivery opens the connection, and need not fail for that.
        let first = link.changed(&LinkState::Down(None));
        let _ = timeout(CONNECT_TIME_MAX, first).await;
        let publisher = self.publisher.get_or_init(|| Publisher::open(link));
        let mut publications = Vec::with_capacity(calls.len());
        let made =
            calls.into_iter().map(|call| self.publication(call).map(|it| publications.push(it)));
        let made: Vec<Result<(), CallError>> = made.collect();
        let mut outcomes = publisher.publish_all(publications).await.into_iter();
        let answer = |made: Result<(), CallError>| {
            made?;
            let outcome = outcomes.next().unwrap_or_else(|| {
                Err(PublishFailure::Unknown { reason: "bug: no outcome".to_owned() })
            });
            outcome
                .map(|()| Answer { summary: "confirmed".to_owned() })
                .map_err(|it| self.judge(it))
        };
        made.into_iter().map(answer).collect()
    }

    fn rabbitmq(&self) -> Option<&str> {
        Some(self.shared.host())
    }

    fn speaks(&self) -> Speaks {
        let host = self.shared.host().rsplit_once(':').map_or(self.shared.host(), |(host, _)| host);
        Speaks::Amqp { host: host.to_owned(), exchange: self.parts.exchange.clone() }
    }

    async fn reach(&self) -> Result<Reached, CallError> {
        let wanted = match (self.parts.exchange.as_str(), &self.parts.routing_key) {
            ("", Part::Literal(queue)) => Wanted::Queue(queue),
            ("", Part::Parameter(_)) => Wanted::Any,
            (exchange, _) => Wanted::Exchange(exchange),
        };
        reach(self.shared.publishing(), wanted).await
    }

    fn draft(&self, call: &Call) -> Result<Draft, CallError> {
        let Publication { exchange, routing_key, properties, body } =
            self.publication(call.clone())?;
        let line = match exchange.as_str() {
            "" => format!("publish to queue {routing_key}"),
            exchange => format!("publish to exchange {exchange} as {routing_key}"),
        };
        let headers = properties.headers.into_iter().collect();
        Ok(Draft { line, headers, body: Some(body) })
    }
}

pub(super) fn failed(class: Class, reason: String) -> CallError {
    CallError { class, status: None, reason, retry_after: None, suspicious: false }
}
