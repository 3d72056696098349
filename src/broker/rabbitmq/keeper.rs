//! Keeps what must stand at RabbitMQ standing, for as long as the broker is open.
//!
//! On each connection it asks first whose queues these are, and then declares what is wanted. Once
//! a minute it looks whether somebody has deleted or changed a queue.

use std::{
    collections::BTreeSet,
    sync::{PoisonError, Weak},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use super::{
    Shared,
    identity::{OTHERS, Standing},
    topology::is_mismatch,
};
use crate::{
    amqp::{AdminError, Patience},
    broker::BrokerError,
};

/// How often it is looked whether something is held for too long, at most.
const RENEW_EVERY: Duration = Duration::from_secs(10);

/// The pause after an answer that did not come.
const TROUBLE_PAUSE: Duration = Duration::from_secs(2);

/// How long a message waits that somebody waits for, while whose the queues are is asked over a new
/// connection, or a queue is declared: one answer of a broker that lives.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(800);

/// Runs until the broker is dropped or closed.
pub(super) async fn keep(broker: Weak<Shared>, check_every: Duration) {
    let mut keeper =
        Keeper { epoch: None, checked: Instant::now(), check_every, wrong: Vec::new() };
    loop {
        let Some(shared) = broker.upgrade() else { return };
        let (link, mut wishes) = (shared.publishing.clone(), shared.topology.wishes());
        wishes.mark_unchanged();
        let pause = keeper.round(&shared).await;
        // Whoever drops the broker ends it, also while this waits.
        drop(shared);
        let epoch = keeper.epoch;
        tokio::select! {
            connected = link.another(epoch) => if !connected { return },
            changed = wishes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Takes anew what is held for too long, until the broker is dropped. Apart from whoever takes from
/// the queues: before a closed gate nobody does, for days.
pub(super) async fn renew(broker: Weak<Shared>, held_max: Duration) {
    loop {
        tokio::time::sleep((held_max / 4).min(RENEW_EVERY)).await;
        let Some(shared) = broker.upgrade() else { return };
        let queues: Vec<_> = shared.queues().values().cloned().collect();
        queues.iter().for_each(|it| it.renew_overdue(held_max));
    }
}

struct Keeper {
    /// The connection that was asked last.
    epoch: Option<u64>,
    checked: Instant,
    check_every: Duration,
    /// What was wrong then.
    wrong: Vec<AdminError>,
}

impl Keeper {
    /// Does what there is to do; returns how long nothing need be done after it.
    async fn round(&mut self, shared: &Shared) -> Duration {
        let Some(epoch) = shared.publishing.epoch() else { return TROUBLE_PAUSE };
        let is_new = self.epoch.replace(epoch) != Some(epoch);
        if !self.is_ours(shared, epoch).await {
            return if shared.is_others() { self.check_every } else { TROUBLE_PAUSE };
        }
        if is_new || self.check_every <= self.checked.elapsed() {
            self.wrong = shared.topology.check(&shared.admin).await;
            match shared.topology.learn().await {
                Ok(anew) => anew.iter().for_each(|it| shared.queue_of(it).renew(it)),
                Err(reason) => {
                    tracing::warn!(reason, "the names of the queues cannot be read");
                }
            }
            self.checked = Instant::now();
        }
        let mut failures = self.wrong.clone();
        failures.extend(shared.topology.declare_wanted(&shared.admin).await);
        let is_certain = failures.iter().all(is_mismatch);
        shared.tell(&failures);
        let pause = if is_certain { self.check_every } else { TROUBLE_PAUSE };
        pause.saturating_sub(self.checked.elapsed()).max(TROUBLE_PAUSE.min(self.check_every))
    }

    /// Asks whose the queues are.
    async fn is_ours(&self, shared: &Shared, epoch: u64) -> bool {
        let before = shared.standing.borrow().clone();
        if before == Standing::Ours(epoch) {
            return true;
        }
        match shared.topology.identity.declare(&shared.admin, epoch).await {
            Ok(standing) => {
                if standing == Standing::Others && before != standing {
                    tracing::error!("{OTHERS}; nothing is published or consumed meanwhile");
                }
                shared.standing.send_replace(standing.clone());
                standing != Standing::Others
            }
            Err(error) => {
                tracing::warn!(%error, "not known whose the queues of this RabbitMQ are");
                false
            }
        }
    }
}

impl Shared {
    fn is_others(&self) -> bool {
        *self.standing.borrow() == Standing::Others
    }

    /// Makes sure that the queues are those of this store, over the connection of now.
    pub(super) async fn ours(&self) -> Result<(), BrokerError> {
        let is_settled = |standing: &Standing| match standing {
            Standing::Unasked => false,
            Standing::Others => true,
            Standing::Ours(epoch) => self.publishing.epoch() == Some(*epoch),
        };
        if let Some(reason) = self.publishing.obstacle() {
            return Err(BrokerError { reason });
        }
        let mut standing = self.standing.subscribe();
        let settled = timeout(ANSWER_TIMEOUT, standing.wait_for(is_settled)).await;
        match settled.ok().and_then(Result::ok).map(|it| it.clone()) {
            Some(Standing::Ours(_)) => Ok(()),
            Some(_) => Err(BrokerError { reason: OTHERS.to_owned() }),
            None => Err(BrokerError { reason: "the broker does not answer".to_owned() }),
        }
    }

    /// Makes sure that `places` exist.
    pub(super) async fn declared(
        &self,
        places: &BTreeSet<String>,
        patience: Patience,
    ) -> Result<(), BrokerError> {
        let declaring = self.topology.ensure(&self.admin, places);
        if patience == Patience::Long {
            return Ok(declaring.await?);
        }
        match timeout(ANSWER_TIMEOUT, declaring).await {
            Ok(declared) => Ok(declared?),
            Err(_) => Err(BrokerError { reason: "its queues are not declared yet".to_owned() }),
        }
    }

    /// Tells what is wrong with the queues, once for each change of it.
    fn tell(&self, failures: &[AdminError]) {
        if let Some(error) = failures.iter().find(|it| !is_mismatch(it)) {
            tracing::warn!(%error, "not known whether all queues stand");
            return;
        }
        let now = failures.first().map(ToString::to_string);
        let mut before = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if *before != now {
            for error in failures {
                tracing::error!(%error, "nothing can be put into a queue");
            }
            *before = now;
        }
    }

    /// Why nothing can be published or taken now, if nothing can.
    pub(super) fn obstacle(&self) -> Option<String> {
        let of_standing = || match *self.standing.borrow() {
            Standing::Unasked => Some("not connected yet".to_owned()),
            Standing::Others => Some(OTHERS.to_owned()),
            Standing::Ours(_) => None,
        };
        let obstacle = self.publishing.obstacle().or_else(|| self.consuming.obstacle());
        obstacle.or_else(of_standing).or_else(|| self.publisher.stall())
    }
}
