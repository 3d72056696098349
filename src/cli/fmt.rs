//! `simpul fmt`: the files of a project in their one canonical form.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    CouldNot, Exit, Outcome,
    language::Lang,
    screen::{complain, escaped, say},
};
use crate::diagnostic::{Formatted, Language, Report, Text, format, text};

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

    #[command(flatten)]
    lang: Lang,
}

/// What became of a file.
enum Done {
    Same,
    Changed(String),
    Broken,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    let language = args.lang.language()?;
    if args.files == [Path::new("-")] {
        return pass_through(language);
    }
    let files = if args.files.is_empty() { of_project(project)? } else { args.files.clone() };
    let (mut changed, mut broken) = (0, 0);
    for file in &files {
        let name = file.strip_prefix(project).unwrap_or(file).display().to_string();
        let text = read(file)?;
        match formatted(&name, &text, language)? {
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
    say(&summary(files.len(), changed, broken, args.check).told(language));
    let is_wrong = broken > 0 || args.check && changed > 0;
    Ok(if is_wrong { Exit::FoundWrong } else { Exit::Done })
}

/// What came of all files.
fn summary(all: usize, changed: usize, broken: usize, is_check: bool) -> Text {
    let told = match (is_check, changed) {
        (true, 1) => text!("1 file is not in the canonical form"),
        (true, changed) => text!("{} files are not in the canonical form", &changed),
        (false, 1) => text!("1 file was put in the canonical form"),
        (false, changed) => text!("{} files were put in the canonical form", &changed),
    };
    let left = match broken {
        1 => text!("1 file does not parse"),
        broken => text!("{} files do not parse", &broken),
    };
    match (changed, broken, all) {
        (0, 0, 1) => text!("1 file is in its form"),
        (0, 0, all) => text!("{} files are in their form", &all),
        (_, 0, _) => told,
        (0, ..) => text!("{}, and stays as it is", left),
        _ => text!("{}; {}", told, left),
    }
}

fn pass_through(language: Language) -> Outcome {
    let mut text = String::new();
    let read = io::stdin().take(FILE_BYTES_MAX + 1).read_to_string(&mut text);
    read.map_err(|it| failed("standard input", &it))?;
    let (text, exit) = match formatted("standard input", &text, language)? {
        Done::Same => (text, Exit::Done),
        Done::Changed(text) => (text, Exit::Done),
        Done::Broken => return Ok(Exit::FoundWrong),
    };
    say(text.strip_suffix('\n').unwrap_or(&text));
    Ok(exit)
}

/// The canonical form of a text; tells what is wrong with one that does not parse.
fn formatted(name: &str, text: &str, language: Language) -> Result<Done, CouldNot> {
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
                complain(&format!("{}\n", escaped(found.render(text, language).trim_end())));
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
