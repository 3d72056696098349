//! The agency's systems that publish: several senders at once, each of which keeps a document
//! until the bus, or the RabbitMQ whose queue it goes to, has said that it has it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use reqwest::{StatusCode, header};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use super::{
    CouldNot, rabbitmq,
    work::{Post, Source},
};
use crate::amqp::{PublishFailure, Publisher};

/// Senders of one source.
const SENDERS: usize = 4;

/// The first pause before a sender tries again; doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(50);

/// The longest pause before a sender tries again.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long a sender tries with one document: longer than any trouble that the demo makes.
const PATIENCE: Duration = Duration::from_secs(120);

/// How the bus is reached from outside.
#[derive(Clone)]
pub(super) struct Door {
    /// Makes the calls.
    pub(super) client: reqwest::Client,
    /// Where it listens: `http://127.0.0.1:8080`.
    pub(super) address: String,
    /// The API key of each source.
    pub(super) keys: BTreeMap<Source, String>,
    /// For sources whose system publishes to a queue, where there is a RabbitMQ.
    pub(super) publisher: Option<Publisher>,
}

/// Documents under way. Dropped, the senders stop.
pub(super) struct Senders {
    tasks: JoinSet<Result<(), CouldNot>>,
    accepted: Arc<AtomicU64>,
    held: watch::Sender<bool>,
}

impl Senders {
    /// Sends `posts`, those of one source in their order, all sources side by side.
    pub(super) fn start(posts: Vec<Post>, door: &Door) -> Self {
        let accepted = Arc::new(AtomicU64::new(0));
        let mut by_source: BTreeMap<Source, VecDeque<Post>> = BTreeMap::new();
        for post in posts {
            by_source.entry(post.source).or_default().push_back(post);
        }
        let mut tasks = JoinSet::new();
        let held = watch::Sender::new(false);
        for queue in by_source.into_values() {
            let queue = Arc::new(Mutex::new(queue));
            for _ in 0..SENDERS {
                let rest = held.subscribe();
                tasks.spawn(send_all(queue.clone(), door.clone(), accepted.clone(), rest));
            }
        }
        Self { tasks, accepted, held }
    }

    /// Whether the senders rest after the document that they are at, or go on.
    pub(super) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// How many documents were accepted so far: answered with 202, or confirmed in their queue.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Whether every document was accepted.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when the bus refused one for good, or did not take it in time.
    pub(super) fn done(&mut self) -> Result<bool, CouldNot> {
        while let Some(ended) = self.tasks.try_join_next() {
            ended.map_err(|error| CouldNot(format!("bug: a sender failed: {error}")))??;
        }
        Ok(self.tasks.is_empty())
    }
}

async fn send_all(
    queue: Arc<Mutex<VecDeque<Post>>>,
    door: Door,
    accepted: Arc<AtomicU64>,
    mut held: watch::Receiver<bool>,
) -> Result<(), CouldNot> {
    loop {
        if held.wait_for(|it| !*it).await.is_err() {
            return Ok(());
        }
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(post) = next else { return Ok(()) };
        door.send(&post).await?;
        accepted.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a sender does after an answer.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The bus has it.
    Accepted,
    /// Try again with the same key, after what the bus asked for or else a pause of its own.
    Again(Option<Duration>),
    /// It will never be taken.
    Refused,
}

impl Door {
    async fn send(&self, post: &Post) -> Result<(), CouldNot> {
        let started = Instant::now();
        let mut pause = PAUSE_FIRST;
        while started.elapsed() < PATIENCE {
            let (next, answer) = match (&self.publisher, post.source.queue()) {
                (Some(publisher), Some(queue)) => publish_once(publisher, queue, post).await,
                _ => self.post_once(post).await,
            };
            match next {
                Next::Accepted => return Ok(()),
                Next::Again(asked) => {
                    sleep(asked.unwrap_or(pause).min(PAUSE_MAX)).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                Next::Refused => {
                    return Err(CouldNot(format!("the bus refused `{}`: {answer}", post.key)));
                }
            }
        }
        let seconds = PATIENCE.as_secs();
        Err(CouldNot(format!("the bus did not take `{}` in {seconds} s", post.key)))
    }

    /// One call; also returns what the bus answered, for an error.
    async fn post_once(&self, post: &Post) -> (Next, String) {
        let key = self.keys.get(&post.source).map_or("", String::as_str);
        let request = self
            .client
            .post(format!("{}{}", self.address, post.source.path()))
            .bearer_auth(key)
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", post.key.as_str())
            .body(post.body.clone());
        let Ok(response) = request.send().await else {
            return (Next::Again(None), String::new());
        };
        let status = response.status();
        let asked = response.headers().get(header::RETRY_AFTER);
        let asked = asked.and_then(|it| it.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        // An answer that breaks off tells nothing: what was said in full counts.
        let Ok(text) = response.text().await else { return (Next::Again(None), String::new()) };
        (next(status, asked), format!("{status} {text}"))
    }
}

/// One message to a queue; also returns what was wrong with it.
async fn publish_once(publisher: &Publisher, queue: &str, post: &Post) -> (Next, String) {
    match rabbitmq::publish(publisher, queue, post).await {
        Ok(()) => (Next::Accepted, String::new()),
        Err(failure @ PublishFailure::Unsendable { .. }) => (Next::Refused, failure.to_string()),
        Err(failure) => (Next::Again(None), failure.to_string()),
    }
}

fn next(status: StatusCode, asked: Option<Duration>) -> Next {
    match status.as_u16() {
        202 => Next::Accepted,
        // 409: a try that broke off is still being stored.
        408 | 409 | 425 | 429 | 500..=599 => Next::Again(asked),
        _ => Next::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_202_counts_as_accepted() {
        let of = |status| next(StatusCode::from_u16(status).unwrap(), None);
        assert_eq!(of(202), Next::Accepted);
        assert_eq!([408, 409, 429, 503].map(of), [(); 4].map(|()| Next::Again(None)));
        assert_eq!([200, 400, 401, 413, 422].map(of), [(); 5].map(|()| Next::Refused));
        let asked = Some(Duration::from_secs(3));
        assert_eq!(next(StatusCode::SERVICE_UNAVAILABLE, asked), Next::Again(asked));
    }
}
