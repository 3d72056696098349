//! `check` knows both ends: what it tells of a route whose source and target have schemas, and
//! that a route which passes never sends what its target's schema refuses.

mod classes;
mod documents;
mod guesses;
mod messages;
mod random;
mod routes;
mod schemas;
mod soundness;
pub(crate) mod values;

use std::{fs, path::Path};

use simpul::{
    cli::settings::load as load_all,
    route::{Loaded, Variables},
};
use tempfile::TempDir;

const KEY: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

const WILAYAH: &str = "kode,nama\n13,Sumatera Barat\n13.01,Pesisir Selatan\n";

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// A project of one source and one target, with their schemas.
struct Ends<'s> {
    source: &'s str,
    target: &'s str,
}

impl Ends<'_> {
    /// Everything that is said of a route between them that ends in `rest`, rendered.
    fn said(&self, rest: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        self.write(&folder);
        let route = format!(
            "route: sppd\nsummary: A test.\nowner: Umum\nfrom: asal.kirim\n{}",
            rest.trim_start_matches('\n')
        );
        write(folder.path(), "routes/sppd.yaml", &route);
        said_of(folder.path())
    }

    fn write(&self, folder: &TempDir) {
        let folder = folder.path();
        let system = |name: &str, rest: &str| {
            format!(
                "system: {name}\nname: {name}\nowner: {{ unit: TI, contact: ti@kpu.example }}\n\
                 classification: biasa\nhttp:\n  url: http://127.0.0.1:9\n{rest}"
            )
        };
        let schema = |text: &str, path: &str| match text {
            "" => String::new(),
            _ => format!("schema: {path}, "),
        };
        let source = schema(self.source, "schemas/asal.json");
        let source = format!("  sources:\n    kirim: {{ {source}api_keys: {{ a: \"{KEY}\" }} }}\n");
        write(folder, "connectors/asal.yaml", &system("asal", &source));
        let target = schema(self.target, "schemas/tujuan.json");
        let target = format!("  targets:\n    terima: {{ {target}post: /api }}\n");
        write(folder, "connectors/tujuan.yaml", &system("tujuan", &target));
        for (path, text) in
            [("schemas/asal.json", self.source), ("schemas/tujuan.json", self.target)]
        {
            if !text.is_empty() {
                write(folder, path, text);
            }
        }
        write(folder, "tables/wilayah.csv", WILAYAH);
    }
}

/// Everything that is said of a project, rendered.
fn said_of(folder: &Path) -> String {
    match load_all(folder, &Variables::default()) {
        Ok((_, Loaded { found, texts, .. })) => {
            texts.render(&found, simpul::diagnostic::Language::English)
        }
        Err(broken) => broken.to_string(),
    }
}

/// The whole of what is said, as `snapshots/<name>.snap` has it.
fn snapshot(name: &str, said: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, said));
}
