//! What an editor needs to complete, explain and check the files of a project while one types.

use std::{fs, io, path::Path};

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::{CouldNot, schema::Kind};
use crate::diagnostic::{Text, text};

/// Where the schemas are, from the project's directory.
pub(super) const SCHEMAS: &str = ".simpul/schemas";

/// Writes the schemas and, where there are none, the settings of the editor; tells what it did.
pub(super) fn write(project: &Path) -> Result<Vec<Text>, CouldNot> {
    let mut done = Vec::new();
    for kind in Kind::value_variants() {
        let path = format!("{SCHEMAS}/{}.schema.json", kind.name());
        put(project, &path, &pretty(&kind.schema()))?;
        done.push(text!("wrote {}", &path));
    }
    for (path, wanted) in [
        (".vscode/settings.json", settings()),
        (".vscode/extensions.json", json!({ "recommendations": ["redhat.vscode-yaml"] })),
    ] {
        done.push(match fs::read_to_string(project.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                put(project, path, &pretty(&wanted))?;
                text!("wrote {}", path)
            }
            Err(error) => return Err(failed(path, &error)),
            // It is its owner's, with comments and all.
            Ok(text) if holds(&text, &wanted) => text!("left {}, which has it all", path),
            Ok(_) => {
                text!("left {} as it is; add to it:\n{}", path, pretty(&wanted).trim_end())
            }
        });
    }
    Ok(done)
}

/// Which files are of which kind, for the YAML extension of VS Code.
fn settings() -> Value {
    let kinds = Kind::value_variants().iter();
    let schemas: Map<_, _> = kinds
        .map(|kind| (format!("./{SCHEMAS}/{}.schema.json", kind.name()), Value::from(kind.files())))
        .collect();
    json!({
        "yaml.schemas": schemas,
        // `simpul fmt` does it, and never joins or breaks a value.
        "yaml.format.enable": false,
        "files.associations": { "simpul.yaml": "yaml" },
    })
}

/// Whether the text of a file has everything that is `wanted`.
fn holds(text: &str, wanted: &Value) -> bool {
    let Ok(Value::Object(found)) = serde_json::from_str(text) else { return false };
    wanted.as_object().is_some_and(|it| it.iter().all(|(key, value)| found.get(key) == Some(value)))
}

fn pretty(value: &Value) -> String {
    // Values in memory whose keys are texts: there is nothing that could fail.
    serde_json::to_string_pretty(value).unwrap_or_default() + "\n"
}

fn put(project: &Path, path: &str, text: &str) -> Result<(), CouldNot> {
    let file = project.join(path);
    let folder = file.parent().unwrap_or(project);
    fs::create_dir_all(folder).and_then(|()| fs::write(&file, text)).map_err(|it| failed(path, &it))
}

fn failed(path: &str, error: &io::Error) -> CouldNot {
    CouldNot(format!("`{path}`: {error}"))
}
