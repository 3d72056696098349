//! `kill -9` of the bus at seeded moments, in the middle of its work.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{CouldNot, figures::CrashFigures, random::Random, senders::Senders, stage::Stage};
use crate::ops::wire::{RouteView, TargetView};

/// How often it is looked whether the next moment has come.
const LOOK_PAUSE: Duration = Duration::from_millis(2);

/// A kill follows its moment by at most this many milliseconds, so that it hits deliveries as
/// often as acceptances.
const DELAY_MS_MAX: u64 = 40;

/// How long the next moment may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long an account may be out of step because things move while it is taken.
const ACCOUNT_MAX: Duration = Duration::from_secs(10);

/// Kills the bus `count` times while `senders` are at work, and starts it again each time.
///
/// # Errors
///
/// [`CouldNot`] when it does not start again, or its account does not add up.
pub(super) async fn kill_often(
    stage: &mut Stage<'_>,
    senders: &mut Senders,
    (count, total): (u64, u64),
    random: &mut Random,
) -> Result<CrashFigures, CouldNot> {
    let mut moments: Vec<u64> = (0..count).map(|_| random.between(1, total * 9 / 10)).collect();
    moments.sort_unstable();
    let mut figures = CrashFigures::default();
    for moment in moments {
        wait_for(senders, moment).await?;
        sleep(Duration::from_millis(random.between(0, DELAY_MS_MAX))).await;
        stage.bus.kill().await;
        figures.kills += 1;
        // Queues of a RabbitMQ are counted one after the other: there is an account of them only
        // while little moves. An account of the store is of one moment.
        senders.hold(stage.door.publisher.is_some());
        stage.bus.start().await?;
        account_adds_up(stage).await?;
        senders.hold(false);
        figures.accounts_checked += 1;
        let accepted = senders.accepted();
        stage.display.line(&format!("  killed after {accepted} documents, and started again"));
    }
    Ok(figures)
}

async fn wait_for(senders: &mut Senders, moment: u64) -> Result<(), CouldNot> {
    let started = Instant::now();
    while senders.accepted() < moment && !senders.done()? {
        if PATIENCE < started.elapsed() {
            return Err(CouldNot(format!("document {moment} is not accepted")));
        }
        sleep(LOOK_PAUSE).await;
    }
    Ok(())
}

/// Both equations of the design, for every route.
async fn account_adds_up(stage: &mut Stage<'_>) -> Result<(), CouldNot> {
    let started = Instant::now();
    loop {
        let routes = stage.bus.status().await?;
        let Some(wrong) = routes.iter().find_map(imbalance) else { return Ok(()) };
        if ACCOUNT_MAX < started.elapsed() {
            return Err(CouldNot(format!("the account does not add up after a kill: {wrong}")));
        }
        sleep(LOOK_PAUSE).await;
    }
}

fn imbalance(route: &RouteView) -> Option<String> {
    let ended = route.repeats + route.filtered + route.dead + route.discarded + route.routed;
    if route.received != ended + route.in_hand {
        return Some(format!("{route:?}"));
    }
    let moving = |it: &TargetView| it.waiting + it.retrying + it.paused;
    let ended = |it: &TargetView| it.delivered + it.dead + it.expired + it.discarded;
    let unbalanced = route.targets.iter().find(|it| it.created != ended(it) + moving(it));
    unbalanced.map(|it| format!("{}: {it:?}", route.route))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_misses_a_message_or_a_delivery_is_found() {
        let target = TargetView { created: 3, delivered: 1, retrying: 2, ..Default::default() };
        let mut route =
            RouteView { received: 4, repeats: 1, routed: 2, in_hand: 1, ..Default::default() };
        route.targets.push(target);
        assert_eq!(imbalance(&route), None);

        let mut short = route.clone();
        short.received += 1;
        assert!(imbalance(&short).is_some());
        route.targets[0].created += 1;
        assert!(imbalance(&route).is_some());
    }
}
