//! The examples of all pages: files are read, commands are what the program takes.

use std::fs;

use simpul::{
    diagnostic::{Language, Report, parse, read},
    route::{RouteFile, SystemFile},
    step::StepSpec,
};

use super::{blocks, pages};
use crate::command_line::simpul;

/// What a file of the project is known by: its first key.
#[derive(Debug, PartialEq)]
enum What {
    Route,
    System,
    Steps,
    Other,
}

fn what(tag: &str, text: &str) -> What {
    let first = text.lines().find(|it| !it.starts_with('#') && !it.trim().is_empty());
    let first = first.unwrap_or_default();
    match first.split(':').next().unwrap_or_default() {
        "route" if text.contains("\nfrom:") && text.contains("\nto:") => What::Route,
        "system"
            if ["http:", "amqp:", "files:"].iter().any(|it| text.contains(&format!("\n{it}"))) =>
        {
            What::System
        }
        _ if tag == "yaml step" => What::Steps,
        _ => What::Other,
    }
}

#[test]
fn every_yaml_example_is_one_and_whole_files_are_decoded() {
    let mut broken = Vec::new();
    let (mut all, mut whole) = (0, 0);
    for path in pages() {
        // The pages of mistakes show mistakes.
        let page = fs::read_to_string(&path).unwrap();
        for (tag, text) in blocks(&page) {
            if path.starts_with("docs/errors")
                || tag != "yaml" && !tag.starts_with("yaml ")
                || tag == "yaml wrong"
                || tag == "yaml other"
            {
                continue;
            }
            all += 1;
            let mut report = Report::default();
            report.enter(path.to_str().unwrap());
            let what = what(&tag, &text);
            whole += usize::from(what != What::Other);
            match what {
                What::Route => drop(read::<RouteFile>(&text, &mut report)),
                What::System => drop(read::<SystemFile>(&text, &mut report)),
                What::Steps => drop(read::<Vec<StepSpec>>(&text, &mut report)),
                What::Other => drop(parse(&text, &mut report)),
            }
            broken
                .extend(report.into_sorted().iter().map(|it| it.render(&text, Language::English)));
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
    assert!(40 < all && 15 < whole, "{all} {whole}");
}

/// The words of a command as a shell would take them, up to a pipe or the like; nothing if it is not
/// simpul that is called.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut open = false;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(it), _) if it == letter => quote = None,
            (Some(_), _) => words.last_mut()?.push(letter),
            (None, '\'' | '"') => (quote, open) = (Some(letter), true),
            (None, ' ') => {
                if open {
                    words.push(String::new());
                }
                open = false;
            }
            (None, '|' | '&' | ';' | '#' | '<' | '>') if !open => break,
            (None, _) => {
                words.last_mut()?.push(letter);
                open = true;
            }
        }
    }
    if !open {
        words.pop();
    }
    (words.first()? == "simpul").then_some(words)
}

/// The calls of simpul in a page, word by word.
fn calls(page: &str) -> Vec<Vec<String>> {
    // A line that goes on is one.
    let page = page.replace("\\\n", " ");
    let mut calls = Vec::new();
    for (tag, text) in blocks(&page) {
        let lines = text.lines().filter_map(|line| match tag.as_str() {
            "sh" => Some(line),
            "console" => line.strip_prefix("$ "),
            _ => None,
        });
        calls.extend(lines.flat_map(|it| it.split("&&")).filter_map(|it| words(it.trim())));
    }
    calls
}

#[test]
fn every_call_of_simpul_in_the_manual_is_one_that_it_takes() {
    let mut broken = Vec::new();
    let mut count = 0;
    for path in pages() {
        for call in calls(&fs::read_to_string(&path).unwrap()) {
            count += 1;
            // With `--help` behind the command everything before it is looked at.
            let command: Vec<_> = call[1..].iter().map(String::as_str).collect();
            let said = simpul(&[&command[..], &["--help"]].concat());
            if said.code != 0 {
                broken.push(format!("{}: {call:?}\n{}", path.display(), said.err));
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
    assert!(20 < count, "{count}");
}
