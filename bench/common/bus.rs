//! The program `simpul` at work as a process of its own, so that its memory and its share of the
//! processor are its own.

#![allow(dead_code, reason = "no bench needs all of it")]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

/// How long a stop may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Ticks of the kernel's clock in a second, in which `/proc` tells time: 100 on every Linux that
/// runs Rust.
const TICKS: f64 = 100.0;

/// What the senders prove themselves with.
pub(crate) const KEY: &str = "kunci";

/// A project in a folder of its own. Not in the system's folder for such things, which may be in
/// memory.
pub(crate) struct Project(tempfile::TempDir);

impl Project {
    /// A project with settings for a bench: any port, and no limit on what one client may send.
    pub(crate) fn new() -> Self {
        let project = Self(tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap());
        project.write(
            "simpul.yaml",
            "listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: ./data\nlimits: { rate: 1000000/s }\n",
        );
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A system that hands messages over.
    pub(crate) fn source(&self, system: &str, names: &[&str]) {
        let key: String = Sha256::digest(KEY).iter().map(|it| format!("{it:02x}")).collect();
        let mut text = format!("system: {system}\nname: Asal\nhttp:\n  sources:\n");
        for name in names {
            text.push_str(&format!("    {name}: {{ api_keys: {{ ukur: \"sha256:{key}\" }} }}\n"));
        }
        self.write(&format!("connectors/{system}.yaml"), &text);
    }

    /// A system that takes messages at `address`.
    pub(crate) fn target(&self, system: &str, address: &str, names: &[&str]) {
        let mut text =
            format!("system: {system}\nname: Tujuan\nhttp:\n  url: http://{address}\n  targets:\n");
        for name in names {
            text.push_str(&format!("    {name}: {{ post: /{name} }}\n"));
        }
        self.write(&format!("connectors/{system}.yaml"), &text);
    }
}

/// A process of its own; killed when dropped.
pub(crate) struct Process(Child);

/// A running bus; killed when dropped.
pub(crate) struct Bus {
    process: Process,
    pub(crate) listen: String,
    pub(crate) ops: String,
    /// From the start of the process until it took messages.
    pub(crate) start_took: Duration,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Starts a program, and waits for its first line.
    pub(crate) fn start(command: &mut Command) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line)
    }

    /// Seconds of processor that it has taken so far, all threads together.
    pub(crate) fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        // Behind the name, which may hold blanks: the state is the first field.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
        (ticks(11) + ticks(12)) / TICKS
    }

    /// Mebibytes of memory that are resident, now and at most so far.
    pub(crate) fn resident(&self) -> [f64; 2] {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        ["VmRSS:", "VmHWM:"].map(|name| {
            let line = status.lines().find_map(|it| it.strip_prefix(name)).unwrap();
            line.trim().strip_suffix(" kB").unwrap().parse::<f64>().unwrap() / 1024.0
        })
    }
}

/// The program with a project.
pub(crate) fn command(project: &Project) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_simpul"));
    command.arg("--project").arg(project.path()).stdin(Stdio::null());
    command
}

impl Bus {
    /// Starts it, and waits for the line that says where it listens.
    pub(crate) fn start(project: &Project) -> Self {
        let start = Instant::now();
        let log = fs::File::create(project.path().join("simpul.log")).unwrap();
        let (process, greeting) = Process::start(command(project).arg("run").stderr(log));
        let start_took = start.elapsed();
        let addresses: Vec<&str> = greeting.split("http://").skip(1).collect();
        let &[listen, ops] = &addresses[..] else {
            panic!("{greeting}\n{}", fs::read_to_string(project.path().join("simpul.log")).unwrap())
        };
        let address = |text: &str| text.split(',').next().unwrap().trim().to_owned();
        Self { listen: address(listen), ops: address(ops), start_took, process }
    }

    /// Seconds of processor that it has taken so far, all threads together.
    pub(crate) fn cpu(&self) -> f64 {
        self.process.cpu()
    }

    /// Mebibytes of memory that are resident, now and at most so far.
    pub(crate) fn resident(&self) -> [f64; 2] {
        self.process.resident()
    }

    /// Stops it as an operator does; returns whether it ended well.
    pub(crate) fn stop(mut self) -> bool {
        let id = self.process.0.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.process.0.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }
}
