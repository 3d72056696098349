//! Route files into the routes of a plan.

use std::{collections::BTreeMap, time::Duration};

use super::{
    bodies,
    check::{self, Role},
    file::{DestinationSpec, IdentityBody, IdentitySpec, RouteFile},
    plan::{Destination, Identity, NamedStep, OnExhausted, RetryPolicy, Route, Search},
    retry,
    systems::{Outside, Systems, hash_help},
};
use crate::{
    connector::AnswerClass,
    diagnostic::{
        Code, Located, Node, NodeKind, Report, Span, Text, decode, text, units::DurationText,
    },
    expr::{Expr, Known},
    message::{Digest, Endpoint},
    step::{Context, Map, Reference, StepSpec, expression},
    typing::{PERSONAL, Type},
};

/// How long a message is remembered by its identity, unless the route says otherwise.
pub(super) const WINDOW: Duration = Duration::from_hours(7 * 24);

/// The longest: each remembered message takes a row in the store.
const WINDOW_MAX: Duration = Duration::from_hours(365 * 24);

/// The shortest time to live: in less a message hardly gets anywhere.
const TTL_MIN: Duration = Duration::from_secs(1);

/// The longest: as long as a delivery may be tried.
const TTL_MAX: Duration = Duration::from_hours(365 * 24);

/// Things that one route lets operators search for.
const SEARCHED_MAX: usize = 8;

/// What a route may refer to.
pub(super) struct World<'a> {
    pub(super) context: Context<'a>,
    pub(super) systems: &'a Systems,
    pub(super) outside: Outside<'a>,
    /// The digest of each table and schema, by its path.
    pub(super) digests: &'a BTreeMap<String, Digest>,
    /// Tables that are there and wrong; what refers to them is not at fault.
    pub(super) broken_tables: &'a [String],
}

/// Compiles a route file, adding everything wrong with it to `report`.
pub(super) fn compile(
    file: &RouteFile,
    (stem, text): (&str, &str),
    world: &World<'_>,
    report: &mut Report,
) -> Option<Route> {
    check::name(&file.route, text!("route"), report);
    metadata(file, report);
    let from = world.systems.declared.find(&file.from, Role::Source, report);
    let identity = optional(file.identity.as_ref(), |it| world.identity(it, report));
    let order_by = optional(file.order_by.as_ref(), |it| world.of_message(it, report));
    let search = world.search(file, from.as_ref(), report);
    let steps = world.steps(&file.steps, report);
    // Here for what is wrong with it; each target lays it over what its system says.
    retry::policy(file.retry.as_ref(), RetryPolicy::STANDARD, world.outside.retry, report);
    ttl(file.ttl.as_ref(), report);
    promise(file.deliver_within.as_ref(), file.ttl.as_ref().map(|it| it.value.0), report);
    if let (None, Some(said)) = (&file.order_by, &file.on_exhausted) {
        no_order(said, report);
    }
    let (bodies, retention) = bodies::bodies(file, world.outside.body_keys, report);
    let to = world.destinations(file, report);
    let digest = world.digest(text, to.as_deref().unwrap_or_default());
    Some(Route {
        name: stem.into(),
        summary: file.summary.as_ref().map(|it| it.value.clone()).unwrap_or_default(),
        from: from?,
        identity: identity?,
        order_by: order_by?,
        search,
        bodies,
        retention,
        steps: steps?,
        to: to?,
        unmatched: file.unmatched.unwrap_or_default(),
        digest,
    })
}

/// What is absent is right; what is there must compile.
fn optional<T, U>(it: Option<T>, compile: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match it {
        None => Some(None),
        Some(it) => compile(it).map(Some),
    }
}

/// What the file should say although nothing hangs on it.
fn metadata(file: &RouteFile, report: &mut Report) {
    let mut missing = |is: bool, key: &str, why: Text| {
        if is {
            let found = report.warn(file.route.at, Code::Missing, text!("`{}` is missing", key));
            found.label(why).help(text!("write `{}:` and its value into this file", key));
        }
    };
    missing(file.summary.is_none(), "summary", text!("nobody knows what this route is for"));
    missing(file.owner.is_none(), "owner", text!("nobody knows whom to ask about this route"));
}

impl World<'_> {
    fn of_message(&self, text: &Located<String>, report: &mut Report) -> Option<Expr> {
        let compiled = expression(text, &self.context, report)?;
        if compiled.uses_item() {
            let why = text!("`@` is the item of `each`, and known in `map` alone");
            no_item(text.at, why, report);
            return None;
        }
        self.may_hash(compiled.uses_hash(), text.at, report);
        Some(compiled)
    }

    /// What is searched for; one that is wrong is left out.
    fn search(
        &self,
        file: &RouteFile,
        from: Option<&Endpoint>,
        report: &mut Report,
    ) -> Vec<Search> {
        if file.search.is_empty() {
            return Vec::new();
        }
        let schema = from.and_then(|it| self.systems.sources.get(it)?.schema.as_ref());
        let sent = schema.map_or_else(Type::anything, |it| it.contract().emitted().clone());
        if let Some((_, more)) = file.search.iter().nth(SEARCHED_MAX) {
            let found = report.error(more.at, Code::WrongKind, "too many things to search for");
            found.help(text!(
                "name at most {}: each costs a row for each message",
                &SEARCHED_MAX.to_string()
            ));
        }
        let compiled = file.search.iter().filter_map(|(name, text)| {
            let expression = self.of_message(text, report)?;
            let known = Known { body: &sent, item: None };
            // What is wrong with it is told where the whole route is held against its ends.
            let value = expression.infer(known, &mut Report::default());
            let is_personal = value.value.all_marks() & PERSONAL != 0;
            if is_personal && !self.outside.hash_key {
                let message =
                    text!("`{}` is about a person, and there is no key to hide it", &name.value);
                let found = report.error(text.at, Code::OutOfPlace, message);
                found.label("only a keyed digest of it is stored").help(hash_help());
            }
            Some(Search { name: name.value.as_str().into(), expression, is_personal })
        });
        compiled.collect()
    }

    fn may_hash(&self, uses_hash: bool, at: Span, report: &mut Report) {
        if uses_hash && !self.outside.hash_key {
            let found = report.error(at, Code::OutOfPlace, "`hash` is used and has no key");
            found.help(hash_help());
        }
    }

    fn identity(&self, node: &Node, report: &mut Report) -> Option<Identity> {
        let NodeKind::Map(_) = &node.kind else {
            let key = self.key(node, report)?;
            return Some(Identity { key, ignore_body: false, window: WINDOW });
        };
        let spec: IdentitySpec = decode(node, report)?;
        if let Some(window) = &spec.window
            && !(Duration::from_secs(1)..=WINDOW_MAX).contains(&window.value.0)
        {
            let found = report.error(window.at, Code::WrongKind, "a window out of range");
            found.help("write at least `1s` and at most `365d`");
        }
        Some(Identity {
            key: self.key(&spec.key, report)?,
            ignore_body: spec.body == IdentityBody::Ignore,
            window: spec.window.map_or(WINDOW, |it| it.value.0),
        })
    }

    /// One expression, or a list of them.
    fn key(&self, node: &Node, report: &mut Report) -> Option<Vec<Expr>> {
        let Located { value: texts, at } = match &node.kind {
            NodeKind::List(_) => decode::<Located<Vec<Located<String>>>>(node, report)?,
            _ => Located { value: vec![decode::<Located<String>>(node, report)?], at: node.at },
        };
        if texts.is_empty() {
            let found = report.error(at, Code::Missing, "an identity of nothing");
            found.help("write the expressions that tell one message from another: `[$.nomor]`");
            return None;
        }
        let compiled: Vec<_> = texts.iter().map(|it| self.of_message(it, report)).collect();
        compiled.into_iter().collect()
    }

    fn steps(&self, specs: &[Located<StepSpec>], report: &mut Report) -> Option<Vec<NamedStep>> {
        let mut steps = Vec::with_capacity(specs.len());
        for (index, Located { value: spec, at }) in specs.iter().enumerate() {
            if self.refers_to_broken(spec) {
                continue;
            }
            if let Some(step) = spec.compile(&self.context, report) {
                self.may_hash(step.uses_hash(), *at, report);
                steps.push(NamedStep { place: format!("steps[{index}] {}", spec.name()), step });
            }
        }
        (steps.len() == specs.len()).then_some(steps)
    }

    fn refers_to_broken(&self, spec: &StepSpec) -> bool {
        match spec.refers_to() {
            Some(Reference::Table(name)) => self.broken_tables.contains(&name.value),
            Some(Reference::Schema(path)) => self.outside.schemas.broken.contains(&path.value),
            None => false,
        }
    }

    fn destinations(&self, file: &RouteFile, report: &mut Report) -> Option<Vec<Destination>> {
        if file.to.value.is_empty() {
            let found = report.error(file.to.at, Code::Missing, "a route without a target");
            found.help("write `to:` and under it `- target: system.target`");
        }
        let mut to: Vec<Destination> = Vec::new();
        for spec in &file.to.value {
            let Some(destination) = self.destination(spec, file, report) else { continue };
            if to.iter().any(|it| it.target == destination.target) {
                // Each has one queue in a route, and one place in the ledger for each message.
                let message = text!("`{}` is a target of this route twice", &destination.target);
                let found = report.error(spec.target.at, Code::Duplicate, message);
                found.help("put both into one, or one of them into a route of its own");
            }
            to.push(destination);
        }
        // A list that grew has room for four, and each is large.
        to.shrink_to_fit();
        (to.len() == file.to.value.len()).then_some(to)
    }

    fn destination(
        &self,
        spec: &DestinationSpec,
        file: &RouteFile,
        report: &mut Report,
    ) -> Option<Destination> {
        let target = self.systems.declared.find(&spec.target, Role::Target, report);
        let when = optional(spec.when.as_ref(), |it| self.of_message(it, report));
        let each = optional(spec.each.as_ref(), |it| self.of_message(it, report));
        let map = optional(spec.map.as_ref(), |it| Map::compile(it, &self.context, report));
        if let Some(Some(map)) = &map {
            if let (None, Some(at)) = (&spec.each, map.item_at()) {
                let why = text!("`@` is the item of `each`, which this target has not");
                no_item(at, why, report);
            }
            let at = spec.map.as_ref().map_or(spec.target.at, |it| it.at);
            self.may_hash(map.uses_hash(), at, report);
        }
        self.parameters(spec, target.as_ref(), report);
        let retry = self.retry(spec, file.retry.as_ref(), target.as_ref(), report);
        let on_exhausted = exhausted(spec, file, report);
        let ttl = ttl(spec.ttl.as_ref(), report).or(file.ttl.as_ref().map(|it| it.value.0));
        if let (Some(ttl), Some(written)) = (ttl, spec.retry.as_ref().or(file.retry.as_ref())) {
            retry::outlives(written, &retry, ttl, report);
        }
        let deliver_within = promise(spec.deliver_within.as_ref(), ttl, report)
            .or(file.deliver_within.as_ref().map(|it| it.value.0));
        let answers = answers(spec, report);
        let (target, when, each, map) = (target?, when?, each?, map?);
        Some(Destination {
            target,
            when,
            each,
            map,
            retry,
            on_exhausted,
            ttl,
            deliver_within,
            answers,
        })
    }

    /// A target that wants `@` for its path or headers needs an `each`.
    fn parameters(&self, spec: &DestinationSpec, target: Option<&Endpoint>, report: &mut Report) {
        let open = target.and_then(|it| self.systems.targets.get(it));
        let parameters = open.map_or(&[][..], |it| &it.open.parameters);
        let of_item = parameters.iter().find(|it| it.template.uses_item());
        if let (None, Some(parameter)) = (&spec.each, of_item) {
            let message = text!("the {} of `{}` uses `@`", parameter.words(), &spec.target.value);
            let found = report.error(spec.target.at, Code::OutOfPlace, message);
            found.label("`@` is the item of `each`, which this target has not");
            found.help("write `each:` here, or `$` in the system file");
        }
    }

    /// The target's policy over the route's over the system's.
    fn retry(
        &self,
        spec: &DestinationSpec,
        of_route: Option<&Node>,
        target: Option<&Endpoint>,
        report: &mut Report,
    ) -> RetryPolicy {
        let of_system = target.and_then(|it| self.systems.retry.get(&it.system).copied());
        let named = self.outside.retry;
        let standard = named.get("standard").copied().unwrap_or(RetryPolicy::STANDARD);
        let base = of_system.unwrap_or(standard);
        // What is wrong with the route's was told once.
        let base = retry::policy(of_route, base, named, &mut Report::default());
        retry::policy(spec.retry.as_ref(), base, named, report)
    }

    /// Changes with the text of the route, with the tables and schemas that it mentions, and with
    /// the retry policies that it has by name.
    fn digest(&self, text: &str, to: &[Destination]) -> Digest {
        let policies: Vec<_> = to.iter().map(|it| format!("{:?}", it.retry)).collect();
        let mut parts: Vec<&[u8]> = vec![text.as_bytes()];
        parts.extend(policies.iter().map(String::as_bytes));
        // An expression names a table as a literal text, so what is not mentioned is not used.
        for (path, digest) in self.digests {
            let name = match path.strip_prefix("tables/") {
                Some(table) => check::stem(table, ".csv"),
                None => path,
            };
            if text.contains(name) {
                parts.push(path.as_bytes());
                parts.push(&digest.0);
            }
        }
        Digest::of(&parts)
    }
}

fn no_item(at: Span, why: Text, report: &mut Report) {
    let found = report.error(at, Code::OutOfPlace, "`@` has no item here");
    found.label(why).help("write `$`, which is the body of the message");
}

/// What the target says over what the route says; nothing, where there is no order.
fn exhausted(spec: &DestinationSpec, file: &RouteFile, report: &mut Report) -> Option<OnExhausted> {
    if file.order_by.is_some() {
        let said = spec.on_exhausted.as_ref().or(file.on_exhausted.as_ref());
        return Some(said.map(|it| it.value).unwrap_or_default());
    }
    if let Some(said) = &spec.on_exhausted {
        no_order(said, report);
    }
    None
}

fn no_order(said: &Located<OnExhausted>, report: &mut Report) {
    let message = text!("`on_exhausted` in a route without `order_by`");
    let found = report.error(said.at, Code::OutOfPlace, message);
    found.label("nothing waits behind a delivery here");
    found.help("write `order_by:` with the key within which order is kept, or leave this out");
}

fn ttl(said: Option<&Located<DurationText>>, report: &mut Report) -> Option<Duration> {
    let said = said?;
    if !(TTL_MIN..=TTL_MAX).contains(&said.value.0) {
        let found = report.error(said.at, Code::WrongKind, "a time to live out of range");
        found.help("write at least `1s` and at most `365d`");
    }
    Some(said.value.0)
}

/// Within which time a message is to be delivered, of which `ttl` must leave something.
fn promise(
    said: Option<&Located<DurationText>>,
    ttl: Option<Duration>,
    report: &mut Report,
) -> Option<Duration> {
    let said = said?;
    if !(TTL_MIN..=TTL_MAX).contains(&said.value.0) {
        let found = report.error(said.at, Code::WrongKind, "a promise out of range");
        found.help("write at least `1s` and at most `365d`");
    } else if let Some(ttl) = ttl.filter(|it| *it <= said.value.0) {
        let ttl = DurationText(ttl);
        let message = text!("promised within `{}`, and expired after `{}`", &said.value, &ttl);
        let found = report.warn(said.at, Code::WrongKind, message);
        found.help("write a shorter `deliver_within`, so that somebody hears of it in time");
    }
    Some(said.value.0)
}

fn answers(spec: &DestinationSpec, report: &mut Report) -> BTreeMap<u16, AnswerClass> {
    for (status, _) in spec.answers.iter().filter(|(it, _)| !(300..600).contains(&it.value)) {
        let message = text!("no status `{}`", &status.value);
        let found = report.error(status.at, Code::WrongKind, message);
        found.help("write one from 300 to 599; what is 2xx always is delivered");
    }
    spec.answers.iter().map(|(status, class)| (status.value, *class)).collect()
}
