//! Who may come in, and how often: API keys, rates, calls at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, header};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    super::{super::Intake, ApiKey},
    IngestLimits,
    problem::{Problem, ProblemCode},
};
use crate::message::Endpoint;

/// The longest key that is looked at, in bytes; those of `simpul key new` have 71.
const KEY_MAX: usize = 512;

/// When a sender with too many calls at once should come back.
const IN_FLIGHT_PAUSE: Duration = Duration::from_secs(1);

/// Knows the clients and what each has in hand.
pub(super) struct Door {
    intake: Arc<dyn Intake>,
    rate_per_second: u32,
    burst: u32,
    in_flight_max: usize,
    // std, not tokio: held for a few instructions, never across an await.
    clients: Mutex<HashMap<[u8; 32], Client>>,
}

struct Client {
    bucket: Bucket,
    in_flight: Arc<Semaphore>,
}

/// Somebody who proved who he is.
pub(super) struct Known {
    hash: [u8; 32],
    /// The sources that his key opens, and the name of the key there.
    sources: Vec<(Endpoint, String)>,
}

impl Door {
    pub(super) fn new(intake: Arc<dyn Intake>, limits: &IngestLimits) -> Self {
        Self {
            intake,
            rate_per_second: limits.rate_per_second,
            burst: limits.burst,
            in_flight_max: limits.in_flight_max,
            clients: Mutex::default(),
        }
    }

    /// Who calls, by his API key. Every refusal is the same, whatever was wrong.
    pub(super) fn identify(&self, headers: &HeaderMap) -> Result<Known, Problem> {
        let hash = bearer(headers).map(ApiKey::of).ok_or(ProblemCode::Unauthorised)?;
        let mut sources = Vec::new();
        // All keys of all sources are compared, so that the time tells nothing about them.
        for source in self.intake.sources().values() {
            for (name, known) in &source.api_keys {
                if hash.is(known) {
                    sources.push((source.endpoint.clone(), name.clone()));
                }
            }
        }
        match sources.is_empty() {
            true => Err(ProblemCode::Unauthorised.into()),
            false => Ok(Known { hash: hash.0, sources }),
        }
    }

    /// Takes one call off what the client may make; what is returned is held while it lasts.
    pub(super) fn admit(&self, known: &Known) -> Result<OwnedSemaphorePermit, Problem> {
        let now = Instant::now();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if !clients.contains_key(&known.hash) {
            // A key that left the files leaves this map when the next one comes.
            let sources = self.intake.sources();
            let keys: Vec<_> = sources.values().flat_map(|it| &it.api_keys).collect();
            clients.retain(|hash, _| keys.iter().any(|(_, key)| key == hash));
        }
        let client = clients.entry(known.hash).or_insert_with(|| Client {
            bucket: Bucket::full(now),
            in_flight: Arc::new(Semaphore::new(self.in_flight_max)),
        });
        let in_flight = Arc::clone(&client.in_flight).try_acquire_owned();
        let permit = in_flight.map_err(|_| {
            let detail = format!("at most {} calls of one key at once", self.in_flight_max);
            Problem::new(ProblemCode::TooManyInFlight, detail).retry_after(IN_FLIGHT_PAUSE)
        })?;
        client.bucket.take(now, self.rate_per_second, self.burst).map_err(|pause| {
            let detail = format!("at most {} calls a second for one key", self.rate_per_second);
            Problem::new(ProblemCode::RateLimited, detail).retry_after(pause)
        })?;
        Ok(permit)
    }
}

impl Known {
    /// The name of the client at a source, if his key opens it: `system.source/key-name`.
    pub(super) fn at(&self, endpoint: &Endpoint) -> Option<String> {
        let source = self.sources.iter().find(|(source, _)| source == endpoint);
        source.map(|(source, key)| format!("{source}/{key}"))
    }

    /// His names at all sources that his key opens.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.sources.iter().map(|(source, key)| format!("{source}/{key}"))
    }
}

/// The one bearer token of a call. The scheme is matched in any case, as RFC 9110 says.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    let valid = scheme.eq_ignore_ascii_case(b"Bearer ")
        && values.next().is_none()
        && (1..=KEY_MAX).contains(&token.len());
    valid.then_some(token)
}

/// A token bucket, as the moment at which it will be full again.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    full_at: Instant,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one of `burst` tokens, which come back at `rate` a second.
    ///
    /// # Errors
    ///
    /// How long until there is one.
    fn take(&mut self, now: Instant, rate: u32, burst: u32) -> Result<(), Duration> {
        let one = Duration::from_secs(1) / rate.max(1);
        let capacity = one * burst.max(1);
        let missing = self.full_at.saturating_duration_since(now) + one;
        if capacity < missing {
            return Err(missing - capacity);
        }
        self.full_at = now + missing;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        let taken = (0..100).take_while(|_| bucket.take(start, 10, 5).is_ok()).count();
        assert_eq!(taken, 5);
        assert_eq!(bucket.take(start, 10, 5), Err(Duration::from_millis(100)));
        let later = start + Duration::from_millis(250);
        let taken = (0..100).take_while(|_| bucket.take(later, 10, 5).is_ok()).count();
        assert_eq!(taken, 2);
        let full = later + Duration::from_secs(60);
        let taken = (0..100).take_while(|_| bucket.take(full, 10, 5).is_ok()).count();
        assert_eq!(taken, 5, "never more than the burst");
    }

    #[test]
    fn a_token_stands_alone_behind_its_scheme() {
        let token = |values: &[&'static str]| {
            let values = values.iter().map(|it| (header::AUTHORIZATION, it.parse().unwrap()));
            bearer(&values.collect()).map(<[u8]>::to_vec)
        };
        assert_eq!(token(&["Bearer abc"]), Some(b"abc".to_vec()));
        assert_eq!(token(&["bearer abc"]), Some(b"abc".to_vec()));
        for wrong in ["abc", "Basic abc", "Bearer", "Bearer ", "Bearerabc"] {
            assert_eq!(token(&[wrong]), None, "{wrong}");
        }
        assert_eq!(token(&["Bearer abc", "Bearer abc"]), None);
        assert_eq!(token(&[]), None);
    }
}
