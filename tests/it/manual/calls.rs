//! Every call of simpul in the manual is one that the program takes.

use std::fs;

use super::{blocks, pages};
use crate::command_line::simpul;

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
        let lines = text.lines().filter_map(|line| match tag.split(' ').next() {
            Some("sh") => Some(line),
            Some("console") => line.strip_prefix("$ "),
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
