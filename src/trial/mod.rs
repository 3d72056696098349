//! Trials: the tests of routes, played by the real engine.
//!
//! A case runs over a store in memory and a clock that jumps from one moment at which something is
//! due to the next, against targets that answer from a script: no network, no waiting, no chance.
//! All else is the bus itself.
//!
//! ```text
//! file   what integrators write          read   it, with everything that is wrong with it
//! body   bodies that are given           script targets that answer from a script
//! stage  an engine to play a case on     play   a case from its beginning until nothing moves
//! seen   what happened                   judge  whether it is what was expected
//! coverage   which ways of a route were gone
//! explain    one message through a route, step by step
//! record     a message that came once as a case      mask  what is about people taken out of it
//! ```

mod body;
mod compare;
mod coverage;
mod expect;
mod explain;
mod file;
mod judge;
mod mask;
mod play;
mod read;
mod record;
mod script;
mod seen;
mod stage;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;

use self::script::Reply;
pub use self::{
    coverage::{Coverage, Item, Reached},
    explain::{Explained, Explaining, Sent, Shown, Step, To, explain},
    file::{
        AnswerSpec, AnswerWord, CaseSpec, DeliverySpec, DeliveryWord, ExpectSpec, GivenSpec,
        MessageWord, TestFile,
    },
    judge::{Difference, judge},
    mask::{Masked, mask},
    read::read,
    record::Recorded,
    seen::{Attempt, Seen, SeenDelivery, SeenMessage},
    stage::{Stage, StageError},
};
use crate::{
    diagnostic::{Located, Span},
    message::{Endpoint, Headers, Timestamp},
    step::Map,
};

/// The tests of one route.
pub struct Suite {
    /// The route.
    pub route: Arc<str>,
    /// Its file of tests.
    pub file: Arc<str>,
    /// The cases, in their order.
    pub cases: Vec<Case>,
    /// What no message can reach, and why.
    pub unreachable: Vec<(Located<String>, String)>,
}

/// A case, ready to be played.
pub struct Case {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub at: Span,
    /// When it begins.
    pub(crate) now: Timestamp,
    pub(crate) given: Vec<Given>,
    pub(crate) scripts: BTreeMap<Endpoint, Vec<Reply>>,
    /// Code tables in the place of the project's, by the path of their file.
    pub tables: BTreeMap<String, Vec<u8>>,
    pub(crate) expect: Expect,
}

impl Case {
    /// The bodies of the messages that come.
    pub fn bodies(&self) -> impl Iterator<Item = &Bytes> {
        self.given.iter().map(|it| &it.body)
    }
}

/// A message that comes.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) body: Bytes,
    pub(crate) headers: Headers,
    pub(crate) key: Option<String>,
    pub(crate) after: Duration,
}

/// What must have happened.
#[derive(Default)]
pub(crate) struct Expect {
    /// One for all messages, or one for each.
    pub(crate) outcomes: Vec<Located<MessageWord>>,
    pub(crate) step: Option<Located<String>>,
    pub(crate) reason: Option<Located<String>>,
    pub(crate) to: Option<Vec<ExpectTo>>,
    pub(crate) journal: Vec<Located<String>>,
}

/// What must have gone to a target.
pub(crate) struct ExpectTo {
    pub(crate) target: Endpoint,
    pub(crate) at: Span,
    /// None, where it must have been skipped.
    pub(crate) deliveries: Vec<ExpectDelivery>,
}

/// What a delivery must have been like.
pub(crate) struct ExpectDelivery {
    pub(crate) at: Span,
    pub(crate) outcome: DeliveryWord,
    pub(crate) attempts: Option<Located<Attempts>>,
    pub(crate) body: Option<ExpectBody>,
    pub(crate) request: Option<Located<String>>,
    pub(crate) headers: Vec<(String, Located<String>)>,
    pub(crate) reason: Option<Located<String>>,
}

/// How often something was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attempts {
    Count(u64),
    At(Vec<Duration>),
}

/// What a body must be, or have.
pub(crate) struct ExpectBody {
    pub(crate) at: Span,
    pub(crate) shape: Map,
    /// Whether it is all of the body.
    pub(crate) is_whole: bool,
}
