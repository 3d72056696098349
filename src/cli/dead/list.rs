//! `simpul dead list` and `simpul dead show`.

use std::path::Path;

use super::{Filter, groups::reason};
use crate::{
    cli::{
        Exit, Format, Outcome,
        client::{Client, Failure, query},
        offline::Source,
        pretty::pretty,
        screen::{age, complain, counted, escaped, say, say_json, table},
    },
    ledger::DeadLetter,
    message::Clock,
    ops::wire::{DeadList, DeadView, Selection},
};

/// List what was given up, oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul dead list --route sk-mutasi --class 'bad message' --from 24h")]
pub(super) struct ListArgs {
    #[command(flatten)]
    filter: Filter,

    /// Only those with a number above this one
    #[arg(long, value_name = "ID", default_value_t = 0)]
    after: i64,

    /// How many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50,
          value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Show everything that is known of one dead letter
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul dead show 17 --body")]
pub(super) struct ShowArgs {
    /// Its number
    id: i64,

    /// Also show what was sent; it may hold personal data
    #[arg(long)]
    body: bool,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn list(project: &Path, args: ListArgs) -> Outcome {
    let ListArgs { filter, after, limit, format } = args;
    let selection = filter.selection();
    let list = match Source::of(project).await? {
        Source::Running(client) => page(&client, &selection, after, limit).await?,
        Source::Stopped(offline) => {
            let wanted = usize::from(limit);
            let letters = offline.ledger.dead_letters(&selection.filter(after), wanted + 1).await?;
            let now = Clock::system().now();
            let more = wanted < letters.len();
            let letters = letters.iter().take(wanted).map(|it| DeadView::of(it, now)).collect();
            DeadList { letters, more }
        }
    };
    match format {
        Format::Json => say_json(&list),
        Format::Text => tell(&list),
    }
    Ok(Exit::Done)
}

/// Dead letters of a running bus.
pub(super) async fn page(
    client: &Client,
    selection: &Selection,
    after: i64,
    limit: u16,
) -> Result<DeadList, Failure> {
    let mut path = format!("dead?after={after}&limit={limit}{}", query(selection));
    for id in &selection.ids {
        path.push_str(&format!("&id={id}"));
    }
    client.get(&path).await
}

fn tell(list: &DeadList) {
    if list.letters.is_empty() {
        say("no dead letters");
        return;
    }
    let row = |it: &DeadView| {
        let target = it.target.clone().unwrap_or_else(|| "-".to_owned());
        let reason = reason(&target, &it.place, &it.reason);
        let (id, age) = (it.id.to_string(), age(it.age_seconds));
        vec![id, age, it.route.clone(), target, it.class.clone(), reason]
    };
    let rows: Vec<_> = list.letters.iter().map(row).collect();
    say(&table(&["ID", "AGE", "ROUTE", "TARGET", "CLASS", "REASON"], &rows));
    if let (true, Some(last)) = (list.more, list.letters.last()) {
        complain(&format!("there are more: `--after {}`", last.id));
    }
}

pub(super) async fn show(project: &Path, args: ShowArgs) -> Outcome {
    let ShowArgs { id, body, format } = args;
    let letter = match Source::of(project).await? {
        Source::Running(client) => match client.get(&format!("dead/{id}?body={body}")).await {
            Ok(letter) => Some(letter),
            Err(Failure::Refused(problem)) if problem.code == "not_found" => None,
            Err(other) => return Err(other.into()),
        },
        Source::Stopped(offline) => {
            let now = Clock::system().now();
            let view = |it: DeadLetter| match DeadView::of(&it, now) {
                view if body => view.with_body(&it),
                view => view,
            };
            let letter = offline.ledger.dead_letter(id).await?;
            letter.map(|it| view(offline.opener().letter(it)))
        }
    };
    let Some(letter) = letter else {
        complain(&format!("there is no dead letter `{id}`"));
        return Ok(Exit::FoundWrong);
    };
    match format {
        Format::Json => say_json(&letter),
        Format::Text => say(&render(&letter, body)),
    }
    Ok(Exit::Done)
}

/// A line for each thing that is known, then what an operator can do.
fn render(letter: &DeadView, with_body: bool) -> String {
    let target = match (&letter.target, letter.ordinal) {
        (Some(target), Some(ordinal)) if 0 < ordinal => format!("{target} [{ordinal}]"),
        (Some(target), _) => target.clone(),
        (None, _) => "- (the message itself could not be routed)".to_owned(),
    };
    let attempts = counted(letter.attempts.into(), "attempt", "attempts");
    let mut lines = vec![
        ("given up", format!("{} ({} ago), after {attempts}", letter.at, age(letter.age_seconds))),
        ("route", letter.route.clone()),
        ("target", target),
        ("message", letter.message.clone()),
        ("generation", letter.generation.to_string()),
        ("class", letter.class.clone()),
    ];
    if !letter.place.is_empty() {
        lines.push(("place", letter.place.clone()));
    }
    lines.push(("reason", letter.reason.clone()));
    lines.push((
        "group",
        format!("{}: `simpul dead groups` tells how many are like it", letter.group),
    ));
    lines.push(("to do", advice(letter)));
    let mut out = format!("dead letter {}\n", letter.id);
    for (name, text) in lines {
        out.push_str(&format!("  {name:<10}  {}\n", text.replace('\n', " ")));
    }
    match (&letter.sent, with_body) {
        (Some(sent), true) => out.push_str(&format!("\n{}\n", pretty(sent))),
        (None, true) => out.push_str("\nnothing was sent\n"),
        (_, false) => {}
    }
    escaped(out.trim_end())
}

/// What an operator can do about a dead letter of this class.
fn advice(letter: &DeadView) -> String {
    let id = letter.id;
    let preview = format!("`simpul dead replay {id} --preview`");
    match letter.class.as_str() {
        "bad message" => {
            format!("correct the route, `simpul reload`, {preview}; or have the source send anew")
        }
        "refused" => {
            format!("ask the target's owner what it misses; correct the `map`, reload, {preview}")
        }
        "unavailable" => "see that the target is up, then replay".to_owned(),
        "no target" => {
            format!("let a target's `when` take it, or say `unmatched: filter`; reload, {preview}")
        }
        "kept back" => format!("if it is to be sent after all: `simpul dead replay {id}`"),
        "crashed the bus" => {
            "report the bug with the log of that time; replay after an update".to_owned()
        }
        _ => preview,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_letter_says_what_happened_and_what_to_do() {
        let letter = DeadView {
            id: 17,
            at: "2026-01-17T02:30:00.000Z".to_owned(),
            age_seconds: 240,
            route: "sk-mutasi".to_owned(),
            message: "07070707-0707-0707-0707-070707070707".to_owned(),
            target: Some("arsip.daftarkan-naskah".to_owned()),
            ordinal: Some(2),
            class: "bad message".to_owned(),
            place: "to arsip.daftarkan-naskah map".to_owned(),
            reason: "field `nomor`: `$.nomor | required` is nothing".to_owned(),
            group: "5d1f0c6be2a94873".to_owned(),
            attempts: 0,
            generation: 3,
            sent: None,
        };
        insta::assert_snapshot!(render(&letter, true), @r"
        dead letter 17
          given up    2026-01-17T02:30:00.000Z (4 min ago), after 0 attempts
          route       sk-mutasi
          target      arsip.daftarkan-naskah [2]
          message     07070707-0707-0707-0707-070707070707
          generation  3
          class       bad message
          place       to arsip.daftarkan-naskah map
          reason      field `nomor`: `$.nomor | required` is nothing
          group       5d1f0c6be2a94873: `simpul dead groups` tells how many are like it
          to do       correct the route, `simpul reload`, `simpul dead replay 17 --preview`; or have the source send anew

        nothing was sent
        ");
    }
}
