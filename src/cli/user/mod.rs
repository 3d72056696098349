//! `simpul user`: who may log in as an operator.

mod ask;
mod edit;

use std::{os::unix::fs::DirBuilderExt as _, path::Path};

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use self::{ask::password, edit::Edit};
use super::{
    CouldNot, Exit, Format, Outcome,
    project::users_file,
    screen::{complain, escaped, say, say_json, table},
};
use crate::{
    diagnostic::Language,
    message::is_name,
    ops::access::{Grant, Over, Role, User, Users, is_login, replace},
};

/// Say who may log in as an operator, and what he may do
///
/// The users stand in a file, `users.yaml` in the directory of the store unless `users` in simpul.yaml
/// names another. A running bus takes a change within seconds; who lost a right, or has another password,
/// is out.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul user add sari --name 'Sari Dewi' --role operator
  simpul user list")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(AddArgs),
    List(ListArgs),
    Password(PasswordArgs),
    Remove(RemoveArgs),
}

/// Let somebody log in
///
/// The password is asked for at the terminal, or is the first line of standard input. What one user may
/// do over several parts is written into the file, with an editor.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul user add sari --name 'Sari Dewi' --role operator
  simpul user add budi --role operator --route sk-mutasi --system arsip
  simpul user add pemantau --role viewer < /run/secrets/pemantau")]
struct AddArgs {
    /// The name with which he logs in: small letters, digits, `.`, `-`, `_`
    #[arg(value_name = "USER")]
    login: String,

    /// What people call him
    #[arg(long)]
    name: Option<String>,

    /// What he may do
    #[arg(long, value_enum)]
    role: Named,

    /// Only over what belongs to this route; may be given several times
    #[arg(long = "route", value_name = "ROUTE")]
    routes: Vec<String>,

    /// Only over what belongs to this system; may be given several times
    #[arg(long = "system", value_name = "SYSTEM")]
    systems: Vec<String>,
}

/// Show who may log in, and what each may do
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simpul user list")]
struct ListArgs {
    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Give somebody another password
///
/// It is asked for at the terminal, or is the first line of standard input. Whoever is logged in as him
/// is out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simpul user password sari")]
struct PasswordArgs {
    /// The name with which he logs in
    #[arg(value_name = "USER")]
    login: String,
}

/// Let somebody log in no more
///
/// Whoever is logged in as him is out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simpul user remove sari")]
struct RemoveArgs {
    /// The name with which he logs in
    #[arg(value_name = "USER")]
    login: String,
}

/// A role, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Named {
    /// Sees how things fare, and no body
    Viewer,
    /// Sees messages, replays and discards them, pauses targets
    Operator,
    /// Sees how things fare and who did what
    Auditor,
    /// All of it, and takes files into use
    Admin,
}

impl Named {
    fn role(self) -> Role {
        match self {
            Self::Viewer => Role::Viewer,
            Self::Operator => Role::Operator,
            Self::Auditor => Role::Auditor,
            Self::Admin => Role::Admin,
        }
    }
}

pub(super) fn run(project: &Path, args: Args) -> Outcome {
    let path = users_file(project);
    match args.command {
        Command::Add(args) => add(&path, args),
        Command::List(args) => list(&path, &args),
        Command::Password(args) => change(&path, &args.login, |edit, login| {
            let hash = password()?;
            edit.password(login, &hash)
        }),
        Command::Remove(args) => change(&path, &args.login, |edit, login| edit.remove(login)),
    }
}

fn add(path: &Path, args: AddArgs) -> Outcome {
    let AddArgs { login, name, role, routes, systems } = args;
    if !is_login(&login) {
        let login = login.escape_debug();
        let reason =
            format!("`{login}`: write small letters, digits, `.`, `-` and `_`, 63 at most");
        return Err(CouldNot(reason));
    }
    if let Some(wrong) = routes.iter().chain(&systems).find(|it| !is_name(it)) {
        let wrong = wrong.escape_debug();
        return Err(CouldNot(format!("`{wrong}` is no name of a route or a system")));
    }
    if name.as_ref().is_some_and(|it| it.contains(char::is_control)) {
        return Err(CouldNot("`--name` is one line".to_owned()));
    }
    let users = read(path)?;
    if users.get(&login).is_some() {
        let reason = format!(
            "there is a user `{login}`; `simpul user password` gives him another password, and what he \
             may do stands in `{}`",
            path.display()
        );
        return Err(CouldNot(reason));
    }
    let over = match routes.is_empty() && systems.is_empty() {
        true => Over::All,
        false => Over::Only {
            routes: routes.into_iter().collect(),
            systems: systems.into_iter().collect(),
        },
    };
    let hash = password()?;
    let mut edit = Edit::of(path)?;
    edit.add(&login, name.as_deref(), &hash, &granted(role.role(), &over))?;
    save(path, &edit)?;
    say(&format!("user `{login}` may log in: {} {}", role.role().word(), told(&over)));
    Ok(Exit::Done)
}

fn list(path: &Path, args: &ListArgs) -> Outcome {
    let users = match Users::read(path) {
        Ok(users) => users,
        Err(broken) => {
            complain(broken.told(Language::English).trim_end());
            return Ok(Exit::FoundWrong);
        }
    };
    match args.format {
        Format::Json => say_json(&users.0.values().map(|it| shown(it)).collect::<Vec<_>>()),
        Format::Text if users.0.is_empty() => {
            say("nobody may log in yet; `simpul user add` lets somebody");
        }
        Format::Text => {
            let rows: Vec<_> = users.0.values().map(|it| row(it)).collect();
            say(&table(&["USER", "NAME", "MAY"], &rows));
        }
    }
    Ok(Exit::Done)
}

fn shown(user: &User) -> serde_json::Value {
    let grant = |it: &Grant| {
        let rights: Vec<_> = it.rights.iter().map(|it| it.word()).collect();
        match &it.over {
            Over::All => json!({ "rights": rights, "all": true }),
            Over::Only { routes, systems } => {
                json!({ "rights": rights, "all": false, "routes": routes, "systems": systems })
            }
        }
    };
    let grants: Vec<_> = user.grants.0.iter().map(grant).collect();
    json!({ "user": &*user.login, "name": user.name, "grants": grants })
}

fn row(user: &User) -> Vec<String> {
    let grants: Vec<_> =
        user.grants.0.iter().map(|it| format!("{} {}", it.what, told(&it.over))).collect();
    let may = if grants.is_empty() { "nothing".to_owned() } else { grants.join("; ") };
    vec![user.login.to_string(), user.name.clone().unwrap_or_default(), may]
}

/// Over what a grant is, in words.
fn told(over: &Over) -> String {
    let Over::Only { routes, systems } = over else { return "over everything".to_owned() };
    let names = |what: &str, names: &std::collections::BTreeSet<String>| {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
    };
    let parts: Vec<_> =
        [names("route", routes), names("system", systems)].into_iter().flatten().collect();
    if parts.is_empty() { "over nothing".to_owned() } else { format!("over {}", parts.join(", ")) }
}

/// A grant as the file has it.
fn granted(role: Role, over: &Over) -> String {
    let mut text = format!("role: {}", role.word());
    if let Over::Only { routes, systems } = over {
        for (key, names) in [("routes", routes), ("systems", systems)] {
            let names: Vec<_> = names.iter().map(String::as_str).collect();
            if !names.is_empty() {
                text.push_str(&format!(", {key}: [{}]", names.join(", ")));
            }
        }
    }
    text
}

/// Changes what stands of one user.
fn change(
    path: &Path,
    login: &str,
    how: impl FnOnce(&mut Edit, &str) -> Result<(), CouldNot>,
) -> Outcome {
    if read(path)?.get(login).is_none() {
        complain(&escaped(&format!("there is no user `{login}`; `simpul user list` shows all")));
        return Ok(Exit::FoundWrong);
    }
    let mut edit = Edit::of(path)?;
    how(&mut edit, login)?;
    save(path, &edit)?;
    say(&format!("done; whoever is logged in as `{login}` is out within seconds"));
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<Users, CouldNot> {
    Users::read(path).map_err(|broken| {
        let path = path.display();
        let told = broken.told(Language::English);
        CouldNot(format!("`{path}` has mistakes; put them right first\n\n{}", told.trim_end()))
    })
}

/// Puts the file in its place, if it still says something.
fn save(path: &Path, edit: &Edit) -> Result<(), CouldNot> {
    let failed = |error: std::io::Error| CouldNot(format!("`{}`: {error}", path.display()));
    let folder = path.parent().unwrap_or(Path::new("."));
    // As the store makes its directory: what is in it is for one account alone.
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(failed)?;
    let draft = path.with_extension("yaml.draft");
    replace(&draft, edit.text()).map_err(failed)?;
    let read = Users::read(&draft);
    let removed = std::fs::remove_file(&draft);
    if read.is_err() {
        let path = path.display();
        let reason = format!("`{path}` is not laid out as simpul lays it out: edit it by hand");
        return Err(CouldNot(reason));
    }
    removed.and_then(|()| replace(path, edit.text())).map_err(failed)
}
