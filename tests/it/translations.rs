//! Every text that an author of files may read has its Indonesian, and the table has no other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Calls whose argument is told to the author; a text put together there would stay English. That a
/// `String` is none is held by its type.
const CALLS: [&str; 6] = ["text!(", ".label(", ".help(", ".error(", ".warn(", ".note("];

/// Texts that come as a whole out of `serde` and the reader of JSON, where nothing can be marked.
const WHOLE: &[&str] = &[
    "is not a length of time",
    "write a whole number and a unit (ms, s, m, h, d), as in `500ms`, `10s`, `5m`, `2h`, `3d`",
    "is not a size",
    "write a whole number and a unit (B, KiB, MiB, GiB), as in `64KiB`, `1MiB`",
    "is not a rate",
    "write a whole number above 0 and `/s`, as in `200/s`",
    "is not in the range",
    "the file is empty",
    "not JSON: expected a value",
    "not JSON: expected a key in double quotes",
    "not JSON: expected `:` after a key",
    "not JSON: expected `,` or `]`",
    "not JSON: expected `,` or `}`",
    "not JSON: expected the end of the text",
    "not JSON: a byte order mark does not belong here",
    "not JSON: expected a digit",
    "not JSON: a control character in a string",
    "not JSON: the text ends inside a string",
    "not JSON: no such escape in a string",
    "an object has one key twice",
    "a number beyond the limits",
];

#[test]
fn every_text_for_authors_of_files_has_its_indonesian() {
    let (templates, _) = templates();
    let table = table();
    let lacking: Vec<String> = templates
        .iter()
        .filter(|it| it.contains(char::is_alphabetic) && !table.contains_key(*it))
        .map(|it| format!("msgid {}\nmsgstr \"\"\n", quoted(it)))
        .collect();
    assert!(lacking.is_empty(), "not in src/diagnostic/id.po:\n\n{}", lacking.join("\n"));
    let left: Vec<_> = table.keys().filter(|it| !templates.contains(*it)).collect();
    assert!(left.is_empty(), "in src/diagnostic/id.po and nowhere else: {left:#?}");
}

#[test]
fn no_text_for_authors_of_files_is_put_together_where_it_cannot_be_translated() {
    let (_, glued) = templates();
    assert!(glued.is_empty(), "write `text!(\"… {{}}\", &name)`:\n{}", glued.join("\n"));
}

#[test]
fn a_translation_has_the_same_holes_and_the_same_names_in_backticks() {
    for (english, other) in table() {
        let count = english.matches("{}").count();
        let numbered: Vec<String> = (1..=count).map(|it| format!("{{{it}}}")).collect();
        let in_order = other.matches("{}").count() == count;
        let by_number = numbered.iter().all(|it| other.contains(it)) && !other.contains("{}");
        assert!(in_order || by_number, "other holes: {english:?}, {other:?}");
        assert_eq!(
            english.matches('`').count(),
            other.matches('`').count(),
            "{english:?}, {other:?}"
        );
        assert_ne!(other, "", "{english:?} has no translation");
    }
}

/// The templates in the sources, and the places where a text is glued together.
fn templates() -> (BTreeSet<String>, Vec<String>) {
    let mut found: BTreeSet<String> = WHOLE.iter().map(|it| (*it).to_owned()).collect();
    let mut glued = Vec::new();
    visit(Path::new("src"), &mut |path, text| {
        // Tests come last in a file.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let is_code = |it: &&str| !it.trim_start().starts_with("//");
        let text = &text.lines().filter(is_code).collect::<Vec<_>>().join("\n");
        for (at, argument) in CALLS.iter().flat_map(|call| said(text, call)) {
            if let Some(literal) = literal(&argument) {
                found.insert(literal);
            } else if is_glued(&argument) {
                let line = text[..at].matches('\n').count() + 1;
                glued.push(format!("{}:{line}: {argument}", path.display()));
            }
        }
    });
    (found, glued)
}

/// Whether an argument is a text that no template of the table is: one that is put together, or the
/// name of a constant.
fn is_glued(argument: &str) -> bool {
    let is_constant =
        1 < argument.len() && argument.chars().all(|it| it.is_ascii_uppercase() || it == '_');
    argument.trim_start_matches('&').starts_with("format!") || is_constant
}

/// The arguments of a call that are texts for authors, and where it stands.
fn said<'a>(text: &'a str, call: &'a str) -> impl Iterator<Item = (usize, String)> + 'a {
    text.match_indices(call).flat_map(move |(at, _)| {
        let mut arguments = arguments(&text[at + call.len()..]);
        // Of `text!` the first is the template; of the others any may be.
        arguments.truncate(if call == "text!(" { 1 } else { usize::MAX });
        arguments.into_iter().map(move |it| (at, it))
    })
}

fn visit(path: &Path, work: &mut impl FnMut(&Path, &str)) {
    if path.is_dir() {
        let mut entries: Vec<_> =
            fs::read_dir(path).unwrap().map(|it| it.unwrap().path()).collect();
        entries.sort();
        entries.iter().for_each(|it| visit(it, work));
    } else if path.extension().is_some_and(|it| it == "rs") {
        work(path, &fs::read_to_string(path).unwrap());
    }
}

/// The arguments of a call whose opening parenthesis is behind us.
fn arguments(text: &str) -> Vec<String> {
    let (mut all, mut current, mut depth, mut in_text, mut escaped) =
        (vec![], String::new(), 0, false, false);
    for letter in text.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                all.push(std::mem::take(&mut current).trim().to_owned());
                continue;
            }
            _ => {}
        }
        current.push(letter);
    }
    all.push(current.trim().to_owned());
    all
}

/// What a literal of Rust stands for.
fn literal(source: &str) -> Option<String> {
    let inner = source.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::new();
    let mut letters = inner.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next()? {
                '\n' => while letters.next_if(|it| it.is_whitespace()).is_some() {},
                'n' => out.push('\n'),
                other => out.push(other),
            },
            // Two literals in one argument.
            ('"', _) => return None,
            (letter, _) => out.push(letter),
        }
    }
    Some(out)
}

/// The table as it stands in the sources.
fn table() -> BTreeMap<String, String> {
    let text = fs::read_to_string("src/diagnostic/id.po").unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut table = BTreeMap::new();
    for pair in lines.windows(2) {
        let value = |line: &str, key| literal(line.strip_prefix(key)?.trim());
        if let (Some(english), Some(other)) = (value(pair[0], "msgid "), value(pair[1], "msgstr "))
        {
            assert!(table.insert(english, other).is_none(), "twice: {}", pair[0]);
        }
    }
    table
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
