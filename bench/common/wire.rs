//! The load program: senders and a target that speak as little HTTP as will do, so that the
//! processor is left to the bus.

#![allow(dead_code, reason = "no bench needs all of it")]

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// One connection that stays open.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// One call; returns the status and the body of the answer.
    pub(crate) async fn call(&mut self, head: &str, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let length = body.len();
        let head = format!("{head}\r\nhost: bus\r\ncontent-length: {length}\r\n\r\n");
        let mut call = head.into_bytes();
        call.extend_from_slice(body);
        self.0.write_all(&call).await?;
        let (first, body) = self.read().await?;
        let status = first.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
        Ok((status, body))
    }

    /// The first line and the body of what comes next.
    async fn read(&mut self) -> io::Result<(String, Vec<u8>)> {
        let (mut first, mut length) = (String::new(), 0);
        let mut line = String::new();
        loop {
            line.clear();
            if self.0.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if first.is_empty() {
                first = text.to_owned();
            } else if let Some((name, value)) = text.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok((first, body))
    }
}

/// What is measured of a message at the target: how long after it was due to be sent it arrived.
/// It bears that moment as `"t_ns": …`, counted from `since`.
pub(crate) struct Arrivals {
    since: Instant,
    took: Mutex<Vec<Duration>>,
}

impl Arrivals {
    pub(crate) fn new(since: Instant) -> Arc<Self> {
        Arc::new(Self { since, took: Mutex::default() })
    }

    /// A body's worth of nothing before, number, and nothing behind: now as it stands in a body.
    pub(crate) fn stamp(&self, moment: Instant) -> String {
        moment.saturating_duration_since(self.since).as_nanos().to_string()
    }

    pub(crate) fn count(&self) -> usize {
        self.took.lock().unwrap().len()
    }

    /// All since the last call.
    pub(crate) fn take(&self) -> Vec<Duration> {
        std::mem::take(&mut self.took.lock().unwrap())
    }

    /// A message has arrived.
    pub(crate) fn arrived(&self, body: &[u8]) {
        const NAME: &[u8] = b"\"t_ns\":";
        let now = self.since.elapsed();
        let at = body.windows(NAME.len()).position(|it| it == NAME).unwrap_or_default();
        let digits = body.iter().skip(at + NAME.len()).take_while(|it| it.is_ascii_digit());
        let due = digits.fold(0, |sum: u64, it| sum * 10 + u64::from(it - b'0'));
        self.took.lock().unwrap().push(now.saturating_sub(Duration::from_nanos(due)));
    }
}

/// A system that takes everything at once.
pub(crate) struct Target {
    pub(crate) address: String,
    _tasks: JoinSet<()>,
}

impl Target {
    pub(crate) async fn start(arrivals: Arc<Arrivals>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                connections.spawn(serve(Connection(BufReader::new(stream)), Arc::clone(&arrivals)));
            }
        });
        Self { address, _tasks: tasks }
    }
}

async fn serve(mut connection: Connection, arrivals: Arc<Arrivals>) {
    while let Ok((_, body)) = connection.read().await {
        arrivals.arrived(&body);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        if connection.0.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// The value of a metric without labels, from the operators' door.
pub(crate) async fn metric(ops: &str, name: &str) -> f64 {
    let mut connection = Connection::open(ops).await.unwrap();
    let (_, text) = connection.call("GET /metrics HTTP/1.1", b"").await.unwrap();
    let text = String::from_utf8(text).unwrap();
    let mut values = text.lines().filter_map(|it| it.strip_prefix(name)?.trim().parse().ok());
    values.next().unwrap_or_else(|| panic!("no metric `{name}`"))
}

/// The figure at a part of the way from the least to the most, in milliseconds.
pub(crate) fn percentile_ms(took: &mut [Duration], part: f64) -> f64 {
    took.sort_unstable();
    let last = took.len().saturating_sub(1);
    let one = took.get((part * last as f64).round() as usize);
    one.copied().unwrap_or_default().as_secs_f64() * 1e3
}
