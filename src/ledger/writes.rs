//! What changes the ledger, as statements to be committed with the settlement they belong to.

use super::{Cause, Claim, DeadLetter, DeliveryId, Outcome, Pause, Settling, Tried};
use crate::{
    message::{Digest, Endpoint, MessageId, Timestamp},
    store::Writes,
};

/// `count` messages of `route` were accepted.
pub fn received(_writes: &mut Writes, _route: &str, _count: u64) {
    todo!("store helper")
}

/// A message leaves its route queue with its fate: counts it; keeps it while it is needed; a dead
/// one becomes a dead letter and gives its claim up; a routed one's deliveries are created.
pub fn settle_message(_writes: &mut Writes, _settling: &Settling) {
    todo!("store helper")
}

/// `claim.message` claims an identity of `route`.
pub fn claim(_writes: &mut Writes, _route: &str, _identity: Digest, _claim: &Claim) {
    todo!("store helper")
}

/// A message gives its claims up.
pub fn release(_writes: &mut Writes, _route: &str, _message: MessageId) {
    todo!("store helper")
}

/// A delivery was delivered, expired or discarded; its message goes with the last final one.
pub fn deliver(_writes: &mut Writes, _delivery: &DeliveryId, _outcome: Outcome, _at: Timestamp) {
    todo!("store helper")
}

/// A delivery is given up: it becomes a dead letter.
pub fn finish(
    _writes: &mut Writes,
    _delivery: &DeliveryId,
    _cause: &Cause,
    _tried: &Tried,
    _at: Timestamp,
) {
    todo!("store helper")
}

/// A dead letter is on its way again: it is taken out of the list and counted as under way.
/// `key` is the new `Idempotency-Key` of its delivery, where it is one.
pub fn replay(_writes: &mut Writes, _letter: &DeadLetter, _key: Option<Digest>) {
    todo!("store helper")
}

/// A dead letter is discarded; what it kept goes when nothing else needs it.
pub fn discard(_writes: &mut Writes, _letter: &DeadLetter, _at: Timestamp) {
    todo!("store helper")
}

/// A target is paused.
pub fn pause(_writes: &mut Writes, _pause: &Pause) {
    todo!("store helper")
}

/// A target is freed.
pub fn resume(_writes: &mut Writes, _target: &Endpoint) {
    todo!("store helper")
}

/// An idempotency key of a client was used for `message` with a body of digest `body`.
pub fn keep_idempotency_key(
    _writes: &mut Writes,
    _client_and_key: (&str, &str),
    _message: MessageId,
    _body: Digest,
    _at: Timestamp,
) {
    todo!("store helper")
}

/// A generation of files was started.
pub fn start_generation(_writes: &mut Writes, _number: i64, _digest: Digest, _at: Timestamp) {
    todo!("store helper")
}

/// Forgets what is final and older than [`REMEMBERED`](super::REMEMBERED), claims and keys that
/// ran out; bounded per call.
pub fn forget_old(_writes: &mut Writes, _now: Timestamp) {
    todo!("store helper")
}
