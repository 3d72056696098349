//! A newcomer's desk: an empty directory, a shell in which commands are typed, and what goes on running in
//! terminals beside it.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use super::told::Told;

/// What is behind the answer to a command.
const END: &str = "=== answered";

/// The addresses of the pages, which may be taken here.
const ADDRESSES: [&str; 3] = ["127.0.0.1:8080", "127.0.0.1:9464", "127.0.0.1:18090"];

/// What only looks, and may be typed again until it shows what is to come.
const LOOKS: [&str; 3] = ["cat ", "simpul trace ", "simpul dead list"];

/// The longest that a message takes to get through, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) struct Desk {
    folder: tempfile::TempDir,
    /// What the running ones say, which no directory of a newcomer has.
    outputs: tempfile::TempDir,
    shell: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Where the shell is, from the folder on.
    at: PathBuf,
    /// The ids and keys of the pages, and what they are here.
    names: BTreeMap<String, String>,
    /// The addresses of the pages, and those here.
    addresses: Vec<(String, String)>,
    running: Vec<Child>,
}

impl Desk {
    pub(super) fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let outputs = tempfile::tempdir().unwrap();
        // At a terminal it shows no bar where the answer is shown.
        fs::write(outputs.path().join(".curlrc"), "no-progress-meter\n").unwrap();
        let held = ADDRESSES.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let here = held.map(|it| it.local_addr().unwrap().to_string());
        let addresses: Vec<_> = ADDRESSES.iter().map(|it| (*it).to_owned()).zip(here).collect();
        let mut shell = shell(folder.path(), &addresses)
            .env("CURL_HOME", outputs.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut input = shell.stdin.take().unwrap();
        writeln!(input, "exec 2>&1").unwrap();
        let output = BufReader::new(shell.stdout.take().unwrap());
        let (at, names, running) = (PathBuf::new(), BTreeMap::new(), Vec::new());
        Self { folder, outputs, shell, input, output, at, names, addresses, running }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(&self.at).join(name)
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Saves a file, as an editor does.
    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, self.here(text)).unwrap();
    }

    /// Types a command; what it answers is what is told.
    pub(super) fn types(&mut self, command: &str, told: &Told) {
        let typed = self.here(command);
        let since = Instant::now();
        let came = loop {
            let came = self.answer(&typed);
            let again = LOOKS.iter().any(|it| command.starts_with(it));
            if told.is(&came) || !again || PATIENCE < since.elapsed() {
                break came;
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        let wrong = format!("$ {command}\nis told to answer\n{}\nand answers", told.text());
        assert!(told.is(&came), "{wrong}\n{}", came.join("\n"));
        self.names.extend(told.names(&came));
        if let Some(folder) = command.strip_prefix("cd ") {
            self.at.push(folder);
        }
    }

    fn answer(&mut self, typed: &str) -> Vec<String> {
        writeln!(self.input, "{typed}\necho; echo '{END}'").unwrap();
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert!(0 < self.output.read_line(&mut line).unwrap(), "the shell is gone");
            if line.trim_end() == END {
                break;
            }
            lines.push(self.there(line.trim_end_matches('\n')));
        }
        // The line end of the shell's own `echo`, which is one of the answer where that lacks its last.
        if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Starts a command that goes on, in a terminal of its own, and waits until it says what is told.
    pub(super) fn start(&mut self, command: &str, told: &Told) {
        let output = self.outputs.path().join(self.running.len().to_string());
        let file = File::create(&output).unwrap();
        let folder = self.folder.path().join(&self.at);
        let mut shell = shell(&folder, &self.addresses);
        // In its place, so that to end the shell is to end it.
        shell.args(["-c", &format!("exec {}", self.here(command))]);
        shell.stdout(file.try_clone().unwrap()).stderr(file).stdin(Stdio::null());
        self.running.push(shell.spawn().unwrap());
        let since = Instant::now();
        loop {
            let said = fs::read_to_string(&output).unwrap();
            let lines: Vec<_> = said.lines().map(|it| self.there(it)).collect();
            if told.is(&lines) {
                return;
            }
            let told = told.text();
            assert!(
                since.elapsed() < PATIENCE,
                "$ {command}\nis told to say\n{told}\nand says\n{said}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A text of a page with the ids, keys and addresses of this desk.
    fn here(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (there, here) in self.names.iter().chain(self.addresses.iter().map(|(a, b)| (a, b))) {
            text = text.replace(there.as_str(), here);
        }
        let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
        let [.., (there, here)] = self.addresses.as_slice() else { return text };
        // As a number of its own, in a program.
        text.replace(&format!(", {})", port(there)), &format!(", {})", port(here)))
    }

    /// A text of this desk as the page would have it.
    fn there(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (there, here) in &self.addresses {
            text = text.replace(here.as_str(), there);
        }
        text
    }
}

/// A shell that finds the program of this build, and nothing of the one who runs the tests.
fn shell(folder: &Path, addresses: &[(String, String)]) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_simpul")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh");
    shell.current_dir(folder).env("PATH", format!("{}:{path}", program.display()));
    shell.env("USER", "sari").env("NO_PROXY", "*").env_remove("SUDO_USER");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SIMPUL_") {
            shell.env_remove(name);
        }
    }
    // The bus of the page would listen where another one may.
    for (name, (_, here)) in ["SIMPUL_LISTEN", "SIMPUL_OPS"].iter().zip(addresses) {
        shell.env(name, here);
    }
    shell
}

impl Drop for Desk {
    fn drop(&mut self) {
        for child in self.running.iter_mut().chain([&mut self.shell]) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
