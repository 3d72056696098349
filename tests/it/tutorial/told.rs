//! What a page shows as an answer, and whether that is what came: ids, times and keys are others each
//! time, `…` stands for anything within a line, and alone on a line for any lines.

use regex::Regex;

/// What differs each time, and what stands for it.
const VARIABLE: [(&str, &str); 8] = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>"),
    (r"simpul_[0-9a-f]{8,}…?", "<key>"),
    (r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,15}Z", "<time>"),
    (r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", "<time>"),
    (r"^  [0-9]{4}-[0-9]{2}-[0-9]{2}$", "  <day>"),
    (r"\bin [0-9]+\.[0-9]{2} s\b", "<took>"),
    (r"\([0-9]+ ms\)", "<took>"),
    (r"^([0-9]+  )[0-9]+ (s  )", "$1<age> $2"),
];

/// What identifies things in answers, and stands in later commands.
const NAMES: usize = 2;

/// An answer as a page shows it.
pub(super) struct Told(Vec<String>);

impl Told {
    pub(super) fn new(lines: Vec<String>) -> Self {
        Self(lines)
    }

    /// The same, with whatever comes behind it.
    pub(super) fn at_first(mut self) -> Self {
        self.0.push("…".to_owned());
        self
    }

    /// Whether the lines are these.
    pub(super) fn is(&self, came: &[String]) -> bool {
        fits(&self.0, came)
    }

    /// The ids and keys on the page, and what they are in what came.
    pub(super) fn names(&self, came: &[String]) -> Vec<(String, String)> {
        let mut names = Vec::new();
        for (pattern, _) in &VARIABLE[..NAMES] {
            let pattern = Regex::new(pattern).unwrap();
            let of = |lines: &[String]| -> Vec<String> {
                let all = lines.iter().flat_map(|it| pattern.find_iter(it));
                all.map(|it| it.as_str().to_owned()).collect()
            };
            names.extend(of(&self.0).into_iter().zip(of(came)));
        }
        names
    }

    pub(super) fn text(&self) -> String {
        self.0.join("\n")
    }
}

/// Whether lines are those that are told, where a line of `…` stands for any.
fn fits(told: &[String], came: &[String]) -> bool {
    match (told.split_first(), came.split_first()) {
        (None, came) => came.is_none(),
        (Some((first, rest)), came_first) if first.trim() == "…" => {
            fits(rest, came) || came_first.is_some_and(|(_, behind)| fits(told, behind))
        }
        (Some(_), None) => false,
        (Some((first, rest)), Some((line, behind))) => is_line(first, line) && fits(rest, behind),
    }
}

/// Whether a line is the one that is told.
fn is_line(told: &str, came: &str) -> bool {
    let (told, came) = (plain(told), plain(came));
    let mut parts = told.split('…');
    let Some(mut rest) = parts.next().and_then(|first| came.strip_prefix(first)) else {
        return false;
    };
    let parts: Vec<_> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn plain(line: &str) -> String {
    let mut line = line.trim_end().to_owned();
    for (pattern, name) in VARIABLE {
        line = Regex::new(pattern).unwrap().replace_all(&line, name).into_owned();
    }
    line
}

#[test]
fn an_answer_is_told_with_what_differs_left_open() {
    let told = |lines: &[&str]| Told::new(lines.iter().map(|it| (*it).to_owned()).collect());
    let came = |lines: &[&str]| lines.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let id = "01a20081-8106-7000-9627-4c285a44895d";
    let other = "01a20099-8106-7000-9627-4c285a44895e";
    assert!(told(&["a", "…", "d"]).is(&came(&["a", "b", "c", "d"])));
    assert!(told(&["a", "…"]).is(&came(&["a"])));
    assert!(!told(&["a", "…", "d"]).is(&came(&["a", "b"])));
    assert!(!told(&["a"]).is(&came(&["a", "b"])));
    assert!(told(&["x… z"]).is(&came(&["x y z"])));
    assert!(!told(&["x… z"]).is(&came(&["x y"])));
    assert!(
        told(&[&format!("id {id}, in 0.04 s")]).is(&came(&[&format!("id {other}, in 12.30 s")]))
    );
    assert!(!told(&["3 cases"]).is(&came(&["4 cases"])));
    let names = told(&[id]).names(&came(&[other]));
    assert_eq!(names, [(id.to_owned(), other.to_owned())]);
}
