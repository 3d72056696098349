//! API keys of sources: made here, checked here, kept as hashes only.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Random bytes of a key: 256 bits, which nobody guesses, so a plain SHA-256 may stand in files
/// where a password would need a slow hash.
const KEY_BYTES: usize = 32;

/// What every key begins with, so that scanners for leaked secrets can find it.
const KEY_PREFIX: &str = "simpul_";

/// What every hash begins with in files.
const HASH_PREFIX: &str = "sha256:";

/// The SHA-256 of an API key: all that simpul knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApiKey(pub [u8; 32]);

impl ApiKey {
    /// Makes a key: its text, which is shown once, and the hash that goes into the system's file.
    ///
    /// # Errors
    ///
    /// The operating system gave no randomness; there is no key then.
    pub fn generate() -> Result<(String, String), getrandom::Error> {
        let mut random = [0; KEY_BYTES];
        getrandom::fill(&mut random)?;
        let text = format!("{KEY_PREFIX}{}", hex(&random));
        let hash = Self::of(text.as_bytes()).to_text();
        Ok((text, hash))
    }

    /// The hash of a key as a client sent it.
    pub fn of(key: &[u8]) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Reads `sha256:` and 64 hexadecimal digits, as files hold it.
    pub fn from_text(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(HASH_PREFIX)?.as_bytes();
        let mut hash = [0; 32];
        if digits.len() != 2 * hash.len() {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            let text = std::str::from_utf8(pair).ok().filter(|it| !it.starts_with('+'))?;
            *byte = u8::from_str_radix(text, 16).ok()?;
        }
        Some(Self(hash))
    }

    /// As files hold it.
    pub fn to_text(self) -> String {
        format!("{HASH_PREFIX}{}", hex(&self.0))
    }

    /// Whether it is `other`, in a time that does not tell where they differ.
    pub fn is(&self, other: &[u8; 32]) -> bool {
        let differing = self.0.iter().zip(other).fold(0, |all, (left, right)| all | (left ^ right));
        std::hint::black_box(differing) == 0
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_known_by_its_hash_alone() {
        let (key, hash) = ApiKey::generate().unwrap();
        let (other, _) = ApiKey::generate().unwrap();
        let known = ApiKey::from_text(&hash).unwrap();
        assert_eq!(key.len(), KEY_PREFIX.len() + 2 * KEY_BYTES);
        assert!(ApiKey::of(key.as_bytes()).is(&known.0));
        assert!(!ApiKey::of(other.as_bytes()).is(&known.0));
        assert_eq!(known.to_text(), hash);
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        let digits = "ab".repeat(32);
        assert!(ApiKey::from_text(&format!("sha256:{digits}")).is_some());
        for text in ["", "sha256:", &digits, &format!("sha256:{}", &digits[2..])] {
            assert_eq!(ApiKey::from_text(text), None, "{text}");
        }
        assert_eq!(ApiKey::from_text(&format!("sha256:+b{}", &digits[2..])), None);
        assert_eq!(ApiKey::from_text(&format!("sha256:gg{}", &digits[2..])), None);
    }
}
