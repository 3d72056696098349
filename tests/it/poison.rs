//! A message on which the whole process ends: it is out of the way after three times, and its
//! neighbours are delivered. The process has too little memory here for what one message makes, so
//! that it aborts where it would have to take more.

use std::{
    fs,
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Instant,
};

use serde_json::{Value, json};

use crate::{
    command_line::simpul_on,
    support::process::{PATIENCE, Process, client, project, until},
};

/// Makes three hundred times as much of a message as it was.
const ROUTE: &str = "\
route: uji
summary: Uji.
owner: Uji
from: asal.data
to:
  - target: arsip.simpan
    each: $.isi[*]
    map: $
";

/// What the process may take beside what it takes at rest, in KiB: less than the 300 bodies of
/// 200 KB, and more than anything else that it does here.
const ROOM_KIB: u64 = 36 << 10;

/// The usual memory of a process is hard to foresee: threads take stack, and each its own heap.
const VARIABLES: [(&str, &str); 2] = [("RUST_MIN_STACK", "4194304"), ("MALLOC_ARENA_MAX", "1")];

fn poison() -> String {
    json!({ "nomor": 0, "isi": vec![0; 300], "teks": "x".repeat(200_000) }).to_string()
}

fn neighbour(nomor: u32) -> String {
    json!({ "nomor": nomor, "isi": [0] }).to_string()
}

/// Where the systems hand over.
const DOOR: &str = "127.0.0.1";

/// Sends a message; whether it was accepted.
async fn accepts(address: &str, body: String) -> bool {
    let url = format!("http://{address}/v1/asal/data");
    let request = client().post(url).header("authorization", "Bearer kunci");
    let request = request.header("content-type", "application/json").body(body);
    request.send().await.is_ok_and(|it| it.status().as_u16() == 202)
}

/// The most address space that a process has had, in KiB.
fn size_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmPeak:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// The program with so much memory at most, in a process of its own.
struct Limited(Child);

impl Limited {
    fn start(project: &Path, kib: u64) -> Self {
        let log = fs::File::options().create(true).append(true).open(project.join("simpul.log"));
        let child = Command::new("sh")
            .args(["-c", "ulimit -v \"$0\"; exec \"$@\""])
            .arg(kib.to_string())
            .arg(env!("CARGO_BIN_EXE_simpul"))
            .arg("--project")
            .arg(project)
            .arg("run")
            .envs(VARIABLES)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .spawn();
        Self(child.unwrap())
    }

    /// How it ended, if it has: by a signal, or not.
    fn ended(&mut self) -> Option<bool> {
        Some(self.0.try_wait().unwrap()?.signal().is_some())
    }
}

impl Drop for Limited {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn delivered(project: &Path) -> Vec<u64> {
    let text = fs::read_to_string(project.join("keluar/arsip.ndjson")).unwrap_or_default();
    let lines = text.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok());
    lines.map(|it| it["nomor"].as_u64().unwrap()).collect()
}

/// The classes of all dead letters.
fn dead(project: &Path) -> Vec<String> {
    let said = simpul_on(project, &["dead", "list", "--format", "json"]);
    let Ok(list) = serde_json::from_str::<Value>(&said.out) else { return Vec::new() };
    let letters = list["letters"].as_array().cloned().unwrap_or_default();
    letters.iter().map(|it| it["class"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_ends_the_process_is_given_up_and_its_neighbours_are_delivered() {
    let project = project();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let address = format!("{DOOR}:{}", taken.port());
    let write = |path: &str, text: &str| fs::write(project.path().join(path), text).unwrap();
    write("simpul.yaml", &format!("listen: {address}\nops: 127.0.0.1:0\nstore: ./data\n"));
    write("routes/uji.yaml", ROUTE);

    // What it takes without the message.
    let variables = VARIABLES.map(|(name, value)| (name, value.to_owned()));
    let mut process = Process::start_with(project.path(), &variables);
    for nomor in 1..=20 {
        assert!(accepts(&address, neighbour(nomor)).await);
    }
    until("they are delivered", async || delivered(project.path()).len() == 20).await;
    let limit = size_kib(process.id()) + ROOM_KIB;
    process.signal("-TERM");
    assert_eq!(process.ended(), Some(0));

    let start = Instant::now();
    let (mut is_stored, mut neighbours, mut ends) = (false, 20, 0);
    let mut process = Limited::start(project.path(), limit);
    while dead(project.path()).is_empty() {
        assert!(start.elapsed() < 2 * PATIENCE, "{ends} ends, stored: {is_stored}");
        if let Some(aborted) = process.ended() {
            // It also ends where the store is read by the command above at this moment.
            ends += u32::from(aborted);
            assert!(ends < 10, "it ends again and again");
            process = Limited::start(project.path(), limit);
        }
        if !is_stored {
            is_stored = accepts(&address, poison()).await;
        }
        if accepts(&address, neighbour(neighbours + 1)).await {
            neighbours += 1;
        }
    }
    assert_eq!(dead(project.path()), ["crashed the bus"]);
    // Once at the door, where it was not accepted, and three times behind it.
    let log = fs::read_to_string(project.path().join("simpul.log")).unwrap();
    assert_eq!(ends, 4, "{log}");
    let all = || {
        let mut all = delivered(project.path());
        all.sort_unstable();
        all.dedup();
        all
    };
    let expected: Vec<u64> = (1..=u64::from(neighbours)).collect();
    until("its neighbours are delivered", async || all() == expected).await;
    assert_eq!(process.ended(), None);
}
