//! The command line's side of `/api/v1`.

use std::{path::Path, time::Duration};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client as Http, Method, StatusCode, redirect::Policy};
use serde::{Serialize, de::DeserializeOwned};

use super::{CouldNot, project};
use crate::{
    connector::reason,
    diagnostic::Language,
    ops::{
        Access, OPERATOR_HEADER,
        wire::{Moment, Problem, Selection},
    },
};

/// How long the bus on this machine may take to take a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call may take: a replay of hundreds of dead letters while the disk is busy.
const CALL_TIMEOUT: Duration = Duration::from_mins(15);

/// What stays as it is in an address.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// A running bus.
pub(super) struct Client {
    http: Http,
    access: Access,
    language: Language,
    /// Who works at this terminal, for the journal.
    operator: String,
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(super) enum Failure {
    /// No bus runs on this store.
    NotRunning,
    /// The bus refused.
    Refused(Problem),
    /// Something else.
    Broken(String),
}

impl Client {
    /// The bus that runs on the store in `directory`; `None` if none does.
    pub(super) fn connect(directory: &Path) -> Result<Option<Self>, CouldNot> {
        let access = Access::read(directory).map_err(|error| {
            let directory = directory.display();
            CouldNot(format!("`{directory}/ops.token`: {error}; use the account that runs the bus"))
        })?;
        let Some(access) = access else { return Ok(None) };
        let http = Http::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .build();
        let http = http.map_err(|error| CouldNot(format!("no HTTP client: {}", reason(&error))))?;
        let operator = project::operator();
        Ok(Some(Self { http, access, language: Language::English, operator }))
    }

    /// The same; it is answered in this language, where an answer is for people.
    pub(super) fn speaking(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// Asks for something.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        decode(&self.call(Method::GET, path, None).await?)
    }

    /// Has something done, and reads what came of it.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        order: &impl Serialize,
    ) -> Result<T, Failure> {
        decode(&self.call(Method::POST, path, Some(encode(order)?)).await?)
    }

    /// Has something done.
    pub(super) async fn tell(&self, path: &str, order: &impl Serialize) -> Result<(), Failure> {
        self.call(Method::POST, path, Some(encode(order)?)).await.map(drop)
    }

    /// Has something taken away, and reads what came of it.
    pub(super) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        decode(&self.call(Method::DELETE, path, None).await?)
    }

    /// Whether the bus takes and delivers messages; if not, why not.
    pub(super) async fn health(&self) -> Result<Option<String>, Failure> {
        // Another bus may have its address: only ours knows the token.
        self.get::<serde_json::Value>("pauses").await?;
        let url = format!("http://{}/health/ready", self.access.address);
        let answer = self.http.get(url).send().await.map_err(broken)?;
        if answer.status().is_success() {
            return Ok(None);
        }
        let body: serde_json::Value = decode(&answer.bytes().await.map_err(broken)?)?;
        let reasons = body.get("reasons").and_then(serde_json::Value::as_array);
        let reasons = reasons.into_iter().flatten().filter_map(serde_json::Value::as_str);
        Ok(Some(reasons.collect::<Vec<_>>().join("; ")))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, Failure> {
        let url = format!("http://{}/api/v1/{path}", self.access.address);
        let mut request = self.http.request(method, url).bearer_auth(&self.access.token);
        request = request.header("accept-language", self.language.tag());
        request = request.header(OPERATOR_HEADER, self.operator.as_str());
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.map_err(|error| {
            if error.is_connect() { Failure::NotRunning } else { broken(error) }
        })?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(broken)?;
        if status.is_success() {
            return Ok(body.to_vec());
        }
        // Another program answers where the bus was, or another bus with another store.
        if status == StatusCode::UNAUTHORIZED {
            return Err(Failure::NotRunning);
        }
        Err(serde_json::from_slice(&body).map_or_else(
            |_| Failure::Broken(format!("the bus answered {status}")),
            Failure::Refused,
        ))
    }
}

fn broken(error: reqwest::Error) -> Failure {
    Failure::Broken(reason(&error.without_url()))
}

fn encode(order: &impl Serialize) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(order).map_err(|error| Failure::Broken(error.to_string()))
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::Broken(format!("the bus answered what this program does not know: {error}"))
    })
}

/// A text as a part of an address.
pub(super) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A selection of dead letters, but for numbers, as further parameters of an address.
pub(super) fn query(selection: &Selection) -> String {
    let Selection { route, target, class, group, from, to, .. } = selection;
    let moment = |it: &Option<Moment>| it.map(|it| it.0.to_string());
    let (from, to) = (moment(from), moment(to));
    let all = [
        ("route", route),
        ("target", target),
        ("class", class),
        ("group", group),
        ("from", &from),
        ("to", &to),
    ];
    let named = all.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    named.map(|(name, value)| format!("&{name}={}", encoded(value))).collect()
}

/// What a command says when only a running bus can do it.
pub(super) fn not_running() -> CouldNot {
    CouldNot(
        "the bus is not running on this project; start it with `simpul run`, or name its \
         directory with `--project DIR`"
            .to_owned(),
    )
}

impl From<Failure> for CouldNot {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotRunning => not_running(),
            Failure::Refused(problem) => Self(problem.title),
            Failure::Broken(reason) => Self(format!("the bus did not answer: {reason}")),
        }
    }
}
