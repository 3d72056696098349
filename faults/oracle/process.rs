//! The program as a process of its own, on a project in a temporary folder.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::{CommandExt as _, ExitStatusExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long anything here may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const ROUTE: &str = "\
route: uji
summary: Uji.
owner: Uji
from: asal.data
steps:
  - filter: $.nomor > 0
to:
  - target: arsip.simpan
";

/// A project whose source is HTTP and whose target is a file.
pub(crate) fn project() -> tempfile::TempDir {
    let project = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = project.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("simpul.yaml", "listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: ./data\n");
    let hash = sha256("kunci");
    write(
        "connectors/asal.yaml",
        &format!(
            "system: asal\nname: Asal\nhttp:\n  sources:\n    data:\n      api_keys: {{ uji: \"sha256:{hash}\" }}\n"
        ),
    );
    let out = project.path().join("keluar");
    write(
        "connectors/arsip.yaml",
        &format!(
            "system: arsip\nname: Arsip\nfiles:\n  path: {}\n  targets:\n    simpan: {{ file: arsip.ndjson }}\n",
            out.display()
        ),
    );
    write("routes/uji.yaml", ROUTE);
    project
}

pub(crate) fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The program at work on a project; killed when dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) listen: String,
    pub(crate) ops: String,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of the program that ends by itself, on a project; what it ended with and said.
pub(crate) fn call(project: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program());
    command.arg0("simpul").arg("--project").arg(project).args(arguments).stdin(Stdio::null());
    let done = command.output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    (done.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// The program: as it was built for the tests; or the harness itself, which is simpul where it is
/// called by that name.
fn program() -> PathBuf {
    match option_env!("CARGO_BIN_EXE_simpul") {
        Some(built) => built.into(),
        None => std::env::current_exe().unwrap(),
    }
}

pub(crate) fn command(project: &Path) -> Command {
    let mut command = Command::new(program());
    command.arg0("simpul").arg("--project").arg(project).arg("run");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn failed(project: &Path, greeting: &str) -> ! {
    let log = fs::read_to_string(project.join("simpul.log")).unwrap_or_default();
    panic!("{greeting:?}\n{log}")
}

impl Process {
    /// Starts the program, and waits for the line that says where it listens.
    pub(crate) fn start(project: &Path) -> Self {
        Self::start_with(project, &[])
    }

    /// As [`start`](Self::start), with variables of the environment. Its log continues that of an
    /// earlier one.
    pub(crate) fn start_with(project: &Path, variables: &[(&str, String)]) -> Self {
        Self::try_start(project, variables).unwrap_or_else(|greeting| failed(project, &greeting))
    }

    /// As [`start_with`](Self::start_with); fails with what it said where it ended before it could
    /// say where it listens.
    pub(crate) fn try_start(project: &Path, variables: &[(&str, String)]) -> Result<Self, String> {
        let mut command = command(project);
        command.envs(variables.iter().cloned());
        Self::spawn(project, command)
    }

    /// As [`start`](Self::start), with another argument.
    pub(crate) fn start_saying(project: &Path, argument: &str) -> Self {
        let mut command = command(project);
        command.arg(argument);
        Self::spawn(project, command).unwrap_or_else(|greeting| failed(project, &greeting))
    }

    fn spawn(project: &Path, mut command: Command) -> Result<Self, String> {
        let log = fs::File::options().create(true).append(true).open(project.join("simpul.log"));
        command.stderr(log.unwrap());
        let mut child = command.spawn().unwrap();
        let mut greeting = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut greeting).unwrap();
        let addresses: Vec<&str> = greeting.split("http://").skip(1).collect();
        let &[listen, ops] = &addresses[..] else {
            let _ = child.kill();
            return Err(format!("{greeting}{:?}", child.wait()));
        };
        let address = |text: &str| text.split(',').next().unwrap().trim().to_owned();
        Ok(Self { listen: address(listen), ops: address(ops), child })
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The signal that ended it, if it has ended by one.
    pub(crate) fn killed_by(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().and_then(|it| it.signal())
    }

    /// The code that it ended with, if it has ended.
    pub(crate) fn ended_with(&mut self) -> Option<Option<i32>> {
        self.child.try_wait().unwrap().map(|it| it.code())
    }

    /// Files and sockets that it has open.
    pub(crate) fn open_files(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).map_or(0, Iterator::count)
    }

    /// A figure of its state, as the system tells it: `Threads`, `VmHWM` (in kB).
    pub(crate) fn figure(&self, name: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|it| it.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Waits for its end; returns the exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            std::thread::yield_now();
        }
    }

    /// What the operators' door answers.
    pub(crate) async fn ops(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.ops);
        let answer = client().get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The most memory that it has had resident, in bytes; `None` where the system does not tell.
    pub(crate) fn resident_max(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().unwrap();
        Some(kibibytes * 1024)
    }

    /// Hands a message over; returns the answer.
    pub(crate) async fn send(&self, body: &'static str) -> (u16, Value) {
        let url = format!("http://{}/v1/asal/data", self.listen);
        let request = client().post(url).header("authorization", "Bearer kunci");
        let request = request.header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

/// Asks until `holds`; polls, for what is waited for happens in another process.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
