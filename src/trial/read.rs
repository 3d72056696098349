//! Files of tests into cases, with everything that is wrong with them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    AnswerSpec, AnswerWord, Case, CaseSpec, Given, GivenSpec, Suite, TestFile,
    body::Bodies,
    expect,
    script::{Reply, Says},
};
use crate::{
    connector::Class,
    diagnostic::{Code, Located, Node, NodeKind, Report, Span, decode, nearest, text},
    message::{Endpoint, Headers, Timestamp},
    route::{Plan, Project, Route},
};

/// What the files of tests end with.
const SUFFIX: &str = ".test.yaml";

/// Where they are.
const FOLDER: &str = "routes";

/// When a case begins, unless its file says otherwise: 2026-01-15T08:00:00+07:00.
pub(super) const NOW: Timestamp = Timestamp::from_millis(1_768_438_800_000);

/// How often one message may come.
const TIMES_MAX: u64 = 1_000;

/// Messages of a case.
const MESSAGES_MAX: usize = 10_000;

/// Reads all files of tests of a project, adding everything wrong with them to its report.
pub fn read(project: &mut Project<'_>, plan: &Plan) -> Vec<Suite> {
    let paths = project.list(FOLDER, SUFFIX, false);
    paths.iter().filter_map(|path| suite(path, project, plan)).collect()
}

fn suite(path: &str, project: &mut Project<'_>, plan: &Plan) -> Option<Suite> {
    let node = project.unfilled(path)?;
    let stem = path.strip_prefix(FOLDER).unwrap_or(path).trim_start_matches('/');
    let stem = stem.strip_suffix(SUFFIX).unwrap_or(stem);
    let Some(route) = plan.routes.get(stem) else {
        let message = text!("tests of a route `{}`, which is not there", stem);
        let found = project.report.error(Span::START, Code::TestOfNothing, message);
        match nearest(stem, plan.routes.keys().map(|it| &**it)) {
            Some(near) => {
                let near = format!("{FOLDER}/{near}{SUFFIX}");
                found.help(text!("did you mean `{}`?", &near))
            }
            None => {
                let path = format!("{FOLDER}/{stem}.yaml");
                found.help(text!("write the route, `{}`, or remove them", &path))
            }
        };
        return None;
    };
    let file = decode::<TestFile>(&node, &mut project.report)?;
    let reading = Reading { path, file: &file, now: now(&file, &mut project.report), route, plan };
    if file.cases.value.is_empty() {
        let found = project.report.error(file.cases.at, Code::Missing, "no case");
        found.help("write at least one, `name: { given: …, expect: … }`");
    }
    let cases = file.cases.value.iter();
    let cases = cases.filter_map(|(name, spec)| reading.case(name, spec, project));
    let cases = cases.collect();
    let unreachable = file.unreachable.iter();
    let unreachable = unreachable.map(|(it, why)| (it.clone(), why.value.clone())).collect();
    Some(Suite { route: Arc::clone(&route.name), file: path.into(), cases, unreachable })
}

fn now(file: &TestFile, report: &mut Report) -> Timestamp {
    let Some(text) = &file.now else { return NOW };
    Timestamp::parse(&text.value).unwrap_or_else(|| {
        let found = report.error(text.at, Code::WrongKind, "not a moment");
        found.help("write it as RFC 3339 has it: `2026-01-15T08:00:00+07:00`");
        NOW
    })
}

/// What the cases of a file are read with.
pub(super) struct Reading<'f> {
    path: &'f str,
    file: &'f TestFile,
    now: Timestamp,
    pub(super) route: &'f Route,
    plan: &'f Plan,
}

impl Reading<'_> {
    fn case(
        &self,
        name: &Located<String>,
        spec: &CaseSpec,
        project: &mut Project<'_>,
    ) -> Option<Case> {
        let given = self.given(&spec.given, project);
        let report = &mut project.report;
        let mut scripts = BTreeMap::new();
        for (target, node) in spec.targets.iter() {
            if let Some(target) = self.target(target, report) {
                let script = self.script(&target, node, report);
                scripts.insert(target, script);
            }
        }
        let tables = self.file.tables.iter().chain(spec.tables.iter());
        let tables = tables.map(|(name, text)| {
            (format!("tables/{}.csv", name.value), text.value.as_bytes().to_vec())
        });
        let count = given.as_ref().map_or(0, Vec::len);
        let expect = expect::read(self, &spec.expect, count, report);
        Some(Case {
            name: name.value.clone(),
            at: name.at,
            now: self.now,
            given: given?,
            scripts,
            tables: tables.collect(),
            expect: expect?,
        })
    }

    /// A target of the route.
    pub(super) fn target(&self, name: &Located<String>, report: &mut Report) -> Option<Endpoint> {
        let known = self.route.to.iter().find(|it| it.target.to_string() == name.value);
        if let Some(known) = known {
            return Some(known.target.clone());
        }
        let message = text!("`{}` is no target of this route", &name.value);
        let found = report.error(name.at, Code::UnknownName, message);
        let names: Vec<_> = self.route.to.iter().map(|it| it.target.to_string()).collect();
        match nearest(&name.value, names.iter().map(String::as_str)) {
            Some(near) => found.help(text!("did you mean `{}`?", near)),
            None => found.help(text!("it has `{}`", &names.join("`, `"))),
        };
        None
    }

    fn given(&self, node: &Node, project: &mut Project<'_>) -> Option<Vec<Given>> {
        let nodes = match &node.kind {
            NodeKind::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut all = Vec::new();
        let mut is_whole = true;
        for one in nodes {
            match self.message(one, project) {
                Some(messages) => all.extend(messages),
                None => is_whole = false,
            }
        }
        if is_whole && (all.is_empty() || MESSAGES_MAX < all.len()) {
            let message = text!("a case of {} messages", &all.len());
            let found = project.report.error(node.at, Code::Case, message);
            found.help(text!("give it at least one, and at most {}", &MESSAGES_MAX));
        }
        is_whole.then_some(all)
    }

    fn message(&self, node: &Node, project: &mut Project<'_>) -> Option<Vec<Given>> {
        let spec: GivenSpec = decode(node, &mut project.report)?;
        let bodies = Bodies { file: self.path, messages: &self.file.messages, now: self.now };
        let body = bodies.given(&spec, node.at, project);
        let times = spec.times.as_ref().map_or(1, |it| it.value);
        if let Some(said) = spec.times.as_ref().filter(|it| !(1..=TIMES_MAX).contains(&it.value)) {
            let found = project.report.error(said.at, Code::WrongKind, "a number out of range");
            found.help(text!("write one from 1 to {}", &TIMES_MAX));
            return None;
        }
        let headers = spec.headers.iter().map(|(name, value)| (&name.value, value.value.as_str()));
        let given = Given {
            body: body?,
            headers: headers.collect::<Headers>(),
            key: spec.key.as_ref().map(|it| it.value.clone()),
            after: spec.after.as_ref().map_or(Duration::ZERO, |it| it.value.0),
        };
        let count = usize::try_from(times).unwrap_or(usize::MAX);
        let again = Given { after: Duration::ZERO, ..given.clone() };
        Some(std::iter::once(given).chain(std::iter::repeat_n(again, count - 1)).collect())
    }

    fn script(&self, target: &Endpoint, node: &Node, report: &mut Report) -> Vec<Reply> {
        let nodes = match &node.kind {
            NodeKind::List(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if nodes.is_empty() {
            let found = report.error(node.at, Code::Missing, "a script without an answer");
            found.help("write what the target answers: `[503, 503, 200]`");
        }
        nodes.iter().filter_map(|it| self.reply(target, it, report)).collect()
    }

    fn reply(&self, target: &Endpoint, node: &Node, report: &mut Report) -> Option<Reply> {
        let spec = match &node.kind {
            NodeKind::Scalar(scalar) if scalar.text.starts_with(|it: char| it.is_ascii_digit()) => {
                let status = decode::<Located<u16>>(node, report)?;
                AnswerSpec { status: Some(status), is: None, retry_after: None, after: None }
            }
            NodeKind::Scalar(_) => {
                let word = decode::<Located<AnswerWord>>(node, report)?;
                AnswerSpec { status: None, is: Some(word), retry_after: None, after: None }
            }
            _ => decode::<AnswerSpec>(node, report)?,
        };
        let pause = spec.retry_after.map(|it| it.value.0);
        let after = spec.after.map_or(Duration::ZERO, |it| it.value.0);
        let says = match (spec.status, spec.is) {
            (Some(status), None) => self.status(target, &status, pause, report)?,
            (None, Some(word)) => match word.value {
                AnswerWord::Delivered => Says::Taken,
                AnswerWord::Unavailable => Says::Class(Class::Unavailable, pause),
                AnswerWord::Misconfigured => Says::Class(Class::Misconfigured, pause),
                AnswerWord::Refused => Says::Class(Class::Refused, pause),
                AnswerWord::Timeout => Says::Timeout,
            },
            _ => {
                let found = report.error(node.at, Code::Case, "an answer without a meaning");
                found.help("write exactly one of `status: 503` and `is: unavailable`");
                return None;
            }
        };
        Some(Reply { after, says })
    }

    fn status(
        &self,
        target: &Endpoint,
        status: &Located<u16>,
        pause: Option<Duration>,
        report: &mut Report,
    ) -> Option<Says> {
        let played = self.plan.targets.get(target).map(|it| &it.open.target);
        if played.is_some_and(|it| it.judge(200, None).is_none()) {
            let message = text!("answers of `{}` have no status", target);
            let found = report.error(status.at, Code::Case, message);
            found.label("it is not called over HTTP");
            found.help("write `delivered`, `unavailable`, `misconfigured`, `refused` or `timeout`");
            return None;
        }
        if !(200..600).contains(&status.value) {
            let message = text!("no status `{}`", &status.value);
            report.error(status.at, Code::WrongKind, message).help("write one from 200 to 599");
            return None;
        }
        Some(Says::Status(status.value, pause))
    }
}
