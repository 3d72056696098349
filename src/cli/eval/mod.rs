//! `simpul eval`: an expression over a document, as routes would evaluate it.

mod interactive;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, IsTerminal, Read},
    path::Path,
    sync::Arc,
};

use super::{
    CouldNot, Exit, Outcome,
    screen::{complain, escaped, say},
};
use crate::{
    diagnostic::Report,
    expr::{Budget, Environment, EvalError, Expr, Meta, Part, Query, Scope, SyntaxError},
    message::{Arena, Clock, Headers, JsonWriter, Limits, MessageId, Value, parse},
    table::Table,
};

/// Code tables by name.
type Tables = BTreeMap<String, Arc<Table>>;

/// Bytes of a document: more than any message may have.
const DOCUMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Bytes of memory that the document and what is made of it may take.
const MEMORY_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Evaluate an expression over a JSON document
///
/// Prints the value as JSON, and no line at all for *nothing*. Without a file the document is read
/// from standard input, and is `null` where nothing comes.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul eval '$.pelaksana | count' sppd.json
  curl -s https://e-sppd.example/api/17 | simpul eval '($.total * 1.1) | round(0)'
  simpul eval '@.nip' sppd.json --item '{\"nip\": \"199001012020121001\"}'
  simpul eval --nodes '$..nip' sppd.json
  simpul eval --explain '($.berangkat | date) <= ($.kembali | date)' sppd.json
  simpul eval -i --message sppd.json

Exit codes: 0 evaluated (nothing included), 1 the message would be bad, 2 it does not parse.")]
pub(super) struct Args {
    /// The expression
    #[arg(allow_hyphen_values = true, required_unless_present = "interactive")]
    expr: Option<String>,

    /// The document; `-` for standard input
    file: Option<String>,

    /// The document, as FILE
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    message: Option<String>,

    /// Show what each part of the expression comes to
    #[arg(long, conflicts_with = "nodes")]
    explain: bool,

    /// Evaluate one line after the other; `.help` tells what else can be typed
    #[arg(short, long, conflicts_with_all = ["expr", "nodes", "explain"])]
    interactive: bool,

    /// Take the expression as a bare RFC 9535 query and print its node list, a JSON array
    #[arg(long, conflicts_with = "item")]
    nodes: bool,

    /// What `@` is: a JSON value
    #[arg(long, value_name = "JSON")]
    item: Option<String>,

    /// A header of the message, for `header('name')`
    #[arg(long = "header", value_name = "NAME=VALUE")]
    headers: Vec<String>,
}

/// What expressions are evaluated over.
struct Given<'p> {
    project: &'p Path,
    document: Vec<u8>,
    item: Option<String>,
    headers: Headers,
}

impl Given<'_> {
    /// Calls `run` with everything that an expression sees.
    fn scope(&self, run: impl FnOnce(&Scope<'_>) -> Outcome) -> Outcome {
        let arena = Arena::with_limit(MEMORY_BYTES_MAX);
        let limits = Limits::default();
        let body = parse(&arena, &self.document, &limits)
            .map_err(|error| CouldNot(format!("the document: {error}")))?;
        let item = self.item.as_ref().map(|it| parse(&arena, it.as_bytes(), &limits)).transpose();
        let item = item.map_err(|error| CouldNot(format!("the item: {error}")))?;
        let meta = Meta {
            id: MessageId::from_bytes([0; 16]),
            received_at: Clock::system().now(),
            headers: &self.headers,
            hash_key: None,
        };
        let budget = Budget::new(Budget::STEPS_MAX);
        run(&Scope { arena: &arena, body, item, meta: &meta, budget: &budget })
    }

    fn expression(&self, text: &str) -> Result<Expr, CouldNot> {
        let tables = tables(self.project, text)?;
        let environment = Environment { tables: Some(&tables) };
        Expr::parse_with(text, environment).map_err(|error| wrong(text, &error))
    }

    fn value(&self, text: &str) -> Outcome {
        let expr = self.expression(text)?;
        self.scope(|scope| told(expr.eval(scope).map(|value| value.map(json))))
    }

    fn explain(&self, text: &str) -> Outcome {
        let expr = self.expression(text)?;
        self.scope(|scope| {
            let parts = expr.explain(scope);
            explained(&parts).iter().for_each(|it| say(it));
            let is_bad = parts.first().is_some_and(|it| it.result.is_err());
            Ok(if is_bad { Exit::FoundWrong } else { Exit::Done })
        })
    }
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    let file = args.message.as_deref().or(args.file.as_deref());
    let document = match (args.interactive, file) {
        // The lines come from standard input then.
        (true, None | Some("-")) => b"null".to_vec(),
        _ => document(file)?,
    };
    let headers = headers(&args.headers)?;
    let given = Given { project, document, item: args.item.clone(), headers };
    match &args.expr {
        None => interactive::run(given),
        Some(text) if args.nodes => given.scope(|scope| nodes(text, scope)),
        Some(text) if args.explain => given.explain(text),
        Some(text) => given.value(text),
    }
}

/// The parts of an expression, each below what it is in, with what they come to beside them.
fn explained(parts: &[Part<'_>]) -> Vec<String> {
    /// Columns of the expressions; a longer one has its value on a line of its own.
    const COLUMNS: usize = 60;
    let texts: Vec<_> =
        parts.iter().map(|it| format!("{}{}", "  ".repeat(it.depth), escaped(&it.text))).collect();
    let widths = texts.iter().map(|it| it.chars().count());
    let width = widths.filter(|it| *it <= COLUMNS).max().unwrap_or_default();
    let lines = texts.iter().zip(parts).map(|(text, part)| {
        let came = match &part.result {
            _ if !part.counts => "(does not matter)".to_owned(),
            Ok(Some(value)) => shortened(&json(*value)),
            Ok(None) => match &part.why {
                Some(why) => format!("nothing: {}", escaped(why)),
                None => "nothing".to_owned(),
            },
            Err(error) => format!("error: {}", escaped(&error.message)),
        };
        if width < text.chars().count() {
            format!("{text}\n{:width$}  {came}", "")
        } else {
            format!("{text:width$}  {came}")
        }
    });
    lines.collect()
}

/// As much of a value as one looks at.
fn shortened(text: &str) -> String {
    const SHOWN_MAX: usize = 200;
    let mut shown: String = text.chars().take(SHOWN_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn nodes(text: &str, scope: &Scope<'_>) -> Outcome {
    let query = Query::parse(text).map_err(|error| wrong(text, &error))?;
    told(query.nodes(scope).map(|nodes| Some(json(Value::Array(&nodes)))))
}

/// Prints the value, if there is one, or why there is none.
fn told(value: Result<Option<String>, EvalError>) -> Outcome {
    match value {
        Ok(value) => {
            value.iter().for_each(|it| say(it));
            Ok(Exit::Done)
        }
        Err(error) => {
            complain(&format!("error: {}", escaped(&error.to_string())));
            Ok(Exit::FoundWrong)
        }
    }
}

/// The code tables of the project that the expression looks things up in. Others are not read, so
/// that `eval` works in any directory.
fn tables(project: &Path, expression: &str) -> Result<Tables, CouldNot> {
    let mut tables = Tables::new();
    if !expression.contains("lookup") {
        return Ok(tables);
    }
    let directory = project.join("tables");
    let failed = |error: io::Error| CouldNot(format!("`{}`: {error}", directory.display()));
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(tables),
        Err(error) => return Err(failed(error)),
    };
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let name = path.file_stem().and_then(|it| it.to_str()).map(str::to_owned);
        let is_table = path.extension().is_some_and(|it| it == "csv");
        let Some(name) = name.filter(|_| is_table) else { continue };
        let bytes = File::open(&path).and_then(bounded).map_err(failed)?;
        let mut report = Report::default();
        report.enter(&format!("tables/{name}.csv"));
        let read = Table::read(&bytes, &mut report);
        let Some(table) = read.filter(|_| !report.has_errors()) else {
            return Err(CouldNot(format!("`{}` has mistakes; see `simpul check`", path.display())));
        };
        tables.insert(name, Arc::new(table));
    }
    Ok(tables)
}

fn json(value: Value<'_>) -> String {
    String::from_utf8_lossy(&JsonWriter::to_vec(value)).into_owned()
}

/// An expression that does not parse, with a mark under what is wrong.
fn wrong(text: &str, error: &SyntaxError) -> CouldNot {
    let before = text.get(..error.at.start).unwrap_or_default();
    let marked = text.get(error.at.clone()).unwrap_or_default();
    // An expression of several lines is shown as one, so that the mark stands below its place.
    let shown = text.replace(char::is_control, " ");
    let indent = " ".repeat(before.chars().count());
    let mark = "^".repeat(marked.chars().count().max(1));
    let help =
        error.help.as_ref().map(|it| format!("\n  = help: {}", it.english())).unwrap_or_default();
    CouldNot(format!("{}\n  | {shown}\n  | {indent}{mark}{help}", error.message.english()))
}

fn document(file: Option<&str>) -> Result<Vec<u8>, CouldNot> {
    let failed = |name: &str, error: io::Error| CouldNot(format!("`{name}`: {error}"));
    match file {
        Some(name) if name != "-" => {
            let file = File::open(name).map_err(|error| failed(name, error))?;
            bounded(file).map_err(|error| failed(name, error))
        }
        None if io::stdin().is_terminal() => Ok(b"null".to_vec()),
        asked => {
            let text = bounded(io::stdin()).map_err(|error| failed("standard input", error))?;
            let nothing_came = asked.is_none() && text.is_empty();
            Ok(if nothing_came { b"null".to_vec() } else { text })
        }
    }
}

fn bounded(input: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    input.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if DOCUMENT_BYTES_MAX < bytes.len() as u64 {
        return Err(io::Error::other(format!("over {DOCUMENT_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

fn headers(pairs: &[String]) -> Result<Headers, CouldNot> {
    let split = |pair: &String| {
        let pair = pair.split_once('=').ok_or_else(|| {
            CouldNot(format!("`--header {}`: write `NAME=VALUE`", pair.escape_debug()))
        })?;
        Ok((pair.0.to_owned(), pair.1.to_owned()))
    };
    pairs.iter().map(split).collect()
}
