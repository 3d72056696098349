//! Alerts about a gateway itself: whether it answers, its broker, disk, store, journal and files.

use std::time::Duration;

use super::{
    rules::{Alert, Severity, Times},
    trial::{Run, Trial},
};

/// What a moment's trouble is held apart by.
const MINUTE: Duration = Duration::from_mins(1);

/// How long a gateway may be away: a restart takes less.
const AWAY: Duration = Duration::from_mins(2);

/// How long files on the disk may be others than those that run: time to correct what was refused.
const REFUSED: Duration = Duration::from_mins(5);

/// How late the journal may be.
const BEHIND: Duration = Duration::from_secs(30);

/// Over what rates are taken.
const RATE: Duration = Duration::from_mins(5);

/// The window in which starts are counted.
const RESTARTS: Duration = Duration::from_mins(15);

/// How long rules may know less than the files that run: they are put in place one after the other.
const STALE: Duration = Duration::from_mins(15);

/// How long a caught panic is shown.
const PANICS: Duration = Duration::from_hours(1);

/// An alert of a gateway, whose expression is `metric{job}` and a comparison.
struct Plain {
    name: &'static str,
    metric: &'static str,
    /// What is asked of it: `== 0`.
    is: &'static str,
    run: Run,
    hold: Duration,
    severity: Severity,
    summary: &'static str,
    description: &'static str,
}

const PLAIN: [Plain; 5] = [
    Plain {
        name: "SimpulBrokerDown",
        metric: "simpul_broker_up",
        is: "== 0",
        run: Run::Level(1.0, 0.0),
        hold: AWAY,
        severity: Severity::Critical,
        summary: "{{ $labels.instance }}: messages can neither be put into queues nor taken from them",
        description: "Senders are answered 503 and try again; what was accepted is kept. First read the reason at \
            /health/ready and in the log: whether RabbitMQ runs, has memory and disk, and can be reached. Once it \
            can, everything goes on by itself.",
    },
    Plain {
        name: "SimpulDiskLow",
        metric: "simpul_disk_low",
        is: "== 1",
        run: Run::Level(0.0, 1.0),
        hold: MINUTE,
        severity: Severity::Critical,
        summary: "{{ $labels.instance }}: the disk of the store is nearly full, and nothing is accepted",
        description: "Senders are answered 503 and try again; deliveries go on. First make room on that disk (`df`, \
            then what grew). Once there is room, messages are accepted again by themselves; nothing need be \
            restarted.",
    },
    Plain {
        name: "SimpulReloadRefused",
        metric: "simpul_reload_last_successful",
        is: "== 0",
        run: Run::Level(1.0, 0.0),
        hold: REFUSED,
        severity: Severity::Warning,
        summary: "{{ $labels.instance }}: the files on the disk have mistakes, and are not what runs",
        description: "What ran before goes on, but simpul would not start with these files: do not restart it. First \
            run `simpul check` there, which shows every mistake with its place; correct it or go back to the \
            revision before, then `simpul reload`.",
    },
    Plain {
        name: "SimpulJournalBehind",
        metric: "simpul_journal_behind_seconds",
        is: "",
        run: Run::Level(0.0, 120.0),
        hold: MINUTE,
        severity: Severity::Warning,
        summary: "{{ $labels.instance }}: the journal is {{ $value | humanizeDuration }} behind",
        description: "Messages pass, but what happened to them cannot be written down, and `simpul trace` does not find \
            them; soon messages wait for it. First look at the store: whether its disk or its PostgreSQL can be \
            written to, and how long commits take (simpul_store_commit_duration_seconds).",
    },
    Plain {
        name: "SimpulDamagedEntries",
        metric: "simpul_damaged_entries",
        is: "> 0",
        run: Run::Level(0.0, 1.0),
        hold: Duration::ZERO,
        severity: Severity::Critical,
        summary: "{{ $labels.instance }}: {{ $value }} queue entries are not as they were written, and were put aside",
        description: "The disk gave back other bytes than it was given; these messages are not delivered. First make a \
            copy of the store and run `simpul store check` on the copy: it names the messages, so that their \
            senders can send them again. Have the disk examined (`dmesg`, `smartctl`).",
    },
];

/// The alerts about each gateway.
pub(super) fn alerts(job: &str, times: Times) -> Vec<Alert> {
    let mut all = vec![down(job)];
    all.extend(PLAIN.iter().map(|it| plain(it, job, times)));
    all.extend([
        filling(job),
        slow(job, times),
        restarting(job, times),
        panicked(job, times),
        stale(job),
    ]);
    all
}

fn of_gateway(metric: &str, job: &str) -> String {
    format!("{metric}{{job={job}, instance=\"gateway\"}}")
}

fn plain(plain: &Plain, job: &str, times: Times) -> Alert {
    let is = match plain.is {
        "" => format!("> {}", times.seconds(BEHIND)),
        is => is.to_owned(),
    };
    Alert {
        name: plain.name,
        expr: format!("{}{{job={job}}} {is}", plain.metric),
        hold: plain.hold,
        severity: plain.severity,
        labels: vec![],
        summary: plain.summary.to_owned(),
        description: plain.description.to_owned(),
        trial: Trial {
            series: vec![(of_gateway(plain.metric, job), plain.run)],
            fires_after: plain.hold,
            over_after: Duration::ZERO,
        },
    }
}

fn down(job: &str) -> Alert {
    Alert {
        name: "SimpulDown",
        expr: format!("up{{job={job}}} == 0 or absent(up{{job={job}}})"),
        hold: AWAY,
        severity: Severity::Critical,
        labels: vec![],
        summary: "{{ with $labels.instance }}{{ . }}{{ else }}simpul{{ end }} does not answer".to_owned(),
        description: "Prometheus cannot scrape the operators' door. What was accepted is on the disk, and is delivered \
            once simpul runs; until then senders get no answer. First `systemctl status simpul` and the end of its \
            log: it says why it stopped or did not start. Exit code 74: the disk of the store failed; look at the \
            disk before starting it again."
            .to_owned(),
        trial: Trial {
            series: vec![(of_gateway("up", job), Run::Level(1.0, 0.0))],
            fires_after: AWAY,
            over_after: Duration::ZERO,
        },
    }
}

fn filling(job: &str) -> Alert {
    let (free, limit) = ("simpul_disk_free_bytes", "simpul_disk_low_limit_bytes");
    Alert {
        name: "SimpulDiskFilling",
        expr: format!("{free}{{job={job}}} < 2 * {limit}{{job={job}}}"),
        hold: MINUTE,
        severity: Severity::Warning,
        labels: vec![],
        summary: "{{ $labels.instance }}: {{ $value | humanize1024 }}B are left on the disk of the store".to_owned(),
        description: "That is less than twice the limit (`limits: disk_low`) below which nothing is accepted any more. \
            First see what grows: a backlog for a target that is down (SimpulBacklogOld), dead letters that nobody \
            deals with, or other programs' files; then make room."
            .to_owned(),
        trial: Trial {
            series: vec![
                (of_gateway(free, job), Run::Level(10e9, 1.5e9)),
                (of_gateway(limit, job), Run::Level(1e9, 1e9)),
            ],
            fires_after: MINUTE,
            over_after: Duration::ZERO,
        },
    }
}

fn slow(job: &str, times: Times) -> Alert {
    let bucket = "simpul_store_commit_duration_seconds_bucket";
    let series =
        |le: &str, run| (format!("{bucket}{{job={job}, instance=\"gateway\", le=\"{le}\"}}"), run);
    Alert {
        name: "SimpulStoreSlow",
        expr: format!(
            "histogram_quantile(0.99, sum by (job, instance, le) (rate({bucket}{{job={job}}}[{}]))) > 0.5",
            times.of(RATE)
        ),
        hold: RATE,
        severity: Severity::Warning,
        labels: vec![],
        summary: "{{ $labels.instance }}: a commit of the store takes {{ $value | humanizeDuration }}".to_owned(),
        description: "Everything waits for commits, so the whole bus is slow. First look at the disk below the store \
            (`iostat -x 1`: what else writes to it?), or at the PostgreSQL and the way to it."
            .to_owned(),
        trial: Trial {
            series: vec![
                series("0.5", Run::Rising(60.0, 0.0)),
                series("1", Run::Rising(60.0, 60.0)),
                series("+Inf", Run::Rising(60.0, 60.0)),
            ],
            fires_after: RATE * 2,
            over_after: RATE,
        },
    }
}

fn restarting(job: &str, times: Times) -> Alert {
    let start = "simpul_process_start_time_seconds";
    Alert {
        name: "SimpulRestarting",
        expr: format!("changes({start}{{job={job}}}[{}]) > 2", times.of(RESTARTS)),
        hold: Duration::ZERO,
        severity: Severity::Critical,
        labels: vec![],
        summary: "{{ $labels.instance }} was started {{ $value }} times within a quarter of an hour".to_owned(),
        description: "It ends again and again. First read the end of its log before each start \
            (`journalctl -u simpul`). A message that ends the process is put aside after three times, as a dead \
            letter of the class `crashed the bus`; a disk that fails ends it with 74."
            .to_owned(),
        trial: Trial {
            series: vec![(of_gateway(start, job), Run::Rising(0.0, 1.0))],
            fires_after: MINUTE * 3,
            over_after: RESTARTS,
        },
    }
}

fn panicked(job: &str, times: Times) -> Alert {
    let panics = "simpul_panics_total";
    Alert {
        name: "SimpulBug",
        expr: format!("increase({panics}{{job={job}}}[{}]) > 0", times.of(PANICS)),
        hold: Duration::ZERO,
        severity: Severity::Warning,
        labels: vec![],
        summary: "{{ $labels.instance }}: a panic was caught".to_owned(),
        description: "That is a bug of simpul. Nothing was lost: what was at work is tried again, and is a dead letter after \
            three times. First copy the lines around `bug:` out of the log, and report them."
            .to_owned(),
        trial: Trial {
            series: vec![(of_gateway(panics, job), Run::Once)],
            fires_after: MINUTE,
            over_after: PANICS,
        },
    }
}

/// The files that run know of a target of a route that these rules do not.
fn stale(job: &str) -> Alert {
    let labels = "instance=\"gateway\", queue=\"delivery\", route=\"baru\", target=\"baru.baru\"";
    let unknown = (format!("simpul_queue_entries{{job={job}, {labels}}}"), Run::Only);
    Alert {
        name: "SimpulRulesStale",
        expr: format!(
            "count by (job) (\n  \
             simpul_queue_entries{{job={job}, queue=\"delivery\"}}\n  \
             unless on (job, route, target) route_target:simpul_delivery_promise_seconds\n\
             ) > 0"
        ),
        hold: STALE,
        severity: Severity::Warning,
        labels: vec![],
        summary: "simpul has targets that these rules do not know".to_owned(),
        description: "Routes were added or changed after the rules were printed: nobody is told when something is wrong \
            with the new ones. First print the rules anew with `simpul alerts`, and have Prometheus reload them."
            .to_owned(),
        trial: Trial { series: vec![unknown], fires_after: STALE, over_after: Duration::ZERO },
    }
}
