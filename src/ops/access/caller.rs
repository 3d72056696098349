//! Who calls.

use std::sync::Arc;

use super::{
    grant::{Grants, Of, Right, Role},
    users::User,
};

/// What stands behind the name that the command line tells: nobody has checked it.
const LOCAL: &str = "local";

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    name: Arc<str>,
    shown: Option<String>,
    grants: Grants,
    is_local: bool,
}

impl Caller {
    /// Whoever has the token that lies beside the store, and with it the store: he may everything.
    pub fn local() -> Self {
        Self::local_as(LOCAL)
    }

    /// The same, by the name that he tells.
    pub fn local_as(name: &str) -> Self {
        let grants = Grants::everywhere(Role::Admin);
        Self { name: name.into(), shown: None, grants, is_local: true }
    }

    /// A user, and what he may.
    pub fn user(user: &User) -> Self {
        Self {
            name: Arc::clone(&user.login),
            shown: user.name.clone(),
            grants: user.grants.clone(),
            is_local: false,
        }
    }

    /// As whom he is known.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What people call him.
    pub fn shown(&self) -> &str {
        self.shown.as_deref().unwrap_or(&self.name)
    }

    /// As whom he is written into the journal: the name of a user, or one that the command line of this
    /// machine told, which is marked, for nobody has checked it.
    pub fn who(&self) -> String {
        match (self.is_local, &*self.name) {
            (false, name) => name.to_owned(),
            (true, LOCAL) => LOCAL.to_owned(),
            (true, name) => format!("{name} ({LOCAL})"),
        }
    }

    /// Whether it is the command line of this machine.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// What he may.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Whether he has a right over a thing.
    pub fn may(&self, right: Right, of: &Of<'_>) -> bool {
        self.grants.give(right, of)
    }

    /// Whether he has a right over anything at all: what a menu shows.
    pub fn may_somewhere(&self, right: Right) -> bool {
        self.grants.give_somewhere(right)
    }
}
