//! A drawing as text that another program draws: Mermaid, DOT. A system is one node there, also
//! where it both sends and receives.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{Edge, Graph, Part};

/// The names of the systems and their titles, each once.
fn systems(graph: &Graph) -> BTreeMap<&str, &str> {
    let all = graph.senders.iter().chain(&graph.receivers);
    all.map(|it| (it.name.as_str(), it.title.as_str())).collect()
}

/// The two ends of a line and what stands at it.
fn ends<'g>(graph: &'g Graph, edge: &Edge) -> Option<(&'g Part, &'g str, &'g Part)> {
    let side = if edge.to_route { &graph.senders } else { &graph.receivers };
    let system = side.get(edge.system.0)?;
    let name = system.lines.get(edge.system.1)?;
    Some((system, name, graph.routes.get(edge.route)?))
}

/// As Mermaid has it.
pub(super) fn mermaid(graph: &Graph) -> String {
    let escaped = |it: &str| it.replace('"', "#quot;").replace(['\n', '\r'], " ");
    let mut out = String::from("flowchart LR\n");
    // Writing to a `String` cannot fail.
    for (name, title) in systems(graph) {
        let label = if title.is_empty() { name.to_owned() } else { format!("{title}<br/>{name}") };
        let _ = writeln!(out, "  s_{}[\"{}\"]", id(name), escaped(&label));
    }
    for route in &graph.routes {
        let _ = writeln!(out, "  r_{}([\"{}\"])", id(&route.name), escaped(&route.name));
    }
    for edge in &graph.edges {
        let Some((system, name, route)) = ends(graph, edge) else { continue };
        let (system, route) = (format!("s_{}", id(&system.name)), format!("r_{}", id(&route.name)));
        let each = if edge.each { " ×n" } else { "" };
        let label = format!("\"{}{each}\"", escaped(name));
        let _ = match (edge.to_route, edge.conditional) {
            (true, _) => writeln!(out, "  {system} -->|{label}| {route}"),
            (false, false) => writeln!(out, "  {route} -->|{label}| {system}"),
            (false, true) => writeln!(out, "  {route} -.->|{label}| {system}"),
        };
    }
    out
}

/// As Graphviz has it.
pub(super) fn dot(graph: &Graph) -> String {
    let quoted = |it: &str| {
        let inner = it.replace('\\', "\\\\").replace('"', "\\\"").replace(['\r', '\n'], " ");
        format!("\"{inner}\"")
    };
    let mut out =
        String::from("digraph simpul {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
    for (name, title) in systems(graph) {
        let label = if title.is_empty() { name.to_owned() } else { format!("{title} ({name})") };
        let _ = writeln!(
            out,
            "  {} [shape=box, label={}];",
            quoted(&format!("system {name}")),
            quoted(&label)
        );
    }
    for route in &graph.routes {
        let (name, label) = (quoted(&format!("route {}", route.name)), quoted(&route.name));
        let _ = writeln!(out, "  {name} [shape=box, style=rounded, label={label}];");
    }
    for edge in &graph.edges {
        let Some((system, name, route)) = ends(graph, edge) else { continue };
        let system = quoted(&format!("system {}", system.name));
        let route = quoted(&format!("route {}", route.name));
        let (from, to) = if edge.to_route { (system, route) } else { (route, system) };
        let each = if edge.each { " ×n" } else { "" };
        let style = if edge.conditional { ", style=dashed" } else { "" };
        let _ =
            writeln!(out, "  {from} -> {to} [label={}{style}];", quoted(&format!("{name}{each}")));
    }
    out.push_str("}\n");
    out
}

/// A name as an identifier: names have letters, digits and `-`, and a file may hold any other.
fn id(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        match letter {
            'a'..='z' | '0'..='9' => out.push(letter),
            '-' => out.push('_'),
            other => {
                let _ = write!(out, "_{:x}_", u32::from(other));
            }
        }
    }
    out
}
