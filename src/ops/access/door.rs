//! Who comes in: with a name and a password, with a session, with the token of the machine, or, at the
//! very first, with one that was printed once.

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{
    Caller,
    password::{self, Verifier},
    roster::Roster,
    session::{Bears, Session, Sessions, digest, random},
    throttle::{Address, Buckets, Limit},
    users::is_login,
};
use crate::{
    diagnostic::{Text, text},
    message::{Clock, Digest, Timestamp},
    route::Broken,
};

/// Wrong passwords from one address: ten at once, and six a minute.
const FROM_ADDRESS: Limit = Limit { at_once: 10, every: Duration::from_secs(10) };

/// Wrong passwords for one name, from addresses from which it never came in: twenty at once, and two a
/// minute. Whoever guesses holds up only such addresses, and never one that is in use.
const FOR_NAME: Limit = Limit { at_once: 20, every: Duration::from_secs(30) };

/// Calls of one session or address: a page and what it fetches, many times over.
const CALLS: Limit = Limit { at_once: 200, every: Duration::from_millis(20) };

/// Addresses, names and sessions of which it is known how often they tried.
const BUCKETS_MAX: usize = 10_000;

/// Pairs of a name and an address that are remembered.
const KNOWN_MAX: usize = 1_000;

/// How long the first user can be made.
const FIRST_MAX: Duration = Duration::from_hours(1);

/// What keeps the door.
pub struct Door {
    clock: Clock,
    roster: Roster,
    sessions: Sessions,
    verifier: Verifier,
    by_address: Buckets<Address>,
    by_name: Buckets<Digest>,
    calls: Buckets<Digest>,
    /// From where somebody came in, the latest last.
    known: Mutex<VecDeque<(Digest, Address)>>,
    /// The token with which the first user is made, and until when.
    first: Mutex<Option<(Digest, Timestamp)>>,
}

/// Why somebody does not come in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Outside {
    /// There is no such user, or it is not his password: which of both is not told.
    #[error("the name or the password is wrong")]
    Wrong,
    /// He tried too often; after so long he may again.
    #[error("too many attempts; try again in {} s", .0.as_secs().max(1))]
    TooOften(Duration),
    /// What is asked for cannot be, for this reason.
    #[error("{}", .0.english())]
    Refused(Text),
    /// Not now.
    #[error("{0}")]
    Unavailable(String),
}

/// Somebody came in.
#[derive(Clone, PartialEq, Eq)]
pub struct Inside {
    /// What his next calls bear.
    pub token: String,
    /// Who he is.
    pub caller: Caller,
}

/// Who calls with a session.
#[derive(Clone, PartialEq, Eq)]
pub struct Known {
    /// Who.
    pub caller: Caller,
    /// What each form of his must hold.
    pub csrf: String,
}

impl Door {
    /// A door for the users of a file, who come and go as the file does.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file.
    pub fn open(users: PathBuf, clock: Clock) -> Result<Self, Broken> {
        Ok(Self {
            clock,
            roster: Roster::open(users, clock)?,
            sessions: Sessions::default(),
            verifier: Verifier::new(),
            by_address: Buckets::new(FROM_ADDRESS, BUCKETS_MAX),
            by_name: Buckets::new(FOR_NAME, BUCKETS_MAX),
            calls: Buckets::new(CALLS, BUCKETS_MAX),
            known: Mutex::default(),
            first: Mutex::default(),
        })
    }

    /// Where there is no user yet: a token, valid for an hour, with which the first is made.
    ///
    /// # Errors
    ///
    /// The system gives no randomness.
    pub async fn first_token(&self) -> io::Result<Option<String>> {
        if !self.roster.users().await.0.is_empty() {
            return Ok(None);
        }
        let token = random()?;
        let until = self.clock.now().after(FIRST_MAX);
        *lock(&self.first) = Some((digest(&token), until));
        Ok(Some(token))
    }

    /// Whether the first user can be made.
    pub async fn waits_for_first(&self) -> bool {
        let now = self.clock.now();
        let waits = lock(&self.first).is_some_and(|(_, until)| now <= until);
        waits && self.roster.users().await.0.is_empty()
    }

    /// Makes the first user, who may everything, and lets him in.
    ///
    /// # Errors
    ///
    /// [`Outside`]; the token can be used again then.
    pub async fn make_first(
        &self,
        token: &str,
        (login, password): (&str, String),
        address: Address,
    ) -> Result<Inside, Outside> {
        let now = self.clock.now();
        self.by_address.take(&address, now).map_err(Outside::TooOften)?;
        if !self.waits_for_first().await {
            let reason = text!("there are users already, or the hour is over");
            return Err(Outside::Refused(reason));
        }
        let is_it = lock(&self.first).is_some_and(|(known, _)| known == digest(token.trim()));
        if !is_it {
            return Err(Outside::Refused(text!("this is not the token that was printed")));
        }
        self.by_address.give_back(&address);
        if !is_login(login) {
            let reason = text!("write small letters, digits, `.`, `-` and `_`, 63 at most");
            return Err(Outside::Refused(reason));
        }
        let plain = password.clone();
        let hashed = tokio::task::spawn_blocking(move || password::hash(&plain)).await;
        let hashed = hashed.map_err(|error| Outside::Unavailable(error.to_string()))?;
        let hashed = hashed.map_err(Outside::Refused)?;
        let text = file_of_first(login, &hashed.to_text());
        let unavailable = |error: io::Error| Outside::Unavailable(error.to_string());
        self.roster.first(text).await.map_err(unavailable)?;
        *lock(&self.first) = None;
        self.come_in((login, password), address, Bears::Cookie).await
    }

    /// Lets somebody in who knows his password.
    ///
    /// # Errors
    ///
    /// [`Outside`]; in the same time and words whether the name or the password is wrong.
    pub async fn come_in(
        &self,
        (login, password): (&str, String),
        address: Address,
        bears: Bears,
    ) -> Result<Inside, Outside> {
        let now = self.clock.now();
        let name = digest(login);
        self.by_address.take(&address, now).map_err(Outside::TooOften)?;
        let is_known = lock(&self.known).contains(&(name, address));
        if !is_known {
            self.by_name.take(&name, now).map_err(|wait| {
                self.by_address.give_back(&address);
                Outside::TooOften(wait)
            })?;
        }
        let user = self.roster.user(login).await;
        let hash = user.as_ref().map(|it| &it.password);
        let busy = |_| Outside::Unavailable("too many log in at once; try again".to_owned());
        let right = self.verifier.verify(hash, password).await.map_err(busy)?;
        let Some(user) = user.filter(|_| right) else { return Err(Outside::Wrong) };
        self.by_address.give_back(&address);
        if !is_known {
            self.by_name.give_back(&name);
            self.remember((name, address));
        }
        let session = (std::sync::Arc::clone(&user.login), user.version);
        let opened = self.sessions.open(session, bears, self.clock.now());
        let token = opened.map_err(|error| Outside::Unavailable(error.to_string()))?;
        Ok(Inside { token, caller: Caller::user(&user) })
    }

    /// Who bears a session; `None` if it has ended, or he may other things now than when he came in.
    pub async fn known(&self, token: &str, bears: Bears) -> Option<Known> {
        let session = self.sessions.of(token, bears, self.clock.now())?;
        self.checked(token, session).await
    }

    /// As [`known`](Self::known), of a page that refreshes itself: who looks away is logged out in time.
    pub async fn known_still(&self, token: &str) -> Option<Known> {
        let session = self.sessions.still(token, Bears::Cookie, self.clock.now())?;
        self.checked(token, session).await
    }

    async fn checked(&self, token: &str, session: Session) -> Option<Known> {
        let user = self.roster.user(&session.user).await;
        let Some(user) = user.filter(|it| it.version == session.version) else {
            self.sessions.close(token);
            return None;
        };
        Some(Known { caller: Caller::user(&user), csrf: session.csrf })
    }

    /// Ends a session.
    pub fn leave(&self, token: &str) {
        self.sessions.close(token);
    }

    /// Whether one more call is taken from whoever bears a token, or comes from an address.
    ///
    /// # Errors
    ///
    /// How long he should wait.
    pub fn call(&self, who: &[u8]) -> Result<(), Duration> {
        self.calls.take(&Digest::of(&[who]), self.clock.now())
    }

    fn remember(&self, pair: (Digest, Address)) {
        let mut known = lock(&self.known);
        if KNOWN_MAX <= known.len() {
            known.pop_front();
        }
        known.push_back(pair);
    }
}

/// The file with its first user.
fn file_of_first(login: &str, hash: &str) -> String {
    format!(
        "# Who may come in, and what each may do: `simpul user` changes it, or an editor.\nusers:\n  \
         {login}:\n    password: {hash}\n    grants: [{{ role: admin }}]\n"
    )
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
