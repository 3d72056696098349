//! A target that answers from a script and remembers what it was sent.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde_json::Value;
use simpul::connector::{Answer, Call, CallError, Class, Target};
use tokio::sync::Notify;

/// See the file.
#[derive(Default)]
pub(crate) struct Scripted {
    state: Mutex<State>,
    released: Notify,
}

#[derive(Default)]
struct State {
    script: VecDeque<Reply>,
    always: Option<Reply>,
    calls: Vec<Call>,
    held: bool,
}

/// What a scripted target answers.
#[derive(Clone)]
pub(crate) enum Reply {
    Taken,
    Failed(Class, u16),
    Suspicious(u16),
    RetryAfter(Duration),
    Panics,
}

impl Scripted {
    /// Answers from `script`, then takes everything.
    pub(crate) fn new(script: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        let state = State { script: script.into_iter().collect(), ..State::default() };
        Arc::new(Self { state: Mutex::new(state), ..Self::default() })
    }

    /// Answers this next, after what is left of the script.
    pub(crate) fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.state.lock().unwrap().script.extend(replies);
    }

    /// From now on answers `reply` to everything; `None`: takes everything.
    pub(crate) fn always(&self, reply: Option<Reply>) {
        self.state.lock().unwrap().always = reply;
    }

    /// Answers nothing until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.state.lock().unwrap().held = true;
    }

    /// Answers what waits, and everything after.
    pub(crate) fn release(&self) {
        self.state.lock().unwrap().held = false;
        self.released.notify_waiters();
    }

    /// Every call, in the order in which they came.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.state.lock().unwrap().calls.clone()
    }

    /// The body of every call.
    pub(crate) fn bodies(&self) -> Vec<Value> {
        self.calls().iter().map(|it| serde_json::from_slice(&it.body).unwrap()).collect()
    }

    /// One header of every call.
    pub(crate) fn header(&self, name: &str) -> Vec<String> {
        let calls = self.calls();
        calls.iter().map(|it| it.headers.get(name).unwrap_or("-").to_owned()).collect()
    }
}

#[async_trait]
impl Target for Scripted {
    async fn send(&self, call: &Call) -> Result<Answer, CallError> {
        let reply = {
            let mut state = self.state.lock().unwrap();
            state.calls.push(call.clone());
            state.script.pop_front().or_else(|| state.always.clone()).unwrap_or(Reply::Taken)
        };
        loop {
            let released = self.released.notified();
            if !self.state.lock().unwrap().held {
                break;
            }
            released.await;
        }
        let failed = |class, status: u16, retry_after, suspicious| {
            let (reason, status) = (status.to_string(), Some(status));
            Err(CallError { class, status, reason, retry_after, suspicious })
        };
        match reply {
            Reply::Taken => Ok(Answer { summary: "200".to_owned() }),
            Reply::Failed(class, status) => failed(class, status, None, false),
            Reply::Suspicious(status) => failed(Class::Refused, status, None, true),
            Reply::RetryAfter(pause) => failed(Class::Unavailable, 503, Some(pause), false),
            Reply::Panics => panic!("a target that panics"),
        }
    }
}

pub(crate) fn unavailable() -> Reply {
    Reply::Failed(Class::Unavailable, 503)
}

pub(crate) fn refused() -> Reply {
    Reply::Failed(Class::Refused, 422)
}

pub(crate) fn wrong_password() -> Reply {
    Reply::Failed(Class::Misconfigured, 401)
}
