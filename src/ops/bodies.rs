//! What is kept of the bodies of a message, and what became of its fields, for people and for programs.

use axum::{
    extract::Path,
    http::{StatusCode, Uri},
    response::Response,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Desk, query,
    wire::{self, Problem},
};
use crate::{
    engine::{BodyOf, Change, KeptBody, KnownBody, SentChanges, ShownValue, What},
    message::Digest,
};

/// What is kept of the bodies of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BodiesView {
    /// The message's id.
    pub id: String,
    /// Each body, in the order in which they were kept.
    pub bodies: Vec<BodyView>,
    /// What became of the fields in each body that was sent.
    pub changes: Vec<ChangesView>,
}

/// A body that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BodyView {
    /// When it was accepted, or made.
    pub at: String,
    /// Until when it is kept.
    pub until: String,
    /// The route.
    pub route: String,
    /// To which target it was sent; without one it is the message as accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// With which delivery to that target, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// Its length in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The body, where it is kept whole: what is about people is `•••` unless it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Why it cannot be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// What became of the fields of a message in one body that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangesView {
    /// When the body was made.
    pub at: String,
    /// The route.
    pub route: String,
    /// The target.
    pub target: String,
    /// With which delivery to it, from 0.
    pub ordinal: u32,
    /// Each field that changed.
    pub fields: Vec<FieldView>,
    /// How many fields are as they were.
    pub same: usize,
    /// There are more changes than these, or too many fields to be held against each other.
    pub more: bool,
}

/// What became of one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldView {
    /// Where it stands, or stood: `$.pegawai.nip`.
    pub path: String,
    /// `changed`, `moved`, `added`, `left_out`.
    pub what: String,
    /// Where it stood, where it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Its value before, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// Its value now, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What stands where something is hidden.
pub(super) const HIDDEN: &str = "•••";

/// `GET /messages/{id}/bodies`
pub(super) async fn show(
    desk: Desk,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let gone = || {
        let title = format!("no message `{}` is known here", id.escape_debug());
        Problem::new(StatusCode::NOT_FOUND, "not_found", title)
    };
    let id = id.parse().map_err(|_| gone())?;
    let wanted = query::pairs(&uri)?;
    let hide = !wanted.iter().any(|(name, value)| name == "personal" && value == "1");
    let bodies = desk.bodies(id).await?;
    let changes = desk.changes(&bodies, hide);
    Ok(wire::ok(&BodiesView {
        id: id.to_string(),
        bodies: bodies.iter().map(|it| BodyView::of(&desk, it, hide)).collect(),
        changes: changes.iter().map(ChangesView::of).collect(),
    }))
}

impl BodyView {
    fn of(desk: &Desk, body: &KeptBody, hide: bool) -> Self {
        let KeptBody { at, until, route, delivery, known, personal } = body;
        let (target, ordinal) = match delivery {
            Some((target, ordinal)) => (Some(target.to_string()), Some(*ordinal)),
            None => (None, None),
        };
        let mut view = Self {
            at: at.to_string(),
            until: until.to_string(),
            route: route.to_string(),
            target,
            ordinal,
            bytes: None,
            sha256: None,
            body: None,
            problem: None,
        };
        match known {
            KnownBody::Digest(digest, bytes) => {
                (view.sha256, view.bytes) = (Some(Digest(*digest).to_string()), Some(*bytes));
            }
            KnownBody::Whole(body) => {
                let of = match delivery {
                    Some((target, _)) => BodyOf::Target(target),
                    None => BodyOf::Route(route),
                };
                view.bytes = Some(body.len() as u64);
                view.body = Some(desk.shown(of, body, personal, hide).text);
            }
            KnownBody::Sealed(unopened) => view.problem = Some(unopened.to_string()),
            KnownBody::NotRead => {
                view.problem = Some("those before it are too large for one answer".to_owned());
            }
        }
        view
    }
}

impl ChangesView {
    fn of(sent: &SentChanges) -> Self {
        let SentChanges { at, route, delivery: (target, ordinal), changes } = sent;
        Self {
            at: at.to_string(),
            route: route.to_string(),
            target: target.to_string(),
            ordinal: *ordinal,
            fields: changes.all.iter().map(FieldView::of).collect(),
            same: changes.same,
            more: changes.more,
        }
    }
}

impl FieldView {
    fn of(change: &Change) -> Self {
        let path = change.path.clone();
        let view =
            |what: &str, from, before: Option<&ShownValue>, after: Option<&ShownValue>| Self {
                path,
                what: what.to_owned(),
                from,
                before: before.map(value),
                after: after.map(value),
            };
        match &change.what {
            What::Changed { before, after } => view("changed", None, Some(before), Some(after)),
            What::Moved { from, value } => view("moved", Some(from.clone()), None, Some(value)),
            What::Added(after) => view("added", None, None, Some(after)),
            What::LeftOut(before) => view("left_out", None, Some(before), None),
        }
    }
}

/// A value as it is shown.
pub(super) fn value(shown: &ShownValue) -> String {
    match shown {
        ShownValue::Value(text) => text.clone(),
        ShownValue::Hidden => HIDDEN.to_owned(),
    }
}
