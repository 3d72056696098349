//! What the author of a system file writes under `http:`. The comments are its manual.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::{AnswerClass, Classification, Secret};
use crate::diagnostic::{
    Entries, Located,
    describe::{NAME, SchemaPath, TemplateText},
    units::DurationText,
};

/// A system that speaks HTTP: simpul calls it (`targets`), it calls simpul (`sources`), or both.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// Where the system answers: `https://absensi.kpu.example/api`. The paths of targets are
    /// appended to it. No user, password, query or fragment: those belong to `auth` and paths.
    pub url: Option<Located<Secret>>,
    /// How simpul proves who it is, the same for all targets.
    pub auth: Option<AuthSpec>,
    /// The certificate authorities to trust *instead of* those of the operating system, as PEM
    /// text: `${file:/etc/simpul/ca-kpu.pem}`. For an agency with an authority of its own.
    pub ca: Option<Located<String>>,
    /// How long one call may take in all, connecting and reading the answer included: 15 s unless
    /// said, at most 5 min. Connecting alone may take 5 s.
    #[schemars(extend("examples" = ["10s"]))]
    pub timeout: Option<Located<DurationText>>,
    /// Headers sent with every call. Not for secrets (see `auth`); may hold `${…}`.
    #[serde(default)]
    #[schemars(with = "Entries<TemplateText>")]
    pub headers: Entries<Located<String>>,
    /// Whether the system may be at an address of a private network (10.0.0.0/8, 127.0.0.1, …):
    /// true unless said, for most systems of an agency are. Say `false` for a system on the
    /// internet. Link-local addresses (169.254.0.0/16, where clouds keep credentials) never are
    /// allowed.
    #[schemars(extend("default" = true))]
    pub allow_private_networks: Option<bool>,
    /// What can be sent to the system, by name.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": NAME }))]
    pub targets: Entries<HttpTargetSpec>,
    /// What the system sends to simpul, by name: `POST /v1/<system>/<source>`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": NAME }))]
    pub sources: Entries<HttpSourceSpec>,
}

/// How simpul proves who it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthSpec {
    /// A token: `Authorization: Bearer <token>`.
    Bearer(Located<Secret>),
    /// A user and a password.
    Basic(BasicSpec),
    /// A header of the system's own, such as `X-API-Key`.
    Header(HeaderAuthSpec),
}

/// A user and a password.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicSpec {
    /// The user. No colon in it.
    pub user: Located<Secret>,
    /// The password.
    pub password: Located<Secret>,
}

/// A header of the system's own that proves who calls.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderAuthSpec {
    /// The header's name: `X-API-Key`.
    pub name: Located<String>,
    /// Its value. Taken as it is: `${…}` of expressions is not looked for.
    pub value: Located<Secret>,
}

/// One thing that can be sent to the system: exactly one of `get`, `post`, `put`, `patch`,
/// `delete`, with the path.
///
/// ```yaml
/// targets:
///   catat-dinas-luar:
///     post: /api/pegawai/${$.nip}/dinas-luar?tahun=${$.tahun}
///     answers: { 409: delivered }
/// ```
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["get"] }, { "required": ["post"] }, { "required": ["put"] },
    { "required": ["patch"] }, { "required": ["delete"] },
]))]
pub struct HttpTargetSpec {
    /// Calls with GET. The path begins with `/` and may hold `${…}`: what it yields is
    /// percent-encoded, as one segment of the path, or as one value of the query.
    #[schemars(with = "Option<TemplateText>")]
    pub get: Option<Located<String>>,
    /// Calls with POST; the path as with `get`.
    #[schemars(with = "Option<TemplateText>")]
    pub post: Option<Located<String>>,
    /// Calls with PUT; the path as with `get`.
    #[schemars(with = "Option<TemplateText>")]
    pub put: Option<Located<String>>,
    /// Calls with PATCH; the path as with `get`.
    #[schemars(with = "Option<TemplateText>")]
    pub patch: Option<Located<String>>,
    /// Calls with DELETE; the path as with `get`.
    #[schemars(with = "Option<TemplateText>")]
    pub delete: Option<Located<String>>,
    /// Headers sent with this call, beside those of the system; may hold `${…}`. A value with a
    /// line break is refused when it is sent.
    #[serde(default)]
    #[schemars(with = "Entries<TemplateText>")]
    pub headers: Entries<Located<String>>,
    /// How the body is sent: `json`, `form` (a flat object as a web form sends it), or `none`.
    /// `json` unless said; `none` for `get` and `delete`.
    pub body: Option<Located<BodyKind>>,
    /// The JSON Schema of what the target takes; a body that does not fit is refused here.
    #[schemars(with = "Option<SchemaPath>")]
    pub schema: Option<Located<String>>,
    /// The highest class of data that it may be sent, where that is less than its system's.
    pub classification: Option<Located<Classification>>,
    /// How it sorts answers otherwise than usual, by status from 300 to 599:
    /// `{ 404: refused, 409: delivered }`.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": "^[345][0-9][0-9]$" }))]
    pub answers: Entries<AnswerClass, u16>,
    /// How long this call may take in all, instead of the system's `timeout`.
    #[schemars(extend("examples" = ["10s"]))]
    pub timeout: Option<Located<DurationText>>,
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BodyKind {
    /// As it is, `application/json`.
    Json,
    /// As `application/x-www-form-urlencoded`: an object of texts, numbers and booleans.
    Form,
    /// Not at all: the path and the headers say everything.
    None,
}

/// One thing that the system sends to simpul.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpSourceSpec {
    /// The JSON Schema of what the source sends; what does not fit is answered with 422.
    #[schemars(with = "Option<SchemaPath>")]
    pub schema: Option<Located<String>>,
    /// The highest class of data that it sends, where that is less than its system's.
    pub classification: Option<Located<Classification>>,
    /// The longest that it is quiet while all is well: after that `simpul alerts` has an alert.
    #[schemars(extend("examples" = ["1h"]))]
    pub expect_every: Option<Located<DurationText>>,
    /// Who may send: a name for each key, and `sha256:` with the hash of the key. `simpul key new`
    /// makes a key and prints both; the key itself stands in no file of simpul.
    #[serde(default)]
    #[schemars(extend("minProperties" = 1))]
    pub api_keys: Entries<Located<Secret>>,
}
