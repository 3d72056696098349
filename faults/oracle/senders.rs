//! Systems that send: some over HTTP with an idempotency key and as often as it takes, some once
//! and without one, some to a queue of their own. What they were told is written down.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use serde_json::{Map, Value};
use simpul::amqp::{
    Address, Admin, Argument, Link, Properties, Publication, Publisher, QueueSpec, Tls,
};
use tokio::{
    task::{JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::process::client;
use super::{
    QUEUE,
    random::Random,
    verdict::{Door, Sent},
};

/// The pause between two documents of one sender: some hundred each second are enough to be in
/// the middle of everything.
const PACE: Duration = Duration::from_millis(15);

/// The pause before a sender asks again after a refusal. The bus asks for seconds; a sender that
/// comes earlier sees more of how it answers.
const AGAIN: Duration = Duration::from_millis(250);

/// The longest call that a sender waits for. None may take this long.
const CALL_MAX: Duration = Duration::from_secs(20);

/// How long a document may take to be accepted, a stop of ten minutes included.
const ACCEPTED_WITHIN: Duration = Duration::from_secs(750);

/// Orders that one sender keeps.
const ORDERS: u64 = 8;

/// Bytes of a document beside its numbers: some 2 kB in all.
const PADDING: usize = 1_900;

/// What a sender was told.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) at: Instant,
    pub(crate) took: Duration,
    /// Nothing, where the call broke off.
    pub(crate) status: Option<u16>,
    pub(crate) retry_after: bool,
}

/// Where a gateway takes documents; changes with each start, nothing while it is down.
pub(crate) type Place = Arc<Mutex<Option<String>>>;

/// What all senders know.
pub(crate) struct Log {
    // std, not tokio: held for a few instructions, never across an await.
    sent: Mutex<BTreeMap<u64, Sent>>,
    answers: Mutex<Vec<Answered>>,
    next: AtomicU64,
}

impl Log {
    pub(crate) fn new() -> Arc<Self> {
        let next = AtomicU64::new(1);
        Arc::new(Self { sent: Mutex::default(), answers: Mutex::default(), next })
    }

    pub(crate) fn sent(&self) -> BTreeMap<u64, Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn accepted(&self) -> usize {
        self.sent.lock().unwrap().values().filter(|it| it.accepted).count()
    }

    /// The answers to calls that began in `during`.
    pub(crate) fn answers(&self, during: std::ops::Range<Instant>) -> Vec<Answered> {
        let answers = self.answers.lock().unwrap();
        answers.iter().filter(|it| during.contains(&(it.at))).cloned().collect()
    }

    /// The last answers, for a test that fails.
    pub(crate) fn last_answers(&self) -> Vec<Answered> {
        self.answers.lock().unwrap().iter().rev().take(20).cloned().collect()
    }

    /// A new document; nobody has it yet.
    pub(crate) fn document(&self, door: Door, order: String, keyed: bool) -> (u64, Value) {
        let padding = Map::from_iter([("isi".to_owned(), "x".repeat(PADDING).into())]);
        self.document_of(door, order, keyed, padding)
    }

    /// A new document with these members beside its numbers.
    pub(crate) fn document_of(
        &self,
        door: Door,
        order: String,
        keyed: bool,
        mut members: Map<String, Value>,
    ) -> (u64, Value) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        members.insert("nomor".to_owned(), number.into());
        members.insert("kunci".to_owned(), order.clone().into());
        let body = Value::Object(members);
        let (accepted, ids, repeats) = (false, [].into(), 0);
        let at = Instant::now();
        let sent = Sent { door, order, body: body.clone(), keyed, accepted, ids, repeats, at };
        self.sent.lock().unwrap().insert(number, sent);
        (number, body)
    }

    /// The bus has answered that it has a document.
    pub(crate) fn is_accepted(&self, number: u64, id: String) {
        self.update(number, |it| {
            it.accepted = true;
            it.ids.insert(id);
        });
    }

    fn update(&self, number: u64, change: impl FnOnce(&mut Sent)) {
        change(self.sent.lock().unwrap().get_mut(&number).unwrap());
    }
}

/// What became of one call.
enum Told {
    Accepted(String),
    /// Nothing was done with it.
    Refused,
    /// It may have been accepted.
    Unknown,
}

/// Hands documents over to gateways.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) log: Arc<Log>,
    pub(crate) gateways: Vec<Place>,
    /// Whether some documents are handed over again as other messages.
    pub(crate) repeats: bool,
    client: Client,
}

impl Sender {
    pub(crate) fn new(log: &Arc<Log>, gateways: Vec<Place>) -> Self {
        Self { log: Arc::clone(log), gateways, repeats: true, client: client() }
    }

    /// One call.
    async fn call(&self, gateway: usize, body: &Value, key: Option<&str>) -> Told {
        let Some(address) = self.gateways[gateway].lock().unwrap().clone() else {
            return Told::Refused;
        };
        let request = self.client.post(format!("http://{address}/v1/asal/data"));
        let mut request = request.timeout(CALL_MAX).bearer_auth("kunci");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.header("content-type", "application/json").body(body.to_string());
        let at = Instant::now();
        let answer = request.send().await;
        let status = answer.as_ref().ok().map(reqwest::Response::status);
        let retry_after = answer.as_ref().is_ok_and(|it| it.headers().contains_key("retry-after"));
        let text = match answer {
            Ok(answer) => answer.text().await,
            Err(error) if error.is_connect() => return Told::Refused,
            Err(error) => Err(error),
        };
        let took = at.elapsed();
        let status = status.filter(|_| text.is_ok());
        let told = Answered { at, took, status: status.map(|it| it.as_u16()), retry_after };
        self.log.answers.lock().unwrap().push(told);
        match (status, text) {
            (Some(StatusCode::ACCEPTED), Ok(text)) => {
                let answer: Value = serde_json::from_str(&text).unwrap();
                Told::Accepted(answer["id"].as_str().unwrap().to_owned())
            }
            (Some(StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS), _) => Told::Refused,
            (Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::INSUFFICIENT_STORAGE), _)
            | (None, _) => Told::Unknown,
            (Some(other), text) => panic!("{other}: {text:?}"),
        }
    }

    /// Until it is accepted, whatever that takes, at the gateways in turn.
    pub(crate) async fn insist(&self, mut gateway: usize, body: &Value, key: &str) -> String {
        let start = Instant::now();
        loop {
            match self.call(gateway, body, Some(key)).await {
                Told::Accepted(id) => return id,
                Told::Refused | Told::Unknown => sleep(AGAIN).await,
            }
            gateway = (gateway + 1) % self.gateways.len();
            assert!(start.elapsed() < ACCEPTED_WITHIN, "`{key}` is not accepted");
        }
    }

    /// Sends a new document with a key until it is accepted.
    pub(crate) async fn send_keyed(&self, gateway: usize, order: String) -> u64 {
        let (number, body) = self.log.document(Door::Http, order, true);
        let id = self.insist(gateway, &body, &format!("dok-{number}")).await;
        self.log.is_accepted(number, id);
        number
    }

    /// Hands an accepted document over once more, as another message.
    async fn repeat(&self, gateway: usize, number: u64) {
        let body = self.log.sent.lock().unwrap()[&number].body.clone();
        self.insist(gateway, &body, &format!("ulang-{number}")).await;
        self.log.update(number, |it| it.repeats += 1);
    }

    /// Sends a new document without a key, so never twice.
    async fn send_once(&self, mut gateway: usize, order: String) {
        let (number, body) = self.log.document(Door::Http, order, false);
        let start = Instant::now();
        loop {
            match self.call(gateway, &body, None).await {
                Told::Accepted(id) => return self.log.is_accepted(number, id),
                Told::Unknown => return,
                Told::Refused => sleep(AGAIN).await,
            }
            gateway = (gateway + 1) % self.gateways.len();
            assert!(start.elapsed() < ACCEPTED_WITHIN, "document {number} is not accepted");
        }
    }
}

/// A system that publishes to its own queue on the same RabbitMQ.
pub(crate) struct QueueSender {
    log: Arc<Log>,
    publisher: Publisher,
    _link: Link,
}

impl QueueSender {
    /// Declares the queue.
    pub(crate) async fn open(log: &Arc<Log>, url: &str) -> Self {
        let link = Link::open(Address::parse(url).unwrap(), "sistem", Tls::default());
        assert!(link.connected().await);
        let arguments = vec![("x-queue-type", Argument::Text("quorum".to_owned()))];
        let queue = QueueSpec { name: QUEUE.to_owned(), arguments };
        Admin::new(&link).declare(&queue).await.unwrap();
        Self { log: Arc::clone(log), publisher: Publisher::open(&link), _link: link }
    }

    /// Publishes a new document; whether that was confirmed.
    async fn send(&self, order: String) -> bool {
        let (number, body) = self.log.document(Door::Queue, order, false);
        let properties = Properties { persistent: true, ..Properties::default() };
        let one = Publication {
            exchange: String::new(),
            routing_key: QUEUE.to_owned(),
            properties,
            body: body.to_string().into(),
        };
        let confirmed = self.publisher.publish_all(vec![one]).await == [Ok(())];
        if confirmed {
            self.log.update(number, |it| it.accepted = true);
        }
        confirmed
    }
}

/// Senders at work.
pub(crate) struct Traffic {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Traffic {
    /// Starts `lanes` senders over HTTP, and one over the queue.
    pub(crate) fn start(
        sender: &Sender,
        queue: Option<QueueSender>,
        lanes: usize,
        seed: u64,
    ) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        for lane in 0..lanes {
            let random = Random::new(seed.wrapping_add(lane as u64 * 7_919));
            tasks.spawn(send_http(sender.clone(), lane, random, stop.clone()));
        }
        if let Some(queue) = queue {
            tasks.spawn(send_queue(queue, stop.clone()));
        }
        Self { tasks, stop }
    }

    /// Lets each finish the document in hand.
    pub(crate) async fn finish(mut self) -> Result<(), JoinError> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended?;
        }
        Ok(())
    }
}

/// One document after the other: who wants order waits for the answer.
async fn send_http(sender: Sender, lane: usize, mut random: Random, stop: CancellationToken) {
    let gateways = sender.gateways.len() as u64;
    let some = |random: &mut Random| usize::try_from(random.below(gateways)).unwrap();
    while !stop.is_cancelled() {
        let order = format!("{lane}-{}", random.below(ORDERS));
        let gateway = some(&mut random);
        if random.one_in(3) {
            sender.send_once(gateway, order).await;
        } else {
            let number = sender.send_keyed(gateway, order).await;
            if random.one_in(5) && sender.repeats {
                sender.repeat(some(&mut random), number).await;
            }
        }
        sleep(PACE).await;
    }
}

async fn send_queue(queue: QueueSender, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let pause = if queue.send("antre".to_owned()).await { PACE } else { AGAIN };
        sleep(pause).await;
    }
}
