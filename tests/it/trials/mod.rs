//! `simpul test`: cases beside the routes are played by the real engine, and nothing else happens.

mod explain;
mod mistakes;
mod mutants;
mod play;
mod record;
mod shipped;
mod spoil;

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::command_line::{Said, simpul_on};

const SYSTEMS: [(&str, &str); 3] = [
    (
        "connectors/loket.yaml",
        "system: loket\nname: Loket\nowner: { unit: Umum, contact: a@b.example }\nclassification: biasa\n\
         http:\n  sources:\n    surat: { api_keys: { loket: \"${env:LOKET_KEY_HASH}\" } }\n\
         amqp:\n  url: ${env:RABBITMQ_URL}\n  sources:\n    antrean: { queue: loket.surat, schema: schemas/surat.schema.json }\n",
    ),
    (
        "connectors/papan.yaml",
        "system: papan\nname: Papan\nowner: { unit: Humas, contact: a@b.example }\nclassification: biasa\n\
         http:\n  url: ${env:PAPAN_URL}\n  auth: { bearer: \"${file:secrets/papan}\" }\n  timeout: 5s\n  \
         targets:\n    umumkan: { post: \"/pengumuman/${$.nomor}\" }\n",
    ),
    (
        "connectors/agenda.yaml",
        "system: agenda\nname: Agenda\nowner: { unit: Umum, contact: a@b.example }\nclassification: biasa\n\
         files:\n  path: agenda\n  targets:\n    catat: { file: surat.ndjson }\n\
         amqp:\n  url: ${env:RABBITMQ_URL}\n  targets:\n    siarkan: { queue: agenda.surat }\n",
    ),
];

const ROUTE: &str = "route: surat\nsummary: Uji.\nowner: Uji\nfrom: loket.surat\nidentity: $.nomor\nsteps:\n  \
     - filter: $.jenis != 'iklan'\n  \
     - lookup: { table: sifat, key: $.sifat, into: $.tingkat, on_missing: skip }\n\
to:\n  - target: papan.umumkan\n    when: $.jenis == 'undangan'\n    \
     map: { judul: \"Undangan: ${$.perihal}\", tingkat: $.tingkat.nama }\n    ttl: 1h\n  \
     - target: agenda.catat\n  - target: agenda.siarkan\n    map: { nomor: $.nomor }\n";

/// A project with one route, `surat`, and these tests of it. None of its variables is set.
fn project(tests: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in SYSTEMS {
        write(folder.path(), path, text);
    }
    write(folder.path(), "routes/surat.yaml", ROUTE);
    write(folder.path(), "schemas/surat.schema.json", r#"{"type":"object","required":["nomor"]}"#);
    write(folder.path(), "tables/sifat.csv", "kode,nama\nB,Biasa\nS,Segera\n");
    write(folder.path(), "routes/surat.test.yaml", tests);
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Plays the tests of a project.
fn test(folder: &TempDir, arguments: &[&str]) -> Said {
    simpul_on(folder.path(), &[&["test"], arguments].concat())
}

/// What is told to people, without how long it took.
fn told(said: &Said) -> String {
    let line = |it: &str| match it.split_once(" failed, in ") {
        Some((before, _)) => format!("{before} failed"),
        None => it.to_owned(),
    };
    said.out.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// What is told to programs, without how long it took.
fn json(said: &Said) -> Value {
    let mut told: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| {
        panic!("{error}: {}{}", said.out, said.err);
    });
    for case in told["cases"].as_array_mut().unwrap() {
        case.as_object_mut().unwrap().remove("ms");
    }
    told
}
