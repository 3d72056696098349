//! How an attempt begins: what is sent, and where.

use std::sync::Arc;

use tokio::time::Instant;

use super::{UnderWay, Worker};
use crate::{
    broker::{Delivery, Entry},
    connector::{Call, CallError, Class},
    crash,
    engine::{envelope::Envelope, gate::Probe},
    message::Digest,
    sealing::Unopened,
};

impl Worker<'_> {
    /// Starts an attempt, with the address and credentials of the newest files.
    pub(super) fn start(&mut self, delivery: Delivery, probe: Option<Probe>) {
        let target = &self.destination.target;
        let open = self.shared.live().plan.targets.get(target).map(Arc::clone);
        let envelope = Envelope::of(&delivery.entry.headers);
        let known = envelope.is_some();
        // An entry without its envelope was not made by simpul; it is sent nowhere.
        let envelope = envelope.unwrap_or_else(|| Envelope::foreign(Digest::of(&[])));
        let received_at = delivery.entry.received_at;
        let is_restored = self.shared.restored_up_to.is_some_and(|it| received_at <= it);
        let may_repeat = delivery.redelivered || is_restored;
        let mut call = self.call(&delivery, &envelope, may_repeat);
        let traced = call
            .as_mut()
            .ok()
            .and_then(|it| self.shared.trace_attempt(envelope.traced.as_ref(), &mut it.headers));
        let bytes = call.as_ref().map_or(0, |it| it.body.len()) as u64;
        let callee = open.as_ref().map(|it| Arc::clone(&it.open.target));
        let task = self.tasks.spawn(async move {
            match (callee, call) {
                (_, Err(unopened)) => Err(refused(&unopened.to_string())),
                (Some(callee), Ok(call)) if known => {
                    crash::point("before_send");
                    let came = callee.send(&call).await;
                    crash::point("after_send_before_outcome");
                    came
                }
                (Some(_), _) => Err(refused("bug: the entry has no envelope")),
                (None, _) => Err(unavailable("the target is not in the running files")),
            }
        });
        let started = Instant::now();
        let under_way =
            UnderWay { delivery, envelope, started, bytes, open, traced, _probe: probe };
        self.under_way.insert(task.id(), under_way);
    }

    /// What is to be sent, with what stands on the disk opened.
    fn call(
        &self,
        delivery: &Delivery,
        envelope: &Envelope,
        may_repeat: bool,
    ) -> Result<Call, Unopened> {
        let place = (&self.destination.target, envelope.ordinal);
        let Entry { id, body, .. } = &delivery.entry;
        let (body, parameters) = self.shared.opened_delivery(&self.route.name, *id, place, body)?;
        Ok(Call {
            body,
            parameters: parameters.unwrap_or_else(|| envelope.parameters.clone()),
            headers: envelope.outgoing(&delivery.entry, may_repeat),
        })
    }
}

fn refused(reason: &str) -> CallError {
    failed(Class::Refused, reason)
}

fn unavailable(reason: &str) -> CallError {
    failed(Class::Unavailable, reason)
}

fn failed(class: Class, reason: &str) -> CallError {
    let reason = reason.to_owned();
    CallError { class, status: None, reason, retry_after: None, suspicious: false }
}
