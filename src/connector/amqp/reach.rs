//! Whether a RabbitMQ can be reached, and has what a source or target needs there.

use tokio::time::timeout;

use super::{
    super::{
        CallError, Class,
        reach::{Reached, TIME_MAX},
    },
    target::failed,
};
use crate::amqp::{Admin, Link, LinkState};

/// What must be there.
pub(super) enum Wanted<'w> {
    Queue(&'w str),
    Exchange(&'w str),
    /// Which queue it is, each message says.
    Any,
}

/// Looks over a connection that is kept; declares nothing.
pub(super) async fn reach(link: &Link, wanted: Wanted<'_>) -> Result<Reached, CallError> {
    let state = timeout(TIME_MAX, link.changed(&LinkState::Down(None))).await;
    let unavailable = |reason: String| failed(Class::Unavailable, reason);
    let blocked = match state {
        Ok(LinkState::Up) => None,
        Ok(LinkState::Blocked(reason)) => Some(reason),
        Ok(other) => return Err(unavailable(other.obstacle().unwrap_or_default())),
        Err(_) => return Err(unavailable(format!("no answer within {} s", TIME_MAX.as_secs()))),
    };
    let version = link.version().map_or_else(|| "answers".to_owned(), ToString::to_string);
    if let Some(reason) = blocked {
        let warning = format!("takes nothing for want of memory or disk: {reason}");
        return Ok(Reached { warning: Some(warning), ..Reached::saying(version) });
    }
    let admin = Admin::new(link);
    let asked = match wanted {
        Wanted::Any | Wanted::Exchange("") => Ok((true, String::new())),
        Wanted::Queue(name) => {
            admin.counts(name).await.map(|it| (it.is_some(), format!("queue `{name}`")))
        }
        Wanted::Exchange(name) => {
            admin.has_exchange(name).await.map(|it| (it, format!("exchange `{name}`")))
        }
    };
    match asked.map_err(|error| unavailable(error.to_string()))? {
        (true, _) => Ok(Reached::saying(version)),
        (false, what) => Err(failed(Class::Misconfigured, format!("{what} does not exist there"))),
    }
}
