//! Values as our YAML files write them.

/// Letters that a plain value may begin with and mean itself.
fn begins_plainly(text: &str) -> bool {
    text.starts_with(|it: char| it.is_alphabetic() || matches!(it, '$' | '/' | '=' | '.'))
}

/// A text that stands for itself: plain where every reader of YAML reads it so.
pub(super) fn text(text: &str) -> String {
    let plain = begins_plainly(text)
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(char::is_control)
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "null" | "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { text.to_owned() } else { quoted(text) }
}

/// As [`text`], inside `{ }` or `[ ]`.
pub(super) fn in_braces(it: &str) -> String {
    if it.contains(['{', '}', '[', ']', ',']) { quoted(it) } else { text(it) }
}

/// A text in quotes.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().any(char::is_control) {
        // A text of JSON is one of YAML too.
        return serde_json::Value::from(text).to_string();
    }
    match text.contains(['"', '\\']) {
        true => format!("'{}'", text.replace('\'', "''")),
        false => format!("\"{text}\""),
    }
}

/// A key of a mapping.
pub(super) fn key(name: &str) -> String {
    let plain = name.starts_with(|it: char| it.is_alphabetic() || it == '_' || it == '$')
        && name.chars().all(|it| it.is_alphanumeric() || matches!(it, '_' | '-' | '.' | '$'));
    if plain { text(name) } else { quoted(name) }
}

/// A text that `map` takes for itself, whatever it looks like.
pub(super) fn literal(it: &str) -> String {
    let is_plain_word = !it.is_empty()
        && it.chars().all(|it| it.is_alphanumeric() || matches!(it, ' ' | '_' | '-'));
    if is_plain_word && begins_plainly(it) {
        return text(it);
    }
    // As an expression that is a text.
    let escaped = it.replace('\\', "\\\\").replace('\'', "\\'");
    quoted(&format!("='{escaped}'"))
}
