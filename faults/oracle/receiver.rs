//! The systems behind the targets: one server that writes down every call before it answers.

use std::{
    collections::BTreeSet,
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

/// How long the systems work on a call: long enough that a kill hits calls under way.
const WORK: Duration = Duration::from_millis(4);

/// One call.
#[derive(Clone)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    /// How long after the start of the receiver that was.
    pub(crate) after: Duration,
    /// `arsip.simpan`.
    pub(crate) target: String,
    /// Which gateway sent it.
    pub(crate) gateway: String,
    /// `Idempotency-Key`.
    pub(crate) key: String,
    /// `simpul-message-id`.
    pub(crate) message: String,
    pub(crate) attempt: u32,
    /// `simpul-possible-duplicate`.
    pub(crate) flagged: bool,
    /// `simpul-key-seq`, where it is sent.
    pub(crate) key_seq: Option<u64>,
    pub(crate) body: Value,
    /// What was answered.
    pub(crate) status: u16,
    /// How long the caller waited, where it broke off before there was an answer.
    pub(crate) broken_off: Option<Duration>,
}

/// In one line, for a list of those that are wrong.
impl fmt::Debug for Arrival {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { after, target, gateway, message, attempt, flagged, key_seq, .. } = self;
        let (body, status) = (&self.body, self.status);
        let (number, key) = (&body["nomor"], self.key.get(..8));
        write!(
            formatter,
            "{after:?}: {number} at {target} by {gateway}, message {message}, key {key:?}, "
        )?;
        write!(formatter, "attempt {attempt}, flagged {flagged}, seq {key_seq:?}: {status}")
    }
}

impl Arrival {
    /// The number of the document; every document of a test has one.
    pub(crate) fn number(&self) -> u64 {
        self.body["nomor"].as_u64().unwrap()
    }

    pub(crate) fn is_taken(&self) -> bool {
        self.status == 200
    }
}

/// What is answered to a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reply {
    /// 0: nothing is ever answered.
    pub(crate) status: u16,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// How long that takes.
    pub(crate) after: Duration,
}

impl From<u16> for Reply {
    fn from(status: u16) -> Self {
        Self { status, retry_after: None, after: WORK }
    }
}

impl Reply {
    /// Nothing, ever.
    pub(crate) const NEVER: Self = Self { status: 0, retry_after: None, after: NEVER };
}

/// Longer than anybody waits.
const NEVER: Duration = Duration::from_secs(3_600);

type Answer = Box<dyn Fn(&Arrival) -> Reply + Send>;

/// See the file.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

struct Shared {
    started: Instant,
    // std, not tokio: held for a few instructions, never across an await.
    arrivals: Mutex<Vec<Arrival>>,
    answer: Mutex<Answer>,
}

impl Receiver {
    /// Takes everything.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer: Mutex<Answer> = Mutex::new(Box::new(|_| 200.into()));
        let (started, arrivals) = (Instant::now(), Mutex::default());
        let shared = Arc::new(Shared { started, arrivals, answer });
        let router = Router::new().route("/{target}", post(receive));
        let router = router.with_state(Arc::clone(&shared));
        let mut task = JoinSet::new();
        task.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared, _task: task }
    }

    /// From now on answers with what `answer` makes of a call.
    pub(crate) fn answer<R: Into<Reply>>(&self, answer: impl Fn(&Arrival) -> R + Send + 'static) {
        *self.shared.answer.lock().unwrap() = Box::new(move |it| answer(it).into());
    }

    /// Every call so far, in the order in which they came.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.shared.arrivals.lock().unwrap().clone()
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.shared.arrivals.lock().unwrap().len()
    }

    /// The documents that a target has taken.
    pub(crate) fn taken(&self, target: &str) -> BTreeSet<u64> {
        let arrivals = self.shared.arrivals.lock().unwrap();
        let taken = arrivals.iter().filter(|it| it.target == target && it.is_taken());
        taken.map(Arrival::number).collect()
    }
}

/// Whoever waits for an answer: dropped before there is one, when the connection ends.
struct Caller<'a> {
    shared: &'a Shared,
    index: usize,
    answered: bool,
}

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        let mut arrivals = self.shared.arrivals.lock().unwrap();
        if let Some(arrival) = arrivals.get_mut(self.index).filter(|_| !self.answered) {
            arrival.broken_off = Some(arrival.at.elapsed());
        }
    }
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    Path(target): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text =
        |name: &str| -> Option<String> { Some(headers.get(name)?.to_str().unwrap().to_owned()) };
    let mut arrival = Arrival {
        at: Instant::now(),
        after: shared.started.elapsed(),
        target,
        gateway: text("x-gerbang").unwrap_or_default(),
        key: text("idempotency-key").unwrap(),
        message: text("simpul-message-id").unwrap(),
        attempt: text("simpul-attempt").unwrap().parse().unwrap(),
        flagged: text("simpul-possible-duplicate").as_deref() == Some("true"),
        key_seq: text("simpul-key-seq").map(|it| it.parse().unwrap()),
        body: serde_json::from_slice(&body).unwrap(),
        status: 0,
        broken_off: None,
    };
    let reply = shared.answer.lock().unwrap()(&arrival);
    arrival.status = reply.status;
    let index = {
        let mut arrivals = shared.arrivals.lock().unwrap();
        arrivals.push(arrival);
        arrivals.len() - 1
    };
    let mut call = Caller { shared: &shared, index, answered: false };
    // The time that a real system takes; nothing here waits for it to pass.
    tokio::time::sleep(reply.after).await;
    call.answered = true;
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::GATEWAY_TIMEOUT);
    let mut response = status.into_response();
    if let Some(seconds) = reply.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
