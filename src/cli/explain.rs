//! `simpul explain`: one message through a route, step by step, without sending anything.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::{
    CouldNot, Exit, Format, Outcome,
    language::Lang,
    pretty::pretty,
    project::{self, Instead},
    screen::{escaped, say, say_json},
};
use crate::{
    diagnostic::{Language, Text, diff, nearest, text},
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

    #[command(flatten)]
    lang: Lang,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    project::look(project)?;
    let language = args.lang.language()?;
    let body = read(&args.message)?;
    let headers = headers(&args.headers)?;
    let files = match project::read_with_tests(project, &Instead::new()) {
        Ok((files, _)) => files,
        Err(broken) => {
            say(&escaped(broken.told(language).trim_end()));
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
        Format::Text => say(&escaped(Teller(language).all(&explained).trim_end())),
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

/// Tells it in a language.
#[derive(Clone, Copy)]
struct Teller(Language);

impl Teller {
    fn line(self, said: &Text, out: &mut String) {
        out.push_str(&said.told(self.0));
        out.push('\n');
    }

    fn all(self, explained: &Explained) -> String {
        let mut out = String::new();
        self.line(&text!("route {}, from {}", &explained.route, &explained.from), &mut out);
        if !explained.refused.is_empty() {
            out.push('\n');
            self.line(&text!("REFUSED at the door; its sender is told:"), &mut out);
            explained.refused.iter().for_each(|it| out.push_str(&format!("  {it}\n")));
            out.push('\n');
            self.line(&text!("if it came in all the same:"), &mut out);
        }
        if !explained.keys.is_empty() {
            out.push('\n');
            explained.keys.iter().for_each(|it| out.push_str(&self.shown(it, "")));
        }
        explained.steps.iter().for_each(|it| out.push_str(&self.step(it)));
        let ended = match (explained.outcome.as_str(), &explained.reason) {
            ("filtered", Some(place)) => Some(text!("filtered by {}: nothing is sent", place)),
            ("dead", Some(reason)) => Some(text!("DEAD, {}", reason)),
            _ => None,
        };
        if let Some(ended) = &ended {
            out.push('\n');
            self.line(ended, &mut out);
        }
        explained.to.iter().for_each(|it| out.push_str(&self.to(it)));
        out
    }

    /// `name: expression = value`.
    fn shown(self, it: &Shown, indent: &str) -> String {
        let name = if it.name.is_empty() { String::new() } else { format!("{}: ", it.name) };
        let is_literal = it.value.as_deref() == Some(&format!("\"{}\"", it.expression))
            || it.value.as_deref() == Some(&it.expression);
        let value = match (&it.value, &it.error) {
            (Some(value), _) => value.clone(),
            (None, Some(error)) => text!("ERROR: {}", error).told(self.0),
            (None, None) => text!("nothing").told(self.0),
        };
        match is_literal {
            true => format!("{indent}{name}{value}\n"),
            false => format!("{indent}{name}{} = {value}\n", it.expression),
        }
    }

    fn step(self, step: &Step) -> String {
        let outcome = match step.outcome.as_str() {
            "goes on" => text!("goes on"),
            "filtered" => text!("filtered"),
            "dead" => text!("dead"),
            other => match other.strip_suffix(" parts") {
                Some(count) => text!("{} parts", count),
                None => text!("{}", other),
            },
        };
        let mut out = format!("\n{}: {}\n", step.place, outcome.told(self.0));
        step.parts.iter().for_each(|it| out.push_str(&self.shown(it, "  ")));
        if let Some(reason) = &step.reason {
            out.push_str(&format!("  {reason}\n"));
        }
        let after = step.after.as_deref().unwrap_or(&step.before);
        let changed = diff(&pretty(&step.before), &pretty(after));
        changed.lines().for_each(|line| out.push_str(&format!("  | {line}\n")));
        out
    }

    fn to(self, to: &To) -> String {
        let how = match (to.skipped, to.sent.len()) {
            (true, _) => text!("skipped"),
            (false, 1) => text!("1 delivery"),
            (false, count) => text!("{} deliveries", &count),
        };
        let mut out = String::from("\n");
        self.line(&text!("to {}: {}", &to.target, how), &mut out);
        to.chosen.iter().for_each(|it| out.push_str(&self.shown(it, "  ")));
        let is_many = 1 < to.sent.len();
        for (index, one) in to.sent.iter().enumerate() {
            if is_many {
                out.push_str(&format!("  [{index}]\n"));
            }
            out.push_str(&self.sent(one));
        }
        out
    }

    fn sent(self, sent: &Sent) -> String {
        let mut out = String::new();
        sent.fields.iter().for_each(|it| out.push_str(&self.shown(it, "  ")));
        out.push_str("  ");
        if let Some(dead) = &sent.dead {
            self.line(&text!("DEAD, {}", dead), &mut out);
            return out;
        }
        self.line(&text!("would be sent:"), &mut out);
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
}
