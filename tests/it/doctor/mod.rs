//! `simpul doctor`: with real listeners, a word for each thing that is wrong, and nothing sent.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use rustls::{ServerConnection, Stream};
use serde_json::Value;

use crate::{
    command_line::{Said, simpul_on},
    support::{
        process::{Process, project},
        rabbit::Rabbit,
        tls,
    },
};

const AUTHORITY: &str = include_str!("tls/ca.pem");
const EXPIRED: &str = include_str!("tls/expired.pem");
const VALID: &str = include_str!("tls/valid.pem");
const KEY: &str = include_str!("tls/server.key");

/// A system on loopback; what it was sent.
struct System {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<String>>>,
}

impl System {
    /// Answers everything with `answer`, over TLS where it has a certificate.
    fn start(answer: &'static str, certificate: Option<&str>) -> Self {
        let tls = certificate.map(|it| tls::server(it, KEY));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&calls);
        thread::spawn(move || {
            for tcp in listener.incoming() {
                let mut tcp = tcp.unwrap();
                let called = match &tls {
                    None => serve(&mut tcp, answer),
                    Some(config) => {
                        let mut tls = ServerConnection::new(Arc::clone(config)).unwrap();
                        serve(&mut Stream::new(&mut tls, &mut tcp), answer)
                    }
                };
                seen.lock().unwrap().extend(called);
            }
        });
        Self { address, calls }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

/// Reads a call and answers it; nothing where none came.
fn serve(stream: &mut (impl Read + Write), answer: &str) -> Option<String> {
    let mut call = [0; 4_096];
    let length = stream.read(&mut call).ok().filter(|it| 0 < *it)?;
    let _ = stream.write_all(answer.as_bytes());
    Some(String::from_utf8_lossy(&call[..length]).into_owned())
}

/// A system file with two targets of one system.
fn system(project: &Path, name: &str, url: &str, ca: bool) {
    let ca = match ca {
        true => format!("  ca: |\n    {}\n", AUTHORITY.trim_end().replace('\n', "\n    ")),
        false => String::new(),
    };
    let text = format!(
        "system: {name}\nname: {name}\nhttp:\n  url: {url}\n{ca}  targets:\n    catat: {{ post: /catat }}\n    hapus: {{ post: /hapus }}\n"
    );
    fs::write(project.join(format!("connectors/{name}.yaml")), text).unwrap();
    let route = format!(
        "route: ke-{name}\nsummary: Uji.\nowner: Uji\nfrom: asal.data\nto:\n  - target: {name}.catat\n  - target: {name}.hapus\n"
    );
    fs::write(project.join(format!("routes/ke-{name}.yaml")), route).unwrap();
}

/// What it said, without what differs from one run to the next.
fn told(said: &Said, project: &Path) -> String {
    let text = format!("{}{}exit {}", said.out, said.err, said.code);
    let text = text.replace(project.to_str().unwrap(), "PROJECT");
    let masks = [
        (r"\d+\.\d [MG]iB", "SIZE"),
        (r"after \d+\.\d ms", "after TIME ms"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"\d+ d ahead", "DAYS ahead"),
        (r"lookup address information: [^;]*", "lookup address information: REASON"),
    ];
    masks.iter().fold(text, |text, (pattern, mask)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *mask).into_owned()
    })
}

/// A moment that is ours; a clock that is right tells it.
fn dated(date: &str) -> &'static str {
    let text = format!(
        "HTTP/1.1 404 Not Found\r\ndate: {date}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    );
    Box::leak(text.into_boxed_str())
}

#[test]
fn each_thing_that_is_wrong_has_a_line_that_says_what_to_do() {
    let project = project();
    let path = project.path();
    let up = System::start(dated("Thu, 01 Jan 2026 00:00:00 GMT"), None);
    let expired = System::start(dated("Thu, 01 Jan 2026 00:00:00 GMT"), Some(EXPIRED));
    let valid = System::start(
        "HTTP/1.1 503 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        Some(VALID),
    );
    let down = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    system(path, "a-hidup", &format!("http://{}", up.address), false);
    system(path, "b-mati", &format!("http://{down}"), false);
    system(path, "c-tanpa-nama", "http://tidak-ada.invalid", false);
    system(path, "d-kedaluwarsa", &format!("https://localhost:{}", expired.address.port()), true);
    system(path, "e-sibuk", &format!("https://localhost:{}", valid.address.port()), true);
    fs::create_dir(path.join("secrets")).unwrap();
    for (name, mode) in [("terbuka", 0o644), ("tertutup", 0o640)] {
        let file = path.join("secrets").join(name);
        fs::write(&file, "0123456789abcdef0123456789abcdef").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::write(
        path.join("simpul.yaml"),
        "listen: 127.0.0.1:0\nops: 0.0.0.0:0\nstore: ./data\nhash_key: ${file:secrets/terbuka}\n# ${file:secrets/tidak-dibaca}\n",
    )
    .unwrap();

    let said = simpul_on(path, &["doctor"]);
    insta::assert_snapshot!(told(&said, path));
    let calls = up.calls();
    assert_eq!(calls.len(), 1, "two targets of one system are one call: {calls:#?}");
    assert!(calls[0].starts_with("HEAD / HTTP/1.1\r\n"), "{}", calls[0]);
    assert!(!calls[0].to_lowercase().contains("authorization"), "{}", calls[0]);
    assert!(expired.calls().is_empty(), "who is not who he says is told nothing");
    assert!(!path.join("data").exists(), "it changes nothing");
    assert!(!path.join("keluar").exists(), "it changes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_bus_is_asked_and_left_alone() {
    let project = project();
    let mut process = Process::start(project.path());
    let before: Vec<_> = names(&project.path().join("data"));
    let said = simpul_on(project.path(), &["doctor", "--format", "json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(told["healthy"], true);
    let checks = told["checks"].as_array().unwrap();
    let bus = checks.iter().find(|it| it["about"] == "bus").unwrap();
    assert_eq!(bus["what"], "runs, and takes and delivers messages");
    assert_eq!(names(&project.path().join("data")), before);

    process.signal("-KILL");
    assert_eq!(process.ended(), None);
    let said = simpul_on(project.path(), &["doctor"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("does not run; the last one ended without a stop"), "{}", said.out);
    assert!(said.out.contains("its pages are sound"), "{}", said.out);
}

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|it| it.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn files_with_mistakes_are_one_line_and_the_rest_goes_on() {
    let project = project();
    fs::write(project.path().join("routes/lain.yaml"), "route: lain\n").unwrap();
    let said = simpul_on(project.path(), &["doctor"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("fail  files"), "{}", said.out);
    assert!(said.out.contains("`simpul check` shows what to write"), "{}", said.out);
    assert!(said.out.contains("ok    disk"), "{}", said.out);
}

#[test]
fn an_address_that_somebody_else_has_is_told_before_the_start() {
    let project = project();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let settings = format!("listen: {address}\nops: 127.0.0.1:0\nstore: ./data\n");
    fs::write(project.path().join("simpul.yaml"), settings).unwrap();
    let said = simpul_on(project.path(), &["doctor"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.out.contains(&format!("fail  doors   `listen: {address}`: ")), "{}", said.out);
}

#[test]
fn a_rabbitmq_is_asked_for_rights_and_queues_and_gets_none() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let address = rabbit.vhost();
    let project = project();
    let settings = |broker: &str| {
        let text =
            format!("listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: ./data\nbroker: {broker}\n");
        fs::write(project.path().join("simpul.yaml"), text).unwrap();
        simpul_on(project.path(), &["doctor"])
    };
    let said = settings(&address);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.contains("connected, RabbitMQ "), "{}", said.out);
    assert!(said.out.contains("its user has the rights to `simpul.…`"), "{}", said.out);
    assert!(said.out.contains(": 0 of "), "{}", said.out);
    let twice = settings(&address);
    assert!(twice.out.contains(": 0 of "), "it made some: {}", twice.out);

    let (before, rest) = address.rsplit_once('@').unwrap();
    let (user, _) = before.rsplit_once(':').unwrap();
    let refused = settings(&format!("{user}:salah@{rest}"));
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.out.contains("fail  broker"), "{}", refused.out);
    assert!(!refused.out.contains("salah"), "{}", refused.out);
}

/// Each right is tried on a queue that is not there, and does not come to be there.
#[test]
fn a_user_of_rabbitmq_without_rights_is_told_which() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let address = rabbit.vhost();
    let (_, place) = address.rsplit_once('@').unwrap();
    let (host, vhost) = place.rsplit_once('/').unwrap();
    rabbit.control(&["add_user", "dokter", "rahasia"]);
    let project = project();
    let said = |rights: [&str; 3]| {
        let [configure, write, read] = rights;
        rabbit.control(&["set_permissions", "-p", vhost, "dokter", configure, write, read]);
        let text = format!(
            "listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: ./data\nbroker: amqp://dokter:rahasia@{host}/{vhost}\n"
        );
        fs::write(project.path().join("simpul.yaml"), text).unwrap();
        simpul_on(project.path(), &["doctor"]).out
    };
    let ours = r"^simpul\..*";
    let write = r"^(simpul\..*|amq\.default)$";
    for (rights, lacks) in [
        ([ours, write, ours], None),
        (["^$", write, ours], Some("lacks the right to configure `simpul.…`")),
        ([ours, "^$", "^$"], Some("lacks the right to read, write `simpul.…`")),
    ] {
        let told = said(rights);
        let expected = lacks.unwrap_or("its user has the rights to `simpul.…`");
        assert!(told.contains(expected), "{rights:?}\n{told}");
    }
}
