//! A change of the file of users that leaves alone what else stands in it, comments too.

use std::{fs, io, path::Path};

use crate::{
    cli::CouldNot,
    diagnostic::{Located, Node, NodeKind, Report, parse},
};

/// The head of a new file.
const HEAD: &str = "\
# Who may log in as an operator, and what each may do: `simpul user` changes it, or an editor.
users:
";

/// The text of a file of users.
pub(super) struct Edit(String);

/// Where a user stands: the lines from his name on, up to those of the next.
struct Block {
    first: usize,
    end: usize,
    password: Option<Node>,
}

impl Edit {
    /// What stands in a file; nothing, if there is none.
    pub(super) fn of(path: &Path) -> Result<Self, CouldNot> {
        match fs::read_to_string(path) {
            Ok(text) => Ok(Self(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self(String::new())),
            Err(error) => Err(CouldNot(format!("`{}`: {error}", path.display()))),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }

    /// Adds a user behind all others.
    pub(super) fn add(
        &mut self,
        login: &str,
        name: Option<&str>,
        hash: &str,
        grant: &str,
    ) -> Result<(), CouldNot> {
        let users = self.users();
        let indent = match users.first() {
            Some((key, _)) if 1 < key.at.column => usize::try_from(key.at.column - 1).unwrap_or(2),
            Some(_) => return Err(by_hand()),
            // No user yet: nothing is lost but what somebody commented.
            None => {
                HEAD.clone_into(&mut self.0);
                2
            }
        };
        if !self.0.ends_with('\n') {
            self.0.push('\n');
        }
        let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
        self.0.push_str(&format!("{outer}{login}:\n"));
        if let Some(name) = name {
            let name = serde_json::to_string(name).unwrap_or_default();
            self.0.push_str(&format!("{inner}name: {name}\n"));
        }
        self.0.push_str(&format!("{inner}password: {hash}\n{inner}grants:\n"));
        self.0.push_str(&format!("{inner}  - {{ {grant} }}\n"));
        Ok(())
    }

    /// Takes a user out.
    pub(super) fn remove(&mut self, login: &str) -> Result<(), CouldNot> {
        let block = self.block(login)?;
        let lines = self.0.split_inclusive('\n').enumerate();
        let kept = lines.filter(|(at, _)| !(block.first..block.end).contains(at));
        self.0 = kept.map(|(_, line)| line).collect();
        if self.users().is_empty() {
            self.0 = format!("{} {{}}\n", HEAD.trim_end());
        }
        Ok(())
    }

    /// Puts another hash into the place of a user's.
    pub(super) fn password(&mut self, login: &str, hash: &str) -> Result<(), CouldNot> {
        let at = self.block(login)?.password.ok_or_else(by_hand)?.at;
        let line = usize::try_from(at.line).unwrap_or(0);
        let column = usize::try_from(at.column).unwrap_or(0);
        let replaced = self.0.split_inclusive('\n').zip(1..).map(|(text, number)| {
            if number != line {
                return text.to_owned();
            }
            let before: String = text.chars().take(column.saturating_sub(1)).collect();
            format!("{before}{hash}\n")
        });
        self.0 = replaced.collect();
        Ok(())
    }

    /// The users, and what stands of each.
    fn users(&self) -> Vec<(Located<String>, Node)> {
        let Some(node) = parse(&self.0, &mut Report::default()) else { return Vec::new() };
        let NodeKind::Map(entries) = node.kind else { return Vec::new() };
        let users = entries.into_iter().find(|(key, _)| key.value == "users");
        match users.map(|(_, node)| node.kind) {
            Some(NodeKind::Map(users)) => users,
            _ => Vec::new(),
        }
    }

    fn block(&self, login: &str) -> Result<Block, CouldNot> {
        let users = self.users();
        let index = users.iter().position(|(key, _)| key.value == login).ok_or_else(by_hand)?;
        let line = |key: &Located<String>| usize::try_from(key.at.line).unwrap_or(1).max(1) - 1;
        let first = users.get(index).map(|(key, _)| line(key)).ok_or_else(by_hand)?;
        let end = users.get(index + 1).map_or(usize::MAX, |(key, _)| line(key));
        // Several on one line: there is nothing to take out whole.
        if end <= first || self.0.lines().nth(first).is_none_or(|it| it.contains('{')) {
            return Err(by_hand());
        }
        let password = users.into_iter().nth(index).and_then(|(_, node)| match node.kind {
            NodeKind::Map(keys) => {
                keys.into_iter().find(|(key, _)| key.value == "password").map(|(_, node)| node)
            }
            _ => None,
        });
        Ok(Block { first, end, password })
    }
}

fn by_hand() -> CouldNot {
    let reason = "the file of users is not laid out as simpul lays it out: edit it by hand";
    CouldNot(reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Edit {
        let mut edit = Edit(String::new());
        edit.add("sari", Some("Sari \"Dewi\""), "HASH1", "role: operator").unwrap();
        edit.0.push_str("  # Until March.\n");
        edit.add("budi", None, "HASH2", "role: viewer, routes: [a, b]").unwrap();
        edit
    }

    #[test]
    fn users_are_added_behind_each_other() {
        insta::assert_snapshot!(file().text(), @r#"
        # Who may log in as an operator, and what each may do: `simpul user` changes it, or an editor.
        users:
          sari:
            name: "Sari \"Dewi\""
            password: HASH1
            grants:
              - { role: operator }
          # Until March.
          budi:
            password: HASH2
            grants:
              - { role: viewer, routes: [a, b] }
        "#);
    }

    #[test]
    fn another_password_and_a_removal_leave_the_rest_alone() {
        let mut edit = file();
        edit.password("budi", "HASH3").unwrap();
        assert_eq!(edit.text(), file().text().replace("HASH2", "HASH3"));
        let mut edit = file();
        edit.remove("budi").unwrap();
        assert!(edit.text().ends_with("  # Until March.\n"), "{}", edit.text());
        edit.remove("sari").unwrap();
        assert!(edit.text().ends_with("users: {}\n"), "{}", edit.text());
        edit.add("tono", None, "HASH4", "role: admin").unwrap();
        assert!(edit.text().contains("\n  tono:\n"), "{}", edit.text());
    }

    #[test]
    fn what_is_laid_out_otherwise_is_left_to_people() {
        let mut edit = Edit("users: { sari: { password: x }, budi: { password: y } }\n".to_owned());
        assert!(edit.remove("sari").is_err());
        assert!(edit.password("budi", "z").is_err());
    }
}
