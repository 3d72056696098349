//! The events of a bus as a program hears them: each once and in order, also where it was cut off in
//! between, and where several gateways write at once.

use std::{fs, time::Duration};

use serde_json::Value;
use simpul::{
    journal::{self, Event, Journal, Line, Tail},
    message::Timestamp,
    ops::Access,
    store::{Address, Options, Store, Writes},
};

use crate::support::{
    postgres::database_url,
    process::{PATIENCE, Process, client, project, until},
};

/// A listener on `/api/v1/events`.
struct Listener {
    answer: reqwest::Response,
    unread: String,
    /// The number of the last event or mark.
    last: Option<i64>,
}

impl Listener {
    async fn new(access: &Access, query: &str, last: Option<i64>) -> Self {
        let url = format!("http://{}/api/v1/events{query}", access.address);
        let mut request = client().get(url).bearer_auth(&access.token);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut it = Self { answer, unread: String::new(), last };
        // Only when it says how soon one may come again does it listen.
        assert_eq!(it.block().await.as_deref(), Some("retry: 2000"));
        it
    }

    /// What stands before the next empty line; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                return Some(block);
            }
            let next = tokio::time::timeout(PATIENCE, self.answer.chunk()).await.unwrap();
            let bytes = next.ok().flatten()?;
            self.unread.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// The next event: what kind it is, and what it says.
    async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            let block = self.block().await?;
            let field = |name: &str| {
                let found = block.lines().find_map(|it| it.strip_prefix(name));
                found.map(str::to_owned)
            };
            let id: i64 = field("id: ").unwrap().parse().unwrap();
            assert!(self.last.is_none_or(|last| last <= id), "{id} after {:?}", self.last);
            self.last = Some(id);
            if let Some(data) = field("data: ") {
                return Some((field("event: ").unwrap(), serde_json::from_str(&data).unwrap()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_hears_each_outcome_once_also_after_it_was_cut_off() {
    let project = project();
    let mut process = Process::start(project.path());
    let access = Access::read(&project.path().join("data")).unwrap().unwrap();
    let mut listener = Listener::new(&access, "", None).await;
    process.send(r#"{"nomor": 1}"#).await;
    let (kind, event) = listener.event().await.unwrap();
    assert_eq!((kind.as_str(), &event["route"]), ("routed", &Value::from("uji")));
    let (kind, event) = listener.event().await.unwrap();
    assert_eq!((kind.as_str(), &event["target"]), ("delivered", &Value::from("arsip.simpan")));
    let last = listener.last;
    drop(listener);

    // What happens while nobody listens.
    process.send(r#"{"nomor": 0}"#).await;
    process.send(r#"{"nomor": 2}"#).await;
    let out = project.path().join("keluar/arsip.ndjson");
    until("the delivery", || async {
        fs::read_to_string(&out).is_ok_and(|it| it.lines().count() == 2)
    })
    .await;
    let mut listener = Listener::new(&access, "?route=uji", last).await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        let (kind, event) = listener.event().await.unwrap();
        assert!(last < event["number"].as_i64());
        heard.push(kind);
    }
    heard.sort();
    assert_eq!(heard, ["delivered", "filtered", "routed"]);
    // Of another route nothing is heard.
    let mut other = Listener::new(&access, "?route=lain&all=true", Some(0)).await;
    assert!(!other.block().await.unwrap().contains("data:"));

    // The bus ends while two listen, and does not wait for them.
    process.signal("-TERM");
    assert_eq!(listener.event().await, None);
    assert_eq!(process.ended(), Some(0));
}

fn line(at: i64) -> Line {
    let (route, event) = ("uji".into(), Event::Expired);
    let at = Timestamp::from_millis(at);
    Line { at, route, message: None, delivery: None, generation: 1, event }
}

async fn write(store: &Store, at: i64) {
    let mut writes = Writes::default();
    journal::append(&mut writes, &line(at));
    store.commit(writes).await.unwrap();
}

/// What has come, by the times that stand in it.
async fn heard(tail: &mut Tail) -> Vec<i64> {
    let (lines, _) = tail.next().await.unwrap();
    lines.iter().map(|(_, line)| line.at.as_millis()).collect()
}

/// A transaction of another gateway that has written a line and is not committed.
struct Open {
    client: tokio_postgres::Client,
    _connection: tokio::task::JoinSet<()>,
}

impl Open {
    async fn write(url: &str, at: i64) -> Self {
        let config: tokio_postgres::Config = url.parse().unwrap();
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async { drop(connection.await) });
        let insert = format!(
            "BEGIN; INSERT INTO journal (at, route, generation, event, detail)
             VALUES ({at}, 'uji', 1, 'expired', '{{}}')"
        );
        client.batch_execute(&insert).await.unwrap();
        Self { client, _connection: tasks }
    }

    async fn end(self, how: &str) {
        self.client.batch_execute(how).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_shared_store_nothing_is_passed_over_that_is_seen_late() {
    let Some(url) = database_url().await else { return };
    let address = Address::parse(&url).unwrap();
    let store = Store::connect(&address, Options::default()).await.unwrap();
    let mut tail = Journal::new(store.clone()).tail(None, None).await.unwrap();
    write(&store, 1).await;
    assert_eq!(heard(&mut tail).await, [1]);

    let late = Open::write(&url, 2).await;
    write(&store, 3).await;
    for _ in 0..3 {
        assert_eq!(heard(&mut tail).await, [0; 0], "2 may still come");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    late.end("COMMIT").await;
    assert_eq!(heard(&mut tail).await, [2, 3]);

    // One that never comes is waited for only until that is certain.
    let lost = Open::write(&url, 4).await;
    write(&store, 5).await;
    assert_eq!(heard(&mut tail).await, [0; 0]);
    lost.end("ROLLBACK").await;
    let mut told = Vec::new();
    while told.is_empty() {
        told = heard(&mut tail).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(told, [5]);
}
