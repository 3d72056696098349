//! The live map: systems that send, routes, systems that receive; on the lines what passes, fails
//! and waits. Laid out here, so that it is there without any script.

mod draw;
mod layout;

use std::{cmp::Reverse, collections::BTreeMap};

use maud::Markup;

use super::{
    Visit,
    facts::Facts,
    state::{Level, State, dead, promise, waits_for},
};
use crate::{
    diagnostic::{Text, text},
    engine::{RouteStatus, TargetStatus},
    message::Endpoint,
};

/// Routes that are drawn: more nobody takes in, nor does a screen. Those in trouble come first, then
/// the busiest.
pub(super) const ROUTES_MAX: usize = 24;

/// Lines to targets that are drawn in all.
const LINES_MAX: usize = 60;

/// What is drawn.
#[derive(Default)]
struct Map {
    /// Systems that send, then those that receive: one that does both stands in both.
    senders: Vec<Node>,
    routes: Vec<RouteNode>,
    receivers: Vec<Node>,
}

/// A system, and those of its sources or targets that are drawn.
struct Node {
    name: String,
    title: String,
    ports: Vec<Port>,
}

struct Port {
    name: String,
    endpoint: Endpoint,
    level: Level,
}

struct RouteNode {
    name: String,
    state: State,
    /// What stands on the line that leads to it.
    label: String,
    flows: bool,
    /// The system and the source in it.
    from: (usize, usize),
    exits: Vec<Exit>,
}

/// A line from a route to a target.
struct Exit {
    /// The system and the target in it.
    to: (usize, usize),
    name: String,
    state: State,
    label: String,
    flows: bool,
}

/// The routes that are shown where not all can be: those in trouble, then the busiest.
pub(super) fn first(facts: &Facts, most: usize) -> Vec<&RouteStatus> {
    let mut all: Vec<&RouteStatus> = facts.status.iter().filter(|it| is_shown(it)).collect();
    let busy = |it: &RouteStatus| facts.last_hour.get(&it.route).copied().unwrap_or_default();
    all.sort_by_cached_key(|it| {
        let level = State::of_route(it, &facts.wiring).level;
        let trouble = if Level::Note <= level { level } else { Level::Idle };
        (Reverse(trouble), Reverse(busy(it)), it.route.clone())
    });
    all.truncate(most);
    all
}

/// A route that went with its files is of interest only while something of it is left.
pub(super) fn is_shown(route: &RouteStatus) -> bool {
    route.running
        || 0 < dead(route) + route.in_hand
        || route.targets.iter().any(|it| 0 < waits_for(it))
}

/// The map as SVG.
pub(super) fn map(visit: &Visit, facts: &Facts) -> Markup {
    let map = Map::of(visit, facts);
    draw::draw(visit, &map, &layout::layout(&map))
}

impl Map {
    fn of(visit: &Visit, facts: &Facts) -> Self {
        let (mut map, mut lines) = (Self::default(), 0);
        for status in first(facts, ROUTES_MAX) {
            let Some(wiring) = facts.wiring.routes.get(&status.route) else { continue };
            lines += status.targets.len();
            if LINES_MAX < lines {
                break;
            }
            let minute = facts.minutes.get(&status.route).map(|it| it.route).unwrap_or_default();
            let from = port(&mut map.senders, facts, &wiring.from, Level::Fine);
            let exits = status.targets.iter().map(|target| {
                let (state, label, flows) = exit(visit, facts, &status.route, target);
                let to = port(&mut map.receivers, facts, &target.target, state.level);
                Exit { to, name: target.target.name.to_string(), state, label, flows }
            });
            let exits = exits.collect();
            let mut label = rate(visit, minute.passed);
            if 0 < status.in_hand {
                join(&mut label, &visit.t(&text!("{} waiting", &visit.n(status.in_hand))));
            }
            map.routes.push(RouteNode {
                name: status.route.to_string(),
                state: State::of_route(status, &facts.wiring),
                label,
                flows: 0 < minute.passed,
                from,
                exits,
            });
        }
        map
    }
}

/// How a line to a target is drawn, and what stands on it.
pub(super) fn exit(
    visit: &Visit,
    facts: &Facts,
    route: &str,
    target: &TargetStatus,
) -> (State, String, bool) {
    let minute = facts.minute(route, &target.target.to_string());
    let state = State::of_target(target, promise(&facts.wiring, route, target));
    let mut label = String::new();
    if Level::Note <= state.level {
        join(&mut label, &visit.t(&state.word));
    }
    join(&mut label, &rate(visit, minute.passed));
    if 0 < minute.failed {
        join(&mut label, &visit.t(&text!("{} failed", &visit.n(minute.failed))));
    }
    let waits = waits_for(target);
    if 0 < waits {
        join(&mut label, &visit.t(&text!("{} waiting", &visit.n(waits))));
    }
    (state, label, 0 < minute.passed)
}

fn rate(visit: &Visit, minute: u64) -> String {
    if minute == 0 { String::new() } else { visit.t(&per_minute(visit, minute)) }
}

/// So many in a minute.
pub(super) fn per_minute(visit: &Visit, minute: u64) -> Text {
    text!("{}/min", &visit.n(minute))
}

fn join(label: &mut String, part: &str) {
    if !label.is_empty() && !part.is_empty() {
        label.push_str(" · ");
    }
    label.push_str(part);
}

/// The box of an endpoint's system and the line of the endpoint in it; made where they lack.
fn port(nodes: &mut Vec<Node>, facts: &Facts, endpoint: &Endpoint, level: Level) -> (usize, usize) {
    let index = nodes.iter().position(|it| it.name == *endpoint.system).unwrap_or_else(|| {
        let title = facts.system(endpoint).map(|it| it.title.clone()).unwrap_or_default();
        nodes.push(Node { name: endpoint.system.to_string(), title, ports: Vec::new() });
        nodes.len() - 1
    });
    let Some(node) = nodes.get_mut(index) else { return (index, 0) };
    let line = node.ports.iter().position(|it| it.name == *endpoint.name).unwrap_or_else(|| {
        let name = endpoint.name.to_string();
        node.ports.push(Port { name, endpoint: endpoint.clone(), level: Level::Idle });
        node.ports.len() - 1
    });
    if let Some(port) = node.ports.get_mut(line) {
        port.level = port.level.max(level);
    }
    (index, line)
}

/// How often each of `all` is meant, by its place.
fn places(order: &[usize]) -> BTreeMap<usize, usize> {
    order.iter().enumerate().map(|(place, index)| (*index, place)).collect()
}
