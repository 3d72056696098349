//! The bus on RabbitMQ under every fault that its promise covers: `kill -9` of simpul, of RabbitMQ,
//! a stop, a freeze, two gateways of which one dies. Real processes; senders that remember what
//! they were told; receivers that write down every call; one verdict for all of it.

mod dead_letters;
mod gateways;
mod killed;
mod kills;
mod retries;
mod stopped;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use simpul::ops::wire::RouteView;

use crate::oracle::{
    gateway::{self, Gateway, Setting, imbalance, is_settled, system_of},
    proxy,
    rabbit::Rabbit,
    random,
    receiver::{self, Receiver},
    senders::{self, Log, QueueSender, Sender, Traffic},
    verdict::{self, Door, OWED, Owed, Run, Verdict},
};

/// How long anything may take that must happen, on a machine that runs all tests at once.
const PATIENCE: Duration = Duration::from_secs(90);

/// On RabbitMQ 3.10 a quorum queue that was declared a moment before a `kill -9` does not come back
/// (docs/decisions/0007): for this long nothing is promised for it.
const REGISTERED_AFTER: Duration = Duration::from_secs(8);

/// Everything that takes part.
struct Stage {
    gateways: Vec<Gateway>,
    receiver: Receiver,
    log: Arc<Log>,
    sender: Sender,
    setting: Setting,
    /// Who gets what.
    owed: Vec<Owed>,
    /// Whether connections between gateways and RabbitMQ break in this test.
    cut: bool,
}

/// The RabbitMQ that all tests share; nothing, with a word, where none is installed.
async fn shared_rabbit() -> Option<&'static Rabbit> {
    tokio::task::spawn_blocking(Rabbit::shared).await.unwrap()
}

/// One that can be killed.
async fn own_rabbit() -> Option<Arc<Rabbit>> {
    tokio::task::spawn_blocking(Rabbit::start).await.unwrap().map(Arc::new)
}

/// Does something slow with a RabbitMQ.
async fn with_rabbit(rabbit: &Arc<Rabbit>, act: impl FnOnce(&Rabbit) + Send + 'static) {
    let rabbit = Arc::clone(rabbit);
    tokio::task::spawn_blocking(move || act(&rabbit)).await.unwrap();
}

impl Stage {
    /// Starts gateways with these names on one RabbitMQ; `change` has a word on how.
    async fn set(
        names: &[&'static str],
        rabbitmq: &str,
        change: impl Fn(&mut Setting, &str),
    ) -> Self {
        let (receiver, log) = (Receiver::start().await, Log::new());
        let setting = Setting::alone(rabbitmq, receiver.address);
        let sender = Sender::new(&log, Vec::new());
        let owed = OWED.to_vec();
        let mut stage =
            Self { gateways: Vec::new(), receiver, log, sender, setting, owed, cut: false };
        for name in names {
            let mut setting = stage.setting.clone();
            change(&mut setting, name);
            stage.add_with(name, &setting).start().await;
        }
        stage
    }

    /// One more gateway, not yet started.
    fn add(&mut self, name: &'static str) -> &mut Gateway {
        let setting = self.setting.clone();
        self.add_with(name, &setting)
    }

    fn add_with(&mut self, name: &'static str, setting: &Setting) -> &mut Gateway {
        let gateway = Gateway::new(name, setting);
        self.sender.gateways.push(gateway.place());
        self.gateways.push(gateway);
        self.gateways.last_mut().unwrap()
    }

    /// The file of one more system that receives.
    fn system(&self, system: &str, target: &str) -> String {
        system_of(self.receiver.address, system, target)
    }

    /// The system that publishes to its own queue.
    async fn queue_sender(&self) -> QueueSender {
        let rabbitmq = self.setting.rabbitmq.as_deref();
        QueueSender::open(&self.log, rabbitmq.unwrap()).await
    }

    /// Whether an operator who looks at the first gateway learns that it cannot take messages.
    async fn tells_of_trouble(&self) -> bool {
        self.gateways[0].ops("/health/ready").await.0 != 200
    }

    /// Waits until so many more documents are accepted.
    async fn accepted_more(&self, count: usize) {
        let end = self.log.accepted() + count;
        until("more documents are accepted", self, async || end <= self.log.accepted()).await;
    }

    /// Lets every sender finish the document in hand: each is accepted in the end.
    async fn finish(&self, traffic: Traffic) {
        if let Err(error) = traffic.finish().await {
            panic!("{error}; the last answers: {:#?}\n{}", self.log.last_answers(), self.logs());
        }
    }

    /// Waits until everything that was accepted has arrived and nothing is on its way, or the time
    /// is over: then the verdict says what is missing. How all routes fare then.
    async fn drained(&self) -> Vec<RouteView> {
        let start = Instant::now();
        loop {
            let verdict = self.verdict();
            let status = self.gateways[0].status().await;
            // What a process held that was killed stands in no account until RabbitMQ has noticed.
            let is_done = |it: &RouteView| is_settled(it) && imbalance(it).is_none();
            let done = status.as_ref().is_some_and(|it| it.iter().all(is_done));
            if done && verdict.lost.is_empty() {
                return status.unwrap();
            }
            if PATIENCE < start.elapsed() {
                verdict.holds(&format!("not everything has arrived: {status:#?}\n{}", self.logs()));
                panic!("it does not settle: {status:#?}\n{}", self.logs());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn verdict(&self) -> Verdict {
        let (sent, arrivals) = (&self.log.sent(), &self.receiver.arrivals()[..]);
        Verdict::of(Run { sent, arrivals, owed: &self.owed, cut: self.cut, dead: &BTreeSet::new() })
    }

    fn logs(&self) -> String {
        self.gateways.iter().map(Gateway::log).collect::<Vec<_>>().join("\n---\n")
    }

    /// Waits for the end of it all, and judges it: nothing lost, nothing made up, no repeat that
    /// does not say so, order kept, and accounts that add up to what senders and receivers saw.
    #[expect(clippy::print_stderr, reason = "what a fault cost, for who reads the run")]
    async fn judge(&self, context: &str) -> Verdict {
        let routes = self.drained().await;
        let verdict = self.verdict();
        verdict.holds(&format!("{context}\n{}", self.logs()));
        for route in &routes {
            self.adds_up(route, context);
        }
        let (accepted, calls) = (self.log.accepted(), self.receiver.calls());
        let repeated = verdict.repeated;
        eprintln!("{context}: {accepted} accepted, {calls} calls, {repeated} flagged repeats");
        verdict
    }

    /// The accounts of a route against what senders and receivers know.
    fn adds_up(&self, route: &RouteView, context: &str) {
        let Some(owed) = self.owed.iter().find(|it| it.route == route.route) else { return };
        let sent = self.log.sent();
        let here = || sent.values().filter(|it| it.door == owed.door);
        let accepted = here().filter(|it| it.accepted).count() as u64;
        let unknown = here().filter(|it| !it.accepted).count() as u64;
        let repeats: u64 = here().map(|it| it.repeats).sum();
        let told = format!("{context}: {route:#?}");
        assert!(accepted + repeats <= route.received, "{accepted} + {repeats} accepted; {told}");
        if owed.door == Door::Http {
            let most = accepted + repeats + unknown;
            assert!(route.received <= most, "{accepted} + {repeats} + {unknown} sent; {told}");
            assert_eq!(route.repeats, repeats, "{told}");
        }
        for target in &route.targets {
            let arrived = self.receiver.taken(&target.target).len() as u64;
            assert_eq!(route.routed, target.created, "{told}");
            assert_eq!(target.created, target.delivered + target.dead, "{told}");
            if owed.door == Door::Http {
                assert_eq!(arrived, target.delivered, "documents taken; {told}");
            }
        }
    }
}

/// Waits until `holds`, asking again and again.
async fn until(what: &str, stage: &Stage, holds: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}\n{}", stage.logs());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
