//! Alerts about what is on its way: promises that are not kept, keys that are held, time that ran out.

use std::time::Duration;

use super::{
    facts::{Delivery, Facts},
    rules::{Alert, Severity, Times, literal, quoted},
    trial::{Run, Trial},
};

/// How long a state lasts before it is more than a moment.
const HELD: Duration = Duration::from_mins(1);

/// How long a key may be held before somebody is told: who replays is at it for a while.
const KEY_HELD: Duration = Duration::from_mins(15);

/// How long it is shown that deliveries expired.
const EXPIRED: Duration = Duration::from_hours(1);

/// The alerts about routes and their deliveries.
pub(super) fn alerts(facts: &Facts, job: &str, times: Times) -> Vec<Alert> {
    let backlogs = facts.deliveries.iter().map(|it| backlog(it, job, times));
    let behind = facts.routes.iter().map(|(route, promise)| behind(route, *promise, job, times));
    let expiring = facts.deliveries.iter().filter(|it| it.ttl.is_some());
    let expired = expiring.map(|it| expired(it, job, times));
    backlogs.chain(behind).chain(expired).chain([held(job)]).collect()
}

/// An alert for the age of the oldest entry of a queue.
fn old(series: String, promise: Duration) -> Trial {
    let bad = promise.as_secs_f64() * 2.0;
    let series = vec![(series, Run::Level(0.0, bad))];
    Trial { series, fires_after: HELD, over_after: Duration::ZERO }
}

fn backlog(delivery: &Delivery, job: &str, times: Times) -> Alert {
    let Delivery { route, target, promise, owner, ttl, .. } = delivery;
    let of = format!(
        "simpul_queue_oldest_age_seconds{{job={job}, queue=\"delivery\", route={}, target={}}}",
        quoted(route),
        quoted(target)
    );
    let usual = Times { faster: 1 };
    let promised = usual.of(*promise);
    let severity = if delivery.is_declared { Severity::Critical } else { Severity::Warning };
    let said = match delivery.is_declared {
        true => format!("The route promises {promised} (`deliver_within`)"),
        false => format!(
            "No file says how old one may get (`deliver_within`), so this is after {promised}"
        ),
    };
    let end = match ttl {
        Some(ttl) => format!("After {} (`ttl`) it is given up as expired.", usual.of(*ttl)),
        None => "Nothing is lost.".to_owned(),
    };
    Alert {
        name: "SimpulBacklogOld",
        expr: format!("max by (job, route, target) ({of}) > {}", times.seconds(*promise)),
        hold: HELD,
        severity,
        labels: labels(delivery),
        summary: format!(
            "a message of {route} has waited {{{{ $value | humanizeDuration }}}} for {target}"
        ),
        description: format!(
            "{said}. {end} First see whether {target} is down or paused: SimpulTargetDown and SimpulTargetPaused \
             say so. If neither, it is too slow for what comes: compare how long an attempt takes \
             (simpul_attempt_duration_seconds) and how many wait (simpul_queue_entries).{}",
            owner.sentence()
        ),
        trial: old(of, *promise),
    }
}

fn labels(delivery: &Delivery) -> Vec<(&'static str, String)> {
    let Delivery { route, target, owner, .. } = delivery;
    vec![("route", route.clone()), ("target", target.clone()), ("unit", literal(&owner.unit))]
}

fn behind(route: &str, promise: Duration, job: &str, times: Times) -> Alert {
    let of = format!(
        "simpul_queue_oldest_age_seconds{{job={job}, queue=\"route\", route={}}}",
        quoted(route)
    );
    Alert {
        name: "SimpulRouteBehind",
        expr: format!("max by (job, route) ({of}) > {}", times.seconds(promise)),
        hold: HELD,
        severity: Severity::Critical,
        labels: vec![("route", route.to_owned())],
        summary: format!(
            "a message of {route} has waited {{{{ $value | humanizeDuration }}}} to be routed"
        ),
        description: "It is accepted and kept, and has not been through the route's steps. No target can hold it up here: \
             look at the bus itself. First the log (`bug:`, the store, the broker), then \
             simpul_store_commit_duration_seconds, the processor and the memory of the machine."
            .to_owned(),
        trial: old(of, promise),
    }
}

fn expired(delivery: &Delivery, job: &str, times: Times) -> Alert {
    let Delivery { route, target, owner, .. } = delivery;
    let of = format!(
        "simpul_deliveries_ended_total{{job={job}, route={}, target={}, outcome=\"expired\"}}",
        quoted(route),
        quoted(target)
    );
    Alert {
        name: "SimpulExpired",
        expr: format!("sum by (job, route, target) (increase({of}[{}])) > 0", times.of(EXPIRED)),
        hold: Duration::ZERO,
        severity: Severity::Warning,
        labels: labels(delivery),
        summary: format!("messages of {route} to {target} grew too old and were not sent"),
        description: format!(
            "They were older than `ttl` before {target} took them. First see why they waited (SimpulTargetDown, \
             SimpulTargetPaused, SimpulBacklogOld); `simpul trace` tells of each when it was tried.{}",
            owner.sentence()
        ),
        trial: Trial { series: vec![(of, Run::Once)], fires_after: HELD, over_after: EXPIRED },
    }
}

fn held(job: &str) -> Alert {
    let name = "simpul_order_keys_held";
    let series = format!("{name}{{job={job}, route=\"sk\", target=\"arsip.simpan\"}}");
    Alert {
        name: "SimpulKeysHeld",
        expr: format!("max by (job, route, target) ({name}{{job={job}}}) > 0"),
        hold: KEY_HELD,
        severity: Severity::Warning,
        labels: vec![],
        summary: "{{ $value }} keys of {{ $labels.route }} to {{ $labels.target }} wait behind a dead letter".to_owned(),
        description: "A delivery was given up, and everything later of the same key (`order_by`) is parked behind it. \
            First `simpul dead list --route {{ $labels.route }} --target {{ $labels.target }}`: replay what was \
            corrected, or discard what will never go; what is parked follows in order."
            .to_owned(),
        trial: Trial {
            series: vec![(series, Run::Level(0.0, 1.0))],
            fires_after: KEY_HELD,
            over_after: Duration::ZERO,
        },
    }
}
