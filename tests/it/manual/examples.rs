//! The examples of files in the manual: each is put into a project (`project/` beside this file, which has the
//! systems, schemas and tables that they name), and `simpul check` has nothing to say about it.
//!
//! Whole files of a page stand in it together. Parts get what they lack: the head of a route or system.
//! A block marked `wrong` is told what its page is about; one marked `other` is of another program.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use regex::Regex;
use serde_json::Value;

use super::{blocks, copy, pages};

const PROJECT: &str = "tests/it/manual/project";

/// What may be said of a part that stands alone: it has no summary, and leaves out what others use.
const OF_PARTS: [&str; 3] = ["S004", "S031", "S032"];

/// An example, as the file of a project.
struct Example {
    page: PathBuf,
    /// Where it goes: a file of its own, or one that is made of it.
    path: String,
    text: String,
    /// Whether it is a whole file, which the other examples of its page may lean on.
    is_whole: bool,
    is_wrong: bool,
}

/// The YAML of all pages but those that lead newcomers, which are followed as a whole.
fn examples() -> Vec<Example> {
    let mut examples = Vec::new();
    let others = ["docs/getting-started.md", "docs/going-on.md"];
    let pages = pages().into_iter().filter(|it| !others.iter().any(|other| it.ends_with(other)));
    for page in pages.chain([PathBuf::from("README.md")]) {
        for (tag, text) in blocks(&fs::read_to_string(&page).unwrap()) {
            let mut words = tag.split(' ');
            let how = (words.next() == Some("yaml")).then(|| words.next().unwrap_or_default());
            match how {
                None | Some("other") => {}
                Some(how) => {
                    let is_wrong = how == "wrong";
                    let pieces = if is_wrong { vec![(text, true)] } else { judged(&text) };
                    examples.extend(pieces.into_iter().map(|(text, is_wrong)| {
                        let (path, text, is_whole) = placed(&page, &text);
                        Example { page: page.clone(), path, text, is_whole, is_wrong }
                    }));
                }
            }
        }
    }
    examples
}

/// The pieces of a block: itself, or each line of it where lines say `# wrong` or `# right`.
fn judged(text: &str) -> Vec<(String, bool)> {
    let says = |line: &str, word: &str| line.contains(&format!("# {word}"));
    let lines = text.lines().filter(|it| !it.trim().is_empty());
    if !text.lines().any(|it| says(it, "wrong")) {
        return vec![(text.to_owned(), false)];
    }
    lines.map(|it| (format!("{it}\n"), says(it, "wrong"))).collect()
}

/// The file that an example is, or that is made of it, and whether it is a whole one.
fn placed(page: &Path, text: &str) -> (String, String, bool) {
    let lines = || text.lines().filter(|it| !it.trim().is_empty());
    let named = lines().next().and_then(|it| it.strip_prefix("# "));
    let named = named.map(|it| it.split([':', ' ', ',']).next().unwrap_or_default());
    let named = named.filter(|it| it.contains('/') || *it == "simpul.yaml");
    let first = lines().find(|it| !it.starts_with('#')).unwrap_or_default();
    let key = first.split(':').next().unwrap_or_default().trim_end();
    let has = |key: &str| lines().any(|it| it.starts_with(&format!("{key}:")));
    let value = first.split_once(": ").map_or("", |(_, it)| it);
    let route = |rest: &str| ("routes/contoh.yaml".to_owned(), with_head(rest), false);
    let system = |rest: &str| {
        let name = named.and_then(|it| it.strip_prefix("connectors/"));
        let name = name.map_or("contoh-lain", |it| it.trim_end_matches(".yaml"));
        (format!("connectors/{name}.yaml"), of_system(name, rest), false)
    };
    match key {
        "route" => {
            let stem = value.split(' ').next().unwrap_or_default();
            let path = named.map_or_else(|| format!("routes/{stem}.yaml"), str::to_owned);
            (path, text.to_owned(), true)
        }
        "system" => (format!("connectors/{value}.yaml"), text.to_owned(), true),
        "cases" => (named.unwrap_or_default().to_owned(), text.to_owned(), true),
        "unreachable" => {
            let file = "cases:\n  a letter: { given: { body: {} }, expect: refused }\n";
            ("routes/surat-masuk.test.yaml".to_owned(), format!("{file}{text}"), false)
        }
        "listen" | "broker" | "store" | "body_keys" => {
            ("simpul.yaml".to_owned(), text.to_owned(), false)
        }
        "http" | "amqp" | "files" => system(text),
        "timeout" | "auth" => system(&format!("http:\n  url: https://contoh.example\n  {text}")),
        "sources" | "targets" if text.contains("queue:") || text.contains("exchange:") => {
            system(&format!("amqp:\n  url: amqp://127.0.0.1\n{}", indented(text, 2)))
        }
        "targets" if page.ends_with("systems.md") => {
            system(&format!("http:\n  url: https://contoh.example\n{}", indented(text, 2)))
        }
        "given" | "targets" | "expect" | "arsip.simpan" => case(key, text),
        "  - target" => route(&format!("to:\n{text}")),
        "kode" => route(&format!("steps:\n  - map:\n{}", indented(text, 6))),
        step if step.starts_with("- ") => route(&format!("steps:\n{}", indented(text, 2))),
        _ if ["to", "steps", "identity", "order_by", "search", "ttl", "bodies"]
            .iter()
            .any(|it| has(it)) =>
        {
            route(text)
        }
        _ => panic!("{}: where does this belong?\n{text}", page.display()),
    }
}

fn indented(text: &str, by: usize) -> String {
    text.lines().map(|it| format!("{:by$}{it}\n", "")).collect()
}

/// A part of a route, with what it lacks.
fn with_head(rest: &str) -> String {
    let has_to = rest.lines().any(|it| it.starts_with("to:"));
    let to = if has_to { "" } else { "to: [{ target: arsip.simpan }]\n" };
    format!("route: contoh\nsummary: Contoh.\nowner: Bagian Umum\nfrom: contoh.masuk\n{rest}{to}")
}

/// A part of a system file, with what it lacks.
fn of_system(name: &str, rest: &str) -> String {
    let owner = "owner: { unit: Bagian Umum, contact: umum@kpu.example }";
    format!("system: {name}\nname: Contoh\n{owner}\nclassification: biasa\n{rest}")
}

/// A part of a test case, with what it lacks.
fn case(key: &str, text: &str) -> (String, String, bool) {
    let line = text.trim_end();
    let given = "given: { message: undangan }";
    let many = if line.contains("[routed") {
        "given: [{ message: undangan }, { message: lain }]"
    } else {
        given
    };
    let parts = match key {
        "given" => [line, "expect: routed"].join("\n"),
        "targets" => [given, line, "expect: routed"].join("\n"),
        "expect" => [many, line].join("\n"),
        _ => format!("{given}\nexpect:\n  to:\n    {line}\n    agenda.catat: delivered"),
    };
    let messages = "messages:\n  undangan: { nomor: 1/A }\n  lain: { nomor: 2/A }\n";
    let file = format!("{messages}cases:\n  contoh:\n{}", indented(&parts, 4));
    ("routes/uji.test.yaml".to_owned(), file, false)
}

/// A copy of the project, with these files in it.
struct Copy {
    folder: tempfile::TempDir,
    variables: BTreeMap<String, String>,
}

impl Copy {
    fn with<'e>(examples: impl IntoIterator<Item = &'e Example>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(Path::new(PROJECT), folder.path());
        let mut copy = Self { folder, variables: BTreeMap::new() };
        copy.fill("hash_key: ${env:HASH_KEY}, ${env:BODY_KEY}");
        for example in examples {
            if example.path == "routes/uji.test.yaml" {
                let to = "to: [{ target: arsip.simpan }, { target: agenda.catat }]\n";
                copy.write("routes/uji.yaml", &with_head(to).replace("contoh\n", "uji\n"));
            }
            copy.write(&example.path, &example.text);
        }
        copy
    }

    fn write(&mut self, path: &str, text: &str) {
        let text = self.fill(text);
        fs::write(self.folder.path().join(path), text).unwrap();
    }

    /// Makes what `${env:…}` and `${file:…}` ask for, all within the folder.
    fn fill(&mut self, text: &str) -> String {
        let key = format!("sha256:{}", "0".repeat(64));
        let mut text = text.replace("\"sha256:…\"", &format!("\"{key}\""));
        for found in Regex::new(r"\$\{env:([A-Z_]+)\}").unwrap().captures_iter(&text) {
            let value = match &found[1] {
                it if it.contains("RABBITMQ") => "amqp://127.0.0.1",
                it if it.contains("STORE") => "postgres://simpul:rahasia@127.0.0.1/simpul",
                it if it.ends_with("KEY_HASH") => &key,
                "BODY_KEY" => "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                it if it.ends_with("KEY") => "0123456789abcdef0123456789abcdef",
                _ => "https://contoh.example",
            };
            self.variables.insert(found[1].to_owned(), value.to_owned());
        }
        text = text.replace("${file:/", "${file:");
        for found in Regex::new(r"\$\{file:([^}]+)\}").unwrap().captures_iter(&text) {
            let path = self.folder.path().join(&found[1]);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let is_key = found[1].ends_with("simpul-bodies");
            fs::write(path, if is_key { "0f".repeat(32) } else { "rahasia".to_owned() }).unwrap();
        }
        text
    }

    /// What `test` says, where something is wrong.
    fn play(&self) -> Option<String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simpul"));
        command.arg("--project").arg(self.folder.path()).arg("test");
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        (output.status.code() != Some(0)).then_some(said)
    }

    /// What `check` says: the codes and their files, and all of it as text.
    fn check(&self) -> (Vec<(String, String)>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_simpul"));
        command.arg("--project").arg(self.folder.path()).args(["check", "--format", "json"]);
        let output = command.envs(&self.variables).output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = said["diagnostics"].as_array().unwrap_or_else(|| panic!("{said}"));
        let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
        let of = |it: &Value| (text(it, "code"), text(it, "file"));
        let codes = found.iter().filter(|it| it["severity"] != "note").map(of).collect();
        let line = |it: &Value| {
            format!(
                "{} {}:{}: {} {}\n",
                it["code"], it["file"], it["line"], it["message"], it["label"]
            )
        };
        (codes, found.iter().map(line).collect())
    }
}

#[test]
fn the_project_of_the_examples_is_sound() {
    let (codes, said) = Copy::with([]).check();
    assert!(codes.iter().all(|(it, _)| OF_PARTS[1..].contains(&it.as_str())), "{said}");
}

#[test]
fn check_has_nothing_to_say_about_the_examples_of_the_manual() {
    let mut wrong = Vec::new();
    let examples = examples();
    for example in examples.iter().filter(|it| !it.is_wrong) {
        let beside = |it: &&Example| {
            it.page == example.page && it.is_whole && !it.is_wrong && it.path != example.path
        };
        let copy = Copy::with(examples.iter().filter(beside).chain([example]));
        let (codes, said) = copy.check();
        if codes.iter().any(|(it, _)| !OF_PARTS.contains(&it.as_str())) {
            wrong.push(format!("{}:\n{}\n{said}", example.page.display(), example.text));
        }
        // What a page says that a route does is what it does.
        if example.is_whole
            && example.path.ends_with(".test.yaml")
            && let Some(said) = copy.play()
        {
            wrong.push(format!("{}:\n{}\n{said}", example.page.display(), example.text));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    let right = examples.iter().filter(|it| !it.is_wrong).count();
    assert!(60 < right, "{right}");
}

#[test]
fn check_says_of_the_examples_of_mistakes_what_their_pages_are_about() {
    let mut count = 0;
    let examples = examples();
    let wrong: Vec<_> = examples.iter().filter(|it| it.is_wrong).collect();
    // Blocks of one page are of one project, single lines are not.
    for group in wrong.chunk_by(|left, right| left.page == right.page && left.path != right.path) {
        let code = group[0].page.file_stem().unwrap().to_str().unwrap();
        let (codes, said) = Copy::with(group.iter().copied()).check();
        let shown = &group[0].text;
        let is_here = |file: &String| group.iter().any(|it| it.path == *file);
        let is_said = codes.iter().any(|(it, file)| it == code && is_here(file));
        assert!(is_said, "{code} is not said of\n{shown}\n{said}");
        count += group.len();
    }
    assert!(8 < count, "{count}");
}
