//! The bus itself: this very program once more, as a process that can be killed, asked, and
//! operated through its own command line.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Output, Stdio},
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::{CouldNot, project::Project};
use crate::ops::{Access, wire::RouteView};

/// How long the bus may take to start: much more than it needs on a busy machine.
const START_MAX: Duration = Duration::from_secs(30);

/// How long the bus may take to stop before it is killed.
const STOP_MAX: Duration = Duration::from_secs(20);

/// How often it is asked whether it is ready.
const READY_PAUSE: Duration = Duration::from_millis(20);

/// How long one command of an operator may take.
const COMMAND_MAX: Duration = Duration::from_secs(60);

/// How long one question to the bus may take.
const QUESTION_MAX: Duration = Duration::from_secs(10);

/// Characters of the bus's log that are shown when it does not start.
const LOG_TAIL: usize = 2_000;

/// The bus as a process.
pub(super) struct Bus {
    program: PathBuf,
    folder: PathBuf,
    ops: String,
    environment: BTreeMap<String, String>,
    client: reqwest::Client,
    child: Option<Child>,
}

/// What the operator's listener says of all routes.
#[derive(Debug, Deserialize)]
struct Status {
    routes: Vec<RouteView>,
}

impl Bus {
    /// A bus on the files of `project`, not yet started. `environment` holds the addresses and
    /// hashes that its system files ask for.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when this program cannot tell where it lies.
    pub(super) fn new(
        project: &Project,
        environment: BTreeMap<String, String>,
        client: reqwest::Client,
    ) -> Result<Self, CouldNot> {
        let program = std::env::current_exe()
            .map_err(|error| CouldNot(format!("cannot find this program: {error}")))?;
        let folder = project.folder().to_owned();
        let ops = project.ops.clone();
        Ok(Self { program, folder, ops, environment, client, child: None })
    }

    /// Starts it, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] with the end of its log, when it does not get ready.
    pub(super) async fn start(&mut self) -> Result<(), CouldNot> {
        let log = fs::OpenOptions::new().append(true).create(true).open(self.log_file());
        let log = log.map_err(|error| CouldNot(format!("cannot write the bus's log: {error}")))?;
        let child = self
            .command(&["run"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .map_err(|error| CouldNot(format!("cannot start the bus: {error}")))?;
        self.child = Some(child);
        let started = Instant::now();
        while started.elapsed() < START_MAX {
            self.check_alive()?;
            let address = format!("http://{}/health/ready", self.ops);
            let answer = self.client.get(address).timeout(QUESTION_MAX).send().await;
            // It knows of its queues once it has reached the RabbitMQ that they are at.
            if answer.is_ok_and(|it| it.status().is_success()) && self.status().await.is_ok() {
                return Ok(());
            }
            sleep(READY_PAUSE).await;
        }
        Err(CouldNot(format!("the bus does not get ready\n{}", self.log_tail())))
    }

    /// This program on the folder. Settings that stand in the environment of whoever runs the
    /// demo are not for the bus in it.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SIMPUL_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).arg("--project").arg(&self.folder).envs(&self.environment);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// That it runs.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] with the end of its log, when it has ended of its own accord.
    pub(super) fn check_alive(&mut self) -> Result<(), CouldNot> {
        let ended = match &mut self.child {
            Some(child) => child.try_wait().ok().flatten(),
            None => return Err(CouldNot("the bus was not started".to_owned())),
        };
        match ended {
            None => Ok(()),
            Some(how) => Err(CouldNot(format!("the bus has ended ({how})\n{}", self.log_tail()))),
        }
    }

    /// Kills it as `kill -9` does: nothing of it gets to finish anything.
    pub(super) async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Fails only where it is gone already.
            let _ = child.kill().await;
        }
    }

    /// Stops it as systemd does, and says whether it ended in time and in good order.
    pub(super) async fn stop(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return true };
        let Some(id) = child.id() else { return true };
        let asked = Command::new("kill").args(["-TERM", &id.to_string()]).status().await;
        if asked.is_ok_and(|it| it.success()) {
            let ended = tokio::time::timeout(STOP_MAX, child.wait()).await;
            if let Ok(Ok(how)) = ended {
                return how.success();
            }
        }
        let _ = child.kill().await;
        false
    }

    /// Waits until it ends of its own accord.
    pub(super) async fn ended(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.wait().await;
        }
    }

    /// What it says of its routes.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when it does not answer, or not in the way that this program expects.
    pub(super) async fn status(&self) -> Result<Vec<RouteView>, CouldNot> {
        let failed = |why: String| CouldNot(format!("the bus does not tell its state: {why}"));
        let access = Access::read(&self.folder.join("data"))
            .map_err(|error| failed(error.to_string()))?
            .ok_or_else(|| failed("no `ops.token` in its store".to_owned()))?;
        let request = self
            .client
            .get(format!("http://{}/api/v1/status", access.address))
            .bearer_auth(access.token)
            .timeout(QUESTION_MAX);
        let answer = request.send().await.map_err(|error| failed(error.to_string()))?;
        let code = answer.status();
        let text = answer.text().await.map_err(|error| failed(error.to_string()))?;
        if !code.is_success() {
            return Err(failed(format!("{code} {text}")));
        }
        let status: Status =
            serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
        Ok(status.routes)
    }

    /// The lines of its metrics that hold every one of `words`.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when it does not answer.
    pub(super) async fn metrics(&self, words: &[&str]) -> Result<String, CouldNot> {
        let failed = |error: reqwest::Error| CouldNot(format!("the bus has no metrics: {error}"));
        let address = format!("http://{}/metrics", self.ops);
        let answer = self.client.get(address).timeout(QUESTION_MAX).send().await.map_err(failed)?;
        let text = answer.text().await.map_err(failed)?;
        let all = text.lines().filter(|line| !line.starts_with('#'));
        let told = all.filter(|line| words.iter().all(|word| line.contains(word)));
        Ok(told.collect::<Vec<_>>().join("\n"))
    }

    /// Runs a command of an operator on it, `simpul` and its `--project` left out of `arguments`;
    /// returns what it printed.
    ///
    /// # Errors
    ///
    /// [`CouldNot`] when the command fails.
    pub(super) async fn operate(&self, arguments: &[&str]) -> Result<String, CouldNot> {
        let failed =
            |why: String| CouldNot(format!("`simpul {}` failed: {why}", arguments.join(" ")));
        let running = self.command(arguments).output();
        let Output { status, stdout, stderr } = tokio::time::timeout(COMMAND_MAX, running)
            .await
            .map_err(|_| failed("it does not end".to_owned()))?
            .map_err(|error| failed(error.to_string()))?;
        let told = String::from_utf8_lossy(&stdout).into_owned();
        if status.success() {
            return Ok(told);
        }
        let complained = String::from_utf8_lossy(&stderr);
        Err(failed(format!("{status}\n{told}{complained}")))
    }

    /// Where its log is written to.
    pub(super) fn log_file(&self) -> PathBuf {
        self.folder.join("simpul.log")
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.log_file()).unwrap_or_default();
        let start = text.len().saturating_sub(LOG_TAIL);
        let start = (start..text.len()).find(|it| text.is_char_boundary(*it)).unwrap_or_default();
        text.get(start..).unwrap_or_default().to_owned()
    }
}
