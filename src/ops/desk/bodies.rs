//! Bodies that routes have kept, as far as a caller may look at them.

use super::{Desk, Of, Refusal, Right};
use crate::{
    engine::{Acted, KeptBody, SentChanges},
    message::MessageId,
};

#[expect(clippy::missing_errors_doc, reason = "said once, at `Refusal`")]
impl Desk {
    /// What is kept of the bodies of a message, of the routes and targets whose bodies he may see; the
    /// look is written down first, where there is something to be seen.
    pub async fn bodies(&self, id: MessageId) -> Result<Vec<KeptBody>, Refusal> {
        self.need_somewhere(Right::SeeBody)?;
        let mut bodies = self.bus.bodies(id).await?;
        bodies.retain(|it| match &it.delivery {
            None => self.caller.may(Right::SeeBody, &Of::route(&it.route)),
            Some((target, _)) => self.may_at(Right::SeeBody, &it.route, target),
        });
        if !bodies.is_empty() {
            let acted = Acted {
                who: self.caller.who(),
                did: "looked",
                what: format!("looked at the bodies that are kept of message {id}"),
                reason: None,
                route: None,
                message: Some(id),
                delivery: None,
            };
            self.bus.note(acted).await?;
        }
        Ok(bodies)
    }

    /// What became of the fields in bodies that he was given; with `hide` without what is about people.
    pub fn changes(&self, bodies: &[KeptBody], hide: bool) -> Vec<SentChanges> {
        self.bus.changes(bodies, hide)
    }
}
