//! `users.yaml`: who may come in. The comments on the types are its manual.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use serde::Deserialize;

use super::{
    grant::{Grant, Grants, Over, Right, Role},
    password::Hashed,
};
use crate::{
    diagnostic::{Code, Entries, Located, Report, decode, parse, text},
    message::{Digest, is_name},
    route::{Broken, Project, Variables},
};

/// Users of one gateway.
const USERS_MAX: usize = 1_000;

/// Letters of a user's name.
const NAME_MAX: usize = 63;

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsersFile {
    /// Users by the name with which they log in.
    #[serde(default)]
    users: Entries<UserSpec>,
}

/// A user.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserSpec {
    /// What people call him.
    name: Option<Located<String>>,
    /// The Argon2id hash of his password, as `simpul user add` writes it.
    password: Located<String>,
    /// What he may do.
    grants: Vec<Located<GrantSpec>>,
}

/// What a user may do, and over what: everything, if neither routes nor systems are named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantSpec {
    /// Rights that go together: `viewer`, `operator`, `auditor`, `admin`.
    role: Option<Role>,
    /// Or single rights.
    rights: Option<Vec<Right>>,
    /// Over what belongs to these routes.
    routes: Option<Vec<Located<String>>>,
    /// Over what belongs to these systems.
    systems: Option<Vec<Located<String>>>,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name with which he logs in, and by which the journal knows him.
    pub login: Arc<str>,
    /// What people call him.
    pub name: Option<String>,
    /// The hash of his password.
    pub password: Hashed,
    /// What he may do.
    pub grants: Grants,
    /// Changes with his password and his rights.
    pub(super) version: Digest,
}

/// All users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Users(pub BTreeMap<Arc<str>, Arc<User>>);

/// Whether somebody can have this name: small letters, digits, `.`, `-` and `_`, and a letter or digit
/// first.
pub fn is_login(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    text.bytes().next().is_some_and(plain)
        && text.bytes().all(|it| plain(it) || b".-_".contains(&it))
        && text.len() <= NAME_MAX
}

impl Users {
    /// Reads the users of a file; none, where there is no file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Self, Broken> {
        let variables = Variables::default();
        let directory = path.parent().unwrap_or(Path::new("."));
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let mut project = Project::new(directory, &variables);
        if !project.has(&file) {
            return Ok(Self::default());
        }
        let text = project.text(&file);
        let node = text.and_then(|text| parse(&text, &mut project.report));
        let spec = node.and_then(|node| decode::<UsersFile>(&node, &mut project.report));
        let users = spec.map(|it| Self::of(it, &mut project.report));
        project.finish(users).map(|(users, ..)| users)
    }

    fn of(file: UsersFile, report: &mut Report) -> Self {
        let mut users = Self::default();
        if USERS_MAX < file.users.len() {
            let message = text!("more than {} users", &USERS_MAX);
            let help = text!("take those out who are gone");
            report.error(crate::diagnostic::Span::START, Code::WrongKind, message).help(help);
            return users;
        }
        for (login, spec) in file.users {
            if !is_login(&login.value) {
                let message = text!("`{}` is no name of a user", &login.value);
                let help = text!("write small letters, digits, `.`, `-` and `_`, 63 at most");
                report.error(login.at, Code::BadName, message).help(help);
                continue;
            }
            if let Some(user) = user(&login.value, spec, report) {
                users.0.insert(Arc::clone(&user.login), Arc::new(user));
            }
        }
        users
    }

    /// The user with a name.
    pub fn get(&self, login: &str) -> Option<&Arc<User>> {
        self.0.get(login)
    }
}

fn user(login: &str, spec: UserSpec, report: &mut Report) -> Option<User> {
    let UserSpec { name, password, grants } = spec;
    let hashed = Hashed::parse(&password.value);
    if hashed.is_none() {
        let message = text!("this is no hash of a password that simpul takes");
        let help = text!("have it made: `simpul user add {}`", login);
        report.error(password.at, Code::WrongKind, message).help(help);
    }
    let grants: Vec<_> = grants.into_iter().filter_map(|it| grant(it, report)).collect();
    let user = User {
        login: login.into(),
        name: name.map(|it| it.value),
        password: hashed?,
        version: version(&password.value, &grants),
        grants: Grants(grants),
    };
    Some(user)
}

/// What a session must not outlive.
fn version(password: &str, grants: &[Grant]) -> Digest {
    Digest::of(&[password.as_bytes(), format!("{grants:?}").as_bytes()])
}

fn grant(spec: Located<GrantSpec>, report: &mut Report) -> Option<Grant> {
    let Located { value: GrantSpec { role, rights, routes, systems }, at } = spec;
    let (what, rights): (String, BTreeSet<Right>) = match (role, rights) {
        (Some(role), None) => (role.word().to_owned(), role.rights().iter().copied().collect()),
        (None, Some(rights)) => {
            let words: Vec<_> = rights.iter().map(|it| it.word()).collect();
            (words.join(", "), rights.into_iter().collect())
        }
        _ => {
            let message = text!("a grant has either a `role` or `rights`");
            let help = text!("write `role: operator`, or `rights: [see, replay]`");
            report.error(at, Code::Missing, message).help(help);
            return None;
        }
    };
    let over = match (routes, systems) {
        (None, None) => Over::All,
        (routes, systems) => {
            let (routes, systems) = (names(routes, report), names(systems, report));
            Over::Only { routes, systems }
        }
    };
    Some(Grant { what, rights, over })
}

fn names(found: Option<Vec<Located<String>>>, report: &mut Report) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in found.into_iter().flatten() {
        if is_name(&name.value) {
            names.insert(name.value);
        } else {
            let message = text!("`{}` is no name of a route or a system", &name.value);
            let help = text!(
                "name routes and systems as their files are named; without `routes` and `systems` a grant is over everything"
            );
            report.error(name.at, Code::BadName, message).help(help);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::super::grant::Of;
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$hKk1oDN5b9dRSpUMJC3YbKXLQvGYTcCQyAbc6lN3Lq4";

    fn read(text: &str) -> Result<Users, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("users.yaml");
        std::fs::write(&path, text).unwrap();
        Users::read(&path).map_err(|it| it.to_string())
    }

    #[test]
    fn users_are_read_with_what_they_may() {
        let text = format!(
            "users:\n  sari.dewi:\n    name: Sari Dewi\n    password: {HASH}\n    grants:\n      \
             - {{ role: operator, routes: [sk-mutasi] }}\n      - {{ rights: [see], systems: [arsip] }}\n"
        );
        let users = read(&text).unwrap();
        let sari = users.get("sari.dewi").unwrap();
        assert!(sari.grants.give(Right::Replay, &Of::route("sk-mutasi")));
        assert!(!sari.grants.give(Right::Replay, &Of::system("arsip")));
        assert!(sari.grants.give(Right::See, &Of::system("arsip")));
        assert_eq!(sari.name.as_deref(), Some("Sari Dewi"));
        let other = read(&text.replace("[see]", "[see, audit]")).unwrap();
        assert_ne!(other.get("sari.dewi").unwrap().version, sari.version);
        assert_eq!(read("users: {}\n").unwrap(), Users::default());
    }

    #[test]
    fn an_empty_list_is_over_nothing_and_not_over_everything() {
        let grants = "grants: [{ role: admin, routes: [] }]";
        let users = read(&format!("users: {{ a: {{ password: '{HASH}', {grants} }} }}\n"));
        let users = users.unwrap_or_else(|error| panic!("{error}"));
        assert!(!users.get("a").unwrap().grants.give(Right::See, &Of::default()));
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        let said = read(
            "users:\n  Sari:\n    password: x\n    grants: []\n  budi:\n    password: rahasia\n    \
             grants:\n      - { role: admn }\n      - { routes: [sk-mutasi] }\n      - { role: viewer, \
             systems: [\"*\"] }\n",
        );
        let said = said.unwrap_err();
        for expected in [
            "users.yaml:2:3",
            "`Sari` is no name of a user",
            "this is no hash of a password that simpul takes",
            "a grant has either a `role` or `rights`",
            "`*` is no name of a route or a system",
            "`admn`",
        ] {
            assert!(said.contains(expected), "{expected}\n{said}");
        }
    }
}
