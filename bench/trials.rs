//! `cargo bench --bench trials`: how long `simpul test` takes, and `simpul check` beside it: the tests
//! that ship with the project, a thousand cases of one route, and a thousand of a hundred routes.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod bus;
    pub(crate) mod cpu;
    pub(crate) mod figures;
}

use std::{fs, time::Instant};

use common::{
    bus::{Project, command},
    cpu::cpu_of_ended,
    figures::{Figures, scaled, spread},
};

const ROUTE: &str = include_str!("../routes/sppd-terbit.yaml");

/// Cases of one order each: two deliveries to one system, one to each of two others; every tenth
/// finds one of them down twice.
const CASES: usize = 1_000;

fn main() {
    let rounds = scaled(7, 1);
    let cases = scaled(CASES, 20);
    println!("{rounds} rounds; ms, all cores; CPU in ms");
    println!("{:<34}{:>20}{:>10}{:>20}", "", "test", "CPU", "check");
    row("the project's own tests", rounds, &shipped());
    row(&format!("{cases} cases of one route"), rounds, &many(1, cases));
    row(&format!("{cases} cases of 100 routes"), rounds, &many(100, cases.div_ceil(100)));
}

fn row(what: &str, rounds: usize, project: &Project) {
    let (mut test, mut cpu, mut check) =
        (Figures::default(), Figures::default(), Figures::default());
    for _ in 0..rounds {
        let (began, before) = (Instant::now(), cpu_of_ended());
        let said = command(project).arg("test").output().unwrap();
        test.push(began.elapsed().as_secs_f64() * 1e3);
        cpu.push(cpu_of_ended() - before);
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
        let began = Instant::now();
        // Whether it has the secrets that it asks for does not matter: it reads everything.
        let _ = command(project).arg("check").output().unwrap();
        check.push(began.elapsed().as_secs_f64() * 1e3);
    }
    println!("{what:<34}{:>20}{:>10.0}{:>20}", spread(&test), cpu.median(), spread(&check));
}

/// The files that ship with the project.
fn shipped() -> Project {
    let project = Project::new();
    for folder in ["routes", "connectors", "schemas", "tables"] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            project.write(path.to_str().unwrap(), &fs::read_to_string(&path).unwrap());
        }
    }
    project.write("simpul.yaml", &fs::read_to_string("simpul.yaml").unwrap());
    project
}

/// So many routes with so many cases each.
fn many(routes: usize, cases: usize) -> Project {
    let project = shipped();
    for entry in fs::read_dir(project.path().join("routes")).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    for route in 0..routes {
        let name = format!("sppd-{route}");
        let text = ROUTE.replace("route: sppd-terbit", &format!("route: {name}"));
        project.write(&format!("routes/{name}.yaml"), &text);
        project.write(&format!("routes/{name}.test.yaml"), &tests(cases));
    }
    project
}

fn tests(cases: usize) -> String {
    let mut text = "messages:
  terbit:
    nomor_st: 090/ST/2026
    nomor_spd: 094/SPD/2026
    tanggal_terbit: 2026-01-12
    pelaksana: [{ nip: \"190001011920011001\" }, { nip: \"190002021920021002\" }]
    tujuan: { kode_wilayah: \"13.01\", tempat: Painan }
    berangkat: 2026-02-02
    kembali: 2026-02-05
    total: 4800000
    status: TERBIT
cases:
"
    .to_owned();
    for case in 0..cases {
        let down = if case % 10 == 0 { "[503, 503, 200]" } else { "200" };
        text.push_str(&format!(
            "  order {case}:
    given: {{ message: terbit, set: {{ $.nomor_spd: {case}/SPD/2026 }} }}
    targets: {{ e-agenda.catat: {down} }}
    expect:
      to:
        e-absensi.catat-dinas-luar: [delivered, {{ has: {{ kode: DL }} }}]
        e-agenda.catat: {{ body: {{ judul: Perjalanan dinas ke Kabupaten Pesisir Selatan (2 orang), mulai: 2026-02-02,
          selesai: 2026-02-05, tempat: Painan, asal: {{ jenis: sppd, id: {case}/SPD/2026 }}, keterlihatan: internal }} }}
        arsip.daftarkan-naskah: {{ has: {{ rujukan: {case}/SPD/2026 }} }}
"
        ));
    }
    text
}
