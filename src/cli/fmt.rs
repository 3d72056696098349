//! `simpul fmt`: the files of a project in their one canonical form.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    CouldNot, Exit, Outcome,
    screen::{complain, counted, escaped, say},
};
use crate::diagnostic::{Formatted, Language, Report, format};

/// Bytes of a file that is formatted: what a YAML file of a project may have.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Put the YAML files of a project into their one canonical form
///
/// Indentation, spacing, quotes, and braces that do not fit into 100 columns are made alike; order,
/// words, comments and blank lines stay as they are, and so does what every file means. A file that
/// does not parse is told with its mistakes and left alone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul fmt
  simpul fmt --check                    for a pipeline: changes nothing
  simpul fmt routes/sppd-terbit.yaml
  simpul fmt - < in.yaml > out.yaml     for an editor

Exit codes: 0 done, 1 with `--check`: a file is not in the form; a file does not parse, 2 it could
not read or write.")]
pub(super) struct Args {
    /// Change nothing; name the files that would be changed
    #[arg(long)]
    check: bool,

    /// The files; without any, simpul.yaml and those of connectors/ and routes/; `-` is standard
    /// input, written to standard output
    files: Vec<PathBuf>,
}

/// What became of a file.
enum Done {
    Same,
    Changed(String),
    Broken,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    if args.files == [Path::new("-")] {
        return pass_through();
    }
    let files = if args.files.is_empty() { of_project(project)? } else { args.files.clone() };
    let (mut changed, mut broken) = (0_u64, 0_u64);
    for file in &files {
        let name = file.strip_prefix(project).unwrap_or(file).display().to_string();
        let text = read(file)?;
        match formatted(&name, &text)? {
            Done::Same => {}
            Done::Broken => broken += 1,
            Done::Changed(text) => {
                changed += 1;
                if !args.check {
                    replace(file, &text).map_err(|it| failed(&name, &it))?;
                }
                say(&escaped(&name));
            }
        }
    }
    let (is, were) = if args.check { ("is not", "are not") } else { ("was put", "were put") };
    let told = counted(changed, &format!("file {is}"), &format!("files {were}"));
    let left = counted(broken, "file does not parse", "files do not parse");
    match (changed, broken) {
        (0, 0) => {
            say(&counted(files.len() as u64, "file is in its form", "files are in their form"))
        }
        (_, 0) => say(&format!("{told} in the canonical form")),
        (0, _) => say(&format!("{left}, and stays as it is")),
        _ => say(&format!("{told} in the canonical form; {left}")),
    }
    let is_wrong = broken > 0 || args.check && changed > 0;
    Ok(if is_wrong { Exit::FoundWrong } else { Exit::Done })
}

fn pass_through() -> Outcome {
    let mut text = String::new();
    let read = io::stdin().take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|it| failed("standard input", &it))?;
    let (text, exit) = match formatted("standard input", &text)? {
        Done::Same => (text, Exit::Done),
        Done::Changed(text) => (text, Exit::Done),
        Done::Broken => return Ok(Exit::FoundWrong),
    };
    say(text.strip_suffix('\n').unwrap_or(&text));
    Ok(exit)
}

/// The canonical form of a text; tells what is wrong with one that does not parse.
fn formatted(name: &str, text: &str) -> Result<Done, CouldNot> {
    let mut report = Report::default();
    report.enter(name);
    match format(text, &mut report) {
        Some(Formatted::As(new)) if new == text => Ok(Done::Same),
        Some(Formatted::As(new)) => Ok(Done::Changed(new)),
        Some(Formatted::Unsure) => Err(CouldNot(format!(
            "bug: `{name}` would not mean the same afterwards, and stays as it is"
        ))),
        None => {
            for found in report.into_sorted() {
                complain(&format!(
                    "{}\n",
                    escaped(found.render(text, Language::English).trim_end())
                ));
            }
            Ok(Done::Broken)
        }
    }
}

/// The YAML files of a project.
fn of_project(project: &Path) -> Result<Vec<PathBuf>, CouldNot> {
    let mut files = Vec::new();
    let settings = project.join("simpul.yaml");
    files.extend(settings.is_file().then_some(settings));
    for folder in ["connectors", "routes"] {
        let failed = |it: io::Error| failed(folder, &it);
        let entries = match fs::read_dir(project.join(folder)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
            if name.ends_with(".yaml") && !name.starts_with('.') {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        let reason = format!(
            "`{}` holds no project: no simpul.yaml, no files in connectors/ or routes/",
            project.display()
        );
        return Err(CouldNot(reason));
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<String, CouldNot> {
    let failed = |it: io::Error| failed(&file.display().to_string(), &it);
    let mut text = String::new();
    let opened = fs::File::open(file).map_err(failed)?;
    opened.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(failed)?;
    if FILE_BYTES_MAX < text.len() as u64 {
        return Err(failed(io::Error::other(format!("over {FILE_BYTES_MAX} bytes"))));
    }
    Ok(text)
}

/// Puts `text` in the place of a file in one go: whoever looks meanwhile sees the old one, whole.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    // A link stays a link.
    let file = file.canonicalize()?;
    let name = file.file_name().map(|it| format!(".{}.new", it.to_string_lossy()));
    let new = file.with_file_name(name.unwrap_or_default());
    fs::write(&new, text)?;
    fs::set_permissions(&new, fs::metadata(&file)?.permissions())?;
    fs::rename(&new, &file)
}

fn failed(name: &str, error: &io::Error) -> CouldNot {
    CouldNot(format!("`{}`: {error}", name.escape_debug()))
}
