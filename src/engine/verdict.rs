//! What becomes of a delivery after an attempt. Pure: the whole policy is in these lines.

use std::{collections::BTreeMap, time::Duration};

use super::envelope::Envelope;
use crate::{
    connector::{Answer, AnswerClass, CallError, Class},
    ledger::Cause,
    message::Timestamp,
    route::RetryPolicy,
};

/// What becomes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The target took it.
    Delivered,
    /// It is tried again after a pause.
    Retry {
        /// How long.
        pause: Duration,
        /// Since when every attempt found the target unavailable.
        failing_since: Timestamp,
    },
    /// Its target is paused; it stays.
    Pause,
    /// It is given up.
    Dead(Cause),
}

/// What an attempt came to, once `answers:` has had its say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempted {
    /// The class; `None`: the target took it.
    pub(super) class: Option<Class>,
    /// One line for the journal.
    pub(super) summary: String,
    /// How long the target asked us to wait.
    pub(super) retry_after: Option<Duration>,
    /// See [`CallError::suspicious`].
    pub(super) suspicious: bool,
}

impl Attempted {
    /// Sorts what came back: by the route's `answers`, then the target's, then as usual.
    pub(super) fn sort(
        result: Result<Answer, CallError>,
        answers: [&BTreeMap<u16, AnswerClass>; 2],
    ) -> Self {
        let error = match result {
            Ok(answer) => {
                let summary = answer.summary;
                return Self { class: None, summary, retry_after: None, suspicious: false };
            }
            Err(error) => error,
        };
        let said = error.status.and_then(|it| answers.iter().find_map(|all| all.get(&it)));
        let (class, suspicious) = match said {
            Some(AnswerClass::Delivered) => (None, false),
            Some(AnswerClass::Unavailable) => (Some(Class::Unavailable), false),
            Some(AnswerClass::Misconfigured) => (Some(Class::Misconfigured), false),
            Some(AnswerClass::Refused) => (Some(Class::Refused), false),
            None => (Some(error.class), error.suspicious),
        };
        Self { class, summary: error.reason, retry_after: error.retry_after, suspicious }
    }

    /// The class in one word, for journal and metrics.
    pub(super) fn word(&self) -> &'static str {
        match self.class {
            None => "delivered",
            Some(Class::Unavailable) => "unavailable",
            Some(Class::Misconfigured) => "misconfigured",
            Some(Class::Refused) => "refused",
        }
    }
}

/// Decides what becomes of a delivery. `luck`, from 0 to 1, spreads the pauses.
pub(super) fn verdict(
    attempted: &Attempted,
    envelope: &Envelope,
    policy: &RetryPolicy,
    now: Timestamp,
    luck: impl FnOnce() -> f64,
) -> Verdict {
    let Some(class) = attempted.class else { return Verdict::Delivered };
    match class {
        Class::Misconfigured => Verdict::Pause,
        Class::Refused => Verdict::Dead(cause("refused", attempted.summary.clone())),
        Class::Unavailable => {
            let failing_since = envelope.failing_since.unwrap_or(now);
            let failing = now.since(failing_since);
            if policy.give_up <= failing {
                let tries = envelope.attempts.saturating_add(1);
                let reason = format!("{}, after {tries} attempts", attempted.summary);
                return Verdict::Dead(cause("unavailable", reason));
            }
            let pause = pause(policy, envelope.attempts, luck());
            // The last attempt is made when time is up, not a whole pause later.
            let pause = pause.min(policy.give_up.saturating_sub(failing));
            let pause = pause.max(attempted.retry_after.unwrap_or_default());
            Verdict::Retry { pause, failing_since }
        }
    }
}

/// Where a key is never let go: what would be given up is tried again, after the longest pause.
pub(super) fn insisting(
    verdict: Verdict,
    (envelope, policy): (&Envelope, &RetryPolicy),
    now: Timestamp,
    luck: impl FnOnce() -> f64,
) -> Verdict {
    let Verdict::Dead(_) = verdict else { return verdict };
    let pause = pause(policy, envelope.attempts, luck());
    Verdict::Retry { pause, failing_since: envelope.failing_since.unwrap_or(now) }
}

fn cause(class: &str, reason: String) -> Cause {
    Cause { class: class.into(), place: String::new(), reason }
}

/// The pause after attempt number `before` + 1: exponential, then spread over its upper half, so
/// that what failed together does not come back together.
fn pause(policy: &RetryPolicy, before: u32, luck: f64) -> Duration {
    // Beyond this many doublings every policy is at its longest pause.
    const POWER_MAX: u32 = 64;
    let power = i32::try_from(before.min(POWER_MAX)).unwrap_or_default();
    let longest = policy.max.as_secs_f64();
    let whole = (policy.first.as_secs_f64() * policy.factor.max(1.0).powi(power)).min(longest);
    Duration::from_secs_f64((whole * (0.5 + 0.5 * luck.clamp(0.0, 1.0))).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Digest;

    const POLICY: RetryPolicy = RetryPolicy {
        first: Duration::from_secs(1),
        factor: 3.0,
        max: Duration::from_secs(10),
        give_up: Duration::from_secs(100),
    };

    #[test]
    fn pauses_grow_up_to_the_longest() {
        let pauses = [0, 1, 2, 3, 4_000].map(|before| pause(&POLICY, before, 1.0).as_secs());
        assert_eq!(pauses, [1, 3, 9, 10, 10]);
        assert_eq!(pause(&POLICY, 0, 0.0), Duration::from_millis(500));
    }

    #[test]
    fn the_target_may_ask_for_a_longer_pause_than_ours() {
        let asked = Attempted { retry_after: Some(Duration::from_secs(60)), ..down() };
        let verdict = verdict(&asked, &envelope(None), &POLICY, at(5), || 1.0);
        let pause = Duration::from_secs(60);
        assert_eq!(verdict, Verdict::Retry { pause, failing_since: at(5) });
    }

    #[test]
    fn gives_up_when_its_time_is_over_and_not_before() {
        let early = verdict(&down(), &envelope(Some(0)), &POLICY, at(99), || 1.0);
        let pause = Duration::from_secs(1);
        assert_eq!(early, Verdict::Retry { pause, failing_since: at(0) });
        let late = verdict(&down(), &envelope(Some(0)), &POLICY, at(100), || 1.0);
        let reason = "503, after 5 attempts".to_owned();
        assert_eq!(late, Verdict::Dead(cause("unavailable", reason)));
    }

    #[test]
    fn never_retries_a_refusal_and_never_kills_for_a_wrong_password() {
        let refused = Attempted { class: Some(Class::Refused), ..down() };
        let verdict_of = |it| verdict(it, &envelope(Some(0)), &POLICY, at(500), || 1.0);
        assert_eq!(verdict_of(&refused), Verdict::Dead(cause("refused", "503".to_owned())));
        let password = Attempted { class: Some(Class::Misconfigured), ..down() };
        assert_eq!(verdict_of(&password), Verdict::Pause);
    }

    #[test]
    fn what_insists_never_gives_up() {
        let envelope = envelope(Some(0));
        let late = verdict(&down(), &envelope, &POLICY, at(1_000), || 1.0);
        assert!(matches!(late, Verdict::Dead(_)));
        let still = insisting(late, (&envelope, &POLICY), at(1_000), || 1.0);
        assert_eq!(still, Verdict::Retry { pause: POLICY.max, failing_since: at(0) });
        let taken = insisting(Verdict::Delivered, (&envelope, &POLICY), at(1_000), || 1.0);
        assert_eq!(taken, Verdict::Delivered);
    }

    #[test]
    fn a_route_sorts_answers_before_its_target_does() {
        let route = BTreeMap::from([(409, AnswerClass::Delivered)]);
        let target = BTreeMap::from([(409, AnswerClass::Refused), (404, AnswerClass::Refused)]);
        let class_of = |status, suspicious| {
            let error = CallError {
                class: Class::Unavailable,
                status: Some(status),
                reason: String::new(),
                retry_after: None,
                suspicious,
            };
            let sorted = Attempted::sort(Err(error), [&route, &target]);
            (sorted.class, sorted.suspicious)
        };
        assert_eq!(class_of(409, false), (None, false));
        assert_eq!(class_of(404, true), (Some(Class::Refused), false));
        assert_eq!(class_of(500, false), (Some(Class::Unavailable), false));
    }

    fn down() -> Attempted {
        let class = Some(Class::Unavailable);
        Attempted { class, summary: "503".to_owned(), retry_after: None, suspicious: false }
    }

    fn envelope(failing_since_s: Option<i64>) -> Envelope {
        Envelope {
            ordinal: 0,
            key: Digest::of(&[]),
            parameters: Vec::new(),
            generation: 1,
            attempts: if failing_since_s.is_some() { 4 } else { 0 },
            failing_since: failing_since_s.map(at),
            panics: 0,
            reason: None,
            may_repeat: false,
            seq: None,
            called: None,
            traced: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }
}
