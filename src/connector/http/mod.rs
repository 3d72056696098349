//! HTTP: simpul calls systems (targets), and systems call simpul (sources).

mod address;
mod api_key;
mod certificate;
mod client;
mod compile;
mod judge;
mod parts;
mod path;
mod reach;
pub mod source;
mod spec;
mod target;

pub(super) use self::compile::endpoint;
pub use self::{
    api_key::ApiKey,
    spec::{
        AuthSpec, BasicSpec, BodyKind, HeaderAuthSpec, HttpSourceSpec, HttpSpec, HttpTargetSpec,
    },
};
use super::{OpenSource, OpenTarget, rhythm::rhythm};
use crate::diagnostic::{Code, Report, text};

/// A system of this name would hide its sources behind `GET /v1/messages/{id}`.
const RESERVED_SYSTEM: &str = "messages";

impl HttpSpec {
    /// Compiles what the author wrote, adding everything wrong with it to `report`.
    pub fn compile(&self, system: &str, report: &mut Report) -> (Vec<OpenTarget>, Vec<OpenSource>) {
        (self.compile_targets(system, report), self.compile_sources(system, report))
    }

    fn compile_sources(&self, system: &str, report: &mut Report) -> Vec<OpenSource> {
        let mut open = Vec::new();
        for (name, spec) in self.sources.iter() {
            if system == RESERVED_SYSTEM {
                let message = text!("a system named `{}` cannot have sources", RESERVED_SYSTEM);
                report.error(name.at, Code::BadName, message).help("name the system otherwise");
            }
            if spec.api_keys.is_empty() {
                report
                    .error(name.at, Code::Missing, "a source that nobody may send to")
                    .help("write `api_keys: { name: \"sha256:…\" }`; `simpul key new` makes a key");
            }
            let api_keys = spec.keys(report);
            if let Some(endpoint) = endpoint(system, name, report) {
                let schema = spec.schema.clone();
                let expect_every = rhythm(spec.expect_every.as_ref(), report);
                open.push(OpenSource { endpoint, schema, api_keys, expect_every, pull: None });
            }
        }
        open
    }
}

impl HttpSourceSpec {
    fn keys(&self, report: &mut Report) -> Vec<(String, [u8; 32])> {
        let mut keys: Vec<(String, [u8; 32])> = Vec::new();
        for (name, hash) in self.api_keys.iter() {
            match ApiKey::from_text(hash.value.reveal()) {
                Some(ApiKey(hash_bytes)) => {
                    if keys.iter().any(|(_, other)| *other == hash_bytes) {
                        let message = text!("`{}` has the same key as another", &name.value);
                        report.error(hash.at, Code::Duplicate, message).help("make one for each");
                    }
                    keys.push((name.value.clone(), hash_bytes));
                }
                None => {
                    let message = text!("the hash of key `{}` is not one", &name.value);
                    report.error(hash.at, Code::WrongKind, message).help(
                        "write `sha256:` and 64 hexadecimal digits, as `simpul key new` does",
                    );
                }
            }
        }
        keys
    }
}
