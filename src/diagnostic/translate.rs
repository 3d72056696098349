//! What is said to the author of a file, in his language.
//!
//! A [`Text`] is an English template and what goes into it. Translations stand in one table,
//! `id.po`, in the form that translators' tools read; what is not in there is said in English.

use std::{borrow::Cow, collections::HashMap, fmt::Display, sync::LazyLock};

/// The Indonesian table.
const INDONESIAN: &str = include_str!("id.po");

/// What a template has in place of something to be filled in.
const HOLE: &str = "{}";

/// A language that diagnostics are told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// As the templates stand in the sources.
    #[default]
    English,
    /// As `id.po` has them.
    Indonesian,
}

impl Language {
    /// Its name, as HTTP and the command line have it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Indonesian => "id",
        }
    }

    /// The first of those that somebody accepts (`id, en;q=0.5`) that there is, else English.
    pub fn accepted(header: &str) -> Self {
        let tags = header.split(',').map(|it| it.trim_start().get(..2).unwrap_or_default());
        let mut known = tags.filter_map(|it| match it.to_ascii_lowercase().as_str() {
            "en" => Some(Self::English),
            "id" => Some(Self::Indonesian),
            _ => None,
        });
        known.next().unwrap_or_default()
    }
}

/// A sentence, or a part of one, that can be told in any [`Language`]: made with `text!`.
///
/// There is no way from a `String`, so that none is put together where it cannot be translated. Two
/// that say the same in English are equal.
#[derive(Debug, Clone, Eq, Default)]
pub struct Text {
    template: Cow<'static, str>,
    arguments: Vec<Argument>,
}

/// What is filled into a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A name, a number, a piece of a file: the same in every language.
    Verbatim(String),
    /// A word of ours, which has a translation of its own.
    Text(Text),
}

impl<T: Display + ?Sized> From<&T> for Argument {
    fn from(shown: &T) -> Self {
        Self::Verbatim(shown.to_string())
    }
}

impl From<Text> for Argument {
    fn from(text: Text) -> Self {
        Self::Text(text)
    }
}

impl From<&'static str> for Text {
    fn from(whole: &'static str) -> Self {
        Self { template: whole.into(), arguments: vec![] }
    }
}

impl From<&Self> for Text {
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.english() == other.english()
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, english: &str) -> bool {
        self.english() == *english
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, english: &&str) -> bool {
        self.english() == **english
    }
}

impl Text {
    /// A template and what stands in each `{}` of it; `text!` counts them when it is compiled.
    pub fn new(template: &'static str, arguments: Vec<Argument>) -> Self {
        Self { template: template.into(), arguments }
    }

    /// A text that comes as a whole out of `serde` or the reader of JSON: of it only the whole can be
    /// translated.
    pub fn whole(text: String) -> Self {
        Self { template: text.into(), arguments: vec![] }
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.template.is_empty()
    }

    /// As English has it.
    pub fn english(&self) -> String {
        self.told(Language::English)
    }

    /// As a language has it; a template without a translation stays English.
    pub fn told(&self, language: Language) -> String {
        let translated = match language {
            Language::English => None,
            Language::Indonesian => TABLE.get(&*self.template).copied(),
        };
        let template = translated.unwrap_or(&self.template);
        if self.arguments.is_empty() {
            return template.to_owned();
        }
        let arguments: Vec<String> = self.arguments.iter().map(|it| it.told(language)).collect();
        fill(template, &arguments)
    }

    /// Puts stars wherever `secret` stands.
    pub(super) fn conceal(&mut self, secret: &str) {
        if let Cow::Owned(whole) = &mut self.template {
            *whole = concealed(whole, secret);
        }
        for argument in &mut self.arguments {
            match argument {
                Argument::Verbatim(shown) if shown == secret => STARS.clone_into(shown),
                Argument::Verbatim(shown) => *shown = concealed(shown, secret),
                Argument::Text(text) => text.conceal(secret),
            }
        }
    }

    /// Templates of this text that `language` does not have.
    pub fn untranslated(&self, language: Language) -> Vec<&str> {
        let inner = self.arguments.iter().filter_map(|it| match it {
            Argument::Text(text) => Some(text),
            Argument::Verbatim(_) => None,
        });
        let mut lacking: Vec<&str> = inner.flat_map(|it| it.untranslated(language)).collect();
        let known = language == Language::English || TABLE.contains_key(&*self.template);
        if !known && self.template.contains(char::is_alphabetic) {
            lacking.push(&self.template);
        }
        lacking
    }
}

impl Argument {
    fn told(&self, language: Language) -> String {
        match self {
            Self::Verbatim(shown) => shown.clone(),
            Self::Text(text) => text.told(language),
        }
    }
}

/// What is shown in place of a secret.
const STARS: &str = "***";

fn concealed(text: &str, secret: &str) -> String {
    /// Bytes below which a text stands in half of all words: hidden only where it is quoted.
    const LENGTH_MIN: usize = 4;
    match LENGTH_MIN <= secret.len() {
        true => text.replace(secret, STARS),
        false => text.replace(&format!("`{secret}`"), &format!("`{STARS}`")),
    }
}

/// Fills the holes in their order: `{}` takes the next argument, `{2}` the second, for a language
/// in which another order is natural.
fn fill(template: &str, arguments: &[String]) -> String {
    let mut out = String::with_capacity(template.len());
    let (mut rest, mut next) = (template, 0);
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        let (number, behind_hole) = match behind.split_once('}') {
            Some(("", behind)) => {
                next += 1;
                (Some(next), behind)
            }
            Some((number, behind)) => (number.parse().ok(), behind),
            None => (None, behind),
        };
        let argument = number.and_then(|it: usize| arguments.get(it.checked_sub(1)?));
        match argument {
            Some(argument) => {
                out.push_str(argument);
                rest = behind_hole;
            }
            None => {
                out.push('{');
                rest = behind;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The places of a template that are filled in.
pub(crate) const fn holes(template: &str) -> usize {
    let (bytes, hole) = (template.as_bytes(), HOLE.as_bytes());
    let (mut index, mut count) = (1, 0);
    while index < bytes.len() {
        if bytes[index - 1] == hole[0] && bytes[index] == hole[1] {
            count += 1;
        }
        index += 1;
    }
    count
}

/// A [`Text`] of a template and its arguments: `text!("no step `{}`", &name)`. What is borrowed
/// is shown as it is; a `Text` by value is translated too. Nothing but `{}` is special.
macro_rules! text {
    ($template:literal $(, $argument:expr)* $(,)?) => {{
        const ARGUMENTS: &[&str] = &[$(stringify!($argument)),*];
        const { assert!($crate::diagnostic::holes($template) == ARGUMENTS.len()) };
        $crate::diagnostic::Text::new(
            $template,
            vec![$($crate::diagnostic::Argument::from($argument)),*],
        )
    }};
}

pub(crate) use text;

static TABLE: LazyLock<HashMap<Cow<'static, str>, &'static str>> = LazyLock::new(|| {
    let leaked = |it: Cow<'static, str>| match it {
        Cow::Borrowed(text) => text,
        Cow::Owned(text) => &*text.leak(),
    };
    entries(INDONESIAN).map(|(english, other)| (english, leaked(other))).collect()
});

/// The pairs of a `.po` file: `msgid "…"` and, on the next line, `msgstr "…"`.
fn entries(po: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let mut lines = po.lines();
    std::iter::from_fn(move || {
        loop {
            let english = lines.next()?;
            if let Some(english) = value(english, "msgid ") {
                return Some((english, value(lines.next()?, "msgstr ")?));
            }
        }
    })
}

/// What stands in the quotes behind `key`.
fn value<'a>(line: &'a str, key: &str) -> Option<Cow<'a, str>> {
    let quoted = line.strip_prefix(key)?.trim().strip_prefix('"')?.strip_suffix('"')?;
    if !quoted.contains('\\') {
        return Some(quoted.into());
    }
    let mut out = String::with_capacity(quoted.len());
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match (letter, letter == '\\') {
            (_, true) => match letters.next()? {
                'n' => out.push('\n'),
                escaped => out.push(escaped),
            },
            (letter, _) => out.push(letter),
        }
    }
    Some(out.into())
}
