//! What a system speaks: from flags, and from answers where flags say too little.

use std::path::Path;

use super::{
    Draft, ask, name,
    yaml::{in_braces, quoted, text},
};
use crate::{cli::CouldNot, connector::http::ApiKey};

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
    pub(super) fn complete(mut self, project: &Path) -> Result<Self, CouldNot> {
        let has_address = self.http.is_some() || self.amqp.is_some() || self.files.is_some();
        let has_endpoints = !self.sources.is_empty() || !self.targets.is_empty();
        let is_asked = !has_address && !has_endpoints;
        if is_asked {
            self.ask_way()?;
        }
        if self.targets.is_empty() {
            if self.http.is_some() {
                let (flag, what) = ("--target NAME='post /path'", "By which method and path");
                self.ask_target(flag, &format!("{what} (`post /api/surat`)"), call)?;
            } else if self.files.is_some() {
                let what = "Into which file of the directory (`surat.ndjson`)";
                self.ask_target("--target NAME=FILE", what, ask::anything)?;
            } else if self.amqp.is_some() && self.sources.is_empty() {
                self.ask_queues()?;
            }
        } else if self.amqp.is_none() && self.files.is_none() && self.http.is_none() {
            self.http = Some(address()?);
        }
        // Who gave flags has said what there is to say.
        if is_asked && self.schema.is_none() {
            self.ask_schema(project)?;
        }
        Ok(self)
    }

    fn ask_way(&mut self) -> Result<(), CouldNot> {
        const WAYS: [&str; 4] = ["sends", "http", "amqp", "files"];
        let question = "How does it exchange messages?\n  \
             sends: it calls simpul over HTTP\n  \
             http:  simpul calls it over HTTP\n  \
             amqp:  over queues of a RabbitMQ\n  \
             files: simpul appends to files that it reads\n\
             Which of them";
        let way = ask::required(None, FLAGS, question, |it| ask::one_of(it, &WAYS))?;
        match way.as_str() {
            "http" => self.http = Some(address()?),
            "amqp" => {
                let question = "At which address is the RabbitMQ (`${env:RABBITMQ_URL}`)";
                self.amqp = Some(ask::required(None, "--amqp", question, ask::anything)?);
            }
            "files" => {
                let question = "In which directory are the files (`agenda`)";
                self.files = Some(ask::required(None, "--files", question, ask::anything)?);
            }
            _ => {
                let question = "What does it send, as a name (`surat`)";
                self.sources.push(ask::required(None, "--source", question, name)?);
            }
        }
        Ok(())
    }

    fn ask_target(
        &mut self,
        flag: &str,
        question: &str,
        read: impl Fn(String) -> Result<String, CouldNot>,
    ) -> Result<(), CouldNot> {
        let named = ask::required(None, flag, "What does it take, as a name (`catat`)", name)?;
        let what = ask::required(None, flag, question, read)?;
        self.targets.push(format!("{named}={what}"));
        Ok(())
    }

    fn ask_queues(&mut self) -> Result<(), CouldNot> {
        let question = "What does it send, as a name (`surat`)";
        if let Some(source) = ask::optional(None, question, name)? {
            let question = "In which queue does that stand";
            let queue = ask::required(None, "--source NAME=QUEUE", question, ask::anything)?;
            self.sources.push(format!("{source}={queue}"));
            return Ok(());
        }
        let flag = "--target NAME=QUEUE";
        self.ask_target(flag, "From which queue does it take that", ask::anything)
    }

    fn ask_schema(&mut self, project: &Path) -> Result<(), CouldNot> {
        let known = schemas(project);
        if known.is_empty() {
            return Ok(());
        }
        let question = format!("Which schema describes that: {}", known.join(", "));
        let known: Vec<_> = known.iter().map(String::as_str).collect();
        self.schema = ask::optional(None, &question, |it| ask::one_of(it, &known))?;
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
            draft.next.push(format!(
                "the key of {system} for POST /v1/{system}/{source}; it is not shown again:\n  {key}"
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

fn address() -> Result<String, CouldNot> {
    let read = |it: String| match it.starts_with("http://") || it.starts_with("https://") {
        true => Ok(it),
        false if it.starts_with("${") => Ok(it),
        false => {
            Err(CouldNot(format!("`{}`: write `https://…`, or `${{env:NAME}}`", it.escape_debug())))
        }
    };
    ask::required(None, "--http", "At which address is it called (`https://…`)", read)
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
