//! Takes personal data out of a message that is to become a test case: names, numbers and addresses of
//! people: what the schema says is about a person, and what looks so by the name of its field or by
//! itself. What stands in their place is of
//! the same kind, and the same wherever the same stood, so that a route treats it alike.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::step::{Hop, Schema, is_personal_name, looks_personal};

/// What was masked.
#[derive(Debug, Default)]
pub struct Masked {
    /// The message.
    pub body: String,
    /// The fields, as paths.
    pub fields: Vec<String>,
}

/// Masks a body of which more may be known by its schema; text that is no JSON stays as it is, with
/// nothing masked.
pub fn mask(body: &str, schema: Option<&Schema>) -> Masked {
    let Ok(json) = serde_json::from_str::<Json>(body) else {
        return Masked { body: body.to_owned(), fields: Vec::new() };
    };
    let mut masking = Masking { schema, known: BTreeMap::new(), fields: Vec::new() };
    let mut body = body.to_owned();
    masking.look("$", &json, &mut Vec::new(), false);
    // In the text, so that numbers keep their digits and members their order.
    let mut known: Vec<_> = masking.known.iter().collect();
    known.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    for (before, after) in known {
        body = body.replace(&quoted(before), &quoted(after));
    }
    Masked { body, fields: masking.fields }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

struct Masking<'m> {
    schema: Option<&'m Schema>,
    /// What stands in the place of a text.
    known: BTreeMap<String, String>,
    fields: Vec<String>,
}

impl<'m> Masking<'m> {
    fn look(&mut self, path: &str, value: &'m Json, parts: &mut Vec<Hop<'m>>, personal: bool) {
        match value {
            Json::Object(members) => {
                for (name, value) in members {
                    let personal = (personal || is_personal_name(name)) && !value.is_object();
                    parts.push(Hop::Field(name));
                    self.look(&format!("{path}.{name}"), value, parts, personal);
                    parts.pop();
                }
            }
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    parts.push(Hop::Item);
                    self.look(&format!("{path}[{index}]"), item, parts, personal);
                    parts.pop();
                }
            }
            Json::String(text) if !text.is_empty() => {
                let is_said = || self.schema.is_some_and(|it| it.is_personal(parts));
                if !(personal || looks_personal(text) || is_said()) {
                    return;
                }
                let next = self.known.len() + 1;
                self.known.entry(text.clone()).or_insert_with(|| instead(text, next));
                self.fields.push(path.to_owned());
            }
            _ => {}
        }
    }
}

/// Something of the same kind, told apart by a number.
fn instead(text: &str, number: usize) -> String {
    let all_digits = text.bytes().all(|it| it.is_ascii_digit());
    let is_day = text.len() == 10 && text.as_bytes().get(4) == Some(&b'-');
    match text.len() {
        // Born and appointed long ago, so that it belongs to nobody.
        18 if all_digits => format!("19000101192001{}{:03}", 1, number % 1_000),
        16 if all_digits => format!("000000410100{:04}", number % 10_000),
        _ if is_day => format!("1900-01-{:02}", number % 28 + 1),
        _ if text.contains('@') => format!("orang{number}@contoh.example"),
        _ if text.bytes().any(|it| it.is_ascii_digit()) => digits(text, number),
        _ => format!("Orang {number}"),
    }
}

/// The same text with other digits: zeros, and the number at the end.
fn digits(text: &str, number: usize) -> String {
    let count = text.bytes().filter(u8::is_ascii_digit).count();
    let filled = format!("{number:0count$}");
    let mut filled = filled.chars().rev().take(count).collect::<Vec<_>>();
    let other = |it: char| if it.is_uppercase() { 'X' } else { 'x' };
    text.chars()
        .map(|it| match it {
            '0'..='9' => filled.pop().unwrap_or('0'),
            it if it.is_alphabetic() => other(it),
            it => it,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Report;

    #[test]
    fn what_the_schema_says_is_about_a_person_is_masked_whatever_it_is_called() {
        let schema = r#"{ "type": "object", "properties": {
            "penerima": { "x-data-pribadi": "umum", "type": "object" },
            "anggota": { "type": "array", "items": { "x-data-pribadi": "spesifik" } },
            "perihal": { "x-data-pribadi": false } } }"#;
        let schema = Schema::compile(schema, &mut Report::default()).unwrap();
        let body = r#"{"penerima":{"sapaan":"Sari"},"anggota":["Budi"],"perihal":"Rapat"}"#;
        let masked = mask(body, Some(&schema));
        assert_eq!(masked.fields, ["$.anggota[0]", "$.penerima.sapaan"]);
        assert!(masked.body.contains("Rapat") && !masked.body.contains("Sari"), "{}", masked.body);
        assert_eq!(mask(body, None).fields, [] as [&str; 0]);
    }

    #[test]
    fn what_is_about_people_is_masked_and_the_rest_stays_as_it_was_written() {
        let body = r#"{"nip":"198505172010121003","nama_pegawai":"Sari","total":1.10,
            "lahir":"1985-05-17","atasan":{"nip":"198505172010121003","unit":"Umum"},
            "catatan":"tanya 081234567890","wa":"081234567890","surat":"sari@kpu.example","nipah":"x"}"#;
        let masked = mask(body, None);
        insta::assert_snapshot!(masked.body, @r#"
        {"nip":"190001011920011001","nama_pegawai":"Orang 3","total":1.10,
                    "lahir":"1900-01-03","atasan":{"nip":"190001011920011001","unit":"Umum"},
                    "catatan":"tanya 081234567890","wa":"000000000005","surat":"orang4@contoh.example","nipah":"x"}
        "#);
        assert_eq!(masked.fields.len(), 6, "{:?}", masked.fields);
        assert_eq!(mask("no JSON", None).body, "no JSON");
    }
}
