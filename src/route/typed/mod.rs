//! A route from one end to the other: what its source may send, through its steps, held against
//! what its targets take.

mod notes;
mod outgoing;
mod wording;

pub(super) use self::notes::Notes;

use self::outgoing::Outgoing;
use super::{
    file::{DestinationSpec, RouteFile},
    plan::{Destination, Route},
    routes::World,
};
use crate::{
    diagnostic::{Code, Located, Report, Text, text},
    expr::{Expr, Known},
    step::Fields,
    typing::{Kinds, Type},
};

/// Fields that the targets of one route take out, all together: a bit for each.
const TAKEN_OUT_MAX: usize = 64;

/// What becomes of a message for which an expression is nothing.
fn bad() -> Text {
    text!("where it is, the message is bad: a dead letter")
}

/// Holds a route that compiles against what its source sends and its targets take, adding to
/// `report` what can never work and what may be refused, and to `notes` what cannot be told.
pub(super) fn check(
    file: &RouteFile,
    route: &Route,
    world: &World<'_>,
    report: &mut Report,
    notes: &mut Notes,
) {
    let source = world.systems.sources.get(&route.from);
    let sent = match source.and_then(|it| it.schema.as_ref()) {
        Some(schema) => schema.contract().emitted().clone(),
        None => Type::anything(),
    };
    let mut taken = Taken { fields: Vec::new() };
    let sent = taken.read(file, sent, report);
    before_steps(route, &sent, report);
    let mut body = sent;
    for named in &route.steps {
        body = named.step.infer(&body, report).bounded();
    }
    for (spec, destination) in file.to.value.iter().zip(&route.to) {
        let outgoing = Outgoing { route, spec, destination, world };
        let sent = outgoing.known(&body, report);
        outgoing.classified(report);
        for (text, bit) in taken.of(spec) {
            outgoing.goes_out(text, bit, &sent, report);
        }
        outgoing.fits(&sent.value, report, notes);
    }
}

/// Identity, order and what is searched for are of the message as it came.
fn before_steps(route: &Route, sent: &Type, report: &mut Report) {
    let known = Known { body: sent, item: None };
    let keys = route.identity.iter().flat_map(|it| &it.key).chain(&route.order_by);
    for key in keys {
        let help =
            text!("give another value with `| default(…)`, or require it in the source's schema");
        key.infer(known, report).must_be_there(bad(), help, report);
    }
    for expression in &route.search {
        expression.infer(known, report);
    }
}

/// The fields that targets name as taken out, and a bit for each.
struct Taken<'f> {
    fields: Vec<(&'f Located<String>, u64)>,
}

impl<'f> Taken<'f> {
    /// What the source sends, with the fields marked that any target takes out.
    fn read(&mut self, file: &'f RouteFile, mut sent: Type, report: &mut Report) -> Type {
        for text in file.to.value.iter().flat_map(|it| &it.takes_out) {
            if self.fields.iter().any(|(known, _)| known.value == text.value) {
                continue;
            }
            let Some(fields) = Fields::compile(text, report) else { continue };
            if TAKEN_OUT_MAX <= self.fields.len() {
                let message = text!("more than {} fields taken out in one route", &TAKEN_OUT_MAX);
                report.error(text.at, Code::TakenOut, message).help("name what they are in");
                break;
            }
            let bit = 1 << self.fields.len();
            match fields.mark(&sent, bit) {
                Some(marked) => sent = marked,
                None => {
                    let message = text!("`{}` is never in what the source sends", &text.value);
                    let found = report.error(text.at, Code::TakenOut, message);
                    found.label("so nothing is taken out by it");
                    found.help("write the path of the field as the source's schema has it");
                }
            }
            self.fields.push((text, bit));
        }
        sent
    }

    /// The fields that one target takes out, and their bits.
    fn of(&self, spec: &'f DestinationSpec) -> Vec<(&'f Located<String>, u64)> {
        let bit = |it: &Located<String>| {
            self.fields.iter().find(|(known, _)| known.value == it.value).map(|(_, bit)| *bit)
        };
        spec.takes_out.iter().filter_map(|it| Some((it, bit(it)?))).collect()
    }
}

/// What is known where a target's `when` and `each` let something through: the body, and the item.
fn let_through(
    destination: &Destination,
    body: &Type,
    report: &mut Report,
) -> (Type, Option<Type>) {
    let known = Known { body, item: None };
    let mut narrowed = body.clone();
    if let Some(when) = &destination.when {
        let help =
            text!("ask with `| exists`, or give another value: `($.total | default(0)) > 0`");
        when.infer_condition(known, report).must_be_there(bad(), help, report);
        narrowed = when.narrow(body);
    }
    let item = destination.each.as_ref().map(|each| item_of(each, &narrowed, report));
    (narrowed, item)
}

/// What each item of `each` is like.
fn item_of(each: &Expr, body: &Type, report: &mut Report) -> Type {
    let array = each.infer(Known { body, item: None }, report).value;
    let kinds = array.kinds();
    if kinds.0 != 0 && !kinds.meets(Kinds::ARRAY) {
        let message = text!("`each` goes through an array, not {}", kinds.words());
        let found = report.error(each.at(), Code::Operand, message);
        found.label(text!("this is {}", array.clone().present().words()));
        found.help("name the field that holds the items");
    }
    array.arrays().map(|it| it.each.clone().marked(array.marks)).unwrap_or_default()
}
