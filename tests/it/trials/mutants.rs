//! How much the shipped tests see: every shipped route is spoilt in hundreds of ways, one at a time,
//! and `check` or a case must notice.
//!
//! A mutant is *meaningful* if its files cannot be used, if it accepts, orders or tries again by other
//! rules, or if it makes something else of some message that the source's schema admits. The
//! messages are those of the cases, each with one value changed, taken out or of another type:
//! thousands for each route. What differs on none of them is not held against the tests.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use bytes::Bytes;
use serde_json::Value as Json;
use simpul::{
    cli::settings::Settings,
    diagnostic::Report,
    engine::{Rehearsal, Rehearsed},
    message::{Arena, Headers, Limits, Message, MessageId, Timestamp, parse},
    route::{self, HASH_KEY, Plan, Project, Route, Variables},
    trial::{Case, Stage, Suite, judge, read},
};

use super::spoil::{Mutant, essence, mutants};

/// Of the meaningful mutants so many in a hundred must be found.
const FOUND_MIN: usize = 95;

/// Messages that a mutant is tried with before it is taken for the same route.
const MESSAGES_MAX: usize = 1_500;

/// How a mutant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Checked,
    Tested,
    Missed,
    /// Nothing differs.
    Same,
}

#[test]
#[expect(clippy::print_stderr, reason = "says what was tried, and what was missed")]
fn of_the_meaningful_ways_to_spoil_a_shipped_route_nearly_all_are_noticed() {
    let (plan, suites) = load(&BTreeMap::new()).unwrap();
    let (mut found, mut meaningful) = (0, 0);
    for suite in &suites {
        let path = format!("routes/{}.yaml", suite.route);
        let text = std::fs::read_to_string(&path).unwrap();
        let mutants = mutants(&text);
        let ends = try_all(&plan, suite, &path, &mutants);
        let count = |end: End| ends.iter().filter(|it| **it == end).count();
        let (checked, tested) = (count(End::Checked), count(End::Tested));
        let (missed, same) = (count(End::Missed), count(End::Same));
        eprintln!(
            "{}: {} mutants, {same} of them the same route; {checked} found by check, {tested} by \
             test, {missed} missed",
            suite.route,
            mutants.len()
        );
        for (mutant, _) in mutants.iter().zip(&ends).filter(|(_, end)| **end == End::Missed) {
            eprintln!("  missed: {}", mutant.what);
        }
        // A run that spoils hardly anything shows nothing.
        assert!(100 <= mutants.len() - same, "{path}");
        found += checked + tested;
        meaningful += checked + tested + missed;
    }
    let percent = found as f64 * 100.0 / meaningful as f64;
    eprintln!("{found} of {meaningful} meaningful mutants are found: {percent:.1} %");
    assert!(FOUND_MIN * meaningful <= found * 100, "{percent:.1} %");
}

/// Everything, with the text of a route changed.
fn load(instead: &BTreeMap<String, Vec<u8>>) -> Option<(Plan, Vec<Suite>)> {
    let variables = Variables::stand_ins();
    let directory = Path::new(".");
    let project = || Project::new(directory, &variables).with(instead.clone());
    let mut files = project();
    let settings = Settings::read(directory, &mut files);
    let given = settings.given();
    let plan = route::load(files, &given).ok()?.plan;
    let mut tests = project();
    let suites = read(&mut tests, &plan);
    let (suites, ..) = tests.finish(Some(suites)).ok()?;
    Some((plan, suites))
}

fn try_all(plan: &Plan, suite: &Suite, path: &str, mutants: &[Mutant]) -> Vec<End> {
    let route = Arc::clone(&plan.routes[&suite.route]);
    let messages = messages(plan, &route, suite);
    let trying = Trying {
        made: messages.iter().map(|it| made(plan, &route, it)).collect(),
        messages,
        order: by_cost(plan, &route, suite),
        essence: essence(&std::fs::read_to_string(path).unwrap()),
        rules: rules(&route),
        suite,
        path,
    };
    let next = AtomicUsize::new(0);
    let ends = Mutex::new(vec![End::Same; mutants.len()]);
    let work = || {
        let stage = Stage::set(Limits::default(), 1 << 20).unwrap();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(mutant) = mutants.get(index) else { return };
            let end = trying.one(&stage, mutant);
            ends.lock().unwrap()[index] = end;
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    ends.into_inner().unwrap()
}

/// The route that is spoilt, as it is.
struct Trying<'s> {
    suite: &'s Suite,
    path: &'s str,
    /// The numbers of the cases, the quickest first.
    order: Vec<usize>,
    essence: Option<String>,
    rules: String,
    messages: Vec<Bytes>,
    /// What it makes of them.
    made: Vec<String>,
}

impl Trying<'_> {
    fn one(&self, stage: &Stage, mutant: &Mutant) -> End {
        let instead = [(self.path.to_owned(), mutant.text.clone().into_bytes())].into();
        let Some((plan, _)) = load(&instead) else { return End::Checked };
        let Some(route) = plan.routes.get(&self.suite.route) else { return End::Checked };
        if essence(&mutant.text) == self.essence {
            return End::Same;
        }
        let fails = |it: &usize| fails(stage, &plan, route, &self.suite.cases[*it]);
        if self.order.iter().any(fails) {
            return End::Tested;
        }
        let is_same = |(it, before): (&Bytes, &String)| made(&plan, route, it) == *before;
        let same = rules(route) == self.rules && self.messages.iter().zip(&self.made).all(is_same);
        if same { End::Same } else { End::Missed }
    }
}

fn fails(stage: &Stage, plan: &Plan, route: &Arc<Route>, case: &Case) -> bool {
    stage.play(plan, route, case).map_or(true, |seen| !judge(case, &seen).is_empty())
}

/// The cases of a suite, the quickest first.
fn by_cost(plan: &Plan, route: &Arc<Route>, suite: &Suite) -> Vec<usize> {
    let stage = Stage::set(Limits::default(), 1 << 20).unwrap();
    let cost = |index: usize| {
        let began = Instant::now();
        assert!(!fails(&stage, plan, route, &suite.cases[index]), "{}", suite.cases[index].name);
        (began.elapsed(), index)
    };
    let mut costs: Vec<_> = (0..suite.cases.len()).map(cost).collect();
    costs.sort();
    costs.into_iter().map(|(_, index)| index).collect()
}

/// By what rules a route accepts, orders and tries again.
fn rules(route: &Route) -> String {
    let identity = route.identity.as_ref().map(|it| {
        let key: Vec<_> = it.key.iter().map(|it| it.text().to_owned()).collect();
        (key, it.ignore_body, it.window)
    });
    let order = route.order_by.as_ref().map(|it| it.text().to_owned());
    let to: Vec<_> = route
        .to
        .iter()
        .map(|it| (it.target.to_string(), it.retry, it.on_exhausted, it.ttl, it.answers.clone()))
        .collect();
    format!("{} {identity:?} {order:?} {:?} {to:?}", route.from, route.unmatched)
}

/// What a route makes of a message.
fn made(plan: &Plan, route: &Route, body: &Bytes) -> String {
    let rehearsal = Rehearsal {
        plan,
        hash_key: Some(HASH_KEY.as_bytes()),
        limits: Limits::default(),
        watch: None,
    };
    let message = Message {
        id: MessageId::from_bytes([7; 16]),
        received_at: Timestamp::from_millis(1_768_438_800_000),
        headers: Headers::default(),
        body: body.clone(),
    };
    match rehearsal.of(route, &message, "uji") {
        Rehearsed::Filtered(step) => format!("filtered by {step}"),
        Rehearsed::Dead(cause) => format!("dead, {} {}", cause.class, cause.place),
        Rehearsed::Out(planned, skipped) => {
            let planned = planned.iter().map(|it| match &it.made {
                Ok(sending) => format!("{} {:?}", it.target, (&sending.body, &sending.parameters)),
                Err(cause) => format!("{} dead, {}", it.target, cause.class),
            });
            format!("{:?} skipped {skipped:?}", planned.collect::<Vec<_>>())
        }
    }
}

/// The messages of the cases, each also with one value changed, that the source's schema admits.
fn messages(plan: &Plan, route: &Route, suite: &Suite) -> Vec<Bytes> {
    let mut all: Vec<Bytes> = Vec::new();
    let bodies = suite.cases.iter().flat_map(|it| it.bodies());
    let bodies: Vec<Json> = bodies.filter_map(|it| serde_json::from_slice(it).ok()).collect();
    for body in &bodies {
        let mut variants = vec![body.clone()];
        vary(body, &mut Vec::new(), &mut |path, value| {
            let mut varied = body.clone();
            if put(&mut varied, path, value) {
                variants.push(varied);
            }
        });
        all.extend(variants.iter().map(|it| Bytes::from(serde_json::to_vec(it).unwrap())));
    }
    all.sort();
    all.dedup();
    let schema = plan.sources[&route.from].schema.clone();
    let admits = |body: &Bytes| {
        let arena = Arena::with_limit(1 << 20);
        let Ok(value) = parse(&arena, body, &Limits::default()) else { return false };
        schema.as_ref().is_none_or(|it| it.violations(value, 1).is_empty())
    };
    all.retain(admits);
    let step = all.len().div_ceil(MESSAGES_MAX).max(1);
    all.into_iter().step_by(step).collect()
}

/// Every value in a body, and others in its place; `None` takes it out.
fn vary(value: &Json, path: &mut Vec<String>, with: &mut impl FnMut(&[String], Option<Json>)) {
    if !path.is_empty() {
        let others: Vec<Json> = match value {
            Json::Number(number) => {
                let number = number.as_i64().unwrap_or_default();
                vec![(number + 1).into(), (number - 1).into(), Json::Null, "x".into()]
            }
            Json::String(text) => vec![format!("{text}x").into(), "".into(), Json::Null, 7.into()],
            Json::Bool(truth) => vec![(!truth).into(), Json::Null],
            Json::Null => vec!["x".into(), 1.into(), true.into()],
            Json::Array(items) => {
                vec![Json::Array(items[..items.len().min(1)].to_vec()), Json::Null]
            }
            Json::Object(_) => vec![Json::Null],
        };
        with(path, None);
        others.into_iter().for_each(|it| with(path, Some(it)));
    }
    let inner: Vec<(String, &Json)> = match value {
        Json::Object(members) => members.iter().map(|(name, it)| (name.clone(), it)).collect(),
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, it)| (index.to_string(), it)).collect()
        }
        _ => Vec::new(),
    };
    for (name, inner) in inner {
        path.push(name);
        vary(inner, path, with);
        path.pop();
    }
}

fn put(body: &mut Json, path: &[String], value: Option<Json>) -> bool {
    let (Some((last, before)), true) = (path.split_last(), !path.is_empty()) else { return false };
    let pointer: String = before.iter().map(|it| format!("/{it}")).collect();
    match (body.pointer_mut(&pointer), value) {
        (Some(Json::Object(members)), Some(value)) => {
            members.insert(last.clone(), value);
        }
        (Some(Json::Object(members)), None) => drop(members.remove(last)),
        (Some(Json::Array(items)), Some(value)) => items[last.parse::<usize>().unwrap()] = value,
        (Some(Json::Array(items)), None) => drop(items.remove(last.parse().unwrap())),
        _ => return false,
    }
    true
}

#[test]
fn what_is_not_spoilt_is_the_same_route() {
    let (plan, suites) = load(&BTreeMap::new()).unwrap();
    for suite in &suites {
        let path = format!("routes/{}.yaml", suite.route);
        let text = std::fs::read_to_string(&path).unwrap();
        let again = super::spoil::written(&text, &mut Report::default());
        let (other, _) = load(&[(path, again.into_bytes())].into()).unwrap();
        let (left, right) = (&plan.routes[&suite.route], &other.routes[&suite.route]);
        assert_eq!(rules(left), rules(right));
        for message in messages(&plan, left, suite).iter().step_by(20) {
            assert_eq!(made(&plan, left, message), made(&other, right, message));
        }
    }
}
