//! What can be known from the files alone of where messages go after they left: into a queue that a
//! source reads, or into a source of this bus. From it follow routes that feed each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use super::{file::SystemFile, plan::Plan};
use crate::{
    diagnostic::{Code, Report, Severity, Span, text},
    message::Endpoint,
};

/// Where the target of each route stands in its file.
pub(super) type Places = BTreeMap<String, Vec<(Endpoint, Span)>>;

/// Where targets lead, and where sources read.
#[derive(Debug, Default)]
pub(super) struct Flow {
    outlets: BTreeMap<Endpoint, Outlet>,
    inlets: Vec<(Endpoint, Inlet)>,
}

/// Where a target leads.
#[derive(Debug)]
enum Outlet {
    /// To a queue of a RabbitMQ.
    Queue { broker: String, queue: String },
    /// To an exchange, with a routing key that no message changes.
    Exchange { broker: String, exchange: String, key: String },
    /// To a source of a bus on this machine: `/v1/system/source`.
    Bus(Endpoint),
}

/// What a source reads, beside what is handed over to it.
#[derive(Debug)]
struct Inlet {
    broker: String,
    queue: String,
    /// The exchanges that the queue is bound to, and with what pattern.
    bound: Vec<(String, String)>,
}

impl Flow {
    /// Takes over what a system file says.
    pub(super) fn add(&mut self, system: &str, file: &SystemFile) {
        let endpoint = |name: &str| Endpoint::parse(&format!("{system}.{name}"));
        if let Some(amqp) = &file.amqp {
            let broker = broker(amqp.url.value.reveal());
            for (name, spec) in amqp.targets.iter() {
                let outlet = match (&spec.queue, &spec.exchange, &spec.routing_key) {
                    (Some(queue), ..) => {
                        Outlet::Queue { broker: broker.clone(), queue: queue.value.clone() }
                    }
                    (_, Some(_), Some(key)) if key.value.contains("${") => continue,
                    (_, Some(exchange), key) => Outlet::Exchange {
                        broker: broker.clone(),
                        exchange: exchange.value.clone(),
                        key: key.as_ref().map(|it| it.value.clone()).unwrap_or_default(),
                    },
                    _ => continue,
                };
                self.outlets.extend(endpoint(&name.value).map(|it| (it, outlet)));
            }
            for (name, spec) in amqp.sources.iter() {
                let bound = spec.bind.iter().map(|it| {
                    let pattern = it.routing_key.as_ref().map(|it| it.value.clone());
                    (it.exchange.value.clone(), pattern.unwrap_or_default())
                });
                let (broker, queue) = (broker.clone(), spec.queue.value.clone());
                let inlet = Inlet { broker, queue, bound: bound.collect() };
                self.inlets.extend(endpoint(&name.value).map(|it| (it, inlet)));
            }
        }
        if let Some(http) = &file.http {
            let base = http.url.as_ref().map_or("", |it| it.value.reveal());
            for (name, spec) in http.targets.iter() {
                let path = spec.post.as_ref().map_or("", |it| it.value.as_str());
                let into = bus_on_this_machine(base, path).map(Outlet::Bus);
                self.outlets.extend(endpoint(&name.value).zip(into));
            }
        }
    }

    /// The sources that receive what `target` is sent.
    pub(super) fn fed_by<'a>(&'a self, target: &Endpoint) -> Vec<&'a Endpoint> {
        let read = |fits: &dyn Fn(&Inlet) -> bool| -> Vec<&'a Endpoint> {
            self.inlets.iter().filter(|(_, it)| fits(it)).map(|(it, _)| it).collect()
        };
        match self.outlets.get(target) {
            Some(Outlet::Queue { broker, queue }) => {
                read(&|it| it.broker == *broker && it.queue == *queue)
            }
            Some(Outlet::Exchange { broker, exchange, key }) => read(&|it| {
                let bound =
                    |(name, pattern): &(String, String)| name == exchange && fits(pattern, key);
                it.broker == *broker && it.bound.iter().any(bound)
            }),
            Some(Outlet::Bus(source)) => vec![source],
            None => vec![],
        }
    }
}

/// Which RabbitMQ an address names, without who logs in there.
fn broker(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("amqp", url));
    let rest = rest.split('?').next().unwrap_or_default();
    let (authority, vhost) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let port = if scheme == "amqps" { "5671" } else { "5672" };
    let host = if host.contains(':') { host } else { format!("{host}:{port}") };
    let vhost = if matches!(vhost, "" | "%2f" | "%2F") { "/" } else { vhost };
    format!("{host} {vhost}")
}

/// Whether a topic exchange takes `key` to what is bound with `pattern`; a direct one takes what is
/// the same.
fn fits(pattern: &str, key: &str) -> bool {
    fn rest_fits(pattern: &[&str], key: &[&str]) -> bool {
        match (pattern.split_first(), key.split_first()) {
            (None, None) => true,
            (Some((&"#", rest)), _) => {
                rest_fits(rest, key)
                    || key.split_first().is_some_and(|(_, key)| rest_fits(pattern, key))
            }
            (Some((word, rest)), Some((said, key))) => {
                (*word == "*" || word == said) && rest_fits(rest, key)
            }
            _ => false,
        }
    }
    let pattern: Vec<&str> = pattern.split('.').collect();
    let key: Vec<&str> = key.split('.').collect();
    rest_fits(&pattern, &key)
}

/// The source of a bus on this machine that a call goes to.
fn bus_on_this_machine(base: &str, path: &str) -> Option<Endpoint> {
    let (_, rest) = base.split_once("://")?;
    let (authority, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
    let whole = format!("{prefix}{path}");
    let (system, source) = whole.trim_start_matches('/').strip_prefix("v1/")?.split_once('/')?;
    Endpoint::parse(&format!("{system}.{source}")).filter(|_| here)
}

/// Adds to `report` each circle of routes, once.
pub(super) fn circles(plan: &Plan, flow: &Flow, places: &Places, report: &mut Report) {
    let mut readers: BTreeMap<&Endpoint, Vec<&str>> = BTreeMap::new();
    for route in plan.routes.values() {
        readers.entry(&route.from).or_default().push(&route.name);
    }
    // By route: the targets that feed a route, and that route.
    let mut next: BTreeMap<&str, Vec<(&Endpoint, &str)>> = BTreeMap::new();
    for route in plan.routes.values() {
        for to in &route.to {
            let fed = flow.fed_by(&to.target);
            let read = fed.iter().filter_map(|it| readers.get(it)).flatten();
            next.entry(&route.name).or_default().extend(read.map(|it| (&to.target, *it)));
        }
    }
    next.retain(|_, it| !it.is_empty());
    let mut done = BTreeSet::new();
    for start in next.keys() {
        let Some(circle) = circle_from(start, &next, &done) else { continue };
        done.extend(circle.iter().map(|(route, _)| *route));
        tell(&circle, plan, places, report);
    }
}

/// The shortest way from `start` back to it: each route, and the target by which it goes on.
fn circle_from<'a>(
    start: &'a str,
    next: &BTreeMap<&'a str, Vec<(&'a Endpoint, &'a str)>>,
    done: &BTreeSet<&str>,
) -> Option<Vec<(&'a str, &'a Endpoint)>> {
    let mut came: BTreeMap<&str, (&str, &Endpoint)> = BTreeMap::new();
    let mut level = vec![start];
    while !level.is_empty() && !came.contains_key(start) {
        let mut further = Vec::new();
        for from in level {
            for (target, to) in next.get(from).into_iter().flatten() {
                if !done.contains(to) && !came.contains_key(to) {
                    came.insert(to, (from, target));
                    further.push(*to);
                }
            }
        }
        level = further;
    }
    let mut circle = Vec::new();
    let mut at = start;
    loop {
        let (from, target) = came.get(at)?;
        circle.push((*from, *target));
        at = from;
        if at == start {
            circle.reverse();
            return Some(circle);
        }
    }
}

fn tell(circle: &[(&str, &Endpoint)], plan: &Plan, places: &Places, report: &mut Report) {
    let Some((first, target)) = circle.first() else { return };
    let may_end = circle.iter().any(|(name, target)| {
        let route = plan.routes.get(*name);
        route.is_some_and(|route| {
            let filters = route.steps.iter().any(|it| it.place.ends_with(" filter"));
            let to = route.to.iter().find(|it| it.target == **target);
            filters || to.is_some_and(|it| it.when.is_some())
        })
    });
    let at = places.get(*first).into_iter().flatten().find(|(it, _)| it == *target);
    let names: Vec<&str> = circle.iter().map(|(name, _)| *name).chain([*first]).collect();
    report.enter(&format!("routes/{first}.yaml"));
    let at = at.map_or(Span::START, |(_, at)| *at);
    let message = text!("a message can go round: `{}`", &names.join("` → `"));
    let severity = if may_end { Severity::Warning } else { Severity::Error };
    let found = report.add(severity, at, Code::Circle, message);
    match may_end {
        true => {
            found.label("what is sent here comes back, unless a `filter` or `when` ends it");
            found.help("see that the condition is false for what has been round");
        }
        false => {
            found.label("what is sent here comes back, and nothing ever ends it");
            found.help("take this target out, or put a `filter` or `when` before it that is false for what has been round");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_takes_what_rabbitmq_would_take() {
        for (pattern, key) in
            [("a.b", "a.b"), ("a.*", "a.b"), ("#", "a.b.c"), ("a.#", "a"), ("a.#.d", "a.b.c.d")]
        {
            assert!(fits(pattern, key), "{pattern} {key}");
        }
        for (pattern, key) in [("a.b", "a.c"), ("a.*", "a.b.c"), ("*", "a.b"), ("a.#.d", "a.b.c")] {
            assert!(!fits(pattern, key), "{pattern} {key}");
        }
    }

    #[test]
    fn one_rabbitmq_is_known_by_any_of_its_addresses() {
        let one = broker("amqp://a:b@Rabbit.example");
        assert_eq!(one, broker("amqp://c:d@rabbit.example:5672/%2f"));
        assert_ne!(one, broker("amqp://rabbit.example/kpu"));
        assert_ne!(one, broker("amqps://rabbit.example"));
    }

    #[test]
    fn a_call_to_a_source_of_this_machine_is_known() {
        let there =
            |base: &str, path: &str| bus_on_this_machine(base, path).map(|it| it.to_string());
        assert_eq!(there("http://127.0.0.1:8080", "/v1/a/b").as_deref(), Some("a.b"));
        assert_eq!(there("http://localhost/v1", "/a/b").as_deref(), Some("a.b"));
        assert_eq!(there("http://bus.example", "/v1/a/b"), None);
        assert_eq!(there("http://127.0.0.1", "/api"), None);
    }
}
