//! The journal as it grows, for one caller.

use std::{sync::Arc, time::Duration};

use tokio::{sync::OwnedSemaphorePermit, time::sleep};

use super::{Desk, Refusal, Right};
use crate::journal::{Line, Tail};

/// How often somebody who follows the journal asks for more.
const EVERY: Duration = Duration::from_millis(400);

/// Follows the journal, and holds one of the places of those who do.
pub struct Following {
    tail: Tail,
    desk: Desk,
    _place: OwnedSemaphorePermit,
}

#[expect(clippy::missing_errors_doc, reason = "said once, at `Refusal`")]
impl Desk {
    /// Follows the journal from behind a line on, or from now on: what he may see of all of it, or of
    /// one route.
    pub async fn follow(
        &self,
        after: Option<i64>,
        route: Option<Arc<str>>,
    ) -> Result<Following, Refusal> {
        self.need_somewhere(Right::See)?;
        let full = || Refusal::Unavailable("too many follow the journal already".to_owned());
        let place = self.bus.listener().ok_or_else(full)?;
        let tail = self.bus.tail(after, route).await?;
        Ok(Following { tail, desk: self.clone(), _place: place })
    }
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
            if self.desk.bus.is_stopping() {
                return Ok(None);
            }
            let unavailable =
                |error: &dyn std::fmt::Display| Refusal::Unavailable(error.to_string());
            let (mut lines, more) = self.tail.next().await.map_err(|error| unavailable(&error))?;
            lines.retain(|(_, line)| self.desk.sees_line(line));
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
}
