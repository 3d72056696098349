//! Who did and looked at what, for people and for programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::journal::{Action, Event};

/// What people did, the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionsView {
    /// It.
    pub actions: Vec<ActionView>,
    /// `before` of the next call, where there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// What somebody did, or looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionView {
    /// Its number in the journal.
    pub number: i64,
    /// When.
    pub at: String,
    /// Who: a user; or with `(local)` behind it, the name that the command line of the machine told.
    pub who: String,
    /// A stable word: `looked`, `replay`, `reload`, …
    pub did: String,
    /// What, in words.
    pub what: String,
    /// Why, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The route, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The message, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The target, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

impl ActionsView {
    /// What is shown of a page of `limit` actions.
    pub fn of(actions: &[Action], limit: usize) -> Self {
        let next = actions.last().map(|it| it.number).filter(|_| limit <= actions.len());
        Self { actions: actions.iter().filter_map(ActionView::of).collect(), next }
    }
}

impl ActionView {
    fn of(action: &Action) -> Option<Self> {
        let line = &action.line;
        let Event::Acted { who, did, what, reason } = &line.event else { return None };
        Some(Self {
            number: action.number,
            at: line.at.to_string(),
            who: who.clone(),
            did: did.clone(),
            what: what.clone(),
            reason: reason.clone(),
            route: Some(line.route.to_string()).filter(|it| !it.is_empty()),
            message: line.message.map(|it| it.to_string()),
            target: line.delivery.as_ref().map(|(target, _)| target.to_string()),
        })
    }
}
