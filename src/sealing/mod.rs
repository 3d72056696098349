//! Bodies that a copy of the disk does not show: sealed with AES-256-GCM under a key from outside.
//!
//! A sealed body says by which key it was sealed, so that keys can be changed: the first one of a
//! [`Keyring`] seals, all of them open. It is bound to its place (route, message, and what it is
//! there), so that one cannot be put in the place of another.
//!
//! Each process seals under a key of its own, derived from the first key and 16 random bytes, and
//! counts its nonces from 0: none is ever used twice under one key, however many there are. With
//! random nonces under the key itself that could be promised for some four thousand million bodies,
//! which is a week of a busy gateway.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::{BufMut as _, Bytes, BytesMut};
use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf,
};

use crate::message::{Endpoint, MessageId};

/// What a sealed body begins with. JSON never does, so that no body is taken for a sealed one that a
/// route could have worked on.
const MARK: &[u8] = b"\0simpul\x01";

/// Random bytes from which a process derives its key.
const SALT_BYTES: usize = 16;

/// Bytes of the count of bodies that a process sealed.
const COUNT_BYTES: usize = 8;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// The longest name of a key, in bytes: it stands in front of each body.
pub const KEY_NAME_MAX: usize = 63;

/// What the derived keys are for.
const PURPOSE: &[u8] = b"simpul bodies";

/// A key with its name. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey {
    /// What the settings call it.
    pub name: Arc<str>,
    /// The key.
    pub bytes: [u8; KEY_BYTES],
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SealingKey({}, ***)", self.name)
    }
}

impl SealingKey {
    /// A key as `openssl rand -hex 32` prints it.
    pub fn parse(name: &str, text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() != 2 * KEY_BYTES || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; KEY_BYTES];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self { name: name.into(), bytes })
    }
}

/// Where a body stands: what it is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The route.
    pub route: &'a str,
    /// The message.
    pub message: MessageId,
    /// Which delivery it is sent with; `None`: it is the message as accepted.
    pub delivery: Option<(&'a Endpoint, u32)>,
}

impl Place<'_> {
    /// Each part preceded by its length, so that no two places look alike.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.message.as_bytes().to_vec();
        let mut part = |text: &str| {
            bytes.extend((text.len() as u64).to_be_bytes());
            bytes.extend(text.as_bytes());
        };
        part(self.route);
        if let Some((target, ordinal)) = self.delivery {
            part(&target.system);
            part(&target.name);
            bytes.extend(ordinal.to_be_bytes());
        }
        bytes
    }
}

/// A sealed body cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// The bus was not given its key.
    #[error("the body is sealed with key `{0}`, which `body_keys` does not name")]
    NoKey(String),
    /// It is not what was sealed, or not sealed for this place.
    #[error("the body is not as it was sealed")]
    Damaged,
}

impl Unopened {
    /// Why a sealed body is not opened where there are no keys at all.
    pub fn of(sealed: &[u8]) -> Self {
        key_of(sealed).map_or(Self::Damaged, |it| Self::NoKey(it.escape_debug().to_string()))
    }
}

/// The keys of sealed bodies.
pub struct Keyring {
    keys: Vec<SealingKey>,
    /// What this process seals with.
    own: Own,
}

struct Own {
    name: Arc<str>,
    salt: [u8; SALT_BYTES],
    key: LessSafeKey,
    count: AtomicU64,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keyring").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl Keyring {
    /// Of these keys, of which the first one seals; `None` without any, or where the system has no
    /// randomness.
    pub fn new(keys: Vec<SealingKey>) -> Option<Self> {
        let first = keys.first()?;
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).ok()?;
        let name = Arc::clone(&first.name);
        let own = Own { name, salt, key: derived(first, &salt)?, count: AtomicU64::new(0) };
        Some(Self { keys, own })
    }

    /// Seals a body for a place.
    ///
    /// Nothing is lost if that fails, which no body that fits into memory makes it do: `None` then.
    pub fn seal(&self, place: Place<'_>, body: &[u8]) -> Option<Bytes> {
        let Own { name, salt, key, count } = &self.own;
        let count = count.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let front = MARK.len() + 1 + name.len() + SALT_BYTES + COUNT_BYTES;
        let mut sealed = BytesMut::with_capacity(front + body.len() + AES_256_GCM.tag_len());
        sealed.put_slice(MARK);
        sealed.put_u8(u8::try_from(name.len()).ok()?);
        sealed.put_slice(name.as_bytes());
        sealed.put_slice(salt);
        sealed.put_slice(&count);
        sealed.put_slice(body);
        let mut inside = sealed.split_off(front);
        let tag =
            key.seal_in_place_separate_tag(nonce(count), Aad::from(place.bytes()), &mut inside);
        inside.put_slice(tag.ok()?.as_ref());
        sealed.unsplit(inside);
        Some(sealed.freeze())
    }

    /// Opens what was sealed for a place.
    ///
    /// # Errors
    ///
    /// [`Unopened`], why not; what it was stays unknown.
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Bytes, Unopened> {
        let Front { name, salt, count, rest } = Front::of(sealed).ok_or(Unopened::Damaged)?;
        let known = self.keys.iter().find(|it| *it.name == *name);
        let known = known.ok_or_else(|| Unopened::NoKey(name.escape_debug().to_string()))?;
        let mut inside = BytesMut::from(rest);
        let (aad, nonce) = (Aad::from(place.bytes()), nonce(count));
        let opened = if *name == *self.own.name && salt == self.own.salt {
            self.own.key.open_in_place(nonce, aad, &mut inside)
        } else {
            let key = derived(known, &salt).ok_or(Unopened::Damaged)?;
            key.open_in_place(nonce, aad, &mut inside)
        };
        let len = opened.map_err(|_| Unopened::Damaged)?.len();
        inside.truncate(len);
        Ok(inside.freeze())
    }
}

/// Whether a body looks as if it were sealed.
pub fn is_sealed(body: &[u8]) -> bool {
    body.starts_with(MARK)
}

/// By which key a body was sealed, if it was.
pub fn key_of(body: &[u8]) -> Option<&str> {
    Front::of(body).map(|it| it.name)
}

/// The length of a body in bytes, as it was before it was sealed.
pub fn plain_len(body: &[u8]) -> u64 {
    let plain = Front::of(body).map(|it| it.rest.len().saturating_sub(AES_256_GCM.tag_len()));
    plain.unwrap_or(body.len()) as u64
}

/// What stands in front of what is sealed.
struct Front<'b> {
    name: &'b str,
    salt: [u8; SALT_BYTES],
    count: [u8; COUNT_BYTES],
    rest: &'b [u8],
}

impl<'b> Front<'b> {
    fn of(sealed: &'b [u8]) -> Option<Self> {
        let (length, rest) = sealed.strip_prefix(MARK)?.split_first()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let (salt, rest) = rest.split_first_chunk::<SALT_BYTES>()?;
        let (count, rest) = rest.split_first_chunk::<COUNT_BYTES>()?;
        Some(Self { name: std::str::from_utf8(name).ok()?, salt: *salt, count: *count, rest })
    }
}

/// The key of the process that drew `salt`.
fn derived(key: &SealingKey, salt: &[u8; SALT_BYTES]) -> Option<LessSafeKey> {
    let derived = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(&key.bytes);
    let derived = derived.expand(&[PURPOSE], &AES_256_GCM).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(derived)))
}

fn nonce(count: [u8; COUNT_BYTES]) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    if let Some(end) = nonce.last_chunk_mut::<COUNT_BYTES>() {
        *end = count;
    }
    Nonce::assume_unique_for_key(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{IdSource, Timestamp};

    const BODY: &[u8] = br#"{"nip":"199001012015031001"}"#;

    fn key(name: &str, byte: u8) -> SealingKey {
        SealingKey { name: name.into(), bytes: [byte; KEY_BYTES] }
    }

    fn keyring(keys: &[SealingKey]) -> Keyring {
        Keyring::new(keys.to_vec()).unwrap()
    }

    fn ids() -> [MessageId; 2] {
        let ids = IdSource::default();
        [(); 2].map(|()| ids.next(Timestamp::from_millis(1)))
    }

    fn accepted(route: &str, message: MessageId) -> Place<'_> {
        Place { route, message, delivery: None }
    }

    #[test]
    fn what_was_sealed_is_opened_also_by_the_next_process() {
        let [id, _] = ids();
        let place = accepted("surat-masuk", id);
        let before = keyring(&[key("a", 1)]);
        let sealed = before.seal(place, BODY).unwrap();
        assert!(is_sealed(&sealed) && key_of(&sealed) == Some("a"));
        assert!(!sealed.windows(8).any(|it| BODY.windows(8).any(|own| own == it)));
        assert_eq!(before.open(place, &sealed).unwrap(), BODY);
        assert_eq!(keyring(&[key("a", 1)]).open(place, &sealed).unwrap(), BODY);
    }

    #[test]
    fn a_new_key_seals_and_the_old_one_still_opens() {
        let [id, _] = ids();
        let place = accepted("surat-masuk", id);
        let old = keyring(&[key("a", 1)]).seal(place, BODY).unwrap();
        let both = keyring(&[key("b", 2), key("a", 1)]);
        assert_eq!(both.open(place, &old).unwrap(), BODY);
        let new = both.seal(place, BODY).unwrap();
        assert_eq!(key_of(&new), Some("b"));
        let refused = keyring(&[key("b", 2)]).open(place, &old).unwrap_err();
        let told = "the body is sealed with key `a`, which `body_keys` does not name";
        assert_eq!(refused.to_string(), told);
        let another = keyring(&[key("b", 3)]);
        assert_eq!(another.open(place, &new), Err(Unopened::Damaged));
    }

    #[test]
    fn a_body_cannot_be_put_in_the_place_of_another() {
        let [id, other] = ids();
        let keyring = keyring(&[key("a", 1)]);
        let (arsip, absensi) =
            (Endpoint::parse("arsip.daftar").unwrap(), Endpoint::parse("absensi.daftar").unwrap());
        let place = Place { delivery: Some((&arsip, 0)), ..accepted("surat-masuk", id) };
        let sealed = keyring.seal(place, BODY).unwrap();
        let others = [
            accepted("surat-masuk", id),
            Place { delivery: Some((&arsip, 1)), ..place },
            Place { delivery: Some((&absensi, 0)), ..place },
            Place { route: "surat-keluar", ..place },
            Place { message: other, ..place },
        ];
        for other in others {
            assert_eq!(keyring.open(other, &sealed), Err(Unopened::Damaged), "{other:?}");
        }
        assert_eq!(keyring.open(place, &sealed).unwrap(), BODY);
    }

    #[test]
    fn no_nonce_is_used_twice_and_no_changed_bit_is_believed() {
        let [id, _] = ids();
        let place = accepted("surat-masuk", id);
        let keyring = keyring(&[key("a", 1)]);
        let all: std::collections::BTreeSet<_> =
            (0..1_000).map(|_| keyring.seal(place, BODY).unwrap()).collect();
        assert_eq!(all.len(), 1_000);
        let sealed = all.first().unwrap();
        for at in MARK.len()..sealed.len() {
            let mut changed = sealed.to_vec();
            changed[at] ^= 1;
            assert!(keyring.open(place, &changed).is_err(), "byte {at}");
        }
        for len in 0..sealed.len() {
            assert!(keyring.open(place, &sealed[..len]).is_err(), "{len} bytes");
        }
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits_and_is_never_shown() {
        let text = "00".repeat(31) + "ff\n";
        let key = SealingKey::parse("a", &text).unwrap();
        assert_eq!(key.bytes[31], 0xff);
        assert_eq!(format!("{key:?}"), "SealingKey(a, ***)");
        for wrong in ["", "00", &"0g".repeat(32), &"é".repeat(32)] {
            assert_eq!(SealingKey::parse("a", wrong), None, "{wrong}");
        }
    }
}
