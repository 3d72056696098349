//! `simpul.yaml` as it is written. The comments are its manual.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    connector::Secret,
    diagnostic::{
        Entries, Located,
        units::{DurationText, RateText, SizeText},
    },
    message::Limits,
    route::RetrySpec,
};

/// How this gateway is set up.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::cli) struct SettingsFile {
    /// Where systems hand messages over: `127.0.0.1:8080` unless said.
    #[schemars(extend("default" = "127.0.0.1:8080"))]
    pub(super) listen: Option<Located<String>>,
    /// Where operators look: `127.0.0.1:9464` unless said.
    #[schemars(extend("default" = "127.0.0.1:9464"))]
    pub(super) ops: Option<Located<String>>,
    /// Where messages wait: `embedded` unless said, or a RabbitMQ,
    /// `amqp://user:password@host:5672/vhost`.
    #[schemars(extend("default" = "embedded"))]
    pub(super) broker: Option<Located<Secret>>,
    /// Certificate authorities to trust beside those of the operating system, for a broker behind
    /// `amqps://`, as PEM text: `${file:/etc/simpul/ca-kpu.pem}`.
    pub(super) broker_ca: Option<Located<String>>,
    /// The directory of the store, `./data` unless said; or the PostgreSQL that several gateways
    /// share, `postgres://user:password@host:5432/database`.
    #[schemars(extend("default" = "./data"))]
    pub(super) store: Option<Located<Secret>>,
    /// The file of those who may log in as operators: `users.yaml` in the directory of the store
    /// unless said, which is `./data` where the store is a PostgreSQL.
    #[schemars(extend("examples" = ["/etc/simpul/users.yaml"]))]
    pub(super) users: Option<Located<String>>,
    /// Whether a job over many dead letters waits until a second person has approved it: not, unless
    /// said.
    #[schemars(extend("default" = false))]
    pub(super) second_person: Option<Located<bool>>,
    /// What is accepted.
    #[serde(default)]
    pub(super) limits: LimitsSpec,
    /// Retry policies by name; `standard` is the one where none is named.
    #[serde(default)]
    pub(super) retry: Entries<RetrySpec>,
    /// The key of the function `hash`, from the environment or a file.
    #[schemars(extend("examples" = ["${env:HASH_KEY}", "${file:/run/secrets/hash-key}"]))]
    pub(super) hash_key: Option<Located<Secret>>,
    /// The keys that the bodies of routes with `bodies: full` are sealed under, by names of your own:
    /// the first one seals, all of them open. `openssl rand -hex 32` makes one. To change it, put a
    /// new one in front, and take the old one out when nothing is kept any more that it sealed.
    #[serde(default)]
    #[schemars(extend("examples" = [{ "k2026": "${file:/run/secrets/simpul-bodies}" }]))]
    pub(super) body_keys: Entries<Located<Secret>>,
    /// How long what is written down is kept.
    #[serde(default)]
    pub(super) retention: RetentionSpec,
    /// Where traces go: the address of a receiver of OTLP over HTTP, as an OpenTelemetry collector is.
    /// Nowhere unless said.
    #[schemars(extend("examples" = ["http://127.0.0.1:4318"]))]
    pub(super) traces: Option<Located<Secret>>,
    /// What is logged.
    #[schemars(extend("default" = "info", "examples" = ["simpul=debug,warn"]))]
    pub(super) log: Option<Located<String>>,
}

/// How long what is written down is kept.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionSpec {
    /// The journal, and what messages are found by in it: `28d` unless said, and at least `7d`.
    #[schemars(extend("default" = "28d"))]
    pub(super) journal: Option<Located<DurationText>>,
    /// Bodies of routes that keep them and say no `retention` of their own: `7d` unless said.
    #[schemars(extend("default" = "7d"))]
    pub(super) bodies: Option<Located<DurationText>>,
}

/// What is accepted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsSpec {
    /// The largest body: `1MiB` unless said.
    #[schemars(extend("default" = "1MiB"))]
    pub(super) body: Option<Located<SizeText>>,
    /// Arrays and objects inside each other: 64 unless said.
    #[schemars(range(min = 1, max = Limits::DEPTH_MAX), extend("default" = 64))]
    pub(super) depth: Option<Located<u64>>,
    /// Messages of one client: `200/s` unless said.
    #[schemars(extend("default" = "200/s"))]
    pub(super) rate: Option<Located<RateText>>,
    /// Messages that the worker of a route holds at most: 500 unless said.
    #[schemars(range(min = 1, max = 10_000), extend("default" = 500))]
    pub(super) prefetch: Option<Located<u64>>,
    /// What must be left on the disk of the store: with less nothing is accepted, and deliveries go
    /// on. 1 GiB unless said; 5 % of a disk of more than 20 GiB (16 GiB at most), and a quarter of
    /// one of less than 4 GiB.
    pub(super) disk_low: Option<Located<SizeText>>,
}
