//! `simpul trace ID --changes`: what became of the fields of a message, where its bodies are kept.

use crate::{
    cli::{
        CouldNot,
        client::{Failure, encoded},
        offline::Source,
        screen::escaped,
    },
    ops::bodies::{BodiesView, BodyView, ChangesView, FieldView},
};

/// What is kept of the bodies of a message.
pub(super) async fn of(source: &Source, id: &str, personal: bool) -> Result<BodiesView, CouldNot> {
    let Source::Running(client) = source else {
        let reason = "no bus runs on this project: one that does opens the bodies that are kept, and \
                      writes down who looked at them";
        return Err(CouldNot(reason.to_owned()));
    };
    let personal = if personal { "?personal=1" } else { "" };
    let path = format!("messages/{}/bodies{personal}", encoded(id));
    client.get(&path).await.map_err(|failure: Failure| failure.into())
}

/// A block for each body that is kept.
pub(super) fn render(view: &BodiesView) -> String {
    if view.bodies.is_empty() {
        return "\nnothing is kept of its bodies: a route keeps them with `bodies: full` (or `digest`), and \
                as long as its `retention` says"
            .to_owned();
    }
    let mut out = String::new();
    for body in &view.bodies {
        out.push_str(&format!("\n{}\n", heading(body)));
        let of_body = |it: &&ChangesView| {
            it.at == body.at
                && it.route == body.route
                && Some(&it.target) == body.target.as_ref()
                && Some(it.ordinal) == body.ordinal
        };
        match view.changes.iter().find(of_body) {
            Some(changes) => out.push_str(&told(changes)),
            None => body.body.iter().flat_map(|it| it.lines()).for_each(|line| {
                out.push_str(&format!("  {line}\n"));
            }),
        }
    }
    escaped(out.trim_end())
}

fn heading(body: &BodyView) -> String {
    let which = match (&body.target, body.ordinal) {
        (Some(target), Some(ordinal)) if 0 < ordinal => format!("sent to {target} [{ordinal}]"),
        (Some(target), _) => format!("sent to {target}"),
        (None, _) => "as it was accepted".to_owned(),
    };
    let known = match (&body.sha256, &body.problem) {
        (Some(digest), _) => {
            format!(": SHA-256 {digest}, {} bytes", body.bytes.unwrap_or_default())
        }
        (None, Some(problem)) => format!(": {problem}"),
        (None, None) => String::new(),
    };
    format!("{}, {which}{known}", body.route)
}

/// A line for each field that changed.
fn told(changes: &ChangesView) -> String {
    let mut out: String = changes.fields.iter().map(line).collect();
    let more = if changes.more { "; there are more than these" } else { "" };
    out.push_str(&format!("  {} fields as they were{more}\n", changes.same));
    out
}

fn line(field: &FieldView) -> String {
    let FieldView { path, what, from, before, after } = field;
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    match what.as_str() {
        "moved" => format!("  > {path}: {} (was {})\n", text(after), text(from)),
        "added" => format!("  + {path}: {}\n", text(after)),
        "left_out" => format!("  - {path}: {}\n", text(before)),
        _ => format!("  ~ {path}: {} -> {}\n", text(before), text(after)),
    }
}
