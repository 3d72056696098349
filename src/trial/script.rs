//! Targets that answer from a script and remember what they were sent.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use crate::connector::{Answer, Call, CallError, Class, Draft, Target};

/// Attempts of a case after which it is taken for one that never ends.
pub(super) const CALLS_MAX: usize = 10_000;

/// One answer of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// How long the target takes.
    pub(crate) after: Duration,
    pub(crate) says: Says,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Says {
    Taken,
    Status(u16, Option<Duration>),
    Class(Class, Option<Duration>),
    Timeout,
}

/// A call as a target saw it.
#[derive(Debug, Clone)]
pub(super) struct Called {
    pub(super) at: Instant,
    /// The `Idempotency-Key` of the delivery.
    pub(super) key: String,
    /// What was sent; or why nothing could be.
    pub(super) draft: Result<Draft, String>,
    pub(super) answer: String,
    pub(super) failed: bool,
}

/// A target of the files, with a script in the place of its system.
pub(super) struct Scripted {
    /// What would be called.
    played: Arc<dyn Target>,
    script: Vec<Reply>,
    calls: Mutex<Vec<Called>>,
    /// Told of each call.
    called: Arc<Notify>,
}

impl Scripted {
    pub(super) fn new(played: Arc<dyn Target>, script: Vec<Reply>, called: Arc<Notify>) -> Self {
        Self { played, script, calls: Mutex::default(), called }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Called>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every call, in the order in which they came.
    pub(super) fn calls(&self) -> Vec<Called> {
        self.lock().clone()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Whether it will answer as it did last for ever, and that was no success.
    pub(super) fn fails_for_ever(&self) -> bool {
        let calls = self.lock();
        self.script.len() <= calls.len() && calls.last().is_some_and(|it| it.failed)
    }

    /// What it answers to the call with this number, from 0.
    fn reply(&self, number: usize) -> Reply {
        let taken = Reply { after: Duration::ZERO, says: Says::Taken };
        self.script.get(number).or(self.script.last()).cloned().unwrap_or(taken)
    }

    async fn answer(&self, reply: Reply) -> Result<Answer, CallError> {
        let Reply { after, says } = reply;
        let longest = self.played.time_max();
        if says == Says::Timeout || longest < after {
            sleep(longest).await;
            return Err(failed(Class::Unavailable, "no answer in time", None));
        }
        if !after.is_zero() {
            sleep(after).await;
        }
        match says {
            Says::Taken | Says::Timeout => Ok(Answer { summary: "taken".to_owned() }),
            Says::Status(status, pause) => {
                let judged = self.played.judge(status, pause);
                judged.unwrap_or_else(|| {
                    Err(failed(Class::Refused, "bug: a status of a target that has none", None))
                })
            }
            Says::Class(class, pause) => Err(failed(class, "as the case says", pause)),
        }
    }
}

#[async_trait]
impl Target for Scripted {
    async fn send(&self, call: &Call) -> Result<Answer, CallError> {
        let draft = self.played.draft(call);
        let key = call.headers.get("idempotency-key").unwrap_or_default().to_owned();
        let number = {
            let mut calls = self.lock();
            let sent = draft.clone().map_err(|it| it.reason);
            let (at, answer) = (Instant::now(), String::new());
            calls.push(Called { at, key, draft: sent, answer, failed: false });
            calls.len() - 1
        };
        let answer = match draft {
            Ok(_) => self.answer(self.reply(number)).await,
            Err(error) => Err(error),
        };
        let told = match &answer {
            Ok(answer) => answer.summary.clone(),
            Err(error) => error.reason.clone(),
        };
        if let Some(called) = self.lock().get_mut(number) {
            (called.answer, called.failed) = (told, answer.is_err());
        }
        self.called.notify_one();
        answer
    }
}

fn failed(class: Class, reason: &str, retry_after: Option<Duration>) -> CallError {
    CallError { class, status: None, reason: reason.to_owned(), retry_after, suspicious: false }
}
