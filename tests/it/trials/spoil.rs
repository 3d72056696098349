//! A route file, spoilt in one place: in as many ways as there are.

use simpul::diagnostic::{Node, NodeKind, Report, Style, parse};

/// A route file with one mistake.
pub(super) struct Mutant {
    /// What was done to it.
    pub(super) what: String,
    pub(super) text: String,
}

/// Every mutant of a route file.
pub(super) fn mutants(text: &str) -> Vec<Mutant> {
    let node = parse(text, &mut Report::default()).unwrap();
    let mut all = Vec::new();
    let mut add = |what: String, node: &Node| {
        let mut text = String::new();
        emit(node, 0, &mut text);
        all.push(Mutant { what, text });
    };
    let mut path = Vec::new();
    spoil(&node, &node, &mut path, &mut add);
    broken(text, &mut all);
    all
}

/// The file as it is, written anew.
pub(super) fn written(text: &str, report: &mut Report) -> String {
    let mut out = String::new();
    emit(&parse(text, report).unwrap(), 0, &mut out);
    out
}

/// All of a file that a route runs by, without what is for people alone; nothing if it is no YAML.
pub(super) fn essence(text: &str) -> Option<String> {
    let mut node = parse(text, &mut Report::default())?;
    if let NodeKind::Map(entries) = &mut node.kind {
        entries.retain(|(key, _)| !["summary", "owner", "search"].contains(&key.value.as_str()));
    }
    let mut out = String::new();
    emit(&node, 0, &mut out);
    Some(out)
}

/// A key, or the number of an item.
type Place = Vec<usize>;

fn spoil(root: &Node, node: &Node, path: &mut Place, add: &mut impl FnMut(String, &Node)) {
    match &node.kind {
        NodeKind::Map(entries) => {
            for (index, (key, value)) in entries.iter().enumerate() {
                let what = format!("line {}: drop `{}`", key.at.line, key.value);
                add(what, &changed(root, path, |node| drop_at(node, index)));
                path.push(index);
                spoil(root, value, path, add);
                path.pop();
            }
        }
        NodeKind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let what = format!("line {}: drop item {index}", item.at.line);
                add(what, &changed(root, path, |node| drop_at(node, index)));
                path.push(index);
                spoil(root, item, path, add);
                path.pop();
            }
        }
        NodeKind::Scalar(scalar) => {
            for (what, text, style) in variants(&scalar.text, scalar.style) {
                let what = format!("line {}: {what}: `{}`", node.at.line, text.trim());
                let put = |node: &mut Node| {
                    if let NodeKind::Scalar(scalar) = &mut node.kind {
                        (scalar.text, scalar.style) = (text.clone(), style);
                    }
                };
                add(what, &changed(root, path, put));
            }
        }
    }
}

fn drop_at(node: &mut Node, index: usize) {
    match &mut node.kind {
        NodeKind::Map(entries) => drop(entries.remove(index)),
        NodeKind::List(items) => drop(items.remove(index)),
        NodeKind::Scalar(_) => {}
    }
}

fn changed(root: &Node, path: &[usize], change: impl FnOnce(&mut Node)) -> Node {
    let mut copy = root.clone();
    let mut node = &mut copy;
    for index in path {
        node = match &mut node.kind {
            NodeKind::Map(entries) => &mut entries[*index].1,
            NodeKind::List(items) => &mut items[*index],
            NodeKind::Scalar(_) => unreachable!("a path leads through lists and mappings"),
        };
    }
    change(node);
    copy
}

/// A value with a path renamed, an operator exchanged, or of another type.
fn variants(text: &str, style: Style) -> Vec<(&'static str, String, Style)> {
    let mut all = Vec::new();
    let is_expression = text.contains("$.") || text.contains("@.");
    for (index, _) in text.match_indices(['.', '[']).filter(|_| is_expression) {
        let rest = &text[index + 1..];
        let quote = if rest.starts_with('\'') { 1 } else { 0 };
        let name = &rest[quote..];
        let end = name.find(|it: char| !it.is_alphanumeric() && it != '_').unwrap_or(name.len());
        let is_name = name.starts_with(|it: char| it.is_ascii_alphanumeric());
        if is_name && end != 0 && (text[index..].starts_with('.') || quote == 1) {
            let at = index + 1 + quote + end;
            all.push(("rename a path", format!("{}x{}", &text[..at], &text[at..]), style));
        }
    }
    let operators = [
        ("==", "!="),
        ("!=", "=="),
        ("<=", "<"),
        (">=", ">"),
        ("&&", "||"),
        ("||", "&&"),
        (" + ", " - "),
    ];
    for (from, to) in operators.into_iter().filter(|_| is_expression) {
        for (index, _) in text.match_indices(from) {
            let text = format!("{}{to}{}", &text[..index], &text[index + from.len()..]);
            all.push(("exchange an operator", text, style));
        }
    }
    let is_number = style == Style::Plain && text.parse::<f64>().is_ok();
    match (is_expression, is_number) {
        (true, _) => all.push(("change the type", "7".to_owned(), Style::Plain)),
        (false, true) => all.push(("change the type", text.to_owned(), Style::Quoted)),
        (false, false) => {
            all.push(("change the type", "7".to_owned(), Style::Plain));
            all.push(("change the value", format!("{text}x"), style));
        }
    }
    all
}

/// Lines that are no YAML any more, or another.
fn broken(text: &str, all: &mut Vec<Mutant>) {
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let mut add = |how: &str, line: String| {
            let mut lines = lines.clone();
            lines[index] = &line;
            let text = lines.join("\n") + "\n";
            all.push(Mutant { what: format!("line {}: {how}", index + 1), text });
        };
        add("take the colon", line.replacen(':', "", 1));
        add("indent by one more", format!(" {line}"));
        add("indent by one less", line.strip_prefix(' ').unwrap_or(line).to_owned());
        add("open a quote", line.replacen(": ", ": \"", 1));
        add("open a bracket", line.replacen(": ", ": [", 1));
    }
}

/// Writes a tree in blocks, with keys in quotes; plain values stay plain.
fn emit(node: &Node, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match &node.kind {
        NodeKind::Map(entries) if entries.is_empty() => out.push_str("{}\n"),
        NodeKind::List(items) if items.is_empty() => out.push_str("[]\n"),
        NodeKind::Map(entries) => {
            for (key, value) in entries {
                let key = serde_json::to_string(&key.value).unwrap();
                out.push_str(&format!("{indent}{key}:"));
                inner(value, depth, out);
            }
        }
        NodeKind::List(items) => {
            for item in items {
                out.push_str(&format!("{indent}-"));
                inner(item, depth, out);
            }
        }
        NodeKind::Scalar(scalar) => {
            let text = match scalar.style {
                Style::Plain => scalar.text.clone(),
                _ => serde_json::to_string(&scalar.text).unwrap(),
            };
            out.push_str(&format!("{text}\n"));
        }
    }
}

fn inner(node: &Node, depth: usize, out: &mut String) {
    let is_flat = match &node.kind {
        NodeKind::Map(entries) => entries.is_empty(),
        NodeKind::List(items) => items.is_empty(),
        NodeKind::Scalar(_) => true,
    };
    out.push_str(if is_flat { " " } else { "\n" });
    emit(node, depth + 1, out);
}
