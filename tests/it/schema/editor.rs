//! What an integrator sees in his editor: the real yaml-language-server, as VS Code talks to it,
//! over the settings and schemas that simpul writes into a project.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        OnceLock,
        mpsc::{Receiver, channel},
    },
    thread,
    time::Duration,
};

use serde_json::{Map, Value, json};

use crate::command_line::simpul;

/// How long one answer may take: the server reads its schemas first, on a machine that is busy.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// How often a file is changed until something is marked in it; the server waits a little each time.
const CHANGES_MAX: u32 = 200;

/// The route that is being written.
const ROUTE: &str = "\
route: sppd-terbit
from: e-sppd.status
steps:
  -\x20
to:
  - target: arsip.simpan
    on_exhausted:\x20
    retry: { firts: 5s }
    ttl: 5
    map:
      peserta: { $each: $.pelaksana, $map: { nip: \"@.nip\" } }
";

/// Installs the server; where it is.
fn server() -> Option<&'static PathBuf> {
    static PLACE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let install = || {
        let given = std::env::var_os("SIMPUL_TEST_CLIENTS").map(PathBuf::from);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
        let place = given.unwrap_or(folder).join("yaml-language-server-1.25.0");
        let done = place.join("installed");
        if !done.exists() {
            fs::create_dir_all(&place).ok()?;
            let mut npm = Command::new("npm");
            npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
            let output = npm.arg(&place).arg("yaml-language-server@1.25.0").output().ok()?;
            output.status.success().then_some(())?;
            fs::write(done, "").ok()?;
        }
        Some(place.join("node_modules/yaml-language-server/bin/yaml-language-server"))
    };
    PLACE.get_or_init(install).as_ref()
}

/// Says why a test did nothing; in CI that is a failure.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
fn skipped(why: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
    eprintln!("skipped: {why}");
}

/// An editor with a project open.
struct Editor {
    server: Child,
    input: ChildStdin,
    output: Receiver<Value>,
    root: String,
    /// `.vscode/settings.json`.
    settings: Map<String, Value>,
    asked: u64,
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Editor {
    fn open(program: &Path, project: &Path) -> Self {
        let mut node = Command::new("node");
        node.arg(program).arg("--stdio").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = node.spawn().unwrap();
        let input = server.stdin.take().unwrap();
        let mut output = BufReader::new(server.stdout.take().unwrap());
        let (sender, receiver) = channel();
        thread::spawn(move || {
            while let Some(message) = message(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let settings = fs::read_to_string(project.join(".vscode/settings.json")).unwrap();
        let settings = serde_json::from_str(&settings).unwrap();
        let root = format!("file://{}", project.display());
        let mut editor = Self { server, input, output: receiver, root, settings, asked: 0 };
        let folders = json!([{ "uri": editor.root, "name": "kantor" }]);
        let capabilities = json!({
            "workspace": { "configuration": true, "workspaceFolders": true },
            "textDocument": {
                "completion": {
                    "completionItem": { "snippetSupport": true, "documentationFormat": ["markdown"] },
                },
                "hover": { "contentFormat": ["markdown"] },
            },
        });
        editor.ask(
            "initialize",
            json!({
                "processId": null, "rootUri": editor.root, "workspaceFolders": folders,
                "capabilities": capabilities,
            }),
        );
        editor.tell("initialized", json!({}));
        editor
    }

    fn send(&mut self, mut message: Value) {
        message["jsonrpc"] = "2.0".into();
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len()).unwrap();
        self.input.flush().unwrap();
    }

    fn tell(&mut self, method: &str, parameters: Value) {
        self.send(json!({ "method": method, "params": parameters }));
    }

    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.send(json!({ "id": id, "method": method, "params": parameters }));
        self.until(|it| it["id"] == id && it.get("method").is_none())["result"].clone()
    }

    /// The next message of the server that is `wanted`; answers what the server asks meanwhile.
    fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.output.recv_timeout(ANSWER_MAX).expect("the server answers");
            if message.get("method").is_some() && message.get("id").is_some() {
                let asked = message["params"]["items"].as_array().cloned().unwrap_or_default();
                let answer: Vec<_> = asked.iter().map(|it| self.section(&it["section"])).collect();
                self.send(json!({ "id": message["id"], "result": answer }));
            } else if wanted(&message) {
                return message;
            }
        }
    }

    /// The settings below `yaml`, `http` or the like, as VS Code answers.
    fn section(&self, name: &Value) -> Value {
        let prefix = format!("{}.", name.as_str().unwrap_or_default());
        let mut section = Map::new();
        for (key, value) in &self.settings {
            match key.strip_prefix(&prefix).map(|it| it.split_once('.').unwrap_or((it, ""))) {
                Some((first, "")) => drop(section.insert(first.to_owned(), value.clone())),
                Some((first, rest)) => {
                    drop(section.insert(first.to_owned(), json!({ rest: value })))
                }
                None => {}
            }
        }
        Value::Object(section)
    }

    /// Opens a file in which something is wrong; returns the mistakes that are marked in it.
    fn show(&mut self, path: &str, text: &str) -> Vec<String> {
        let uri = format!("{}/{path}", self.root);
        let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
        // A server that has not read its settings yet finds nothing; one types on then.
        let mut version = 1;
        let marked = loop {
            let marked = self.until(|it| {
                it["method"] == "textDocument/publishDiagnostics" && it["params"]["uri"] == *uri
            });
            let marked = marked["params"]["diagnostics"].as_array().cloned().unwrap_or_default();
            if !marked.is_empty() {
                break marked;
            }
            version += 1;
            assert!(version < CHANGES_MAX, "nothing is marked in:\n{text}");
            let changed = json!({ "uri": uri, "version": version });
            let whole = json!([{ "text": text }]);
            let change = json!({ "textDocument": changed, "contentChanges": whole });
            self.tell("textDocument/didChange", change);
        };
        let marked = marked.iter().map(|it| {
            let line = it["range"]["start"]["line"].as_u64().unwrap() + 1;
            format!("{line}: {}", it["message"].as_str().unwrap())
        });
        marked.collect()
    }

    fn at(&self, path: &str, line: u32, column: u32) -> Value {
        json!({
            "textDocument": { "uri": format!("{}/{path}", self.root) },
            "position": { "line": line - 1, "character": column - 1 },
        })
    }

    /// What is proposed at a place, each with its explanation.
    fn proposed(&mut self, path: &str, line: u32, column: u32) -> Vec<(String, String)> {
        let at = self.at(path, line, column);
        let answer = self.ask("textDocument/completion", at);
        let items = answer["items"].as_array().unwrap().iter();
        let text = |it: &Value| match it {
            Value::String(text) => text.clone(),
            other => other["value"].as_str().unwrap_or_default().to_owned(),
        };
        items.map(|it| (text(&it["label"]), text(&it["documentation"]))).collect()
    }

    /// What is explained at a place.
    fn explained(&mut self, path: &str, line: u32, column: u32) -> String {
        let at = self.at(path, line, column);
        self.ask("textDocument/hover", at)["contents"]["value"].as_str().unwrap().to_owned()
    }
}

/// A directory for a project. The patterns of the server match nothing below a name with a dot.
fn project() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("kantor").tempdir().unwrap()
}

/// The next message; nothing at the end.
fn message(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?;
            }
            Some(_) => {}
            None => break,
        }
    }
    let mut text = vec![0; length];
    output.read_exact(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

#[test]
fn the_yaml_language_server_completes_explains_and_marks_what_is_written() {
    let Some(program) = server() else {
        return skipped("yaml-language-server cannot be installed with npm");
    };
    let folder = project();
    let project = folder.path().canonicalize().unwrap();
    let said = simpul(&["--project", project.to_str().unwrap(), "schema", "--write"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let mut editor = Editor::open(program, &project);
    let path = "routes/sppd-terbit.yaml";

    let marked = editor.show(path, ROUTE);
    let is_marked = |text: &str| marked.iter().any(|it| it == text);
    assert!(is_marked("8: Property firts is not allowed."), "{marked:#?}");
    assert!(
        is_marked(
            "9: write a whole number and a unit (ms, s, m, h, d), as in `500ms`, `10s`, `5m`, `2h`, `3d`"
        ),
        "{marked:#?}"
    );

    let steps = editor.proposed(path, 4, 5);
    let names: Vec<_> = steps.iter().map(|(name, _)| name.as_str()).collect();
    let known = ["check", "filter", "lookup", "map", "remove", "set", "split", "validate"];
    assert_eq!(names, known);
    assert!(steps[1].1.contains("Lets through only the messages"), "{steps:?}");
    let words = editor.proposed(path, 7, 19);
    let names: Vec<_> = words.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["park_key", "dead_letter", "block"]);
    assert!(words[2].1.contains("tried again for ever"), "{words:?}");

    let key = editor.explained(path, 7, 8);
    assert!(key.contains("What becomes of the order of a key"), "{key}");
    assert!(key.contains("`block`: It is never given up"), "{key}");
    // As its comment says it, backquotes and all.
    let each = editor.explained(path, 11, 19);
    assert!(each.contains("`$map` is made once for each of its items"), "{each}");
}

#[test]
fn the_yaml_language_server_knows_systems_and_settings_by_their_place() {
    let Some(program) = server() else {
        return skipped("yaml-language-server cannot be installed with npm");
    };
    let folder = project();
    let project = folder.path().canonicalize().unwrap();
    simpul(&["--project", project.to_str().unwrap(), "schema", "--write"]);
    let mut editor = Editor::open(program, &project);
    for path in fs::read_dir("connectors").unwrap().map(|it| it.unwrap().path()) {
        // Nothing is wrong with it but what is added.
        let text = fs::read_to_string(&path).unwrap();
        let marked = editor.show(path.to_str().unwrap(), &format!("{text}zz: 1\n"));
        let line = text.lines().count() + 1;
        assert_eq!(marked, [format!("{line}: Property zz is not allowed.")], "{path:?}");
    }
    let marked = editor.show("connectors/a.yaml", "system: a\nhttp: { tagets: {} }\n");
    assert_eq!(marked, ["2: Property tagets is not allowed."]);
    let marked = editor.show("simpul.yaml", "listn: 127.0.0.1:1\nlimits: { depth: 600 }\n");
    assert!(marked.contains(&"1: Property listn is not allowed.".to_owned()), "{marked:?}");
    // A test of a route is no route.
    let marked = editor.show("routes/a.test.yaml", "cases: [\n");
    assert!(!marked.iter().any(|it| it.contains("cases")), "{marked:?}");
}
