//! What one target of a route gets, held against what it takes and may hold.

use super::{Notes, let_through, wording};
use crate::{
    diagnostic::{Code, Located, Report, Span, Text, text},
    expr::Known,
    message::Endpoint,
    route::{
        file::DestinationSpec,
        plan::{Destination, OpenPlanTarget, Route},
        routes::World,
    },
    typing::{Members, Rest, Type},
};

/// One target of a route.
#[derive(Clone, Copy)]
pub(super) struct Outgoing<'o> {
    pub(super) route: &'o Route,
    pub(super) spec: &'o DestinationSpec,
    pub(super) destination: &'o Destination,
    pub(super) world: &'o World<'o>,
}

/// What is known of what goes out.
pub(super) struct Sent {
    /// The body.
    pub(super) value: Type,
    /// What path and headers say: the name of each, and its text.
    parameters: Vec<(Text, Type)>,
}

impl Outgoing<'_> {
    fn target(&self) -> &Endpoint {
        &self.destination.target
    }

    fn open(&self) -> Option<&OpenPlanTarget> {
        self.world.systems.targets.get(self.target()).map(|it| &**it)
    }

    /// What is known of what is sent, for a body that is known behind the steps.
    pub(super) fn known(&self, body: &Type, report: &mut Report) -> Sent {
        let (body, item) = let_through(self.destination, body, report);
        let known = Known { body: &body, item: item.as_ref() };
        let value = match &self.destination.map {
            Some(map) => map.infer(known, report),
            None => item.clone().unwrap_or_else(|| body.clone()),
        };
        let mut parameters = Vec::new();
        for parameter in self.open().iter().flat_map(|it| it.open.parameters.iter()) {
            // They stand in the file of the system; what is wrong is that this route sends there.
            let mut aside = Report::default();
            let text = parameter.template.infer(known, self.spec.target.at, &mut aside);
            for found in aside.into_sorted() {
                let place = text!("in the {} of `{}`", parameter.words(), self.target());
                report.again(found, self.spec.target.at, place);
            }
            parameters.push((parameter.words(), text));
        }
        Sent { value, parameters }
    }

    /// Adds to `report` everything that the target's schema may refuse.
    pub(super) fn fits(&self, value: &Type, report: &mut Report, notes: &mut Notes) {
        let Some(open) = self.open() else { return };
        let (Some(schema), Some(path)) = (&open.schema, &open.open.schema) else { return };
        let mut misfits = schema.contract().check(value);
        // Where something is wrong for sure, what may be wrong as well only hides it.
        misfits.sort_by_key(|it| !it.certain);
        for misfit in misfits {
            if misfit.kind.is_open() {
                notes.add(&misfit, path, self);
                continue;
            }
            let map = self.spec.map.as_ref().map(|it| it.at);
            let at = misfit.at.or(map).unwrap_or(self.spec.target.at);
            wording::tell(&misfit, at, self.target(), report);
        }
    }

    /// Adds to `report` where a target may hold less than the source and the route does not say
    /// what it takes out.
    pub(super) fn classified(&self, report: &mut Report) {
        let classes = &self.world.systems.classes;
        let (Some(from), Some(to)) = (classes.get(&self.route.from), classes.get(self.target()))
        else {
            return;
        };
        if to < from && self.spec.takes_out.is_empty() {
            let (source, target) = (&self.route.from, self.target());
            let message =
                text!("`{}` may hold `{}`, and `{}` sends `{}`", target, to, source, from);
            let found = report.error(self.spec.target.at, Code::Classified, message);
            found.label("the route does not say what it takes out");
            found.help(
                "name the fields of the source's messages that must not go there: `takes_out: [$.nip]`",
            );
        }
    }

    /// Adds to `report` where a field that is named as taken out goes out.
    pub(super) fn goes_out(
        &self,
        field: &Located<String>,
        bit: u64,
        sent: &Sent,
        report: &mut Report,
    ) {
        let fallback = self.spec.map.as_ref().map_or(self.spec.target.at, |it| it.at);
        let mut found = Vec::new();
        places_of(&sent.value, bit, &mut (Vec::new(), fallback), &mut found);
        let parameters = sent.parameters.iter().filter(|(_, text)| text.all_marks() & bit != 0);
        let at = self.spec.target.at;
        found.extend(parameters.map(|(place, _)| (text!("the {}", place.clone()), at)));
        if let Some((place, at)) = found.into_iter().next() {
            let message = text!("`{}` is named as taken out, and goes out", &field.value);
            let shown = report.error(at, Code::TakenOut, message);
            shown.label(text!("in {}", place));
            shown.help("leave it out, hide it with `| hash` or `| mask`, or do not name it");
        }
    }
}

/// The innermost places that bear a mark, and where they are made.
fn places_of(
    value: &Type,
    bit: u64,
    path: &mut (Vec<String>, Span),
    found: &mut Vec<(Text, Span)>,
) {
    if value.all_marks() & bit == 0 {
        return;
    }
    let outer = path.1;
    path.1 = value.at.unwrap_or(outer);
    if value.marks & bit != 0 {
        let place = match path.0.join(".").as_str() {
            "" => text!("the body"),
            place => text!("`{}`", &place.replace(".[]", "[]")),
        };
        found.push((place, path.1));
    } else {
        if let Some(items) = &value.array {
            path.0.push("[]".to_owned());
            places_of(&items.each, bit, path, found);
            path.0.pop();
        }
        if let Some(members) = &value.object {
            places_in(members, bit, path, found);
        }
    }
    path.1 = outer;
}

fn places_in(
    members: &Members,
    bit: u64,
    path: &mut (Vec<String>, Span),
    found: &mut Vec<(Text, Span)>,
) {
    let rest = match &members.rest {
        Rest::Of(rest) => Some(("*", &**rest)),
        Rest::Closed | Rest::Undeclared => None,
    };
    let fields = members.fields.iter().map(|(name, it)| (&**name, it));
    for (name, field) in fields.chain(rest) {
        path.0.push(name.to_owned());
        places_of(field, bit, path, found);
        path.0.pop();
    }
}
