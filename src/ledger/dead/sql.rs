//! The statements about dead letters.
//!
//! Whatever is asked, letters are looked for in an index that holds all that they are looked for
//! by, from the number on where the last answer ended, and only those that are shown are read. For
//! PostgreSQL each is joined by itself: without statistics it would read all letters to find some.

use crate::store::Sql;

/// Letters by number: after, up to, since, before, route, target, class, how many at most, whether
/// with what was sent.
pub(super) const LOOK: Sql = Sql {
    sqlite: "SELECT id, at, route, message, target, ordinal, class, place, reason, attempts,
                    generation, cause, CASE WHEN ?9 = 1 THEN sent END
             FROM dead WHERE id IN (
                 SELECT id FROM dead INDEXED BY dead_look
                 WHERE id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                     AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                     AND (class = ?7 OR ?7 IS NULL)
                 ORDER BY id LIMIT ?8)
             ORDER BY id",
    postgres: "SELECT dead.id, at, route, message, target, ordinal, class, place, reason, attempts,
                      generation, cause, CASE WHEN CAST(?9 AS BIGINT) = 1 THEN sent END
               FROM (
                   SELECT id FROM dead
                   WHERE id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                       AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                       AND (class = ?7 OR ?7 IS NULL)
                   ORDER BY id LIMIT ?8) AS found
               CROSS JOIN LATERAL (SELECT * FROM dead WHERE id = found.id LIMIT 1) AS dead
               ORDER BY dead.id",
};

/// As [`LOOK`], of one group: the first seven, the group, how many, whether with what was sent.
pub(super) const LOOK_IN_GROUP: Sql = Sql {
    sqlite: "SELECT id, at, route, message, target, ordinal, class, place, reason, attempts,
                    generation, cause, CASE WHEN ?10 = 1 THEN sent END
             FROM dead WHERE id IN (
                 SELECT id FROM dead INDEXED BY dead_cause
                 WHERE cause = ?8 AND id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                     AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                     AND (class = ?7 OR ?7 IS NULL)
                 ORDER BY id LIMIT ?9)
             ORDER BY id",
    postgres: "SELECT dead.id, at, route, message, target, ordinal, class, place, reason, attempts,
                      generation, cause, CASE WHEN CAST(?10 AS BIGINT) = 1 THEN sent END
               FROM (
                   SELECT id FROM dead
                   WHERE cause = ?8 AND id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                       AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                       AND (class = ?7 OR ?7 IS NULL)
                   ORDER BY id LIMIT ?9) AS found
               CROSS JOIN LATERAL (SELECT * FROM dead WHERE id = found.id LIMIT 1) AS dead
               ORDER BY dead.id",
};

/// As [`LOOK`], those with certain numbers: the first seven, the group, the numbers as a JSON
/// array, how many, whether with what was sent.
pub(super) const LOOK_UP: Sql = Sql {
    sqlite: "SELECT id, at, route, message, target, ordinal, class, place, reason, attempts,
                    generation, cause, CASE WHEN ?11 = 1 THEN sent END
             FROM dead
             WHERE id IN (SELECT value FROM json_each(?9))
                 AND id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                 AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                 AND (class = ?7 OR ?7 IS NULL) AND (cause = ?8 OR ?8 IS NULL)
             ORDER BY id LIMIT ?10",
    postgres: "SELECT id, at, route, message, target, ordinal, class, place, reason, attempts,
                      generation, cause, CASE WHEN CAST(?11 AS BIGINT) = 1 THEN sent END
               FROM dead
               WHERE id = ANY (ARRAY(
                       SELECT CAST(value AS BIGINT)
                       FROM jsonb_array_elements_text(CAST(CAST(?9 AS TEXT) AS JSONB))))
                   AND id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                   AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                   AND (class = ?7 OR ?7 IS NULL) AND (cause = ?8 OR ?8 IS NULL)
               ORDER BY id LIMIT ?10",
};

/// Letters of a message: its id, how many at most.
pub(super) const OF_MESSAGE: &str = "
    SELECT id, at, route, message, target, ordinal, class, place, reason, attempts, generation, cause,
           NULL
    FROM dead WHERE message = ?1 ORDER BY id LIMIT ?2";

/// How many letters there are: the first seven of [`LOOK`], and the group.
pub(super) const COUNT: Sql = Sql {
    sqlite: "SELECT count(*) FROM dead INDEXED BY dead_cause
             WHERE (cause = ?8 OR ?8 IS NULL)
                 AND id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                 AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                 AND (class = ?7 OR ?7 IS NULL)",
    postgres: "SELECT count(*) FROM dead
               WHERE (cause = ?8 OR ?8 IS NULL)
                   AND id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                   AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                   AND (class = ?7 OR ?7 IS NULL)",
};

/// Groups, the largest first: the first seven of [`LOOK`], the group, how many at most. The last
/// letter of each stands for it.
pub(super) const GROUPS: Sql = Sql {
    sqlite:
        "SELECT g.cause, g.count, f.at, l.at, l.id, l.route, l.target, l.class, l.place, l.reason
             FROM (SELECT cause, count(*) AS count, min(id) AS first, max(id) AS last
                   FROM dead INDEXED BY dead_cause
                   WHERE (cause = ?8 OR ?8 IS NULL)
                       AND id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                       AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                       AND (class = ?7 OR ?7 IS NULL)
                   GROUP BY cause ORDER BY count DESC, cause LIMIT ?9) AS g
             CROSS JOIN dead AS f ON f.id = g.first CROSS JOIN dead AS l ON l.id = g.last
             ORDER BY g.count DESC, g.cause",
    postgres: "SELECT g.cause, g.count, f.at, l.at, l.id, l.route, l.target, l.class, l.place,
                      l.reason
               FROM (SELECT cause, count(*) AS count, min(id) AS first, max(id) AS last
                     FROM dead
                     WHERE (cause = ?8 OR ?8 IS NULL)
                         AND id > ?1 AND id <= ?2 AND at >= ?3 AND at < ?4
                         AND (route = ?5 OR ?5 IS NULL) AND (target = ?6 OR ?6 IS NULL)
                         AND (class = ?7 OR ?7 IS NULL)
                     GROUP BY cause ORDER BY count DESC, cause LIMIT ?9) AS g
               CROSS JOIN LATERAL (SELECT at FROM dead WHERE id = g.first LIMIT 1) AS f
               CROSS JOIN LATERAL (SELECT id, at, route, target, class, place, reason
                                   FROM dead WHERE id = g.last LIMIT 1) AS l
               ORDER BY g.count DESC, g.cause",
};

/// As [`GROUPS`], by what is kept of the groups: route, target, class, group, how many at most.
/// PostgreSQL is asked in the order of the index, or it might read letters by number for long.
pub(super) const GROUPS_KEPT: Sql = Sql {
    sqlite:
        "SELECT g.cause, g.count, f.at, l.at, l.id, l.route, l.target, l.class, l.place, l.reason
         FROM (SELECT cause, count FROM dead_group INDEXED BY dead_group_count
               WHERE count > 0 AND (route = ?1 OR ?1 IS NULL) AND (target = ?2 OR ?2 IS NULL)
                   AND (class = ?3 OR ?3 IS NULL) AND (cause = ?4 OR ?4 IS NULL)
               ORDER BY count DESC, cause LIMIT ?5) AS g
         CROSS JOIN dead AS f ON f.id = (SELECT id FROM dead INDEXED BY dead_cause
                                         WHERE cause = g.cause ORDER BY id LIMIT 1)
         CROSS JOIN dead AS l ON l.id = (SELECT id FROM dead INDEXED BY dead_cause
                                         WHERE cause = g.cause ORDER BY id DESC LIMIT 1)
         ORDER BY g.count DESC, g.cause",
    postgres: "SELECT g.cause, g.count, f.at, l.at, l.id, l.route, l.target, l.class, l.place,
                      l.reason
               FROM (SELECT cause, count FROM dead_group
                     WHERE count > 0 AND (route = ?1 OR ?1 IS NULL) AND (target = ?2 OR ?2 IS NULL)
                         AND (class = ?3 OR ?3 IS NULL) AND (cause = ?4 OR ?4 IS NULL)
                     ORDER BY count DESC, cause LIMIT ?5) AS g
               CROSS JOIN LATERAL (SELECT at FROM dead WHERE (cause, id) > (g.cause, 0)
                                   ORDER BY cause, id LIMIT 1) AS f
               CROSS JOIN LATERAL (SELECT id, at, route, target, class, place, reason FROM dead
                                   WHERE (cause, id) < (g.cause, 9223372036854775807)
                                   ORDER BY cause DESC, id DESC LIMIT 1) AS l
               ORDER BY g.count DESC, g.cause",
};

/// How many letters the groups have: route, target, class, group.
pub(super) const COUNT_KEPT: &str = "SELECT CAST(coalesce(sum(count), 0) AS BIGINT) FROM dead_group
     WHERE (route = ?1 OR ?1 IS NULL) AND (target = ?2 OR ?2 IS NULL)
         AND (class = ?3 OR ?3 IS NULL) AND (cause = ?4 OR ?4 IS NULL)";

/// Letters by kind.
pub(super) const KINDS: &str =
    "SELECT route, target, class, CAST(sum(count) AS BIGINT) FROM dead_group
     WHERE count > 0 GROUP BY route, target, class ORDER BY route, target, class";

/// A group grows: group, route, target, class, count.
pub(super) const COUNTED: &str = "INSERT INTO dead_group VALUES (?1, ?2, ?3, ?4, ?5)
     ON CONFLICT DO UPDATE SET count = count + excluded.count";

/// Letters of an earlier format, whose group has no name yet.
pub(super) const UNNAMED: Sql = Sql {
    sqlite: "SELECT id, route, target, class, place, reason FROM dead WHERE id IN (
                 SELECT id FROM dead INDEXED BY dead_cause WHERE cause = '' ORDER BY id LIMIT ?1)",
    postgres: "SELECT id, route, target, class, place, reason FROM dead
               WHERE cause = '' ORDER BY id LIMIT ?1",
};

/// Names the group of a letter: number, group.
pub(super) const NAME: &str = "UPDATE dead SET cause = ?2 WHERE id = ?1";
