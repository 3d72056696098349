//! `cargo bench --bench files`: many routes. How long `simpul check` takes, how long it is until
//! the bus takes messages, what it costs when nothing happens, the memory of each route, and how
//! long a reload takes that changes one of them, while messages of another go on.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod bus;
    pub(crate) mod cpu;
    pub(crate) mod figures;
    pub(crate) mod wire;
}
mod records;

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use common::{
    bus::{Bus, KEY, Project, command},
    cpu::cpu_of_ended,
    figures::{Figures, scaled, spread},
    wire::Connection,
};
use records::staff;

/// Sources, and targets, of one system.
const PER_SYSTEM: usize = 100;

/// Pause between the messages that go on while the files are read again.
const PAUSE: Duration = Duration::from_millis(5);

/// What was measured with one number of routes; times in ms.
#[derive(Default)]
struct Row {
    check: Figures,
    check_cpu: Figures,
    first: Figures,
    first_cpu: Figures,
    later: Figures,
    /// In percent of one core.
    idle: Figures,
    /// In MiB, as `reloaded`.
    resident: Figures,
    reload: Figures,
    slowest_before: Figures,
    slowest_meanwhile: Figures,
    reloaded: Figures,
}

fn main() {
    let rounds = scaled(5, 1);
    println!(
        "{rounds} rounds; every route has a source and a target of its own, {PER_SYSTEM} to a system; \
         ms, and MiB that are resident"
    );
    println!(
        "{:>7}{:>20}{:>7}{:>20}{:>7}{:>20}{:>8}{:>7}{:>10}",
        "routes", "check", "CPU", "first start", "CPU", "later start", "idle %", "MiB", "KiB each"
    );
    let mut rows: Vec<(usize, Row)> = Vec::new();
    for routes in scaled(vec![1, 100, 1_000, 10_000], vec![1, 200]) {
        let mut row = Row::default();
        for _ in 0..rounds {
            row.round(routes);
        }
        row.print(routes, rows.first().map(|(_, it)| it.resident.median()));
        rows.push((routes, row));
    }
    println!("\nand a reload that changes one route, while another is sent to every {PAUSE:?}");
    println!(
        "{:>7}{:>20}{:>26}{:>26}{:>12}",
        "routes", "reload", "slowest answer meanwhile", "in as long without", "MiB behind"
    );
    for (routes, row) in &rows {
        println!(
            "{routes:>7}{:>20}{:>26}{:>26}{:>12.0}",
            spread(&row.reload),
            spread(&row.slowest_meanwhile),
            spread(&row.slowest_before),
            row.reloaded.median(),
        );
    }
}

impl Row {
    fn round(&mut self, routes: usize) {
        let project = project(routes);
        let (start, cpu) = (Instant::now(), cpu_of_ended());
        let checked = command(&project).arg("check").output().unwrap();
        self.check.push(millis(start));
        self.check_cpu.push(cpu_of_ended() - cpu);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let bus = Bus::start(&project);
        self.first_cpu.push(bus.cpu() * 1e3);
        self.first.push(bus.start_took.as_secs_f64() * 1e3);
        assert!(bus.stop(), "it does not stop well");
        let bus = Bus::start(&project);
        self.later.push(bus.start_took.as_secs_f64() * 1e3);
        // What it has to do at its start is done by then.
        thread::sleep(scaled(Duration::from_secs(3), Duration::from_millis(300)));
        let (start, cpu) = (Instant::now(), bus.cpu());
        thread::sleep(scaled(Duration::from_secs(20), Duration::from_secs(1)));
        self.idle.push((bus.cpu() - cpu) / start.elapsed().as_secs_f64() * 100.0);
        self.resident.push(bus.resident()[0]);
        self.reload(&project, &bus, routes);
    }

    /// Changes the last route, while the first is sent to.
    fn reload(&mut self, project: &Project, bus: &Bus, routes: usize) {
        let text = route(routes - 1).replace("Measured.", "Measured again.");
        project.write(&format!("routes/ukur-{}.yaml", routes - 1), &text);
        let (took, slowest) = beside_messages(bus, || {
            let start = Instant::now();
            let reloaded = command(project).arg("reload").output().unwrap();
            assert!(reloaded.status.success(), "{}", String::from_utf8_lossy(&reloaded.stderr));
            let told = String::from_utf8_lossy(&reloaded.stdout);
            assert!(told.contains("changed  1 route"), "{told}");
            start.elapsed()
        });
        self.reload.push(took.as_secs_f64() * 1e3);
        self.slowest_meanwhile.push(slowest);
        let ((), slowest) = beside_messages(bus, || thread::sleep(took));
        self.slowest_before.push(slowest);
        self.reloaded.push(bus.resident()[0]);
    }

    fn print(&self, routes: usize, least: Option<f64>) {
        let each = least.map(|it| (self.resident.median() - it) * 1024.0 / routes as f64);
        println!(
            "{routes:>7}{:>20}{:>7.0}{:>20}{:>7.0}{:>20}{:>8.2}{:>7.0}{:>10}",
            spread(&self.check),
            self.check_cpu.median(),
            spread(&self.first),
            self.first_cpu.median(),
            spread(&self.later),
            self.idle.median(),
            self.resident.median(),
            each.map_or_else(String::new, |it| format!("{it:.1}")),
        );
    }
}

/// Does `work` while messages go to the first route, one after the other; also returns how long
/// the slowest of them waited for its answer, in ms.
fn beside_messages<T>(bus: &Bus, work: impl FnOnce() -> T) -> (T, f64) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let sender = scope.spawn(|| send(&bus.listen, &done));
        let worked = work();
        done.store(true, Ordering::Relaxed);
        (worked, sender.join().unwrap())
    })
}

#[tokio::main(flavor = "current_thread")]
async fn send(address: &str, done: &AtomicBool) -> f64 {
    let head = format!(
        "POST /v1/asal-0/no-0 HTTP/1.1\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json"
    );
    let mut connection = Connection::open(address).await.unwrap();
    let mut slowest = 0.0_f64;
    let mut number = 0;
    while !done.load(Ordering::Relaxed) {
        let document = staff::document(number);
        let start = Instant::now();
        let (status, answer) = connection.call(&head, &document).await.unwrap();
        slowest = slowest.max(millis(start));
        assert!((200..300).contains(&status), "{status} {}", String::from_utf8_lossy(&answer));
        number += 1;
        tokio::time::sleep(PAUSE).await;
    }
    slowest
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn project(routes: usize) -> Project {
    let project = Project::new();
    let names: Vec<String> = (0..PER_SYSTEM.min(routes)).map(|it| format!("no-{it}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for system in 0..routes.div_ceil(PER_SYSTEM) {
        project.source(&format!("asal-{system}"), &names);
        project.target(&format!("tujuan-{system}"), "127.0.0.1:9", &names);
    }
    for number in 0..routes {
        project.write(&format!("routes/ukur-{number}.yaml"), &route(number));
    }
    project
}

fn route(number: usize) -> String {
    let (system, name) = (number / PER_SYSTEM, number % PER_SYSTEM);
    let text = staff::ROUTE.replace("route: ukur", &format!("route: ukur-{number}"));
    let text = text.replace("asal.data", &format!("asal-{system}.no-{name}"));
    text.replace("tujuan.terima", &format!("tujuan-{system}.no-{name}"))
}
