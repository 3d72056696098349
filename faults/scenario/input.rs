//! F36 to F38: clients that repeat themselves, poison, and bodies that are too large.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use reqwest::Body;
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::{
    oracle::{QUEUE, gateway::route, process::client, raw, verdict::Door},
    stage::{Context, IN_FLIGHT_MAX, PATIENCE, Played, Stage, until},
};

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Calls with one key at once.
const AT_ONCE: usize = 50;

/// What a gateway may grow by while it refuses what is too large, in KiB.
const GROWN_KIB_MAX: u64 = 64 << 10;

/// What an answer says.
async fn post(stage: &Stage, key: Option<&str>, body: impl Into<Body>) -> (u16, Value) {
    let address = stage.gateways[0].place().lock().unwrap().clone().unwrap_or_default();
    let mut request = client().post(format!("http://{address}/v1/asal/data"));
    request = request.bearer_auth("kunci").header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    match request.body(body).send().await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap_or_default();
            (status, serde_json::from_str(&text).unwrap_or_default())
        }
        Err(_) => (0, Value::Null),
    }
}

/// F36.
pub(crate) async fn duplicates(context: Context) -> Played {
    let rounds = context.length(4, 40);
    let mut stage = Stage::set(&context).await?;
    stage.start().await;
    for round in 0..rounds {
        let (number, body) = stage.log.document(Door::Http, format!("{round}"), true);
        let (key, text) = (format!("dok-{number}"), body.to_string());
        let told = join_all((0..AT_ONCE).map(|_| post(&stage, Some(&key), text.clone()))).await;
        let taken: Vec<_> = told.iter().filter(|(status, _)| *status == 202).collect();
        let ids: BTreeSet<&str> = taken.iter().filter_map(|(_, it)| it["id"].as_str()).collect();
        let fresh = taken.iter().filter(|(_, it)| it["duplicate"] == false).count();
        let others = told.iter().filter(|(status, _)| ![202, 409].contains(status)).count();
        stage.wants(ids.len() == 1 && fresh == 1 && others == 0, || {
            format!("{} ids, {fresh} fresh, {others} other answers: {told:?}", ids.len())
        });
        for id in ids {
            stage.log.is_accepted(number, id.to_owned());
        }
        let (again, said) = post(&stage, Some(&key), text).await;
        let known = again == 202 && said["duplicate"] == true;
        stage.wants(known, || format!("once more: {again} {said}"));
        let (other, said) = post(&stage, Some(&key), json!({ "nomor": 0 }).to_string()).await;
        stage.wants(other == 422, || format!("another body: {other} {said}"));
    }
    Ok(stage.judge(0).await)
}

/// Levels of tables in the headers of a message: twice what ends a thread of the usual 2 MiB.
const LEVELS: usize = 2_000;

/// F37: a message that makes a route panic, one whose expression would look at more than there is
/// budget for, headers of AMQP that are nested deeply, and a message that ends the process.
pub(crate) async fn poison(context: Context) -> Played {
    let mut stage = Stage::set(&context).await?;
    let each = "($..* | count)";
    let filter = [each; 5].join(" + ");
    let loops = format!("steps:\n  - filter: {filter} >= 0\nto:\n  - target: arsip.simpan\n");
    stage.gateways[0].write("routes/bebas.yaml", &route("bebas", "asal.data", &loops));
    stage.sender.repeats = false;
    stage.start().await;
    stage.load().await;
    stage.accepted_more(20).await;
    let begun = Instant::now();
    let panics = Map::from_iter([("racun".to_owned(), "panik".into())]);
    let panics = hand_over(&mut stage, panics).await;
    // Nodes enough to use up the steps of an expression that looks at all of them five times.
    let wide = Map::from_iter([("x".to_owned(), vec![1; 300_000].into())]);
    let loops = hand_over(&mut stage, wide).await;
    if let Some(url) = stage.setting.rabbitmq.clone() {
        let (_, body) = stage.log.document(Door::Queue, "racun".to_owned(), false);
        let deep = move || raw::publish((&url, QUEUE), LEVELS, &body.to_string());
        tokio::task::spawn_blocking(deep).await.unwrap();
    }
    let is_dead = async |id: &str, routes: usize| {
        let dead = stage.gateways[0].operating("/dead?limit=500", None).await;
        let dead = dead.map(|(_, told)| told["letters"].to_string()).unwrap_or_default();
        routes <= dead.matches(id).count()
    };
    until("the poison to be out of the way", &stage, async || {
        is_dead(&panics, 2).await && is_dead(&loops, 1).await
    })
    .await;
    let took = begun.elapsed();
    stage.wants_in_time(took < Duration::from_secs(30), || format!("it took {took:?}"));
    stage.goes_on("fresh beside the poison", Instant::now(), Duration::from_secs(5)).await;
    deadly(&mut stage).await;
    stage.rest().await;
    // On two routes, where it arrives and three times from the queue: each is a panic that the log
    // tells of, and one that the route's worker tells of.
    stage.panics = 2 * (1 + 3) * 2;
    Ok(stage.judge(IN_FLIGHT_MAX * DEATHS_MAX).await)
}

/// Deaths by one message: once at the door, and three times on each of its two routes.
const DEATHS_MAX: usize = 1 + 3 * 2;

/// A message at which the process dies, under whoever starts it again each time.
async fn deadly(stage: &mut Stage) {
    let members = Map::from_iter([("racun".to_owned(), "mati".into())]);
    let (number, body) = stage.log.document_of(Door::Http, "racun".to_owned(), true, members);
    let (key, mut id, mut deaths) = (format!("dok-{number}"), None, 0);
    let begun = Instant::now();
    loop {
        if stage.gateways[0].has_died() {
            deaths += 1;
            stage.gateways[0].try_start().await;
        }
        if id.is_none() {
            let (status, said) = post(stage, Some(&key), body.to_string()).await;
            id = said["id"].as_str().filter(|_| status == 202).map(str::to_owned);
        }
        if let Some(id) = &id
            && stage.gateways[0].process().is_some()
            && let Some((200, told)) = stage.gateways[0].operating("/dead?limit=500", None).await
            && 2 <= told["letters"].to_string().matches(id).count()
        {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{deaths} deaths, and no end\n{}", stage.logs());
        sleep(Duration::from_millis(20)).await;
    }
    stage.log.is_accepted(number, id.unwrap_or_default());
    stage.findings.kills += deaths;
    stage.wants(deaths <= DEATHS_MAX, || format!("{deaths} deaths by one message"));
    stage.ready(0).await;
    stage.goes_on("fresh after deaths", Instant::now(), Duration::from_secs(5)).await;
}

/// Hands over a document with these members; returns its id.
async fn hand_over(stage: &mut Stage, members: Map<String, Value>) -> String {
    let (number, body) = stage.log.document_of(Door::Http, "racun".to_owned(), false, members);
    let (status, said) = post(stage, None, body.to_string()).await;
    stage.wants(status == 202, || format!("{status} {said}"));
    let id = said["id"].as_str().unwrap_or_default().to_owned();
    stage.log.is_accepted(number, id.clone());
    id
}

/// F38.
pub(crate) async fn oversized(context: Context) -> Played {
    let mut stage = Stage::set(&context).await?;
    stage.start().await;
    stage.load().await;
    stage.accepted_more(50).await;
    let before = stage.calm_now(0).resident_kib;
    let over = format!("{{\"nomor\":0,\"x\":\"{}\"}}", "x".repeat(1 << 20));
    let (status, said) = post(&stage, None, over).await;
    stage.wants(status == 413, || format!("a byte too many: {status} {said}"));
    let large = "authorization: Bearer kunci\r\ncontent-type: application/json\r\n\
                 content-length: 104857600\r\n\r\n";
    let said = pour(&stage, large, 100 << 20).await;
    // A connection may break off under the answer, since the rest is not read.
    stage.wants(said.contains(" 413 ") || said.is_empty(), || format!("100 MB: {said}"));
    let said = pour(&stage, "x-besar: ", 10 << 20).await;
    stage.wants(said.contains(" 431 ") || said.is_empty(), || format!("10 MB of headers: {said}"));
    let files: Vec<String> = (0..20_000).map(|it| format!("{{\"nomor\":{it}}}")).collect();
    let said = lines(&stage, files.join("\n")).await;
    stage.wants(said == 413 || said == 422 || said == 400, || format!("20,000 at once: {said}"));
    sleep(Duration::from_millis(200)).await;
    let after = stage.calm_now(0).resident_kib;
    let grown = after.saturating_sub(before);
    stage.wants(grown <= GROWN_KIB_MAX, || format!("{grown} KiB more memory"));
    stage.accepted_more(50).await;
    Ok(stage.judge(0).await)
}

/// A call that begins with `head` and goes on for so many bytes; the first line of the answer, if
/// there is one.
async fn pour(stage: &Stage, head: &str, bytes: usize) -> String {
    let address = stage.gateways[0].place().lock().unwrap().clone().unwrap_or_default();
    let Ok(mut connection) = TcpStream::connect(address).await else { return String::new() };
    let head = format!("POST /v1/asal/data HTTP/1.1\r\nhost: simpul\r\n{head}");
    let _ = connection.write_all(head.as_bytes()).await;
    let (mut reading, mut writing) = connection.split();
    let pouring = async {
        let chunk = vec![b'x'; 64 << 10];
        for _ in 0..bytes / chunk.len() {
            if writing.write_all(&chunk).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    let mut answer = vec![0; 64];
    let read = tokio::select! {
        read = timeout(ANSWER_MAX, reading.read(&mut answer)) => read,
        () = pouring => return String::new(),
    };
    let read = read.map_or(0, Result::unwrap_or_default);
    String::from_utf8_lossy(&answer[..read]).lines().next().unwrap_or_default().to_owned()
}

/// Many messages in one call.
async fn lines(stage: &Stage, body: String) -> u16 {
    let address = stage.gateways[0].place().lock().unwrap().clone().unwrap_or_default();
    let request = client().post(format!("http://{address}/v1/asal/data")).bearer_auth("kunci");
    let request = request.header("content-type", "application/x-ndjson").body(body);
    request.send().await.map_or(0, |it| it.status().as_u16())
}
