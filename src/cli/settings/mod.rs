//! `simpul.yaml` and the `SIMPUL_…` variables: how this gateway is set up.
//!
//! The file is read as strictly as all others. Every setting can be given as a variable instead,
//! which has the last word: `limits: { body: 1MiB }` is `SIMPUL_LIMITS_BODY=1MiB`.

mod file;
mod keeping;

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use config::{Environment, Source as _};

use self::file::LimitsSpec;
pub(in crate::cli) use self::file::SettingsFile;
use crate::{
    broker::rabbitmq::Address,
    connector::{self, Secret},
    diagnostic::{
        Code, Located, Node, NodeKind, Report, Scalar, Span, Style, Text, decode, nearest, text,
    },
    engine::Retention,
    message::Limits,
    route::{self, Broken, Given, Loaded, Project, RetryPolicy, Variables},
    sealing::SealingKey,
    spans,
    store::{self, DiskLow},
};

/// How this gateway is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where systems hand messages over.
    pub listen: SocketAddr,
    /// Where operators look: metrics, health, their calls.
    pub ops: SocketAddr,
    /// The directory of the embedded broker and the store; with a [`database`](Self::database), of
    /// what this gateway keeps for itself.
    pub store: PathBuf,
    /// The PostgreSQL with the store, where several gateways share one.
    pub database: Option<store::Address>,
    /// The file of those who may log in as operators; where nothing is said, one in [`store`](Self::store).
    pub users: Option<PathBuf>,
    /// Whether a job over many dead letters needs a second person.
    pub second_person: bool,
    /// The RabbitMQ that messages wait at; nothing, if they wait in the store.
    pub rabbitmq: Option<Address>,
    /// Certificates of the authority that its server is known by (PEM), beside those of the system.
    pub broker_ca: Option<String>,
    /// The largest body that is accepted, in bytes.
    pub body_bytes_max: usize,
    /// Arrays and objects inside each other that a body may have.
    pub depth_max: usize,
    /// Messages that one client may hand over each second.
    pub rate_per_second: u32,
    /// Messages that the worker of a route holds at most.
    pub prefetch: usize,
    /// How much room must be left on the disk of the store for more to be accepted.
    pub disk_low: DiskLow,
    /// Retry policies by name.
    pub retry: BTreeMap<String, RetryPolicy>,
    /// The key of the function `hash`.
    pub hash_key: Option<Secret>,
    /// The keys that bodies are sealed under: the first seals, all open.
    pub body_keys: Vec<SealingKey>,
    /// How long what is written down is kept.
    pub retention: Retention,
    /// Where traces go.
    pub traces: Option<spans::Address>,
    /// What is logged: `info`, `simpul=debug,warn`.
    pub log: Option<String>,
}

/// The file with the settings.
const FILE: &str = "simpul.yaml";

/// What the names of variables begin with.
const PREFIX: &str = "SIMPUL";

/// Settings that a variable can give, beside `SIMPUL_RETRY_<policy>_<field>`.
const VARIABLES: [&[&str]; 17] = [
    &["listen"],
    &["ops"],
    &["broker"],
    &["broker_ca"],
    &["store"],
    &["users"],
    &["second_person"],
    &["limits", "body"],
    &["limits", "depth"],
    &["limits", "rate"],
    &["limits", "prefetch"],
    &["limits", "disk_low"],
    &["hash_key"],
    &["retention", "journal"],
    &["retention", "bodies"],
    &["traces"],
    &["log"],
];

/// Bodies that can be allowed: each is held in memory whole, and more than once.
const BODY_BYTES: RangeInclusive<u64> = 1 << 10..=64 << 20;

/// Messages in hand that can be allowed, each with its body in memory.
const PREFETCH: RangeInclusive<u64> = 1..=10_000;

/// The shortest key of `hash`, in bytes: what is hashed are numbers that can be tried out.
const HASH_KEY_BYTES_MIN: usize = 16;

/// Reads the settings and the files of a project.
///
/// # Errors
///
/// Everything that is wrong in any of them.
pub fn load(directory: &Path, variables: &Variables) -> Result<(Settings, Loaded), Broken> {
    let mut project = Project::new(directory, variables);
    let settings = Settings::read(directory, &mut project);
    let given = settings.given();
    Ok((settings, route::load(project, &given)?))
}

impl Settings {
    /// The file of those who may log in as operators.
    pub fn users_file(&self) -> PathBuf {
        self.users.clone().unwrap_or_else(|| self.store.join("users.yaml"))
    }

    /// The settings where nothing is said, of a project in `directory`.
    pub fn usual(directory: &Path) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            ops: SocketAddr::from(([127, 0, 0, 1], 9464)),
            store: directory.join("data"),
            database: None,
            users: None,
            second_person: false,
            rabbitmq: None,
            broker_ca: None,
            body_bytes_max: 1 << 20,
            depth_max: Limits::default().depth,
            rate_per_second: 200,
            prefetch: 500,
            disk_low: DiskLow::Usual,
            retry: [("standard".to_owned(), RetryPolicy::STANDARD)].into(),
            hash_key: None,
            body_keys: Vec::new(),
            retention: Retention::USUAL,
            traces: None,
            log: None,
        }
    }

    /// What files depend on.
    pub fn given(&self) -> Given {
        Given {
            retry: self.retry.clone(),
            hash_key: self.hash_key.is_some(),
            body_keys: !self.body_keys.is_empty(),
        }
    }

    /// Reads the settings of a project, adding everything wrong with them to its report; what is
    /// wrong stays as it is usual.
    pub fn read(directory: &Path, project: &mut Project<'_>) -> Self {
        let mut settings = Self::usual(directory);
        if project.has(FILE)
            && let Some(node) = project.filled(FILE)
            && !is_nothing(&node)
            && let Some(file) = decode::<SettingsFile>(&node, &mut project.report)
        {
            settings.take(file, directory, &mut project.report);
        }
        for (variable, node) in overrides(project) {
            project.report.enter(&variable);
            if let Some(file) = decode::<SettingsFile>(&node, &mut project.report) {
                settings.take(file, directory, &mut project.report);
            }
        }
        if settings.database.is_some() && settings.rabbitmq.is_none() {
            project.report.enter(FILE);
            let message = text!("a store in PostgreSQL, and `broker: embedded`");
            let found = project.report.error(Span::default(), Code::OutOfPlace, message);
            found.help(
                "the embedded broker keeps its queues in the store's directory: write `store: ./data`",
            );
        }
        if settings.listen == settings.ops && settings.ops.port() != 0 {
            project.report.enter(FILE);
            let message = text!("`listen` and `ops` are both `{}`", &settings.ops);
            let found = project.report.error(Span::default(), Code::OutOfPlace, message);
            found.help("give each a port of its own");
        }
        settings
    }

    /// Takes over what is said.
    fn take(&mut self, file: SettingsFile, directory: &Path, report: &mut Report) {
        self.take_kept(&file, report);
        let SettingsFile { listen, ops, broker, broker_ca, store, .. } = file;
        let SettingsFile { users, second_person, limits, retry, hash_key, log, .. } = file;
        self.listen = listen.and_then(|it| address(&it, report)).unwrap_or(self.listen);
        self.ops = ops.and_then(|it| address(&it, report)).unwrap_or(self.ops);
        if let Some(broker) = broker {
            self.rabbitmq = broker_address(&broker, report);
        }
        if let Some(ca) = broker_ca {
            connector::amqp::check_ca(&ca, report);
            self.broker_ca = Some(ca.value);
        }
        match store.as_ref().and_then(|it| store_place(it, report)) {
            Some(StorePlace::Directory(path)) => {
                self.store = directory.join(path);
                self.database = None;
            }
            Some(StorePlace::Database(address)) => self.database = Some(address),
            None => {}
        }
        self.users = users.map(|it| directory.join(it.value)).or(self.users.take());
        self.second_person = second_person.map_or(self.second_person, |it| it.value);
        self.take_limits(&limits, report);
        for (name, spec) in retry.iter() {
            let base = self.retry.get(&name.value).copied().unwrap_or(RetryPolicy::STANDARD);
            self.retry.insert(name.value.clone(), spec.over(base, report));
        }
        if let Some(key) = hash_key {
            if key.value.reveal().len() < HASH_KEY_BYTES_MIN {
                let found =
                    report.error(key.at, Code::WrongKind, "a key too short to hide anything");
                found.help("take 16 random bytes or more: `openssl rand -hex 16`");
            }
            self.hash_key = Some(key.value);
        }
        self.log = log.map(|it| it.value).or(self.log.take());
    }

    fn take_limits(&mut self, limits: &LimitsSpec, report: &mut Report) {
        if let Some(body) = &limits.body {
            let bytes = Located { value: body.value.0, at: body.at };
            let help = text!("write at least `1KiB` and at most `64MiB`");
            self.body_bytes_max = bounded(&bytes, BODY_BYTES, help, report, self.body_bytes_max);
        }
        if let Some(depth) = &limits.depth {
            let range = 1..=Limits::DEPTH_MAX as u64;
            let help = text!("write a number from 1 to {}", &Limits::DEPTH_MAX);
            self.depth_max = bounded(depth, range, help, report, self.depth_max);
        }
        if let Some(prefetch) = &limits.prefetch {
            let help = text!("write a number from 1 to 10000");
            self.prefetch = bounded(prefetch, PREFETCH, help, report, self.prefetch);
        }
        if let Some(low) = &limits.disk_low {
            self.disk_low = DiskLow::Bytes(low.value.0);
        }
        if let Some(rate) = &limits.rate {
            self.rate_per_second = rate.value.per_second;
        }
    }
}

/// Whether a file holds nothing but comments.
fn is_nothing(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Scalar(scalar) if scalar.is_empty())
}

/// The value if it is in the range, and `usual` if not.
fn bounded(
    found: &Located<u64>,
    range: RangeInclusive<u64>,
    help: Text,
    report: &mut Report,
    usual: usize,
) -> usize {
    if !range.contains(&found.value) {
        report.error(found.at, Code::WrongKind, "a limit out of range").help(help);
    }
    usize::try_from(found.value).unwrap_or(usual)
}

fn address(text: &Located<String>, report: &mut Report) -> Option<SocketAddr> {
    let address = text.value.parse().ok();
    if address.is_none() {
        let message = text!("not an address to listen on");
        let found = report.error(text.at, Code::WrongKind, message);
        found.help("write an IP address and a port: `127.0.0.1:8080`, `\"[::1]:8080\"`");
    }
    address
}

/// The RabbitMQ that messages wait at; nothing, if they wait in the store. Messages here never show
/// the text: it may hold a password.
fn broker_address(text: &Located<Secret>, report: &mut Report) -> Option<Address> {
    let broker = text.value.reveal();
    if broker == "embedded" {
        return None;
    }
    if !broker.starts_with("amqp:") && !broker.starts_with("amqps:") {
        let found = report.error(text.at, Code::WrongKind, "not a broker");
        found.help("write `embedded`, or `amqp://user:password@host:5672/vhost`");
        return None;
    }
    match Address::parse(broker) {
        Ok(address) => {
            connector::amqp::check_encryption(broker, &address, text.at, report);
            Some(address)
        }
        Err(error) => {
            let found = report.error(text.at, Code::WrongKind, text!("this {}", &error));
            found.help("write `embedded`, or `amqp://user:password@host:5672/vhost`");
            None
        }
    }
}

enum StorePlace<'a> {
    Directory(&'a str),
    Database(store::Address),
}

/// Messages here never show the text: it may hold a password.
fn store_place<'a>(text: &'a Located<Secret>, report: &mut Report) -> Option<StorePlace<'a>> {
    let place = text.value.reveal();
    if place.starts_with("postgres:") || place.starts_with("postgresql:") {
        let address = store::Address::parse(place).map_err(|error| {
            let found = report.error(text.at, Code::WrongKind, text!("this {}", &error));
            found.help("write `postgres://user:password@host:5432/database`");
        });
        return address.ok().map(StorePlace::Database);
    }
    if place.is_empty() || place.contains("://") || place.contains('\0') {
        let found = report.error(text.at, Code::WrongKind, "not a place for a store");
        found.help("write a directory, `./data`, or `postgres://user:password@host/database`");
        return None;
    }
    Some(StorePlace::Directory(place))
}

/// What variables say: for each its name, and a tree as if it stood in a file.
fn overrides(project: &mut Project<'_>) -> Vec<(String, Node)> {
    let variables = project.variables();
    let given: HashMap<_, _> = variables
        .names()
        .filter_map(|name| Some((name.to_owned(), variables.get(name)?.to_owned())))
        .collect();
    let source = Environment::with_prefix(PREFIX).prefix_separator("_").source(Some(given));
    // Texts in memory, all of them Unicode: there is nothing that could fail.
    let mut collected: Vec<_> = source.collect().unwrap_or_default().into_iter().collect();
    collected.sort_by(|left, right| left.0.cmp(&right.0));

    let mut nodes = Vec::new();
    for (key, value) in collected {
        let variable = format!("{PREFIX}_{}", key.to_uppercase());
        let Ok(text) = value.into_string() else { continue };
        match path_of(&key) {
            Some(path) => nodes.push((variable, node(&path, text))),
            None => unknown(&variable, &key, &mut project.report),
        }
    }
    nodes
}

/// Where in the file the setting stands that a variable gives.
fn path_of(key: &str) -> Option<Vec<String>> {
    if let Some(path) = VARIABLES.iter().find(|it| it.join("_") == key) {
        return Some(path.iter().map(ToString::to_string).collect());
    }
    let (policy, field) = key.strip_prefix("retry_")?.split_once('_')?;
    let known = ["first", "factor", "max", "give_up"].contains(&field);
    known.then(|| vec!["retry".to_owned(), policy.to_owned(), field.to_owned()])
}

/// A variable that looks like one of ours and is none: a warning, for names are not ours alone.
fn unknown(variable: &str, key: &str, report: &mut Report) {
    let known: Vec<_> = VARIABLES.iter().map(|it| it.join("_")).collect();
    let near = nearest(key, known.iter().map(String::as_str));
    if let Some(near) = near.filter(|_| variable != super::language::VARIABLE) {
        report.enter(variable);
        let message = text!("no setting is called `{}`", variable);
        let found = report.warn(Span::default(), Code::UnknownName, message);
        found.help(text!("did you mean `{}_{}`?", PREFIX, &near.to_uppercase()));
    }
}

/// A tree with one value, as if it stood in a file.
fn node(path: &[String], text: String) -> Node {
    let at = Span::default();
    let value = Node { at, kind: NodeKind::Scalar(Scalar { text, style: Style::Filled }) };
    path.iter().rev().fold(value, |value, key| Node {
        at,
        kind: NodeKind::Map(vec![(Located { value: key.clone(), at }, value)]),
    })
}
