//! Messages: found, and their lives, as far as a caller may see them.

use super::{Desk, Of, Refusal, Right};
use crate::{
    engine::{Found, Trace},
    journal::{Line, Wanted},
    ledger::Fares,
    message::MessageId,
};

#[expect(clippy::missing_errors_doc, reason = "said once, at `Refusal`")]
impl Desk {
    /// What is known of one message, and every line of the journal about it, on the routes and to the
    /// targets that he may see; `None` where that is nothing.
    pub async fn trace(&self, id: MessageId) -> Result<Option<Trace>, Refusal> {
        self.need_somewhere(Right::See)?;
        let Some(mut trace) = self.bus.trace(id).await? else { return Ok(None) };
        trace.fares.retain_mut(|it| self.sees_fares(it));
        trace.lines.retain(|it| self.sees_line(it));
        Ok((!trace.fares.is_empty() || !trace.lines.is_empty()).then_some(trace))
    }

    /// Messages that have a value that their route lets operators search for, on the routes that he
    /// may see.
    pub async fn find(&self, wanted: &Wanted) -> Result<Found, Refusal> {
        self.need_somewhere(Right::See)?;
        let mut found = self.bus.find(wanted).await?;
        for message in &mut found.messages {
            message.by.retain(|(route, _)| self.caller.may(Right::See, &Of::route(route)));
            message.fares.retain_mut(|it| self.sees_fares(it));
        }
        found.messages.retain(|it| !it.by.is_empty());
        Ok(found)
    }

    /// Whether he sees anything of how a message fares on a route; what he does not see is taken out.
    fn sees_fares(&self, fares: &mut Fares) -> bool {
        if self.caller.may(Right::See, &Of::route(&fares.route)) {
            return true;
        }
        let Fares { route, deliveries, parked, .. } = fares;
        deliveries.retain(|(target, ..)| self.may_at(Right::See, route, target));
        parked.retain(|(target, _)| self.may_at(Right::See, route, target));
        !deliveries.is_empty()
    }

    pub(super) fn sees_line(&self, line: &Line) -> bool {
        let system = line.delivery.as_ref().map(|(target, _)| &*target.system);
        self.caller.may(Right::See, &Of::both(&line.route, system))
    }
}
