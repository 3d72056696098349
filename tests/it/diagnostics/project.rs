//! Whole projects: all mistakes at once, what files may be, and what a change changes.

use std::{fs, path::Path, time::Duration};

use proptest::prelude::*;
use simpul::{
    diagnostic::Language,
    message::{Digest, Endpoint},
    route::{RetryPolicy, check_route, check_system},
};
use tempfile::TempDir;

use super::{KEY, ROUTE, broken, load, snapshot, sound, system, write};

#[test]
fn all_mistakes_of_all_files_are_told_at_once() {
    let folder = sound();
    write(&folder, "simpul.yaml", "listn: 127.0.0.1:80\nlimits: { body: 1MB, depth: 5000 }\n");
    write(
        &folder,
        "connectors/e-absensi.yaml",
        &system(
            "e-absensi",
            "http:\n  url: ${env:E_ABSENSI_URL}\n  timeout: 30\n  targets:\n    catat: { psot: /a }\n",
        ),
    );
    write(
        &folder,
        "routes/sppd-terbit.yaml",
        &format!(
            "{ROUTE}    map:\n      nip: @.nip\n      perihal: Nomor: 5\n      kode: 13.10\n    \
             retry: cepat\nsteps:\n  - fitler: $.a\n  - filter: $.status = 'TERBIT'\n  \
             - lookup: {{ table: wilayah, key: $.a, into: $.b, columns: [nma] }}\n"
        ),
    );
    write(
        &folder,
        "routes/lain.yaml",
        "route: lain\nfrom: e-sppd.status\nto: []\nunmached: dead\n",
    );
    write(&folder, "schemas/rusak.schema.json", "{\"type\": \"objek\"}");
    write(&folder, "tables/wilayah.csv", "kode,nama\n13.01,Pesisir Selatan\n13.01\n");
    snapshot("project_many", &broken(&folder, &[]).to_string());
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let folder = sound();
    fs::write(folder.path().join("routes/latin.yaml"), b"route: latin\nsummary: caf\xe9\n")
        .unwrap();
    fs::write(folder.path().join("routes/besar.yaml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    fs::create_dir(folder.path().join("routes/folder.yaml")).unwrap();
    write(&folder, "routes/lama.yml", "route: lama\n");
    write(&folder, "tables/Kode Unor.csv", "kode\n");
    snapshot("project_unreadable", &broken(&folder, &[]).to_string());
}

#[test]
fn a_directory_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let Err(broken) = load(&folder.path().join("tidak-ada"), &[]) else { panic!("it is loaded") };
    assert_eq!(broken.found.len(), 1);
    assert_eq!(broken.found[0].message, "the directory of the project is not there");
}

#[cfg(unix)]
#[test]
fn a_file_may_be_a_link() {
    let folder = sound();
    let route = folder.path().join("routes/sppd-terbit.yaml");
    fs::rename(&route, folder.path().join("elsewhere.yaml")).unwrap();
    std::os::unix::fs::symlink("../elsewhere.yaml", route).unwrap();
    let (_, loaded) = load(folder.path(), &[]).unwrap();
    assert_eq!(loaded.plan.routes.len(), 1);
}

#[test]
fn tests_of_routes_are_not_routes() {
    let folder = sound();
    write(&folder, "routes/sppd-terbit.test.yaml", "anything: at all\n");
    assert!(load(folder.path(), &[]).is_ok());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
            }
        }
    }
}

#[test]
fn the_files_that_ship_with_the_project_are_sound() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["routes", "connectors", "schemas", "tables"] {
        copy(Path::new(part), &folder.path().join(part));
    }
    fs::copy("simpul.yaml", folder.path().join("simpul.yaml")).unwrap();
    let mut variables = Vec::new();
    let systems = fs::read_dir("connectors").unwrap().map(|it| it.unwrap().path());
    for path in systems.chain(["simpul.yaml".into()]) {
        let text = fs::read_to_string(path).unwrap();
        for (index, _) in text.match_indices("${") {
            let inner = &text[index + 2..index + text[index..].find('}').unwrap()];
            match inner.split_once(':') {
                Some(("env", name)) if name.ends_with("_HASH") => {
                    // Each source has a key of its own.
                    let key = format!("{}{:02x}", &KEY[..KEY.len() - 2], variables.len());
                    variables.push((name.to_owned(), key));
                }
                Some(("env", name)) => {
                    variables.push((name.to_owned(), "http://127.0.0.1:9".to_owned()));
                }
                Some(("file", path)) => write(&folder, path, "rahasia-yang-panjang\n"),
                _ => {}
            }
        }
    }
    let variables: Vec<_> = variables.iter().map(|(name, it)| (&**name, &**it)).collect();
    let (_, loaded) = load(folder.path(), &variables).map_err(|it| it.to_string()).unwrap();
    assert_eq!(loaded.texts.render(&loaded.found, Language::English), "");
    let names: Vec<_> = loaded.plan.routes.keys().map(|it| &**it).collect();
    assert_eq!(names, ["hasil-tps", "sk-mutasi", "sppd-terbit"]);
}

/// The digests of the route, of the target, and of everything.
fn digests(folder: &TempDir, variables: &[(&str, &str)]) -> (Digest, Digest, Option<Digest>) {
    let (_, loaded) = load(folder.path(), variables).map_err(|it| it.to_string()).unwrap();
    let target = Endpoint::parse("e-absensi.catat").unwrap();
    let plan = loaded.plan;
    (plan.routes["sppd-terbit"].digest, plan.targets[&target].open.digest, plan.digest)
}

#[test]
fn a_route_changes_with_its_text_and_with_the_tables_and_schemas_that_it_uses() {
    let folder = sound();
    let route = format!(
        "{ROUTE}steps:\n  - lookup: {{ table: wilayah, key: $.a, into: $.b }}\n  \
         - validate: schemas/sppd.schema.json\n"
    );
    write(&folder, "routes/sppd-terbit.yaml", &route);
    write(&folder, "tables/lain.csv", "kode\na\n");
    let before = digests(&folder, &[]);
    let changes = |path: &str, text: &str| {
        let old = fs::read_to_string(folder.path().join(path)).unwrap_or_default();
        write(&folder, path, text);
        let after = digests(&folder, &[]);
        match old.is_empty() {
            true => fs::remove_file(folder.path().join(path)).unwrap(),
            false => write(&folder, path, &old),
        }
        assert_ne!(before.2, after.2, "the whole changes with {path}");
        before.0 != after.0
    };
    assert!(changes("routes/sppd-terbit.yaml", &format!("{route}# a comment\n")));
    assert!(changes("tables/wilayah.csv", "kode,nama\n13.02,Solok\n"));
    assert!(changes("schemas/sppd.schema.json", "{\"required\": [\"nomor\"]}"));
    assert!(changes("simpul.yaml", "retry: { standard: { first: 1s } }\n"));
    assert!(!changes("tables/lain.csv", "kode\nb\n"));
    assert!(!changes("schemas/lain.schema.json", "{}"));
    assert!(!changes("routes/lain.yaml", &ROUTE.replace("sppd-terbit", "lain")));
    let other = fs::read_to_string(folder.path().join("connectors/e-absensi.yaml")).unwrap();
    assert!(!changes("connectors/e-absensi.yaml", &other.replace("/api/", "/v2/")));
}

#[test]
fn a_target_changes_with_its_system_file_and_what_fills_it_in() {
    let folder = sound();
    let text = |path: &str| {
        let http = "http:\n  url: ${env:URL}\n  auth: { bearer: \"${env:TOKEN}\" }\n  targets:\n";
        system("e-absensi", &format!("{http}    catat: {{ post: {path} }}\n"))
    };
    write(&folder, "connectors/e-absensi.yaml", &text("/a"));
    let of = |url: &str, token: &str| {
        let (_, target, all) = digests(&folder, &[("URL", url), ("TOKEN", token)]);
        (target, all)
    };
    let first = of("http://127.0.0.1:9", "satu");
    assert_eq!(first, of("http://127.0.0.1:9", "satu"));
    for other in [of("http://127.0.0.1:8", "satu"), of("http://127.0.0.1:9", "dua")] {
        assert_ne!(first.0, other.0);
        assert_ne!(first.1, other.1);
    }
    write(&folder, "connectors/e-absensi.yaml", &text("/b"));
    assert_ne!(first.0, of("http://127.0.0.1:9", "satu").0);
}

/// Text made of what files are made of, so that it gets further than random letters do.
fn text_of_files() -> impl Strategy<Value = String> {
    let words = [
        "route", "from", "to", "target", "map", "when", "each", "identity", "key", "window",
        "retry", "steps", "filter", "lookup", "table", "http", "targets", "post", "a.b", "$.a",
        "@.b", "'", "\"", ": ", ":", "- ", "\n", "\n  ", "\n    ", "\t", "{ ", " }", "[", "]",
        ", ", " #", "# x", "&a", "*a", "!t", "<<", "|", ">", "|-\n", "---\n", "%", "\\",
        "${env:A}", "${", "13.10", "007", "5s", "é", "龍", "\u{feff}", "\r\n", "\u{0}", "~",
        "null", "true", "? ",
    ];
    let word = prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec(word, 0..60).prop_map(|it| it.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_reading_panic(text in text_of_files()) {
        for found in check_route(&text).iter().chain(&check_system(&text)) {
            prop_assert!(found.render(&text, Language::English).contains(found.code.as_str()));
        }
    }

    #[test]
    fn no_damage_to_a_route_makes_reading_panic(
        at in 0..ROUTE.len(),
        len in 0..20_usize,
        insert in text_of_files(),
    ) {
        let rest = &ROUTE[(at + len).min(ROUTE.len())..];
        let text = format!("{}{insert}{rest}", &ROUTE[..at]);
        for found in check_route(&text) {
            prop_assert!(!found.render(&text, Language::English).is_empty());
        }
    }
}

#[test]
fn of_very_many_mistakes_the_first_few_hundred_are_told() {
    let keys: String = (0..5_000).map(|number| format!("k{number}: v\n")).collect();
    for text in [keys, "k: @v\n".repeat(5_000), "k: v\n".repeat(500)] {
        let found = check_route(&text).len();
        assert!((100..=600).contains(&found), "{found}");
    }
}

#[test]
fn a_retry_policy_is_inherited_from_the_system_by_the_route_and_by_the_target() {
    let folder = sound();
    write(&folder, "simpul.yaml", "retry: { gigih: { first: 7s, max: 1h } }\n");
    let target = "http:\n  url: http://127.0.0.1:9\n  targets:\n    catat: { post: /a }\n    \
                  hapus: { post: /b }\n";
    let system = system("e-absensi", &format!("retry: gigih\n{target}"));
    write(&folder, "connectors/e-absensi.yaml", &system);
    let route = format!(
        "{ROUTE}    retry: {{ give_up: 9d }}\n  - target: e-absensi.hapus\n    retry: standard\n\
         retry: {{ factor: 2 }}\n"
    );
    write(&folder, "routes/sppd-terbit.yaml", &route);
    let (_, loaded) = load(folder.path(), &[]).map_err(|it| it.to_string()).unwrap();
    let of = |index: usize| loaded.plan.routes["sppd-terbit"].to[index].retry;
    let inherited = RetryPolicy {
        first: Duration::from_secs(7),
        factor: 2.0,
        max: Duration::from_hours(1),
        give_up: Duration::from_hours(9 * 24),
    };
    assert_eq!((of(0), of(1)), (inherited, RetryPolicy::STANDARD));
}
