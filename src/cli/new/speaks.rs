//! What a system speaks: from flags, and from answers where flags say too little.

use std::path::Path;

use super::{
    Draft, ask, name,
    yaml::{in_braces, quoted, text},
};
use crate::{
    cli::CouldNot,
    connector::http::ApiKey,
    diagnostic::{Language, Text, text},
};

/// The address, directory and endpoints of a system.
pub(super) struct Speaks {
    pub(super) http: Option<String>,
    pub(super) amqp: Option<String>,
    pub(super) files: Option<String>,
    /// `NAME`, for AMQP `NAME=QUEUE`.
    pub(super) sources: Vec<String>,
    /// `NAME=WHAT`.
    pub(super) targets: Vec<String>,
    /// The path of the schema of its one endpoint.
    pub(super) schema: Option<String>,
}

const FLAGS: &str = "--source, --target, --amqp, --files or --openapi";

impl Speaks {
    /// Asks for what is missing, where somebody can be asked.
    pub(super) fn complete(mut self, project: &Path, language: Language) -> Result<Self, CouldNot> {
        let has_address = self.http.is_some() || self.amqp.is_some() || self.files.is_some();
        let has_endpoints = !self.sources.is_empty() || !self.targets.is_empty();
        let is_asked = !has_address && !has_endpoints;
        if is_asked {
            self.ask_way(language)?;
        }
        if self.targets.is_empty() {
            if self.http.is_some() {
                let question = text!("By which method and path (`post /api/surat`)");
                self.ask_target("--target NAME='post /path'", (&question, language), call)?;
            } else if self.files.is_some() {
                let question = text!("Into which file of the directory (`surat.ndjson`)");
                self.ask_target("--target NAME=FILE", (&question, language), ask::anything)?;
            } else if self.amqp.is_some() && self.sources.is_empty() {
                self.ask_queues(language)?;
            }
        } else if self.amqp.is_none() && self.files.is_none() && self.http.is_none() {
            self.http = Some(address(language)?);
        }
        // Who gave flags has said what there is to say.
        if is_asked && self.schema.is_none() {
            self.ask_schema(project, language)?;
        }
        Ok(self)
    }

    fn ask_way(&mut self, language: Language) -> Result<(), CouldNot> {
        const WAYS: [&str; 4] = ["sends", "http", "amqp", "files"];
        let ask = |flag: &str, question: &Text| {
            ask::required(None, flag, (question, language), ask::anything)
        };
        let question = text!(
            "How does it exchange messages?\n  sends: it calls simpul over HTTP\n  http:  simpul calls it over HTTP\n  amqp:  over queues of a RabbitMQ\n  files: simpul appends to files that it reads\nWhich of them"
        );
        let read = |it| ask::one_of(it, &WAYS);
        match ask::required(None, FLAGS, (&question, language), read)?.as_str() {
            "http" => self.http = Some(address(language)?),
            "amqp" => {
                let question = text!("At which address is the RabbitMQ");
                self.amqp = Some(ask("--amqp", &question)?);
            }
            "files" => {
                let question = text!("In which directory are the files");
                self.files = Some(ask("--files", &question)?);
            }
            _ => {
                let question = text!("What does it send (a name)");
                let source = ask::required(None, "--source", (&question, language), name)?;
                self.sources.push(source);
            }
        }
        Ok(())
    }

    fn ask_target(
        &mut self,
        flag: &str,
        (question, language): (&Text, Language),
        read: impl Fn(String) -> Result<String, CouldNot>,
    ) -> Result<(), CouldNot> {
        let first = text!("What does it take (a name)");
        let named = ask::required(None, flag, (&first, language), name)?;
        let what = ask::required(None, flag, (question, language), read)?;
        self.targets.push(format!("{named}={what}"));
        Ok(())
    }

    fn ask_queues(&mut self, language: Language) -> Result<(), CouldNot> {
        let question = (text!("What does it send (a name)"), language);
        if let Some(source) = ask::optional(None, question, name)? {
            let question = text!("In which queue does that stand");
            let flag = "--source NAME=QUEUE";
            let queue = ask::required(None, flag, (&question, language), ask::anything)?;
            self.sources.push(format!("{source}={queue}"));
            return Ok(());
        }
        let question = text!("From which queue does it take that");
        self.ask_target("--target NAME=QUEUE", (&question, language), ask::anything)
    }

    fn ask_schema(&mut self, project: &Path, language: Language) -> Result<(), CouldNot> {
        let known = schemas(project);
        if known.is_empty() {
            return Ok(());
        }
        let question = text!("Which schema describes that: {}", &known.join(", "));
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        self.schema = ask::optional(None, (question, language), |it| ask::one_of(it, &known))?;
        Ok(())
    }

    /// The lines of the system file from `http:` and the like on.
    pub(super) fn lines(
        &self,
        system: &str,
        draft: &mut Draft<'_>,
    ) -> Result<Vec<String>, CouldNot> {
        let targets = pairs(&self.targets, "--target", "NAME=WHAT")?;
        if self.schema.is_some() && 1 != self.sources.len() + targets.len() {
            let reason = "`--schema` is that of one source or target; with more of them, write \
                          `schema:` into the file at each";
            return Err(CouldNot(reason.to_owned()));
        }
        if let Some(path) = &self.files {
            let mut lines = vec!["files:".to_owned(), format!("  path: {}", text(path))];
            lines.extend(self.endpoints("targets", "file", &targets));
            return Ok(lines);
        }
        if let Some(url) = &self.amqp {
            let sources = pairs(&self.sources, "--source", "NAME=QUEUE")?;
            let mut lines = vec!["amqp:".to_owned(), format!("  url: {}", text(url))];
            lines.extend(self.endpoints("targets", "queue", &targets));
            lines.extend(self.endpoints("sources", "queue", &sources));
            return Ok(lines);
        }
        let mut lines = vec!["http:".to_owned()];
        if let Some(url) = &self.http {
            lines.push(format!("  url: {}", text(url)));
            lines.push("  targets:".to_owned());
        }
        for (name, given) in &targets {
            let wrong =
                || CouldNot(format!("`--target {name}={given}`: write `{name}=post /path`"));
            let (method, path) = given.split_once(' ').ok_or_else(wrong)?;
            let (method, path) = (method.to_lowercase(), in_braces(path.trim()));
            lines.push(format!("    {name}: {{ {method}: {path}{} }}", self.of_schema()));
        }
        if !self.sources.is_empty() {
            lines.push("  sources:".to_owned());
        }
        for source in &self.sources {
            let source = name(source.clone())?;
            let (key, hash) = ApiKey::generate()
                .map_err(|error| CouldNot(format!("the system gives no randomness: {error}")))?;
            lines.push(format!("    {source}:"));
            lines.extend(self.schema.iter().map(|it| format!("      schema: {}", text(it))));
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

    fn endpoints(&self, key: &str, what: &str, named: &[(String, String)]) -> Vec<String> {
        let of_schema = self.of_schema();
        let line = |(name, it): &(String, String)| {
            format!("    {name}: {{ {what}: {}{of_schema} }}", in_braces(it))
        };
        let head = (!named.is_empty()).then(|| format!("  {key}:"));
        head.into_iter().chain(named.iter().map(line)).collect()
    }

    fn of_schema(&self) -> String {
        let schema = self.schema.as_ref();
        schema.map(|it| format!(", schema: {}", in_braces(it))).unwrap_or_default()
    }
}

fn address(language: Language) -> Result<String, CouldNot> {
    let read = |it: String| match it.starts_with("http://") || it.starts_with("https://") {
        true => Ok(it),
        false if it.starts_with("${") => Ok(it),
        false => {
            Err(CouldNot(format!("`{}`: write `https://…`, or `${{env:NAME}}`", it.escape_debug())))
        }
    };
    let question = text!("At which address is it called");
    ask::required(None, "--http", (&question, language), read)
}

/// A method and a path.
fn call(text: String) -> Result<String, CouldNot> {
    const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
    let is_call = text.split_once(' ').is_some_and(|(method, path)| {
        METHODS.contains(&method.to_lowercase().as_str()) && path.trim().starts_with('/')
    });
    match is_call {
        true => Ok(text),
        false => Err(CouldNot(format!("`{}`: write `post /path`", text.escape_debug()))),
    }
}

/// The schemas of a project.
fn schemas(project: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(project.join("schemas"));
    let names = entries.into_iter().flatten().flatten();
    let names = names.filter_map(|it| it.file_name().into_string().ok());
    let mut paths: Vec<_> =
        names.filter(|it| it.ends_with(".json")).map(|it| format!("schemas/{it}")).collect();
    paths.sort();
    paths
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
