//! `simpul new`: first drafts of files, from a short dialogue, flags, or what exists already.
//!
//! Nothing that exists is ever written over. What is written is in the form of `simpul fmt`, and is
//! looked at as `simpul check` does at once.

mod ask;
mod doc;
mod drawn;
mod guess;
mod openapi;
mod project;
mod route;
mod sample;
mod speaks;
mod system;
mod words;
mod yaml;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::Subcommand;

use super::{
    CouldNot, Exit, Outcome,
    language::Lang,
    project as files,
    screen::{escaped, say},
};
use crate::{
    diagnostic::{Code, Formatted, Language, Report, Severity, Text, format, text},
    message::is_name,
};

/// Make a project, a system, a route or a schema
///
/// Asks for what no flag says, where it runs in a terminal. Nothing that exists is written over.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul new project kantor
  simpul new system e-absensi --openapi absensi.yaml
  simpul new schema surat --sample surat.json
  simpul new route surat-masuk --from loket.surat --to buku-agenda.catat

Exit codes: 0 done, 1 what was written needs work before it passes `check`, 2 it could not.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,

    #[command(flatten)]
    lang: Lang,
}

#[derive(Debug, Subcommand)]
enum What {
    Project(project::Args),
    System(system::Args),
    Route(route::Args),
    Schema(SchemaArgs),
}

/// Make the JSON Schema of sample messages
///
/// What all samples have is required; texts that are dates in all of them are dates.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul new schema surat --sample surat.json           writes schemas/surat.schema.json
  simpul new schema surat --sample samples/surat-*.json

Exit codes: 0 done, 2 it could not.")]
struct SchemaArgs {
    /// What the schema is called
    name: Option<String>,

    /// A file with a JSON document, or with one on each line; may be given several times
    #[arg(long, value_name = "FILE", num_args = 1..)]
    sample: Vec<PathBuf>,
}

pub(super) fn run(project: &Path, args: Args) -> Outcome {
    let language = args.lang.language()?;
    match args.what {
        What::Project(args) => project::run(project, &args, language),
        What::System(args) => system::run(project, args, language),
        What::Route(args) => route::run(project, args, language),
        What::Schema(args) => schema(project, args, language),
    }
}

fn schema(project: &Path, args: SchemaArgs, language: Language) -> Outcome {
    let question = text!("What is the schema called (small letters, digits, `-`)");
    let name = ask::required(args.name, "NAME", (&question, language), name)?;
    let mut samples = Vec::new();
    for path in &args.sample {
        samples.extend(doc::Doc::read_all(path)?);
    }
    if args.sample.is_empty() {
        let question =
            text!("Which file holds a sample of the messages (JSON, or one on each line)");
        let read = |it: String| doc::Doc::read_all(Path::new(&it));
        samples = ask::required(None, "--sample", (&question, language), read)?;
    }
    let mut draft = Draft::new(project, language);
    draft.plain(&format!("schemas/{name}.schema.json"), sample::schema(&samples).pretty());
    draft.write()
}

/// A name of a system, route or the like, or why it is none.
fn name(text: String) -> Result<String, CouldNot> {
    if is_name(&text) {
        return Ok(text);
    }
    Err(CouldNot(format!(
        "`{}` is no name; write a small letter, then small letters, digits and `-`, up to 63",
        text.escape_debug()
    )))
}

/// The nearest text that is a name: `Catat Dinas` becomes `catat-dinas`, `createUser` `create-user`.
fn as_name(text: &str) -> String {
    const LENGTH_MAX: usize = 63;
    let mut name = String::new();
    let mut before = ' ';
    for letter in text.chars() {
        if letter.is_uppercase() && before.is_lowercase() {
            name.push('-');
        }
        match letter.to_ascii_lowercase() {
            it @ ('a'..='z' | '0'..='9') => name.push(it),
            _ if name.ends_with('-') || name.is_empty() => {}
            _ => name.push('-'),
        }
        before = letter;
    }
    let name = name.trim_start_matches(|it: char| !it.is_ascii_alphabetic());
    name.get(..name.len().min(LENGTH_MAX)).unwrap_or_default().trim_matches('-').to_owned()
}

/// Files that are about to be written.
struct Draft<'p> {
    project: &'p Path,
    files: Vec<(String, String)>,
    /// Files that only their owner may read.
    secrets: Vec<(String, String)>,
    /// What is told at the end.
    next: Vec<Text>,
    /// In this language.
    language: Language,
}

impl<'p> Draft<'p> {
    fn new(project: &'p Path, language: Language) -> Self {
        let (files, secrets, next) = (Vec::new(), Vec::new(), Vec::new());
        Self { project, files, secrets, next, language }
    }

    /// Adds a file as it is.
    fn plain(&mut self, path: &str, text: String) {
        self.files.push((path.to_owned(), text));
    }

    /// Adds a YAML file, in the canonical form.
    fn yaml(&mut self, path: &str, text: &str) -> Result<(), CouldNot> {
        match format(text, &mut Report::default()) {
            Some(Formatted::As(text)) => self.plain(path, text),
            _ => return Err(CouldNot(format!("bug: the draft of `{path}` is no YAML:\n{text}"))),
        }
        Ok(())
    }

    /// Writes all files, or none if one of them is there already, and looks at what is wrong with them.
    fn write(self) -> Outcome {
        let all = || self.files.iter().chain(&self.secrets);
        if let Some((path, _)) = all().find(|(path, _)| self.project.join(path).exists()) {
            return Err(CouldNot(format!("`{path}` is there already, and is not written over")));
        }
        for (path, text) in all() {
            let is_secret = self.secrets.iter().any(|(it, _)| it == path);
            put(&self.project.join(path), text, is_secret)
                .map_err(|error| CouldNot(format!("`{path}`: {error}")))?;
            say(&text!("wrote {}", path).told(self.language));
        }
        self.next.iter().for_each(|it| say(&escaped(&it.told(self.language))));
        Ok(self.checked())
    }

    /// Shows what `check` says about the files.
    fn checked(&self) -> Exit {
        let read = files::read(self.project);
        let (found, texts) = match &read {
            Ok(files) => (&files.found, &files.texts),
            Err(broken) => (&broken.found, &broken.texts),
        };
        let is_new = |file: &str| self.files.iter().any(|(path, _)| path == file);
        // A system that was just made has no route yet.
        let is_early = |code: Code| matches!(code, Code::UnusedTarget | Code::UnreadSource);
        let mut found = found.clone();
        found.retain(|it| is_new(&it.file) && !is_early(it.code));
        if !found.is_empty() {
            let rendered = texts.render(&found, self.language);
            say(&format!("\n{}", escaped(rendered.trim_end())));
        }
        let is_wrong = found.iter().any(|it| it.severity == Severity::Error);
        if is_wrong { Exit::FoundWrong } else { Exit::Done }
    }
}

fn put(path: &Path, text: &str, is_secret: bool) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_secret {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}

/// The schemas of the endpoints of a project's systems, by `system.name`, as far as its files can be
/// read: `sources` or `targets`.
fn schemas_of(project: &Path, endpoints: &str) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(project.join("connectors")) else { return found };
    for path in entries.flatten().map(|it| it.path()) {
        if path.extension().is_none_or(|it| it != "yaml") {
            continue;
        }
        let Ok(file) = doc::Doc::read(&path) else { continue };
        let Some(system) = file.text_at("system") else { continue };
        for protocol in ["http", "amqp", "files"] {
            let named = file.get(protocol).and_then(|it| it.get(endpoints));
            for (name, spec) in named.map(doc::Doc::members).unwrap_or_default() {
                let schema = spec.text_at("schema").map(str::to_owned);
                found.insert(format!("{system}.{name}"), schema);
            }
        }
    }
    found
}
