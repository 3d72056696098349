//! A receiver of traces: takes what an OpenTelemetry collector takes, and decodes it with the messages
//! that OpenTelemetry publishes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use simpul::{
    metrics::Metrics,
    spans::{Address, Exporter},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// How long a test waits for spans.
const PATIENCE: Duration = Duration::from_secs(20);

/// See the file. Ends when dropped.
pub(crate) struct Receiver {
    pub(crate) exporter: Arc<Exporter>,
    pub(crate) metrics: Arc<Metrics>,
    seen: Arc<Seen>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    spans: Mutex<Vec<Span>>,
    /// Everything that came, as it came.
    bytes: Mutex<Vec<u8>>,
    resources: Mutex<Vec<KeyValue>>,
    /// What is answered; 0: 200.
    status: AtomicU16,
}

async fn take(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let status = seen.status.load(Ordering::Relaxed);
    if status != 0 {
        return StatusCode::from_u16(status).unwrap();
    }
    seen.bytes.lock().unwrap().extend(&body);
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    for of_resource in request.resource_spans {
        *seen.resources.lock().unwrap() = of_resource.resource.unwrap().attributes;
        for of_scope in of_resource.scope_spans {
            assert_eq!(of_scope.scope.unwrap().name, "simpul");
            seen.spans.lock().unwrap().extend(of_scope.spans);
        }
    }
    StatusCode::OK
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let seen = Arc::new(Seen::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&seen));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let metrics = Arc::new(Metrics::new());
        let address = Address::parse(&address).unwrap();
        let exporter = Exporter::new(address, "uji".to_owned(), Arc::clone(&metrics)).unwrap();
        let (exporter, stop) = (Arc::new(exporter), CancellationToken::new());
        let (running, stopping) = (Arc::clone(&exporter), stop.clone());
        tasks.spawn(async move { running.run(stopping.cancelled()).await });
        Self { exporter, metrics, seen, stop, tasks }
    }

    /// From now on answers with this.
    pub(crate) fn answer(&self, status: u16) {
        self.seen.status.store(status, Ordering::Relaxed);
    }

    /// The spans, once there are so many.
    pub(crate) async fn spans(&self, count: usize) -> Vec<Span> {
        let start = Instant::now();
        loop {
            let spans = self.seen.spans.lock().unwrap().clone();
            if count <= spans.len() {
                return spans;
            }
            assert!(start.elapsed() < PATIENCE, "{} of {count} spans: {spans:#?}", spans.len());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Whether a text stands in anything that came.
    pub(crate) fn was_told(&self, text: &str) -> bool {
        self.seen.bytes.lock().unwrap().windows(text.len()).any(|it| it == text.as_bytes())
    }

    /// What is said of who sends the spans.
    pub(crate) fn resource(&self, name: &str) -> String {
        text(&self.seen.resources.lock().unwrap(), name)
    }

    /// Has the last spans sent, as when the bus stops.
    pub(crate) async fn stop(mut self) -> (Vec<Span>, Arc<Metrics>) {
        self.stop.cancel();
        // The exporter ends by itself, the receiver does not.
        self.tasks.join_next().await.unwrap().unwrap();
        (self.seen.spans.lock().unwrap().clone(), Arc::clone(&self.metrics))
    }
}

/// A value of an attribute as text; empty where it is not there.
pub(crate) fn text(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|it| it.key == name);
    match found.and_then(|it| it.value.clone()).and_then(|it| it.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(flag)) => flag.to_string(),
        _ => String::new(),
    }
}

/// The context of a span, as a `traceparent` that is recorded.
pub(crate) fn traceparent(span: &Span) -> String {
    format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}
