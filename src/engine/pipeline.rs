//! One message through one route: pure, so that a worker, a replay and a preview all do the same.

use std::collections::HashMap;

use bytes::Bytes;

pub(super) use super::routed::{Failed, Fated, Made, Out, Routed};
use super::{again, envelope, fetched, rehearsal::Watch, terms};
use crate::{
    crash,
    expr::{Budget, EvalError, Expr, Meta, Scope},
    ledger::Cause,
    message::{Arena, Digest, Endpoint, JsonWriter, Limits, Message, Value, parse},
    route::{Destination, Identity, OpenPlanTarget, Plan, Route, Unmatched},
    step::{DEEPENS_MAX, Flow, Rejected, SPLIT_MAX, Schema, Violation},
};

/// Memory that the work on one message may take, and bytes of the deliveries it may give rise to.
pub(super) const MEMORY_MAX: usize = 64 << 20;

/// Bytes of an identity or an order key as JSON text: more is no key but a document.
const KEY_MAX: usize = 64 << 10;

/// Arrays and objects inside each other that steps may make: as many as a body may have.
const DEPTH_MAX: usize = Limits::DEPTH_MAX;

/// Violations of a schema that a reason names.
pub(super) const VIOLATIONS_MAX: usize = 5;

/// What the pipeline needs beside the route.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    /// The generation of files: its targets.
    pub(super) plan: &'a Plan,
    /// The key of `hash`.
    pub(super) hash_key: Option<&'a [u8]>,
    /// What a body may be like.
    pub(super) limits: Limits,
    /// Who looks on.
    pub(super) watch: Option<&'a dyn Watch>,
}

/// A message that a step, `when` or `map` cannot deal with.
pub(super) fn bad(place: &str, reason: impl ToString) -> Cause {
    Cause { class: "bad message".into(), place: place.to_owned(), reason: reason.to_string() }
}

/// Takes one message through its route.
pub(super) fn run(setting: Setting<'_>, route: &Route, arena: &Arena, message: &Message) -> Routed {
    let mut routed = Routed::only(Fated::Out(Out::default()));
    if let Some(flaw) = envelope::flaw(&message.headers) {
        routed.fate = Fated::Dead(bad("body", flaw));
        return routed;
    }
    crash::poison(&message.body);
    let body = match parse(arena, &message.body, &setting.limits) {
        Ok(body) => body,
        Err(error) => {
            routed.fate = Fated::Dead(bad("body", error));
            return routed;
        }
    };
    let budget = Budget::new(Budget::STEPS_MAX);
    let meta = Meta {
        id: message.id,
        received_at: message.received_at,
        headers: &message.headers,
        hash_key: setting.hash_key,
    };
    let scope = Scope { arena, body, item: None, meta: &meta, budget: &budget };
    if let Some(watch) = setting.watch {
        watch.begins(&scope);
    }
    // Before anything can be wrong: what is dead is searched for most.
    routed.terms = terms::of(route, &scope);
    routed.fate = match fetched::check(setting, route, &scope) {
        Err(cause) => Fated::Dead(cause),
        Ok(()) => through(setting, route, &scope, &mut routed).unwrap_or_else(Fated::Dead),
    };
    routed
}

fn through(
    setting: Setting<'_>,
    route: &Route,
    scope: &Scope<'_>,
    routed: &mut Routed,
) -> Result<Fated, Cause> {
    if let Some(identity) = &route.identity {
        routed.identity = Some(identity_of(identity, scope)?);
    }
    if let Some(order_by) = &route.order_by {
        routed.order_key = Some(key_of("order_by", order_by, scope)?);
    }
    let parts = match steps(setting, route, scope)? {
        Ok(parts) => parts,
        Err(step) => return Ok(Fated::Filtered(step)),
    };
    let mut making = Making::of(setting, route, scope);
    for (index, destination) in route.to.iter().enumerate() {
        making.destination((index, destination), scope, &parts)?;
    }
    let mut out = making.out;
    if let Some(only_to) = envelope::only_to(scope.meta.headers) {
        again::keep_back(&mut out, &only_to);
    }
    if !out.made.is_empty() || !out.failed.is_empty() {
        return Ok(Fated::Out(out));
    }
    Ok(match route.unmatched {
        Unmatched::Filter => Fated::Filtered("to (no target took it)".to_owned()),
        Unmatched::Dead => Fated::Dead(Cause {
            class: "no target".into(),
            place: "to".to_owned(),
            reason: "every target skipped the message".to_owned(),
        }),
    })
}

fn identity_of(identity: &Identity, scope: &Scope<'_>) -> Result<Digest, Cause> {
    let mut parts = Vec::with_capacity(identity.key.len());
    for expression in &identity.key {
        parts.push(json_of("identity", expression, scope)?);
    }
    let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
    Ok(Digest::of(&parts))
}

fn key_of(place: &str, expression: &Expr, scope: &Scope<'_>) -> Result<Digest, Cause> {
    Ok(Digest::of(&[&json_of(place, expression, scope)?]))
}

fn json_of(place: &str, expression: &Expr, scope: &Scope<'_>) -> Result<Vec<u8>, Cause> {
    match expression.eval(scope) {
        Ok(Some(value)) => {
            JsonWriter::to_vec_within(value, KEY_MAX).map_err(|error| bad(place, error))
        }
        Ok(None) => Err(bad(place, format!("`{}` is nothing in this message", expression.text()))),
        Err(error) => Err(bad(place, error)),
    }
}

/// The bodies that come out of the steps; `Err` is the step that filtered the last of them.
fn steps<'a>(
    setting: Setting<'_>,
    route: &Route,
    scope: &Scope<'a>,
) -> Result<Result<Vec<Value<'a>>, String>, Cause> {
    let mut parts = vec![scope.body];
    let mut deepened = 0_usize;
    for (index, named) in route.steps.iter().enumerate() {
        deepened = deepened.saturating_add(named.step.deepens());
        let mut next = Vec::with_capacity(parts.len());
        for body in parts {
            let scope = Scope { body, ..*scope };
            let flow = named.step.apply(&scope);
            if let Some(watch) = setting.watch {
                watch.stepped(index, &scope, flow.as_ref());
            }
            match flow.map_err(|rejected: Rejected| bad(&named.place, rejected))? {
                Flow::Next(body) => next.push(body),
                Flow::Split(bodies) => next.extend(bodies),
                Flow::Filtered => {}
            }
            if DEEPENS_MAX < deepened && !next.iter().all(|it| is_shallow(*it, &scope, DEPTH_MAX)) {
                let reason = format!("nests values more than {DEPTH_MAX} levels deep");
                return Err(bad(&named.place, reason));
            }
            if SPLIT_MAX < next.len() {
                let reason = format!("makes more than {SPLIT_MAX} parts of one message");
                return Err(bad(&named.place, reason));
            }
        }
        if next.is_empty() {
            return Ok(Err(named.place.clone()));
        }
        parts = next;
    }
    Ok(Ok(parts))
}

/// Whether a body has at most so many arrays and objects inside each other. Takes steps: a part of
/// it may stand in it very often.
fn is_shallow(value: Value<'_>, scope: &Scope<'_>, depth: usize) -> bool {
    let inside = |it: Value<'_>| is_shallow(it, scope, depth.saturating_sub(1));
    scope.budget.take(1)
        && match value {
            Value::Array(items) => 0 < depth && items.iter().all(|it| inside(*it)),
            Value::Object(members) => 0 < depth && members.iter().all(|(_, it)| inside(*it)),
            _ => true,
        }
}

/// The deliveries of one message, as they are made.
struct Making<'s> {
    setting: Setting<'s>,
    route: &'s Route,
    id: crate::message::MessageId,
    out: Out,
    bytes: usize,
    count: usize,
    /// How many equal bodies went to a target before.
    equal: HashMap<(Endpoint, Digest), u64>,
}

impl<'s> Making<'s> {
    fn of(setting: Setting<'s>, route: &'s Route, scope: &Scope<'_>) -> Self {
        let out = Out::default();
        Self { setting, route, id: scope.meta.id, out, bytes: 0, count: 0, equal: HashMap::new() }
    }

    fn destination<'a>(
        &mut self,
        (index, destination): (usize, &Destination),
        scope: &Scope<'a>,
        parts: &[Value<'a>],
    ) -> Result<(), Cause> {
        let target = &destination.target;
        let Some(open) = self.setting.plan.targets.get(target) else {
            return Err(bad(&format!("to {target}"), "bug: the target is not in the plan"));
        };
        let mut ordinal = 0;
        for body in parts {
            let scope = Scope { body: *body, item: None, ..*scope };
            let items = items_of(destination, &scope);
            if let Some(watch) = self.setting.watch {
                watch.chose(index, &scope, items.as_ref().map(Vec::len));
            }
            let items = match items {
                Ok(items) => items,
                Err(cause) => {
                    self.fail(target, ordinal, cause);
                    self.bounded(target)?;
                    ordinal += 1;
                    continue;
                }
            };
            for item in items {
                let scope = Scope { item, ..scope };
                let made = make(destination, open, &scope);
                if let Some(watch) = self.setting.watch {
                    watch.made(index, &scope, made.as_ref());
                }
                match made {
                    Ok((body, parameters)) => self.made(target, ordinal, body, parameters),
                    Err(cause) => self.fail(target, ordinal, cause),
                }
                ordinal += 1;
                self.bounded(target)?;
            }
        }
        if ordinal == 0 {
            self.out.skipped.push(target.clone());
        }
        Ok(())
    }

    fn made(&mut self, target: &Endpoint, ordinal: u32, body: Vec<u8>, parameters: Vec<String>) {
        let digest = Digest::of(&[&body]);
        let equal = self.equal.entry((target.clone(), digest)).or_default();
        let key = Digest::of(&[
            self.id.as_bytes(),
            self.route.name.as_bytes(),
            target.to_string().as_bytes(),
            &digest.0,
            &equal.to_be_bytes(),
        ]);
        *equal += 1;
        self.count += 1;
        // What stands in an address or a header is kept with the delivery as its body is.
        self.bytes += body.len() + parameters.iter().map(String::len).sum::<usize>();
        let (target, body) = (target.clone(), Bytes::from(body));
        self.out.made.push(Made { target, ordinal, body, parameters, key });
    }

    fn fail(&mut self, target: &Endpoint, ordinal: u32, cause: Cause) {
        self.count += 1;
        self.bytes += cause.reason.len();
        self.out.failed.push(Failed { target: target.clone(), ordinal, cause });
    }

    fn bounded(&self, target: &Endpoint) -> Result<(), Cause> {
        let limit = if SPLIT_MAX < self.count {
            format!("{SPLIT_MAX} deliveries")
        } else if MEMORY_MAX < self.bytes {
            format!("{} MiB to deliver", MEMORY_MAX >> 20)
        } else {
            return Ok(());
        };
        Err(bad(&format!("to {target}"), format!("one message makes more than {limit}")))
    }
}

/// The items of `each`, or the one delivery without; none where `when` does not hold.
fn items_of<'a>(
    destination: &Destination,
    scope: &Scope<'a>,
) -> Result<Vec<Option<Value<'a>>>, Cause> {
    let place = |key: &str| format!("to {}: {key}", destination.target);
    if let Some(when) = &destination.when {
        match when.holds(scope) {
            Ok(Some(true)) => {}
            Ok(Some(false)) => return Ok(Vec::new()),
            Ok(None) => {
                let reason = format!("`{}` is nothing in this message", when.text());
                return Err(bad(&place("when"), reason));
            }
            Err(error) => return Err(bad(&place("when"), error)),
        }
    }
    let Some(each) = &destination.each else { return Ok(vec![None]) };
    match each.eval(scope) {
        Ok(Some(Value::Array(items))) => Ok(items.iter().map(|it| Some(*it)).collect()),
        Ok(None) => Ok(Vec::new()),
        Ok(Some(other)) => {
            let reason = format!("`{}` is no array but a {}", each.text(), other.kind());
            Err(bad(&place("each"), reason))
        }
        Err(error) => Err(bad(&place("each"), error)),
    }
}

fn make(
    destination: &Destination,
    open: &OpenPlanTarget,
    scope: &Scope<'_>,
) -> Result<Shaped, Cause> {
    let place = |key: &str| format!("to {}: {key}", destination.target);
    let shaped = match &destination.map {
        None => scope.item.or(Some(scope.body)),
        Some(map) => map.apply(scope).map_err(|rejected| bad(&place("map"), rejected))?,
    };
    let Some(shaped) = shaped else {
        return Err(bad(&place("map"), "the whole map is nothing in this message"));
    };
    if let Some(schema) = &open.schema {
        if !scope.budget.take(Schema::steps(shaped)) {
            return Err(bad(&place("schema"), Rejected::too_much()));
        }
        let violations = schema.violations(shaped, VIOLATIONS_MAX);
        if !violations.is_empty() {
            let reason = told(&violations);
            return Err(Cause { class: "refused".into(), place: place("schema"), reason });
        }
    }
    let mut parameters = Vec::with_capacity(open.open.parameters.len());
    for parameter in open.open.parameters.iter() {
        let text = parameter.template.eval(scope, parameter.encode);
        let text = text.map_err(|error: EvalError| bad(&place(&parameter.place), error))?;
        parameters.push(text);
    }
    // A value that is small in memory may be huge as text: a part of the body that stands in the
    // map many times is there once.
    let body = JsonWriter::to_vec_within(shaped, MEMORY_MAX);
    Ok((body.map_err(|error| bad(&place("map"), error))?, parameters))
}

/// The body of a delivery, and what the target's parameters yielded.
pub(super) type Shaped = (Vec<u8>, Vec<String>);

/// Violations in one line.
pub(super) fn told(violations: &[Violation]) -> String {
    let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
    lines.join("; ")
}
