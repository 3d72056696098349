//! What stands in for what `${env:…}` and `${file:…}` would be filled in with, where nothing of it is
//! asked for: in tests of routes, which call nobody and must give the same on each machine.

use super::fill;
use crate::{
    diagnostic::{Node, NodeKind, Scalar, Style},
    message::Digest,
};

/// The address of a system. Nothing is ever called there.
const HTTP: &str = "http://127.0.0.1:9";
const AMQP: &str = "amqp://127.0.0.1:9";

/// The key of `hash` of all tests, so that expected pseudonyms can be written into files. It is no
/// secret, and makes other pseudonyms than those that are sent.
pub const HASH_KEY: &str = "simpul-test-hash-key";

/// The key under which bodies are sealed in all tests. It is no secret.
pub const BODY_KEY: &str = "73696d70756c2d746573742d626f64792d6b65792d73696d70756c2d74657374";

/// Puts something of the right kind in the place of all that asks for variables and files; `keys`
/// lead to `node`.
pub(super) fn stand_in(node: &mut Node, keys: &mut Vec<String>) {
    match &mut node.kind {
        NodeKind::List(items) => items.iter_mut().for_each(|it| stand_in(it, keys)),
        NodeKind::Map(entries) => {
            // Certificates: without any, those of the system are trusted.
            entries.retain(|(key, value)| !(key.value.ends_with("ca") && asks(value)));
            for (key, value) in entries {
                keys.push(key.value.clone());
                stand_in(value, keys);
                keys.pop();
            }
        }
        NodeKind::Scalar(scalar) if fill::next(&scalar.text, 0).is_some() => {
            let text = text(&scalar.text, keys);
            *scalar = Scalar { text, style: Style::Filled };
        }
        NodeKind::Scalar(_) => {}
    }
}

fn asks(node: &Node) -> bool {
    matches!(&node.kind, NodeKind::Scalar(scalar) if fill::next(&scalar.text, 0).is_some())
}

fn text(text: &str, keys: &[String]) -> String {
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    match keys.as_slice() {
        ["http", "url"] => HTTP.to_owned(),
        ["amqp", "url"] => AMQP.to_owned(),
        ["http", "sources", _, "api_keys", _] => {
            let parts: Vec<_> = keys.iter().map(|it| it.as_bytes()).collect();
            format!("sha256:{}", Digest::of(&parts))
        }
        ["hash_key"] => HASH_KEY.to_owned(),
        ["body_keys", _] => BODY_KEY.to_owned(),
        ["broker"] => "embedded".to_owned(),
        ["listen" | "ops"] => "127.0.0.1:0".to_owned(),
        ["store"] => "./data".to_owned(),
        _ => filled(text),
    }
}

/// The text with a word for each part that asks.
fn filled(text: &str) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(start) = fill::next(text, from) {
        filled.push_str(text.get(from..start).unwrap_or_default());
        filled.push_str("stand-in");
        let rest = text.get(start..).unwrap_or_default();
        from = rest.find('}').map_or(text.len(), |end| start + end + 1);
    }
    filled.push_str(text.get(from..).unwrap_or_default());
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Report, parse};

    #[test]
    fn what_stands_in_is_of_the_right_kind() {
        let text = "http:\n  url: https://${env:HOST}/api\n  ca: ${file:ca.pem}\n  headers: { x: \"a-${env:X}-b\" }\n  \
                    sources: { s: { api_keys: { k: \"${env:K}\" } } }\n";
        let mut node = parse(text, &mut Report::default()).unwrap();
        stand_in(&mut node, &mut Vec::new());
        let shown = texts(&node);
        assert_eq!(shown[..2], [HTTP, "a-stand-in-b"]);
        assert!(shown[2].starts_with("sha256:") && shown[2].len() == 71, "{}", shown[2]);
    }

    fn texts(node: &Node) -> Vec<&str> {
        match &node.kind {
            NodeKind::Scalar(scalar) => vec![&scalar.text],
            NodeKind::List(items) => items.iter().flat_map(texts).collect(),
            NodeKind::Map(entries) => entries.iter().flat_map(|(_, it)| texts(it)).collect(),
        }
    }
}
