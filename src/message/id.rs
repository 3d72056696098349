//! Identifiers and digests.

use std::{fmt, str::FromStr, sync::Mutex};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Timestamp;

/// Identifies a message for its whole life: a UUID of version 7 (RFC 9562), made by simpul.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(Uuid);

impl fmt::Display for MessageId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(formatter)
    }
}

impl FromStr for MessageId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

impl MessageId {
    /// The id as 16 bytes, the form in which the store keeps it.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// Reads what [`as_bytes`](Self::as_bytes) gave.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl serde::Serialize for MessageId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for MessageId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Makes message ids that rise within one process, also when the clock goes back.
#[derive(Debug, Default)]
pub struct IdSource {
    // std, not tokio: held for a few instructions, never across an await.
    last: Mutex<Last>,
    counts: bool,
}

/// The last id, and randomness for the next ones: asked of the system for many at once.
#[derive(Debug, Default)]
struct Last {
    ms: u64,
    counter: u16,
    random: Vec<[u8; 8]>,
}

/// Ids for which randomness is asked at once.
const RANDOM_FOR: usize = 64;

impl Last {
    fn random(&mut self) -> [u8; 8] {
        if let Some(random) = self.random.pop() {
            return random;
        }
        let mut all = [0; 8 * RANDOM_FOR];
        // Without randomness the counter still keeps the ids of this process apart.
        let _ = getrandom::fill(&mut all);
        self.random.extend(all.as_chunks().0);
        self.random.pop().unwrap_or_default()
    }
}

impl IdSource {
    /// Makes ids without chance: the same ones each time, so for tests alone.
    pub fn counting() -> Self {
        Self { counts: true, ..Self::default() }
    }

    /// The next id, for a message accepted at `now`.
    pub fn next(&self, now: Timestamp) -> MessageId {
        const COUNTER_MAX: u16 = 0x0fff;
        let (ms, counter, random) = {
            let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let now_ms = u64::try_from(now.as_millis()).unwrap_or_default();
            (last.ms, last.counter) = match (last.ms, last.counter) {
                (ms, _) if ms < now_ms => (now_ms, 0),
                (ms, COUNTER_MAX) => (ms + 1, 0),
                (ms, counter) => (ms, counter + 1),
            };
            let random = if self.counts { [0; 8] } else { last.random() };
            (last.ms, last.counter, random)
        };
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&(0x7000 | counter).to_be_bytes());
        bytes[8..].copy_from_slice(&random);
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        MessageId(Uuid::from_bytes(bytes))
    }
}

/// A SHA-256 digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `parts`, each preceded by its length, so that no two lists look alike.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |it: u8| char::from(DIGITS[usize::from(it & 0xf)]);
        let mut text = String::with_capacity(2 * self.0.len());
        text.extend(self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]));
        formatter.write_str(&text)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        if text.len() != 2 * bytes.len() || !text.is_ascii() {
            return Err(DigestError);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| DigestError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| DigestError)?;
        }
        Ok(Self(bytes))
    }
}

/// A text is not a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits")]
pub struct DigestError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_when_the_clock_goes_back() {
        let source = IdSource::default();
        let times = [1_000, 1_000, 400, 1_001, 1_001, 2];
        let ids: Vec<_> = times.iter().map(|ms| source.next(Timestamp::from_millis(*ms))).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(ids[0].to_string().parse::<MessageId>().unwrap(), ids[0]);
    }

    #[test]
    fn a_digest_is_read_back() {
        let digest = Digest::of(&[b"x"]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!("xyz".parse::<Digest>(), Err(DigestError));
    }

    #[test]
    fn a_digest_keeps_the_borders_of_its_parts() {
        assert_ne!(Digest::of(&[b"ab", b"c"]), Digest::of(&[b"a", b"bc"]));
    }
}
