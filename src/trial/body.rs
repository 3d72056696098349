//! Bodies that cases give: written in the file, shared by name, or in a file of their own; with
//! changes.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::{
    diagnostic::{
        Code, Entries, Located, Node, NodeKind, Report, Span, Style, Text, decode, nearest, text,
    },
    expr::{Budget, Meta, Scope},
    message::{Arena, Headers, JsonWriter, Limits, MessageId, Timestamp, Value, parse},
    route::{HASH_KEY, Project},
    step::{Context, Flow, Map, StepSpec},
};

use super::GivenSpec;

/// Memory that a body and what is made of it may take.
const MEMORY_MAX: usize = 64 << 20;

/// Reads the bodies of one file of tests.
pub(super) struct Bodies<'f> {
    /// The file of tests.
    pub(super) file: &'f str,
    /// Its bodies by name.
    pub(super) messages: &'f Entries<Node>,
    /// When a case begins.
    pub(super) now: Timestamp,
}

impl Bodies<'_> {
    /// The body of a message that comes.
    pub(super) fn given(
        &self,
        given: &GivenSpec,
        at: Span,
        project: &mut Project<'_>,
    ) -> Option<Bytes> {
        let base = self.base(given, at, project)?;
        let changes = [(&given.set, true), (&given.remove, false)];
        changes.into_iter().filter_map(|(node, sets)| Some((node.as_ref()?, sets))).try_fold(
            base,
            |body, (node, sets)| {
                let step = match sets {
                    true => StepSpec::Set(decode(node, &mut project.report)?),
                    false => StepSpec::Remove(decode(node, &mut project.report)?),
                };
                self.change(&body, &step, node.at, &mut project.report)
            },
        )
    }

    fn base(&self, given: &GivenSpec, at: Span, project: &mut Project<'_>) -> Option<Bytes> {
        match (&given.body, &given.message, &given.file) {
            (Some(node), None, None) => self.written(node, &mut project.report),
            (None, Some(name), None) => self.named(name, &mut project.report),
            (None, None, Some(path)) => self.in_file(path, project),
            _ => {
                let message = text!("it is not said what comes, or more than once");
                let found = project.report.error(at, Code::Case, message);
                found.help("write exactly one of `body:`, `message:` and `file:`");
                None
            }
        }
    }

    fn named(&self, name: &Located<String>, report: &mut Report) -> Option<Bytes> {
        let known = self.messages.iter().find(|(it, _)| it.value == name.value);
        if let Some((_, node)) = known {
            return self.written(node, report);
        }
        let message = text!("no message `{}`", &name.value);
        let names: Vec<_> = self.messages.iter().map(|(it, _)| it.value.as_str()).collect();
        let found = report.error(name.at, Code::UnknownName, message);
        match nearest(&name.value, names) {
            Some(near) => found.help(text!("did you mean `{}`?", near)),
            None => found.help("write it under `messages:` at the top of this file"),
        };
        None
    }

    fn in_file(&self, path: &Located<String>, project: &mut Project<'_>) -> Option<Bytes> {
        let outside = path.value.starts_with('/') || path.value.split('/').any(|it| it == "..");
        if outside || !project.has(&path.value) {
            let found = project.report.error(path.at, Code::File, "no such file of the project");
            found.help("write its path as from the project's directory: `samples/surat.json`");
            return None;
        }
        let text = project.text(&path.value);
        project.report.enter(self.file);
        Some(Bytes::from(text?.as_bytes().to_vec()))
    }

    /// A body that is written in the file.
    pub(super) fn written(&self, node: &Node, report: &mut Report) -> Option<Bytes> {
        if let NodeKind::Scalar(scalar) = &node.kind
            && scalar.style == Style::Block
        {
            return Some(Bytes::from(scalar.text.trim_end().to_owned()));
        }
        let shape = shape(node, report)?;
        self.with(b"null", node.at, report, |scope| {
            let made = shape.apply(scope).map_err(|it| text!("{}", &it))?;
            made.ok_or_else(|| text!("is nothing"))
        })
    }

    fn change(&self, body: &[u8], step: &StepSpec, at: Span, report: &mut Report) -> Option<Bytes> {
        let step = compiled(|context, report| step.compile(context, report), report)?;
        self.with(body, at, report, |scope| match step.apply(scope) {
            Ok(Flow::Next(body)) => Ok(body),
            Ok(_) => Err(text!("bug: not one body")),
            Err(rejected) => Err(text!("{}", &rejected)),
        })
    }

    /// What `make` makes of a body, as JSON text.
    fn with(
        &self,
        body: &[u8],
        at: Span,
        report: &mut Report,
        make: impl for<'a> FnOnce(&Scope<'a>) -> Result<Value<'a>, Text>,
    ) -> Option<Bytes> {
        let made = scoped(body, self.now, |scope| Ok(JsonWriter::to_vec(make(scope)?)));
        match made {
            Ok(json) => Some(json.into()),
            Err(why) => {
                report.error(at, Code::Case, text!("this body cannot be made: {}", why));
                None
            }
        }
    }
}

/// Works on a body as a route would, with nothing known of its message.
pub(super) fn scoped<T>(
    body: &[u8],
    now: Timestamp,
    work: impl FnOnce(&Scope<'_>) -> Result<T, Text>,
) -> Result<T, Text> {
    let arena = Arena::with_limit(MEMORY_MAX);
    let limits = Limits { depth: Limits::DEPTH_MAX };
    let body = parse(&arena, body, &limits).map_err(|error| text!("no JSON text: {}", &error))?;
    let headers = Headers::default();
    let id = MessageId::from_bytes([0; 16]);
    let hash_key = Some(HASH_KEY.as_bytes());
    let meta = Meta { id, received_at: now, headers: &headers, hash_key };
    let budget = Budget::new(Budget::STEPS_MAX);
    work(&Scope { arena: &arena, body, item: None, meta: &meta, budget: &budget })
}

/// A body as it is drawn; its expressions see the message that is given.
pub(super) fn shape(node: &Node, report: &mut Report) -> Option<Map> {
    let shape = compiled(|context, report| Map::compile(node, context, report), report)?;
    if let Some(at) = shape.item_at() {
        let found = report.error(at, Code::OutOfPlace, "`@` has no item here");
        found.help("write `$`, which is the message that is given");
        return None;
    }
    Some(shape)
}

fn compiled<T>(
    compile: impl FnOnce(&Context<'_>, &mut Report) -> Option<T>,
    report: &mut Report,
) -> Option<T> {
    let (tables, schemas) = (BTreeMap::new(), BTreeMap::new());
    compile(&Context { tables: &tables, schemas: &schemas }, report)
}
