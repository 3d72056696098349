//! What the author of a system file writes under `amqp:`. The comments are its manual.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    super::{Classification, Secret},
    compile::PREFETCH,
};
use crate::diagnostic::{
    Entries, Located,
    describe::{NAME, SchemaPath, TemplateText},
    units::DurationText,
};

/// A system that speaks AMQP: it publishes to queues of a RabbitMQ (`sources`), reads from one
/// (`targets`), or both.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmqpSpec {
    /// The address of the RabbitMQ: `amqps://user:password@host:5671/vhost`.
    pub url: Located<Secret>,
    /// Certificate authorities to trust *beside* those of the operating system, as PEM text:
    /// `${file:/etc/simpul/ca-kpu.pem}`. For an agency with an authority of its own.
    pub ca: Option<Located<String>>,
    /// What can be published for the system, by name.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": NAME }))]
    pub targets: Entries<AmqpTargetSpec>,
    /// The queues that the system publishes to, by name.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": NAME }))]
    pub sources: Entries<AmqpSourceSpec>,
}

/// What can be published for the system: to an exchange, or straight to a queue.
///
/// ```yaml
/// targets:
///   mutasi: { exchange: kepegawaian, routing_key: "mutasi.${$.jenis}" }
///   naskah: { queue: arsip.masuk }
/// ```
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["exchange"] }, { "required": ["queue"] }]))]
pub struct AmqpTargetSpec {
    /// The exchange to publish to. It is not declared: it must be there.
    pub exchange: Option<Located<String>>,
    /// The routing key, up to 200 bytes; may hold `${…}`, which is put in as it is. Empty unless
    /// said.
    #[schemars(with = "Option<TemplateText>")]
    pub routing_key: Option<Located<String>>,
    /// The queue to publish to, in place of `exchange` and `routing_key`. It must be there.
    pub queue: Option<Located<String>>,
    /// Headers sent with the message; may hold `${…}`.
    #[serde(default)]
    #[schemars(with = "Entries<TemplateText>")]
    pub headers: Entries<Located<String>>,
    /// The property `type` of the message: what it is about. May hold `${…}`.
    #[serde(rename = "type")]
    #[schemars(with = "Option<TemplateText>")]
    pub kind: Option<Located<String>>,
    /// The JSON Schema of what the target takes; a body that does not fit is refused here.
    #[schemars(with = "Option<SchemaPath>")]
    pub schema: Option<Located<String>>,
    /// The highest class of data that it may be sent, where that is less than its system's.
    pub classification: Option<Located<Classification>>,
}

/// A queue that the system publishes to. It is consumed as it is, of whatever type and arguments.
///
/// ```yaml
/// sources:
///   koreksi: { queue: absensi.koreksi, schema: schemas/koreksi.schema.json }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmqpSourceSpec {
    /// The queue. It must be there, unless `declare` says otherwise.
    pub queue: Located<String>,
    /// The JSON Schema of what the source sends; what does not fit becomes a dead letter.
    #[schemars(with = "Option<SchemaPath>")]
    pub schema: Option<Located<String>>,
    /// The highest class of data that it sends, where that is less than its system's.
    pub classification: Option<Located<Classification>>,
    /// The longest that it is quiet while all is well: after that `simpul alerts` has an alert.
    #[schemars(extend("examples" = ["1h"]))]
    pub expect_every: Option<Located<DurationText>>,
    /// Declares the queue where it is missing: durable, of this type, without further arguments.
    pub declare: Option<Located<QueueKind>>,
    /// Binds the queue to exchanges. They are not declared: they must be there.
    #[serde(default)]
    pub bind: Vec<BindSpec>,
    /// Messages in hand at most, from 1 to 10000: 100 unless said. Fewer where they are large.
    #[schemars(range(min = 1, max = 10_000), extend("default" = PREFETCH))]
    pub prefetch: Option<Located<u64>>,
    /// What of the senders' properties is believed: `[message-id]` takes the message id for an
    /// idempotency key, so that a second message with the same id and body is no second message.
    /// Nothing unless said: many clients number their messages from 1 with each start.
    #[serde(default)]
    pub trust: Vec<Located<Trusted>>,
}

/// What a queue is bound to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BindSpec {
    /// The exchange.
    pub exchange: Located<String>,
    /// The routing key, or a pattern of a topic exchange: `mutasi.#`. Empty unless said.
    pub routing_key: Option<Located<String>>,
}

/// The type of a queue that is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueueKind {
    /// Replicated; survives the loss of a machine.
    Quorum,
    /// On one machine.
    Classic,
}

/// A property that can be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trusted {
    /// The message id: a second message with the same one is a repeat.
    MessageId,
}
