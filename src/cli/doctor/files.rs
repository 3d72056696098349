//! The files of a project, the secrets that they name, and the addresses that they listen on.

use std::{
    collections::BTreeSet,
    fs,
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::Line;
use crate::{
    cli::{
        project::{self, Files},
        screen::counted,
        settings::Settings,
    },
    diagnostic::Severity,
};

/// Bytes of a file in which names of other files are looked for.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Whether the bus could start with the files.
pub(super) fn look(project: &Path) -> (Vec<Line>, Option<Files>) {
    match project::read(project) {
        Ok(files) => {
            let warnings = files.found.iter().filter(|it| it.severity != Severity::Note).count();
            let plan = &files.plan;
            let what = format!(
                "{}, {}, {}: no mistakes",
                counted(plan.routes.len() as u64, "route", "routes"),
                counted(plan.sources.len() as u64, "source", "sources"),
                counted(plan.targets.len() as u64, "target", "targets"),
            );
            let line = match warnings as u64 {
                0 => Line::ok("files", what),
                count => Line::warn(
                    "files",
                    format!("{what}, {}", counted(count, "warning", "warnings")),
                    "`simpul check` shows them",
                ),
            };
            (vec![line], Some(files))
        }
        Err(broken) => {
            let mistakes = broken.found.iter().filter(|it| it.severity == Severity::Error).count();
            let what = format!(
                "{}, so that systems were not looked at",
                counted(mistakes as u64, "mistake", "mistakes")
            );
            let todo = "`simpul check` shows what to write; give it the environment of the bus";
            (vec![Line::fail("files", what, todo)], None)
        }
    }
}

/// Whether others can read the secrets that files name as `${file:…}`.
pub(super) fn secrets(project: &Path) -> Vec<Line> {
    let named = named_files(project);
    if named.is_empty() {
        return Vec::new();
    }
    let (mut lines, mut sound) = (Vec::new(), 0);
    for path in named {
        // One that is not there is a mistake of the files.
        let Ok(metadata) = path.metadata() else { continue };
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o007 == 0 || is_public(&path) {
            sound += 1;
            continue;
        }
        let shown = path.display();
        lines.push(Line::warn(
            "secrets",
            format!("`{shown}` can be read by every account (mode {mode:04o})"),
            format!("`chmod 640 {shown}`, its group that of the bus"),
        ));
    }
    if 0 < sound {
        let count = counted(sound, "file named as `${file:…}`", "files named as `${file:…}`");
        lines.push(Line::ok("secrets", format!("{count}, which not everybody can read")));
    }
    lines
}

/// Certificates of authorities are named that way too, and are no secret.
fn is_public(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.contains("-----BEGIN CERTIFICATE-----") && !text.contains("PRIVATE KEY-----")
}

/// What stands as `${file:PATH}` in the files that may hold it.
fn named_files(project: &Path) -> BTreeSet<PathBuf> {
    let mut texts = vec![project.join("simpul.yaml")];
    let systems = fs::read_dir(project.join("connectors")).into_iter().flatten().flatten();
    texts.extend(systems.map(|it| it.path()).filter(|it| it.extension().is_some_and(is_yaml)));
    let mut named = BTreeSet::new();
    for path in texts {
        if path.metadata().is_ok_and(|it| FILE_BYTES_MAX < it.len()) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines = text.lines().filter(|it| !it.trim_start().starts_with('#'));
        for found in lines.flat_map(|it| it.split("${file:").skip(1)) {
            if let Some((name, _)) = found.split_once('}') {
                named.insert(project.join(name));
            }
        }
    }
    named
}

fn is_yaml(extension: &std::ffi::OsStr) -> bool {
    extension == "yaml" || extension == "yml"
}

/// Who can reach the two addresses, and whether they are free where no bus runs.
pub(super) fn doors(settings: &Settings, is_running: bool, lines: &mut Vec<Line>) {
    let Settings { listen, ops, .. } = settings;
    for (name, address, risk, todo) in [
        (
            "listen",
            listen,
            "takes messages from the network unencrypted: API keys can be read on their way",
            "put a proxy with TLS before it, and let it listen on 127.0.0.1, or for the proxy alone",
        ),
        (
            "ops",
            ops,
            "shows metrics and the operators' door to the network",
            "write `ops: 127.0.0.1:9464`, or let a firewall leave Prometheus alone through",
        ),
    ] {
        if let Some(reason) = (!is_running).then(|| taken(*address)).flatten() {
            let todo = "look who listens there (`ss -ltnp`), or choose another address";
            lines.push(Line::fail("doors", format!("`{name}: {address}`: {reason}"), todo));
        } else if address.ip().is_loopback() {
            lines.push(Line::ok("doors", format!("`{name}: {address}`: this machine alone")));
        } else {
            lines.push(Line::warn("doors", format!("`{name}: {address}` {risk}"), todo));
        }
    }
}

/// Why an address cannot be listened on.
fn taken(address: SocketAddr) -> Option<String> {
    TcpListener::bind(address).err().map(|error| error.to_string())
}
