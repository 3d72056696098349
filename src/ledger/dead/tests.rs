//! How dead letters are looked for: only in indexes that hold all that is asked.

use super::*;
use crate::store::{Store, Writes};

/// What SQLite does to answer a question.
async fn plan(store: &Store, (sql, params): (Sql, Vec<Param>)) -> Vec<String> {
    let text: &'static str = format!("EXPLAIN QUERY PLAN {}", sql.sqlite).leak();
    let rows = store.query(vec![(text, params)]).await.unwrap();
    rows.iter().flatten().map(|row| row.text(3).to_owned()).collect()
}

#[tokio::test]
async fn letters_are_looked_for_in_indexes_and_bodies_are_read_by_number() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let all = DeadFilter::default();
    let text = || Some("x".to_owned());
    let narrow = DeadFilter { route: text(), target: text(), class: text(), ..all.clone() };
    let by_number = "SEARCH dead USING INTEGER PRIMARY KEY (rowid=?)";
    for filter in [&all, &narrow] {
        let found = plan(&store, look(filter, 10, false)).await;
        let range = "SEARCH dead USING COVERING INDEX dead_look (id>? AND id<?)";
        assert_eq!(found, [by_number, "LIST SUBQUERY 1", range]);
    }
    let group = DeadFilter { group: text(), ..narrow };
    let found = plan(&store, look(&group, 10, false)).await;
    let range = "SEARCH dead USING COVERING INDEX dead_cause (cause=? AND id>? AND id<?)";
    assert_eq!(found, [by_number, "LIST SUBQUERY 1", range]);
    let named = DeadFilter { ids: vec![1, 2], ..all.clone() };
    assert_eq!(plan(&store, look(&named, 10, false)).await[0], by_number);

    for question in [sql::GROUPS_KEPT, sql::COUNT_KEPT.into()] {
        let mut params: Vec<Param> = vec![text().into(), text().into(), text().into(), Param::Null];
        if question == sql::GROUPS_KEPT {
            params.push(10.into());
        }
        let found = plan(&store, (question, params)).await;
        assert!(
            found.iter().all(|it| !it.starts_with("SCAN dead ") && it != "SCAN dead"),
            "{found:#?}"
        );
    }
    for sql in [sql::COUNT, sql::GROUPS] {
        let mut params = with_group(&all);
        if sql == sql::GROUPS {
            params.push(10.into());
        }
        let found = plan(&store, (sql, params)).await;
        let scan = "SCAN dead USING COVERING INDEX dead_cause";
        assert!(found.iter().any(|it| it == scan), "{found:#?}");
        assert!(found.iter().all(|it| it != "SCAN dead"), "{found:#?}");
    }
}

#[tokio::test]
async fn letters_of_an_earlier_format_get_their_groups() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let ledger = Ledger::new(store.clone());
    let mut writes = Writes::default();
    let letter = "INSERT INTO dead (at, route, message, target, ordinal, class, place, reason,
                                    attempts, generation, cause)
                  SELECT 1, 'sk-mutasi', CAST(printf('%016d', value) AS BLOB), 'arsip.terima', 0,
                         'refused', '', '422, after ' || value || ' attempts', 1, 1, ''
                  FROM json_each('[1,2,3]')";
    writes.push(letter, vec![]);
    let unnamed = "INSERT INTO dead_group VALUES ('', 'sk-mutasi', 'arsip.terima', 'refused', 3)";
    writes.push(unnamed, vec![]);
    store.commit(writes).await.unwrap();
    let named = ledger.name_groups().await.unwrap();
    store.commit(named).await.unwrap();
    assert!(ledger.name_groups().await.unwrap().is_empty());

    let groups = ledger.dead_groups(&DeadFilter::default(), 10).await.unwrap();
    let [group] = &groups[..] else { panic!("{groups:#?}") };
    let target = Endpoint::parse("arsip.terima");
    let name = group_of("sk-mutasi", target.as_ref(), &group.cause);
    assert_eq!((&group.name, group.count), (&name, 3));
    let mut writes = Writes::default();
    writes.push(FORGET_GROUPS, vec![]);
    assert_eq!(store.commit_counting(writes).await.unwrap(), [1], "that of those without a name");
}

#[tokio::test]
async fn what_was_sent_is_shown_as_it_was_written_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let ledger = Ledger::new(store.clone());
    let message = [7; 16];
    let mut writes = Writes::default();
    let letter = "INSERT INTO dead (at, route, message, target, ordinal, class, place, reason,
                                    attempts, generation, cause, sent, crc)
                  VALUES (1, 'sk-mutasi', ?1, 'arsip.terima', 0, 'refused', '', '422', 1, 1, '', ?2, ?3)";
    let sent: &[u8] = br#"{"nomor":1}"#;
    let crc = checksum(&[&message, sent]);
    writes.push(letter, vec![message.to_vec().as_slice().into(), sent.into(), crc.into()]);
    store.commit(writes).await.unwrap();
    let id = ledger.last_dead().await.unwrap();
    let found = ledger.dead_letter(id).await.unwrap().unwrap();
    assert_eq!(found.sent.as_deref(), Some(sent));

    let mut writes = Writes::default();
    let other: &[u8] = br#"{"nomor":2}"#;
    writes.push("UPDATE dead SET sent = ?1", vec![other.into()]);
    store.commit(writes).await.unwrap();
    let found = ledger.dead_letter(id).await.unwrap().unwrap();
    assert_eq!((found.sent, found.attempts), (None, 1), "the rest of it is still told");
}
