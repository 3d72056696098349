//! What integrators write: system files and route files. The comments are their manual.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    connector::{AnswerClass, Classification, amqp::AmqpSpec, files::FilesSpec, http::HttpSpec},
    diagnostic::{
        Entries, Located, Node,
        describe::{Either, EndpointName, Expression, Name, OneOrMany, Shape},
        units::DurationText,
    },
    step::StepSpec,
};

use super::{
    plan::{Bodies, OnExhausted, Unmatched},
    retry::RetrySpec,
    routes::WINDOW,
};

/// A system file: `connectors/<system>.yaml`.
///
/// Has no `Debug`: what `${env:…}` and `${file:…}` were filled in with stands in it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [
    { "required": ["http"] }, { "required": ["amqp"] }, { "required": ["files"] },
]))]
pub struct SystemFile {
    /// The system's name, the same as that of the file.
    #[schemars(with = "Name")]
    pub system: Located<String>,
    /// What people call the system.
    pub name: Option<Located<String>>,
    /// Who answers for the system.
    pub owner: Option<OwnerSpec>,
    /// The highest class of data that the system may hold: `biasa`, `terbatas`, `rahasia` or
    /// `sangat_rahasia`. Also that of each of its sources and targets that says none of its own.
    pub classification: Option<Classification>,
    /// How deliveries to its targets are tried again, unless a route says otherwise: the name of a
    /// policy in `simpul.yaml`, or `{ first, factor, max, give_up }`.
    #[schemars(with = "Option<Either<RetrySpec, String>>")]
    pub retry: Option<Node>,
    /// What it speaks over HTTP.
    pub http: Option<HttpSpec>,
    /// What it speaks over AMQP.
    pub amqp: Option<AmqpSpec>,
    /// Which files it takes.
    pub files: Option<FilesSpec>,
}

/// Who answers for a system.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnerSpec {
    /// The unit of the agency.
    pub unit: Located<String>,
    /// How to reach it.
    pub contact: Located<String>,
}

/// A route file: `routes/<route>.yaml`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteFile {
    /// The route's name, the same as that of the file.
    #[schemars(with = "Name")]
    pub route: Located<String>,
    /// What the route is for, in a sentence.
    pub summary: Option<Located<String>>,
    /// The unit that answers for it.
    pub owner: Option<Located<String>>,
    /// The source that it reads: `system.source`.
    #[schemars(with = "EndpointName")]
    pub from: Located<String>,
    /// How a message is recognised that was accepted before: an expression, a list of them, or
    /// `{ key, body, window }`.
    #[schemars(with = "Option<Either<IdentitySpec, OneOrMany<Expression>>>")]
    pub identity: Option<Node>,
    /// Messages for which this yields the same reach each target in the order of their arrival.
    #[schemars(with = "Option<Expression>")]
    pub order_by: Option<Located<String>>,
    /// What operators will search for: a name and an expression for each.
    #[serde(default)]
    #[schemars(with = "Entries<Expression>")]
    pub search: Entries<Located<String>>,
    /// What is kept of the bodies that it accepts and sends, to be looked at later: `none` (so unless
    /// said), `digest` (their SHA-256) or `full` (sealed under a key of `body_keys` in
    /// `simpul.yaml`, which then seals all that stands of them on the disk).
    #[schemars(extend("default" = "none"))]
    pub bodies: Option<Located<Bodies>>,
    /// How long that is kept: as long as `retention` in `simpul.yaml` says, unless said here. Only
    /// with `bodies`.
    #[schemars(extend("examples" = ["30d"]))]
    pub retention: Option<Located<DurationText>>,
    /// What is done with a message, in this order.
    #[serde(default)]
    pub steps: Vec<Located<StepSpec>>,
    /// Where it goes.
    #[schemars(extend("minItems" = 1))]
    pub to: Located<Vec<DestinationSpec>>,
    /// How deliveries are tried again, unless a target says otherwise: the name of a policy in
    /// `simpul.yaml`, or `{ first, factor, max, give_up }`.
    #[schemars(with = "Option<Either<RetrySpec, String>>")]
    pub retry: Option<Node>,
    /// How old a message may be when it is sent: what is not delivered by then is `expired`.
    pub ttl: Option<Located<DurationText>>,
    /// Within which time a message is to be delivered: an older one that still waits makes an alert
    /// (`simpul alerts`). Unless said an hour, or half of `ttl` where that is shorter.
    #[schemars(extend("examples" = ["15m"]))]
    pub deliver_within: Option<Located<DurationText>>,
    /// What becomes of the order of a key whose delivery is given up: `park_key` (so unless said),
    /// `dead_letter` or `block`. Only with `order_by`.
    #[schemars(extend("default" = "park_key"))]
    pub on_exhausted: Option<Located<OnExhausted>>,
    /// What becomes of a message that every target skipped: `dead` (so unless said) or `filter`.
    #[schemars(extend("default" = "dead"))]
    pub unmatched: Option<Unmatched>,
}

/// A target of a route.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DestinationSpec {
    /// Which: `system.target`.
    #[schemars(with = "EndpointName")]
    pub target: Located<String>,
    /// The message goes there only where this holds.
    #[schemars(with = "Option<Expression>")]
    pub when: Option<Located<String>>,
    /// One delivery for each item of this array; `@` is the item.
    #[schemars(with = "Option<Expression>")]
    pub each: Option<Located<String>>,
    /// The shape of what is sent; without it, the body as it is.
    #[schemars(with = "Option<Shape>")]
    pub map: Option<Node>,
    /// The fields that are taken out of what the source sends before it goes there: needed where
    /// the target may hold less than the source. `check` sees to it that none of them goes out.
    #[serde(default)]
    pub takes_out: Vec<Located<String>>,
    /// How a delivery is tried again: the name of a policy, or `{ first, factor, max, give_up }`.
    #[schemars(with = "Option<Either<RetrySpec, String>>")]
    pub retry: Option<Node>,
    /// How old a message may be when it is sent there.
    pub ttl: Option<Located<DurationText>>,
    /// Within which time a message is to be delivered there.
    #[schemars(extend("examples" = ["15m"]))]
    pub deliver_within: Option<Located<DurationText>>,
    /// What becomes of the order of a key whose delivery there is given up.
    pub on_exhausted: Option<Located<OnExhausted>>,
    /// How answers are sorted otherwise than usual: `{ 409: delivered }`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": "^[345][0-9][0-9]$" }))]
    pub answers: Entries<AnswerClass, u16>,
}

/// The long form of `identity`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {
    /// The business key: an expression, or a list of them.
    #[schemars(with = "OneOrMany<Expression>")]
    pub key: Node,
    /// `compare` (so unless said): a message with the same key and another body is no repeat.
    /// `ignore`: it is one.
    #[serde(default)]
    #[schemars(extend("default" = "compare"))]
    pub body: IdentityBody,
    /// How long a message is remembered: `7d` unless said.
    #[schemars(extend("default" = DurationText(WINDOW).to_string()))]
    pub window: Option<Located<DurationText>>,
}

/// Whether the body counts in telling repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityBody {
    /// Another body makes another message.
    #[default]
    Compare,
    /// The key alone counts.
    Ignore,
}
