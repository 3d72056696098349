//! What `simpul new route` guesses is held against the types: `check` refuses none of it.

use std::{fs, path::Path};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::{random::Random, schemas, write};
use crate::command_line::simpul_on;

/// A project in which a route is drafted for each pair of schemas, and what was said of each.
struct Drafts {
    folder: TempDir,
    routes: Vec<(String, String)>,
}

impl Drafts {
    fn open() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), routes: Vec::new() }
    }

    fn draft(&mut self, from: &Json, to: &Json) {
        let name = format!("r{}", self.routes.len());
        let folder = self.folder.path();
        for (end, schema) in [("asal", from), ("tuju", to)] {
            write(folder, &format!("schemas/{end}-{name}.json"), &schema.to_string());
        }
        let ends = format!(
            "  sources: {{ asal: {{ queue: a, schema: schemas/asal-{name}.json }} }}\n  \
               targets: {{ tuju: {{ queue: b, schema: schemas/tuju-{name}.json }} }}\n"
        );
        let system = format!(
            "system: {name}\nname: Contoh\nowner: {{ unit: TI, contact: ti@kpu.example }}\n\
             classification: biasa\namqp:\n  url: amqp://127.0.0.1\n{ends}"
        );
        write(folder, &format!("connectors/{name}.yaml"), &system);
        let (from, to) = (format!("{name}.asal"), format!("{name}.tuju"));
        let said = simpul_on(
            folder,
            &[
                "new",
                "route",
                &name,
                "--from",
                &from,
                "--to",
                &to,
                "--summary",
                "x",
                "--owner",
                "y",
            ],
        );
        assert!(said.code < 2, "{}", said.err);
        self.routes.push((name, said.out));
    }

    /// Holds all routes together against `check`; how many had guesses.
    fn hold(&self) -> usize {
        let said = simpul_on(self.folder.path(), &["check", "--format", "json"]);
        let said: Json = serde_json::from_str(&said.out).unwrap();
        let found = said["diagnostics"].as_array().unwrap();
        let mut guessed = 0;
        for (name, told) in &self.routes {
            let path = format!("routes/{name}.yaml");
            if !told.contains("were guessed") {
                continue;
            }
            guessed += 1;
            let lacking = told.lines().find_map(|it| it.split_once(" requires "));
            let lacking: Vec<_> = lacking.map_or("", |(_, it)| it).split(", ").collect();
            for it in found.iter().filter(|it| it["file"] == path && it["severity"] == "error") {
                let message = it["message"].as_str().unwrap();
                let field = message.split('`').nth(1).unwrap_or_default();
                let is_told = it["code"] == "S023" && lacking.contains(&field);
                // Of the whole body something may be asked that no single field can give.
                assert!(
                    is_told || message.starts_with("the body "),
                    "{it:#}\n{}\n{told}",
                    fs::read_to_string(self.folder.path().join(&path)).unwrap()
                );
            }
        }
        guessed
    }
}

#[test]
fn what_is_guessed_between_the_shipped_schemas_passes_check() {
    let entries = fs::read_dir("schemas").unwrap().map(|it| it.unwrap().path());
    let read = |path: &Path| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let schemas: Vec<Json> = entries.map(|it| read(&it)).collect();
    let mut drafts = Drafts::open();
    for from in &schemas {
        schemas.iter().for_each(|to| drafts.draft(from, to));
    }
    assert!(schemas.len() < drafts.hold());
}

#[test]
fn what_is_guessed_between_any_schemas_passes_check() {
    const PAIRS: u64 = 40;
    let mut drafts = Drafts::open();
    for seed in 0..PAIRS {
        let mut random = Random::new(seed);
        let from = schemas::body(&mut random);
        let to = match random.chance(70) {
            true => schemas::bent(&mut random, &from),
            false => schemas::body(&mut random),
        };
        drafts.draft(&from, &to);
    }
    assert!(10 < drafts.hold());
}

#[test]
fn a_guess_is_made_to_fit_or_not_made_at_all() {
    let text = |more: Json| {
        let mut text = json!({ "type": "string" });
        text.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        text
    };
    let from = json!({
        "type": "object",
        "required": ["nomor", "perihal", "tanggal", "catatan", "sifat", "jumlah"],
        "properties": {
            "nomor": text(json!({})), "perihal": text(json!({})), "tanggal": text(json!({})),
            "catatan": { "type": ["string", "null"] }, "sifat": text(json!({})),
            "jumlah": { "type": "number" }, "kota": text(json!({})),
        },
    });
    let to = json!({
        "type": "object",
        "required": ["number", "subject", "date", "note", "city"],
        "properties": {
            "number": text(json!({})), "subject": text(json!({ "maxLength": 60 })),
            "date": text(json!({ "format": "date" })), "note": text(json!({})),
            "city": text(json!({})), "sifat": { "enum": ["biasa", "rahasia"] },
            "jumlah": { "type": "integer" },
        },
    });
    let mut drafts = Drafts::open();
    drafts.draft(&from, &to);
    assert_eq!(drafts.hold(), 1);
    let route = fs::read_to_string(drafts.folder.path().join("routes/r0.yaml")).unwrap();
    for line in [
        "number: $.nomor  ",
        "subject: $.perihal | truncate(60)  ",
        "date: =[$.tanggal | date] | first | required  ",
        "note: =[$.catatan] | first | required  ",
        "city: $.kota | required  ",
        "# no guess: sifat: string; `$.sifat` may not fit",
        "jumlah: $.jumlah | round  ",
    ] {
        assert!(route.contains(line), "{line} is not in\n{route}");
    }
}
