//! `simpul trace`: what happened to one message, hop by hop.

mod changes;

use std::path::Path;

use super::{
    CouldNot, Exit, Format, Outcome,
    client::{Failure, encoded},
    offline::Source,
    screen::{escaped, say, say_json},
};
use crate::{
    journal::Wanted,
    message::MessageId,
    ops::{
        found::FoundView,
        trace::{EventTrace, RouteTrace, TraceView},
    },
};

/// Find a message by its number, and show what happened to it, hop by hop
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul trace 090/TU.01/13/2026                      a value that its route lets one search for
  simpul trace --begins 090/TU                        all whose value begins so
  simpul trace 0198c0de-5f00-7c3a-9b1e-2f6d8a4e7b10   the message's id
  simpul trace 090/TU.01/13/2026 --changes            what became of each of its fields

What can be searched for stands in the route files (`search:`), and the number of a trace where traces
are on. The id is in the answer that the sender got, in `simpul dead list`, and in the header
`simpul-message-id` of what targets receive.")]
pub(super) struct Args {
    /// A value of the message, in any case; or its id
    #[arg(value_name = "KEY")]
    key: String,

    /// List the messages whose value begins so
    #[arg(long)]
    begins: bool,

    /// List what was found before this number: the next page
    #[arg(long, value_name = "NUMBER", conflicts_with = "begins")]
    before: Option<i64>,

    /// Show what is kept of its bodies, and what became of each field
    #[arg(long, conflicts_with = "begins")]
    changes: bool,

    /// Show what is about people in them too
    #[arg(long, requires = "changes")]
    personal: bool,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(project: &Path, args: Args) -> Outcome {
    let source = Source::of(project).await?;
    if let (Ok(id), false) = (args.key.parse(), args.begins) {
        if let Some(trace) = traced(&source, id).await? {
            return show(&source, &trace, &args).await;
        }
        // The number of a trace looks like an id without its lines.
        if args.key.contains('-') {
            return Ok(nothing(&format!("no message `{id}` is known here")));
        }
    }
    let found = found(&source, &args).await?;
    match (&found.messages[..], args.begins, args.before) {
        ([], ..) => {
            let key = escaped(&args.key);
            Ok(nothing(&format!(
                "nothing is found by `{key}`: routes say what can be searched for (`search:`), and \
                 what was accepted before they said so is not found"
            )))
        }
        ([only], false, None) if !found.more => {
            let gone = |_| CouldNot(format!("bug: `{}` is no message id", only.id));
            match traced(&source, only.id.parse().map_err(gone)?).await? {
                Some(trace) => show(&source, &trace, &args).await,
                None => Ok(nothing(&format!("of `{}` nothing is known any more", only.id))),
            }
        }
        _ => {
            match args.format {
                Format::Json => say_json(&found),
                Format::Text => say(&listed(&found)),
            }
            Ok(Exit::Done)
        }
    }
}

fn nothing(said: &str) -> Exit {
    super::complain(said);
    Exit::FoundWrong
}

/// The history of a message, or what became of its fields.
async fn show(source: &Source, trace: &TraceView, args: &Args) -> Outcome {
    if args.changes {
        let bodies = changes::of(source, &trace.id, args.personal).await?;
        match args.format {
            Format::Json => say_json(&bodies),
            Format::Text => say(&format!("message {}\n{}", trace.id, changes::render(&bodies))),
        }
        return Ok(Exit::Done);
    }
    match args.format {
        Format::Json => say_json(trace),
        Format::Text => say(&render(trace)),
    }
    Ok(Exit::Done)
}

async fn traced(source: &Source, id: MessageId) -> Result<Option<TraceView>, CouldNot> {
    match source {
        Source::Running(client) => {
            let path = format!("messages/{}/trace", encoded(&id.to_string()));
            match client.get(&path).await {
                Ok(trace) => Ok(Some(trace)),
                Err(Failure::Refused(problem)) if problem.code == "not_found" => Ok(None),
                Err(other) => Err(other.into()),
            }
        }
        Source::Stopped(offline) => Ok(offline.trace(id).await?.map(|it| TraceView::of(id, &it))),
    }
}

async fn found(source: &Source, args: &Args) -> Result<FoundView, CouldNot> {
    let Args { key, begins, before, .. } = args;
    match source {
        Source::Running(client) => {
            let how = if *begins { "begins" } else { "key" };
            let before = before.map(|it| format!("&before={it}")).unwrap_or_default();
            Ok(client.get(&format!("messages?{how}={}{before}", encoded(key))).await?)
        }
        Source::Stopped(offline) => {
            let wanted = Wanted { text: key.clone(), begins: *begins, below: *before };
            Ok(FoundView::of(&offline.find(&wanted).await?))
        }
    }
}

/// A line for each message, and how to go on.
fn listed(found: &FoundView) -> String {
    let mut out = String::new();
    for message in &found.messages {
        let by = message.by.iter().map(|it| format!("{} ({}): {}", it.route, it.field, it.fate));
        let by: Vec<_> = by.collect();
        out.push_str(&format!("{}  {}  {}\n", message.at, message.id, by.join("; ")));
    }
    out.push_str("\n`simpul trace ID` shows one of them whole");
    match (found.more, found.next) {
        (true, Some(next)) => out.push_str(&format!("; `--before {next}` lists the next")),
        (true, None) => out.push_str("; there are more: write more of the value"),
        (false, _) => {}
    }
    escaped(&out)
}

/// A block for each route: its fate, then a line for each event, the day only where it changes.
fn render(trace: &TraceView) -> String {
    let mut out = format!("message {}\n", trace.id);
    for route in &trace.routes {
        out.push_str(&format!("\n{}: {}\n", route.route, summary(route)));
        let mut day = "";
        for event in &route.events {
            let (date, time) = event.at.split_once('T').unwrap_or(("", event.at.as_str()));
            if date != day {
                out.push_str(&format!("  {date}\n"));
                day = date;
            }
            out.push_str(&format!("  {:<13} {}\n", time, line(event)));
        }
    }
    escaped(out.trim_end())
}

fn line(event: &EventTrace) -> String {
    let text = event.text.replace('\n', " ");
    match (&event.target, event.ordinal) {
        (Some(target), Some(ordinal)) if 0 < ordinal => format!("{target} [{ordinal}] {text}"),
        (Some(target), _) => format!("{target} {text}"),
        (None, _) => text,
    }
}

/// `routed; 3 delivered, 1 dead`.
fn summary(route: &RouteTrace) -> String {
    let mut counts: Vec<(&str, u32)> = vec![];
    for delivery in &route.deliveries {
        match counts.iter_mut().find(|(outcome, _)| *outcome == delivery.outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((&delivery.outcome, 1)),
        }
    }
    let counts: Vec<String> =
        counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    if counts.is_empty() {
        return route.fate.clone();
    }
    format!("{}; {}", route.fate, counts.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        engine::Trace,
        journal::{Event, Line},
        ledger::{Fares, Fate, Outcome},
        message::{Endpoint, Timestamp},
    };

    #[test]
    fn the_history_of_a_message_reads_from_top_to_bottom() {
        let id = MessageId::from_bytes([7; 16]);
        let absensi = Endpoint::parse("e-absensi.catat-dinas-luar").unwrap();
        let arsip = Endpoint::parse("arsip.daftarkan-naskah").unwrap();
        let start = 1_768_617_000_000;
        let line = |ms: i64, delivery: Option<(&Endpoint, u32)>, event| Line {
            at: Timestamp::from_millis(start + ms),
            route: "sppd-terbit".into(),
            message: Some(id),
            delivery: delivery.map(|(target, ordinal)| (target.clone(), ordinal)),
            generation: 3,
            event,
        };
        let attempt = |attempt, class: &str, answer: &str| Event::Attempt {
            attempt,
            class: class.to_owned(),
            answer: answer.to_owned(),
            duration_ms: 12,
            bytes: 9,
        };
        let lines = vec![
            line(
                0,
                None,
                Event::Accepted {
                    by: "e-sppd.status/e-sppd-2026".to_owned(),
                    bytes: 9,
                    trace: None,
                },
            ),
            line(3, None, Event::Routed { deliveries: 2, skipped: vec![arsip] }),
            line(20, Some((&absensi, 0)), attempt(1, "delivered", "200")),
            line(21, Some((&absensi, 1)), attempt(1, "unavailable", "503 \u{1b}[31m")),
            line(86_400_000, Some((&absensi, 1)), Event::Expired),
        ];
        let outcome = |at, outcome| (absensi.clone(), at, Some(outcome));
        let deliveries = vec![outcome(0, Outcome::Delivered), outcome(1, Outcome::Expired)];
        let (route, fate, parked) = ("sppd-terbit".into(), Some(Fate::Routed), BTreeSet::new());
        let fares = vec![Fares { route, fate, deliveries, parked }];
        let view = TraceView::of(id, &Trace { fares, lines });
        insta::assert_snapshot!(render(&view), @r"
        message 07070707-0707-0707-0707-070707070707

        sppd-terbit: routed; 1 delivered, 1 expired
          2026-01-17
          02:30:00.000Z accepted from e-sppd.status/e-sppd-2026
          02:30:00.003Z routed: 2 deliveries; skipped arsip.daftarkan-naskah
          02:30:00.020Z e-absensi.catat-dinas-luar attempt 1: delivered, 200 (12 ms)
          02:30:00.021Z e-absensi.catat-dinas-luar [1] attempt 1: unavailable, 503 \u{1b}[31m (12 ms)
          2026-01-18
          02:30:00.000Z e-absensi.catat-dinas-luar [1] expired: its time ran out
        ");
    }
}
