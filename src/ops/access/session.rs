//! Sessions: who came in, known by a random number that only he has. They are kept in memory, as
//! digests, and end with the process.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::message::{Digest, Timestamp};

/// How long a session lives that is not used.
pub const IDLE_MAX: Duration = Duration::from_mins(30);

/// How long a session lives, however much it is used.
pub const AGE_MAX: Duration = Duration::from_hours(12);

/// Sessions at once; the one that was used longest ago makes room.
const SESSIONS_MAX: usize = 1_000;

/// Sessions of one user.
const OF_ONE_MAX: usize = 20;

/// Bytes of a token: nobody guesses 256 bits.
const TOKEN_BYTES: usize = 32;

/// How a session is presented. One that a browser sends by itself is not taken for one that a program
/// means to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bears {
    /// As a cookie.
    Cookie,
    /// As a bearer token.
    Token,
}

/// Somebody who came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// As whom.
    pub(super) user: Arc<str>,
    /// What his rights and his password were then.
    pub(super) version: Digest,
    /// What his forms must hold.
    pub(super) csrf: String,
    bears: Bears,
    began: Timestamp,
    seen: Timestamp,
}

impl Session {
    fn lives(&self, now: Timestamp) -> bool {
        now.since(self.seen) <= IDLE_MAX && now.since(self.began) <= AGE_MAX
    }
}

/// Those who are in.
#[derive(Default)]
pub(super) struct Sessions {
    // std, not tokio: held for a few instructions, never across an await.
    all: Mutex<BTreeMap<Digest, Session>>,
}

impl Sessions {
    /// Lets a user in; what he is known by from now on.
    ///
    /// # Errors
    ///
    /// The system gives no randomness; nobody comes in then.
    pub(super) fn open(
        &self,
        (user, version): (Arc<str>, Digest),
        bears: Bears,
        now: Timestamp,
    ) -> io::Result<String> {
        let (token, csrf) = (random()?, random()?);
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, it| it.lives(now));
        let own = all.values().filter(|it| it.user == user).count();
        if OF_ONE_MAX <= own {
            remove_oldest(&mut all, |it| it.user == user);
        }
        if SESSIONS_MAX <= all.len() {
            remove_oldest(&mut all, |_| true);
        }
        let session = Session { user, version, csrf, bears, began: now, seen: now };
        all.insert(digest(&token), session);
        Ok(token)
    }

    /// Who bears a token, in this way; its time begins anew.
    pub(super) fn of(&self, token: &str, bears: Bears, now: Timestamp) -> Option<Session> {
        self.find(token, bears, now, true)
    }

    /// As [`of`](Self::of), but its time goes on: nobody did anything, a page refreshed itself.
    pub(super) fn still(&self, token: &str, bears: Bears, now: Timestamp) -> Option<Session> {
        self.find(token, bears, now, false)
    }

    fn find(&self, token: &str, bears: Bears, now: Timestamp, anew: bool) -> Option<Session> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = digest(token);
        let session = all.get_mut(&digest).filter(|it| it.bears == bears)?;
        if !session.lives(now) {
            all.remove(&digest);
            return None;
        }
        if anew {
            session.seen = now.max(session.seen);
        }
        Some(session.clone())
    }

    /// Ends the session of a token.
    pub(super) fn close(&self, token: &str) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&digest(token));
    }
}

fn remove_oldest(all: &mut BTreeMap<Digest, Session>, is_meant: impl Fn(&Session) -> bool) {
    let meant = all.iter().filter(|(_, it)| is_meant(it));
    if let Some(oldest) = meant.min_by_key(|(_, it)| it.seen).map(|(digest, _)| *digest) {
        all.remove(&oldest);
    }
}

/// A number that nobody guesses, as text.
pub(super) fn random() -> io::Result<String> {
    let mut random = [0; TOKEN_BYTES];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Two texts are compared by their digests: how long that takes tells nothing of the texts.
pub(super) fn digest(text: &str) -> Digest {
    Digest::of(&[text.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    fn open(sessions: &Sessions, user: &str, now: Timestamp) -> String {
        sessions.open((user.into(), Digest::of(&[])), Bears::Cookie, now).unwrap()
    }

    #[test]
    fn a_page_that_refreshes_itself_keeps_nobody_logged_in() {
        let sessions = Sessions::default();
        let token = open(&sessions, "sari", at(0));
        assert!(sessions.still(&token, Bears::Cookie, at(29)).is_some());
        assert_eq!(sessions.still(&token, Bears::Cookie, at(31)), None);
    }

    #[test]
    fn a_session_ends_when_it_is_not_used_and_after_half_a_day() {
        let sessions = Sessions::default();
        let token = open(&sessions, "sari", at(0));
        let of = |minutes| sessions.of(&token, Bears::Cookie, at(minutes)).map(|it| it.user);
        for minutes in (0..=12 * 60).step_by(30) {
            assert_eq!(of(minutes).as_deref(), Some("sari"), "{minutes}");
        }
        assert_eq!(of(12 * 60 + 1), None);
        let token = open(&sessions, "sari", at(0));
        assert_eq!(sessions.of(&token, Bears::Cookie, at(31)), None);
        assert_eq!(sessions.of(&token, Bears::Cookie, at(1)), None, "it does not come back");
    }

    #[test]
    fn a_token_opens_only_what_it_is_and_only_until_it_is_closed() {
        let sessions = Sessions::default();
        let token = open(&sessions, "sari", at(0));
        assert_eq!(sessions.of(&token, Bears::Token, at(0)), None, "a cookie is no bearer token");
        assert_eq!(sessions.of("", Bears::Cookie, at(0)), None);
        let session = sessions.of(&token, Bears::Cookie, at(0)).unwrap();
        assert_ne!(session.csrf, token);
        assert_eq!(token.len(), 2 * TOKEN_BYTES);
        sessions.close(&token);
        assert_eq!(sessions.of(&token, Bears::Cookie, at(0)), None);
    }

    #[test]
    fn the_oldest_session_makes_room() {
        let sessions = Sessions::default();
        let other = open(&sessions, "budi", at(0));
        let first = open(&sessions, "sari", at(0));
        for _ in 0..OF_ONE_MAX {
            open(&sessions, "sari", at(1));
        }
        assert_eq!(sessions.of(&first, Bears::Cookie, at(1)), None);
        assert!(sessions.of(&other, Bears::Cookie, at(1)).is_some(), "another's stays");
        for user in 0..SESSIONS_MAX {
            open(&sessions, &format!("u{user}"), at(2));
        }
        assert_eq!(sessions.all.lock().unwrap().len(), SESSIONS_MAX);
    }
}
