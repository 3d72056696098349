//! Random histories of keys whose deliveries fail, are parked, replayed, discarded and gone on without,
//! as workers and operators have them, against a model: none is ever sent before an earlier one of its
//! key that is still to be sent or decided about, and none is left behind.

use std::collections::VecDeque;

use bytes::Bytes;
use simpul::ledger::CalledKey;

use super::*;

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Queued,
    Parked,
    /// Dead, and holding its key.
    Holding,
    /// Dead, and gone on without.
    Passed,
    Final,
}

/// What stands in the queue of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// The delivery with this number.
    Delivery(usize),
    Call(i64),
}

/// One order key; its deliveries by their numbers, from 1.
#[derive(Default)]
struct Key {
    deliveries: Vec<(DeliveryId, State)>,
    /// Written, and not yet in the queue, where that is not one transaction.
    coming: VecDeque<Entry>,
    queue: VecDeque<Entry>,
}

struct History {
    bench: Bench,
    seed: u64,
    keys: [Key; 2],
}

#[tokio::test]
async fn no_delivery_overtakes_and_none_is_left_behind_in_random_histories_of_keys() {
    for seed in 1..=6 {
        for bench in Bench::each().await {
            let keys = [Key::default(), Key::default()];
            History { bench, seed, keys }.unfolds().await;
        }
    }
}

impl History {
    async fn unfolds(mut self) {
        for _ in 0..120 {
            let key = self.chance(2);
            match self.chance(7) {
                0 | 1 => self.create(key).await,
                6 => self.keys[key].arrive(),
                2 | 3 => {
                    let fails = self.chance(3) == 0;
                    self.work(key, fails).await;
                }
                4 => self.deal_with_a_letter(key).await,
                _ => self.call().await,
            }
            self.agrees().await;
        }
        // Everything dead is sent on again, and taken.
        for letter in self.bench.letters().await {
            self.replay(&letter).await;
        }
        for key in 0..2 {
            loop {
                self.keys[key].arrive();
                self.call().await;
                if self.keys[key].queue.is_empty() {
                    break;
                }
                self.work(key, false).await;
            }
            let is_over = |it: &(DeliveryId, State)| it.1 == State::Final;
            let all = &self.keys[key].deliveries;
            assert!(all.iter().all(is_over), "{:?}", self.keys[key].listed());
        }
        self.agrees().await;
    }

    /// A number below `limit` (splitmix64).
    fn chance(&mut self, limit: usize) -> usize {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    /// A message of the key; some of them give rise to a delivery that cannot be made.
    async fn create(&mut self, key: usize) {
        let cannot_be_made = self.chance(5) == 0;
        let message = self.bench.message();
        let id = delivery(message.id, 0);
        let mut settling = settling(&message, Fate::Routed, std::slice::from_ref(&id));
        settling.deliveries[0].order_key = Some(digest(&key.to_string()));
        let write = |it: &mut Writes| {
            ledger::received(it, ROUTE, 1);
            ledger::settle_message(it, &settling);
        };
        self.bench.write(write).await.unwrap();
        let number = self.keys[key].deliveries.len() + 1;
        let state = if cannot_be_made { State::Holding } else { State::Queued };
        if cannot_be_made {
            self.bench.write(|it| dead(it, &id)).await.unwrap();
        } else {
            self.keys[key].coming.push_back(Entry::Delivery(number));
        }
        self.keys[key].deliveries.push((id, state));
    }

    /// What a worker does with the first entry of a key.
    async fn work(&mut self, key: usize, fails: bool) {
        let Some(entry) = self.keys[key].queue.front().copied() else { return };
        match entry {
            Entry::Delivery(number) => {
                self.keys[key].queue.pop_front();
                let id = self.keys[key].deliveries[number - 1].0.clone();
                let known = self.bench.ledger.sendings(std::slice::from_ref(&id)).await.unwrap()[0];
                assert_eq!((known.outcome, known.seq), (None, Some(number as i64)));
                if known.parks {
                    let message = Message { id: id.message, ..self.bench.message() };
                    self.bench.write(|it| ledger::park(it, &id, &message)).await.unwrap();
                    self.keys[key].deliveries[number - 1].1 = State::Parked;
                } else {
                    self.send(key, number, fails, false).await;
                }
            }
            Entry::Call(ordered_key) => {
                let first = self.bench.ledger.first_parked(ordered_key).await.unwrap();
                match first {
                    Some(it) if !it.is_held && !it.is_early => {
                        self.send(key, usize::try_from(it.seq).unwrap(), fails, true).await;
                    }
                    first => {
                        self.keys[key].queue.pop_front();
                        if first.is_some_and(|it| !it.is_held) {
                            let again = |it: &mut Writes| ledger::call_again(it, ordered_key);
                            self.bench.write(again).await.unwrap();
                        }
                    }
                }
            }
        }
    }

    async fn send(&mut self, key: usize, number: usize, fails: bool, is_parked: bool) {
        let before = &self.keys[key].deliveries[..number - 1];
        let is_decided = |it: &(DeliveryId, State)| matches!(it.1, State::Final | State::Passed);
        assert!(before.iter().all(is_decided), "{number} of {:?}", self.keys[key].listed());
        let id = self.keys[key].deliveries[number - 1].0.clone();
        let write = |it: &mut Writes| {
            match fails {
                true => dead(it, &id),
                false => ledger::deliver(it, &id, Outcome::Delivered, START),
            }
            if is_parked {
                ledger::unpark(it, &id);
            }
        };
        self.bench.write(write).await.unwrap();
        self.keys[key].deliveries[number - 1].1 = if fails { State::Holding } else { State::Final };
    }

    async fn deal_with_a_letter(&mut self, key: usize) {
        let letters = self.bench.letters().await;
        if letters.is_empty() {
            return;
        }
        let letter = letters[self.chance(letters.len())].clone();
        match self.chance(3) {
            0 => self.replay(&letter).await,
            1 => {
                self.bench.write(|it| ledger::discard(it, &letter, START)).await.unwrap();
                *self.state_of(&letter) = State::Final;
            }
            _ => self.go_on(key).await,
        }
    }

    async fn replay(&mut self, letter: &DeadLetter) {
        let id = letter.delivery_id().unwrap();
        let message = Message { id: id.message, ..self.bench.message() };
        let write = |it: &mut Writes| {
            ledger::replay(it, letter, None);
            ledger::park_and_call(it, &id, &message);
        };
        self.bench.write(write).await.unwrap();
        *self.state_of(letter) = State::Parked;
    }

    /// An operator lets a key go on without what holds it.
    async fn go_on(&mut self, key: usize) {
        let digest = digest(&key.to_string());
        let held = self.bench.ledger.held_key(ROUTE, &target(), digest).await.unwrap();
        let Some(held) = held else { return };
        self.bench.write(|it| ledger::let_key_go(it, held.number)).await.unwrap();
        for (_, state) in &mut self.keys[key].deliveries {
            if *state == State::Holding {
                *state = State::Passed;
            }
        }
    }

    async fn call(&mut self) {
        for called in self.bench.ledger.keys_to_call().await.unwrap() {
            self.bench.write(|it| ledger::called(it, &called)).await.unwrap();
            let CalledKey { number, key, .. } = called;
            let key = usize::from(key == digest("1"));
            self.keys[key].queue.push_back(Entry::Call(number));
        }
    }

    fn state_of(&mut self, letter: &DeadLetter) -> &mut State {
        let mut all = self.keys.iter_mut().flat_map(|it| &mut it.deliveries);
        &mut all.find(|it| it.0.message == letter.message).unwrap().1
    }

    /// The accounts know what is parked, and how many keys are held.
    async fn agrees(&self) {
        let all = || self.keys.iter().flat_map(Key::states);
        let tallies = self.bench.ledger.tallies().await.unwrap();
        let tally = tallies.first().and_then(|it| it.1.targets.first());
        let of_target = tally.map(|it| it.1.clone()).unwrap_or_default();
        let count = |state| all().filter(|it| *it == state).count() as u64;
        assert_eq!(of_target.parked, count(State::Parked));
        assert_eq!(of_target.dead, count(State::Holding) + count(State::Passed));
        assert_eq!(of_target.created, all().count() as u64);
        let is_held = |it: &&Key| it.states().any(|it| it == State::Holding);
        let held: u64 = self.bench.ledger.keys_held().await.unwrap().iter().map(|it| it.2).sum();
        assert_eq!(held, self.keys.iter().filter(is_held).count() as u64);
    }
}

impl Key {
    fn arrive(&mut self) {
        self.queue.append(&mut self.coming);
    }

    fn states(&self) -> impl Iterator<Item = State> {
        self.deliveries.iter().map(|it| it.1)
    }

    fn listed(&self) -> Vec<State> {
        self.states().collect()
    }
}

fn dead(writes: &mut Writes, id: &DeliveryId) {
    let tried = Tried { attempts: 1, generation: 2, sent: Some(Bytes::from_static(b"{}")) };
    ledger::finish(writes, id, &cause("refused"), &tried, START);
    ledger::hold_key(writes, id);
}
