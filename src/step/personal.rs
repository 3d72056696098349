//! What in a body is about people, and a body as it is shown to an operator: a line for each member,
//! numbers and members as they were written, and what is about people hidden unless he asked for it.

use super::{Hop, Schema};
use crate::message::{Arena, JsonWriter, Limits, Value, parse};

/// Parts of names of fields that hold what is about a person.
const PERSONAL: [&str; 24] = [
    "nip", "nik", "npwp", "nrp", "ktp", "paspor", "passport", "nama", "name", "alamat", "address",
    "telepon", "telp", "phone", "hp", "email", "surel", "lahir", "birth", "rekening", "account",
    "foto", "photo", "agama",
];

/// Short words of that list are looked for as words of a name, not as parts of one.
const SHORT: usize = 3;

/// Memory for reading one body: that of the largest that is accepted, and its values.
const MEMORY_MAX: usize = 64 << 20;

/// Bytes that are shown: more is read with other tools than a screen.
const SHOWN_MAX: usize = 256 << 10;

/// Letters below which a text says nobody, and stands in half of all words.
const KNOWN_MIN: usize = 4;

/// Texts about people of one body that are looked for in another.
const KNOWN_MAX: usize = 1_000;

/// What stands where something is hidden.
const HIDDEN: &str = "\"•••\"";

/// Whether a field of this name holds what is about a person, as far as its name tells.
pub fn is_personal_name(name: &str) -> bool {
    let name = name.to_lowercase();
    PERSONAL.iter().any(|word| {
        let as_word = || name.split(|it: char| !it.is_alphanumeric()).any(|it| it == *word);
        if word.len() <= SHORT { as_word() } else { name.contains(word) }
    })
}

/// Whether a text is the number of an employee or a citizen, a telephone number or a mail address.
pub fn looks_personal(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let all_digits = digits == text.len();
    let is_number = all_digits && (digits == 18 || digits == 16);
    let is_phone = (text.starts_with("08") || text.starts_with("+62"))
        && (10..=15).contains(&digits)
        && text.bytes().all(|it| it.is_ascii_digit() || b"+- ".contains(&it));
    let is_mail = text.contains('@') && text.contains('.') && !text.contains(' ');
    is_number || is_phone || is_mail
}

/// A body as it is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The text, in lines.
    pub text: String,
    /// How many values are hidden.
    pub hidden: usize,
    /// It is no JSON: nobody can tell what in it is about people, so that it is shown whole, or not.
    pub is_opaque: bool,
    /// It is longer than what is shown.
    pub is_cut: bool,
}

impl Shown {
    /// A body as it is shown; with `hide`, what is about people is hidden: what the schema marks, what
    /// looks so by its field's name or by itself, and every text in which one of `known` stands.
    pub fn of(body: &[u8], schema: Option<&Schema>, known: &[String], hide: bool) -> Self {
        let arena = Arena::with_limit(MEMORY_MAX);
        let limits = Limits { depth: Limits::DEPTH_MAX };
        let Ok(value) = parse(&arena, body, &limits) else {
            let text =
                if hide { String::new() } else { String::from_utf8_lossy(body).into_owned() };
            return Self { text, is_opaque: true, ..Self::default() }.cut();
        };
        let mut showing = Showing::new(schema, known, hide);
        showing.value(value, &mut Vec::new(), false);
        showing.shown.cut()
    }

    /// The texts and numbers of a body that are about people, as far as they say whom: what a route
    /// puts of them into another field, or into a text, is about people there too.
    pub fn personal(body: &[u8], schema: Option<&Schema>) -> Vec<String> {
        let arena = Arena::with_limit(MEMORY_MAX);
        let limits = Limits { depth: Limits::DEPTH_MAX };
        let Ok(value) = parse(&arena, body, &limits) else { return Vec::new() };
        let mut showing = Showing::new(schema, &[], true);
        showing.value(value, &mut Vec::new(), false);
        let mut found = showing.found;
        found.sort_unstable();
        found.dedup();
        found
    }

    fn cut(mut self) -> Self {
        if SHOWN_MAX < self.text.len() {
            self.text.truncate(self.text.floor_char_boundary(SHOWN_MAX));
            self.is_cut = true;
        }
        self
    }
}

struct Showing<'s> {
    schema: Option<&'s Schema>,
    known: &'s [String],
    hide: bool,
    shown: Shown,
    /// What was hidden.
    found: Vec<String>,
    depth: usize,
}

impl<'s> Showing<'s> {
    fn new(schema: Option<&'s Schema>, known: &'s [String], hide: bool) -> Self {
        Self { schema, known, hide, shown: Shown::default(), found: Vec::new(), depth: 0 }
    }

    fn value(&mut self, value: Value<'s>, path: &mut Vec<Hop<'s>>, personal: bool) {
        match value {
            // What comes behind would be cut.
            _ if SHOWN_MAX < self.shown.text.len() => {}
            Value::Object([]) => self.shown.text.push_str("{}"),
            Value::Array([]) => self.shown.text.push_str("[]"),
            Value::Object(members) => {
                self.open('{');
                for (index, (name, value)) in members.iter().enumerate() {
                    self.next(index);
                    self.write(Value::Text(name));
                    self.shown.text.push_str(": ");
                    path.push(Hop::Field(name));
                    self.value(*value, path, personal || is_personal_name(name));
                    path.pop();
                }
                self.close('}');
            }
            Value::Array(items) => {
                self.open('[');
                path.push(Hop::Item);
                for (index, item) in items.iter().enumerate() {
                    self.next(index);
                    self.value(*item, path, personal);
                }
                path.pop();
                self.close(']');
            }
            scalar => self.scalar(scalar, path, personal),
        }
    }

    fn scalar(&mut self, value: Value<'s>, path: &[Hop<'s>], personal: bool) {
        let is_said = || self.schema.is_some_and(|it| it.is_personal(path));
        let (hides, text) = match value {
            Value::Null | Value::Text("") => (false, ""),
            Value::Text(text) => (personal || looks_personal(text) || is_said(), text),
            Value::Number(number) => {
                let text = number.text();
                (personal || looks_personal(text) || is_said(), text)
            }
            _ => (is_said(), ""),
        };
        let hides = hides || self.known.iter().any(|it| text.contains(it.as_str()));
        if hides && self.hide {
            self.shown.hidden += 1;
            if KNOWN_MIN <= text.chars().count() && self.found.len() < KNOWN_MAX {
                self.found.push(text.to_owned());
            }
            self.shown.text.push_str(HIDDEN);
        } else {
            self.write(value);
        }
    }

    fn write(&mut self, value: Value<'_>) {
        self.shown.text.push_str(&String::from_utf8_lossy(&JsonWriter::to_vec(value)));
    }

    fn open(&mut self, letter: char) {
        self.shown.text.push(letter);
        self.depth += 1;
    }

    fn next(&mut self, index: usize) {
        if 0 < index {
            self.shown.text.push(',');
        }
        self.line();
    }

    fn close(&mut self, letter: char) {
        self.depth -= 1;
        self.line();
        self.shown.text.push(letter);
    }

    fn line(&mut self) {
        self.shown.text.push('\n');
        self.shown.text.extend(std::iter::repeat_n("  ", self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Report;

    #[test]
    fn what_is_about_people_is_hidden_unless_it_is_asked_for() {
        let schema = r#"{ "type": "object", "properties": {
            "penerima": { "x-data-pribadi": "umum", "type": "object" },
            "gaji": { "x-data-pribadi": "spesifik" } } }"#;
        let schema = Schema::compile(schema, &mut Report::default()).unwrap();
        let body = r#"{"nomor":"090/TU","penerima":{"sapaan":"Sari","aktif":true},"gaji":5.50,
            "nip":199001012015031001,"alamat":{"jalan":"Imam Bonjol 29"},"total":1.10,"kosong":[]}"#;
        let shown = Shown::of(body.as_bytes(), Some(&schema), &[], true);
        insta::assert_snapshot!(shown.text, @r#"
        {
          "nomor": "090/TU",
          "penerima": {
            "sapaan": "•••",
            "aktif": "•••"
          },
          "gaji": "•••",
          "nip": "•••",
          "alamat": {
            "jalan": "•••"
          },
          "total": 1.10,
          "kosong": []
        }
        "#);
        assert_eq!(shown.hidden, 5);
        let whole = Shown::of(body.as_bytes(), Some(&schema), &[], false);
        assert_eq!(whole.hidden, 0);
        assert!(whole.text.contains("\"gaji\": 5.50") && whole.text.contains("Sari"));
    }

    #[test]
    fn what_a_route_made_of_a_name_is_hidden_too() {
        let accepted = br#"{"penerima":{"nama":"Siti Nurhalizah"},"nomor":"090/TU"}"#;
        let known = Shown::personal(accepted, None);
        assert_eq!(known, ["Siti Nurhalizah"]);
        let sent = br#"{"kepada":"Yth. Siti Nurhalizah","nomor":"090/TU"}"#;
        let shown = Shown::of(sent, None, &known, true);
        assert_eq!(shown.text, "{\n  \"kepada\": \"•••\",\n  \"nomor\": \"090/TU\"\n}");
    }

    #[test]
    fn what_is_no_json_is_shown_only_to_who_asks_for_all_of_it() {
        let hidden = Shown::of(b"nip=199001012015031001", None, &[], true);
        assert_eq!((hidden.text.as_str(), hidden.is_opaque), ("", true));
        let whole = Shown::of(b"nip=199001012015031001", None, &[], false);
        assert_eq!(whole.text, "nip=199001012015031001");
    }

    #[test]
    fn a_huge_body_is_cut() {
        let body = format!("[{}0]", "\"ä\",".repeat(SHOWN_MAX));
        let shown = Shown::of(body.as_bytes(), None, &[], true);
        assert!(shown.is_cut && shown.text.len() <= SHOWN_MAX);
    }
}
