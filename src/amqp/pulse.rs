//! Whether a broker still confirms: while anything is outstanding, something is to be confirmed
//! from time to time. That is so also for each queue alone, for one may have lost its server while
//! all others work.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Without a confirmation for this long, nothing is to be hoped for: a healthy broker writes and
/// syncs its log many times meanwhile, and a sender that waits has its answer within a second.
pub(super) const STALL_AFTER: Duration = Duration::from_millis(800);

/// Bytes that a broker takes in a second at the least: large bodies take their time, and a slower
/// network is none for them.
const BYTES_PER_SECOND: u64 = 16 << 20;

/// The signs of life of a broker, and of each place at it.
#[derive(Default)]
pub(super) struct Pulses(Mutex<State>);

struct State {
    /// When anything was last confirmed.
    heard: Instant,
    all: Pulse,
    places: HashMap<Arc<str>, Pulse>,
    /// Places that stay behind all others: they say nothing of the broker as a whole.
    sick: HashSet<Arc<str>>,
}

impl Default for State {
    fn default() -> Self {
        let (all, places, sick) = (Pulse::default(), HashMap::new(), HashSet::new());
        Self { heard: Instant::now(), all, places, sick }
    }
}

struct Pulse {
    outstanding: usize,
    bytes: u64,
    /// The last confirmation, or when the first of what is outstanding was sent.
    since: Instant,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { outstanding: 0, bytes: 0, since: Instant::now() }
    }
}

impl Pulse {
    fn sent(&mut self, bytes: u64) {
        if self.outstanding == 0 {
            self.since = Instant::now();
        }
        self.outstanding += 1;
        self.bytes += bytes;
    }

    fn ended(&mut self, bytes: u64) {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn stalls_at(&self) -> Option<Instant> {
        let on_the_way = Duration::from_millis(self.bytes.saturating_mul(1_000) / BYTES_PER_SECOND);
        (0 < self.outstanding).then(|| self.since + STALL_AFTER + on_the_way)
    }
}

/// One message that is outstanding, until it is dropped.
pub(super) struct Outstanding {
    pulses: Arc<Pulses>,
    pub(super) place: Arc<str>,
    bytes: u64,
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        let mut state = self.pulses.state();
        if !state.sick.contains(&self.place) {
            state.all.ended(self.bytes);
        }
        if let Some(pulse) = state.places.get_mut(&self.place) {
            pulse.ended(self.bytes);
            if pulse.outstanding == 0 {
                state.places.remove(&self.place);
            }
        }
    }
}

impl Pulses {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message is to be confirmed from now.
    pub(super) fn sent(self: &Arc<Self>, place: Arc<str>, bytes: usize) -> Outstanding {
        let bytes = bytes as u64;
        let mut state = self.state();
        if !state.sick.contains(&place) {
            state.all.sent(bytes);
        }
        state.places.entry(Arc::clone(&place)).or_default().sent(bytes);
        drop(state);
        Outstanding { pulses: Arc::clone(self), place, bytes }
    }

    /// A place stays behind all others, or does so no more.
    pub(super) fn set_sick(&self, place: &Arc<str>, is_sick: bool) {
        let mut state = self.state();
        let changes =
            if is_sick { state.sick.insert(Arc::clone(place)) } else { state.sick.remove(place) };
        let State { all, places, .. } = &mut *state;
        let Some(pulse) = places.get(place).filter(|_| changes) else { return };
        if is_sick {
            all.outstanding = all.outstanding.saturating_sub(pulse.outstanding);
            all.bytes = all.bytes.saturating_sub(pulse.bytes);
            // What else is under way gets another chance.
            all.since = Instant::now();
        } else {
            all.outstanding += pulse.outstanding;
            all.bytes += pulse.bytes;
        }
    }

    /// Whether a place stays behind all others.
    pub(super) fn is_sick(&self, place: &str) -> bool {
        self.state().sick.contains(place)
    }

    /// Something that was sent to a place was confirmed, or refused: it lives.
    pub(super) fn lives(&self, place: &str, now: Instant) {
        let mut state = self.state();
        state.heard = now;
        state.all.since = now;
        if let Some(pulse) = state.places.get_mut(place) {
            pulse.since = now;
        }
    }

    /// From when on nothing is to be hoped for of a place, unless a confirmation comes; nothing if
    /// nothing is outstanding: then the next message is the one that finds out.
    pub(super) fn stalls_at(&self, place: &str) -> Option<Instant> {
        let state = self.state();
        let of_place = state.places.get(place).and_then(Pulse::stalls_at);
        if state.sick.contains(place) {
            return of_place;
        }
        state.all.stalls_at().into_iter().chain(of_place).min()
    }

    /// Whether the broker as a whole confirms nothing.
    pub(super) fn is_stalled(&self) -> bool {
        let (state, now) = (self.state(), Instant::now());
        let mut stalls = state.places.values().filter_map(Pulse::stalls_at);
        state.heard + STALL_AFTER <= now && stalls.any(|it| it <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(500);

    #[tokio::test(start_paused = true)]
    async fn a_broker_is_stalled_while_nothing_of_what_is_outstanding_is_confirmed() {
        let pulses = Arc::new(Pulses::default());
        assert_eq!(pulses.stalls_at("a"), None, "an idle broker is not stalled");
        let first = pulses.sent("a".into(), 9);
        tokio::time::advance(STEP).await;
        let second = pulses.sent("a".into(), 9);
        assert!(!pulses.is_stalled());
        tokio::time::advance(STEP).await;
        assert!(pulses.is_stalled(), "the first one waits for too long");
        pulses.lives("a", Instant::now());
        drop(first);
        assert!(!pulses.is_stalled(), "a late confirmation heals it");
        tokio::time::advance(2 * STEP).await;
        assert!(pulses.is_stalled());
        drop(second);
        assert!(!pulses.is_stalled(), "the next one finds out");
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_take_their_time() {
        let pulses = Arc::new(Pulses::default());
        let _large = pulses.sent("a".into(), 64 << 20);
        tokio::time::advance(8 * STEP).await;
        assert!(!pulses.is_stalled());
        tokio::time::advance(2 * STEP).await;
        assert!(pulses.is_stalled());
    }

    #[tokio::test(start_paused = true)]
    async fn one_place_can_be_stalled_while_others_are_not() {
        let pulses = Arc::new(Pulses::default());
        let (_stuck, _other) = (pulses.sent("a".into(), 9), pulses.sent("b".into(), 9));
        for _ in 0..3 {
            tokio::time::advance(STEP).await;
            pulses.lives("b", Instant::now());
        }
        let now = Instant::now();
        assert!(!pulses.is_stalled());
        assert!(pulses.stalls_at("a").is_some_and(|it| it <= now));
        assert!(pulses.stalls_at("b").is_some_and(|it| now < it));
    }
}
