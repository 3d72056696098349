//! A PostgreSQL for the tests: on a loopback port, in a temporary folder, gone with the process.

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use simpul::store::Address;
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server of one's own; ends when dropped, or when the process does, however that ends.
pub(crate) struct Server {
    folder: TempDir,
    port: u16,
    /// Runs while its standard input is open, and takes the server along.
    guard: Mutex<Option<Child>>,
}

/// A database of the server that all tests share; `None`, with a word, where PostgreSQL is not
/// installed: the test that wants it is skipped. Never on a machine that must run all tests.
pub(crate) async fn database() -> Option<Address> {
    Some(Address::parse(&database_url().await?).unwrap())
}

/// As [`database`], as one writes it into `simpul.yaml`.
pub(crate) async fn database_url() -> Option<String> {
    static SHARED: OnceLock<Option<Server>> = OnceLock::new();
    let server = tokio::task::spawn_blocking(|| SHARED.get_or_init(Server::start)).await.unwrap();
    Some(server.as_ref()?.create().await)
}

impl Server {
    /// Starts one; `None`, with a word, where it is not installed.
    #[expect(clippy::print_stderr, reason = "says why a test did nothing")]
    pub(crate) fn start() -> Option<Self> {
        let Some(binaries) = binaries() else {
            assert!(std::env::var("CI").is_err_and(|_| true), "PostgreSQL is not installed");
            eprintln!("skipped: PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let password = folder.path().join("password");
        fs::write(&password, "rahasia\n").unwrap();
        for path in [folder.path(), &password] {
            give_away(path);
        }
        let mut initdb = unprivileged(&binaries.join("initdb"));
        initdb.args([
            "--no-sync",
            "-E",
            "UTF8",
            "--locale=C",
            "-U",
            "simpul",
            "-A",
            "scram-sha-256",
        ]);
        initdb.arg("--pwfile").arg(&password).arg("-D").arg(&data).stdout(Stdio::null());
        assert!(initdb.current_dir(folder.path()).status().unwrap().success(), "initdb");
        // Free a moment ago; nobody else is likely to take it.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, port, guard: Mutex::default() };
        server.go_on();
        Some(server)
    }

    /// Starts it, again after [`kill`](Self::kill).
    pub(crate) fn go_on(&self) {
        // Kills the server as a power cut would when the other end of its standard input is gone,
        // and tidies up unless it is told that the server will go on.
        const GUARD: &str = r#""$@" </dev/null >>log 2>&1 &
            read -r word; kill -QUIT $!; wait $!; [ "$word" = stays ] || rm -rf "$PWD""#;
        let mut guard = unprivileged(Path::new("sh"));
        guard.args(["-c", GUARD, "sh"]).arg(binaries().unwrap().join("postgres"));
        guard.arg("-D").arg(self.folder.path().join("data"));
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories="] {
            guard.arg("-c").arg(setting);
        }
        guard.arg("-c").arg(format!("port={}", self.port));
        let child = guard.current_dir(self.folder.path()).stdin(Stdio::piped()).spawn().unwrap();
        *self.guard.lock().unwrap() = Some(child);
        let start = Instant::now();
        while !self.is_ready() {
            assert!(start.elapsed() < PATIENCE, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once: nothing is finished, nothing is written any more.
    pub(crate) fn kill(&self) {
        if let Some(mut guard) = self.guard.lock().unwrap().take() {
            guard.stdin.take().unwrap().write_all(b"stays\n").unwrap();
            guard.wait().unwrap();
        }
    }

    fn is_ready(&self) -> bool {
        let isready = binaries().unwrap().join("pg_isready");
        let mut asked = Command::new(isready);
        asked.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        asked.status().unwrap().success()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// An empty database.
    pub(crate) async fn database(&self) -> Address {
        Address::parse(&self.create().await).unwrap()
    }

    async fn create(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("uji_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        execute(&self.url("postgres"), &format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    /// The address of one of its databases, as one writes it.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://simpul:rahasia@127.0.0.1:{}/{database}", self.port)
    }

    /// Has the owner of a database do something in it.
    pub(crate) async fn execute(&self, address: &Address, sql: &str) {
        let shown = address.shown();
        execute(&self.url(shown.rsplit('/').next().unwrap()), sql).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

async fn execute(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::select! {
        done = client.batch_execute(sql) => done.unwrap(),
        ended = connection => panic!("{ended:?}"),
    }
}

/// Where the server's programs are: Debian keeps them out of the path.
fn binaries() -> Option<PathBuf> {
    let has = |it: &PathBuf| it.join("postgres").exists() && it.join("initdb").exists();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<_> = debian.map(|it| it.path().join("bin")).collect();
    places.extend(std::env::split_paths(&path));
    places.into_iter().find(has)
}

/// PostgreSQL refuses to run as root.
fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"]).arg(program);
    command
}

fn give_away(path: &Path) {
    if is_root() {
        let status = Command::new("chown").arg("nobody:nogroup").arg(path).status().unwrap();
        assert!(status.success());
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|it| it.stdout == b"0\n")
}
