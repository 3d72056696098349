//! Forms by which something is done with dead letters, and what is read from them.

use axum::body::Bytes;
use maud::{Markup, html};

use super::{Visit, reader::read_number};
use crate::{
    diagnostic::{Text, text},
    ledger::JobKind,
    ops::{desk::Reason, wire::Problem},
};

/// What somebody wrote into a form.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// # Errors
    ///
    /// [`Problem`] when the form is none of ours.
    pub(super) fn read(visit: &Visit, body: &Bytes) -> Result<Self, Problem> {
        visit.form(body).map(Self)
    }

    fn get(&self, name: &str) -> &str {
        let field = self.0.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// What is to be done; nothing that changes anything, where it is not said.
    pub(super) fn kind(&self) -> JobKind {
        JobKind::of(self.get("what")).unwrap_or(JobKind::Preview)
    }

    /// Whether a job is to go on that waits for a second person.
    pub(super) fn approves(&self) -> bool {
        self.get("what") == "approve"
    }

    /// With how many.
    pub(super) fn count(&self) -> Option<u64> {
        read_number(self.get("count"))
    }

    /// Why; of what changes nothing nobody need say it.
    ///
    /// # Errors
    ///
    /// What is to be said to whoever gave no reason.
    pub(super) fn reason(&self) -> Result<Reason, Text> {
        let reason = match (self.get("what"), self.get("reason")) {
            ("preview", "") => "preview",
            (_, reason) => reason,
        };
        Reason::parse(reason).map_err(|_| {
            text!("Nothing was done: write why, in one line of at most 500 characters.")
        })
    }
}

/// The words on the button of a deed.
fn deed(what: &str) -> Text {
    match what {
        "discard" => text!("Discard"),
        _ => text!("Replay"),
    }
}

/// A form that does something with all letters of a group.
pub(super) fn bulk(visit: &Visit, path: &str, what: &str, count: &str) -> Markup {
    let id = |name: &str| format!("{what}-{name}");
    html! {
        form .act method="post" action=(path) {
            (visit.csrf_field())
            input type="hidden" name="what" value=(what);
            div .field {
                label for=(id("count")) { (visit.t(&text!("How many (there are {} now)", &count))) }
                input id=(id("count")) name="count" inputmode="numeric" required size="8"
                    autocomplete="off";
            }
            (reason(visit, &id("reason")))
            button type="submit" .danger[what == "discard"] { (visit.t(&deed(what))) }
        }
    }
}

/// A form that does something with one letter.
pub(super) fn single(visit: &Visit, path: &str, what: &str) -> Markup {
    let id = format!("{what}-reason");
    html! {
        form .act method="post" action=(path) {
            (visit.csrf_field())
            input type="hidden" name="what" value=(what);
            (reason(visit, &id))
            button type="submit" .danger[what == "discard"] { (visit.t(&deed(what))) }
        }
    }
}

fn reason(visit: &Visit, id: &str) -> Markup {
    html! {
        div .field {
            label for=(id) { (visit.t(&text!("Why (it is written down)"))) }
            input id=(id) name="reason" required maxlength="500" autocomplete="off";
        }
    }
}
