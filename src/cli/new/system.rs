//! `simpul new system`: a system file from flags, answers, or an OpenAPI document.

use std::path::{Path, PathBuf};

use super::{
    Draft, ask,
    doc::Doc,
    name, openapi,
    speaks::Speaks,
    yaml::{in_braces, text},
};
use crate::{
    cli::{CouldNot, Outcome},
    diagnostic::{Language, text},
};

/// The classes of data.
const CLASSES: [&str; 4] = ["biasa", "terbatas", "rahasia", "sangat_rahasia"];

/// Make a system file
///
/// A system speaks HTTP, AMQP or files. With `--openapi` its targets, their schemas and the way in which
/// simpul proves who it is come from the description of its interface (OpenAPI 3, JSON or YAML).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul new system loket --source surat --schema schemas/surat.schema.json
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
    #[arg(long, value_parser = CLASSES)]
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

    /// The schema of its one source or target
    #[arg(long, value_name = "FILE", conflicts_with = "openapi")]
    schema: Option<PathBuf>,
}

pub(super) fn run(project: &Path, args: Args, language: Language) -> Outcome {
    let description = args.openapi.as_deref().map(Doc::read).transpose()?;
    let question = text!("What is the system called (small letters, digits, `-`)");
    let name = ask::required(args.name, "NAME", (&question, language), name)?;
    let title = args.title.or_else(|| description.as_ref().and_then(openapi::title));
    let question = (text!("What do people call it"), language);
    let title = ask::optional(title, question, ask::anything)?;
    let question = (text!("Which unit answers for it"), language);
    let unit = ask::optional(args.unit, question, ask::anything)?;
    let question = (text!("How is that unit reached"), language);
    let contact = ask::optional(args.contact, question, ask::anything)?;
    let question =
        text!("Up to which class may it hold data: biasa, terbatas, rahasia, sangat_rahasia");
    let read = |it| ask::one_of(it, &CLASSES);
    let class = ask::optional(args.classification, (question, language), read)?;
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
        None => {
            let schema = args.schema.map(|it| schema(project, &it)).transpose()?;
            let Args { http, amqp, files, source: sources, target: targets, .. } = args;
            let speaks = Speaks { http, amqp, files, sources, targets, schema };
            let speaks = speaks.complete(project, language)?;
            lines.extend(speaks.lines(&name, &mut draft)?);
        }
    }
    draft.yaml(&format!("connectors/{name}.yaml"), &(lines.join("\n") + "\n"))?;
    draft.next.push(text!("next: another system, or `simpul new route`"));
    draft.write()
}

/// The path of a schema as files name it.
fn schema(project: &Path, path: &Path) -> Result<String, CouldNot> {
    let named = path.strip_prefix("./").unwrap_or(path);
    let named = named.strip_prefix(project).unwrap_or(named).display().to_string();
    if named.starts_with("schemas/") && project.join(&named).is_file() {
        return Ok(named);
    }
    let (path, help) = (path.display(), "name a file of the project: `schemas/x.schema.json`");
    Err(CouldNot(format!("`--schema {path}`: {help}; `simpul new schema` makes one")))
}
