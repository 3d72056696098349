//! The statements that the two databases read differently.
//!
//! SQLite is told which index to take, since it has no statistics to choose by. PostgreSQL skips
//! what another gateway is forgetting at the same moment.

use crate::store::Sql;

/// An account grows: route, target, name, count. SQLite has it as a sum.
pub(super) const ADD: Sql =
    Sql { sqlite: "", postgres: "INSERT INTO tally_change VALUES (?1, ?2, ?3, ?4)" };

/// The sum of an account: route, target, name. PostgreSQL counts fates and outcomes by triggers.
pub(super) const TALLY: &str = "INSERT INTO tally VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT DO UPDATE SET count = count + excluded.count";

/// A message was accepted, or is being settled without anybody having said so before: route, id,
/// at. In a shared store others may want the row.
pub(super) const ARRIVED: [Sql; 2] = {
    const TEXT: &str = "INSERT INTO message (route, id, fate, at) VALUES (?1, ?2, NULL, ?3)
         ON CONFLICT (id, route) DO NOTHING";
    [Sql { sqlite: TEXT, postgres: "" }, Sql { sqlite: "", postgres: TEXT }]
};

/// A message has its fate: route, id, fate, at, deliveries.
pub(super) const SETTLE: Sql = Sql {
    sqlite: "INSERT INTO message (route, id, fate, at, open) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (id, route) DO UPDATE SET fate = excluded.fate, at = excluded.at,
                 open = message.open + excluded.open
                 WHERE message.fate IS NULL",
    // A trigger counts them as they are created.
    postgres: "INSERT INTO message (route, id, fate, at, open)
               VALUES (?1, ?2, ?3, ?4, 0 * CAST(?5 AS BIGINT))
               ON CONFLICT (id, route) DO UPDATE SET fate = excluded.fate, at = excluded.at
                   WHERE message.fate IS NULL",
};

/// The delivery of the statement before is final, if it was not: route, id, at. PostgreSQL has
/// triggers for this and the next.
pub(super) const CLOSE: Sql = Sql {
    sqlite: "UPDATE message SET open = open - changes(), at = ?3
             WHERE route = ?1 AND id = ?2 AND changes() > 0",
    postgres: "",
};

/// Lets go of what was kept of a message, if it is final: route, id.
pub(super) const LET_GO: Sql = Sql {
    sqlite:
        "DELETE FROM kept WHERE message = (
                 SELECT number FROM message
                 WHERE route = ?1 AND id = ?2 AND open = 0 AND fate IS NOT NULL AND fate <> 'dead')",
    postgres: "",
};

/// Holds a message until the transaction ends: route, id. Whoever changes its deliveries changes
/// its row too, and two gateways with several messages each must take them in one order.
pub(super) const HOLD: Sql = Sql {
    sqlite: "",
    postgres: "SELECT 1 FROM message WHERE route = ?1 AND id = ?2 FOR NO KEY UPDATE",
};

/// Every tally; its counts as a JSON object.
pub(super) const TALLIES: Sql = Sql {
    sqlite: "SELECT route, target, json_group_object(name, count) FROM tally
             GROUP BY route, target ORDER BY route, target",
    postgres: "SELECT route, target, CAST(json_object_agg(name, count) AS TEXT) FROM tally
               GROUP BY route, target ORDER BY route, target",
};

/// Forgets deliveries of messages that were final at ?1 or before. Before [`FORGET_MESSAGES`], so
/// that one message with very many of them is forgotten in pieces.
pub(super) const FORGET_DELIVERIES: Sql = Sql {
    sqlite: "DELETE FROM delivery WHERE (message, target, ordinal) IN (
                 SELECT d.message, d.target, d.ordinal
                 FROM message AS m INDEXED BY message_final
                 CROSS JOIN delivery AS d ON d.message = m.number
                 WHERE m.open = 0 AND m.fate <> 'dead' AND m.at <= ?1
                 ORDER BY m.at LIMIT 1000)",
    postgres: "DELETE FROM delivery WHERE (message, target, ordinal) IN (
                   SELECT d.message, d.target, d.ordinal
                   FROM message AS m JOIN delivery AS d ON d.message = m.number
                   WHERE m.open = 0 AND m.fate <> 'dead' AND m.at <= ?1
                   ORDER BY m.at LIMIT 1000 FOR UPDATE OF d SKIP LOCKED)",
};

/// Forgets messages that were final at ?1 or before, and have no deliveries.
pub(super) const FORGET_MESSAGES: Sql = Sql {
    sqlite: "DELETE FROM message WHERE number IN (
                 SELECT number FROM message AS m INDEXED BY message_final
                 WHERE open = 0 AND fate <> 'dead' AND at <= ?1
                     AND NOT EXISTS (SELECT 1 FROM delivery WHERE message = m.number)
                 ORDER BY at LIMIT 1000)",
    postgres: "DELETE FROM message WHERE number IN (
                   SELECT number FROM message AS m
                   WHERE open = 0 AND fate <> 'dead' AND at <= ?1
                       AND NOT EXISTS (SELECT 1 FROM delivery WHERE message = m.number)
                   ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED)",
};

/// Forgets claims that ran out at ?1 or before.
pub(super) const FORGET_CLAIMS: Sql = Sql {
    sqlite: "DELETE FROM claim WHERE (route, identity) IN (
                 SELECT route, identity FROM claim WHERE until <= ?1 ORDER BY until LIMIT 1000)",
    postgres: "DELETE FROM claim WHERE (route, identity) IN (
                   SELECT route, identity FROM claim WHERE until <= ?1
                   ORDER BY until LIMIT 1000 FOR UPDATE SKIP LOCKED)",
};

/// Forgets keys that were used at ?1 or before.
pub(super) const FORGET_KEYS: Sql = Sql {
    sqlite: "DELETE FROM key_use WHERE (client, key) IN (
                 SELECT client, key FROM key_use WHERE at <= ?1 ORDER BY at LIMIT 1000)",
    postgres: "DELETE FROM key_use WHERE (client, key) IN (
                   SELECT client, key FROM key_use WHERE at <= ?1
                   ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED)",
};
