//! `docs/getting-started.md`, followed to the letter: its files are written, its commands are
//! typed, and what it says that they answer is what they answer.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

const GUIDE: &str = include_str!("../../docs/getting-started.md");

#[tokio::test]
async fn the_guide_leads_a_newcomer_to_where_it_says() {
    let mut office = Office::open();
    let key: Value =
        serde_json::from_str(&office.simpul(&["key", "new", "x", "--format", "json"])).unwrap();
    let [key, hash] = ["key", "hash"].map(|it| key[it].as_str().unwrap().to_owned());
    let files = blocks("yaml");
    for text in &files[..4] {
        let name = text.lines().next().unwrap().trim_start_matches("# ");
        office.write(name, &text.replace("sha256:69966d98…", &hash));
    }
    let letters = blocks("json");
    office.write("surat.json", &letters[0]);

    let answer = office.simpul(&["eval", "$.pengirim.nama | upper", "surat.json"]);
    assert_guide_says(answer.trim());
    assert_guide_says(office.simpul(&["check"]).trim());
    office.run();

    let first = office.post(&key, &letters[0]).await;
    let line = office.register(1);
    assert_guide_says(&line[0]);
    let again = office.post(&key, &letters[0]).await;
    let trace = office.until(&["trace", &again], |it| it.contains("surat-masuk: repeat"));
    assert!(trace.contains(&format!("repeat of {first}; dropped")), "{trace}");

    office.post(&key, &letters[1]).await;
    let list = office.until(&["dead", "list"], |it| it.contains("surat-masuk"));
    assert_guide_says(list.lines().last().unwrap().split_once("surat-masuk").unwrap().1.trim());
    let shown = office.simpul(&["dead", "show", "1"]);
    let reason = shown.lines().find(|it| it.trim().starts_with("reason")).unwrap();
    assert_guide_says(reason);

    let route = fs::read_to_string(office.path("routes/surat-masuk.yaml")).unwrap();
    let write = |text: &str| office.write("routes/surat-masuk.yaml", text);
    write(&route.replace("kota})", "kota | defalt('-')})"));
    assert_guide_says(office.simpul_refuses(&["check"]).trim());
    write(&route.replace("kota})", "kota | default('-')})"));
    assert_guide_says(office.simpul(&["reload"]).trim());
    assert_guide_says(office.simpul(&["dead", "replay", "1", "--preview"]).trim());
    assert_guide_says(office.simpul(&["dead", "replay", "1", "--reason", "kota"]).trim());
    assert_eq!(office.register(2)[1].matches("PT Contoh (-)").count(), 1);

    office.write("connectors/papan.yaml", &files[4]);
    let route = fs::read_to_string(office.path("routes/surat-masuk.yaml")).unwrap();
    office.write("routes/surat-masuk.yaml", &format!("{route}{}", files[5]));
    office.write("papan-token", "rahasia");
    office.simpul(&["check"]);
    office.simpul(&["reload"]);

    let loket = fs::read_to_string(office.path("connectors/loket.yaml")).unwrap();
    office.write("connectors/loket.yaml", &(loket + &files[6]));
    office.write("loket-url", "amqp://loket:rahasia@127.0.0.1:5672");
    let copy = route.replace("route: surat-masuk", "route: surat-antrean");
    office.write("routes/surat-antrean.yaml", &copy.replace("loket.surat", "loket.antrean"));
    let checked = office.simpul(&["check"]);
    assert_eq!(checked.trim(), "2 routes, 2 sources, 2 targets: no mistakes, 0 warnings");
}

/// The blocks of the guide that are written in `language`, in their order.
fn blocks(language: &str) -> Vec<String> {
    let parts = GUIDE.split("```").skip(1).step_by(2);
    parts.filter_map(|it| it.strip_prefix(&format!("{language}\n")).map(str::to_owned)).collect()
}

fn assert_guide_says(text: &str) {
    assert!(GUIDE.contains(text), "the guide does not say:\n{text}");
}

/// The newcomer's directory, and the bus once it runs.
struct Office {
    folder: tempfile::TempDir,
    bus: Option<Child>,
    ports: [u16; 2],
}

impl Office {
    fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["connectors", "routes"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let held = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = held.map(|it| it.local_addr().unwrap().port());
        Self { folder, bus: None, ports }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// In the newcomer's directory; only the ports of the guide, which may be taken, are others.
    fn command(&self, arguments: &[&str]) -> Command {
        let [listen, ops] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_simpul"));
        command.args(arguments).current_dir(self.folder.path());
        command.env("SIMPUL_LISTEN", listen).env("SIMPUL_OPS", ops);
        command
    }

    fn simpul(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complained}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn simpul_refuses(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    }

    fn run(&mut self) {
        let mut command = self.command(&["run"]);
        self.bus = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    }

    /// Posts a letter, as soon as the bus answers; returns the message's id.
    async fn post(&self, key: &str, letter: &str) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let address = format!("http://127.0.0.1:{}/v1/loket/surat", self.ports[0]);
        let mut waiting = Waiting::new("the bus to take a letter");
        loop {
            let call = client.post(&address).bearer_auth(key).body(letter.to_owned());
            if let Ok(answer) = call.header("content-type", "application/json").send().await {
                assert_eq!(answer.status(), 202);
                let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
                return told["id"].as_str().unwrap().to_owned();
            }
            waiting.pause();
        }
    }

    /// The lines of the register, once there are `count`.
    fn register(&self, count: usize) -> Vec<String> {
        let mut waiting = Waiting::new("a line in the register");
        loop {
            let text = fs::read_to_string(self.path("agenda/surat.ndjson")).unwrap_or_default();
            if text.lines().count() == count {
                return text.lines().map(str::to_owned).collect();
            }
            waiting.pause();
        }
    }

    /// What a command answers, once that `holds`.
    fn until(&self, arguments: &[&str], holds: impl Fn(&str) -> bool) -> String {
        let mut waiting = Waiting::new("a command's answer");
        loop {
            let told = self.simpul(arguments);
            if holds(&told) {
                return told;
            }
            waiting.pause();
        }
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        if let Some(mut bus) = self.bus.take() {
            let _ = bus.kill();
            let _ = bus.wait();
        }
    }
}

/// Polls, and gives up in the end.
struct Waiting {
    what: &'static str,
    since: Instant,
}

impl Waiting {
    fn new(what: &'static str) -> Self {
        Self { what, since: Instant::now() }
    }

    fn pause(&mut self) {
        assert!(self.since.elapsed() < Duration::from_secs(30), "waited for {}", self.what);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_guide_leads_to_pages_that_are_there() {
    for link in GUIDE.split("](").skip(1).filter_map(|it| it.split(')').next()) {
        assert!(Path::new("docs").join(link.split('#').next().unwrap()).exists(), "{link}");
    }
}
