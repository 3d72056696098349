//! Alerts about targets and sources.

use std::time::Duration;

use super::{
    facts::End,
    rules::{Alert, Severity, Times, literal, quoted},
    trial::{Run, Trial},
};

/// How long a target is unavailable before somebody is woken: a restart, or a new version of it, takes
/// less.
const DOWN_AFTER: Duration = Duration::from_mins(5);

/// How long a state lasts before it is more than a moment.
const HELD: Duration = Duration::from_mins(1);

/// How long a source cannot be fetched from before somebody is told.
const NOT_CONNECTED: Duration = Duration::from_mins(2);

/// How long an operator's pause lasts before he is reminded.
const PAUSE_KEPT: Duration = Duration::from_hours(24);

/// How long before its end a certificate is to be renewed.
const RENEW: Duration = Duration::from_hours(14 * 24);

/// The alerts about a target.
pub(super) fn target(target: &End, job: &str, times: Times) -> Vec<Alert> {
    let of = format!("{{job={job}, target={}}}", quoted(&target.name));
    vec![
        down(target, &of, times),
        breaker(target, &of),
        paused(target, &of),
        kept(target, &of),
        certificate(target, &of, times),
    ]
}

/// The alerts about a source.
pub(super) fn source(source: &End, job: &str, times: Times) -> Vec<Alert> {
    let of = format!("{{job={job}, source={}}}", quoted(&source.name));
    let silent = source.expect_every.map(|every| silent(source, every, &of, times));
    let fetched = source.is_fetched.then(|| not_connected(source, &of));
    silent.into_iter().chain(fetched).collect()
}

fn labels(role: &'static str, end: &End) -> Vec<(&'static str, String)> {
    vec![
        (role, end.name.clone()),
        ("system", end.system.clone()),
        ("unit", literal(&end.owner.unit)),
    ]
}

/// An alert for a level that metric `name` of an endpoint has in trouble.
fn level(name: &str, of: &str, bad: f64, hold: Duration) -> Trial {
    let series = vec![(format!("{name}{of}"), Run::Level(0.0, bad))];
    Trial { series, fires_after: hold, over_after: Duration::ZERO }
}

fn down(target: &End, of: &str, times: Times) -> Alert {
    let since = "simpul_target_failing_since_timestamp_seconds";
    let (titled, routes) = (target.titled(), target.routes.join(", "));
    Alert {
        name: "SimpulTargetDown",
        expr: format!(
            "time() - min by (job, target) ({since}{of} > 0) > {}\n  \
             unless on (job, target) simpul_target_paused{of} == 1",
            times.seconds(DOWN_AFTER)
        ),
        hold: Duration::ZERO,
        severity: Severity::Critical,
        labels: labels("target", target),
        summary: format!("{titled} has not answered for {{{{ $value | humanizeDuration }}}}"),
        description: format!(
            "Every attempt since then found no connection, a timeout or a 5xx. Nothing is lost: what is for it \
             waits and is tried again (routes: {routes}). First see whether the system runs, and whether \
             its address can be reached from this machine. Once it answers, everything goes on by itself.{}",
            target.owner.sentence()
        ),
        trial: Trial {
            series: vec![(format!("{since}{of}"), Run::Since)],
            fires_after: DOWN_AFTER,
            over_after: Duration::ZERO,
        },
    }
}

fn breaker(target: &End, of: &str) -> Alert {
    let name = "simpul_target_breaker_state";
    Alert {
        name: "SimpulBreakerOpen",
        expr: format!("max by (job, target) ({name}{of}) > 0"),
        hold: HELD,
        severity: Severity::Info,
        labels: labels("target", target),
        summary: format!("calls to {} are held back", target.titled()),
        description: format!(
            "It was unavailable five times in a row, so only one probe at a time is sent, every few seconds. \
             Nothing is lost, and nothing need be done unless SimpulTargetDown follows.{}",
            target.owner.sentence()
        ),
        trial: level(name, of, 2.0, HELD),
    }
}

fn paused(target: &End, of: &str) -> Alert {
    let name = "simpul_target_paused";
    let system = &target.system;
    Alert {
        name: "SimpulTargetPaused",
        expr: format!(
            "max by (job, target) ({name}{of}) == 1\n  \
             unless on (job, target) simpul_target_paused_by_operator{of} == 1"
        ),
        hold: HELD,
        severity: Severity::Critical,
        labels: labels("target", target),
        summary: format!("{} turns simpul away, and is paused", target.titled()),
        description: format!(
            "It answers that simpul is not set up for it: a wrong password (401), a certificate that does not \
             hold, a redirect, or 403, 404 or 410 time and again. Everything for it is kept. First read \
             the reason in the log (`target paused`); correct address or password in connectors/{system}.yaml, \
             then `simpul check && simpul reload`, which frees it. Was it corrected on the other side: \
             `simpul resume {}`.{}",
            target.name,
            target.owner.sentence()
        ),
        trial: level(name, of, 1.0, HELD),
    }
}

fn kept(target: &End, of: &str) -> Alert {
    let name = "simpul_target_paused_by_operator";
    let mut trial = level(name, of, 1.0, PAUSE_KEPT);
    trial.series.push((format!("simpul_target_paused{of}"), Run::Level(0.0, 1.0)));
    Alert {
        name: "SimpulPauseForgotten",
        expr: format!("max by (job, target) ({name}{of}) == 1"),
        hold: PAUSE_KEPT,
        severity: Severity::Warning,
        labels: labels("target", target),
        summary: format!("{} has been paused by an operator for over a day", target.titled()),
        description: format!(
            "An operator's pause ends with `simpul resume {}` alone, and everything for it waits until then. \
             First ask who paused it, and whether the reason holds: the journal and the log have both.{}",
            target.name,
            target.owner.sentence()
        ),
        trial,
    }
}

fn certificate(target: &End, of: &str, times: Times) -> Alert {
    let name = "simpul_target_certificate_expiry_timestamp_seconds";
    // As promtool has it, the tests are in 1970.
    let (far, near) = (1e9, 86_400.0);
    Alert {
        name: "SimpulCertificateExpiring",
        expr: format!("min by (job, target) ({name}{of}) - time() < {}", times.seconds(RENEW)),
        hold: HELD,
        severity: Severity::Warning,
        labels: labels("target", target),
        summary: format!(
            "the certificate of {} ends in {{{{ $value | humanizeDuration }}}}",
            target.titled()
        ),
        description: format!(
            "When it has ended, simpul does not call the system any more: it pauses the target and keeps              everything for it. First ask the owner of the system to renew the certificate; this is over with              the first call after that. A new authority must stand in `ca` of connectors/{}.yaml.{}",
            target.system,
            target.owner.sentence()
        ),
        trial: Trial {
            series: vec![(format!("{name}{of}"), Run::Level(far, near))],
            fires_after: HELD,
            over_after: Duration::ZERO,
        },
    }
}

fn silent(source: &End, every: Duration, of: &str, times: Times) -> Alert {
    let last = "simpul_source_last_message_timestamp_seconds";
    let (titled, routes) = (source.titled(), source.routes.join(", "));
    let expected = Times { faster: 1 }.of(every);
    Alert {
        name: "SimpulSourceSilent",
        expr: format!("time() - max by (job, source) ({last}{of}) > {}", times.seconds(every)),
        hold: Duration::ZERO,
        severity: Severity::Warning,
        labels: labels("source", source),
        summary: format!("nothing has come from {titled} for {{{{ $value | humanizeDuration }}}}"),
        description: format!(
            "It is expected to send something at least every {expected} (`expect_every`). First see whether \
             simpul refuses it: simpul_ingest_refused_total, and the log; then ask whether the system \
             sends at all. Nothing goes through the routes {routes} meanwhile.{}",
            source.owner.sentence()
        ),
        trial: Trial {
            series: vec![(format!("{last}{of}"), Run::Heard)],
            fires_after: every,
            over_after: Duration::ZERO,
        },
    }
}

fn not_connected(source: &End, of: &str) -> Alert {
    let name = "simpul_source_connected";
    let series = vec![(format!("{name}{of}"), Run::Level(1.0, 0.0))];
    Alert {
        name: "SimpulSourceNotConnected",
        expr: format!("max by (job, source) ({name}{of}) == 0"),
        hold: NOT_CONNECTED,
        severity: Severity::Critical,
        labels: labels("source", source),
        summary: format!("nothing can be fetched from {}", source.titled()),
        description: format!(
            "What is published waits in its queue, and is fetched once simpul can. First read the reason \
             in the log (`no messages can be fetched`): whether RabbitMQ runs, the queue is there, \
             and user and password in connectors/{}.yaml are right.{}",
            source.system,
            source.owner.sentence()
        ),
        trial: Trial { series, fires_after: NOT_CONNECTED, over_after: Duration::ZERO },
    }
}
