//! `simpul new system`: a system file from flags, answers, or an OpenAPI document.

use std::path::{Path, PathBuf};

use super::{
    Draft, ask,
    doc::Doc,
    name, openapi,
    yaml::{in_braces, quoted, text},
};
use crate::{
    cli::{CouldNot, Outcome},
    connector::http::ApiKey,
    diagnostic::{Language, text},
};

/// Make a system file
///
/// A system speaks HTTP, AMQP or files. With `--openapi` its targets, their schemas and the way in which
/// simpul proves who it is come from the description of its interface (OpenAPI 3, JSON or YAML).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul new system loket --source surat
  simpul new system buku-agenda --files agenda --target catat=surat.ndjson
  simpul new system papan --http http://127.0.0.1:18090 --target 'umumkan=post /pengumuman'
  simpul new system arsip --amqp '${env:ARSIP_URL}' --target terima=arsip.masuk
  simpul new system e-absensi --openapi absensi.yaml

Exit codes: 0 done, 1 what was written needs work before it passes `check`, 2 it could not.")]
pub(super) struct Args {
    /// What the system is called
    name: Option<String>,

    /// What people call it
    #[arg(long)]
    title: Option<String>,

    /// The unit that answers for it
    #[arg(long)]
    unit: Option<String>,

    /// How to reach that unit
    #[arg(long)]
    contact: Option<String>,

    /// The highest class of data that it may hold
    #[arg(long, value_parser = ["biasa", "terbatas", "rahasia", "sangat_rahasia"])]
    classification: Option<String>,

    /// It is called at this address over HTTP
    #[arg(long, value_name = "URL", conflicts_with_all = ["amqp", "files", "openapi"])]
    http: Option<String>,

    /// It publishes to this RabbitMQ, or reads from it
    #[arg(long, value_name = "URL", conflicts_with_all = ["files", "openapi"])]
    amqp: Option<String>,

    /// It reads files in this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["openapi", "source"])]
    files: Option<String>,

    /// The description of its interface
    #[arg(long, value_name = "FILE")]
    openapi: Option<PathBuf>,

    /// Something that it sends: a name, with AMQP and its queue
    #[arg(long, value_name = "NAME[=QUEUE]")]
    source: Vec<String>,

    /// Something that it takes: a name and the method and path, the queue, or the file
    #[arg(long, value_name = "NAME=WHAT")]
    target: Vec<String>,
}

pub(super) fn run(project: &Path, args: &Args, language: Language) -> Outcome {
    let description = args.openapi.as_deref().map(Doc::read).transpose()?;
    let question = text!("What is the system called (small letters, digits, `-`)");
    let name = name(ask::required(args.name.clone(), "NAME", &question, language)?)?;
    let title = args.title.clone().or_else(|| description.as_ref().and_then(openapi::title));
    let title = ask::optional(title, text!("What do people call it"), language)?;
    let question = text!("Which unit answers for it");
    let unit = ask::optional(args.unit.clone(), question, language)?;
    let question = text!("How is that unit reached");
    let contact = ask::optional(args.contact.clone(), question, language)?;
    let question =
        text!("Up to which class may it hold data: biasa, terbatas, rahasia, sangat_rahasia");
    let class = ask::optional(args.classification.clone(), question, language)?;
    let mut lines = vec![format!("system: {name}")];
    lines.extend(title.map(|it| format!("name: {}", text(&it))));
    if unit.is_some() || contact.is_some() {
        let [unit, contact] =
            [unit, contact].map(|it| in_braces(&it.unwrap_or_else(|| "to do".to_owned())));
        lines.push(format!("owner: {{ unit: {unit}, contact: {contact} }}"));
    }
    lines.extend(class.map(|it| format!("classification: {it}")));
    lines.push(String::new());

    let mut draft = Draft::new(project, language);
    match description {
        Some(description) => {
            let made = openapi::draft(&name, &description)?;
            lines.extend(made.lines);
            for (path, schema) in made.schemas {
                draft.plain(&path, schema.pretty());
            }
            draft.secrets.extend(made.secrets);
            draft.next.extend(made.notes);
        }
        None => lines.extend(by_hand(&name, args, &mut draft)?),
    }
    draft.yaml(&format!("connectors/{name}.yaml"), &(lines.join("\n") + "\n"))?;
    draft.write()
}

/// What the flags say it speaks.
fn by_hand(system: &str, args: &Args, draft: &mut Draft<'_>) -> Result<Vec<String>, CouldNot> {
    let targets = pairs(&args.target, "--target", "NAME=WHAT")?;
    if let Some(path) = &args.files {
        let mut lines =
            vec!["files:".to_owned(), format!("  path: {}", text(path)), "  targets:".to_owned()];
        lines.extend(
            targets
                .iter()
                .map(|(name, file)| format!("    {name}: {{ file: {} }}", in_braces(file))),
        );
        return enough(lines, targets.is_empty(), "--target NAME=FILE");
    }
    if let Some(url) = &args.amqp {
        let mut lines = vec!["amqp:".to_owned(), format!("  url: {}", text(url))];
        let sources = pairs(&args.source, "--source", "NAME=QUEUE")?;
        for (key, named) in [("targets", &targets), ("sources", &sources)] {
            if !named.is_empty() {
                lines.push(format!("  {key}:"));
                lines.extend(
                    named.iter().map(|(name, queue)| {
                        format!("    {name}: {{ queue: {} }}", in_braces(queue))
                    }),
                );
            }
        }
        return enough(lines, targets.is_empty() && sources.is_empty(), "--target NAME=QUEUE");
    }
    let mut lines = vec!["http:".to_owned()];
    if args.http.is_some() || !targets.is_empty() {
        let question = text!("At which address is it called");
        let url = ask::required(args.http.clone(), "--http", &question, draft.language)?;
        lines.push(format!("  url: {}", text(&url)));
        lines.push("  targets:".to_owned());
        for (name, call) in &targets {
            let Some((method, path)) = call.split_once(' ') else {
                let reason = format!("`--target {name}={call}`: write `{name}=post /path`");
                return Err(CouldNot(reason));
            };
            let method = method.to_lowercase();
            lines.push(format!("    {name}: {{ {method}: {} }}", in_braces(path.trim())));
        }
    }
    let mut sources = args.source.clone();
    if targets.is_empty() && sources.is_empty() {
        let flags = "--source, --target, --amqp, --files or --openapi";
        let question = text!("What does it send (a name)");
        sources.push(ask::required(None, flags, &question, draft.language)?);
    }
    if !sources.is_empty() {
        lines.push("  sources:".to_owned());
    }
    for source in sources {
        let source = name(source)?;
        let (key, hash) = ApiKey::generate()
            .map_err(|error| CouldNot(format!("the system gives no randomness: {error}")))?;
        lines.push(format!("    {source}:"));
        lines.push(format!("      api_keys: {{ {system}-1: {} }}", quoted(&hash)));
        draft.next.push(text!(
            "the key of {} for {}; it is not shown again:\n  {}",
            system,
            &format!("POST /v1/{system}/{source}"),
            &key
        ));
    }
    Ok(lines)
}

fn enough(lines: Vec<String>, is_empty: bool, flag: &str) -> Result<Vec<String>, CouldNot> {
    if is_empty {
        return Err(CouldNot(format!("`{flag}` is missing: a system without it takes nothing")));
    }
    Ok(lines)
}

/// `NAME=WHAT`, many times.
fn pairs(given: &[String], flag: &str, form: &str) -> Result<Vec<(String, String)>, CouldNot> {
    let split = |it: &String| {
        let (left, right) = it
            .split_once('=')
            .ok_or_else(|| CouldNot(format!("`{flag} {}`: write `{form}`", it.escape_debug())))?;
        Ok((name(left.to_owned())?, right.to_owned()))
    };
    given.iter().map(split).collect()
}
