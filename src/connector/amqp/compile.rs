//! From what the author wrote under `amqp:` to sources and targets that can be used.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

use super::{
    super::{OpenSource, OpenTarget, Parameter, Pulled, http, rhythm::rhythm},
    connection::Shared,
    headers,
    source::{AmqpSource, Reading},
    spec::{AmqpSourceSpec, AmqpSpec, AmqpTargetSpec},
    target::{AmqpTarget, Part, Parts},
};
use crate::{
    amqp::{Address, ID_BYTES_MAX},
    diagnostic::{Code, Entries, Located, Report, Span, text},
    expr::Template,
    message::Digest,
};

/// The longest name of a queue or exchange, and the longest routing key, in bytes.
const NAME_BYTES_MAX: usize = ID_BYTES_MAX;

/// Messages of a source in hand, unless the file says otherwise: enough for one commit to take
/// many, and few enough for large ones.
pub(super) const PREFETCH: u16 = 100;

/// What can be said of it.
const PREFETCH_RANGE: RangeInclusive<u64> = 1..=10_000;

impl AmqpSpec {
    /// Compiles what the author wrote, adding everything wrong with it to `report`.
    pub fn compile(&self, system: &str, report: &mut Report) -> (Vec<OpenTarget>, Vec<OpenSource>) {
        let address = self.address(report);
        let ca = self.ca.as_ref().map(|it| it.value.clone());
        let shared = address.map(|it| Arc::new(Shared::new(it, ca)));
        let targets = self.targets.iter().filter_map(|(name, spec)| {
            let endpoint = http::endpoint(system, name, report);
            let (parts, parameters) = spec.compile(name, report).unzip();
            let (endpoint, shared) = (endpoint?, Arc::clone(shared.as_ref()?));
            Some(OpenTarget {
                endpoint,
                target: Arc::new(AmqpTarget::new(shared, parts?)),
                parameters: parameters?.into(),
                schema: spec.schema.clone(),
                answers: BTreeMap::new(),
                digest: self.digest(&spec.texts()),
            })
        });
        let targets = targets.collect();
        let sources = self.sources.iter().filter_map(|(name, spec)| {
            let endpoint = http::endpoint(system, name, report);
            let reading = spec.compile(report);
            let (endpoint, shared) = (endpoint?, Arc::clone(shared.as_ref()?));
            let source = AmqpSource { endpoint: endpoint.clone(), shared, reading: reading? };
            let digest = self.digest(&spec.texts());
            let pull = Some(Pulled { pull: Arc::new(source), digest });
            let schema = spec.schema.clone();
            let expect_every = rhythm(spec.expect_every.as_ref(), report);
            Some(OpenSource { endpoint, schema, api_keys: Vec::new(), expect_every, pull })
        });
        (targets, sources.collect())
    }

    /// Messages here never show the text: it holds a password.
    fn address(&self, report: &mut Report) -> Option<Address> {
        let text = self.url.value.reveal();
        let scheme = text.starts_with("amqp://") || text.starts_with("amqps://");
        let Some(address) = Address::parse(text).ok().filter(|_| scheme) else {
            report.error(self.url.at, Code::WrongKind, "not the address of a RabbitMQ").help(
                "write `amqps://user:password@host:5671/vhost`, the password from `${env:…}`",
            );
            return None;
        };
        check_encryption(text, &address, self.url.at, report);
        if let Some(ca) = &self.ca {
            check_ca(ca, report);
        }
        Some(address)
    }

    /// Changes when anything does that the source or target of these texts depends on.
    fn digest(&self, texts: &[String]) -> Digest {
        let ca = self.ca.as_ref().map_or("", |it| it.value.as_str());
        let mut parts: Vec<&[u8]> = vec![self.url.value.reveal().as_bytes(), ca.as_bytes()];
        parts.extend(texts.iter().map(String::as_bytes));
        Digest::of(&parts)
    }
}

/// Warns where passwords and messages could be read on their way.
pub fn check_encryption(text: &str, address: &Address, at: Span, report: &mut Report) {
    if !text.starts_with("amqps:") && !address.is_loopback() {
        report
            .warn(at, Code::WrongKind, "password and messages travel unencrypted")
            .help("use an `amqps://` address");
    }
}

/// Makes sure that there is a certificate in what is to be trusted.
pub fn check_ca(ca: &Located<String>, report: &mut Report) {
    if !ca.value.contains("-----BEGIN CERTIFICATE-----") {
        report
            .error(ca.at, Code::WrongKind, "no certificate in it")
            .help("write `${file:PATH}` of a file with certificates as PEM");
    }
}

/// What a text says, or that nothing does.
fn told(key: &str, text: Option<&Located<String>>) -> String {
    format!("{key}={}", text.map_or("", |it| it.value.as_str()))
}

impl AmqpTargetSpec {
    fn texts(&self) -> Vec<String> {
        let mut texts = vec![
            told("exchange", self.exchange.as_ref()),
            told("routing_key", self.routing_key.as_ref()),
            told("queue", self.queue.as_ref()),
            told("type", self.kind.as_ref()),
            told("schema", self.schema.as_ref()),
        ];
        texts.extend(self.headers.iter().map(|(name, it)| format!("{}:{}", name.value, it.value)));
        texts
    }

    /// The parts, and what is to be evaluated for each call. `name`: the target's.
    fn compile(
        &self,
        name: &Located<String>,
        report: &mut Report,
    ) -> Option<(Parts, Vec<Parameter>)> {
        let mut parameters = Vec::new();
        let place = self.place(name, &mut parameters, report);
        let kind = match &self.kind {
            None => Some(None),
            Some(text) => part(text, "type", &mut parameters, report).map(Some),
        };
        let mut headers = Vec::new();
        for (name, text) in self.headers.iter() {
            let checked = header_name(name, &self.headers, report);
            let place = format!("header {}", name.value);
            let value = part(text, &place, &mut parameters, report);
            headers.extend(checked.zip(value));
        }
        let (exchange, routing_key) = place?;
        let whole = headers.len() == self.headers.iter().count();
        let parts = Parts { exchange, routing_key, kind: kind?, headers };
        whole.then_some((parts, parameters))
    }

    /// Where to: an exchange with its routing key, or a queue behind the default exchange.
    fn place(
        &self,
        name: &Located<String>,
        parameters: &mut Vec<Parameter>,
        report: &mut Report,
    ) -> Option<(String, Part)> {
        let help = || text!("write `exchange:` with `routing_key:`, or `queue:`");
        match (&self.exchange, &self.routing_key, &self.queue) {
            (None, None, Some(queue)) => {
                let queue = named(queue, "queue", report)?;
                Some((String::new(), Part::Literal(queue)))
            }
            (Some(exchange), key, None) => {
                let exchange = named(exchange, "exchange", report);
                let key = match key {
                    Some(key) => part(key, "routing_key", parameters, report),
                    None => Some(Part::Literal(String::new())),
                };
                Some((exchange?, key?))
            }
            (None, Some(key), _) => {
                report
                    .error(key.at, Code::Missing, "a `routing_key` without `exchange`")
                    .help(help());
                None
            }
            (Some(_), _, Some(queue)) => {
                report.error(queue.at, Code::OutOfPlace, "`queue` beside `exchange`").help(help());
                None
            }
            (None, None, None) => {
                let message = text!("a target without an exchange or a queue");
                report.error(name.at, Code::Missing, message).help(help());
                None
            }
        }
    }
}

/// A header's name that an author may set.
fn header_name(
    name: &Located<String>,
    all: &Entries<Located<String>>,
    report: &mut Report,
) -> Option<String> {
    let is_letter = |it: u8| it.is_ascii_graphic();
    if name.value.is_empty()
        || ID_BYTES_MAX < name.value.len()
        || !name.value.bytes().all(is_letter)
    {
        let message = text!("`{}` is not the name of a header", &name.value);
        let found = report.error(name.at, Code::WrongKind, message);
        found.help("write letters, digits and `-`: `X-Kode-Satker`");
        return None;
    }
    let lower = name.value.to_ascii_lowercase();
    if headers::steers(&lower) && lower != "x-delay" {
        let message = text!("header `{}` is set by simpul or RabbitMQ", &name.value);
        report.error(name.at, Code::WrongKind, message).help("take it out");
        return None;
    }
    let same = |other: &Located<String>| other.value.eq_ignore_ascii_case(&name.value);
    if 1 < all.iter().filter(|(other, _)| same(other)).count() {
        let message = text!("header `{}` twice", &name.value);
        report.error(name.at, Code::Duplicate, message).help("names differ in more than case");
        return None;
    }
    Some(name.value.clone())
}

/// A text with or without `${…}`. Never shows the text: it may come from the environment.
fn part(
    text: &Located<String>,
    place: &str,
    parameters: &mut Vec<Parameter>,
    report: &mut Report,
) -> Option<Part> {
    let template = match Template::parse(&text.value) {
        Ok(template) => template,
        Err(error) => {
            let at = text.at.within(&text.value, error.at);
            let found = report.error(at, Code::Expression, text!("the {} does not parse", &place));
            found.label(error.message);
            if let Some(help) = error.help {
                found.help(help);
            }
            return None;
        }
    };
    if let Some(literal) = template.literal() {
        if NAME_BYTES_MAX < literal.len() || literal.chars().any(char::is_control) {
            let message = text!("a {} that AMQP cannot carry", &place);
            let help = text!("write at most 200 bytes, without line breaks and control characters");
            report.error(text.at, Code::WrongKind, message).help(help);
            return None;
        }
        return Some(Part::Literal(literal.to_owned()));
    }
    let part = Part::Parameter(parameters.len());
    parameters.push(Parameter { template, place: place.to_owned(), encode: str::to_owned });
    Some(part)
}

/// The name of a queue or an exchange.
fn named(text: &Located<String>, what: &str, report: &mut Report) -> Option<String> {
    let name = &text.value;
    let valid = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control);
    if !valid {
        let message = match what {
            "queue" => text!("not the name of a queue"),
            _ => text!("not the name of an exchange"),
        };
        report.error(text.at, Code::WrongKind, message).help("write 1 to 200 bytes");
        return None;
    }
    if name.contains("${") {
        let message = text!("`${…}` in the name of the {}", &what);
        let found = report.error(text.at, Code::OutOfPlace, message);
        found.help("only `routing_key`, `type` and `headers` of a target may hold expressions");
        return None;
    }
    Some(name.clone())
}

impl AmqpSourceSpec {
    fn texts(&self) -> Vec<String> {
        let mut texts = vec![told("queue", Some(&self.queue))];
        texts.push(format!("{:?}", self.declare.as_ref().map(|it| it.value)));
        texts.push(format!("{:?}", self.prefetch.as_ref().map(|it| it.value)));
        texts.extend(self.trust.iter().map(|it| format!("{:?}", it.value)));
        for bind in &self.bind {
            texts.push(told("exchange", Some(&bind.exchange)));
            texts.push(told("routing_key", bind.routing_key.as_ref()));
        }
        texts
    }

    fn compile(&self, report: &mut Report) -> Option<Reading> {
        let queue = named(&self.queue, "queue", report);
        if queue.as_ref().is_some_and(|it| it.starts_with("simpul.")) {
            report
                .error(self.queue.at, Code::OutOfPlace, "a queue of simpul itself")
                .help("name the queue that the system publishes to");
            return None;
        }
        let mut bindings = Vec::new();
        for bind in &self.bind {
            let exchange = named(&bind.exchange, "exchange", report);
            let key = bind.routing_key.as_ref();
            if let Some(long) = key.filter(|it| NAME_BYTES_MAX < it.value.len()) {
                let message = text!("a routing key of more than 200 bytes");
                report.error(long.at, Code::WrongKind, message);
            }
            bindings
                .extend(exchange.map(|it| (it, key.map_or(String::new(), |it| it.value.clone()))));
        }
        let prefetch = match &self.prefetch {
            None => PREFETCH,
            Some(text) if PREFETCH_RANGE.contains(&text.value) => {
                u16::try_from(text.value).unwrap_or(PREFETCH)
            }
            Some(text) => {
                let found = report.error(text.at, Code::WrongKind, "a limit out of range");
                found.help("write a number from 1 to 10000");
                PREFETCH
            }
        };
        Some(Reading {
            queue: queue?,
            declare: self.declare.as_ref().map(|it| it.value),
            bindings,
            prefetch,
            trust: self.trust.iter().map(|it| it.value).collect(),
        })
    }
}
