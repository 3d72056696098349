//! The store that several gateways share: what only a PostgreSQL makes possible, or goes wrong.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use simpul::{
    ledger::{self, Claim, DeliveryId, Fate, Ledger, Outcome, Tally, TargetTally},
    message::{Digest, Endpoint, Headers, IdSource, Message, MessageId, Timestamp},
    store::{Address, CommitSeen, Options, Store, StoreError, Writes},
};

use crate::support::postgres::{Server, database};

const ROUTE: &str = "sppd-terbit";
const NOW: Timestamp = Timestamp::from_millis(1_768_617_000_000);

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(30);

async fn open(address: &Address) -> Store {
    Store::connect(address, Options::default()).await.unwrap()
}

async fn refused(address: &Address) -> String {
    Store::connect(address, Options::default()).await.map(drop).unwrap_err().reason
}

async fn commit(store: &Store, write: impl FnOnce(&mut Writes)) -> Result<Vec<u64>, StoreError> {
    let mut writes = Writes::default();
    write(&mut writes);
    store.commit_counting(writes).await
}

fn pause(target: &str) -> ledger::Pause {
    ledger::Pause {
        target: Endpoint::parse(target).unwrap(),
        since: NOW,
        reason: "401".to_owned(),
        by_operator: false,
        system_digest: None,
    }
}

fn delivery(message: MessageId, target: usize) -> DeliveryId {
    let target = Endpoint::parse(&format!("sistem-{target}.terima")).unwrap();
    DeliveryId { route: ROUTE.into(), message, target, ordinal: 0 }
}

fn message(id: MessageId) -> Message {
    Message { id, received_at: NOW, headers: Headers::default(), body: "{}".into() }
}

fn settling(id: MessageId, fate: Fate, targets: usize) -> ledger::Settling {
    let key = Digest::of(&[b"key"]);
    let new = |target| ledger::NewDelivery { id: delivery(id, target), key, order_key: None };
    ledger::Settling {
        route: ROUTE.into(),
        message: message(id),
        fate,
        cause: None,
        deliveries: (0..targets).map(new).collect(),
        at: NOW,
        generation: 1,
    }
}

#[tokio::test]
async fn both_of_two_gateways_that_start_at_once_find_the_tables() {
    let Some(address) = database().await else { return };
    let (one, other) = tokio::join!(open(&address), open(&address));
    commit(&one, |it| ledger::received(it, ROUTE, 2)).await.unwrap();
    let tallies = Ledger::new(other).tallies().await.unwrap();
    assert_eq!(tallies, [(ROUTE.into(), Tally { received: 2, ..Tally::default() })]);
}

#[tokio::test]
async fn what_is_ours_opens_again_and_what_is_not_is_left_alone() {
    let Some(address) = database().await else { return };
    drop(open(&address).await);
    commit(&open(&address).await, |it| ledger::pause(it, &pause("arsip.terima"))).await.unwrap();
    let found = Ledger::new(open(&address).await).pauses().await.unwrap();
    assert_eq!(found, [pause("arsip.terima")]);

    let server = Server::start().unwrap();
    let other = server.database().await;
    server.execute(&other, "CREATE TABLE arsip (nomor TEXT)").await;
    let reason = "there are tables of another program in it; give simpul a database of its own \
                  (`store:` in simpul.yaml)";
    assert_eq!(refused(&other).await, reason);

    let newer = server.database().await;
    drop(open(&newer).await);
    server.execute(&newer, "UPDATE simpul_format SET number = 4711").await;
    let reason = "its format is 4711, and this program knows formats up to 11: a newer simpul \
                  wrote it; start that version again, or a newer one";
    assert_eq!(refused(&newer).await, reason);
}

#[tokio::test]
async fn a_server_that_cannot_be_used_is_told_in_a_sentence_without_the_password() {
    let Some(address) = database().await else { return };
    let shown = address.shown();
    let (place, _) = shown.rsplit_once('/').unwrap();
    let wrong = [
        (format!("postgres://simpul:kunci-salah@{shown}"), "password authentication failed"),
        (format!("postgres://simpul:rahasia@{place}/tidak-ada"), "create the database, empty"),
        ("postgres://simpul:rahasia@127.0.0.1:9/uji".to_owned(), "Connection refused"),
    ];
    for (text, said) in wrong {
        let reason = refused(&Address::parse(&text).unwrap()).await;
        assert!(reason.starts_with("PostgreSQL at `127.0.0.1:"), "{reason}");
        assert!(reason.contains(said) && !reason.contains('\n'), "{reason}");
        assert!(!reason.contains("rahasia") && !reason.contains("kunci-salah"), "{reason}");
    }
}

#[tokio::test]
async fn a_server_that_forgets_in_a_power_cut_is_refused() {
    let Some(server) = Server::start() else { return };
    let address = server.database().await;
    server.execute(&address, "ALTER SYSTEM SET fsync = off").await;
    server.execute(&address, "ALTER SYSTEM SET synchronous_commit = off").await;
    server.kill();
    server.go_on();
    let reason = refused(&address).await;
    assert!(reason.ends_with("its `fsync` is off, so that a power cut would lose what simpul has confirmed; turn it on"), "{reason}");

    server.execute(&address, "ALTER SYSTEM RESET fsync").await;
    server.kill();
    server.go_on();
    // The other setting is ours to make, and we do.
    commit(&open(&address).await, |it| ledger::received(it, ROUTE, 1)).await.unwrap();
    server.kill();
    server.go_on();
    let tallies = Ledger::new(open(&address).await).tallies().await.unwrap();
    assert_eq!(tallies[0].1.received, 1);
}

#[tokio::test]
async fn a_bad_job_fails_alone_and_writes_are_all_or_none() {
    let Some(address) = database().await else { return };
    let store = open(&address).await;
    let good = |name: &'static str| commit(&store, move |it| ledger::received(it, name, 1));
    let bad = commit(&store, |it| {
        ledger::received(it, "bad", 1);
        it.push(
            "INSERT INTO message (id, route, fate, at) VALUES (?1, 'x', 'lain', 1)",
            vec![b"i".as_slice().into()],
        );
    });
    let (one, wrong, two) = tokio::join!(good("one"), bad, good("two"));
    one.unwrap();
    two.unwrap();
    let reason = "cannot INSERT INTO message: new row for relation \"message\" violates check \
                  constraint \"message_fate_check\"";
    assert_eq!(wrong.unwrap_err().reason, reason);
    let tallies = Ledger::new(store.clone()).tallies().await.unwrap();
    assert_eq!(tallies.iter().map(|it| &*it.0).collect::<Vec<_>>(), ["one", "two"]);

    let questions = vec![("DELETE FROM pause", vec![])];
    store.query(questions).await.unwrap_err();
    let slow = store.query(vec![("SELECT count(pg_sleep(3))", vec![])]).await.unwrap_err();
    assert!(slow.reason.ends_with("it took too long and was stopped"), "{slow}");
}

/// Of several gateways that claim one identity at the same time, one has it, and all agree which.
#[tokio::test]
async fn the_database_decides_which_gateway_has_an_identity() {
    let Some(address) = database().await else { return };
    let stores = [open(&address).await, open(&address).await, open(&address).await];
    let ids = IdSource::default();
    for number in 0..30_u8 {
        let (one, two) = (Digest::of(&[&[number]]), Digest::of(&[&[number], b"x"]));
        let [a, b, c] = &stores;
        let (a, b, c) = tokio::join!(
            claim(a, ids.next(NOW), [one, two]),
            claim(b, ids.next(NOW), [two, one]),
            claim(c, ids.next(NOW), [one, two]),
        );
        assert!(a == b && b == c, "round {number}");
    }
}

/// Claims two identities at once; whoever has them then.
async fn claim(store: &Store, message: MessageId, keys: [Digest; 2]) -> MessageId {
    let claim = Claim { message, body: keys[0], until: Timestamp::from_millis(i64::MAX) };
    let mut writes = Writes::default();
    keys.iter().for_each(|key| ledger::claim(&mut writes, ROUTE, *key, &claim, NOW));
    let counts = store.commit_counting(writes).await.unwrap();
    let found = Ledger::new(store.clone()).claims(ROUTE, &keys, NOW).await.unwrap();
    let found = found.into_iter().map(|it| it.unwrap().message).collect::<Vec<_>>();
    assert_eq!(found[0], found[1]);
    assert_eq!(counts, [u64::from(found[0] == message); 2]);
    found[0]
}

#[tokio::test]
async fn one_of_two_gateways_uses_an_idempotency_key() {
    let Some(address) = database().await else { return };
    let (one, other) = (open(&address).await, open(&address).await);
    let ids = IdSource::default();
    for number in 0..20 {
        let key = format!("k{number}");
        let (first, second) =
            tokio::join!(keep(&one, &key, ids.next(NOW)), keep(&other, &key, ids.next(NOW)));
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        let refusal = first.err().or(second.err()).unwrap().reason;
        assert_eq!(refusal, "the idempotency key was used meanwhile");
    }
    let tallies = Ledger::new(one).tallies().await.unwrap();
    assert_eq!(tallies[0].1.received, 20);
}

/// Accepts a message with a key.
async fn keep(store: &Store, key: &str, id: MessageId) -> Result<(), StoreError> {
    let mut writes = Writes::default();
    let client = ("e-sppd/2026", key);
    ledger::keep_idempotency_key(&mut writes, client, id, Digest::of(&[]), NOW);
    ledger::received(&mut writes, ROUTE, 1);
    store.commit(writes).await
}

/// Two gateways settle messages and end each other's deliveries, in random orders and in large
/// groups, so that their transactions want the same rows at the same time.
#[tokio::test]
async fn tallies_are_exact_whatever_two_gateways_do_at_the_same_time() {
    const MESSAGES: usize = 300;
    const TARGETS: usize = 3;
    let Some(address) = database().await else { return };
    let slowest = Arc::new(Mutex::new(Duration::ZERO));
    let observe = {
        let slowest = Arc::clone(&slowest);
        move |seen: CommitSeen| {
            let mut slowest = slowest.lock().unwrap();
            *slowest = slowest.max(seen.duration);
        }
    };
    let options = Options { observe: Some(Arc::new(observe)), ..Options::default() };
    let stores = [
        Store::connect(&address, options.clone()).await.unwrap(),
        Store::connect(&address, options).await.unwrap(),
    ];
    let ids = IdSource::default();
    let messages: Vec<_> = (0..MESSAGES).map(|_| ids.next(NOW)).collect();
    let mut tasks = tokio::task::JoinSet::new();
    for (number, id) in messages.iter().enumerate() {
        let (store, id) = (stores[number % 2].clone(), *id);
        tasks.spawn(async move {
            commit(&store, |it| {
                ledger::received(it, ROUTE, 1);
                ledger::settle_message(it, &settling(id, Fate::Routed, TARGETS));
            })
            .await
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }

    let mut seed = 4711_usize;
    for round in 0..TARGETS {
        for (half, store) in stores.iter().enumerate() {
            // Each job ends one delivery of eight messages anywhere, of another target than the
            // other gateway does at the same time.
            let mut shuffled = messages.clone();
            for place in (1..shuffled.len()).rev() {
                seed = seed
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                shuffled.swap(place, (seed >> 33) % (place + 1));
            }
            let target = (round + half) % TARGETS;
            for some in shuffled.chunks(8) {
                tasks.spawn(end(store.clone(), some.to_vec(), target));
            }
        }
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }

    let ledger = Ledger::new(stores[0].clone());
    let all = MESSAGES as u64;
    let each = TargetTally { created: all, delivered: all, ..TargetTally::default() };
    let targets = (0..TARGETS).map(|it| (delivery(messages[0], it).target, each.clone()));
    let tally =
        Tally { received: all, routed: all, targets: targets.collect(), ..Tally::default() };
    assert_eq!(ledger.tallies().await.unwrap(), [(ROUTE.into(), tally)]);
    for id in messages {
        assert_eq!(ledger.message(ROUTE, id).await.unwrap(), None, "all are final");
    }
    // A deadlock is found by the server after 1 s, and would be tried again unseen.
    let slowest = *slowest.lock().unwrap();
    assert!(slowest < Duration::from_millis(900), "{slowest:?}");
}

/// Ends one delivery of each message in one commit.
async fn end(
    store: Store,
    messages: Vec<MessageId>,
    target: usize,
) -> Result<Vec<u64>, StoreError> {
    let mut writes = Writes::default();
    for id in messages {
        ledger::deliver(&mut writes, &delivery(id, target), Outcome::Delivered, NOW);
    }
    store.commit_counting(writes).await
}

/// The server is killed again and again while two gateways write: what was answered is there
/// whole, what was refused is there whole or not at all, and all goes on by itself.
#[tokio::test]
async fn a_server_that_dies_costs_a_sentence_and_nothing_that_was_answered() {
    const DEATHS: usize = 3;
    let Some(server) = Server::start() else { return };
    let address = server.database().await;
    let stores = [open(&address).await, open(&address).await];
    let ids = IdSource::default();
    let (mut answered, mut unsure, mut said) = (Vec::new(), Vec::new(), Vec::new());
    for death in 0..=DEATHS {
        let start = Instant::now();
        let mut committed = 0;
        while committed < 40 {
            assert!(start.elapsed() < PATIENCE, "it does not go on: {said:?}");
            let id = ids.next(NOW);
            let store = &stores[answered.len() % 2];
            let done =
                commit(store, |it| ledger::settle_message(it, &settling(id, Fate::Routed, 2)));
            match done.await {
                Ok(_) => {
                    answered.push(id);
                    committed += 1;
                }
                Err(error) => {
                    said.push(error.reason);
                    unsure.push(id);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        }
        if death < DEATHS {
            server.kill();
            let since = Instant::now();
            commit(&stores[0], |it| ledger::received(it, ROUTE, 1)).await.unwrap_err();
            stores[1].commit(Writes::default()).await.unwrap_err();
            Ledger::new(stores[0].clone()).tallies().await.unwrap_err();
            assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
            server.go_on();
        }
    }
    let ledger = Ledger::new(stores[1].clone());
    for (id, sure) in
        answered.iter().map(|it| (it, true)).chain(unsure.iter().map(|it| (it, false)))
    {
        let fares = ledger.fares(*id).await.unwrap();
        let whole = fares.first().is_some_and(|it| it.deliveries.len() == 2);
        let kept = ledger.message(ROUTE, *id).await.unwrap().is_some();
        assert!(whole && kept || !sure && fares.is_empty() && !kept, "{id}: {fares:?}");
    }
    for reason in said {
        assert!(reason.contains("PostgreSQL at") || reason.starts_with("cannot"), "{reason}");
    }
}
