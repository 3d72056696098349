//! `simpul dead groups`: what many dead letters have in common.

use std::path::Path;

use super::Filter;
use crate::{
    cli::{
        Exit, Format, Outcome,
        client::query,
        offline::Source,
        screen::{age, complain, escaped, say, say_json, table},
    },
    message::{Clock, Timestamp},
    ops::wire::{DeadGroups, GroupView},
};

/// List dead letters by what they have in common, the most frequent first
///
/// A group has one route, target, class and step, and one status or field that was the trouble.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul dead groups
  simpul dead groups --route sk-mutasi --from 24h
  simpul dead list --group 5d1f0c6be2a94873")]
pub(super) struct Args {
    #[command(flatten)]
    filter: Filter,

    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50,
          value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(project: &Path, args: Args) -> Outcome {
    let Args { filter, limit, format } = args;
    let selection = filter.selection();
    let groups: DeadGroups = match Source::of(project).await? {
        Source::Running(client) => {
            client.get(&format!("dead/groups?limit={limit}{}", query(&selection))).await?
        }
        Source::Stopped(offline) => {
            let wanted = usize::from(limit);
            let groups = offline.ledger.dead_groups(&selection.filter(0), wanted + 1).await?;
            let more = wanted < groups.len();
            DeadGroups { groups: groups.iter().take(wanted).map(GroupView::of).collect(), more }
        }
    };
    match format {
        Format::Json => say_json(&groups),
        Format::Text if groups.groups.is_empty() => say("no dead letters"),
        Format::Text => {
            say(&render(&groups.groups, Clock::system().now()));
            if groups.more {
                complain("there are more groups; `--limit` shows more, a filter narrows them");
            }
        }
    }
    Ok(Exit::Done)
}

fn render(groups: &[GroupView], now: Timestamp) -> String {
    let ago = |it: &str| {
        let since = Timestamp::parse(it).map(|it| now.since(it).as_secs());
        since.map(age).unwrap_or_default()
    };
    let row = |it: &GroupView| {
        let place = match &it.target {
            Some(target) => format!("{} to {target}", it.route),
            None => format!("{}, the messages themselves", it.route),
        };
        let (count, example) = (it.count.to_string(), it.example.to_string());
        let (first, last) = (ago(&it.first), ago(&it.last));
        vec![it.group.clone(), count, first, last, example, it.class.clone(), place]
    };
    let header = ["GROUP", "COUNT", "FIRST", "LAST", "EXAMPLE", "CLASS", "ROUTE"];
    let rows = table(&header, &groups.iter().map(row).collect::<Vec<_>>());
    let mut lines = rows.lines();
    let mut out = lines.next().unwrap_or_default().to_owned();
    // A reason says more than what is left of a line.
    for (line, group) in lines.zip(groups) {
        let target = group.target.clone().unwrap_or_default();
        let reason = reason(&target, &group.place, &group.reason);
        out.push_str(&format!("\n{line}\n    {}", escaped(&reason).replace('\n', " ")));
    }
    out
}

/// The place and the reason in one line.
pub(super) fn reason(target: &str, place: &str, reason: &str) -> String {
    // The place begins with the target, which has a column of its own.
    match place.strip_prefix(&format!("to {target}: ")).unwrap_or(place) {
        "" => reason.to_owned(),
        place => format!("{place}: {reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_tell_how_many_since_when_and_why() {
        let group =
            |name: &str, count, target: Option<&str>, place: &str, reason: &str| GroupView {
                group: name.to_owned(),
                count,
                first: "2026-01-17T02:30:00.000Z".to_owned(),
                last: "2026-01-17T08:00:00.000Z".to_owned(),
                example: 100_017,
                route: "sk-mutasi".to_owned(),
                target: target.map(str::to_owned),
                class: "bad message".to_owned(),
                place: place.to_owned(),
                reason: reason.to_owned(),
            };
        let arsip = Some("arsip.terima");
        let groups = [
            group(
                "5d1f0c6be2a94873",
                99_211,
                arsip,
                "to arsip.terima: map",
                "field `nomor`: `$.nomor | required` is nothing",
            ),
            group(
                "03c1f2a94be55d17",
                3,
                None,
                "steps[0] filter",
                "`$.total > 0` is nothing\u{1b}[2J",
            ),
        ];
        let now = Timestamp::parse("2026-01-17T08:02:00Z").unwrap();
        insta::assert_snapshot!(render(&groups, now), @r"
        GROUP             COUNT  FIRST       LAST   EXAMPLE  CLASS        ROUTE
        5d1f0c6be2a94873  99211  5 h 32 min  2 min  100017   bad message  sk-mutasi to arsip.terima
            map: field `nomor`: `$.nomor | required` is nothing
        03c1f2a94be55d17  3      5 h 32 min  2 min  100017   bad message  sk-mutasi, the messages themselves
            steps[0] filter: `$.total > 0` is nothing\u{1b}[2J
        ");
    }
}
