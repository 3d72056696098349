//! One message through a route, step by step: what came in, what each expression came to, and what
//! would be sent where, or why nothing.

use std::cell::RefCell;

use bytes::Bytes;
use serde::Serialize;

use super::read::NOW;
use crate::{
    connector::Call,
    engine::{Planned, Rehearsal, Rehearsed, Watch},
    expr::{Expr, Scope},
    ledger::Cause,
    message::{Headers, JsonWriter, Limits, Message, MessageId, Value},
    route::{Destination, HASH_KEY, Plan, Route},
    step::{Flow, Part, Rejected},
};

/// Letters of a value that are shown.
const SHOWN_MAX: usize = 400;

/// Violations of the source's schema that are shown.
const VIOLATIONS_MAX: usize = 10;

/// What is to be explained.
pub struct Explaining<'a> {
    /// The files.
    pub plan: &'a Plan,
    /// The route.
    pub route: &'a Route,
    /// What a body may be like.
    pub limits: Limits,
    /// The body.
    pub body: Bytes,
    /// What came beside it.
    pub headers: Headers,
}

/// One message, explained.
#[derive(Debug, Default, Serialize)]
pub struct Explained {
    /// The route.
    pub route: String,
    /// Its source.
    pub from: String,
    /// Why its sender would be refused, so that it would not come in at all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// What `identity` and `order_by` came to.
    pub keys: Vec<Shown>,
    /// The steps, in the order in which they were taken.
    pub steps: Vec<Step>,
    /// What became of the message: `routed`, `filtered`, `dead`.
    pub outcome: String,
    /// Where and why it ended, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The targets.
    pub to: Vec<To>,
}

/// An expression and what it came to.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// What it is for.
    pub name: String,
    /// As it is written.
    pub expression: String,
    /// The value as JSON text; nothing where there is nothing.
    pub value: Option<String>,
    /// Why there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A step and what it did.
#[derive(Debug, Serialize)]
pub struct Step {
    /// `steps[0] filter`.
    pub place: String,
    /// What its expressions came to.
    pub parts: Vec<Shown>,
    /// `goes on`, `filtered`, `3 parts`, `dead`.
    pub outcome: String,
    /// Why it is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The body before, and the body after, where it goes on as one.
    pub before: String,
    /// See `before`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// A target and what it would be sent.
#[derive(Debug, Default, Serialize)]
pub struct To {
    /// `system.target`.
    pub target: String,
    /// What `when` and `each` came to, for each part of the message.
    pub chosen: Vec<Shown>,
    /// What would be sent.
    pub sent: Vec<Sent>,
    /// Whether nothing is.
    pub skipped: bool,
}

/// A delivery.
#[derive(Debug, Default, Serialize)]
pub struct Sent {
    /// What each field of `map` came to.
    pub fields: Vec<Shown>,
    /// Where within the target's system: `PUT /api/tps/1301`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Its headers.
    #[serde(skip_serializing_if = "Headers::is_empty")]
    pub headers: Headers,
    /// Its body, as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Why it is dead before it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead: Option<String>,
}

/// Explains what a route makes of a message. Nothing is sent, and no secret is known here.
pub fn explain(what: &Explaining<'_>) -> Explained {
    let Explaining { plan, route, limits, body, headers } = what;
    let noting = Noting {
        route,
        steps: RefCell::default(),
        keys: RefCell::default(),
        to: RefCell::default(),
    };
    let hash_key = Some(HASH_KEY.as_bytes());
    let rehearsal = Rehearsal { plan, hash_key, limits: *limits, watch: Some(&noting) };
    let (headers, body) = (headers.clone(), body.clone());
    let id = MessageId::from_bytes(EXAMPLE_ID);
    let message = Message { id, received_at: NOW, headers, body };
    let came = rehearsal.of(route, &message, &format!("{}/explain", route.from));
    let mut explained = Explained {
        route: route.name.to_string(),
        from: route.from.to_string(),
        refused: refused(what),
        keys: noting.keys.into_inner(),
        steps: noting.steps.into_inner(),
        ..Explained::default()
    };
    let planned = match came {
        Rehearsed::Filtered(step) => {
            explained.outcome = "filtered".to_owned();
            explained.reason = Some(step);
            return explained;
        }
        Rehearsed::Dead(cause) => {
            explained.outcome = "dead".to_owned();
            explained.reason = Some(why(&cause));
            Vec::new()
        }
        Rehearsed::Out(planned, _) => {
            explained.outcome = "routed".to_owned();
            planned
        }
    };
    let mut noted: Vec<To> = noting.to.into_inner();
    for (to, destination) in noted.iter_mut().zip(&route.to) {
        send(plan, destination, to, &planned);
    }
    explained.to = noted;
    explained
}

/// The id of the message that is explained: made up, as each message gets its own.
const EXAMPLE_ID: [u8; 16] = [1, 0x9b, 0xc3, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, 1];

/// Why the door of the source would not take it.
fn refused(what: &Explaining<'_>) -> Vec<String> {
    let Some(source) = what.plan.sources.get(&what.route.from) else { return Vec::new() };
    let Some(schema) = source.schema.as_ref().filter(|_| source.source.pull.is_none()) else {
        return Vec::new();
    };
    let arena = crate::message::Arena::with_limit(64 << 20);
    match crate::message::parse(&arena, &what.body, &what.limits) {
        Ok(body) => {
            let violations = schema.violations(body, VIOLATIONS_MAX);
            violations.iter().map(ToString::to_string).collect()
        }
        Err(error) => vec![error.to_string()],
    }
}

/// Adds what is sent to a target, and how.
fn send(plan: &Plan, destination: &Destination, to: &mut To, planned: &[Planned]) {
    let mut ours: Vec<_> = planned.iter().filter(|it| it.target == destination.target).collect();
    ours.sort_by_key(|it| it.ordinal);
    to.skipped = ours.is_empty();
    to.sent.resize_with(to.sent.len().max(ours.len()), Sent::default);
    for (sent, planned) in to.sent.iter_mut().zip(ours) {
        let sending = match &planned.made {
            Ok(sending) => sending,
            Err(cause) => {
                sent.dead = Some(why(cause));
                continue;
            }
        };
        let call = Call {
            body: sending.body.clone(),
            parameters: sending.parameters.clone(),
            headers: sending.headers.clone(),
        };
        let Some(target) = plan.targets.get(&destination.target) else { continue };
        match target.open.target.draft(&call) {
            Ok(draft) => {
                sent.request = Some(draft.line);
                sent.headers = draft.headers;
                sent.body = draft.body.map(|it| String::from_utf8_lossy(&it).into_owned());
            }
            Err(error) => sent.dead = Some(error.to_string()),
        }
    }
}

fn why(cause: &Cause) -> String {
    match cause.place.as_str() {
        "" => format!("{}: {}", cause.class, cause.reason),
        place => format!("{}: {place}: {}", cause.class, cause.reason),
    }
}

/// Notes what a message goes through.
struct Noting<'r> {
    route: &'r Route,
    keys: RefCell<Vec<Shown>>,
    steps: RefCell<Vec<Step>>,
    to: RefCell<Vec<To>>,
}

impl Watch for Noting<'_> {
    fn begins(&self, scope: &Scope<'_>) {
        let mut keys = self.keys.borrow_mut();
        let identity = self.route.identity.iter().flat_map(|it| &it.key);
        keys.extend(identity.map(|it| evaluated("identity", it, scope)));
        keys.extend(self.route.order_by.iter().map(|it| evaluated("order_by", it, scope)));
        let targets = self.route.to.iter().map(|it| it.target.to_string());
        let to = targets.map(|target| To { target, ..To::default() });
        *self.to.borrow_mut() = to.collect();
    }

    fn stepped(&self, index: usize, scope: &Scope<'_>, came: Result<&Flow<'_>, &Rejected>) {
        let Some(named) = self.route.steps.get(index) else { return };
        let parts = named.step.parts(scope).into_iter().map(shown).collect();
        let (outcome, after, reason) = match came {
            Ok(Flow::Next(body)) => ("goes on".to_owned(), Some(json(*body)), None),
            Ok(Flow::Split(bodies)) => (format!("{} parts", bodies.len()), None, None),
            Ok(Flow::Filtered) => ("filtered".to_owned(), None, None),
            Err(rejected) => ("dead".to_owned(), None, Some(rejected.to_string())),
        };
        let (place, before) = (named.place.clone(), json(scope.body));
        self.steps.borrow_mut().push(Step { place, parts, outcome, reason, before, after });
    }

    fn chose(&self, index: usize, scope: &Scope<'_>, _came: Result<usize, &Cause>) {
        let (Some(destination), mut all) = (self.route.to.get(index), self.to.borrow_mut()) else {
            return;
        };
        let Some(to) = all.get_mut(index) else { return };
        let holds = destination.when.as_ref().is_none_or(|it| it.holds(scope) == Ok(Some(true)));
        to.chosen.extend(destination.when.iter().map(|it| evaluated("when", it, scope)));
        let each = destination.each.iter().filter(|_| holds);
        to.chosen.extend(each.map(|it| evaluated("each", it, scope)));
    }

    fn made(
        &self,
        index: usize,
        scope: &Scope<'_>,
        _came: Result<&(Vec<u8>, Vec<String>), &Cause>,
    ) {
        let (Some(destination), mut all) = (self.route.to.get(index), self.to.borrow_mut()) else {
            return;
        };
        let Some(to) = all.get_mut(index) else { return };
        let parts = destination.map.iter().flat_map(|it| it.parts(scope));
        let fields = parts.map(shown).collect();
        to.sent.push(Sent { fields, ..Sent::default() });
    }
}

fn evaluated(name: &str, expression: &Expr, scope: &Scope<'_>) -> Shown {
    let came = expression.eval(scope).map_err(|error| error.to_string());
    shown(Part { name: name.to_owned(), text: expression.text().to_owned(), came })
}

fn shown(part: Part<'_>) -> Shown {
    let Part { name, text, came } = part;
    let expression = text.trim().to_owned();
    let (value, error) = match came {
        Ok(value) => (value.map(json).map(cut), None),
        Err(error) => (None, Some(error)),
    };
    Shown { name, expression, value, error }
}

fn json(value: Value<'_>) -> String {
    String::from_utf8_lossy(&JsonWriter::to_vec(value)).into_owned()
}

fn cut(text: String) -> String {
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    text.chars().take(SHOWN_MAX).chain(['…']).collect()
}
