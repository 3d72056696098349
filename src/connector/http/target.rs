//! HTTP targets: one delivery is one call.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{
    Client, Method, Request, Response, StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};

use super::{
    super::{Answer, Call, CallError, Class, Draft, Reached, Speaks, Target},
    certificate::Until,
    judge, path,
    reach::Door,
    spec::BodyKind,
};
use crate::message::{self, Arena, Clock, Digest, Headers, Timestamp, Value};

/// What is read of an answer, in bytes. It is never looked at; reading it to its end keeps the
/// connection, and one that has no end is cut here.
const ANSWER_MAX: usize = 64 * 1024;

/// Memory for the parsed body of a form, in bytes.
const FORM_MEMORY_MAX: usize = 16 * 1024 * 1024;

/// A target of an HTTP system.
pub(super) struct HttpTarget {
    pub(super) client: Client,
    /// When the certificate ends that the system shows.
    pub(super) certificate: Arc<Until>,
    /// For a `Retry-After` that is a date, where the answer has no date of its own.
    pub(super) clock: Clock,
    pub(super) method: Method,
    /// Where the system is.
    pub(super) door: Arc<Door>,
    pub(super) path: Part,
    pub(super) query: Option<Part>,
    /// The whole address, where no message has a say in it: read once.
    pub(super) fixed: OnceLock<Url>,
    /// Whether the author's path ends with a slash: an empty `${…}` must not make one.
    pub(super) ends_with_slash: bool,
    /// Headers without `${…}`, credentials among them.
    pub(super) headers: HeaderMap,
    pub(super) headers_of_call: Vec<(HeaderName, usize)>,
    pub(super) body: BodyKind,
    pub(super) timeout: Duration,
}

/// A part of a call: as written, or the parameter with this index.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Literal(String),
    Parameter(usize),
}

#[async_trait]
impl Target for HttpTarget {
    async fn send(&self, call: &Call) -> Result<Answer, CallError> {
        let request = self.request(call)?;
        let response = self.client.execute(request).await.map_err(judge::failure)?;
        let status = response.status();
        let retry_after = judge::retry_after(response.headers(), self.clock.now());
        let fixed_path = matches!(self.path, Part::Literal(_));
        let judged = judge::status(status, retry_after, fixed_path);
        let read = read_to_end(response).await;
        judged?;
        // Headers say it was taken, but the answer broke off: whether the other side finished is
        // not known, and a flagged repeat is better than a loss.
        read.map_err(judge::failure)?;
        Ok(Answer { summary: status.as_u16().to_string() })
    }

    fn certificate_until(&self) -> Option<Timestamp> {
        self.certificate.get()
    }

    fn draft(&self, call: &Call) -> Result<Draft, CallError> {
        let request = self.request(call)?;
        let address = request.url().as_str();
        // As from the system's own address, which may come from a secret.
        let line = format!(
            "{} {}",
            request.method(),
            address.strip_prefix(&self.door.base).unwrap_or("/")
        );
        let mut headers = Headers::default();
        for (name, value) in request.headers() {
            let value = if value.is_sensitive() { "***".into() } else { lossy(value) };
            headers.set(name.as_str(), value);
        }
        let body = request.body().and_then(|it| it.as_bytes()).map(Bytes::copy_from_slice);
        Ok(Draft { line, headers, body })
    }

    fn judge(
        &self,
        status: u16,
        retry_after: Option<Duration>,
    ) -> Option<Result<Answer, CallError>> {
        let status = StatusCode::from_u16(status).ok()?;
        let fixed_path = matches!(self.path, Part::Literal(_));
        let judged = judge::status(status, retry_after, fixed_path);
        Some(judged.map(|()| Answer { summary: status.as_u16().to_string() }))
    }

    fn time_max(&self) -> Duration {
        self.timeout
    }

    fn speaks(&self) -> Speaks {
        let url = Url::parse(&self.door.base).ok();
        Speaks::Http {
            method: self.method.to_string(),
            host: url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned(),
            port: url.as_ref().and_then(Url::port_or_known_default),
        }
    }

    async fn reach(&self) -> Result<Reached, CallError> {
        self.door.reach(&self.clock).await
    }

    fn place(&self) -> Option<Digest> {
        Some(Digest::of(&[self.door.base.as_bytes()]))
    }
}

fn lossy(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

impl HttpTarget {
    fn request(&self, call: &Call) -> Result<Request, CallError> {
        let url = self.url(&call.parameters)?;
        let mut headers = self.headers.clone();
        for (name, value) in call.headers.iter() {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| refused("a header of the message has no valid name"))?;
            headers.insert(name.clone(), header_value(&name, value)?);
        }
        for (name, index) in &self.headers_of_call {
            let value = header_value(name, parameter(&call.parameters, *index)?)?;
            headers.insert(name.clone(), value);
        }
        let mut request = Request::new(self.method.clone(), url);
        if let Some((content_type, body)) = self.body(call)? {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
            *request.body_mut() = Some(body.into());
        }
        *request.headers_mut() = headers;
        *request.timeout_mut() = Some(self.timeout);
        Ok(request)
    }

    fn url(&self, parameters: &[String]) -> Result<Url, CallError> {
        if let Some(fixed) = self.fixed.get() {
            return Ok(fixed.clone());
        }
        let url = self.url_of(parameters)?;
        let parts = [Some(&self.path), self.query.as_ref()];
        if parts.into_iter().flatten().all(|it| matches!(it, Part::Literal(_))) {
            let _ = self.fixed.set(url.clone());
        }
        Ok(url)
    }

    fn url_of(&self, parameters: &[String]) -> Result<Url, CallError> {
        let path = self.path.text(parameters)?;
        if !path::is_safe(path, self.ends_with_slash) {
            return Err(refused("a value in the path is empty, or would lead to another path"));
        }
        let mut url = format!("{}{path}", self.door.base);
        if let Some(query) = &self.query {
            url.push('?');
            url.push_str(query.text(parameters)?);
        }
        Url::parse(&url).map_err(|error| refused(&format!("the path makes no URL: {error}")))
    }

    fn body(&self, call: &Call) -> Result<Option<(&'static str, Bytes)>, CallError> {
        match self.body {
            BodyKind::Json => Ok(Some(("application/json", call.body.clone()))),
            BodyKind::Form => {
                let form = form(&call.body)?;
                Ok(Some(("application/x-www-form-urlencoded", form.into())))
            }
            BodyKind::None => Ok(None),
        }
    }
}

impl Part {
    fn text<'a>(&'a self, parameters: &'a [String]) -> Result<&'a str, CallError> {
        match self {
            Self::Literal(text) => Ok(text),
            Self::Parameter(index) => parameter(parameters, *index),
        }
    }
}

fn parameter(parameters: &[String], index: usize) -> Result<&str, CallError> {
    let missing = || refused("bug: the call has fewer parameters than its target asks for");
    parameters.get(index).map(String::as_str).ok_or_else(missing)
}

/// A value with a line break would begin a header of its own, so none is sent.
fn header_value(name: &HeaderName, value: &str) -> Result<HeaderValue, CallError> {
    HeaderValue::from_bytes(value.as_bytes())
        .map_err(|_| refused(&format!("header `{name}`: its value holds a control character")))
}

/// An object as a web form sends it; members that are null are left out.
fn form(body: &[u8]) -> Result<String, CallError> {
    let arena = Arena::with_limit(FORM_MEMORY_MAX);
    let value = message::parse(&arena, body, &message::Limits::default())
        .map_err(|error| refused(&format!("the body of a form: {error}")))?;
    let Value::Object(members) = value else {
        return Err(refused(&format!("a form needs an object, the body is {}", value.kind())));
    };
    let mut pairs = Vec::with_capacity(members.len());
    for (name, value) in members {
        let text = match value {
            Value::Null => continue,
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            Value::Number(number) => number.text(),
            Value::Text(text) => text,
            Value::Array(_) | Value::Object(_) => {
                let kind = value.kind();
                return Err(refused(&format!("a form cannot hold an {kind}: `map` it to text")));
            }
        };
        pairs.push(format!("{}={}", path::encode(name), path::encode(text)));
    }
    Ok(pairs.join("&"))
}

fn refused(reason: &str) -> CallError {
    CallError {
        class: Class::Refused,
        status: None,
        reason: reason.to_owned(),
        retry_after: None,
        suspicious: false,
    }
}

/// Reads an answer to its end, or as far as we read any.
async fn read_to_end(mut response: Response) -> Result<(), reqwest::Error> {
    let mut read = 0;
    while let Some(chunk) = response.chunk().await? {
        read += chunk.len();
        if ANSWER_MAX < read {
            break;
        }
    }
    Ok(())
}
