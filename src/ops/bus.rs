//! What the operator's calls need of a running bus. The engine does it; tests play it.

use async_trait::async_trait;
use bytes::Bytes;

use super::wire::{PauseView, ReloadView, ReplayView, RouteView};
use crate::{
    journal::Line,
    ledger::{Cause, DeadFilter, DeadLetter, Fares},
    message::{Endpoint, MessageId},
};

/// A running bus, as far as an operator can reach it.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Whether it takes and delivers messages; the reason if not.
    async fn ready(&self) -> Result<(), String>;

    /// Every route with its tally and its targets.
    async fn status(&self) -> Result<Vec<RouteView>, Refusal>;

    /// Dead letters by number.
    async fn dead(&self, filter: &DeadFilter, limit: usize) -> Result<Vec<DeadLetter>, Refusal>;

    /// What a replay of one dead letter would send with today's files.
    async fn preview(&self, id: i64) -> Result<Preview, Refusal>;

    /// Sends dead letters on again; `by` is who and why.
    async fn replay(&self, filter: &DeadFilter, by: &str) -> Result<ReplayView, Refusal>;

    /// Gives dead letters up for good; `by` is who and why. Returns how many.
    async fn discard(&self, filter: &DeadFilter, by: &str) -> Result<u64, Refusal>;

    /// Every pause.
    async fn pauses(&self) -> Result<Vec<PauseView>, Refusal>;

    /// Pauses a target until it is resumed.
    async fn pause(&self, target: &Endpoint, reason: &str) -> Result<(), Refusal>;

    /// Frees a target.
    async fn resume(&self, target: &Endpoint) -> Result<(), Refusal>;

    /// Reads the files again and takes them into use, or changes nothing.
    async fn reload(&self) -> Result<ReloadView, Refusal>;

    /// What is known of one message, and every line of the journal about it.
    async fn trace(&self, id: MessageId) -> Result<(Vec<Fares>, Vec<Line>), Refusal>;
}

/// What a replay would send.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What was sent when it failed, if it came so far.
    pub before: Option<Bytes>,
    /// What would be sent, and where; or why it would fail again.
    pub after: Result<Vec<(Endpoint, Bytes)>, Cause>,
}

/// Why a call of an operator did not do what he asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The files have mistakes; holds them all, rendered. Nothing was changed.
    #[error("the files have mistakes; nothing was changed")]
    Files(String),
    /// Not now: the store or the broker has trouble.
    #[error("{0}")]
    Unavailable(String),
}
