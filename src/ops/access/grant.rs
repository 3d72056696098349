//! What somebody may do, and over what: rights, roles that bundle them, and grants of them.

use std::{collections::BTreeSet, fmt};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that one may do and another may not.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// See that a thing exists, how it fares and why it failed; never a body.
    See,
    /// See the bodies of messages.
    SeeBody,
    /// Send dead letters on again.
    Replay,
    /// Give dead letters up for good.
    Discard,
    /// Pause and free targets, and let order keys go on.
    Pause,
    /// Compare the files on disk with those that run, and take them into use.
    ChangeFiles,
    /// See who looked at what and did what.
    Audit,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::See,
        Self::SeeBody,
        Self::Replay,
        Self::Discard,
        Self::Pause,
        Self::ChangeFiles,
        Self::Audit,
    ];

    /// As files and programs have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::See => "see",
            Self::SeeBody => "see_body",
            Self::Replay => "replay",
            Self::Discard => "discard",
            Self::Pause => "pause",
            Self::ChangeFiles => "change_files",
            Self::Audit => "audit",
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// Rights that go together.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees how things fare, and no body.
    Viewer,
    /// Gets messages through: sees them, replays, discards, pauses.
    Operator,
    /// Sees how things fare and who did what; changes nothing, and sees no body.
    Auditor,
    /// All of it.
    Admin,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Auditor, Self::Admin];

    /// As files and programs have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
            Self::Admin => "admin",
        }
    }

    /// The role that a word means.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }

    /// What it bundles.
    pub fn rights(self) -> &'static [Right] {
        match self {
            Self::Viewer => &[Right::See],
            Self::Operator => {
                &[Right::See, Right::SeeBody, Right::Replay, Right::Discard, Right::Pause]
            }
            Self::Auditor => &[Right::See, Right::Audit],
            Self::Admin => &Right::ALL,
        }
    }
}

/// What a thing belongs to: a right is held for routes and systems.
///
/// What belongs to neither is the bus itself, and only who has a right over all has it there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Of<'a> {
    /// The route, where it is about one.
    pub route: Option<&'a str>,
    /// The system of a target, where it is about one.
    pub system: Option<&'a str>,
}

impl<'a> Of<'a> {
    /// What belongs to a route.
    pub fn route(route: &'a str) -> Self {
        Self { route: Some(route), system: None }
    }

    /// What belongs to a system.
    pub fn system(system: &'a str) -> Self {
        Self { route: None, system: Some(system) }
    }

    /// What belongs to a route, and to the system of a target of it.
    pub fn both(route: &'a str, system: Option<&'a str>) -> Self {
        Self { route: Some(route), system }
    }
}

/// Over what a grant is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// Everything, the bus itself too.
    All,
    /// What belongs to one of these routes, or to one of these systems.
    Only {
        /// Names of routes.
        routes: BTreeSet<String>,
        /// Names of systems.
        systems: BTreeSet<String>,
    },
}

impl Over {
    fn covers(&self, of: &Of<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Only { routes, systems } => {
                of.route.is_some_and(|it| routes.contains(it))
                    || of.system.is_some_and(|it| systems.contains(it))
            }
        }
    }
}

/// Rights over something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// As it was written: the name of a role, or of rights.
    pub what: String,
    /// The rights.
    pub rights: BTreeSet<Right>,
    /// Over what.
    pub over: Over,
}

/// Everything that somebody may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(pub Vec<Grant>);

impl Grants {
    /// A role over everything.
    pub fn everywhere(role: Role) -> Self {
        let rights = role.rights().iter().copied().collect();
        Self(vec![Grant { what: role.word().to_owned(), rights, over: Over::All }])
    }

    /// Whether they give a right over a thing.
    pub fn give(&self, right: Right, of: &Of<'_>) -> bool {
        self.with(right).any(|it| it.over.covers(of))
    }

    /// Whether they give a right over anything at all.
    pub fn give_somewhere(&self, right: Right) -> bool {
        self.with(right).next().is_some()
    }

    /// The only route over which they give a right; `None` where there are others, or a system.
    pub fn only_route(&self, right: Right) -> Option<&str> {
        let mut only = None;
        for grant in self.with(right) {
            let Over::Only { routes, systems } = &grant.over else { return None };
            if !systems.is_empty() {
                return None;
            }
            for route in routes {
                if *only.get_or_insert(route) != route {
                    return None;
                }
            }
        }
        only.map(String::as_str)
    }

    fn with(&self, right: Right) -> impl Iterator<Item = &Grant> {
        self.0.iter().filter(move |it| it.rights.contains(&right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(role: Role, routes: &[&str], systems: &[&str]) -> Grant {
        let set = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect();
        let rights = role.rights().iter().copied().collect();
        let over = Over::Only { routes: set(routes), systems: set(systems) };
        Grant { what: role.word().to_owned(), rights, over }
    }

    #[test]
    fn a_role_over_everything_is_one_over_the_bus_itself() {
        let admin = Grants::everywhere(Role::Admin);
        assert!(Right::ALL.iter().all(|it| admin.give(*it, &Of::default())));
        let viewer = Grants::everywhere(Role::Viewer);
        assert!(viewer.give(Right::See, &Of::route("sk-mutasi")));
        assert!(!viewer.give_somewhere(Right::SeeBody));
    }

    #[test]
    fn a_grant_reaches_what_belongs_to_its_routes_or_systems_and_nothing_else() {
        let grants = Grants(vec![
            over(Role::Operator, &["sk-mutasi"], &["arsip"]),
            over(Role::Viewer, &["sppd-terbit"], &[]),
        ]);
        let replays = |of: Of<'_>| grants.give(Right::Replay, &of);
        assert!(replays(Of::route("sk-mutasi")));
        assert!(replays(Of::both("hasil-tps", Some("arsip"))));
        assert!(!replays(Of::route("sppd-terbit")), "that one is only seen");
        assert!(!replays(Of::both("hasil-tps", Some("e-absensi"))));
        assert!(!replays(Of::default()), "the bus itself is not his");
        assert!(grants.give(Right::See, &Of::route("sppd-terbit")));
        assert_eq!(grants.only_route(Right::See), None);
    }

    #[test]
    fn who_has_one_route_is_known_to_have_one() {
        let grants = Grants(vec![over(Role::Viewer, &["sk-mutasi"], &[])]);
        assert_eq!(grants.only_route(Right::See), Some("sk-mutasi"));
        assert_eq!(grants.only_route(Right::Audit), None);
        assert_eq!(Grants::everywhere(Role::Viewer).only_route(Right::See), None);
    }

    #[test]
    fn words_are_those_of_files() {
        let word = |it: &str| serde_json::Value::String(it.to_owned());
        for right in Right::ALL {
            assert_eq!(serde_json::to_value(right).unwrap(), word(right.word()));
        }
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), word(role.word()));
            assert_eq!(Role::of(role.word()), Some(role));
        }
    }
}
