//! Why a call to another system did not succeed, sorted by what is to be done about it.

use std::time::Duration;

/// Why a call to another system did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{class}: {reason}")]
pub struct CallError {
    /// What to do about it.
    pub class: Class,
    /// The protocol's status code, where there is one; `answers:` may sort it otherwise.
    pub status: Option<u16>,
    /// What happened, in one line for the operator. Never a secret, a URL, or a body.
    pub reason: String,
    /// How long the other side asked us to wait, if it did.
    pub retry_after: Option<Duration>,
    /// `refused`, but if it happens to several messages in a row the target is misconfigured:
    /// 403, 404 and 410 on a fixed path.
    pub suspicious: bool,
}

/// The failure classes of `design.md`, as far as a target can tell them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// It did not answer, or asked us to come back: try again.
    Unavailable,
    /// We are not set up for it (password, address, certificate): pause the target.
    Misconfigured,
    /// It understood this delivery and will not take it: give it up.
    Refused,
}

impl std::fmt::Display for Class {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::Refused => "refused",
        })
    }
}

/// How `answers:` sorts a status code otherwise than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerClass {
    /// As good as taken.
    Delivered,
    /// Try again.
    Unavailable,
    /// Pause the target.
    Misconfigured,
    /// Give this delivery up.
    Refused,
}
