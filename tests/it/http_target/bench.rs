//! A system file under test, and a system on a real socket that answers from a script.

use std::{collections::VecDeque, net::SocketAddr, sync::Arc, sync::Mutex};

use bytes::Bytes;
use simpul::{
    connector::{Answer, Call, CallError, OpenTarget, http::HttpSpec},
    diagnostic::{Language, Report, read},
    expr::{Budget, Meta, Scope},
    message::{Arena, Headers, IdSource, Limits, Timestamp, parse},
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A system that reads whole calls and answers each with the next text of its script; when there
/// is none left, with 200.
pub(super) struct System {
    pub(super) address: SocketAddr,
    calls: Arc<Mutex<Vec<Received>>>,
    script: Arc<Mutex<VecDeque<String>>>,
    _tasks: JoinSet<()>,
}

/// A call as it came over the wire.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) line: String,
    pub(super) headers: Vec<String>,
    pub(super) body: String,
    /// Counts the connections, from 0.
    pub(super) connection: usize,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Vec<&str> {
        let prefix = format!("{name}: ");
        self.headers.iter().filter_map(|it| it.strip_prefix(&prefix)).collect()
    }
}

impl System {
    pub(super) async fn new<const N: usize>(script: [&str; N]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(script.map(str::to_owned).into()));
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&calls), Arc::clone(&script)));
        Self { address, calls, script, _tasks: tasks }
    }

    pub(super) fn then(&self, answer: &str) {
        self.script.lock().unwrap().push_back(answer.to_owned());
    }

    pub(super) fn calls(&self) -> Vec<Received> {
        self.calls.lock().unwrap().clone()
    }
}

async fn accept(
    listener: TcpListener,
    calls: Arc<Mutex<Vec<Received>>>,
    script: Arc<Mutex<VecDeque<String>>>,
) {
    let mut connections = JoinSet::new();
    for connection in 0.. {
        let (stream, _) = listener.accept().await.unwrap();
        let (calls, script) = (Arc::clone(&calls), Arc::clone(&script));
        connections.spawn(async move {
            let mut stream = BufReader::new(stream);
            while let Some(received) = receive(&mut stream, connection).await {
                calls.lock().unwrap().push(received);
                let answer = script.lock().unwrap().pop_front();
                let answer = answer.unwrap_or_else(|| ok(""));
                if stream.write_all(answer.as_bytes()).await.is_err() || !is_whole(&answer) {
                    break;
                }
            }
        });
    }
}

/// Whether the connection can be used again after this answer.
fn is_whole(answer: &str) -> bool {
    answer.contains("content-length") && !answer.contains("broken")
}

async fn receive(stream: &mut BufReader<TcpStream>, connection: usize) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let length = lines.iter().find_map(|it| it.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |it| it.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let line = lines.remove(0);
    Some(Received { line, headers: lines, body: String::from_utf8(body).unwrap(), connection })
}

/// An answer 200 with this body.
pub(super) fn ok(body: &str) -> String {
    status("200 OK", body)
}

pub(super) fn status(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// The targets of a system whose `http:` block is `yaml`; `ADDRESS` stands for its address.
pub(super) fn targets(yaml: &str, address: SocketAddr) -> Vec<OpenTarget> {
    let (targets, report) = compile(&yaml.replace("ADDRESS", &address.to_string()));
    assert!(report.is_empty(), "{report}");
    targets
}

/// The only target of a system.
pub(super) fn target(yaml: &str, address: SocketAddr) -> OpenTarget {
    targets(yaml, address).remove(0)
}

/// The targets, and everything that is wrong with the text.
pub(super) fn compile(yaml: &str) -> (Vec<OpenTarget>, String) {
    let mut report = Report::default();
    report.enter("connectors/absensi.yaml");
    let spec: Option<HttpSpec> = read(yaml, &mut report);
    let targets = spec.map(|it| it.compile("absensi", &mut report).0).unwrap_or_default();
    let found: Vec<_> =
        report.into_sorted().iter().map(|it| it.render(yaml, Language::English)).collect();
    (targets, found.join("\n"))
}

/// A delivery of `body` to `target`, with its parameters evaluated.
pub(super) fn call(target: &OpenTarget, body: &str) -> Call {
    let arena = Arena::with_limit(1 << 20);
    let headers = Headers::default();
    let at = Timestamp::from_millis(1_768_617_000_000);
    let meta = Meta {
        id: IdSource::default().next(at),
        received_at: at,
        headers: &headers,
        hash_key: None,
    };
    let value = parse(&arena, body.as_bytes(), &Limits::default()).unwrap();
    let budget = Budget::new(Budget::STEPS_MAX);
    let scope = Scope { arena: &arena, body: value, item: None, meta: &meta, budget: &budget };
    let parameters = target.parameters.iter();
    Call {
        body: Bytes::from(body.to_owned()),
        parameters: parameters.map(|it| it.template.eval(&scope, it.encode).unwrap()).collect(),
        headers: [("idempotency-key", "kunci-1"), ("simpul-attempt", "2")].into_iter().collect(),
    }
}

/// Sends `body` to `target`.
pub(super) async fn send(target: &OpenTarget, body: &str) -> Result<Answer, CallError> {
    target.target.send(&call(target, body)).await
}
