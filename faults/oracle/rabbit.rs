//! A private RabbitMQ on loopback, in a temporary directory: one for each run of the tests, with a
//! virtual host for each test; and throw-away ones for tests that kill it.

use std::{
    env, fs,
    io::Write,
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Debian's commands become another user and change the directory; these do not.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

const CONTROL: &str = "/usr/lib/rabbitmq/bin/rabbitmqctl";

/// Virtual hosts that exist from the start: making one later costs half a second.
const VHOSTS: usize = 112;

/// RabbitMQ takes 7 s here; a busy machine takes longer.
const START_TIMEOUT: Duration = Duration::from_secs(120);

/// Starts the server for each line that it reads. At the end of its input, which comes however the
/// test process ends, it kills everything that it started, itself included.
const GUARD: &str = r#"
epmd -port "$ERL_EPMD_PORT" -address "$ERL_EPMD_ADDRESS" >/dev/null 2>&1 &
while read -r _; do "$SERVER" >>"$BASE/out" 2>&1 </dev/null & done
rm -rf "$BASE"
kill -9 -$$
"#;

/// Where a server stands, and with what it begins.
#[derive(Debug, Clone)]
pub(crate) struct Ground {
    /// The network namespace, or nothing for that of this process.
    pub(crate) namespace: Option<String>,
    /// Where clients reach it.
    pub(crate) host: String,
    /// Where other nodes reach it; its name.
    pub(crate) node: String,
    /// The directory with the secret that nodes share, or nothing for its own.
    pub(crate) home: Option<PathBuf>,
    /// Where nodes ask for each other's ports, or nothing for its own.
    pub(crate) names: Option<u16>,
    /// Virtual hosts from the start.
    pub(crate) vhosts: usize,
    /// More lines of its configuration.
    pub(crate) more: &'static str,
}

impl Default for Ground {
    fn default() -> Self {
        Self {
            namespace: None,
            host: "127.0.0.1".to_owned(),
            node: "localhost".to_owned(),
            home: None,
            names: None,
            vhosts: VHOSTS,
            more: "",
        }
    }
}

/// A running RabbitMQ.
pub(crate) struct Rabbit {
    guard: Mutex<Child>,
    namespace: Option<String>,
    host: String,
    port: u16,
    /// Where it speaks TLS, as `localhost`.
    tls_port: u16,
    environment: Vec<(&'static str, String)>,
    next_vhost: AtomicUsize,
}

impl Rabbit {
    /// The one of this run. Nothing, with a word about it, where none is installed.
    pub(crate) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Rabbit>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// One of its own, which ends when it is dropped.
    pub(crate) fn start() -> Option<Self> {
        Self::start_on(&Ground::default())
    }

    /// One of its own on certain ground.
    pub(crate) fn start_on(ground: &Ground) -> Option<Self> {
        if !Path::new(SERVER).exists() {
            let may_skip = env::var("CI").as_deref() != Ok("true");
            assert!(may_skip, "{SERVER} is missing (Debian: apt-get install rabbitmq-server)");
            #[expect(
                clippy::print_stderr,
                reason = "a test that did not run must not look like one"
            )]
            {
                eprintln!("skipped: RabbitMQ is not installed");
            }
            return None;
        }
        let base = tempfile::Builder::new().prefix("simpul-rabbit-").tempdir().unwrap().keep();
        let [port, tls_port, between_nodes, names] = free_ports();
        configure(&base, (port, tls_port), ground);
        let namespace = ground.namespace.clone();
        let mut command = within(namespace.as_deref(), "sh");
        command.args(["-c", GUARD]).env_clear().process_group(0).stdin(Stdio::piped());
        let names = ground.names.unwrap_or(names);
        let environment = environment(&base, (port, between_nodes, names), ground);
        command.envs(environment.iter().cloned());
        let guard = Mutex::new(command.spawn().unwrap());
        let next_vhost = AtomicUsize::new(0);
        let host = ground.host.clone();
        let rabbit = Self { guard, namespace, host, port, tls_port, environment, next_vhost };
        rabbit.begin();
        rabbit.wait_until_up();
        Some(rabbit)
    }

    /// The address of a virtual host that no other test has.
    pub(crate) fn vhost(&self) -> String {
        let number = self.next_vhost.fetch_add(1, Ordering::Relaxed);
        assert!(number < VHOSTS, "raise VHOSTS");
        self.address(number)
    }

    /// The same address by TLS, under this name.
    pub(crate) fn by_tls(&self, address: &str, host: &str) -> String {
        let plain = format!("amqp://simpul:simpul@127.0.0.1:{}", self.port);
        address.replace(&plain, &format!("amqps://simpul:simpul@{host}:{}", self.tls_port))
    }

    /// Ends the Raft server of a queue of the first virtual host: the queue is there, and dead.
    pub(crate) fn stop_queue(&self, queue: &str) {
        let stop = format!("ra:stop_server(quorum_queues, {{'t00_{queue}', node()}}).");
        assert_eq!(self.control(&["eval", &stop]).trim(), "ok");
    }

    /// Has `rabbitmqctl` do something; returns what it said.
    pub(crate) fn control(&self, arguments: &[&str]) -> String {
        let mut command = within(self.namespace.as_deref(), CONTROL);
        command.args(["--node", &self.node(), "--quiet"]).args(arguments).env_clear();
        if self.setting("RABBITMQ_USE_LONGNAME") == "true" {
            command.arg("--longnames");
        }
        let done = command.envs(self.environment.iter().cloned()).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{arguments:?}: {said}{complaint}");
        said
    }

    /// The address of a certain virtual host.
    pub(crate) fn address(&self, number: usize) -> String {
        format!("amqp://simpul:simpul@{}:{}/t{number:02}", self.host, self.port)
    }

    /// Its name among nodes.
    pub(crate) fn node(&self) -> String {
        self.setting("RABBITMQ_NODENAME")
    }

    /// Where nodes ask for each other's ports.
    pub(crate) fn names(&self) -> u16 {
        self.setting("ERL_EPMD_PORT").parse().unwrap()
    }

    /// The directory with the secret that nodes share.
    pub(crate) fn home(&self) -> PathBuf {
        self.setting("HOME").into()
    }

    fn setting(&self, name: &str) -> String {
        let found = self.environment.iter().find(|(it, _)| *it == name);
        found.unwrap().1.clone()
    }

    /// The address at which it listens.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(&self) {
        self.signal("-KILL");
        self.wait_until_down();
    }

    /// Stops it in good order, as a service is stopped.
    pub(crate) fn stop(&self) {
        self.signal("-TERM");
        self.wait_until_down();
    }

    /// It takes no step any more, and keeps its connections, until [`thaw`](Self::thaw).
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// It goes on after [`freeze`](Self::freeze).
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let group = self.guard.lock().unwrap().id().to_string();
        let sent = Command::new("pkill").args([signal, "-g", &group, "-x", "beam.smp"]).status();
        assert!(sent.unwrap().success());
    }

    /// Until the process is gone: the port alone is closed early in a stop, and the next start
    /// would find the name of the node taken.
    fn wait_until_down(&self) {
        let group = self.guard.lock().unwrap().id().to_string();
        let runs = || {
            // Not one that is dead and still in the list, for its parent waits for other things.
            let alive = ["-r", "D,R,S,T", "-g", &group, "-x", "beam.smp"];
            let found = Command::new("pgrep").args(alive).output();
            !found.unwrap().stdout.is_empty()
        };
        let end = Instant::now() + START_TIMEOUT;
        while runs() || TcpStream::connect((&*self.host, self.port)).is_ok() {
            assert!(Instant::now() < end, "it does not die");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts it again, with what it had; returns before it is up.
    pub(crate) fn begin(&self) {
        let mut guard = self.guard.lock().unwrap();
        guard.stdin.as_mut().unwrap().write_all(b"start\n").unwrap();
    }

    /// Waits until it takes connections.
    pub(crate) fn wait_until_up(&self) {
        let end = Instant::now() + START_TIMEOUT;
        while TcpStream::connect((&*self.host, self.port)).is_err() {
            assert!(Instant::now() < end, "RabbitMQ does not start");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        let mut guard = self.guard.lock().unwrap();
        drop(guard.stdin.take());
        let _ = guard.wait();
    }
}

/// A program in a network namespace, or in that of this process.
fn within(namespace: Option<&str>, program: &str) -> Command {
    let Some(namespace) = namespace else { return Command::new(program) };
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace, program]);
    command
}

/// Outside the range from which systems take the ports of outgoing calls: the server opens them
/// seconds later, and again after each restart, and no call must have taken one meanwhile.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Ports that nobody has at this moment.
fn free_ports() -> [u16; 4] {
    use std::hash::{BuildHasher, RandomState};
    let random = || RandomState::new().hash_one(0) % u64::from(PORTS.end - PORTS.start);
    let any = || PORTS.start + u16::try_from(random()).unwrap();
    // All are held until all are known, so that they differ.
    let free = || (0..1_000).find_map(|_| TcpListener::bind(("127.0.0.1", any())).ok());
    let all = [(); 4].map(|()| free().unwrap());
    all.map(|it| it.local_addr().unwrap().port())
}

fn configure(base: &Path, (port, tls_port): (u16, u16), ground: &Ground) {
    let Ground { host, vhosts, more, .. } = ground;
    let vhosts: Vec<_> = (0..*vhosts).map(|it| format!("t{it:02}")).collect();
    let permission = |vhost: &String| {
        serde_json::json!({ "user": "simpul", "vhost": vhost,
            "configure": ".*", "write": ".*", "read": ".*" })
    };
    let definitions = serde_json::json!({
        // The password is `simpul`.
        "users": [{ "name": "simpul", "tags": "administrator",
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "password_hash": PASSWORD_HASH }],
        "vhosts": vhosts.iter().map(|it| serde_json::json!({ "name": it })).collect::<Vec<_>>(),
        "permissions": vhosts.iter().map(permission).collect::<Vec<_>>(),
    });
    let file = base.join("definitions.json");
    fs::write(&file, definitions.to_string()).unwrap();
    let of_tls = [("cacertfile", AUTHORITY), ("certfile", CERTIFICATE), ("keyfile", KEY)];
    let mut tls = format!("listeners.ssl.1 = {host}:{tls_port}\n");
    for (option, pem) in of_tls {
        let file = base.join(option);
        fs::write(&file, pem).unwrap();
        tls.push_str(&format!("ssl_options.{option} = {}\n", file.display()));
    }
    let conf = format!(
        "listeners.tcp.1 = {host}:{port}\n{tls}{more}load_definitions = {}\n\
         vm_memory_high_watermark.absolute = 4GB\ndisk_free_limit.absolute = 50MB\n\
         log.console = false\nlog.file.level = warning\n",
        file.display()
    );
    fs::write(base.join("rabbitmq.conf"), conf).unwrap();
    fs::write(base.join("enabled_plugins"), "[].").unwrap();
    fs::create_dir(base.join("home")).unwrap();
}

/// Made for tests: `localhost` and nothing else, by an authority nobody else knows.
pub(crate) const AUTHORITY: &str = include_str!("../../tests/it/http_target/tls/ca.pem");
const CERTIFICATE: &str = include_str!("../../tests/it/http_target/tls/server.pem");
const KEY: &str = include_str!("../../tests/it/http_target/tls/server.key");

const PASSWORD_HASH: &str = "AQIDBBmv2N1a1elQhE6ysGD/Z6mxkpFRwsUnTX6uea3PhDzs";

fn environment(
    base: &Path,
    (port, between_nodes, names): (u16, u16, u16),
    ground: &Ground,
) -> Vec<(&'static str, String)> {
    let path = |name: &str| -> String { PathBuf::from(base).join(name).display().to_string() };
    // Where its name is an address, that is where it listens for others.
    let interface = if ground.namespace.is_some() { &*ground.node } else { "127.0.0.1" };
    vec![
        ("PATH", env::var("PATH").unwrap_or_default()),
        ("LANG", "C.UTF-8".to_owned()),
        ("SERVER", SERVER.to_owned()),
        ("BASE", base.display().to_string()),
        ("HOME", ground.home.as_ref().map_or_else(|| path("home"), |it| it.display().to_string())),
        ("ERL_EPMD_PORT", names.to_string()),
        ("ERL_EPMD_ADDRESS", interface.to_owned()),
        ("RABBITMQ_NODENAME", format!("simpul{port}@{}", ground.node)),
        ("RABBITMQ_USE_LONGNAME", ground.namespace.is_some().to_string()),
        ("RABBITMQ_NODE_IP_ADDRESS", ground.host.clone()),
        ("RABBITMQ_NODE_PORT", port.to_string()),
        ("RABBITMQ_DIST_PORT", between_nodes.to_string()),
        ("RABBITMQ_MNESIA_BASE", path("mnesia")),
        ("RABBITMQ_LOG_BASE", path("log")),
        ("RABBITMQ_PID_FILE", path("rabbit.pid")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", path("enabled_plugins")),
        ("RABBITMQ_CONFIG_FILE", path("rabbitmq.conf")),
        ("RABBITMQ_CONF_ENV_FILE", path("none-env.conf")),
        ("ERL_CRASH_DUMP", path("erl_crash.dump")),
        (
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
            format!("-kernel inet_dist_use_interface {{{}}}", interface.replace('.', ",")),
        ),
    ]
}
