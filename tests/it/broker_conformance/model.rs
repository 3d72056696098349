//! A broker against a model of it in memory: random steps from a seed, the same answers.

use std::collections::BTreeMap;

use super::*;

const QUEUES: [&str; 2] = ["masuk", "keluar"];
const PREFETCH: usize = 4;
const STEPS: usize = 100;

/// What the model knows of an entry. The list is in the order of publishing.
struct Known {
    queue: usize,
    body: String,
    key: Option<u64>,
    due: Timestamp,
    on_loan: bool,
    /// It was handed out, and came back without being settled.
    returned: bool,
    /// It stood in its queue when the broker crashed.
    suspected: bool,
}

struct Model<'a> {
    house: &'a mut dyn House,
    seed: u64,
    broker: Option<Arc<dyn Broker>>,
    consumers: Vec<Box<dyn Consumer>>,
    known: Vec<Known>,
    held: Vec<Delivery>,
    published: usize,
}

/// Goes through the steps of one seed.
pub(super) async fn compare(house: &mut dyn House, seed: u64) {
    let (known, held) = (Vec::new(), Vec::new());
    let mut model =
        Model { house, seed, broker: None, consumers: vec![], known, held, published: 0 };
    model.open().await;
    for step in 0..STEPS {
        model.step().await;
        model.counts_agree(&format!("seed {seed}, step {step}")).await;
    }
    model.drain().await;
}

impl Model<'_> {
    async fn open(&mut self) {
        let broker = self.house.open().await;
        self.consumers = QUEUES
            .iter()
            .map(|name| broker.consume(&queue(name), Taking::free(PREFETCH)))
            .collect();
        self.broker = Some(broker);
    }

    fn broker(&self) -> Arc<dyn Broker> {
        Arc::clone(self.broker.as_ref().unwrap())
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
        match self.chance(20) {
            0..5 => {
                let outputs = self.new_entries();
                publish(&self.broker(), outputs).await;
            }
            5..10 => self.take_some().await,
            10..15 => self.settle_some().await,
            15 => self.give_back(),
            16 => {
                let pause = Duration::from_millis(self.chance(20_000) as u64);
                tokio::time::sleep(pause).await;
            }
            17 => self.reopen(true).await,
            18 => self.reopen(false).await,
            _ => self.hasten().await,
        }
    }

    fn new_entries(&mut self) -> Vec<Output> {
        (0..=self.chance(3)).map(|_| self.new_entry()).collect()
    }

    fn new_entry(&mut self) -> Output {
        self.published += 1;
        let (number, body) = (self.chance(QUEUES.len()), self.published.to_string());
        let key = Some(self.chance(4) as u64).filter(|key| 0 < *key);
        let now = self.house.clock().now();
        let pause = Duration::from_millis(self.chance(10_000) as u64);
        let due = Some(now.after(pause)).filter(|_| self.chance(3) == 0);
        self.known.push(Known {
            queue: number,
            body: body.clone(),
            key,
            due: due.unwrap_or(now),
            on_loan: false,
            returned: false,
            suspected: false,
        });
        let order_key = key.map(|it| Digest::of(&[&it.to_be_bytes()]));
        Output { due, order_key, ..output(self.house, &queue(QUEUES[number]), &body) }
    }

    fn find(&mut self, delivery: &Delivery) -> usize {
        let found = self.known.iter().position(|it| it.body.as_bytes() == delivery.entry.body);
        found.unwrap_or_else(|| panic!("{delivery:?}: settled, or never published"))
    }

    fn is_ready(&self, index: usize) -> bool {
        let it = &self.known[index];
        let first = it.key.is_none()
            || !self.known[..index].iter().any(|one| one.queue == it.queue && one.key == it.key);
        !it.on_loan && first && it.due <= self.house.clock().now()
    }

    async fn take_some(&mut self) {
        let (number, max) = (self.chance(QUEUES.len()), self.chance(PREFETCH) + 1);
        let next = self.consumers[number].next(max);
        let Ok(taken) = tokio::time::timeout(self.house.patience(), next).await else {
            let of_queue = |it: &&Known| it.queue == number && it.on_loan;
            let room = self.known.iter().filter(of_queue).count() < PREFETCH;
            let ready = (0..self.known.len())
                .find(|it| self.known[*it].queue == number && self.is_ready(*it));
            assert!(!room || ready.is_none(), "{} is ready", self.known[ready.unwrap()].body);
            return;
        };
        assert!(!taken.is_empty() && taken.len() <= max);
        for delivery in &taken {
            let index = self.find(delivery);
            assert!(self.is_ready(index), "{} is not ready", self.known[index].body);
            let it = &mut self.known[index];
            assert_eq!(it.queue, number);
            assert_eq!(delivery.redelivered, it.returned || it.suspected, "{}", it.body);
            it.on_loan = true;
        }
        self.held.extend(taken);
        for number in 0..QUEUES.len() {
            let held = self.known.iter().filter(|it| it.queue == number && it.on_loan).count();
            assert!(held <= PREFETCH);
        }
    }

    async fn settle_some(&mut self) {
        let count = self.chance(self.held.len() + 1);
        let mut settled = Vec::new();
        for _ in 0..count {
            let number = self.chance(self.held.len());
            let delivery = self.held.swap_remove(number);
            let index = self.find(&delivery);
            if self.chance(3) == 0 {
                let pause = Duration::from_millis(self.chance(10_000) as u64);
                let due = self.house.clock().now().after(pause);
                self.known[index].on_loan = false;
                self.known[index].due = due;
                settled.push(again(delivery, due));
            } else {
                self.known.remove(index);
                settled.push(Settled::Done(delivery));
            }
        }
        let outputs = self.new_entries();
        self.broker().settle(settled, outputs, Writes::default()).await.unwrap();
    }

    fn give_back(&mut self) {
        for _ in 0..self.chance(self.held.len() + 1) {
            let number = self.chance(self.held.len());
            let delivery = self.held.swap_remove(number);
            self.returned(&delivery);
        }
    }

    fn returned(&mut self, delivery: &Delivery) {
        let index = self.find(delivery);
        self.known[index].on_loan = false;
        self.known[index].returned = true;
    }

    async fn hasten(&mut self) {
        let (number, now) = (self.chance(QUEUES.len()), self.house.clock().now());
        self.broker().hasten(&queue(QUEUES[number])).await.unwrap();
        for it in self.known.iter_mut().filter(|it| it.queue == number) {
            it.due = it.due.min(now);
        }
    }

    async fn reopen(&mut self, crash: bool) {
        if crash {
            self.house.crash();
            self.known.iter_mut().for_each(|it| it.suspected = true);
        } else {
            self.house.stop().await;
        }
        let held = std::mem::take(&mut self.held);
        held.iter().for_each(|delivery| self.returned(delivery));
        drop(held);
        self.consumers.clear();
        self.broker = None;
        self.open().await;
    }

    async fn counts_agree(&mut self, place: &str) {
        for (number, name) in QUEUES.iter().enumerate() {
            let depth = self.broker().depth(&queue(name)).await.unwrap();
            let now = self.house.clock().now();
            let of_queue = || self.known.iter().filter(|it| it.queue == number);
            let delayed = of_queue().filter(|it| now < it.due).count();
            let expected = (of_queue().count() as u64, delayed as u64);
            assert_eq!((depth.entries, depth.delayed), expected, "{place}");
        }
    }

    /// Everything that was published and not settled comes, and then nothing more.
    async fn drain(&mut self) {
        let settled: Vec<_> = std::mem::take(&mut self.held);
        for delivery in &settled {
            let index = self.find(delivery);
            self.known.remove(index);
        }
        settle(&self.broker(), done(settled)).await;
        while let Some(next) = self.known.first() {
            let taken = self.consumers[next.queue].next(PREFETCH).await;
            for delivery in &taken {
                let index = self.find(delivery);
                self.known.remove(index);
            }
            settle(&self.broker(), done(taken)).await;
        }
        assert_eq!(self.broker().depths().await.unwrap(), BTreeMap::new());
    }
}
