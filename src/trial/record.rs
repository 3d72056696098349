//! A message that came once as a test case: what was given, what the targets answered, and what
//! happened then, as its author would have written it.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use super::{
    AnswerWord, Case, DeliveryWord, Expect, Given, MessageWord, Seen, SeenDelivery,
    read::NOW,
    script::{Reply, Says},
};
use crate::{
    connector::Class,
    diagnostic::{Scalar, Span, Style},
    expr::ValueText,
    message::{Arena, Endpoint, Headers, Limits, Value, parse},
};

/// Memory for a body that is written down.
const MEMORY_MAX: usize = 64 << 20;

/// A message that came once.
pub struct Recorded {
    /// What the case is to be called.
    pub name: String,
    /// Where it comes from, for a comment.
    pub source: String,
    /// Its body.
    pub body: String,
    /// What came beside it.
    pub headers: Headers,
    /// What targets answered.
    pub answers: Vec<(Endpoint, AnswerWord)>,
}

impl Recorded {
    /// The case, to be played; it expects nothing yet.
    pub fn case(&self) -> Case {
        let script = |word: &AnswerWord| {
            let says = match word {
                AnswerWord::Delivered => Says::Taken,
                AnswerWord::Unavailable => Says::Class(Class::Unavailable, None),
                AnswerWord::Misconfigured => Says::Class(Class::Misconfigured, None),
                AnswerWord::Refused => Says::Class(Class::Refused, None),
                AnswerWord::Timeout => Says::Timeout,
            };
            vec![Reply { after: Duration::ZERO, says }]
        };
        let given = Given {
            body: Bytes::from(self.body.clone()),
            headers: self.headers.clone(),
            key: None,
            after: Duration::ZERO,
        };
        Case {
            name: self.name.clone(),
            at: Span::START,
            now: NOW,
            given: vec![given],
            scripts: self.answers.iter().map(|(to, word)| (to.clone(), script(word))).collect(),
            tables: BTreeMap::new(),
            expect: Expect::default(),
        }
    }

    /// The case as text that belongs under `cases:`, expecting what was seen. `pretty` is the body
    /// in lines.
    pub fn text(&self, pretty: &str, seen: &Seen) -> String {
        let mut out = format!("  # Recorded from {}. It expects what happens now:\n", self.source);
        out.push_str("  # change that to what should happen, and look at what is not masked.\n");
        out.push_str(&format!("  {}:\n    given:\n      body: |\n", quoted(&self.name)));
        pretty.lines().for_each(|line| out.push_str(&format!("        {line}\n")));
        if !self.headers.is_empty() {
            out.push_str("      headers:\n");
            for (name, value) in self.headers.iter() {
                out.push_str(&format!("        {}: {}\n", key(name), quoted(value)));
            }
        }
        if !self.answers.is_empty() {
            let answers = self.answers.iter();
            let answers: Vec<_> = answers.map(|(to, it)| format!("{to}: {}", word(*it))).collect();
            out.push_str(&format!("    targets: {{ {} }}\n", answers.join(", ")));
        }
        out.push_str("    expect:\n");
        for message in &seen.messages {
            out.push_str(&format!("      outcome: {}\n", message.outcome.word()));
            if let Some(step) = &message.step {
                out.push_str(&format!("      step: {}\n", quoted(step)));
            }
            if let Some(reason) = &message.reason {
                out.push_str(&format!("      reason: {}\n", quoted(reason)));
            }
            if message.outcome == MessageWord::Routed {
                deliveries(seen, &mut out);
            }
        }
        out
    }
}

fn word(word: AnswerWord) -> &'static str {
    match word {
        AnswerWord::Delivered => "delivered",
        AnswerWord::Unavailable => "unavailable",
        AnswerWord::Misconfigured => "misconfigured",
        AnswerWord::Refused => "refused",
        AnswerWord::Timeout => "timeout",
    }
}

fn deliveries(seen: &Seen, out: &mut String) {
    out.push_str("      to:\n");
    if seen.deliveries.is_empty() {
        out.truncate(out.len() - "      to:\n".len());
    }
    for of_target in seen.deliveries.chunk_by(|left, right| left.target == right.target) {
        let Some(first) = of_target.first() else { continue };
        out.push_str(&format!("        {}:\n", first.target));
        of_target.iter().for_each(|it| delivery(it, out));
    }
}

fn delivery(delivery: &SeenDelivery, out: &mut String) {
    out.push_str(&format!("          - outcome: {}\n", delivery.outcome.word()));
    if let (DeliveryWord::Dead, Some(reason)) = (delivery.outcome, &delivery.reason) {
        out.push_str(&format!("            reason: {}\n", quoted(reason)));
    }
    let Some(body) = &delivery.body else { return };
    let arena = Arena::with_limit(MEMORY_MAX);
    let Ok(body) = parse(&arena, body, &Limits { depth: Limits::DEPTH_MAX }) else { return };
    let Value::Object(members) = body else {
        return out.push_str(&format!("            body: {}\n", flow(body)));
    };
    out.push_str("            body:\n");
    for (name, value) in members {
        out.push_str(&format!("              {}: {}\n", key(name), flow(*value)));
    }
}

/// A value on one line, so that `map` would make just this of it.
fn flow(value: Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => {
            let (text, style) = (number.text().to_owned(), Style::Plain);
            match (Scalar { text, style }).plain_value() {
                Ok(_) => number.text().to_owned(),
                Err(_) => quoted(&format!("={}", number.text())),
            }
        }
        Value::Text(text) => quoted(&literal(text)),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|it| flow(*it)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<_> =
                members.iter().map(|(name, it)| format!("{}: {}", key(name), flow(*it))).collect();
            format!("{{ {} }}", members.join(", ")).replace("{  }", "{}")
        }
    }
}

/// The text that, where a value stands, means just `text`.
fn literal(text: &str) -> String {
    let is_literal = |it: &str| {
        ValueText::parse(it).is_ok_and(|parsed| parsed.literal().is_some_and(|it| it == text))
    };
    if is_literal(text) {
        return text.to_owned();
    }
    let dollars = text.replace('$', "$$");
    if is_literal(&dollars) {
        return dollars;
    }
    let inner = quoted(text);
    let inner = inner.trim_matches('"').replace("\\\"", "\"").replace('\'', "\\'");
    format!("='{inner}'")
}

fn key(name: &str) -> String {
    let is_plain = !name.is_empty()
        && name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-'))
        && !matches!(name, "null" | "true" | "false");
    if is_plain { name.to_owned() } else { quoted(name) }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_so_that_it_is_read_as_itself() {
        let arena = Arena::with_limit(1 << 20);
        let text =
            br#"{"a":1.0,"b":"$.x","c":"@y","d":"=z","e":"${f}","g h":[null,true,"a'b"],"i":{}}"#;
        let value = parse(&arena, text, &Limits::default()).unwrap();
        insta::assert_snapshot!(flow(value), @r#"{ a: "=1.0", b: "$$.x", c: "='@y'", d: "='=z'", e: "$${f}", "g h": [null, true, "a'b"], i: {} }"#);
    }
}
