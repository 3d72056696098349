//! Which fields differ between two bodies: what became of each on the way from what was accepted to what
//! was sent. Pure, and bounded: a page that somebody reads.

use std::collections::{BTreeMap, BTreeSet};

use crate::message::{JsonWriter, Value};

/// Fields that are told of at most.
pub const CHANGES_MAX: usize = 500;

/// Values that are looked at in each of the bodies: more is a file, not a letter, and each may be held
/// against each.
const VALUES_MAX: usize = 2_000;

/// Characters of a value that are shown.
const VALUE_CHARS_MAX: usize = 200;

/// A text shorter than this is in many others by chance.
const TELLING_CHARS: usize = 4;

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where it stands: `$.pegawai.nip`; where it stood, if it was left out.
    pub path: String,
    /// What became of it.
    pub what: What,
}

/// What became of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It has another value.
    Changed {
        /// Before.
        before: ShownValue,
        /// Now.
        after: ShownValue,
    },
    /// It stood elsewhere, with this value.
    Moved {
        /// Where.
        from: String,
        /// The value.
        value: ShownValue,
    },
    /// It was not there before, with this value or another.
    Added(ShownValue),
    /// It was left out.
    LeftOut(ShownValue),
}

/// A value as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShownValue {
    /// As JSON, cut where it is long.
    Value(String),
    /// It is about a person, and nobody asked for it.
    Hidden,
}

/// Every change between two bodies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Each field that changed: first those of the body as it is now, in its order, then those that
    /// were left out.
    pub all: Vec<Change>,
    /// Fields that are as they were.
    pub same: usize,
    /// There are more, or the bodies have too many fields to be held against each other.
    pub more: bool,
}

/// Whether the value at a path is about a person.
pub(super) type Personal<'p> = &'p dyn Fn(&[Step<'_>], Value<'_>) -> bool;

/// A step of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

/// A value that holds no others, and where it stands.
struct Leaf<'a> {
    path: String,
    value: Value<'a>,
    is_personal: bool,
}

/// Holds two bodies against each other; where `hides` says what is about people, that is not shown.
pub(super) fn changes(
    (before, of_before): (Value<'_>, Option<Personal<'_>>),
    (after, of_after): (Value<'_>, Option<Personal<'_>>),
) -> Changes {
    let mut changes = Changes::default();
    let (before, many) = leaves(before, of_before);
    let (after, more) = leaves(after, of_after);
    changes.more = many || more;
    let places: BTreeMap<&str, &Leaf<'_>> = before.iter().map(|it| (&*it.path, it)).collect();
    let now: BTreeSet<&str> = after.iter().map(|it| &*it.path).collect();
    let secrets: Vec<String> =
        before.iter().filter(|it| it.is_personal).filter_map(telling).collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for leaf in &after {
        let there = places.get(&*leaf.path);
        if there.is_some_and(|it| it.value == leaf.value) {
            used.insert(&leaf.path);
            changes.same += 1;
            continue;
        }
        // Only from where it does not stand any more, and only what is telling.
        let moved = before
            .iter()
            .find(|it| it.value == leaf.value && is_telling(it.value) && !now.contains(&*it.path));
        let hides = |it: &Leaf<'_>| it.is_personal || tells(it, &secrets);
        let what = match (moved, there) {
            (Some(from), _) => {
                used.insert(&from.path);
                let value = shown(leaf, hides(leaf) || from.is_personal);
                What::Moved { from: from.path.clone(), value }
            }
            (None, Some(was)) => {
                used.insert(&was.path);
                What::Changed { before: shown(was, hides(was)), after: shown(leaf, hides(leaf)) }
            }
            (None, None) => What::Added(shown(leaf, hides(leaf))),
        };
        changes.add(Change { path: leaf.path.clone(), what });
    }
    for leaf in before.iter().filter(|it| !used.contains(&*it.path)) {
        let what = What::LeftOut(shown(leaf, leaf.is_personal || tells(leaf, &secrets)));
        changes.add(Change { path: leaf.path.clone(), what });
    }
    changes
}

impl Changes {
    fn add(&mut self, change: Change) {
        if self.all.len() < CHANGES_MAX {
            self.all.push(change);
        } else {
            self.more = true;
        }
    }
}

/// Numbers and words are telling; `true`, `0` and an empty text stand everywhere.
fn is_telling(value: Value<'_>) -> bool {
    match value {
        Value::Text(text) => 1 < text.chars().count(),
        Value::Number(number) => 2 < number.text().len(),
        _ => false,
    }
}

/// What a personal value is known by wherever else it stands.
fn telling(leaf: &Leaf<'_>) -> Option<String> {
    let text = match leaf.value {
        Value::Text(text) => text,
        Value::Number(number) => number.text(),
        _ => return None,
    };
    (TELLING_CHARS <= text.chars().count()).then(|| text.to_lowercase())
}

/// Whether a value holds one that is about a person.
fn tells(leaf: &Leaf<'_>, secrets: &[String]) -> bool {
    telling(leaf).is_some_and(|text| secrets.iter().any(|it| text.contains(it)))
}

fn shown(leaf: &Leaf<'_>, hide: bool) -> ShownValue {
    if hide {
        return ShownValue::Hidden;
    }
    let text = String::from_utf8_lossy(&JsonWriter::to_vec(leaf.value)).into_owned();
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        None => ShownValue::Value(text),
        Some((end, _)) => ShownValue::Value(format!("{}…", &text[..end])),
    }
}

/// The values of a body that hold no others, as many as are looked at; whether there are more.
fn leaves<'a>(value: Value<'a>, personal: Option<Personal<'_>>) -> (Vec<Leaf<'a>>, bool) {
    let mut found = Vec::new();
    let more = !walk(value, &mut Vec::new(), &mut |path, value| {
        if VALUES_MAX <= found.len() {
            return false;
        }
        let is_personal = personal.is_some_and(|it| it(path, value));
        found.push(Leaf { path: written(path), value, is_personal });
        true
    });
    (found, more)
}

/// Visits each value that holds no others, while the visitor wants more.
fn walk<'a>(
    value: Value<'a>,
    path: &mut Vec<Step<'a>>,
    visit: &mut impl FnMut(&[Step<'a>], Value<'a>) -> bool,
) -> bool {
    let mut inside = |step, value, path: &mut Vec<Step<'a>>| {
        path.push(step);
        let goes_on = walk(value, path, visit);
        path.pop();
        goes_on
    };
    match value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().all(|(name, value)| inside(Step::Field(name), *value, path))
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().enumerate().all(|(index, item)| inside(Step::Item(index), *item, path))
        }
        _ => visit(path, value),
    }
}

/// A path as the language writes it.
fn written(path: &[Step<'_>]) -> String {
    let mut text = "$".to_owned();
    for step in path {
        match step {
            Step::Field(name) if is_plain(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Field(name) => {
                let quoted = name.replace('\\', "\\\\").replace('\'', "\\'");
                text.push_str(&format!("['{quoted}']"));
            }
            Step::Item(index) => text.push_str(&format!("[{index}]")),
        }
    }
    text
}

fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|it| it.is_ascii_alphabetic() || it == b'_')
        && bytes.all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Arena, Limits, parse};

    /// A line for each change.
    fn told(before: &str, after: &str, personal: Option<Personal<'_>>) -> String {
        let arena = Arena::with_limit(16 << 20);
        let read = |text: &str| {
            let text = arena.text(text).unwrap();
            parse(&arena, text.as_bytes(), &Limits::default()).unwrap()
        };
        let changes = changes((read(before), personal), (read(after), personal));
        let value = |it: &ShownValue| match it {
            ShownValue::Value(text) => text.clone(),
            ShownValue::Hidden => "hidden".to_owned(),
        };
        let line = |change: &Change| {
            let what = match &change.what {
                What::Changed { before, after } => format!("{} -> {}", value(before), value(after)),
                What::Moved { from, value: it } => format!("from {from}: {}", value(it)),
                What::Added(it) => format!("added {}", value(it)),
                What::LeftOut(it) => format!("left out {}", value(it)),
            };
            format!("{}: {what}", change.path)
        };
        let lines: Vec<_> = changes.all.iter().map(line).collect();
        format!("{}\n{} the same, more: {}", lines.join("\n"), changes.same, changes.more)
    }

    #[test]
    fn each_field_is_told_of_by_its_path() {
        let before = r#"{"nomor":"090/TU","total":1.10,"status":"DRAF","tujuan":{"kota":"Padang"},
            "peserta":[{"nip":"7001"},{"nip":"7002"}],"catatan":"lama"}"#;
        let after = r#"{"nomor":"090/TU","total":1.1,"status":"TERBIT","kota":"Padang",
            "peserta":[{"nip":"7001"}],"x y":true,"kosong":[]}"#;
        insta::assert_snapshot!(told(before, after, None), @r#"
        $.total: 1.10 -> 1.1
        $.status: "DRAF" -> "TERBIT"
        $.kota: from $.tujuan.kota: "Padang"
        $['x y']: added true
        $.kosong: added []
        $.peserta[1].nip: left out "7002"
        $.catatan: left out "lama"
        2 the same, more: false
        "#);
    }

    #[test]
    fn what_is_about_a_person_stays_hidden_wherever_it_went() {
        let personal = |path: &[Step<'_>], _: Value<'_>| path.contains(&Step::Field("nama"));
        let before = r#"{"nama":"Sari","nomor":"12/TU","unit":"SDM"}"#;
        let after = r#"{"kepada":"Sari","sapaan":"Yth. SARI","unit":"sdm","nomor":"12/TU"}"#;
        insta::assert_snapshot!(told(before, after, Some(&personal)), @r#"
        $.kepada: from $.nama: hidden
        $.sapaan: added hidden
        $.unit: "SDM" -> "sdm"
        1 the same, more: false
        "#);
    }

    #[test]
    fn no_more_is_told_than_a_page_holds() {
        let many: Vec<_> = (0..CHANGES_MAX + 7).map(|it| format!("\"f{it}\":{it}")).collect();
        let all = told("{}", &format!("{{{}}}", many.join(",")), None);
        assert_eq!(all.lines().count(), CHANGES_MAX + 1);
        assert!(all.ends_with("0 the same, more: true"), "{all}");
        let long = told("[1]", &format!("[\"{}\"]", "ä".repeat(900)), None);
        assert!(long.contains('…') && long.len() < 600, "{long}");
    }
}
