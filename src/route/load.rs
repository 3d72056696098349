//! The files of a project: found, bounded, read, and kept for showing what is wrong in them.

use std::{
    collections::BTreeMap,
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use super::{
    fill::{self, Variables},
    stand_in::stand_in,
};
use crate::diagnostic::{Code, Diagnostic, Language, Node, Report, Span, Text, parse, text};

/// Bytes of a route, system, schema or settings file: a hundred times the largest in use.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Bytes of a code table.
const TABLE_BYTES_MAX: u64 = crate::table::BYTES_MAX as u64;

/// Files in one folder: more is not a project but an accident.
const FILES_MAX: usize = 10_000;

/// The folders of a project whose files a reload reads.
pub const FOLDERS: [&str; 4] = [SYSTEMS, ROUTES, SCHEMAS, TABLES];

pub(super) const SYSTEMS: &str = "connectors";
pub(super) const ROUTES: &str = "routes";
pub(super) const SCHEMAS: &str = "schemas";
pub(super) const TABLES: &str = "tables";

/// Folders in each other under `schemas/`; also what ends a circle of links.
const FOLDERS_MAX: usize = 8;

/// The directory of a project, and everything found wrong in it so far.
pub struct Project<'a> {
    directory: &'a Path,
    variables: &'a Variables,
    /// What is wrong.
    pub report: Report,
    texts: Texts,
    /// What stands in the place of files, by path.
    instead: Arc<BTreeMap<String, Vec<u8>>>,
}

/// Why something cannot be read.
pub(super) fn not_read(error: &io::Error) -> Text {
    match error.kind() {
        io::ErrorKind::NotFound => text!("there is no such file"),
        io::ErrorKind::PermissionDenied => text!("this account may not"),
        _ => text!("{}", error),
    }
}

/// The texts of the files of a project, for showing what is wrong in them.
#[derive(Clone, Default)]
pub struct Texts(BTreeMap<String, Arc<str>>);

/// The files of a project cannot be used.
#[derive(Clone)]
pub struct Broken {
    /// Everything that is wrong, in the order of files and places.
    pub found: Vec<Diagnostic>,
    /// The files.
    pub texts: Texts,
}

impl Texts {
    /// Takes over the texts of other files.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The diagnostics as text for a terminal, one after another.
    pub fn render(&self, found: &[Diagnostic], language: Language) -> String {
        let text = |it: &Diagnostic| self.0.get(&*it.file).map_or("", |text| text);
        let render = |it: &Diagnostic| it.render(text(it), language);
        found.iter().map(render).collect::<Vec<_>>().join("\n")
    }
}

impl Broken {
    /// All of it as text for a terminal.
    pub fn told(&self, language: Language) -> String {
        self.texts.render(&self.found, language)
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.told(Language::English))
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Broken").field("found", &self.found).finish_non_exhaustive()
    }
}

impl std::error::Error for Broken {}

impl<'a> Project<'a> {
    /// A project whose files are in `directory`.
    pub fn new(directory: &'a Path, variables: &'a Variables) -> Self {
        let (report, texts, instead) = (Report::default(), Texts::default(), Arc::default());
        Self { directory, variables, report, texts, instead }
    }

    /// The same project with other contents in the place of some files, which need not be there.
    #[must_use]
    pub fn with(mut self, instead: BTreeMap<String, Vec<u8>>) -> Self {
        self.instead = Arc::new(instead);
        self
    }

    /// A part of this project, for a thread of its own to read.
    pub(super) fn part(&self) -> Self {
        let instead = Arc::clone(&self.instead);
        Self { instead, ..Self::new(self.directory, self.variables) }
    }

    /// Takes over what was read and found in a part.
    pub(super) fn join(&mut self, part: Self) {
        self.report.join(part.report);
        self.texts.0.extend(part.texts.0);
    }

    /// The directory of the project.
    pub fn directory(&self) -> &'a Path {
        self.directory
    }

    /// The environment that is filled in.
    pub fn variables(&self) -> &'a Variables {
        self.variables
    }

    /// Whether there is such a file.
    pub fn has(&self, path: &str) -> bool {
        self.instead.contains_key(path) || self.directory.join(path).exists()
    }

    /// Reads a file of settings or of a system, and fills in what `${env:…}` and `${file:…}` in it
    /// stand for.
    pub fn filled(&mut self, path: &str) -> Option<Node> {
        let mut node = parse(&self.text(path)?, &mut self.report)?;
        let mut open = Vec::new();
        fill::secrets_in(&node, &mut Vec::new(), &mut open);
        for (at, secret) in open {
            self.mask(path, at, &secret);
        }
        match self.variables.stands_in() {
            true => stand_in(&mut node, &mut Vec::new()),
            false => fill::fill(&mut node, self.variables, self.directory, &mut self.report),
        }
        Some(node)
    }

    /// Takes a secret that stands in a file out of what is shown of the file, and says so.
    fn mask(&mut self, path: &str, at: Span, secret: &str) {
        self.report.conceal(secret);
        let message = text!("a secret that stands in a file for all to read");
        let found = self.report.warn(at, Code::Secret, message);
        found.help("write `${env:NAME}` or `${file:PATH}`, and the secret there");
        let Some(text) = self.texts.0.get_mut(path) else { return };
        let mut masked = String::with_capacity(text.len());
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            for (column, letter) in (1..).zip(line.chars()) {
                let inside =
                    number == at.line && at.column <= column && column - at.column < at.len;
                masked.push(if inside && letter != '\n' { '*' } else { letter });
            }
        }
        *text = masked.into();
    }

    /// Reads a file of a route or of its tests, in which nothing is filled in.
    pub fn unfilled(&mut self, path: &str) -> Option<Node> {
        let mut node = parse(&self.text(path)?, &mut self.report)?;
        let mut open = Vec::new();
        fill::secrets_in_route(&node, "", &mut open);
        for (at, secret) in open {
            self.mask(path, at, &secret);
        }
        fill::refuse(&mut node, &mut self.report);
        Some(node)
    }

    /// The text of a file; what is found from now on is about this file.
    pub fn text(&mut self, path: &str) -> Option<Arc<str>> {
        let bytes = self.bytes(path, FILE_BYTES_MAX)?;
        let lossy: Arc<str> = String::from_utf8_lossy(&bytes).into();
        self.texts.0.insert(path.to_owned(), Arc::clone(&lossy));
        if let Err(error) = std::str::from_utf8(&bytes) {
            let before = lossy.get(..error.valid_up_to()).unwrap_or_default();
            let line = u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX);
            let column = before.rsplit('\n').next().map_or(0, |it| it.chars().count());
            let column = u32::try_from(column).unwrap_or(u32::MAX).saturating_add(1);
            let at = Span { line: line.saturating_add(1), column, len: 1 };
            let found = self.report.error(at, Code::File, "the file is not UTF-8");
            found.help("save it as UTF-8");
            return None;
        }
        Some(lossy)
    }

    /// The bytes of a code table; what is found from now on is about this file.
    pub(super) fn table(&mut self, path: &str) -> Option<Vec<u8>> {
        self.bytes(path, TABLE_BYTES_MAX)
    }

    /// Keeps the text of a code table in which something is wrong: of the others it would take as
    /// much memory again.
    pub(super) fn keep(&mut self, path: &str, bytes: &[u8]) {
        let text = String::from_utf8_lossy(bytes);
        self.texts.0.insert(path.to_owned(), text.into());
    }

    fn bytes(&mut self, path: &str, max: u64) -> Option<Vec<u8>> {
        self.report.enter(path);
        if let Some(bytes) = self.instead.get(path) {
            return Some(bytes.clone());
        }
        let full = self.directory.join(path);
        let mut wrong = |why: Text| {
            let help = text!("see that it is a file, is not too large, and may be read");
            self.report.error(Span::default(), Code::File, why).help(help);
            None
        };
        let len = match full.metadata() {
            // Reading a pipe or a device may never end.
            Ok(metadata) if !metadata.is_file() => return wrong(text!("not a regular file")),
            Ok(metadata) => metadata.len().min(max),
            Err(error) => return wrong(text!("cannot be read: {}", not_read(&error))),
        };
        // One more, so that the reading that finds the end has room.
        let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0) + 1);
        let read = File::open(&full).and_then(|it| it.take(max + 1).read_to_end(&mut bytes));
        match read {
            Err(error) => wrong(text!("cannot be read: {}", not_read(&error))),
            Ok(read) if max < read as u64 => {
                wrong(text!("larger than {} MiB, the most that is read", &(max >> 20)))
            }
            Ok(_) => Some(bytes),
        }
    }

    /// The paths of the files of a folder that end in `suffix`, in alphabetical order; with
    /// `deep` set also those in folders in it. A folder that is not there has none.
    pub fn list(&mut self, folder: &str, suffix: &str, deep: bool) -> Vec<String> {
        let mut found = Vec::new();
        self.list_into(folder, suffix, if deep { FOLDERS_MAX } else { 0 }, &mut found);
        let inside = |path: &&String| {
            let rest = path.strip_prefix(folder).and_then(|it| it.strip_prefix('/'));
            path.ends_with(suffix) && rest.is_some_and(|it| deep || !it.contains('/'))
        };
        found.extend(self.instead.keys().filter(inside).cloned());
        found.sort();
        found.dedup();
        found
    }

    fn list_into(&mut self, folder: &str, suffix: &str, depth: usize, found: &mut Vec<String>) {
        let entries = match fs::read_dir(self.directory.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                self.report.enter(folder);
                let message = text!("cannot be read: {}", not_read(&error));
                let help = text!("see that it is a folder, and may be read");
                self.report.error(Span::default(), Code::File, message).help(help);
                return;
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let path = format!("{folder}/{}", name.to_string_lossy());
            // What editors and version control leave behind.
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            if FILES_MAX <= found.len() {
                self.report.enter(folder);
                let message = text!("more than {} files", &FILES_MAX);
                let help = text!("take the files out that are no part of the project");
                self.report.error(Span::default(), Code::File, message).help(help);
                return;
            }
            let is_dir = match entry.file_type() {
                Ok(kind) if !kind.is_symlink() => kind.is_dir(),
                _ => entry.path().is_dir(),
            };
            match is_dir {
                true if depth > 0 => self.list_into(&path, suffix, depth - 1, found),
                true => {
                    let help = text!("put its files into the folder above it");
                    self.unread(&path, text!("a folder in which nothing is read"), help);
                }
                false if path.ends_with(suffix) => found.push(path),
                false if path.ends_with(".yml") => {
                    let help = text!("rename it so that it ends in `.yaml`");
                    let message = text!("not read: its name does not end in `.yaml`");
                    self.unread(&path, message, help);
                }
                false => {}
            }
        }
    }

    fn unread(&mut self, path: &str, message: Text, help: Text) {
        self.report.enter(path);
        self.report.warn(Span::default(), Code::File, message).help(help);
    }

    /// Whether there is such a directory at all.
    pub(super) fn exists(&self) -> bool {
        self.directory.is_dir()
    }

    /// The text of a file that was read.
    pub(super) fn text_of(&self, path: &str) -> Arc<str> {
        self.texts.0.get(path).cloned().unwrap_or_else(|| "".into())
    }

    /// The texts of all files read so far, as they are shown.
    pub(super) fn shared_texts(&self) -> impl Iterator<Item = (&str, &Arc<str>)> {
        self.texts.0.iter().map(|(path, text)| (path.as_str(), text))
    }

    /// The texts of all files read so far.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.0.iter().map(|(path, text)| (path.as_str(), &**text))
    }

    /// Ends the reading: `value`, with the warnings, if nothing is wrong with it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, the warnings too.
    pub fn finish<T>(self, value: Option<T>) -> Result<(T, Vec<Diagnostic>, Texts), Broken> {
        let broken = self.report.has_errors();
        let (found, texts) = (self.report.into_sorted(), self.texts);
        match value.filter(|_| !broken) {
            Some(value) => Ok((value, found, texts)),
            None => Err(Broken { found, texts }),
        }
    }
}
