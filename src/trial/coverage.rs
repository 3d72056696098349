//! Which ways of a route were gone: its steps with their branches, its targets, and everything that
//! can go wrong on the way.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{DeliveryWord, MessageWord, Seen, SeenDelivery, Suite};
use crate::{
    diagnostic::{Code, Report, Span, nearest, text},
    engine::Watch,
    expr::{Expr, Scope},
    ledger::Cause,
    message::Value,
    route::{Destination, DestinationSpec, OnExhausted, Plan, Route, RouteFile, Unmatched},
    step::{Flow, Rejected},
};

/// A way that a message can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What it is called: `steps[1] check: R1 is broken`, `to arsip.simpan: given up`.
    pub name: String,
    /// Where it stands in the route's file.
    pub at: Span,
}

/// Whether a way was gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// By so many cases.
    By(usize),
    /// By none: none could, for this reason.
    Cannot(String),
    /// By none.
    Never,
}

/// Which ways of a route were gone.
#[derive(Debug, Clone)]
pub struct Coverage {
    /// The route.
    pub route: String,
    /// All ways, in the order of the file.
    pub items: Vec<(Item, Reached)>,
}

impl Coverage {
    /// Counts the ways of a route that cases went. What is said to be unreachable and was reached,
    /// or is no way of the route, is added to `report`, which is about the file of tests.
    pub fn of<'s>(
        (plan, route, file): (&Plan, &Route, &RouteFile),
        suite: &Suite,
        seen: impl Iterator<Item = &'s Seen>,
        report: &mut Report,
    ) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for seen in seen {
            for name in reached(seen) {
                *counts.entry(name).or_default() += 1;
            }
        }
        let items = items(plan, route, file);
        report.enter(&suite.file);
        for (said, _) in &suite.unreachable {
            if !items.iter().any(|it| it.name == said.value) {
                let message = text!("the route has no way `{}`", &said.value);
                let found = report.error(said.at, Code::UnknownName, message);
                if let Some(near) = nearest(&said.value, items.iter().map(|it| it.name.as_str())) {
                    found.help(text!("did you mean `{}`?", near));
                }
            } else if counts.contains_key(&said.value) {
                let message = text!("`{}` is reached", &said.value);
                let found = report.error(said.at, Code::Case, message);
                found.label("it is said that nothing can reach it");
            }
        }
        let reached = |item: Item| {
            let cannot = suite.unreachable.iter().find(|(it, _)| it.value == item.name);
            let reached = match (counts.get(&item.name), cannot) {
                (Some(count), _) => Reached::By(*count),
                (None, Some((_, why))) => Reached::Cannot(why.clone()),
                (None, None) => Reached::Never,
            };
            (item, reached)
        };
        Self { route: route.name.to_string(), items: items.into_iter().map(reached).collect() }
    }

    /// How many ways were gone, and how many could be.
    pub fn count(&self) -> (usize, usize) {
        let by = |it: &&(Item, Reached)| matches!(it.1, Reached::By(_));
        let never = self.missing().count();
        let gone = self.items.iter().filter(by).count();
        (gone, gone + never)
    }

    /// The ways that were not gone.
    pub fn missing(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|(_, it)| *it == Reached::Never).map(|(item, _)| item)
    }
}

/// Every way that a message can go in a route.
fn items(plan: &Plan, route: &Route, file: &RouteFile) -> Vec<Item> {
    let mut items = Vec::new();
    let mut add = |name: String, at: Span| items.push(Item { name, at });
    add("message: routed".to_owned(), file.route.at);
    if let Some(node) = &file.identity {
        add("message: repeat".to_owned(), node.at);
    }
    let source = plan.sources.get(&route.from);
    match source.map(|it| (it.schema.is_some(), it.source.pull.is_some())) {
        Some((true, false)) => add("message: refused at the door".to_owned(), file.from.at),
        Some((true, true)) => add("message: dead at the door".to_owned(), file.from.at),
        _ => {}
    }
    let may_skip = |it: &DestinationSpec| it.when.is_some() || it.each.is_some();
    if file.to.value.iter().all(may_skip) && route.unmatched == Unmatched::Dead {
        add("message: no target".to_owned(), file.to.at);
    }
    for (named, spec) in route.steps.iter().zip(&file.steps) {
        for branch in spec.value.branches(spec.at) {
            add(format!("{}: {}", named.place, branch.name), branch.at);
        }
        // What `validate` and `lookup` refuse is a branch already.
        if named.step.can_fail() && !matches!(spec.value.name(), "validate" | "lookup") {
            add(format!("{}: fails", named.place), spec.at);
        }
    }
    for (destination, spec) in route.to.iter().zip(&file.to.value) {
        target(plan, destination, spec, &mut add);
    }
    items
}

fn target(
    plan: &Plan,
    destination: &Destination,
    spec: &DestinationSpec,
    add: &mut impl FnMut(String, Span),
) {
    let place = format!("to {}", destination.target);
    let mut add = |way: &str, at: Span| add(format!("{place}: {way}"), at);
    let at = spec.target.at;
    if let Some(when) = &spec.when {
        ["when holds", "when does not hold", "when fails"].iter().for_each(|it| add(it, when.at));
    }
    if let (Some(each), Some(compiled)) = (&spec.each, &destination.each) {
        ["each has items", "each is empty"].iter().for_each(|it| add(it, each.at));
        if compiled.can_fail() || !compiled.yields_array() {
            add("each fails", each.at);
        }
    }
    let map = spec.map.as_ref().map_or(at, |it| it.at);
    let open = plan.targets.get(&destination.target);
    let has_parameters = open.is_some_and(|it| !it.open.parameters.is_empty());
    if destination.map.as_ref().is_some_and(|it| it.can_fail()) || has_parameters {
        add("map fails", map);
    }
    if open.is_some_and(|it| it.schema.is_some()) {
        add("does not fit its schema", map);
    }
    ["delivered", "tried again", "given up", "refused", "paused"].iter().for_each(|it| add(it, at));
    if destination.ttl.is_some() {
        add("expired", at);
    }
    if destination.on_exhausted == Some(OnExhausted::ParkKey) {
        add("parked", at);
    }
}

/// The ways that were gone in a case.
fn reached(seen: &Seen) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for message in &seen.messages {
        all.extend(message.reached.iter().cloned());
        let way = match message.outcome {
            MessageWord::Routed => "routed",
            MessageWord::Repeat => "repeat",
            MessageWord::Refused => "refused at the door",
            MessageWord::Dead => {
                let reason = message.reason.as_deref().unwrap_or_default();
                match reason.split_once(": ").unwrap_or((reason, "")) {
                    ("no target", _) => "no target",
                    (_, why) if why.starts_with("from ") => "dead at the door",
                    _ => continue,
                }
            }
            MessageWord::Filtered | MessageWord::Duplicate => continue,
        };
        all.insert(format!("message: {way}"));
    }
    for delivery in &seen.deliveries {
        let ways = ways(delivery);
        all.extend(ways.into_iter().map(|way| format!("to {}: {way}", delivery.target)));
    }
    all
}

fn ways(delivery: &SeenDelivery) -> Vec<&'static str> {
    let mut ways = Vec::new();
    let reason = delivery.reason.as_deref().unwrap_or_default();
    match delivery.outcome {
        DeliveryWord::Delivered => ways.push("delivered"),
        DeliveryWord::Expired => ways.push("expired"),
        DeliveryWord::Parked => ways.push("parked"),
        DeliveryWord::Dead if reason.starts_with("unavailable") => ways.push("given up"),
        DeliveryWord::Dead if !delivery.attempts.is_empty() => ways.push("refused"),
        DeliveryWord::Dead if reason.starts_with("refused") => ways.push("does not fit its schema"),
        _ => {}
    }
    let mut classes = delivery.attempts.iter().map(|it| it.class.as_str());
    if 1 < delivery.attempts.len() && classes.clone().any(|it| it == "unavailable") {
        ways.push("tried again");
    }
    if classes.any(|it| it == "misconfigured") {
        ways.push("paused");
    }
    ways
}

/// Notes which ways a message goes.
pub(super) struct Covering<'r> {
    route: &'r Route,
    reached: RefCell<BTreeSet<String>>,
}

impl<'r> Covering<'r> {
    pub(super) fn of(route: &'r Route) -> Self {
        Self { route, reached: RefCell::default() }
    }

    pub(super) fn reached(self) -> BTreeSet<String> {
        self.reached.into_inner()
    }

    fn step(&self, place: &str, way: &str) {
        self.reached.borrow_mut().insert(format!("{place}: {way}"));
    }

    fn to(&self, index: usize, way: &str) {
        if let Some(to) = self.route.to.get(index) {
            self.reached.borrow_mut().insert(format!("to {}: {way}", to.target));
        }
    }
}

impl Watch for Covering<'_> {
    fn stepped(&self, index: usize, scope: &Scope<'_>, came: Result<&Flow<'_>, &Rejected>) {
        let Some(named) = self.route.steps.get(index) else { return };
        let place = &named.place;
        let kind = place.rsplit(' ').next().unwrap_or_default();
        let parts = named.step.parts(scope);
        match (kind, came) {
            ("filter", Ok(Flow::Filtered)) => self.step(place, "filters"),
            ("filter", Ok(_)) => self.step(place, "passes"),
            ("validate", Ok(_)) => self.step(place, "fits"),
            ("validate", Err(_)) => self.step(place, "does not fit"),
            ("lookup", came) => {
                let is_found = parts.last().is_some_and(|it| matches!(it.came, Ok(Some(_))));
                let way = if is_found && came.is_ok() { "found" } else { "missing" };
                self.step(place, way);
            }
            ("split", Ok(Flow::Filtered)) => self.step(place, "no parts"),
            ("split", Ok(_)) => self.step(place, "parts"),
            ("check", Ok(_)) => {
                for part in parts {
                    match part.came {
                        Ok(Some(Value::Bool(true))) => {
                            self.step(place, &format!("{} holds", part.name));
                        }
                        Ok(Some(Value::Bool(false))) => {
                            self.step(place, &format!("{} is broken", part.name));
                        }
                        _ => {}
                    }
                }
            }
            (_, Ok(_)) => self.step(place, "done"),
            (_, Err(_)) => self.step(place, "fails"),
        }
    }

    fn chose(&self, index: usize, scope: &Scope<'_>, came: Result<usize, &Cause>) {
        let Some(to) = self.route.to.get(index) else { return };
        let holds = |when: &Expr| when.holds(scope);
        match to.when.as_ref().map(holds) {
            Some(Ok(Some(true))) => self.to(index, "when holds"),
            Some(Ok(Some(false))) => return self.to(index, "when does not hold"),
            Some(_) => return self.to(index, "when fails"),
            None => {}
        }
        if to.each.is_some() {
            let way = match came {
                Ok(0) => "each is empty",
                Ok(_) => "each has items",
                Err(_) => "each fails",
            };
            self.to(index, way);
        }
    }

    fn made(
        &self,
        index: usize,
        _scope: &Scope<'_>,
        came: Result<&(Vec<u8>, Vec<String>), &Cause>,
    ) {
        if came.is_err_and(|it| &*it.class == "bad message") {
            self.to(index, "map fails");
        }
    }
}
