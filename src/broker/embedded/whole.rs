//! Whether an entry is read as it was written: its body, and all that decides where it goes.

use crate::{
    broker::Entry,
    message::Digest,
    store::{Row, checksum, may_be_old},
};

/// What an entry of a queue is written as, its headers as text.
pub(super) fn sum(queue: i64, entry: &Entry, headers: &str, order_key: Option<Digest>) -> i64 {
    let key = order_key.map(|it| it.0);
    let key = key.as_ref().map_or(&[][..], |it| &it[..]);
    of(
        queue,
        entry.received_at.as_millis(),
        [entry.id.as_bytes(), key, headers.as_bytes(), &entry.body],
    )
}

fn of(queue: i64, received_at: i64, [id, key, headers, body]: [&[u8]; 4]) -> i64 {
    checksum(&[&queue.to_le_bytes(), &received_at.to_le_bytes(), id, key, headers, body])
}

/// Whether a row is as it was written: `…, received_at, crc, message, order_key, headers, body,
/// queue` from the fourth column on. Earlier formats summed up the body alone.
pub(super) fn is_whole(row: &Row) -> bool {
    let (id, key, body) = (row.blob(5), row.blob(6), row.blob(8));
    if row.is_null(4) {
        // Where zeroes stand in place of the head of a row, it has no values; nor does that sum up.
        return false;
    }
    let is_of_body = || may_be_old(&body) && row.int(4) == i64::from(crc32fast::hash(&body));
    let found = row.int(4);
    found == of(row.int(9), row.int(3), [&id, &key, row.text(7).as_bytes(), &body]) || is_of_body()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_row_without_values_is_not_as_it_was_written() {
        let store = Store::in_memory(false).unwrap();
        let nulls = "SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL";
        let rows = store.query(vec![(nulls, vec![])]).await.unwrap();
        assert!(!is_whole(&rows[0][0]));
    }

    #[tokio::test]
    async fn a_sum_of_zero_is_not_that_of_a_body_that_is_none() {
        let store = Store::in_memory(false).unwrap();
        // The head is there up to the sum; from there on stand zeroes.
        let half = "SELECT 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, NULL";
        let rows = store.query(vec![(half, vec![])]).await.unwrap();
        assert!(!is_whole(&rows[0][0]));
    }
}
