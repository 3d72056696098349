//! The journal as it grows, for one caller.

use std::{sync::Arc, time::Duration};

use tokio::{sync::OwnedSemaphorePermit, time::sleep};

use super::{
    Bus, Refusal,
    access::{Caller, Of, Right},
};
use crate::journal::{Line, Tail};

/// How often somebody who follows the journal asks for more.
const EVERY: Duration = Duration::from_millis(400);

/// Follows the journal, and holds one of the places of those who do.
pub struct Following {
    pub(super) tail: Tail,
    pub(super) bus: Arc<dyn Bus>,
    pub(super) caller: Caller,
    pub(super) _place: OwnedSemaphorePermit,
}

impl Following {
    /// The next lines that the caller may see, with their numbers; empty after `patience` without
    /// any, `None` when the bus ends.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the store cannot be read; the next call goes on from there.
    pub async fn next(&mut self, patience: Duration) -> Result<Option<Vec<(i64, Line)>>, Refusal> {
        let mut waited = Duration::ZERO;
        loop {
            if self.bus.is_stopping() {
                return Ok(None);
            }
            let (mut lines, more) =
                self.tail.next().await.map_err(|error| Refusal::Unavailable(error.to_string()))?;
            lines.retain(|(_, line)| self.may_see(line));
            if !lines.is_empty() || patience <= waited {
                return Ok(Some(lines));
            }
            if !more {
                sleep(EVERY).await;
                waited += EVERY;
            }
        }
    }

    /// Up to which line all was told.
    pub fn reached(&self) -> i64 {
        self.tail.reached()
    }

    fn may_see(&self, line: &Line) -> bool {
        let route = Some(&*line.route).filter(|it| !it.is_empty());
        let system = line.delivery.as_ref().map(|(target, _)| &*target.system);
        self.caller.may(Right::See, &Of { route, system })
    }
}
