//! Passwords: kept as Argon2id hashes, checked off the runtime's threads, a few at a time.

use std::{sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordHasher as _, PasswordVerifier as _, Version,
};
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use crate::diagnostic::{Text, text};

/// Memory of one hash in KiB, its rounds, and its lanes: what OWASP asks of Argon2id.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;

/// Memory that a hash of a file may ask for, in KiB, and its rounds and lanes: a hash of somebody else's
/// making must not be able to stop the bus.
const MEMORY_KIB_MAX: u32 = 128 * 1024;
const ROUNDS_MAX: u32 = 10;
const LANES_MAX: u32 = 8;

/// Bytes of a salt.
const SALT_BYTES: usize = 16;

/// Passwords that are checked at once: each takes a core and its memory.
const AT_ONCE: usize = 2;

/// How long somebody waits for his to be checked.
const PATIENCE: Duration = Duration::from_secs(10);

/// Characters that a new password must have: length is what makes it hard to guess.
pub const CHARS_MIN: usize = 12;

/// Bytes that a password may have.
pub const BYTES_MAX: usize = 1024;

/// The hash of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Hashed(PasswordHash);

impl std::fmt::Debug for Hashed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

impl Hashed {
    /// Reads a hash as files have it: `$argon2id$v=19$m=…`. `None` if it is none, or asks for more
    /// than the bus gives.
    pub fn parse(text: &str) -> Option<Self> {
        let hash = PasswordHash::new(text).ok()?;
        let params = Params::try_from(&hash).ok()?;
        let fits = params.m_cost() <= MEMORY_KIB_MAX
            && params.t_cost() <= ROUNDS_MAX
            && params.p_cost() <= LANES_MAX;
        let whole = hash.salt.is_some() && hash.hash.is_some();
        (fits && whole && hash.algorithm.as_str() == "argon2id").then_some(Self(hash))
    }

    /// Whether it is that of a password. Takes a core for some 20 ms.
    fn is_of(&self, password: &[u8]) -> bool {
        Argon2::default().verify_password(password, &self.0).is_ok()
    }

    /// As files have it.
    pub fn to_text(&self) -> String {
        self.0.to_string()
    }
}

/// Hashes a new password.
///
/// # Errors
///
/// What is wrong with it, or with the system, in a clause.
pub fn hash(password: &str) -> Result<Hashed, Text> {
    if password.chars().count() < CHARS_MIN {
        return Err(text!("a password has {} characters or more", &CHARS_MIN));
    }
    if BYTES_MAX < password.len() {
        return Err(text!("a password has {} bytes at most", &BYTES_MAX));
    }
    hash_with(password, (MEMORY_KIB, ROUNDS)).map_err(|why| text!("it cannot be hashed: {}", &why))
}

/// Hashes any password with as much memory (KiB) and as many rounds as are said.
fn hash_with(password: &str, (memory, rounds): (u32, u32)) -> Result<Hashed, String> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| format!("no randomness: {error}"))?;
    let params = Params::new(memory, rounds, LANES, None).map_err(|it| it.to_string())?;
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = hasher.hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(Hashed).map_err(|error| format!("bug: {error}"))
}

/// Checks passwords, a few at a time.
pub(super) struct Verifier {
    places: Arc<Semaphore>,
    /// Stands in for the hash of whom nobody knows: that takes as long as a wrong password.
    nobody: Option<Hashed>,
}

/// Too many passwords are being checked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Busy;

impl Verifier {
    pub(super) fn new() -> Self {
        // Without randomness nobody can log in anyway: there would be no session.
        let nobody = hash_with("", (MEMORY_KIB, ROUNDS)).ok();
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), nobody }
    }

    /// Whether `password` is that of `hash`; `None`: of nobody, which takes as long.
    pub(super) async fn verify(
        &self,
        hash: Option<&Hashed>,
        password: String,
    ) -> Result<bool, Busy> {
        let known = hash.is_some();
        let Some(hash) = hash.or(self.nobody.as_ref()).cloned() else { return Ok(false) };
        let place = timeout(PATIENCE, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| Busy)?.map_err(|_| Busy)?;
        let checked = spawn_blocking(move || {
            // Held until it is done: who went away must not let another one in beside it.
            let _place = place;
            password.len() <= BYTES_MAX && hash.is_of(password.as_bytes())
        });
        Ok(checked.await.unwrap_or(false) && known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let hashed = hash("kata sandi rahasia").unwrap();
        let text = hashed.to_text();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{text}");
        assert!(!format!("{hashed:?}").contains("argon2"), "never shown");
        let read = Hashed::parse(&text).unwrap();
        let verifier = Verifier::new();
        let verify = |password: &str| verifier.verify(Some(&read), password.to_owned());
        assert_eq!(verify("kata sandi rahasia").await, Ok(true));
        assert_eq!(verify("kata sandi rahasi").await, Ok(false));
        assert_eq!(verifier.verify(None, String::new()).await, Ok(false), "nobody has no password");
        assert_ne!(hash("kata sandi rahasia").unwrap().to_text(), text, "each with its own salt");
    }

    #[test]
    fn what_would_be_guessed_is_no_new_password() {
        assert!(hash("pendek").unwrap_err().english().contains("12 characters"));
        assert!(hash(&"x".repeat(BYTES_MAX + 1)).unwrap_err().english().contains("1024 bytes"));
    }

    #[test]
    fn a_hash_that_asks_for_too_much_or_is_another_one_is_refused() {
        let text = hash_with("x", (64, 1)).unwrap().to_text();
        assert!(Hashed::parse(&text).is_some());
        let wrong = [
            text.replace("m=64", "m=99999999"),
            text.replace("t=1", "t=1000"),
            text.replace("argon2id", "argon2d"),
            text.rsplit_once('$').unwrap().0.to_owned(),
            "rahasia".to_owned(),
            String::new(),
        ];
        for text in wrong {
            assert!(Hashed::parse(&text).is_none(), "{text}");
        }
    }
}
