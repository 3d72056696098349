//! What changes the ledger, as statements to be committed with the settlement they belong to.
//!
//! What the tables mean stands in the store's migrations. Each statement that changes a fate or an
//! outcome says what that adds to which account, and closes what is final; on PostgreSQL triggers do.

use super::{
    Cause, Claim, DeadLetter, DeliveryId, Fate, Outcome, Pause, REMEMBERED, Settling, Tried, dead,
    group_of, kept::kept, order, sql,
};
use crate::{
    message::{Digest, Endpoint, MessageId, Timestamp},
    store::{Expect, Param, Sum, Writes, checksum},
};

/// `count` messages of `route` were accepted.
pub fn received(writes: &mut Writes, route: &str, count: u64) {
    add(writes, (route, ""), RECEIVED, count);
}

/// Adds to an account of `route_and_target` (of its messages: an empty target) for what is not
/// stored message by message, so that nothing else counts it.
pub fn add(writes: &mut Writes, route_and_target: (&str, &str), name: &str, count: u64) {
    shift(writes, route_and_target, name, i64::try_from(count).unwrap_or(i64::MAX));
}

/// Changes an account by so much.
pub(super) fn shift(writes: &mut Writes, (route, target): (&str, &str), name: &str, count: i64) {
    writes.push(sql::ADD, vec![route.into(), target.into(), name.into(), count.into()]);
    writes.add(tally(route, target, name), count);
}

/// The account in which messages are counted as they come.
const RECEIVED: &str = "received";

pub(super) fn tally(route: &str, target: &str, name: &str) -> Sum {
    Sum { sql: sql::TALLY, key: vec![route.into(), target.into(), name.into()] }
}

/// A message was accepted, or is being settled without anybody having said so before: its row is
/// made, and with it `received` is counted, once. For brokers that are not transactional, in the
/// place of [`received`], which says how many are in the same transaction.
pub fn arrived(writes: &mut Writes, route: &str, message: MessageId, at: Timestamp) {
    let params = || vec![route.into(), id(message), at.as_millis().into()];
    let [here, shared] = sql::ARRIVED;
    writes.push(here, params());
    writes.each_adds(tally(route, "", RECEIVED), 1);
    writes.push_first(shared, params(), None);
}

/// A message leaves its route queue with its fate: counts it; keeps it while it is needed; a dead
/// one becomes a dead letter and gives its claim up; a routed one's deliveries are created. Nothing of
/// the writes is kept if the message has a fate already: [`Ledger::settled`](super::Ledger::settled)
/// tells.
pub fn settle_message(writes: &mut Writes, settling: &Settling) {
    let Settling { route, message, fate, .. } = settling;
    let (id, at) = (id(message.id), settling.at.as_millis());
    let count = i64::try_from(settling.deliveries.len()).unwrap_or(i64::MAX);
    // One that was replayed is known already, without a fate.
    writes.push_expecting(
        sql::SETTLE,
        vec![route.as_ref().into(), id.clone(), fate.word().into(), at.into(), count.into()],
        Expect { rows: 1, otherwise: "another gateway has settled the message meanwhile" },
    );
    writes.each_adds(tally(route, "", fate.word()), 1);
    // After the fate: a final one lets go of what was kept.
    let is_open = !settling.deliveries.is_empty() || *fate == Fate::Dead;
    if is_open {
        writes.push(
            "INSERT INTO kept (message, received_at, headers, body, crc)
             SELECT number, ?3, ?4, ?5, ?6 FROM message WHERE route = ?1 AND id = ?2
             ON CONFLICT DO NOTHING",
            kept(route, message),
        );
    } else {
        let_go(writes, route, message.id);
    }
    for delivery in &settling.deliveries {
        order::create(writes, delivery, settling.at);
    }
    if *fate == Fate::Dead {
        bury_message(writes, settling);
        release(writes, route, message.id);
    }
}

/// A copy of a delivery is about to be put into its queue, where the first one may come after it.
/// Only after this is durable; whoever sends either of them asks
/// [`Ledger::sendings`](super::Ledger::sendings) before.
pub fn copied(writes: &mut Writes, delivery: &DeliveryId) {
    writes.push(
        "UPDATE delivery SET copied = 1
         WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
             AND target = ?3 AND ordinal = ?4",
        address(delivery),
    );
}

fn bury_message(writes: &mut Writes, settling: &Settling) {
    let unknown =
        Cause { class: "bad message".into(), place: String::new(), reason: String::new() };
    let cause = settling.cause.as_ref().unwrap_or(&unknown);
    let group = group_of(&settling.route, None, cause);
    writes.push(
        "INSERT INTO dead
             (route, message, at, generation, class, place, reason, cause, target, ordinal, attempts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', 0, 0)
         ON CONFLICT DO NOTHING",
        vec![
            settling.route.as_ref().into(),
            id(settling.message.id),
            settling.at.as_millis().into(),
            settling.generation.into(),
            cause.class.as_ref().into(),
            cause.place.as_str().into(),
            cause.reason.as_str().into(),
            group.as_str().into(),
        ],
    );
    dead::counted(writes, (&settling.route, "", &cause.class, &group), 1);
}

/// `claim.message` claims an identity of `route` at `now`. A claim of another message that still
/// holds stays as it is: to take it over, [`release`] it first.
///
/// Where several gateways share the store, it is the database that decides: claim in a commit of
/// its own, and only then ask [`Ledger::claims`](super::Ledger::claims) who has it. A crash in
/// between costs nothing, for a message that comes again finds the claim to be its own. With
/// [`Store::commit_counting`](crate::store::Store::commit_counting) the count is 0 where another
/// message has it.
pub fn claim(writes: &mut Writes, route: &str, identity: Digest, claim: &Claim, now: Timestamp) {
    writes.push_first(
        "INSERT INTO claim (route, identity, message, body, until) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (route, identity) DO UPDATE
             SET message = excluded.message, body = excluded.body, until = excluded.until
             WHERE claim.until <= ?6 OR claim.message = excluded.message",
        vec![
            route.into(),
            identity.0.as_slice().into(),
            id(claim.message),
            claim.body.0.as_slice().into(),
            claim.until.as_millis().into(),
            now.as_millis().into(),
        ],
        None,
    );
}

/// A message gives its claims up.
pub fn release(writes: &mut Writes, route: &str, message: MessageId) {
    writes.push(
        "DELETE FROM claim WHERE message = ?2 AND route = ?1",
        vec![route.into(), id(message)],
    );
}

/// Keeps the other gateways from a message until this is committed.
fn hold(writes: &mut Writes, route: &str, message: MessageId) {
    writes.push_first(sql::HOLD, vec![route.into(), id(message)], None);
}

/// A delivery was delivered, expired or discarded; its message goes with the last final one.
/// One that is final or dead already stays as it is.
pub fn deliver(writes: &mut Writes, delivery: &DeliveryId, outcome: Outcome, at: Timestamp) {
    hold(writes, &delivery.route, delivery.message);
    let mut params = address(delivery);
    params.extend([outcome.word().into(), at.as_millis().into()]);
    writes.push(END, params);
    writes.each_adds(tally_of(delivery, outcome), 1);
    if outcome != Outcome::Dead {
        close(writes, &delivery.route, delivery.message, at);
    }
}

fn tally_of(delivery: &DeliveryId, outcome: Outcome) -> Sum {
    tally(&delivery.route, &delivery.target.to_string(), outcome.word())
}

/// The delivery of the statement before is final: its message is, with the last one.
fn close(writes: &mut Writes, route: &str, message: MessageId, at: Timestamp) {
    writes.push(sql::CLOSE, vec![route.into(), id(message), at.as_millis().into()]);
    let_go(writes, route, message);
}

fn let_go(writes: &mut Writes, route: &str, message: MessageId) {
    writes.push(sql::LET_GO, vec![route.into(), id(message)]);
}

const END: &str = "
    UPDATE delivery SET outcome = ?5, at = ?6
    WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
        AND target = ?3 AND ordinal = ?4 AND outcome IS NULL";

/// A delivery is given up: it becomes a dead letter. One that is final or dead already stays as
/// it is.
pub fn finish(
    writes: &mut Writes,
    delivery: &DeliveryId,
    cause: &Cause,
    tried: &Tried,
    at: Timestamp,
) {
    deliver(writes, delivery, Outcome::Dead, at);
    let group = group_of(&delivery.route, Some(&delivery.target), cause);
    let mut params = address(delivery);
    params.extend([
        at.as_millis().into(),
        cause.class.as_ref().into(),
        cause.place.as_str().into(),
        cause.reason.as_str().into(),
        i64::from(tried.attempts).into(),
        tried.generation.into(),
        tried.sent.clone().into(),
        tried.sent.as_ref().map(|sent| checksum(&[delivery.message.as_bytes(), sent])).into(),
        group.as_str().into(),
    ]);
    // Only if the statement before has ended it: one that was dead before has its letter.
    writes.push(
        "INSERT INTO dead (route, message, target, ordinal,
                           at, class, place, reason, attempts, generation, sent, crc, cause)
         SELECT ?1, ?2, target, ordinal, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13 FROM delivery
         WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
             AND target = ?3 AND ordinal = ?4 AND outcome = 'dead'
         ON CONFLICT DO NOTHING",
        params,
    );
    let target = delivery.target.to_string();
    dead::counted(writes, (&delivery.route, &target, &cause.class, &group), 1);
}

/// A dead letter is on its way again: it is taken out of the list and counted as under way.
/// `key` is the new `Idempotency-Key` of its delivery, where it is one. Nothing of the writes is
/// kept if somebody else replayed or discarded it before.
pub fn replay(writes: &mut Writes, letter: &DeadLetter, key: Option<Digest>) {
    take_letter(writes, letter);
    match letter.delivery_id() {
        Some(delivery) => {
            order::call_held(writes, &delivery);
            let mut params = address(&delivery);
            params.push(key.map(|it| it.0.to_vec()).as_deref().into());
            writes.push_expecting(
                "UPDATE delivery SET outcome = NULL, key = coalesce(?5, key), holds = 0
                 WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
                     AND target = ?3 AND ordinal = ?4 AND outcome = 'dead'",
                params,
                NOT_DEAD,
            );
            writes.each_adds(tally_of(&delivery, Outcome::Dead), -1);
        }
        None => {
            let params = vec![letter.route.as_ref().into(), id(letter.message)];
            writes.push_expecting(
                "UPDATE message SET fate = NULL WHERE route = ?1 AND id = ?2 AND fate = 'dead'",
                params,
                NOT_DEAD,
            );
            writes.each_adds(tally(&letter.route, "", Fate::Dead.word()), -1);
        }
    }
}

/// A dead letter is discarded; what it kept goes when nothing else needs it. Nothing of the
/// writes is kept if somebody else replayed or discarded it before.
pub fn discard(writes: &mut Writes, letter: &DeadLetter, at: Timestamp) {
    take_letter(writes, letter);
    match letter.delivery_id() {
        Some(delivery) => {
            order::call_held(writes, &delivery);
            let mut params = address(&delivery);
            params.push(at.as_millis().into());
            writes.push_expecting(
                "UPDATE delivery SET outcome = 'discarded', at = ?5, holds = 0
                 WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
                     AND target = ?3 AND ordinal = ?4 AND outcome = 'dead'",
                params,
                NOT_DEAD,
            );
            writes.each_adds(tally_of(&delivery, Outcome::Dead), -1);
            writes.each_adds(tally_of(&delivery, Outcome::Discarded), 1);
            close(writes, &letter.route, letter.message, at);
        }
        None => {
            writes.push_expecting(
                "UPDATE message SET fate = 'discarded', at = ?3
                 WHERE route = ?1 AND id = ?2 AND fate = 'dead'",
                vec![letter.route.as_ref().into(), id(letter.message), at.as_millis().into()],
                NOT_DEAD,
            );
            writes.each_adds(tally(&letter.route, "", Fate::Dead.word()), -1);
            writes.each_adds(tally(&letter.route, "", Fate::Discarded.word()), 1);
            let_go(writes, &letter.route, letter.message);
        }
    }
}

fn take_letter(writes: &mut Writes, letter: &DeadLetter) {
    hold(writes, &letter.route, letter.message);
    let otherwise = "the dead letter is no longer there: it was replayed or discarded meanwhile";
    let expect = Expect { rows: 1, otherwise };
    writes.push_expecting("DELETE FROM dead WHERE id = ?1", vec![letter.id.into()], expect);
    let target = letter.delivery.as_ref().map(|(target, _)| target.to_string()).unwrap_or_default();
    let kind = (&*letter.route, &*target, &*letter.cause.class, &*letter.group);
    dead::counted(writes, kind, -1);
}

const NOT_DEAD: Expect =
    Expect { rows: 1, otherwise: "bug: a dead letter of something that is not dead" };

/// A target is paused. One that an operator paused stays so whatever the target answers.
pub fn pause(writes: &mut Writes, pause: &Pause) {
    writes.push(
        "INSERT INTO pause (target, since, reason, by_operator, system_digest)
         VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (target) DO UPDATE
             SET reason = excluded.reason, by_operator = excluded.by_operator,
                 system_digest = excluded.system_digest
             WHERE pause.by_operator <= excluded.by_operator",
        vec![
            pause.target.to_string().into(),
            pause.since.as_millis().into(),
            pause.reason.as_str().into(),
            i64::from(pause.by_operator).into(),
            pause.system_digest.map(|it| it.0.to_vec()).as_deref().into(),
        ],
    );
}

/// A target is freed.
pub fn resume(writes: &mut Writes, target: &Endpoint) {
    writes.push("DELETE FROM pause WHERE target = ?1", vec![target.to_string().into()]);
}

/// A generation of files was started. Nothing of the writes is kept if another gateway has given
/// the number to other files meanwhile: take the next one after
/// [`Ledger::last_generation`](super::Ledger::last_generation) then.
pub fn start_generation(writes: &mut Writes, number: i64, digest: Digest, at: Timestamp) {
    writes.push_first(
        "INSERT INTO generation (number, digest, at) VALUES (?1, ?2, ?3)
         ON CONFLICT (number) DO UPDATE SET at = excluded.at
             WHERE generation.digest = excluded.digest",
        vec![number.into(), digest.0.as_slice().into(), at.as_millis().into()],
        Some(Expect { rows: 1, otherwise: "another gateway has taken the generation's number" }),
    );
}

/// Forgets what is final and older than [`REMEMBERED`], claims and keys that ran out; at most
/// 1,000 rows of each kind per call.
pub fn forget_old(writes: &mut Writes, now: Timestamp) {
    let before = || vec![forgotten_at(now).into()];
    writes.push(sql::FORGET_DELIVERIES, before());
    writes.push(sql::FORGET_MESSAGES, before());
    writes.push(sql::FORGET_CLAIMS, vec![now.as_millis().into()]);
    writes.push(sql::FORGET_KEYS, before());
    writes.push(dead::FORGET_GROUPS, vec![]);
}

/// What happened at this moment or before is forgotten at `now`.
pub(super) fn forgotten_at(now: Timestamp) -> i64 {
    let remembered = i64::try_from(REMEMBERED.as_millis()).unwrap_or(i64::MAX);
    now.as_millis().saturating_sub(remembered)
}

/// The first four values of a statement about a delivery.
pub(super) fn address(delivery: &DeliveryId) -> Vec<Param> {
    vec![
        delivery.route.as_ref().into(),
        id(delivery.message),
        delivery.target.to_string().into(),
        i64::from(delivery.ordinal).into(),
    ]
}

pub(super) fn id(message: MessageId) -> Param {
    message.as_bytes().as_slice().into()
}
