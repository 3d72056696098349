//! An ingest on a real socket before an intake that follows a script, and a client that sends
//! bytes as they are.

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;
use simpul::{
    connector::{
        Accepted, Handover, Intake, IntakeError, OpenSource,
        http::{
            ApiKey,
            source::{IngestLimits, router, serve},
        },
    },
    message::{Endpoint, IdSource, MessageId, Timestamp},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// The key that opens `e-sppd.status`, and `e-sppd.lain` under the same name.
pub(super) const KEY: &str = "simpul_kunci-e-sppd";
/// The key that opens `simpeg.pegawai` alone.
pub(super) const OTHER_KEY: &str = "simpul_kunci-simpeg";
/// No test waits longer: what has not come by then never does.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct Bench {
    pub(super) address: SocketAddr,
    pub(super) intake: Arc<ScriptedIntake>,
    pub(super) stop: CancellationToken,
    pub(super) server: JoinSet<()>,
    refusals: Arc<Mutex<Vec<&'static str>>>,
}

impl Bench {
    pub(super) async fn new() -> Self {
        Self::with(IngestLimits::default()).await
    }

    pub(super) async fn with(limits: IngestLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let intake = Arc::new(ScriptedIntake::new());
        let refusals = Arc::new(Mutex::new(Vec::new()));
        let count = Arc::clone(&refusals);
        let on_refusal = Arc::new(move |code| count.lock().unwrap().push(code));
        let stop = CancellationToken::new();
        let router = router(intake.clone(), limits.clone(), on_refusal.clone());
        let mut server = JoinSet::new();
        server.spawn(serve(listener, router, limits, on_refusal, stop.clone()));
        Self { address, intake, stop, server, refusals }
    }

    /// The codes of all refusals so far.
    pub(super) fn refusals(&self) -> Vec<&'static str> {
        self.refusals.lock().unwrap().clone()
    }

    pub(super) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends bytes over a connection of their own.
    pub(super) async fn raw(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.answer().await
    }

    /// Posts JSON to `e-sppd.status`.
    pub(super) async fn json(&self, body: impl AsRef<[u8]>) -> Answer {
        self.post("content-type: application/json", body).await
    }

    /// Posts to `e-sppd.status` with the right key and these further headers.
    pub(super) async fn post(&self, headers: &str, body: impl AsRef<[u8]>) -> Answer {
        self.raw(request(headers, body)).await
    }
}

/// A call of `POST /v1/e-sppd/status` with the right key.
pub(super) fn request(headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("content-length: {}", body.len());
    let authorization = format!("authorization: Bearer {KEY}");
    let mut lines =
        vec!["POST /v1/e-sppd/status HTTP/1.1", "host: simpul", &authorization, &length];
    lines.extend(headers.lines().filter(|it| !it.is_empty()));
    let mut bytes = lines.join("\r\n").into_bytes();
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes.extend_from_slice(body);
    bytes
}

pub(super) struct Client(pub(super) TcpStream);

impl Client {
    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // A server that has refused already may have closed; what it said is read all the same.
        let _ = self.0.write_all(bytes.as_ref()).await;
    }

    /// The next answer; it fails the test if the connection ends before one has come.
    pub(super) async fn answer(&mut self) -> Answer {
        timeout(PATIENCE, self.try_answer()).await.expect("an answer").expect("a whole answer")
    }

    /// Whether the other side has closed the connection, once it has said all it says.
    pub(super) async fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        let read = timeout(PATIENCE, self.0.read(&mut byte)).await.expect("an end");
        !matches!(read, Ok(1))
    }

    /// Waits until the other side has closed the connection, whatever it says before.
    pub(super) async fn end(&mut self) {
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, self.0.read_to_end(&mut rest)).await.expect("an end");
    }

    async fn try_answer(&mut self) -> Option<Answer> {
        let mut bytes = Vec::new();
        let headers_end = loop {
            if let Some(at) = bytes.windows(4).position(|it| it == b"\r\n\r\n") {
                break at + 4;
            }
            bytes.push(self.0.read_u8().await.ok()?);
        };
        let head = String::from_utf8(bytes[..headers_end].to_vec()).ok()?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let headers: BTreeMap<_, _> = head
            .lines()
            .skip(1)
            .filter_map(|it| it.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").map_or(0, |it| it.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.ok()?;
        Some(Answer { status, headers, body: String::from_utf8(body).ok()? })
    }
}

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and code of a problem.
    pub(super) fn problem(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(self.headers["content-type"], "application/problem+json", "{self:?}");
        assert_eq!(body["status"], self.status, "{self:?}");
        (self.status, body["code"].as_str().unwrap().to_owned())
    }
}

pub(super) fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

type Verdict = Result<Vec<Accepted>, IntakeError>;

/// An intake that takes everything, unless its script says otherwise.
pub(super) struct ScriptedIntake {
    sources: Arc<BTreeMap<Endpoint, Arc<OpenSource>>>,
    ids: IdSource,
    taken: Mutex<Vec<Handover>>,
    pub(super) script: Mutex<VecDeque<Verdict>>,
    /// A call is answered once it gets a permit.
    pub(super) gate: Semaphore,
    pub(super) entered: Semaphore,
}

impl ScriptedIntake {
    fn new() -> Self {
        let source = |name: &str, key: &str, text: &str| {
            let endpoint = Endpoint::parse(name).unwrap();
            let api_keys = vec![(key.to_owned(), ApiKey::of(text.as_bytes()).0)];
            (
                endpoint.clone(),
                Arc::new(OpenSource {
                    endpoint,
                    schema: None,
                    api_keys,
                    expect_every: None,
                    pull: None,
                }),
            )
        };
        let sources = [
            source("e-sppd.status", "utama", KEY),
            source("e-sppd.lain", "utama", KEY),
            source("simpeg.pegawai", "pusat", OTHER_KEY),
        ];
        Self {
            sources: Arc::new(sources.into_iter().collect()),
            ids: IdSource::default(),
            taken: Mutex::default(),
            script: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
            entered: Semaphore::new(0),
        }
    }

    /// Everything that was handed over.
    pub(super) fn taken(&self) -> Vec<Handover> {
        self.taken.lock().unwrap().clone()
    }

    /// The bodies of all messages that were handed over.
    pub(super) fn bodies(&self) -> Vec<String> {
        let taken = self.taken();
        let messages = taken.iter().flat_map(|it| &it.messages);
        messages.map(|it| String::from_utf8(it.body.to_vec()).unwrap()).collect()
    }
}

#[async_trait]
impl Intake for ScriptedIntake {
    async fn accept(&self, handover: Handover) -> Verdict {
        self.entered.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        let scripted = self.script.lock().unwrap().pop_front();
        let now = Timestamp::from_millis(1_768_617_000_000);
        let verdict = scripted.unwrap_or_else(|| {
            let each = |_| Accepted { id: self.ids.next(now), duplicate: false };
            Ok(handover.messages.iter().map(each).collect())
        });
        self.taken.lock().unwrap().push(handover);
        verdict
    }

    async fn fares(&self, client: &str, id: MessageId) -> Option<Value> {
        let known = client == "e-sppd.lain/utama" && id.to_string() == KNOWN_MESSAGE;
        known.then(|| serde_json::json!({ "id": KNOWN_MESSAGE, "state": "routed" }))
    }

    fn sources(&self) -> Arc<BTreeMap<Endpoint, Arc<OpenSource>>> {
        Arc::clone(&self.sources)
    }
}

/// A message that `e-sppd.lain/utama` sent.
pub(super) const KNOWN_MESSAGE: &str = "019bc9a1-7d40-7000-8000-000000000001";
