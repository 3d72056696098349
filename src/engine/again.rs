//! A dead letter once more: what its message gives rise to with today's files.

use std::sync::Arc;

use super::{
    Shared,
    bodies::Keeper,
    envelope::{self, Envelope, delivery_queue, route_queue},
    live::Live,
    pipeline::{self, Failed, Fated, MEMORY_MAX, Made, Out, Routed, bad},
};
use crate::{
    broker::{Entry, Output},
    ledger::{Cause, DeadLetter},
    message::{Arena, Digest, Endpoint, Message},
};

/// What goes back into a queue for a dead letter: its message to its route's queue, or the one
/// delivery, mapped anew, to its delivery queue, with its new `Idempotency-Key`.
///
/// `only_to`: of a message, only what goes to this target is to be sent.
pub(super) fn again(
    shared: &Shared,
    live: &Live,
    (letter, message): (&DeadLetter, &Message),
    only_to: Option<&Endpoint>,
) -> Result<(Output, Option<Digest>), Cause> {
    let (made, order_key) = map_anew(shared, live, letter, message)?;
    let (id, received_at) = (message.id, message.received_at);
    let keeper = live.plan.routes.get(&letter.route).map(|it| Keeper::new(shared, it));
    if letter.delivery.is_none() {
        let mut headers = envelope::without_flaw(message.headers.clone());
        if let Some(only_to) = only_to {
            if !made.iter().any(|it| it.target == *only_to) {
                let reason = "today the message makes no delivery to this target";
                return Err(bad(&format!("to {only_to}"), reason));
            }
            envelope::send_only_to(&mut headers, only_to);
        }
        let body = message.body.clone();
        let body = keeper.map_or(body.clone(), |it| it.accepted(id, body));
        let entry = Entry { id, received_at, headers, body };
        let queue = route_queue(&letter.route);
        return Ok((Output { queue, entry, due: None, order_key: None, copy: false }, None));
    }
    let Some(made) = made.into_iter().next() else {
        return Err(bad("", "bug: the replay made no delivery"));
    };
    let made = match keeper {
        Some(keeper) => keeper.made(id, made),
        None => made,
    };
    let envelope = Envelope {
        ordinal: made.ordinal,
        key: made.key,
        parameters: made.parameters,
        generation: live.generation,
        // An attempt that was not the first: what was sent before may have been taken.
        attempts: letter.attempts,
        failing_since: None,
        panics: 0,
        reason: None,
        may_repeat: envelope::may_repeat(&message.headers),
        seq: None,
        called: None,
        traced: envelope::traced(&message.headers).map(Arc::new),
    };
    let queue = delivery_queue(&letter.route, &made.target);
    let entry = Entry { id, received_at, headers: envelope.to_headers(), body: made.body };
    Ok((Output { queue, entry, due: None, order_key, copy: false }, Some(made.key)))
}

/// What the running files make of the message of a dead letter: of a dead delivery only that one,
/// of a dead message everything.
pub(super) fn map_anew(
    shared: &Shared,
    live: &Live,
    letter: &DeadLetter,
    message: &Message,
) -> Result<(Vec<Made>, Option<Digest>), Cause> {
    let Some(route) = live.plan.routes.get(&letter.route) else {
        return Err(bad("", format!("there is no route `{}` in the running files", letter.route)));
    };
    let arena = Arena::with_limit(MEMORY_MAX);
    let headers = envelope::without_flaw(message.headers.clone());
    let message = Message { headers, ..message.clone() };
    let routed = pipeline::run(shared.setting(&live.plan), route, &arena, &message);
    let Routed { order_key, fate, .. } = routed;
    let out = match fate {
        Fated::Dead(cause) => return Err(cause),
        // A message that is filtered today ends as `filtered`: that is an answer too.
        Fated::Filtered(_) if letter.delivery.is_none() => return Ok((Vec::new(), order_key)),
        Fated::Filtered(step) => {
            return Err(bad(&step, "today the message is filtered; discard the dead letter"));
        }
        Fated::Out(out) => out,
    };
    let Some((target, ordinal)) = &letter.delivery else { return Ok((out.made, order_key)) };
    let same = |to: &Endpoint, at: u32| to == target && at == *ordinal;
    if let Some(failed) = out.failed.into_iter().find(|it| same(&it.target, it.ordinal)) {
        return Err(failed.cause);
    }
    let made: Vec<_> = out.made.into_iter().filter(|it| same(&it.target, it.ordinal)).collect();
    if made.is_empty() {
        let reason = "today the message makes no such delivery; discard the dead letter";
        return Err(bad(&format!("to {target}"), reason));
    }
    Ok((made, order_key))
}

pub(super) fn told(cause: &Cause) -> String {
    match cause.place.as_str() {
        "" => cause.reason.clone(),
        place => format!("{place}: {}", cause.reason),
    }
}

/// Keeps back what does not go to the one target that an operator wants the message sent to: it is
/// a dead letter, which can be replayed like any other.
pub(super) fn keep_back(out: &mut Out, only_to: &Endpoint) {
    let (made, kept) =
        std::mem::take(&mut out.made).into_iter().partition(|it: &Made| it.target == *only_to);
    out.made = made;
    let reason = format!("an operator had the message sent to {only_to} only");
    for Made { target, ordinal, .. } in kept {
        let place = String::new();
        let cause = Cause { class: KEPT_BACK.into(), place, reason: reason.clone() };
        out.failed.push(Failed { target, ordinal, cause });
    }
}

/// The class of deliveries that were not sent because an operator wanted it so.
pub(super) const KEPT_BACK: &str = "kept back";
