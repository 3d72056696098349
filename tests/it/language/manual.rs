//! `docs/language.md` says what the language does: its examples are run, its list of functions is
//! the registry's.

use std::fs;

use simpul::{expr, message::Headers};

use super::support::{Kind, Message, Outcome, run};

/// The blocks of the manual fenced with ```` ```tag ````, in their order.
fn blocks<'m>(manual: &'m str, tag: &str) -> Vec<&'m str> {
    let fence = format!("```{tag}\n");
    manual.split(&fence).skip(1).map(|it| it.split("```").next().unwrap()).collect()
}

fn manual() -> String {
    fs::read_to_string("docs/language.md").unwrap()
}

/// Runs every `text ⇒ result` of the blocks with this tag.
fn check(tag: &str, kind: Kind) -> usize {
    let manual = manual();
    let [body, item] = blocks(&manual, "json")[..] else { panic!("not one body and one item") };
    let message = Message {
        document: body.to_owned(),
        item: Some(item.to_owned()),
        headers: [("content-type", "application/json")].into_iter().collect::<Headers>(),
    };
    let mut broken = Vec::new();
    let mut count = 0;
    for line in blocks(&manual, tag).iter().flat_map(|it| it.lines()) {
        count += 1;
        let Some((text, wanted)) = line.split_once('⇒') else {
            broken.push(format!("no `⇒` in: {line}"));
            continue;
        };
        let got = match run(kind, text.trim(), &message) {
            Outcome::Value(json) => json,
            Outcome::Nothing => "nothing".to_owned(),
            Outcome::Error(message) => format!("error: {message}"),
            Outcome::Refused(error) => format!("refused: {error}"),
        };
        if got != wanted.trim() {
            broken.push(format!(
                "{}\n  the manual says {}\n  but it gives   {got}",
                text.trim(),
                wanted.trim()
            ));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
    count
}

#[test]
fn every_example_of_an_expression_holds() {
    assert!(60 <= check("expr", Kind::Expression));
}

#[test]
fn every_example_of_a_value_holds() {
    assert!(10 <= check("value", Kind::ValueText));
}

#[test]
fn the_manual_lists_exactly_the_functions_that_there_are() {
    let manual = manual();
    let line = |it: &expr::Function| format!("- `{}`: {}", it.usage(), it.summary);
    let wanted: Vec<String> = expr::functions().iter().map(line).collect();
    let listed: Vec<&str> = manual.lines().filter(|it| it.starts_with("- `")).collect();
    for line in &wanted {
        assert!(listed.contains(&line.as_str()), "the manual lacks this line:\n{line}");
    }
    for line in listed {
        assert!(wanted.iter().any(|it| it == line), "no function has this line:\n{line}");
    }
}
