//! Time that does not go back when somebody puts the clock of the system back.
//!
//! What is due is kept as a moment. If the clock is put back by an hour, everything that waits would
//! wait an hour more. So time goes on from where it was, and runs slower than the clock until the
//! two meet: what waits is late by a ninth at most. A clock that is put forward is followed at once:
//! what waits is early by its own pause at most.

use std::sync::{Mutex, PoisonError};

/// A clock that is behind by less than this is followed: moments are rounded, and adjusted a little.
const TOLERATED_MS: i64 = 1_000;

/// While time is ahead of the clock, it gives up one millisecond in so many.
const GIVEN_UP: i64 = 10;

/// See the file. One for a process; milliseconds everywhere.
#[derive(Debug)]
pub(super) struct Steady(Mutex<State>);

#[derive(Debug, Clone, Copy)]
struct State {
    /// The most that the clock was ever ahead of the time since the start of the process.
    offset: i64,
    /// Since when the clock is behind that, as the time since the start.
    behind_since: Option<i64>,
}

impl Steady {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(State { offset: i64::MIN, behind_since: None }))
    }

    /// What time it is, where the clock shows `wall` and the process runs for `running`.
    pub(super) fn now(&self, wall: i64, running: i64) -> i64 {
        // std, not tokio: held for a few instructions, never across an await.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let offset = wall.saturating_sub(running);
        let since = match state.behind_since {
            None if state.offset.saturating_sub(TOLERATED_MS) <= offset => {
                state.offset = state.offset.max(offset);
                return wall;
            }
            None => {
                let ms = state.offset.saturating_sub(offset);
                tracing::warn!(
                    ms,
                    "the clock was put back; time goes on, slower, until it is there"
                );
                *state.behind_since.insert(running)
            }
            Some(since) => since,
        };
        let given_up = running.saturating_sub(since) / GIVEN_UP;
        let held = state.offset.saturating_sub(given_up);
        if held <= offset {
            *state = State { offset, behind_since: None };
            return wall;
        }
        running.saturating_add(held)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;
    const START: i64 = 1_790_000_000_000;

    #[test]
    fn a_clock_that_is_put_forward_is_followed_at_once() {
        let steady = Steady::new();
        assert_eq!(steady.now(START, 0), START);
        assert_eq!(steady.now(START + HOUR, 1), START + HOUR);
    }

    #[test]
    fn a_clock_that_is_put_back_makes_nobody_wait_for_it() {
        let steady = Steady::new();
        steady.now(START, 0);
        assert_eq!(steady.now(START - HOUR, 10), START + 10);
        // A minute later nine tenths of a minute have passed.
        assert_eq!(steady.now(START - HOUR + 60_000, 60_010), START + 10 + 54_000);
        // They meet where a tenth of the time makes up for the hour, and agree from then on.
        assert_eq!(steady.now(START + 9 * HOUR, 10 * HOUR + 10), START + 9 * HOUR + 10);
        assert_eq!(steady.now(START + 10 * HOUR, 11 * HOUR + 10), START + 10 * HOUR);
        // Put right in between, it is followed at once.
        assert_eq!(steady.now(START, 11 * HOUR + 20), START + 10 * HOUR + 10);
        assert_eq!(steady.now(START + 10 * HOUR + 30, 11 * HOUR + 30), START + 10 * HOUR + 30);
    }

    #[test]
    fn small_corrections_are_followed() {
        let steady = Steady::new();
        steady.now(START, 0);
        assert_eq!(steady.now(START - 400, 100), START - 400);
    }

    proptest! {
        #[test]
        fn time_passes_at_nine_tenths_of_its_rate_at_least_whatever_the_clock_does(
            steps in prop::collection::vec((-2 * HOUR..2 * HOUR, 0_i64..60_000), 1..60),
        ) {
            let (steady, mut wall, mut running) = (Steady::new(), START, 0);
            let mut last = steady.now(wall, running);
            for (put, pass) in steps {
                wall += put + pass;
                running += pass;
                let now = steady.now(wall, running);
                prop_assert!(last + pass - pass / GIVEN_UP - 1 - TOLERATED_MS <= now);
                // Never behind the clock.
                prop_assert!(wall <= now);
                last = now;
            }
        }
    }
}
