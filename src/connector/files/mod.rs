//! Files: a target that appends messages to a file, one JSON text on each line.

mod append;

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Deserialize;

use self::append::Appender;
use super::{
    Answer, Call, CallError, Class, Classification, Draft, OpenSource, OpenTarget, Parameter,
    Reached, Target, http,
    literal::{PLACEHOLDER, literal_letters},
};
use crate::{
    diagnostic::{
        Code, Entries, Located, Report,
        describe::{NAME, SchemaPath, TemplateText},
        text,
    },
    expr::Template,
    message::{Digest, Headers},
};

/// The longest name of a file, in bytes: file systems allow 255.
const NAME_MAX: usize = 200;

/// What may stand unencoded in what a `${…}` of a file's name yields.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// A system that takes files: a directory that it, or somebody for it, reads.
///
/// ```yaml
/// files:
///   path: /var/lib/arsip/masuk
///   targets:
///     naskah: { file: "naskah-${$.tahun}.ndjson" }
/// ```
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesSpec {
    /// The directory. It is made if only its last part is missing; a directory whose parent is
    /// missing too is taken for one that is not mounted.
    pub path: Located<String>,
    /// What can be written there, by name.
    #[serde(default)]
    #[schemars(extend("propertyNames" = { "pattern": NAME }))]
    pub targets: Entries<FilesTargetSpec>,
}

/// A file that messages are appended to, one line for each, and safe on disk before the delivery
/// counts as made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilesTargetSpec {
    /// The name of the file, without directories: letters, digits, `.`, `-` and `_`, and `${…}`.
    /// What a `${…}` yields is percent-encoded, so that no message can name another directory.
    #[schemars(with = "TemplateText")]
    pub file: Located<String>,
    /// What a line holds: `body` unless said, or `headers_and_body`.
    #[serde(default)]
    #[schemars(extend("default" = "body"))]
    pub lines: LineKind,
    /// The JSON Schema of what the target takes; a body that does not fit is refused here.
    #[schemars(with = "Option<SchemaPath>")]
    pub schema: Option<Located<String>>,
    /// The highest class of data that it may be sent, where that is less than its system's.
    pub classification: Option<Located<Classification>>,
}

/// What a line of a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// The body.
    #[default]
    Body,
    /// `{"headers": {"idempotency-key": …}, "body": …}`: for a reader who must know repeats.
    HeadersAndBody,
}

impl FilesSpec {
    /// Compiles what the author wrote, adding everything wrong with it to `report`. A relative
    /// `path` begins at the directory `project`.
    pub fn compile(
        &self,
        system: &str,
        project: &Path,
        report: &mut Report,
    ) -> (Vec<OpenTarget>, Vec<OpenSource>) {
        if self.path.value.is_empty() || self.path.value.contains('\0') {
            let message = text!("not the path of a directory");
            report.error(self.path.at, Code::WrongKind, message).help("write `/var/lib/…`");
        }
        let directory = project.join(&self.path.value);
        let appender = Arc::new(Appender::new(directory.clone()));
        let mut open = Vec::new();
        for (name, spec) in self.targets.iter() {
            let endpoint = http::endpoint(system, name, report);
            let template = spec.template(report);
            let (Some(endpoint), Some(template)) = (endpoint, template) else { continue };
            let (fixed_name, parameters) = match template.literal().map(str::to_owned) {
                Some(literal) => (Some(literal), Vec::new()),
                None => {
                    let place = "file".to_owned();
                    (None, vec![Parameter { template, place, encode }])
                }
            };
            let (appender, directory) = (Arc::clone(&appender), directory.clone());
            let target = FilesTarget { appender, directory, fixed_name, lines: spec.lines };
            open.push(OpenTarget {
                endpoint,
                target: Arc::new(target),
                parameters: parameters.into(),
                schema: spec.schema.clone(),
                answers: BTreeMap::new(),
                digest: self.digest(spec),
            });
        }
        (open, Vec::new())
    }

    fn digest(&self, spec: &FilesTargetSpec) -> Digest {
        let schema = spec.schema.as_ref().map_or("", |it| it.value.as_str());
        let lines = format!("{:?}", spec.lines);
        Digest::of(&[&self.path.value, &spec.file.value, schema, &lines].map(|it| it.as_bytes()))
    }
}

impl FilesTargetSpec {
    fn template(&self, report: &mut Report) -> Option<Template> {
        let template = match Template::parse(&self.file.value) {
            Ok(template) => template,
            Err(error) => {
                let at = self.file.at.within(&self.file.value, error.at);
                let found = report.error(at, Code::Expression, "a file's name does not parse");
                found.label(error.message);
                if let Some(help) = error.help {
                    found.help(help);
                }
                return None;
            }
        };
        // What a `${…}` yields is looked at with each message.
        if is_safe(&skeleton(&self.file.value)) {
            return Some(template);
        }
        report
            .error(self.file.at, Code::WrongKind, "not a safe name of a file")
            .help("write letters, digits, `.`, `-` and `_`; the directory stands in `path`");
        None
    }
}

/// A file of a system.
struct FilesTarget {
    appender: Arc<Appender>,
    directory: PathBuf,
    /// The name, where no `${…}` stands in it.
    fixed_name: Option<String>,
    lines: LineKind,
}

#[async_trait]
impl Target for FilesTarget {
    async fn send(&self, call: &Call) -> Result<Answer, CallError> {
        let name = self.name(call)?;
        let line = self.line(call);
        let written = line.len();
        self.appender.append(name.clone(), line).await?;
        Ok(Answer { summary: format!("{written} bytes written") })
    }

    fn draft(&self, call: &Call) -> Result<Draft, CallError> {
        let line = format!("append to {}", self.name(call)?);
        Ok(Draft { line, headers: Headers::default(), body: Some(self.line(call).into()) })
    }

    async fn reach(&self) -> Result<Reached, CallError> {
        let (directory, name) = (self.directory.clone(), self.fixed_name.clone());
        let looked = tokio::task::spawn_blocking(move || look(&directory, name.as_deref())).await;
        let lost = |_| failure(Class::Unavailable, "bug: looking failed".to_owned());
        looked.map_err(lost)?
    }
}

/// The part of [`Target::reach`] that asks the system, and may wait for it.
fn look(directory: &Path, name: Option<&str>) -> Result<Reached, CallError> {
    let shown = directory.display();
    let wrong = |reason: String| Err(failure(Class::Unavailable, reason));
    match directory.metadata() {
        Ok(it) if !it.is_dir() => return wrong(format!("`{shown}` is no directory")),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match directory.parent().is_some_and(Path::is_dir) {
                true => Ok(Reached::saying("its directory will be made with the first delivery")),
                false => wrong(format!("`{shown}` is not there, nor what it would stand in")),
            };
        }
        Err(error) => return wrong(format!("`{shown}`: {error}")),
    }
    // Opening it changes nothing; what is not there yet is not made.
    let opened = name.map(|it| OpenOptions::new().append(true).open(directory.join(it)));
    match opened {
        Some(Err(error)) if error.kind() != ErrorKind::NotFound => {
            wrong(format!("`{shown}`: cannot be written: {error}"))
        }
        _ => Ok(Reached::saying("its directory is there")),
    }
}

impl FilesTarget {
    fn name<'c>(&'c self, call: &'c Call) -> Result<&'c String, CallError> {
        let name = self.fixed_name.as_ref().or_else(|| call.parameters.first());
        name.filter(|it| is_safe(it)).ok_or_else(|| {
            let reason = "the message makes no safe name of a file".to_owned();
            failure(Class::Refused, reason)
        })
    }

    fn line(&self, call: &Call) -> Vec<u8> {
        let mut line = Vec::with_capacity(call.body.len() + 1);
        if self.lines == LineKind::HeadersAndBody {
            line.extend_from_slice(b"{\"headers\":");
            line.extend_from_slice(call.headers.to_json().as_bytes());
            line.extend_from_slice(b",\"body\":");
        }
        // Outside of texts a line break means nothing, and inside of them JSON has none.
        line.extend(call.body.iter().filter(|it| !matches!(it, b'\n' | b'\r')));
        if self.lines == LineKind::HeadersAndBody {
            line.push(b'}');
        }
        line.push(b'\n');
        line
    }
}

fn encode(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string()
}

/// Whether a name names a visible file in the directory and nothing else.
fn is_safe(name: &str) -> bool {
    let is_letter = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-' | b'_' | b'%');
    name.len() <= NAME_MAX
        && name.bytes().all(is_letter)
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
}

/// The name with a letter for each `${…}`: what of it is known before any message.
fn skeleton(text: &str) -> String {
    let letters = literal_letters(text).map(|(_, letter)| letter);
    letters.map(|letter| if letter == PLACEHOLDER { 'x' } else { letter }).collect()
}

/// Why a call did not succeed.
fn failure(class: Class, reason: String) -> CallError {
    CallError { class, status: None, reason, retry_after: None, suspicious: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_visible_file_of_the_directory_has_a_safe_name() {
        for name in ["arsip.ndjson", "a", "2026-01_x.y", "a%2Fb"] {
            assert!(is_safe(name), "{name}");
        }
        let long = "a".repeat(NAME_MAX + 1);
        for name in ["", ".", "..", ".a", "-rf", "a/b", "../a", "a b", "a\nb", "é", &long] {
            assert!(!is_safe(name), "{name}");
        }
        assert!(is_safe(&skeleton("naskah-${$.tahun | default('/')}.ndjson")));
        assert!(!is_safe(&skeleton("${$.a}/b")));
    }

    #[test]
    fn a_value_cannot_name_another_directory() {
        assert_eq!(encode("../etc/x y"), "..%2Fetc%2Fx%20y");
    }
}
