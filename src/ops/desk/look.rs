//! What operators look at beside the lists: bodies as they are shown, a message with today's files,
//! the last lines about a route.

use super::{Desk, Of, Refusal, Right};
use crate::{
    engine::{Acted, BodyOf, Explained, Shown},
    journal::Line,
    ledger::DeadLetter,
    message::MessageId,
};

#[expect(clippy::missing_errors_doc, reason = "said once, at `Refusal`")]
impl Desk {
    /// The dead letters of a message that he may see.
    pub async fn dead_of(&self, id: MessageId) -> Result<Vec<DeadLetter>, Refusal> {
        self.need_somewhere(Right::See)?;
        let mut letters = self.bus.dead_of(id).await?;
        letters.retain(|it| {
            let system = it.delivery.as_ref().map(|(target, _)| &*target.system);
            self.caller.may(Right::See, &Of::both(&it.route, system))
        });
        Ok(letters)
    }

    /// What today's files would make of a message on one of its routes, while it is kept: a look at
    /// a body.
    pub async fn explain(&self, route: &str, id: MessageId) -> Result<Option<Explained>, Refusal> {
        self.need_over(Right::SeeBody, &Of::route(route))?;
        let acted = Acted {
            who: self.caller.who(),
            did: "looked",
            what: format!("looked at what today's files make of message {id}"),
            reason: None,
            route: Some(route.into()),
            message: Some(id),
            delivery: None,
        };
        self.bus.note(acted).await?;
        self.bus.explain(route, id).await
    }

    /// A body that he was given, as it is shown; with `hide` without what is about people, and without
    /// texts in which one of `known` stands.
    pub fn shown(&self, of: BodyOf<'_>, body: &[u8], known: &[String], hide: bool) -> Shown {
        self.bus.shown(of, body, known, hide)
    }

    /// What in a message is about people, so that it is hidden wherever it was put: for
    /// [`shown`](Self::shown) alone.
    pub async fn personal_in(&self, route: &str, id: MessageId) -> Result<Vec<String>, Refusal> {
        self.need_somewhere(Right::SeeBody)?;
        self.bus.personal_in(route, id).await
    }

    /// The last lines of the journal about a route that he may see, the oldest first.
    pub async fn recent(&self, route: &str, limit: usize) -> Result<Vec<(i64, Line)>, Refusal> {
        self.need_somewhere(Right::See)?;
        let mut lines = self.bus.recent(route, limit).await?;
        lines.retain(|(_, line)| self.sees_line(line));
        Ok(lines)
    }
}
