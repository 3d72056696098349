//! What today's files would make of a message, step by step.

use maud::{Markup, html};

use super::{
    Visit,
    body::{self, Whose},
    told,
};
use crate::{
    diagnostic::text,
    engine::{BodyOf, Explained, Planned, Rehearsed},
    message::MessageId,
};

/// The explanation of a message on a route; `None`: it is not kept, or the route is no more.
pub(super) fn section(
    visit: &Visit,
    (id, route): (MessageId, &str),
    explained: Option<&Explained>,
    (known, hide): (&[String], bool),
) -> Markup {
    let path = format!("/console/messages/{id}?explain={route}");
    let whose = |of| Whose { of, known, hide, path: &path };
    html! {
        section .card aria-label=(visit.t(&text!("What today's files make of it"))) {
            h2 { (visit.t(&text!("What today's files make of it"))) }
            @match explained {
                None => p {
                    (visit.t(&text!(
                        "That cannot be told: the message is not kept any more, or the files that run \
                         have no route {}.", route
                    )))
                },
                Some(explained) => {
                    h3 { (visit.t(&text!("As it was accepted"))) }
                    (body::block(visit, &whose(BodyOf::Route(route)), &explained.message.body))
                    @for step in &explained.steps {
                        h3 { code { (step.place) } }
                        @match (&step.body, step.changed) {
                            (None, _) => p { (visit.t(&text!("It goes no further."))) },
                            (Some(_), false) => p { (visit.t(&text!("It goes on as it is."))) },
                            (Some(bytes), true) => (body::block(visit, &whose(BodyOf::Route(route)), bytes)),
                        }
                    }
                    (came(visit, explained, &whose))
                }
            }
        }
    }
}

fn came<'a>(
    visit: &Visit,
    explained: &'a Explained,
    whose: &impl Fn(BodyOf<'a>) -> Whose<'a>,
) -> Markup {
    html! {
        @match &explained.came {
            Rehearsed::Filtered(step) => p .notice { (visit.t(&text!("It would be ended by the filter {}.", step))) },
            Rehearsed::Dead(cause) => p .notice .bad { (visit.t(&told::why(cause, None))) },
            Rehearsed::Out(planned, skipped) => {
                @for target in skipped { p { (visit.t(&text!("{} would be skipped.", target))) } }
                @for Planned { target, made, .. } in planned {
                    h3 { (visit.t(&text!("To {}", target))) }
                    @match made {
                        Ok(sending) => (body::block(visit, &whose(BodyOf::Target(target)), &sending.body)),
                        Err(cause) => p .notice .bad { (visit.t(&told::why(cause, Some(target)))) },
                    }
                }
            }
        }
    }
}
