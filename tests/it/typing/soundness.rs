//! A route that passes `check` without a word never sends what its target's schema refuses: many
//! schemas, routes and documents are made up, and run by what runs them in the bus.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use serde_json::Value as Json;
use simpul::{
    cli::settings::load as load_all,
    diagnostic::{Code, Report, Severity},
    expr::{Budget, Known, Meta, Scope},
    message::{Arena, Headers, JsonWriter, Limits, MessageId, Timestamp, Value, parse},
    route::{Destination, Plan, Route, Variables},
    step::{Flow, Schema, Step},
    typing::Type,
};

use super::{
    KEY, WILAYAH,
    documents::document,
    random::Random,
    routes, schemas,
    values::{KNOWING, has, of},
    write,
};

/// Routes in one project: they are loaded at once.
const ROUTES: u64 = 60;

/// Documents that go through each route that passes.
const DOCUMENTS: usize = 25;

/// What became of everything.
#[derive(Debug, Default)]
struct Tally {
    routes: usize,
    passed: usize,
    documents: usize,
    sent: usize,
    /// Routes that are refused for what they may send, and how many of them did send such a thing.
    refused: usize,
    rightly: usize,
}

/// `SIMPUL_CASES` in place of these many projects looks further.
const PROJECTS: u64 = 30;

#[test]
fn a_route_that_passes_sends_nothing_that_its_target_refuses() {
    let projects = std::env::var("SIMPUL_CASES").ok().and_then(|it| it.parse().ok());
    let first = std::env::var("SIMPUL_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(1);
    let mut tally = Tally::default();
    for seed in first..first + projects.unwrap_or(PROJECTS) {
        project(seed, &mut tally);
    }
    // Otherwise the test shows nothing.
    assert!(tally.routes / 20 < tally.passed, "{tally:?}");
    assert!(tally.passed * 2 < tally.sent, "{tally:?}");
    // Without the check the same documents find most of what it refuses.
    assert!(tally.refused / 2 < tally.rightly, "{tally:?}");
}

fn project(seed: u64, tally: &mut Tally) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut random = Random::new(seed);
    let mut sources = BTreeMap::new();
    write(folder, "tables/wilayah.csv", WILAYAH);
    let (mut from, mut to) = (String::new(), String::new());
    for number in 0..ROUTES {
        let name = format!("r{number}");
        let source = schemas::body(&mut random);
        let made = routes::made(&mut random, &source);
        write(folder, &format!("schemas/{name}-dari.json"), &source.to_string());
        write(folder, &format!("schemas/{name}-ke.json"), &made.target.to_string());
        let _ = writeln!(
            from,
            "    {name}: {{ schema: schemas/{name}-dari.json, api_keys: {{ a: \"{KEY}\" }} }}"
        );
        let _ = writeln!(to, "    {name}: {{ schema: schemas/{name}-ke.json, post: /api }}");
        let head = format!("route: {name}\nsummary: A test.\nowner: TI\nfrom: asal.{name}\n");
        let text = made.text.replace("tujuan.terima", &format!("tujuan.{name}"));
        write(folder, &format!("routes/{name}.yaml"), &format!("{head}{text}"));
        sources.insert(name, source);
    }
    write(folder, "connectors/asal.yaml", &system("asal", &format!("  sources:\n{from}")));
    write(folder, "connectors/tujuan.yaml", &system("tujuan", &format!("  targets:\n{to}")));
    tally.routes += sources.len();
    let (plan, refused) = passing(folder);
    for (name, route) in &plan.routes {
        let source = &sources[&**name];
        tally.passed += 1;
        for _ in 0..DOCUMENTS {
            let document = document(&mut random, source, source);
            let target = plan.targets[&route.to[0].target].schema.clone().unwrap();
            let refused = sends(&plan, route, &target, &document, tally);
            assert_eq!(
                refused,
                None,
                "seed {seed}: {document} through\n{}\nfrom {source}\nto {}",
                std::fs::read_to_string(folder.join(format!("routes/{name}.yaml"))).unwrap(),
                std::fs::read_to_string(folder.join(format!("schemas/{name}-ke.json"))).unwrap(),
            );
        }
    }
    tally.refused += refused.len();
    tally.rightly += unchecked(folder, &refused, &sources);
}

/// Sends documents through the routes that were refused for what they may send, to a target that
/// says nothing, and holds what goes out against what it says.
fn unchecked(folder: &Path, refused: &[String], sources: &BTreeMap<String, Json>) -> usize {
    let aside = tempfile::tempdir().unwrap();
    let aside = aside.path();
    write(aside, "tables/wilayah.csv", WILAYAH);
    let (mut from, mut to) = (String::new(), String::new());
    for name in refused {
        let read = |path: String| std::fs::read_to_string(folder.join(path)).unwrap();
        let source = format!("schemas/{name}-dari.json");
        write(aside, &source, &read(source.clone()));
        write(aside, &format!("routes/{name}.yaml"), &read(format!("routes/{name}.refused")));
        let key = format!("api_keys: {{ a: \"{KEY}\" }}");
        let _ = writeln!(from, "    {name}: {{ schema: {source}, {key} }}");
        let _ = writeln!(to, "    {name}: {{ post: /api }}");
    }
    if refused.is_empty() {
        return 0;
    }
    write(aside, "connectors/asal.yaml", &system("asal", &format!("  sources:\n{from}")));
    write(aside, "connectors/tujuan.yaml", &system("tujuan", &format!("  targets:\n{to}")));
    let (_, loaded) = load_all(aside, &Variables::default()).map_err(|it| it.to_string()).unwrap();
    let mut random = Random::new(refused.len() as u64);
    let mut caught = 0;
    for (name, route) in &loaded.plan.routes {
        let text = std::fs::read_to_string(folder.join(format!("schemas/{name}-ke.json"))).unwrap();
        let target = Schema::compile(&text, &mut Report::default()).unwrap();
        let source = &sources[&**name];
        let is_caught = (0..DOCUMENTS * 4).any(|_| {
            let document = document(&mut random, source, source);
            sends(&loaded.plan, route, &target, &document, &mut Tally::default()).is_some()
        });
        caught += usize::from(is_caught);
    }
    caught
}

fn system(name: &str, rest: &str) -> String {
    format!(
        "system: {name}\nname: {name}\nowner: {{ unit: TI, contact: ti@kpu.example }}\n\
         classification: biasa\nhttp:\n  url: http://127.0.0.1:9\n{rest}"
    )
}

/// The routes of which nothing is said that touches what they send; and the names of those that
/// are refused for what they may send and for nothing else.
fn passing(folder: &Path) -> (Plan, Vec<String>) {
    let told = |found: &[simpul::diagnostic::Diagnostic]| {
        let mut told: BTreeMap<String, bool> = BTreeMap::new();
        for it in found {
            if it.severity == Severity::Error {
                assert!(it.file.starts_with("routes/"), "{it:?}");
            }
            // What may be nothing makes a bad message, which sends nothing.
            if it.code == Code::MayBeNothing {
                continue;
            }
            // A note names a source or a schema: all routes here have their own.
            let mut name = it.file.rsplit('/').next().unwrap_or_default().to_owned();
            if it.severity == Severity::Note && it.file.starts_with("connectors/") {
                name = it.message.english().split('`').nth(1).unwrap().replace("asal.", "");
            }
            let name = name.split(['.', '-']).next().unwrap_or_default().to_owned();
            let of_what_is_sent = matches!(it.code, Code::TargetField | Code::TargetValue);
            // A note or a warning beside it leaves it open what the route sends.
            *told.entry(name).or_insert(true) &= of_what_is_sent;
        }
        told
    };
    let before = match load_all(folder, &Variables::default()) {
        Ok((_, loaded)) => told(&loaded.found),
        Err(broken) => told(&broken.found),
    };
    for name in before.keys() {
        let path = |suffix: &str| folder.join(format!("routes/{name}.{suffix}"));
        let _ = std::fs::rename(path("yaml"), path("refused"));
    }
    let errors = before.into_iter().filter(|(_, only)| *only).map(|(name, _)| name);
    let (_, loaded) = load_all(folder, &Variables::default()).map_err(|it| it.to_string()).unwrap();
    (loaded.plan, errors.collect())
}

/// What the target's schema says against anything that the route sends of a document.
fn sends(
    plan: &Plan,
    route: &Route,
    target: &Schema,
    document: &Json,
    tally: &mut Tally,
) -> Option<String> {
    let arena = Arena::with_limit(1 << 24);
    let text = document.to_string();
    let body = parse(&arena, text.as_bytes(), &Limits::default()).unwrap();
    let source = plan.sources[&route.from].schema.as_ref().unwrap();
    if !source.violations(body, 1).is_empty() {
        return None;
    }
    tally.documents += 1;
    let headers = Headers::default();
    let id = MessageId::from_bytes([1; 16]);
    let received_at = Timestamp::from_millis(1_768_617_000_000);
    let meta = Meta { id, received_at, headers: &headers, hash_key: None };
    let budget = Budget::new(Budget::STEPS_MAX);
    let scope = Scope { arena: &arena, body, item: None, meta: &meta, budget: &budget };
    let mut parts = vec![body];
    // However much is known of the message, it is what is known of it.
    let mut known = vec![source.contract().emitted().clone()];
    known.extend(KNOWING.map(|it| of(body, it)));
    hold(&known, &parts, "the source");
    for named in &route.steps {
        let mut next = Vec::new();
        for body in parts {
            match named.step.apply(&Scope { body, ..scope }) {
                Ok(Flow::Next(body)) => next.push(body),
                Ok(Flow::Split(bodies)) => next.extend(bodies),
                Ok(Flow::Filtered) => {}
                // A bad message sends nothing.
                Err(_) => return None,
            }
        }
        parts = next;
        known = known.iter().filter_map(|it| infer(&*named.step, it)).collect();
        hold(&known, &parts, &named.place);
    }
    for destination in &route.to {
        for body in &parts {
            for sent in sent(destination, &Scope { body: *body, ..scope }) {
                tally.sent += 1;
                let known: Vec<_> = known.iter().filter_map(|it| made(destination, it)).collect();
                hold(&known, &[sent], "to");
                if let Some(violation) = target.violations(sent, 1).first() {
                    let sent = String::from_utf8(JsonWriter::to_vec(sent)).unwrap();
                    return Some(format!("{violation}: {sent}"));
                }
            }
        }
    }
    None
}

/// What is known behind a step; `None` where it was told that this never works.
fn infer(step: &dyn Step, known: &Type) -> Option<Type> {
    let mut report = Report::default();
    let behind = step.infer(known, &mut report);
    (!report.has_errors()).then_some(behind)
}

/// What is known of what is sent; `None` where it was told that this never works.
fn made(destination: &Destination, body: &Type) -> Option<Type> {
    let mut report = Report::default();
    let body = destination.when.as_ref().map_or_else(|| body.clone(), |it| it.narrow(body));
    let item = destination.each.as_ref().map(|each| {
        let array = each.infer(Known { body: &body, item: None }, &mut report).value;
        array.arrays().map(|it| it.each.clone()).unwrap_or_default()
    });
    let known = Known { body: &body, item: item.as_ref() };
    let made = destination.map.as_ref().map(|it| it.infer(known, &mut report));
    (!report.has_errors()).then(|| made.or(item).unwrap_or(body))
}

/// Holds bodies against what is known of them.
fn hold(known: &[Type], bodies: &[Value<'_>], place: &str) {
    for known in known {
        for body in bodies {
            assert!(has(known, *body), "{place}: {body:?}\n of which is known {known:#?}");
        }
    }
}

fn sent<'a>(destination: &Destination, scope: &Scope<'a>) -> Vec<Value<'a>> {
    if let Some(when) = &destination.when
        && !matches!(when.holds(scope), Ok(Some(true)))
    {
        return Vec::new();
    }
    let items: Vec<Option<Value<'a>>> = match &destination.each {
        None => vec![None],
        Some(each) => match each.eval(scope) {
            Ok(Some(Value::Array(items))) => items.iter().map(|it| Some(*it)).collect(),
            _ => Vec::new(),
        },
    };
    let make = |item: Option<Value<'a>>| match &destination.map {
        None => item.or(Some(scope.body)),
        Some(map) => map.apply(&Scope { item, ..*scope }).ok().flatten(),
    };
    items.into_iter().filter_map(make).collect()
}
