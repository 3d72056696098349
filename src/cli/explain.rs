//! `simpul explain`: one message through a route, step by step, without sending anything.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    CouldNot, Exit, Format, Outcome,
    diff::diff,
    pretty::pretty,
    project::{self, Instead},
    screen::{counted, escaped, say, say_json},
};
use crate::{
    diagnostic::nearest,
    message::{Headers, Limits},
    route::Plan,
    trial::{Explained, Explaining, Sent, Shown, Step, To, explain},
};

/// Bytes of a message that is explained: the most that any bus accepts.
const MESSAGE_BYTES_MAX: u64 = 64 << 20;

/// Show what a route makes of one message, step by step
///
/// Nothing is sent, and no variable or secret is read: what proves who calls is shown as `***`, and
/// `hash` makes other pseudonyms than on the running bus.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul explain sppd-terbit --message samples/sppd.json
  curl -s https://e-sppd.example/api/17 | simpul explain sppd-terbit --message -

Exit codes: 0 it would be sent or filtered, 1 it would be refused or dead, 2 it cannot be told.")]
pub(super) struct Args {
    /// The route
    route: String,

    /// The message, a file with JSON text; `-` for standard input
    #[arg(long, value_name = "FILE")]
    message: PathBuf,

    /// A header that comes with it
    #[arg(long = "header", value_name = "NAME=VALUE")]
    headers: Vec<String>,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    project::look(project)?;
    let body = read(&args.message)?;
    let headers = headers(&args.headers)?;
    let files = match project::read_with_tests(project, &Instead::new()) {
        Ok((files, _)) => files,
        Err(broken) => {
            say(&escaped(broken.to_string().trim_end()));
            return Err(CouldNot("the files cannot be used; see above".to_owned()));
        }
    };
    let route = files.plan.routes.get(args.route.as_str());
    let route = route.ok_or_else(|| unknown(&args.route, &files.plan))?;
    let limits = Limits { depth: files.settings.depth_max };
    let body = body.into();
    let explained = explain(&Explaining { plan: &files.plan, route, limits, body, headers });
    match args.format {
        Format::Json => say_json(&explained),
        Format::Text => say(&escaped(render(&explained).trim_end())),
    }
    let is_dead = explained.outcome == "dead" || !explained.refused.is_empty();
    let any_dead = explained.to.iter().flat_map(|it| &it.sent).any(|it| it.dead.is_some());
    Ok(if is_dead || any_dead { Exit::FoundWrong } else { Exit::Done })
}

fn unknown(name: &str, plan: &Plan) -> CouldNot {
    let near = nearest(name, plan.routes.keys().map(|it| &**it));
    let help = near.map(|it| format!("; did you mean `{it}`?")).unwrap_or_default();
    CouldNot(format!("there is no route `{name}`{help}"))
}

fn read(path: &Path) -> Result<Vec<u8>, CouldNot> {
    let failed = |error: io::Error| CouldNot(format!("`{}`: {error}", path.display()));
    let mut bytes = Vec::new();
    let read = match path.to_str() {
        Some("-") => io::stdin().take(MESSAGE_BYTES_MAX).read_to_end(&mut bytes),
        _ => File::open(path).and_then(|it| it.take(MESSAGE_BYTES_MAX).read_to_end(&mut bytes)),
    };
    read.map_err(failed)?;
    Ok(bytes)
}

fn headers(pairs: &[String]) -> Result<Headers, CouldNot> {
    let split = |pair: &String| {
        let pair = pair.split_once('=');
        let wrong = || CouldNot("`--header`: write `NAME=VALUE`".to_owned());
        pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or_else(wrong)
    };
    pairs.iter().map(split).collect()
}

fn render(explained: &Explained) -> String {
    let mut out = format!("route {}, from {}\n", explained.route, explained.from);
    if !explained.refused.is_empty() {
        out.push_str("\nREFUSED at the door; its sender is told:\n");
        explained.refused.iter().for_each(|it| out.push_str(&format!("  {it}\n")));
        out.push_str("\nif it came in all the same:\n");
    }
    if !explained.keys.is_empty() {
        out.push('\n');
        explained.keys.iter().for_each(|it| out.push_str(&shown(it, "")));
    }
    explained.steps.iter().for_each(|it| out.push_str(&step(it)));
    match (explained.outcome.as_str(), &explained.reason) {
        ("filtered", Some(place)) => {
            out.push_str(&format!("\nfiltered by {place}: nothing is sent\n"));
        }
        ("dead", Some(reason)) => out.push_str(&format!("\nDEAD, {reason}\n")),
        _ => {}
    }
    explained.to.iter().for_each(|it| out.push_str(&to(it)));
    out
}

/// `name: expression = value`.
fn shown(it: &Shown, indent: &str) -> String {
    let name = if it.name.is_empty() { String::new() } else { format!("{}: ", it.name) };
    let is_literal = it.value.as_deref() == Some(&format!("\"{}\"", it.expression))
        || it.value.as_deref() == Some(&it.expression);
    let value = match (&it.value, &it.error) {
        (Some(value), _) => value.clone(),
        (None, Some(error)) => format!("ERROR: {error}"),
        (None, None) => "nothing".to_owned(),
    };
    match is_literal {
        true => format!("{indent}{name}{value}\n"),
        false => format!("{indent}{name}{} = {value}\n", it.expression),
    }
}

fn step(step: &Step) -> String {
    let mut out = format!("\n{}: {}\n", step.place, step.outcome);
    step.parts.iter().for_each(|it| out.push_str(&shown(it, "  ")));
    if let Some(reason) = &step.reason {
        out.push_str(&format!("  {reason}\n"));
    }
    let after = step.after.as_deref().unwrap_or(&step.before);
    let changed = diff(&pretty(&step.before), &pretty(after));
    changed.lines().for_each(|line| out.push_str(&format!("  | {line}\n")));
    out
}

fn to(to: &To) -> String {
    let how = match (to.skipped, to.sent.len()) {
        (true, _) => "skipped".to_owned(),
        (false, count) => counted(count as u64, "delivery", "deliveries"),
    };
    let mut out = format!("\nto {}: {how}\n", to.target);
    to.chosen.iter().for_each(|it| out.push_str(&shown(it, "  ")));
    let is_many = 1 < to.sent.len();
    for (index, one) in to.sent.iter().enumerate() {
        if is_many {
            out.push_str(&format!("  [{index}]\n"));
        }
        out.push_str(&sent(one));
    }
    out
}

fn sent(sent: &Sent) -> String {
    let mut out = String::new();
    sent.fields.iter().for_each(|it| out.push_str(&shown(it, "  ")));
    if let Some(dead) = &sent.dead {
        out.push_str(&format!("  DEAD, {dead}\n"));
        return out;
    }
    out.push_str("  would be sent:\n");
    if let Some(request) = &sent.request {
        out.push_str(&format!("  > {request}\n"));
    }
    for (name, value) in sent.headers.iter() {
        out.push_str(&format!("  > {name}: {value}\n"));
    }
    if let Some(body) = &sent.body {
        out.push_str(&format!("  >\n  > {}\n", body.trim_end()));
    }
    out
}
