//! Alerts about dead letters, by the class of their reason: each asks for something else to be done.

use std::time::Duration;

use super::{
    rules::{Alert, Severity, Times},
    trial::{Run, Trial},
};

/// How long new dead letters are shown: those that come within it are one alert, and not hundreds.
const NEW: Duration = Duration::from_hours(1);

/// How long dead letters may wait for somebody's decision.
const WAITING: Duration = Duration::from_hours(24);

/// Each class, what it means, and what to do first. Others are summed up.
const CLASSES: [(&str, &str, &str); 5] = [
    (
        "bad message",
        "a step or `map` could not work on them",
        "First `simpul dead groups`: it names step and field. Correct the route, or have the source send a corrected \
         document; then `simpul dead replay --group … --preview`.",
    ),
    (
        "refused",
        "the target understood them and will not take them",
        "First `simpul dead groups`: it names the status or the field. Ask the target's owner what it misses, correct the \
         route, then `simpul dead replay --group … --preview`.",
    ),
    (
        "unavailable",
        "they were tried until `give_up`, and the target was never there",
        "First see that the target runs (SimpulTargetDown); then replay them.",
    ),
    (
        "no target",
        "the `when` of every target was false",
        "First `simpul dead show` one of them: let a target take such messages, or write `unmatched: filter` if they \
         are to go nowhere.",
    ),
    (
        "crashed the bus",
        "working on them ended the process, or panicked, three times",
        "That is a bug of simpul. First copy the log of that time and report it; replay them after an update.",
    ),
];

/// The alerts about dead letters.
pub(super) fn alerts(job: &str, times: Times) -> Vec<Alert> {
    let mut all: Vec<_> = CLASSES.iter().map(|class| new(class, job, times)).collect();
    all.push(other(job, times));
    all.push(waiting(job));
    all
}

fn new((class, meaning, first): &(&str, &str, &str), job: &str, times: Times) -> Alert {
    let of = format!("class=\"{class}\"");
    let description =
        format!("Class `{class}`: {meaning}. They are kept until somebody decides. {first}");
    let mut alert = fresh(&of, class, description, job, times);
    alert.labels.push(("class", (*class).to_owned()));
    alert
}

fn other(job: &str, times: Times) -> Alert {
    let known: Vec<_> = CLASSES.iter().map(|(class, ..)| *class).collect();
    let of = format!("class!~\"{}\"", known.join("|"));
    let description = "They are kept until somebody decides. First `simpul dead groups`, which says why; `simpul dead show` \
                       tells everything about one."
        .to_owned();
    fresh(&of, "kept back", description, job, times)
}

fn fresh(of: &str, class: &str, description: String, job: &str, times: Times) -> Alert {
    let name = "simpul_dead_letters_total";
    let labels = format!("route=\"sk\", target=\"arsip.simpan\", class=\"{class}\"");
    Alert {
        name: "SimpulDeadLetters",
        expr: format!(
            "sum by (job, route, target, class) (increase({name}{{job={job}, {of}}}[{}])) > 0",
            times.of(NEW)
        ),
        hold: Duration::ZERO,
        severity: Severity::Warning,
        labels: vec![],
        summary: "new dead letters of {{ $labels.route }}{{ with $labels.target }} to {{ . }}{{ end }}: {{ $labels.class }}"
            .to_owned(),
        description,
        trial: Trial {
            series: vec![(format!("{name}{{job={job}, {labels}}}"), Run::Once)],
            fires_after: Duration::from_mins(1),
            over_after: NEW,
        },
    }
}

fn waiting(job: &str) -> Alert {
    let name = "simpul_dead_letters";
    Alert {
        name: "SimpulDeadLettersWaiting",
        expr: format!("max by (job, class) ({name}{{job={job}}}) > 0"),
        hold: WAITING,
        severity: Severity::Info,
        labels: vec![],
        summary: "for a day there have been dead letters that nobody has dealt with: {{ $labels.class }}".to_owned(),
        description: "{{ $value }} wait now. They are kept, with what their replay needs, until they are replayed or \
            discarded. First `simpul dead groups`."
            .to_owned(),
        trial: Trial {
            series: vec![(format!("{name}{{job={job}, class=\"refused\"}}"), Run::Level(0.0, 3.0))],
            fires_after: WAITING,
            over_after: Duration::ZERO,
        },
    }
}
