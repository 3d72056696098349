//! `simpul new route`: a route file, with a first `map` for each target whose schema is known.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{Draft, ask, doc::Doc, guess::guess, name, schemas_of, yaml};
use crate::{
    cli::{CouldNot, Outcome},
    diagnostic::{Language, nearest, text},
    expr::Expr,
    message::Endpoint,
};

/// Make a route file
///
/// Where the source and a target have schemas, a first `map` is made between them, by the names of the
/// fields (Indonesian and English) and their types. Each guess says so, and is to be checked.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul new route surat-masuk --from loket.surat --to buku-agenda.catat --identity '$.nomor'
  simpul new route dinas-luar --from e-sppd.status --to e-absensi.catat-dinas-luar \\
      --from-schema schemas/sppd.schema.json --to-schema schemas/dinas-luar.schema.json

Exit codes: 0 done, 1 what was written needs work before it passes `check`, 2 it could not.")]
pub(super) struct Args {
    /// What the route is called
    name: Option<String>,

    /// The source that it reads
    #[arg(long, value_name = "SYSTEM.SOURCE")]
    from: Option<String>,

    /// A target that it sends to; may be given several times
    #[arg(long, value_name = "SYSTEM.TARGET")]
    to: Vec<String>,

    /// What the route is for, in a sentence
    #[arg(long)]
    summary: Option<String>,

    /// The unit that answers for it
    #[arg(long)]
    owner: Option<String>,

    /// The expression by which a repeat is known
    #[arg(long, value_name = "EXPRESSION")]
    identity: Option<String>,

    /// The schema of what the source sends, in place of the one in its system file
    #[arg(long, value_name = "FILE")]
    from_schema: Option<PathBuf>,

    /// The schema of what the target takes, in place of the one in its system file
    #[arg(long, value_name = "FILE")]
    to_schema: Option<PathBuf>,
}

pub(super) fn run(project: &Path, args: Args, language: Language) -> Outcome {
    let question = text!("What is the route called (small letters, digits, `-`)");
    let name = ask::required(args.name, "NAME", (&question, language), name)?;
    let (sources, targets) = (schemas_of(project, "sources"), schemas_of(project, "targets"));
    let question = text!("Which source does it read{}", &listed(&sources));
    let read = |it| endpoint(it, "--from", &sources);
    let from = ask::required(args.from, "--from", (&question, language), read)?;
    let read = |it| endpoint(it, "--to", &targets);
    let mut to = args.to.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if to.is_empty() {
        let question = text!("Where does it send{}", &listed(&targets));
        to.push(ask::required(None, "--to", (&question, language), read)?);
        while ask::can_ask() && to.len() < targets.len() {
            let question = (text!("Where else"), language);
            let Some(more) = ask::optional(None, question, read)? else { break };
            to.push(more);
        }
    }
    let question = (text!("What is it for, in a sentence"), language);
    let summary = ask::optional(args.summary, question, ask::anything)?;
    let question = (text!("Which unit answers for it"), language);
    let owner = ask::optional(args.owner, question, ask::anything)?;
    let question = (text!("By what is a repeat known, as an expression: `$.nomor`"), language);
    let identity = ask::optional(args.identity, question, expression)?;

    let mut lines = vec![format!("route: {name}")];
    let mut add = |key: &str, value: Option<String>| {
        lines.extend(value.map(|it| format!("{key}: {}", yaml::text(&it))));
    };
    add("summary", summary);
    add("owner", owner);
    add("from", Some(from.clone()));
    add("identity", identity);
    lines.push("to:".to_owned());
    let mut draft = Draft::new(project, language);
    let from_schema = schema(project, args.from_schema.as_deref(), sources.get(&from))?;
    for target in to {
        lines.push(format!("  - target: {target}"));
        let to_schema = schema(project, args.to_schema.as_deref(), targets.get(&target))?;
        let Some((from_schema, to_schema)) = from_schema.as_ref().zip(to_schema) else {
            draft
                .next
                .push(text!("{} gets the body as it is: no schemas to make a `map` from", &target));
            continue;
        };
        let guess = guess(from_schema, &to_schema);
        if guess.made == 0 {
            draft.next.push(text!(
                "no field of {} is like one of {}; write its `map`",
                &target,
                &from
            ));
            continue;
        }
        lines.push("    map:".to_owned());
        lines.extend(guess.lines.iter().map(|it| format!("      {it}")));
        draft.next.push(text!(
            "{} fields of {} were guessed; check each, and take its comment out",
            &guess.made,
            &target
        ));
        if !guess.lacking.is_empty() {
            draft.next.push(text!("to do: {} requires {}", &target, &guess.lacking.join(", ")));
        }
    }
    draft.yaml(&format!("routes/{name}.yaml"), &(lines.join("\n") + "\n"))?;
    draft.write()
}

/// What can be answered.
fn listed(known: &BTreeMap<String, Option<String>>) -> String {
    let names: Vec<_> = known.keys().map(String::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

/// A source or target, and whether there is one.
fn endpoint(
    text: String,
    flag: &str,
    known: &BTreeMap<String, Option<String>>,
) -> Result<String, CouldNot> {
    let shown = text.escape_debug();
    if Endpoint::parse(&text).is_none() {
        return Err(CouldNot(format!(
            "`{flag} {shown}`: write the system, a dot, and the name in its file"
        )));
    }
    if known.contains_key(&text) {
        return Ok(text);
    }
    let near = nearest(&text, known.keys().map(String::as_str));
    let help = near.map_or("make its system first: `simpul new system`".to_owned(), |it| {
        format!("did you mean `{it}`?")
    });
    Err(CouldNot(format!("`{flag} {shown}`: no system file has it; {help}")))
}

/// An expression of a message.
fn expression(text: String) -> Result<String, CouldNot> {
    match Expr::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(CouldNot(format!("`{}`: {}", text.escape_debug(), error))),
    }
}

/// The schema that was given, or that the system file names.
fn schema(
    project: &Path,
    given: Option<&Path>,
    named: Option<&Option<String>>,
) -> Result<Option<Doc>, CouldNot> {
    let path = match (given, named) {
        (Some(path), _) => path.to_owned(),
        (None, Some(Some(path))) => project.join(path),
        _ => return Ok(None),
    };
    Doc::read(&path).map(Some)
}
