//! Finds what is wrong with the ledger of a store that nobody works on: what it keeps, what does not
//! fit the queues, and accounts that do not add up.

use super::kept::sum_of_kept;
use crate::{
    message::MessageId,
    store::{Finding, Inspection, Row, checksum, may_be_old},
};

/// Looks for all of it; returns how many rows with bodies were read.
pub fn check(store: &Inspection, found: &mut Vec<Finding>) -> u64 {
    let rows = kept(store, found) + sent(store, found) + parked(store, found);
    let mut is_embedded = true;
    let _ = store.rows("SELECT 1 FROM declared LIMIT 1", &[], |_| is_embedded = false);
    // Where messages wait at a RabbitMQ, nobody can hold its queues against the ledger.
    for rule in RULES.iter().filter(|it| is_embedded || !it.of_queues) {
        let asked = store.rows(rule.sql, &[], |row| found.push(rule.broken(row)));
        if let Err(error) = asked {
            found.push(unreadable(rule.about, &error.reason));
        }
    }
    rows
}

/// Something that holds for each store; `sql` finds where it does not: message id (may be NULL), and
/// a text that says what.
struct Rule {
    about: &'static str,
    /// It is about the queues of the embedded broker too.
    of_queues: bool,
    sql: &'static str,
    lost: &'static str,
    todo: &'static str,
}

impl Rule {
    fn broken(&self, row: &Row) -> Finding {
        let what = match row.is_null(0) {
            true => row.text(1).to_owned(),
            false => format!("message {}, {}", id(row, 0), row.text(1)),
        };
        Finding { kind: "account", what, lost: self.lost.to_owned(), todo: self.todo.to_owned() }
    }
}

const NOTHING: &str = "nothing by itself";
const REPORT: &str = "if no page or row is damaged, report it as a bug";
const AGAIN: &str = "have its sender send it again, under another idempotency key";

const RULES: &[Rule] = &[
    Rule {
        about: "deliveries and messages",
        of_queues: false,
        sql: "SELECT NULL, 'a delivery to ' || target || ' of a message that is not there'
              FROM delivery WHERE message NOT IN (SELECT number FROM message)",
        lost: "who the delivery was for",
        todo: REPORT,
    },
    Rule {
        about: "open deliveries",
        of_queues: false,
        sql: "SELECT m.id, 'route ' || m.route || ': ' || m.open || ' deliveries are said to be open, '
                  || count(d.message) || ' are'
              FROM message AS m LEFT JOIN delivery AS d ON d.message = m.number
                  AND (d.outcome IS NULL OR d.outcome = 'dead')
              GROUP BY m.number HAVING m.open <> count(d.message)",
        lost: NOTHING,
        todo: REPORT,
    },
    Rule {
        about: "messages that are kept",
        of_queues: false,
        sql: "SELECT id, 'route ' || route || ': not kept, though it may have to be replayed'
              FROM message WHERE (fate = 'dead' OR (fate = 'routed' AND open > 0))
                  AND number NOT IN (SELECT message FROM kept)",
        lost: "the message as it was accepted: it cannot be replayed",
        todo: AGAIN,
    },
    Rule {
        about: "messages that are kept",
        of_queues: false,
        sql: "SELECT NULL, 'message number ' || message || ' is kept, and not known'
              FROM kept WHERE message NOT IN (SELECT number FROM message)",
        lost: NOTHING,
        todo: REPORT,
    },
    Rule {
        about: "dead letters",
        of_queues: false,
        sql: "SELECT message, 'route ' || route || ': a dead letter of something that is not dead'
              FROM dead AS l WHERE NOT EXISTS (
                  SELECT 1 FROM message AS m
                  LEFT JOIN delivery AS d ON d.message = m.number AND d.target = l.target
                      AND d.ordinal = l.ordinal
                  WHERE m.id = l.message AND m.route = l.route
                      AND CASE l.target WHEN '' THEN m.fate = 'dead' ELSE d.outcome = 'dead' END)",
        lost: NOTHING,
        todo: REPORT,
    },
    Rule {
        about: "dead letters",
        of_queues: false,
        sql: "SELECT m.id, 'route ' || m.route || ': dead, and not among the dead letters'
              FROM message AS m WHERE m.fate = 'dead' AND NOT EXISTS (
                  SELECT 1 FROM dead WHERE message = m.id AND route = m.route AND target = '')
              UNION ALL
              SELECT m.id, 'route ' || m.route || ': its delivery to ' || d.target
                  || ' is dead, and not among the dead letters'
              FROM delivery AS d JOIN message AS m ON m.number = d.message
              WHERE d.outcome = 'dead' AND NOT EXISTS (
                  SELECT 1 FROM dead WHERE message = m.id AND route = m.route
                      AND target = d.target AND ordinal = d.ordinal)",
        lost: "why it is dead",
        todo: AGAIN,
    },
    Rule {
        about: "dead letters and their groups",
        of_queues: false,
        sql: "WITH counted AS (
                  SELECT cause, route, target, class, count(*) AS n FROM dead GROUP BY 1, 2, 3, 4)
              SELECT NULL, 'route ' || route || ': ' || coalesce(c.n, 0)
                  || ' dead letters are in the group ' || cause || ', which says '
                  || coalesce(g.count, 0)
              FROM counted AS c FULL JOIN dead_group AS g USING (cause, route, target, class)
              WHERE coalesce(c.n, 0) <> coalesce(g.count, 0)",
        lost: NOTHING,
        todo: REPORT,
    },
    Rule {
        about: "accounts and rows",
        of_queues: false,
        sql: "WITH counted AS (
                  SELECT route, '' AS target, fate AS name, count(*) AS n FROM message
                  WHERE fate IS NOT NULL GROUP BY 1, 3
                  UNION ALL
                  SELECT m.route, d.target, d.outcome, count(*)
                  FROM delivery AS d JOIN message AS m ON m.number = d.message
                  WHERE d.outcome IS NOT NULL GROUP BY 1, 2, 3
                  UNION ALL
                  SELECT k.route, k.target, 'parked', count(*)
                  FROM parked AS p JOIN ordered_key AS k ON k.number = p.ordered_key GROUP BY 1, 2)
              SELECT NULL, 'route ' || c.route || ', ' || c.target || ': ' || c.n || ' are ' || c.name
                  || ', and the account says ' || coalesce(t.count, 0)
              FROM counted AS c LEFT JOIN tally AS t USING (route, target, name)
              WHERE c.n > coalesce(t.count, 0)
                  OR (c.name IN ('dead', 'parked') AND c.n <> coalesce(t.count, 0))",
        lost: NOTHING,
        todo: REPORT,
    },
    Rule {
        about: "deliveries and queues",
        of_queues: true,
        sql: "WITH waiting AS (
                  SELECT q.name AS queue, e.message AS id, count(*) AS n
                  FROM (SELECT queue, message FROM entry UNION ALL SELECT queue, message FROM damaged)
                      AS e
                  JOIN queue AS q ON q.id = e.queue GROUP BY 1, 2
                  UNION ALL
                  SELECT 'simpul.deliver.' || k.route || '.' || k.target, p.message, count(*)
                  FROM parked AS p JOIN ordered_key AS k ON k.number = p.ordered_key GROUP BY 1, 2),
              here AS (SELECT queue, id, sum(n) AS n FROM waiting GROUP BY 1, 2),
              due AS (
                  SELECT 'simpul.deliver.' || m.route || '.' || d.target AS queue, m.id AS id,
                      count(*) AS n
                  FROM delivery AS d JOIN message AS m ON m.number = d.message
                  WHERE d.outcome IS NULL GROUP BY 1, 2)
              SELECT due.id, (due.n - coalesce(here.n, 0))
                  || ' of its deliveries are under way and stand in no queue (' || due.queue || ')'
              FROM due LEFT JOIN here USING (queue, id)
              WHERE due.n > coalesce(here.n, 0)",
        lost: "these deliveries",
        todo: AGAIN,
    },
    Rule {
        about: "queues and deliveries",
        of_queues: true,
        sql: "WITH due AS (
                  SELECT 'simpul.deliver.' || m.route || '.' || d.target AS queue, m.id AS id,
                      count(*) AS n
                  FROM delivery AS d JOIN message AS m ON m.number = d.message
                  WHERE d.outcome IS NULL GROUP BY 1, 2),
              waiting AS (
                  SELECT q.name AS queue, e.message AS id, count(*) AS n
                  FROM entry AS e JOIN queue AS q ON q.id = e.queue
                  WHERE q.name LIKE 'simpul.deliver.%'
                      AND json_extract(e.headers, '$.\"simpul-call\"') IS NULL GROUP BY 1, 2)
              SELECT waiting.id, 'it stands in ' || waiting.queue
                  || ', and nothing of it is under way to there'
              FROM waiting LEFT JOIN due USING (queue, id) WHERE waiting.n > coalesce(due.n, 0)",
        lost: NOTHING,
        todo: REPORT,
    },
    Rule {
        about: "the accounts of messages",
        of_queues: true,
        sql: "WITH account AS (
                  SELECT route, sum(CASE name WHEN 'received' THEN count ELSE -count END) AS in_hand
                  FROM tally WHERE target = '' GROUP BY 1),
              waiting AS (
                  SELECT substr(q.name, 14) AS route,
                      q.entries + (SELECT count(*) FROM damaged WHERE queue = q.id) AS n
                  FROM queue AS q WHERE q.name LIKE 'simpul.route.%')
              SELECT NULL, 'route ' || route || ': by its accounts ' || in_hand
                  || ' messages are in hand, and ' || coalesce(n, 0) || ' are in its queue'
              FROM account LEFT JOIN waiting USING (route) WHERE in_hand <> coalesce(n, 0)",
        lost: "as many messages as are missing from the queue",
        todo: "have senders send again what they sent last",
    },
    Rule {
        about: "the accounts of deliveries",
        of_queues: true,
        sql: "WITH account AS (
                  SELECT route, target,
                      sum(CASE WHEN name IN ('created', 'calls') THEN count ELSE -count END)
                          AS under_way
                  FROM tally WHERE target <> '' GROUP BY 1, 2),
              waiting AS (
                  SELECT q.name, q.entries + (SELECT count(*) FROM damaged WHERE queue = q.id) AS n
                  FROM queue AS q)
              SELECT NULL, 'route ' || route || ', ' || target || ': by its accounts ' || under_way
                  || ' deliveries and calls are under way, and ' || coalesce(n, 0)
                  || ' are in its queue'
              FROM account LEFT JOIN waiting ON name = 'simpul.deliver.' || route || '.' || target
              WHERE under_way <> coalesce(n, 0)",
        lost: "as many deliveries as are missing from the queue",
        todo: "see the lines about deliveries that stand in no queue",
    },
];

/// Messages as they were accepted.
fn kept(store: &Inspection, found: &mut Vec<Finding>) -> u64 {
    const NUMBERS: &str = "SELECT message FROM kept ORDER BY message";
    const ONE: &str = "
        SELECT k.received_at, k.headers, k.body, k.crc, m.route, m.id
        FROM kept AS k LEFT JOIN message AS m ON m.number = k.message WHERE k.message = ?1";
    each(store, (NUMBERS, ONE), "what is kept", found, |number, row, found| {
        // One that is not known has a rule of its own.
        let message = id(row, 5);
        let content = (row.text(1), &*row.blob(2));
        let sum = sum_of_kept(row.text(4), message, row.int(0), content);
        let is_old = row.is_null(3) && may_be_old(content.1);
        if is_old || row.is_null(5) || row.int(3) == sum {
            return;
        }
        found.push(Finding {
            kind: "row",
            what: format!(
                "message {message} (number {number}, route {}) as it was accepted: the disk gives \
                 it back otherwise than it was written",
                row.text(4)
            ),
            lost: "the message: what is on its way to its targets goes on, but nothing of it can \
                   be replayed"
                .to_owned(),
            todo: AGAIN.to_owned(),
        });
    })
}

/// What dead letters say was sent.
fn sent(store: &Inspection, found: &mut Vec<Finding>) -> u64 {
    const NUMBERS: &str = "SELECT id FROM dead ORDER BY id";
    const ONE: &str = "SELECT message, sent, crc FROM dead WHERE id = ?1";
    each(store, (NUMBERS, ONE), "the dead letters", found, |number, row, found| {
        let is_old = row.is_null(2) && (row.is_null(1) || may_be_old(&row.blob(1)));
        if is_old || row.int(2) == checksum(&[&row.blob(0), &row.blob(1)]) {
            return;
        }
        found.push(Finding {
            kind: "row",
            what: format!(
                "dead letter {number} of message {}: the disk gives back what was sent otherwise \
                 than it was written",
                id(row, 0)
            ),
            lost: "what was sent; a replay makes it anew from the message".to_owned(),
            todo: "nothing".to_owned(),
        });
    })
}

/// What is parked behind a dead delivery of its key.
fn parked(store: &Inspection, found: &mut Vec<Finding>) -> u64 {
    const NUMBERS: &str = "SELECT rowid FROM parked ORDER BY rowid";
    const ONE: &str = "SELECT message, body, crc FROM parked WHERE rowid = ?1";
    each(store, (NUMBERS, ONE), "what is parked", found, |_, row, found| {
        if row.int(2) == checksum(&[&row.blob(0), &row.blob(1)]) {
            return;
        }
        found.push(Finding {
            kind: "row",
            what: format!(
                "a parked delivery of message {}: the disk gives it back otherwise than it was \
                 written",
                id(row, 0)
            ),
            lost: "this delivery; it is not sent, and what is parked behind it waits".to_owned(),
            todo: AGAIN.to_owned(),
        });
    })
}

/// Reads each row alone, so that one that cannot be read does not hide the others.
fn each(
    store: &Inspection,
    (numbers, one): (&'static str, &'static str),
    about: &str,
    found: &mut Vec<Finding>,
    mut look: impl FnMut(i64, &Row, &mut Vec<Finding>),
) -> u64 {
    let mut all = Vec::new();
    if let Err(error) = store.rows(numbers, &[], |row| all.push(row.int(0))) {
        found.push(unreadable(about, &error.reason));
    }
    for number in &all {
        let mut rows = Vec::new();
        match store.rows(one, &[(*number).into()], |row| rows.push(row.clone())) {
            Ok(()) => rows.iter().for_each(|row| look(*number, row, found)),
            Err(error) => found.push(unreadable(&format!("{about}, {number}"), &error.reason)),
        }
    }
    all.len() as u64
}

fn id(row: &Row, column: usize) -> MessageId {
    MessageId::from_bytes(row.blob(column).as_ref().try_into().unwrap_or_default())
}

fn unreadable(about: &str, reason: &str) -> Finding {
    Finding {
        kind: "page",
        what: format!("{about}: {reason}"),
        lost: "what stands there".to_owned(),
        todo: "see the lines about pages".to_owned(),
    }
}
