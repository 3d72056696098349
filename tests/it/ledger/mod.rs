//! The ledger over both kinds of store: what is kept, for how long, and that it accounts for everything.

mod accounts;
mod bench;
mod jobs;
mod order;

use std::{sync::Arc, time::Duration};

use simpul::{
    ledger::{
        self, Claim, DeadFilter, DeadLetter, DeliveryId, Fate, KeyUse, Outcome, Pause, REMEMBERED,
        Sending, Tried,
    },
    message::Message,
    store::Writes,
};

use self::bench::{Bench, ROUTE, START, cause, delivery, digest, settling, target};

#[tokio::test]
async fn a_message_is_kept_until_its_last_delivery_is_final() {
    for bench in Bench::each().await {
        let (message, ids) = bench.routed(3).await;
        let bench = bench.reopen().await;
        bench.write(|it| ledger::deliver(it, &ids[0], Outcome::Delivered, START)).await.unwrap();
        bench.write(|it| ledger::deliver(it, &ids[1], Outcome::Expired, START)).await.unwrap();
        let letter = bench.give_up(&ids[2]).await;
        assert!(bench.is_kept(&message).await);
        bench.write(|it| ledger::discard(it, &letter, START)).await.unwrap();
        assert!(!bench.is_kept(&message).await);
        let mut outcomes = Vec::new();
        for id in &ids {
            outcomes.push(bench.outcome(id).await);
        }
        let expected = [Outcome::Delivered, Outcome::Expired, Outcome::Discarded].map(Some);
        assert_eq!(outcomes, expected);
    }
}

#[tokio::test]
async fn only_dead_and_routed_messages_are_kept() {
    for bench in Bench::each().await {
        for fate in [Fate::Repeat, Fate::Filtered] {
            let message = bench.message();
            bench
                .write(|it| ledger::settle_message(it, &settling(&message, fate, &[])))
                .await
                .unwrap();
            assert!(!bench.is_kept(&message).await);
            let fares = bench.ledger.fares(message.id).await.unwrap();
            assert_eq!((fares[0].fate, &fares[0].deliveries[..]), (Some(fate), &[][..]));
        }
        let (message, letter) = bench.dead().await;
        assert!(bench.is_kept(&message).await);
        let expected = DeadLetter {
            id: letter.id,
            at: START,
            route: ROUTE.into(),
            message: message.id,
            delivery: None,
            cause: cause("bad message"),
            group: ledger::group_of(ROUTE, None, &cause("bad message")),
            attempts: 0,
            generation: 2,
            sent: None,
        };
        assert_eq!(letter, expected);
        bench.write(|it| ledger::discard(it, &letter, START)).await.unwrap();
        assert!(!bench.is_kept(&message).await);
        assert_eq!(bench.letters().await, []);
    }
}

#[tokio::test]
async fn what_is_final_stays_as_it_is() {
    for bench in Bench::each().await {
        let (_, ids) = bench.routed(2).await;
        bench.write(|it| ledger::deliver(it, &ids[0], Outcome::Delivered, START)).await.unwrap();
        let tried = Tried { attempts: 1, generation: 2, sent: None };
        bench
            .write(|it| ledger::finish(it, &ids[0], &cause("refused"), &tried, START))
            .await
            .unwrap();
        assert_eq!(bench.letters().await, []);
        bench.give_up(&ids[1]).await;
        bench.write(|it| ledger::deliver(it, &ids[1], Outcome::Delivered, START)).await.unwrap();
        bench.give_up(&ids[1]).await;
        assert_eq!(bench.letters().await.len(), 1);
        assert_eq!(bench.outcome(&ids[0]).await, Some(Outcome::Delivered));
        assert_eq!(bench.outcome(&ids[1]).await, Some(Outcome::Dead));
        assert_eq!(bench.outcome(&delivery(ids[0].message, 9)).await, None);
    }
}

#[tokio::test]
async fn a_message_is_settled_once_and_all_is_kept_or_nothing() {
    for bench in Bench::each().await {
        let message = bench.message();
        let settled = settling(&message, Fate::Routed, &[delivery(message.id, 0)]);
        let settle = |it: &mut Writes| {
            ledger::received(it, ROUTE, 1);
            ledger::settle_message(it, &settled);
        };
        bench.write(settle).await.unwrap();
        let refusal = bench.write(settle).await.unwrap_err().reason;
        assert_eq!(refusal, "another gateway has settled the message meanwhile");
        assert_eq!(bench.ledger.tallies().await.unwrap()[0].1.received, 1, "all or nothing");
    }
}

#[tokio::test]
async fn whoever_sends_a_delivery_learns_of_its_copy_and_of_its_end() {
    for bench in Bench::each().await {
        let (_, ids) = bench.routed(3).await;
        bench.write(|it| ledger::copied(it, &ids[1])).await.unwrap();
        bench.write(|it| ledger::deliver(it, &ids[2], Outcome::Delivered, START)).await.unwrap();
        let asked = [ids, vec![delivery(bench.message().id, 0)]].concat();
        let known = bench.ledger.sendings(&asked).await.unwrap();
        let sending = |outcome, copied| Sending { outcome, copied, ..Sending::default() };
        let over = Some(Outcome::Delivered);
        let nothing = sending(None, false);
        assert_eq!(known, [nothing, sending(None, true), sending(over, false), nothing]);
    }
}

#[tokio::test]
async fn a_replayed_delivery_is_under_way_again_and_cannot_be_replayed_twice() {
    for bench in Bench::each().await {
        let (message, ids) = bench.routed(1).await;
        let letter = bench.give_up(&ids[0]).await;
        assert_eq!((letter.attempts, letter.delivery.clone()), (3, Some((target(), 0))));
        assert_eq!(letter.sent, None, "a list holds no bodies");
        let whole = bench.ledger.dead_letter(letter.id).await.unwrap().unwrap();
        assert_eq!(whole.sent.as_deref(), Some(&b"{}"[..]));
        bench.write(|it| ledger::replay(it, &letter, Some(digest("new")))).await.unwrap();
        assert_eq!(bench.outcome(&ids[0]).await, None);
        assert_eq!(bench.letters().await, []);

        let second = |it: &mut Writes| {
            ledger::received(it, ROUTE, 1);
            ledger::replay(it, &letter, None);
        };
        let refusal = bench.write(second).await.unwrap_err().reason;
        let reason = "the dead letter is no longer there: it was replayed or discarded meanwhile";
        assert_eq!(refusal, reason);
        assert_eq!(bench.ledger.tallies().await.unwrap()[0].1.received, 0, "all or nothing");
        bench.write(|it| ledger::discard(it, &letter, START)).await.unwrap_err();

        bench.write(|it| ledger::deliver(it, &ids[0], Outcome::Delivered, START)).await.unwrap();
        assert!(!bench.is_kept(&message).await);
    }
}

#[tokio::test]
async fn a_replayed_message_is_in_hand_again_and_settled_anew() {
    for bench in Bench::each().await {
        let (message, letter) = bench.dead().await;
        bench.write(|it| ledger::replay(it, &letter, None)).await.unwrap();
        assert_eq!(bench.ledger.fares(message.id).await.unwrap()[0].fate, None);
        assert!(bench.is_kept(&message).await);

        let id = delivery(message.id, 0);
        let routed = settling(&message, Fate::Routed, std::slice::from_ref(&id));
        bench.write(|it| ledger::settle_message(it, &routed)).await.unwrap();
        assert!(bench.is_kept(&message).await);
        let fares = bench.ledger.fares(message.id).await.unwrap();
        assert_eq!((fares.len(), fares[0].fate), (1, None));
        assert_eq!(fares[0].deliveries, [(target(), 0, None)]);
        bench.write(|it| ledger::deliver(it, &id, Outcome::Delivered, START)).await.unwrap();
        let fares = bench.ledger.fares(message.id).await.unwrap();
        assert_eq!(fares[0].fate, Some(Fate::Routed));
        assert_eq!(fares[0].deliveries, [(target(), 0, Some(Outcome::Delivered))]);
        assert!(!bench.is_kept(&message).await);
    }
}

#[tokio::test]
async fn a_claim_holds_until_it_runs_out_is_released_or_its_message_dies() {
    for bench in Bench::each().await {
        let (first, second) = (bench.message(), bench.message());
        let (one, two) = (digest("nomor 1"), digest("nomor 2"));
        let until = START.after(REMEMBERED);
        let of =
            |message: &Message, until| Claim { message: message.id, body: digest("isi"), until };
        let holder = async |now| {
            let claims = bench.ledger.claims(ROUTE, &[two, one], now).await.unwrap();
            assert_eq!(claims[0], None);
            claims[1].clone().map(|it| it.message)
        };
        let claim = async |claim: Claim, now| {
            bench.write(|it| ledger::claim(it, ROUTE, one, &claim, now)).await.unwrap();
        };

        claim(of(&first, until), START).await;
        claim(of(&second, until.after(REMEMBERED)), START).await;
        assert_eq!(holder(START).await, Some(first.id), "a claim that holds is not taken over");
        assert_eq!(bench.ledger.claims("lain", &[one], START).await.unwrap(), [None]);
        assert_eq!(holder(until).await, None, "it has run out");
        claim(of(&second, until.after(REMEMBERED)), until).await;
        assert_eq!(holder(until).await, Some(second.id));
        bench.write(|it| ledger::release(it, "lain", second.id)).await.unwrap();
        assert_eq!(holder(until).await, Some(second.id));
        bench.write(|it| ledger::release(it, ROUTE, second.id)).await.unwrap();
        claim(of(&first, until.after(REMEMBERED)), until).await;
        assert_eq!(holder(until).await, Some(first.id));
        let dead = settling(&first, Fate::Dead, &[]);
        bench.write(|it| ledger::settle_message(it, &dead)).await.unwrap();
        assert_eq!(holder(until).await, None, "a dead message gives its claim up");
    }
}

#[tokio::test]
async fn a_pause_outlives_a_restart_and_an_operators_is_not_overwritten() {
    for bench in Bench::each().await {
        let pause = |reason: &str, by_operator: bool, since| Pause {
            target: target(),
            since,
            reason: reason.to_owned(),
            by_operator,
            system_digest: (!by_operator).then(|| digest("system")),
        };
        let later = START.after(Duration::from_mins(1));
        bench.write(|it| ledger::pause(it, &pause("401", false, START))).await.unwrap();
        bench.write(|it| ledger::pause(it, &pause("libur", true, later))).await.unwrap();
        bench.write(|it| ledger::pause(it, &pause("403", false, later))).await.unwrap();
        let bench = bench.reopen().await;
        assert_eq!(bench.ledger.pauses().await.unwrap(), [pause("libur", true, START)]);
        bench.write(|it| ledger::resume(it, &target())).await.unwrap();
        bench.write(|it| ledger::pause(it, &pause("403", false, later))).await.unwrap();
        assert_eq!(bench.ledger.pauses().await.unwrap(), [pause("403", false, later)]);
    }
}

#[tokio::test]
async fn the_first_use_of_a_key_stands_for_a_week() {
    for bench in Bench::each().await {
        let (first, second) = (bench.message().id, bench.message().id);
        let keep = async |message, at| {
            let write = |it: &mut Writes| {
                ledger::keep_idempotency_key(it, ("e-sppd/2026", "k1"), message, digest("isi"), at);
            };
            bench.write(write).await
        };
        let used = async |key, now| bench.ledger.key_use("e-sppd/2026", key, now).await.unwrap();
        keep(first, START).await.unwrap();
        let refusal = keep(second, START.after(Duration::from_secs(1))).await.unwrap_err();
        assert_eq!(refusal.reason, "the idempotency key was used meanwhile");
        assert_eq!(
            used("k1", START).await,
            Some(KeyUse { message: first, body: digest("isi"), stored: true })
        );
        assert_eq!(used("k2", START).await, None);
        let week_later = START.after(REMEMBERED);
        assert_eq!(used("k1", week_later).await, None);
        keep(second, week_later).await.unwrap();
        assert_eq!(used("k1", week_later).await.map(|it| it.message), Some(second));
    }
}

#[tokio::test]
async fn what_is_final_is_forgotten_after_a_week_and_what_is_open_is_not() {
    for bench in Bench::each().await {
        let (open, _) = bench.routed(2).await;
        let (done, ids) = bench.routed(2_500).await;
        let (dead, _) = bench.dead().await;
        bench
            .write(|it| {
                ids.iter().for_each(|id| ledger::deliver(it, id, Outcome::Delivered, START))
            })
            .await
            .unwrap();
        let claim = Claim { message: open.id, body: digest("isi"), until: START };
        bench.write(|it| ledger::claim(it, ROUTE, digest("nomor"), &claim, START)).await.unwrap();
        let before = bench.ledger.tallies().await.unwrap();
        let forget = async |now| bench.write(|it| ledger::forget_old(it, now)).await.unwrap();
        let known = async |message: &Message| {
            let fares = bench.ledger.fares(message.id).await.unwrap();
            fares.first().map_or(0, |it| 1 + it.deliveries.len())
        };

        forget(START.after(REMEMBERED - Duration::from_millis(1))).await;
        assert_eq!(known(&done).await, 2_501);
        let mut left = Vec::new();
        for _ in 0..4 {
            forget(START.after(REMEMBERED)).await;
            left.push(known(&done).await);
        }
        assert_eq!(left, [1_501, 501, 0, 0]);
        assert_eq!((known(&open).await, known(&dead).await), (3, 1));
        assert!(bench.is_kept(&open).await && bench.is_kept(&dead).await);
        assert_eq!(bench.ledger.tallies().await.unwrap(), before);
        let rows = bench.store.query(vec![("SELECT count(*) FROM claim", vec![])]).await.unwrap();
        assert_eq!(rows[0][0].int(0), 0);
    }
}

#[tokio::test]
async fn dead_letters_are_found_by_number_route_target_and_class() {
    for bench in Bench::each().await {
        let (_, ids) = bench.routed(2).await;
        let one = bench.give_up(&ids[0]).await;
        let two = bench.give_up(&ids[1]).await;
        let (_, three) = bench.dead().await;
        let find = async |filter: DeadFilter| {
            let found = bench.ledger.dead_letters(&filter, 500).await.unwrap();
            if filter.ids.is_empty() {
                let count = bench.ledger.dead_count(&filter).await.unwrap();
                assert_eq!(count, found.len() as u64);
            }
            found.into_iter().map(|it| it.id).collect::<Vec<_>>()
        };
        let all = DeadFilter::default;
        assert_eq!(find(all()).await, [one.id, two.id, three.id]);
        assert_eq!(find(DeadFilter { after: one.id, ..all() }).await, [two.id, three.id]);
        assert_eq!(
            find(DeadFilter { ids: vec![three.id, one.id], ..all() }).await,
            [one.id, three.id]
        );
        let class = Some("bad message".to_owned());
        assert_eq!(find(DeadFilter { class, ..all() }).await, [three.id]);
        let target = Some(target().to_string());
        assert_eq!(find(DeadFilter { target, ..all() }).await, [one.id, two.id]);
        assert_eq!(find(DeadFilter { route: Some("lain".to_owned()), ..all() }).await, [0; 0]);
        let group = Some(one.group.clone());
        assert_eq!(find(DeadFilter { group, ..all() }).await, [one.id, two.id]);
        let (since, before) = (Some(START), Some(START));
        assert_eq!(find(DeadFilter { since, ..all() }).await, [one.id, two.id, three.id]);
        assert_eq!(find(DeadFilter { before, ..all() }).await, [0; 0]);
        assert_eq!(find(DeadFilter { last: Some(one.id), ..all() }).await, [one.id]);
        assert_eq!(bench.ledger.dead_letters(&all(), 2).await.unwrap(), [one, two]);
        let kinds = bench.ledger.dead_by_class().await.unwrap();
        let kinds: Vec<_> =
            kinds.iter().map(|it| (it.target.is_some(), &*it.class, it.count)).collect();
        assert_eq!(kinds, [(false, "bad message", 1), (true, "refused", 2)]);
    }
}

#[tokio::test]
async fn generations_are_numbered_across_restarts() {
    for bench in Bench::each().await {
        assert_eq!(bench.ledger.last_generation().await.unwrap(), 0);
        for number in [1, 2] {
            bench
                .write(|it| ledger::start_generation(it, number, digest("files"), START))
                .await
                .unwrap();
        }
        assert_eq!(bench.reopen().await.ledger.last_generation().await.unwrap(), 2);
    }
}
