//! `cargo bench --bench files`: many routes. How long `simpul check` takes, how long it is until
//! the bus takes messages, what it costs when nothing happens, and the memory of each route.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod bus;
    pub(crate) mod figures;
}
mod records;

use std::{
    thread,
    time::{Duration, Instant},
};

use common::{
    bus::{Bus, Project, command},
    figures::{Figures, scaled, spread},
};
use records::staff;

/// Sources, and targets, of one system.
const PER_SYSTEM: usize = 100;

fn main() {
    let rounds = scaled(5, 1);
    println!(
        "{rounds} rounds; every route has a source and a target of its own, {PER_SYSTEM} to a system"
    );
    println!(
        "{:>8}{:>22}{:>22}{:>22}{:>14}{:>14}{:>14}",
        "routes",
        "check ms",
        "first start ms",
        "later start ms",
        "idle CPU %",
        "resident MiB",
        "KiB per route"
    );
    let mut least = None;
    for routes in scaled(vec![1, 100, 1_000, 10_000], vec![1, 200]) {
        let resident = row(routes, rounds, least);
        least.get_or_insert(resident);
    }
}

/// Prints a row; returns the memory that is resident in MiB.
fn row(routes: usize, rounds: usize, least: Option<f64>) -> f64 {
    let [mut check, mut first, mut later, mut idle, mut resident] =
        [(); 5].map(|()| Figures::default());
    for _ in 0..rounds {
        let project = project(routes);
        let start = Instant::now();
        let checked = command(&project).arg("check").output().unwrap();
        check.push(start.elapsed().as_secs_f64() * 1e3);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        let bus = Bus::start(&project);
        first.push(bus.start_took.as_secs_f64() * 1e3);
        assert!(bus.stop(), "it does not stop well");
        let bus = Bus::start(&project);
        later.push(bus.start_took.as_secs_f64() * 1e3);
        // What it has to do at its start is done by then.
        thread::sleep(scaled(Duration::from_secs(3), Duration::from_millis(300)));
        let (start, cpu) = (Instant::now(), bus.cpu());
        thread::sleep(scaled(Duration::from_secs(20), Duration::from_secs(1)));
        idle.push((bus.cpu() - cpu) / start.elapsed().as_secs_f64() * 100.0);
        resident.push(bus.resident()[0]);
    }
    let each = least.map(|it| (resident.median() - it) * 1024.0 / routes as f64);
    println!(
        "{routes:>8}{:>22}{:>22}{:>22}{:>14.2}{:>14.0}{:>14}",
        spread(&check),
        spread(&first),
        spread(&later),
        idle.median(),
        resident.median(),
        each.map_or_else(String::new, |it| format!("{it:.1}")),
    );
    resident.median()
}

fn project(routes: usize) -> Project {
    let project = Project::new();
    let names: Vec<String> = (0..PER_SYSTEM.min(routes)).map(|it| format!("no-{it}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for system in 0..routes.div_ceil(PER_SYSTEM) {
        project.source(&format!("asal-{system}"), &names);
        project.target(&format!("tujuan-{system}"), "127.0.0.1:9", &names);
    }
    for route in 0..routes {
        let (system, name) = (route / PER_SYSTEM, route % PER_SYSTEM);
        let text = staff::ROUTE.replace("route: ukur", &format!("route: ukur-{route}"));
        let text = text.replace("asal.data", &format!("asal-{system}.no-{name}"));
        let text = text.replace("tujuan.terima", &format!("tujuan-{system}.no-{name}"));
        project.write(&format!("routes/ukur-{route}.yaml"), &text);
    }
    project
}
