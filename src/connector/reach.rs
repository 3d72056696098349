//! Whether another system can be reached: looked at without sending it anything that it could take
//! for a message.

use std::time::Duration;

use crate::message::Timestamp;

/// How long looking may take.
pub(super) const TIME_MAX: Duration = Duration::from_secs(10);

/// What was seen of a system that answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// In a few words: `answers`, `RabbitMQ 3.10.8`.
    pub summary: String,
    /// Why deliveries wait all the same: `answers 503 Service Unavailable`.
    pub warning: Option<String>,
    /// By how many milliseconds its clock is ahead of ours, where it tells the time.
    pub ahead_ms: Option<i64>,
    /// Until when its certificate holds, where it has one that could be seen.
    pub certificate_ends: Option<Timestamp>,
}

impl Reached {
    /// It is there.
    pub(super) fn saying(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), ..Self::default() }
    }
}
