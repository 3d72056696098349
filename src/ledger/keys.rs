//! What changes the use of idempotency keys, as statements to be committed.

use super::{
    KeyUse,
    writes::{forgotten_at, id},
};
use crate::{
    message::{Digest, MessageId, Timestamp},
    store::{Expect, Writes},
};

/// An idempotency key of a client was used for a message. The first use stands until it is
/// forgotten: where there is one, all that is committed with this is refused, so that two messages
/// under one key are never both stored.
pub fn keep_idempotency_key(
    writes: &mut Writes,
    client_and_key: (&str, &str),
    message: MessageId,
    body: Digest,
    at: Timestamp,
) {
    let used = KeyUse { message, body, stored: true };
    let expect = Expect { rows: 1, otherwise: "the idempotency key was used meanwhile" };
    put(writes, client_and_key, &used, at, Some(expect));
}

/// Reserves an idempotency key for `message` before it is stored, where both cannot happen at
/// once. Somebody else's use stands: then the statement changes no row
/// ([`Store::commit_counting`](crate::store::Store::commit_counting)), and the next look finds it.
pub fn reserve_idempotency_key(
    writes: &mut Writes,
    client_and_key: (&str, &str),
    message: MessageId,
    body: Digest,
    at: Timestamp,
) {
    put(writes, client_and_key, &KeyUse { message, body, stored: false }, at, None);
}

fn put(
    writes: &mut Writes,
    (client, key): (&str, &str),
    used: &KeyUse,
    at: Timestamp,
    expect: Option<Expect>,
) {
    writes.push_first(
        "INSERT INTO key_use (client, key, message, body, at, stored)
         VALUES (?1, ?2, ?3, ?4, ?5, ?7)
         ON CONFLICT (client, key) DO UPDATE
             SET message = excluded.message, body = excluded.body, at = excluded.at,
                 stored = excluded.stored
             WHERE key_use.at <= ?6",
        vec![
            client.into(),
            key.into(),
            id(used.message),
            used.body.0.as_slice().into(),
            at.as_millis().into(),
            forgotten_at(at).into(),
            i64::from(used.stored).into(),
        ],
        expect,
    );
}

/// The message for which an idempotency key was reserved is stored.
pub fn confirm_idempotency_key(
    writes: &mut Writes,
    client_and_key: (&str, &str),
    message: MessageId,
) {
    let (client, key) = client_and_key;
    writes.push_first(
        "UPDATE key_use SET stored = 1 WHERE client = ?1 AND key = ?2 AND message = ?3",
        vec![client.into(), key.into(), id(message)],
        None,
    );
}
