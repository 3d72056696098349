//! What messages are found by: a few values of each, as its route names them, each with the message
//! that it stood in. A value that is about a person is stored as a keyed digest alone, so that who reads
//! the store learns nothing, and who knows the number still finds the message.

use std::sync::Arc;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{
    message::{MessageId, Timestamp},
    store::{Param, Row, Sql, StoreError, Writes},
};

use super::{FORGOTTEN_MAX, Journal};

/// Bytes of a value that are kept: enough for any number of a letter.
const VALUE_MAX: usize = 200;

/// Bytes of a keyed digest.
const DIGEST_BYTES: usize = 16;

/// In front of a value that is kept as it is.
const PLAIN: u8 = 1;

/// In front of a keyed digest.
const HIDDEN: u8 = 2;

/// Behind every text, for UTF-8 has no such byte.
const BEHIND: u8 = 0xff;

/// What the digests are for: under the same key, `hash` makes others.
const PURPOSE: &[u8] = b"simpul search\0";

/// A value by which a message is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// What the route calls it.
    name: Arc<str>,
    /// As it stands in the store.
    value: Bytes,
}

impl Term {
    /// A value that anybody may read; `None` where nothing is left of it.
    pub fn plain(name: Arc<str>, text: &str) -> Option<Self> {
        Some(Self { name, value: plain(text)?.into() })
    }

    /// A value that is about a person; `None` where nothing is left of it.
    pub fn hidden(name: Arc<str>, text: &str, key: &[u8]) -> Option<Self> {
        Some(Self { name, value: hidden(text, key)?.into() })
    }
}

/// What somebody looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The value: in any case, with any spaces.
    pub text: String,
    /// It is only how the value begins. What is about a person is not found so.
    pub begins: bool,
    /// Only what was found by terms with smaller numbers: the next page.
    pub below: Option<i64>,
}

/// A message that has a term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The number of the term; later ones are larger.
    pub number: i64,
    /// When the message was accepted, or routed.
    pub at: Timestamp,
    /// Its route.
    pub route: Arc<str>,
    /// What the route calls the value.
    pub name: Arc<str>,
    /// The message.
    pub message: MessageId,
}

/// In lower case, with single spaces between its words and none around it.
fn folded(text: &str) -> Option<String> {
    let words: Vec<_> = text.split_whitespace().map(str::to_lowercase).collect();
    Some(words.join(" ")).filter(|it| !it.is_empty())
}

fn plain(text: &str) -> Option<Vec<u8>> {
    let folded = folded(text)?;
    let kept = &folded[..folded.floor_char_boundary(VALUE_MAX)];
    Some([&[PLAIN], kept.as_bytes()].concat())
}

fn hidden(text: &str, key: &[u8]) -> Option<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(PURPOSE);
    mac.update(folded(text)?.as_bytes());
    let digest = mac.finalize().into_bytes();
    let mut value = vec![HIDDEN];
    value.extend(digest.iter().take(DIGEST_BYTES));
    Some(value)
}

/// A message of a route is found by these.
pub fn found_by(
    writes: &mut Writes,
    (at, route, message): (Timestamp, &str, MessageId),
    terms: &[Term],
) {
    for Term { name, value } in terms {
        writes.push(
            "INSERT INTO search (at, route, name, message, value) VALUES (?1, ?2, ?3, ?4, ?5)",
            vec![
                at.as_millis().into(),
                route.into(),
                (**name).into(),
                message.as_bytes().as_slice().into(),
                value.clone().into(),
            ],
        );
    }
}

/// Forgets terms older than `before`, at most [`FORGOTTEN_MAX`] of them.
pub fn forget_terms(writes: &mut Writes, before: Timestamp) {
    writes.push(FORGET, vec![before.as_millis().into(), FORGOTTEN_MAX.into()]);
}

/// As the lines of the journal are forgotten.
const FORGET: Sql = Sql {
    sqlite: "DELETE FROM search WHERE at < ?1
             AND number IN (SELECT number FROM search ORDER BY number LIMIT ?2)",
    postgres: "DELETE FROM search WHERE at < ?1
               AND number IN (SELECT number FROM search ORDER BY number LIMIT ?2
                              FOR UPDATE SKIP LOCKED)",
};

const IS: &str = "
    SELECT number, at, route, name, message FROM search
    WHERE value = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3";

const BEGINS: &str = "
    SELECT number, at, route, name, message FROM search
    WHERE ?1 <= value AND value < ?2 ORDER BY value, number DESC LIMIT ?3";

impl Journal {
    /// The terms that somebody looks for, the newest first, `limit` at most; of those that only
    /// begin so, in the order of their values. `key` is that of the digests.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub async fn find(
        &self,
        wanted: &Wanted,
        key: Option<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Hit>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let Some(as_is) = plain(&wanted.text) else { return Ok(Vec::new()) };
        if wanted.begins {
            let end = [&as_is[..], &[BEHIND]].concat();
            let params: Vec<Param> =
                vec![as_is.as_slice().into(), end.as_slice().into(), limit.into()];
            return self.hits(vec![(BEGINS, params)]).await;
        }
        let below = wanted.below.unwrap_or(i64::MAX);
        let digest = key.and_then(|key| hidden(&wanted.text, key));
        let question =
            |value: Vec<u8>| (IS, vec![value.as_slice().into(), below.into(), limit.into()]);
        let mut hits = self.hits([Some(as_is), digest].into_iter().flatten().map(question)).await?;
        hits.sort_by_key(|it| std::cmp::Reverse(it.number));
        hits.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(hits)
    }

    async fn hits(
        &self,
        questions: impl IntoIterator<Item = (&'static str, Vec<Param>)>,
    ) -> Result<Vec<Hit>, StoreError> {
        let answers = self.store.query(questions.into_iter().collect()).await?;
        Ok(answers.iter().flatten().filter_map(hit).collect())
    }
}

fn hit(row: &Row) -> Option<Hit> {
    Some(Hit {
        number: row.int(0),
        at: Timestamp::from_millis(row.int(1)),
        route: row.text(2).into(),
        name: row.text(3).into(),
        message: MessageId::from_bytes(<[u8; 16]>::try_from(&row.blob(4)[..]).ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{message::IdSource, store::Store};

    const KEY: &[u8] = b"kunci uji";

    async fn journal_of(terms: &[(i64, Term)]) -> (Journal, Vec<MessageId>) {
        let store = Store::in_memory(false).unwrap();
        let (ids, mut writes, mut all) = (IdSource::default(), Writes::default(), Vec::new());
        for (at, term) in terms {
            let (at, route) = (Timestamp::from_millis(*at), "surat-masuk");
            let id = ids.next(at);
            found_by(&mut writes, (at, route, id), std::slice::from_ref(term));
            all.push(id);
        }
        store.commit(writes).await.unwrap();
        (Journal::new(store), all)
    }

    async fn found(journal: &Journal, text: &str, begins: bool) -> Vec<MessageId> {
        let wanted = Wanted { text: text.to_owned(), begins, below: None };
        let hits = journal.find(&wanted, Some(KEY), 10).await.unwrap();
        hits.into_iter().map(|it| it.message).collect()
    }

    fn nomor(text: &str) -> Term {
        Term::plain("nomor".into(), text).unwrap()
    }

    #[tokio::test]
    async fn a_letter_is_found_by_its_number_however_it_is_written() {
        let terms = [(1, nomor("090/TU.01/13/2026")), (2, nomor("091/TU.01/13/2026"))];
        let (journal, ids) = journal_of(&terms).await;
        for text in ["090/TU.01/13/2026", " 090/tu.01/13/2026 "] {
            assert_eq!(found(&journal, text, false).await, [ids[0]], "{text}");
        }
        assert_eq!(found(&journal, "090/TU", false).await, []);
        assert_eq!(found(&journal, " ", false).await, []);
    }

    #[tokio::test]
    async fn what_begins_so_is_found_where_that_is_asked() {
        let terms = [(1, nomor("090/TU")), (2, nomor("090/KU")), (3, nomor("091/TU"))];
        let (journal, ids) = journal_of(&terms).await;
        assert_eq!(found(&journal, "090/", true).await, [ids[1], ids[0]]);
    }

    #[tokio::test]
    async fn a_number_of_a_person_is_found_and_does_not_stand_in_the_store() {
        let nip = "199001012015031001";
        let term = Term::hidden("nip".into(), nip, KEY).unwrap();
        assert!(!term.value.windows(4).any(|it| nip.as_bytes().windows(4).any(|own| own == it)));
        let (journal, ids) = journal_of(&[(1, term)]).await;
        assert_eq!(found(&journal, nip, false).await, ids);
        assert_eq!(found(&journal, "19900101", true).await, []);
        let wanted = Wanted { text: nip.to_owned(), begins: false, below: None };
        assert_eq!(journal.find(&wanted, None, 10).await.unwrap(), []);
        assert_eq!(journal.find(&wanted, Some(b"another"), 10).await.unwrap(), []);
    }

    #[tokio::test]
    async fn pages_follow_each_other_from_the_newest_on() {
        let terms: Vec<_> = (0..5).map(|at| (at, nomor("090/TU"))).collect();
        let (journal, ids) = journal_of(&terms).await;
        let mut wanted = Wanted { text: "090/TU".to_owned(), begins: false, below: None };
        let mut seen = Vec::new();
        loop {
            let hits = journal.find(&wanted, None, 2).await.unwrap();
            let Some(last) = hits.last() else { break };
            wanted.below = Some(last.number);
            seen.extend(hits.iter().map(|it| it.message));
        }
        assert_eq!(seen, ids.into_iter().rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let term = nomor(&"ä".repeat(150));
        assert_eq!(term.value.len(), 1 + VALUE_MAX);
    }
}
