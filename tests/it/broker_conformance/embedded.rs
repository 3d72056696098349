//! The embedded broker: every check of the list, and what only it promises.

use simpul::{
    broker::embedded::Embedded,
    store::{Options, Store},
};
use tempfile::TempDir;

use super::*;

/// A directory, and a clock that tests move.
pub(super) struct EmbeddedHouse {
    directory: TempDir,
    clock: Clock,
    open: Option<Embedded>,
}

impl EmbeddedHouse {
    pub(super) fn new() -> Self {
        let start = "2026-01-17T02:30:00Z".parse::<jiff::Timestamp>().unwrap();
        let clock = Clock::starting_at(Timestamp::from_millis(start.as_millisecond()));
        Self { directory: tempfile::tempdir().unwrap(), clock, open: None }
    }

    fn store(&self) -> Store {
        let options = Options { hold_paused_clock: true, ..Options::default() };
        Store::open_with(self.directory.path(), options).unwrap()
    }
}

#[async_trait]
impl House for EmbeddedHouse {
    async fn open(&mut self) -> Arc<dyn Broker> {
        let embedded = Embedded::open(self.store(), self.clock).await.unwrap();
        self.open = Some(embedded.clone());
        Arc::new(embedded)
    }

    async fn stop(&mut self) {
        self.open.take().unwrap().close().await.unwrap();
    }

    fn crash(&mut self) {
        self.open = None;
    }

    fn clock(&self) -> Clock {
        self.clock
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn is_transactional(&self) -> bool {
        true
    }
}

#[tokio::test(start_paused = true)]
async fn the_embedded_broker_keeps_every_promise() {
    run_all(EmbeddedHouse::new).await;
}

#[tokio::test(start_paused = true)]
async fn the_embedded_broker_does_what_a_model_of_it_does() {
    for seed in 1..=10 {
        model::compare(&mut EmbeddedHouse::new(), seed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_suspects_only_what_was_handed_out_and_a_crash_everything() {
    let mut house = EmbeddedHouse::new();
    let name = queue("sppd");
    let broker = house.open().await;
    publish_words(&house, &broker, &name, "1 2 3").await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let mut taken = take(&house, &mut *consumer, 2).await;
    let first = taken.remove(0);
    house.stop().await;
    drop((first, taken, consumer, broker));

    let flags = |taken: &[Delivery]| taken.iter().map(|it| it.redelivered).collect::<Vec<_>>();
    let broker = house.open().await;
    let taken = take(&house, &mut *broker.consume(&name, Taking::free(10)), 3).await;
    assert_eq!(flags(&taken), [true, true, false]);
    drop((taken, broker));
    house.crash();

    // The suspicion outlives a clean stop during which nothing was handed out.
    let broker = house.open().await;
    publish_words(&house, &broker, &name, "4").await;
    drop(broker);
    house.stop().await;
    let broker = house.open().await;
    let taken = take(&house, &mut *broker.consume(&name, Taking::free(10)), 4).await;
    assert_eq!(
        (bodies(&taken), flags(&taken)),
        ("1 2 3 4".to_owned(), vec![true, true, true, false])
    );
}

#[tokio::test(start_paused = true)]
async fn neither_fresh_nor_delayed_entries_keep_the_others_from_being_handed_out() {
    let mut house = EmbeddedHouse::new();
    let (name, broker) = (queue("sppd"), house.open().await);
    let due = house.clock().now().after(Duration::from_secs(1));
    let late = (0..4).map(|it| delayed(&house, &name, due, &format!("late-{it}"))).collect();
    publish(&broker, late).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    publish_words(&house, &broker, &name, "new-0 new-1 new-2 new-3").await;
    let mut order = String::new();
    let mut consumer = broker.consume(&name, Taking::free(1));
    for _ in 0..8 {
        let next = take(&house, &mut *consumer, 1).await;
        order.push_str(&bodies(&next)[..5]);
        settle(&broker, done(next)).await;
    }
    assert_eq!(order, "new-0late-new-1late-new-2late-new-3late-");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_body_is_put_aside_and_the_next_of_its_key_goes_on() {
    let mut house = EmbeddedHouse::new();
    let name = queue("sppd");
    let broker = house.open().await;
    publish(&broker, vec![keyed(&house, &name, "a", "1"), keyed(&house, &name, "a", "2")]).await;
    drop(broker);
    house.crash();
    let mut damage = Writes::default();
    damage.push("UPDATE entry SET body = CAST('?' AS BLOB) WHERE body = CAST('1' AS BLOB)", vec![]);
    house.store().commit(damage).await.unwrap();

    let broker = house.open().await;
    let taken = take(&house, &mut *broker.consume(&name, Taking::free(10)), 1).await;
    assert_eq!(bodies(&taken), "2");
    assert_eq!(broker.depth(&name).await.unwrap().entries, 1);
    assert_eq!(house.open.as_ref().unwrap().damaged(), 1);
    drop((taken, broker));
    house.crash();
    let kept = house.store().query(vec![("SELECT count(*) FROM damaged", vec![])]).await.unwrap();
    assert_eq!(kept[0][0].int(0), 1);
}

/// A caller that gives a settlement up does not know whether it took place. It did, here, and the
/// delivery is settled once more: nothing of that second settlement may be kept.
#[tokio::test(start_paused = true)]
async fn a_settlement_that_was_given_up_cannot_be_repeated() {
    let mut house = EmbeddedHouse::new();
    let (from, to, broker) = (queue("masuk"), queue("keluar"), house.open().await);
    publish_words(&house, &broker, &from, "1").await;
    let mut consumer = broker.consume(&from, Taking::free(10));
    let taken = take(&house, &mut *consumer, 1).await;
    // Taken out behind the broker's back, as a commit does whose caller is gone.
    let mut gone = Writes::default();
    gone.push("DELETE FROM entry", vec![]);
    let outcomes = broker.publish(vec![output(&house, &to, "x")], gone).await;
    assert!(outcomes[0].is_ok());
    let outputs = vec![output(&house, &to, "a")];
    let refusal = broker.settle(done(taken), outputs, Writes::default()).await.unwrap_err();
    assert_eq!(refusal.reason, "a delivery was settled before, so nothing of this was written");
    nothing_comes(&house, &mut *broker.consume(&to, Taking::free(10))).await;
}

#[tokio::test(start_paused = true)]
async fn writes_that_fail_without_an_output_are_not_passed_over() {
    let broker = EmbeddedHouse::new().open().await;
    let mut writes = Writes::default();
    writes.push("INSERT INTO no_such_table VALUES (1)", vec![]);
    assert_eq!(broker.publish(vec![], writes).await.len(), 1);
    assert_eq!(broker.publish(vec![], Writes::default()).await.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_closed_broker_takes_and_gives_nothing() {
    let mut house = EmbeddedHouse::new();
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_words(&house, &broker, &name, "1").await;
    house.stop().await;
    nothing_comes(&house, &mut *broker.consume(&name, Taking::free(10))).await;
    let refusal = broker.publish(vec![output(&house, &name, "2")], Writes::default()).await;
    assert_eq!(refusal[0].as_ref().unwrap_err().to_string(), "broker: simpul is stopping");
}

/// What a stopping worker held but never sent must not reach its target as a possible repeat.
#[tokio::test(start_paused = true)]
async fn what_is_put_back_unused_is_suspected_of_nothing() {
    let mut house = EmbeddedHouse::new();
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_words(&house, &broker, &name, "1 2").await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let taken = take(&house, &mut *consumer, 2).await;
    taken.into_iter().for_each(Delivery::put_back);
    let again = take(&house, &mut *consumer, 2).await;
    assert_eq!(bodies(&again), "1 2");
    assert!(again.iter().all(|it| !it.redelivered));

    again.into_iter().for_each(Delivery::put_back);
    drop((consumer, broker));
    house.stop().await;
    let broker = house.open().await;
    let after = take(&house, &mut *broker.consume(&name, Taking::free(10)), 2).await;
    assert!(after.iter().all(|it| !it.redelivered), "a clean stop does not suspect it either");
}

#[tokio::test(start_paused = true)]
async fn what_was_stored_for_somebody_who_went_away_meanwhile_is_handed_out() {
    let mut house = EmbeddedHouse::new();
    let (name, broker) = (queue("sppd"), house.open().await);
    let mut consumer = broker.consume(&name, Taking::free(10));
    let mut next = std::pin::pin!(consumer.next(10));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(next.as_mut().poll(&mut context).is_pending());
    let mut publishing = broker.publish(vec![output(&house, &name, "1")], Writes::default());
    assert!(publishing.as_mut().poll(&mut context).is_pending());
    drop(publishing);
    assert_eq!(bodies(&next.await), "1");
}
