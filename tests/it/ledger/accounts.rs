//! Random histories of messages against a model that counts by itself: the tallies agree with it
//! after every step, and so both equations of the design hold.

use simpul::ledger::{Tally, TargetTally};

use super::*;

/// Where a message or a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In its queue.
    Open,
    Ended(&'static str),
}

struct Known {
    message: Message,
    state: State,
    deliveries: Vec<(DeliveryId, State)>,
}

struct History {
    bench: Bench,
    seed: u64,
    received: u64,
    known: Vec<Known>,
}

#[tokio::test]
async fn both_equations_hold_after_every_step_of_random_histories() {
    for seed in 1..=5 {
        for bench in Bench::each().await {
            let history = History { bench, seed, received: 0, known: vec![] };
            history.unfolds().await;
        }
    }
}

impl History {
    async fn unfolds(mut self) {
        for step in 0..100 {
            self.step().await;
            self.agrees(&format!("seed {}, step {step}", self.seed)).await;
            if step % 50 == 49 {
                self.bench = self.bench.reopen().await;
            }
        }
    }

    /// A number below `limit` (splitmix64).
    fn chance(&mut self, limit: usize) -> usize {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    async fn step(&mut self) {
        match self.chance(4) {
            0 => self.receive().await,
            1 => self.settle_one().await,
            2 => self.end_one().await,
            _ => self.deal_with_a_letter().await,
        }
    }

    async fn receive(&mut self) {
        let count = self.chance(3) + 1;
        self.received += count as u64;
        self.bench.write(|it| ledger::received(it, ROUTE, count as u64)).await.unwrap();
        for _ in 0..count {
            let message = self.bench.message();
            self.known.push(Known { message, state: State::Open, deliveries: vec![] });
        }
    }

    async fn settle_one(&mut self) {
        let open = |it: &&mut Known| it.state == State::Open;
        let choice = self.chance(6);
        let count = u32::try_from(self.chance(3) + 1).unwrap();
        let Some(known) = self.known.iter_mut().find(open) else { return };
        let fate = match choice {
            0 => Fate::Repeat,
            1 => Fate::Filtered,
            2 => Fate::Dead,
            _ => Fate::Routed,
        };
        if fate == Fate::Routed {
            let created = (0..count).map(|it| (delivery(known.message.id, it), State::Open));
            known.deliveries.extend(created);
        }
        let ids: Vec<_> = known.deliveries.iter().map(|(id, _)| id.clone()).collect();
        let settling = settling(&known.message, fate, &ids);
        known.state = State::Ended(fate.word());
        self.bench.write(|it| ledger::settle_message(it, &settling)).await.unwrap();
    }

    async fn end_one(&mut self) {
        let choice = self.chance(4);
        let open: Vec<_> = self.deliveries().filter(|it| it.1 == State::Open).collect();
        if open.is_empty() {
            return;
        }
        let id = open[choice % open.len()].0.clone();
        let outcome = match choice {
            0 => Outcome::Dead,
            1 => Outcome::Expired,
            _ => Outcome::Delivered,
        };
        match outcome {
            Outcome::Dead => drop(self.bench.give_up(&id).await),
            _ => self.bench.write(|it| ledger::deliver(it, &id, outcome, START)).await.unwrap(),
        }
        self.set(&id, State::Ended(outcome.word()));
    }

    async fn deal_with_a_letter(&mut self) {
        let letters = self.bench.letters().await;
        if letters.is_empty() {
            return;
        }
        let letter = &letters[self.chance(letters.len())];
        let (state, replays) = match self.chance(2) {
            0 => (State::Open, true),
            _ => (State::Ended("discarded"), false),
        };
        let write = |it: &mut Writes| match replays {
            true => ledger::replay(it, letter, None),
            false => ledger::discard(it, letter, START),
        };
        self.bench.write(write).await.unwrap();
        match &letter.delivery {
            Some((_, ordinal)) => self.set(&delivery(letter.message, *ordinal), state),
            None => {
                let mut known = self.known.iter_mut();
                known.find(|it| it.message.id == letter.message).unwrap().state = state;
            }
        }
    }

    fn deliveries(&self) -> impl Iterator<Item = &(DeliveryId, State)> {
        self.known.iter().flat_map(|it| &it.deliveries)
    }

    fn set(&mut self, id: &DeliveryId, state: State) {
        let mut deliveries = self.known.iter_mut().flat_map(|it| &mut it.deliveries);
        deliveries.find(|it| it.0 == *id).unwrap().1 = state;
    }

    async fn agrees(&self, place: &str) {
        let messages = |word| self.count(self.known.iter().map(|it| it.state), word);
        let deliveries = |word| self.count(self.deliveries().map(|it| it.1), word);
        let created = self.deliveries().count() as u64;
        let of_target = TargetTally {
            created,
            delivered: deliveries("delivered"),
            dead: deliveries("dead"),
            expired: deliveries("expired"),
            discarded: deliveries("discarded"),
            ..TargetTally::default()
        };
        let tally = Tally {
            received: self.received,
            repeats: messages("repeat"),
            filtered: messages("filtered"),
            dead: messages("dead"),
            discarded: messages("discarded"),
            routed: messages("routed"),
            targets: if created == 0 { vec![] } else { vec![(target(), of_target.clone())] },
        };
        let expected: Vec<(Arc<str>, Tally)> = match self.received {
            0 => vec![],
            _ => vec![(ROUTE.into(), tally.clone())],
        };
        assert_eq!(self.bench.ledger.tallies().await.unwrap(), expected, "{place}");

        let in_hand = self.known.iter().filter(|it| it.state == State::Open).count() as u64;
        let ended = tally.repeats + tally.filtered + tally.dead + tally.discarded + tally.routed;
        assert_eq!(tally.received, ended + in_hand, "{place}");
        let under_way = self.deliveries().filter(|it| it.1 == State::Open).count() as u64;
        let ended = of_target.delivered + of_target.dead + of_target.expired + of_target.discarded;
        assert_eq!(of_target.created, ended + under_way, "{place}");
        self.keeps_what_is_needed(place).await;
    }

    fn count(&self, states: impl Iterator<Item = State>, word: &'static str) -> u64 {
        states.filter(|it| *it == State::Ended(word)).count() as u64
    }

    /// A message is kept exactly while something of it is dead or under way; what was only
    /// accepted stands in its queue.
    async fn keeps_what_is_needed(&self, place: &str) {
        let open = |state: State| matches!(state, State::Open | State::Ended("dead"));
        for known in self.known.iter().filter(|it| it.state != State::Open) {
            let needed = open(known.state) || known.deliveries.iter().any(|it| open(it.1));
            assert_eq!(self.bench.is_kept(&known.message).await, needed, "{place}");
        }
    }
}
