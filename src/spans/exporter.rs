//! From here to a receiver of traces: spans wait in memory, bounded, and go in batches over
//! OTLP/HTTP. What finds no room, or that nobody takes, is dropped and counted: a trace that has a hole
//! costs less than a message that waits.

use std::{
    collections::VecDeque,
    fmt, mem,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use reqwest::{Client, StatusCode, Url, header::CONTENT_TYPE};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use rustls_platform_verifier::Verifier;
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tracing::{info, warn};

use super::{Span, protobuf};
use crate::metrics::Metrics;

/// Spans that wait: some seconds of a busy gateway, and some 4 MiB.
const WAITING_MAX: usize = 8_192;

/// Spans of one request.
const BATCH_MAX: usize = 512;

/// How long spans gather before they are sent.
const EVERY: Duration = Duration::from_secs(1);

/// How long one request may take.
const TIME_MAX: Duration = Duration::from_secs(10);

/// How long the last requests may take when the bus stops.
const LAST_TIME_MAX: Duration = Duration::from_secs(2);

/// How often a batch is sent before it is dropped, where trying again may help.
const TRIES_MAX: u32 = 3;

/// How long connecting may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);

/// Where the receiver takes traces, below its address.
const PATH: &str = "/v1/traces";

/// The address of a receiver. Not printed: it may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

impl Address {
    /// Reads `http://host:4318`, with or without the path that traces go to; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
            return None;
        }
        let mut url = url;
        let path = url.path().trim_end_matches('/').to_owned();
        if !path.ends_with(PATH) {
            url.set_path(&format!("{path}{PATH}"));
        }
        Some(Self(url))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Address(***)")
    }
}

/// Takes spans, and brings them to the receiver.
pub struct Exporter {
    address: Address,
    client: Client,
    instance: String,
    metrics: Arc<Metrics>,
    // std, not tokio: held to push and take, never across an await.
    waiting: Mutex<VecDeque<Span>>,
    /// A batch is full.
    full: Notify,
}

impl fmt::Debug for Exporter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Exporter").finish_non_exhaustive()
    }
}

/// What became of a request.
enum Sent {
    Taken,
    /// Not now.
    Later(String),
    /// It will not be taken, however often it is sent.
    Never(String),
}

impl Exporter {
    /// For the receiver at `address`; `instance` tells gateways apart.
    ///
    /// # Errors
    ///
    /// Why there can be none, for the operator.
    pub fn new(address: Address, instance: String, metrics: Arc<Metrics>) -> Result<Self, String> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls(address.0.scheme() == "https")?)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIME_MAX)
            .timeout(TIME_MAX)
            .user_agent(concat!("simpul/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| error.without_url().to_string())?;
        let (waiting, full) = (Mutex::default(), Notify::new());
        Ok(Self { address, client, instance, metrics, waiting, full })
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Span>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes spans of traces that are recorded; drops what finds no room.
    pub fn take(&self, spans: impl IntoIterator<Item = Span>) {
        let mut dropped = 0;
        let mut waiting = self.lock();
        for span in spans.into_iter().filter(|it| it.context.sampled) {
            if waiting.len() < WAITING_MAX {
                waiting.push_back(span);
            } else {
                dropped += 1;
            }
        }
        let is_full = BATCH_MAX <= waiting.len();
        drop(waiting);
        if 0 < dropped {
            self.metrics.spans_dropped.inc_by(dropped);
        }
        if is_full {
            self.full.notify_one();
        }
    }

    /// Brings spans to the receiver until `stop`; what waits then is sent once more.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = pin!(stop);
        let mut complained = false;
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = self.full.notified() => {}
                () = sleep(EVERY) => {}
            }
            let sending = self.send_all(&mut complained);
            tokio::select! {
                () = &mut stop => break,
                () = sending => {}
            }
        }
        if timeout(LAST_TIME_MAX, self.send_all(&mut complained)).await.is_err() {
            self.drop_all(self.lock().len(), "the bus stops", &mut complained);
        }
    }

    /// Sends what waits. Dropped, it loses the batch that is on its way, which is counted.
    async fn send_all(&self, complained: &mut bool) {
        loop {
            let batch: Vec<_> = {
                let mut waiting = self.lock();
                let count = waiting.len().min(BATCH_MAX);
                waiting.drain(..count).collect()
            };
            if batch.is_empty() {
                return;
            }
            let mut loss = Loss { metrics: &self.metrics, spans: batch.len() as u64 };
            match self.send(protobuf::request(&self.instance, &batch)).await {
                Ok(()) => {
                    self.metrics.spans_exported.inc_by(mem::take(&mut loss.spans));
                    if mem::take(complained) {
                        info!("the receiver of traces takes them again");
                    }
                }
                Err(reason) => {
                    drop(loss);
                    self.drop_all(0, &reason, complained);
                }
            }
        }
    }

    /// Sends one batch, as often as it may help.
    async fn send(&self, request: Vec<u8>) -> Result<(), String> {
        let request = bytes::Bytes::from(request);
        let mut tries = 1;
        loop {
            match self.send_once(request.clone()).await {
                Sent::Taken => return Ok(()),
                Sent::Never(reason) => return Err(reason),
                Sent::Later(reason) if TRIES_MAX <= tries => return Err(reason),
                Sent::Later(_) => {
                    sleep(EVERY * tries).await;
                    tries += 1;
                }
            }
        }
    }

    async fn send_once(&self, request: bytes::Bytes) -> Sent {
        let call = self.client.post(self.address.0.clone());
        let call = call.header(CONTENT_TYPE, "application/x-protobuf").body(request);
        match call.send().await {
            Ok(response) if response.status().is_success() => Sent::Taken,
            Ok(response) => {
                let status = response.status();
                let passes = status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error();
                let reason = status.to_string();
                if passes { Sent::Later(reason) } else { Sent::Never(reason) }
            }
            // Without the URL: it may hold a password.
            Err(error) => Sent::Later(told(&error.without_url())),
        }
    }

    /// Says once that spans are dropped, until they are taken again.
    fn drop_all(&self, left: usize, reason: &str, complained: &mut bool) {
        self.lock().drain(..left);
        self.metrics.spans_dropped.inc_by(left as u64);
        if !mem::replace(complained, true) {
            warn!(reason, "the receiver of traces does not take them; they are dropped");
        }
    }
}

/// Spans on their way: counted as dropped, unless they arrive.
struct Loss<'m> {
    metrics: &'m Metrics,
    spans: u64,
}

impl Drop for Loss<'_> {
    fn drop(&mut self) {
        self.metrics.spans_dropped.inc_by(self.spans);
    }
}

/// An error and all its causes in one line.
fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |it| it.source());
    causes.fold(error.to_string(), |all, cause| format!("{all}: {cause}"))
}

fn tls(https: bool) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().map_err(|it| it.to_string())?;
    if !https {
        // A machine may have no authorities.
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let verifier = Verifier::new(provider).map_err(|it| it.to_string())?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(builder.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_receiver_needs_no_path() {
        let path = |text: &str| Address::parse(text).map(|it| it.0.to_string());
        let whole = Some("http://127.0.0.1:4318/v1/traces".to_owned());
        assert_eq!(path("http://127.0.0.1:4318"), whole);
        assert_eq!(path("http://127.0.0.1:4318/"), whole);
        assert_eq!(path("http://127.0.0.1:4318/v1/traces"), whole);
        assert_eq!(
            path("https://a.example/otlp").as_deref(),
            Some("https://a.example/otlp/v1/traces")
        );
        for wrong in ["", "127.0.0.1:4318", "grpc://a:4317", "http://a/?x=1"] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }
}
