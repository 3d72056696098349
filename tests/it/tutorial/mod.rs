//! The pages that lead newcomers, followed to the letter: files are written and commands are typed as the
//! pages show them, in an empty directory, and what they show as answers is what comes.

mod shell;
mod told;

use std::fs;

use self::{shell::Desk, told::Told};
use crate::manual::blocks;

/// A block of a page.
enum Part {
    /// A file as a whole.
    File { path: String, text: String },
    /// Lines at the end of a file.
    Append { path: String, text: String },
    /// Lines in the place of the one line of a file that is most like the first of them.
    Line { path: String, text: String },
    /// Commands and what they answer.
    Typed(Vec<Command>),
    /// A command that goes on running, in a terminal of its own, and what it says.
    Runs(Command),
}

struct Command {
    typed: String,
    answer: Vec<String>,
}

/// What a page wants one to do.
fn parts(page: &str) -> Vec<Part> {
    let part = |(tag, text): (String, String)| {
        let mut words = tag.split(' ');
        let (kind, path, how) = (words.next()?, words.next(), words.next());
        match (kind, path, how) {
            ("console", None, None) => Some(Part::Typed(commands(&text))),
            ("console", Some("runs"), None) => commands(&text).pop().map(Part::Runs),
            (_, Some(path), None) => Some(Part::File { path: path.to_owned(), text }),
            (_, Some(path), Some("append")) => Some(Part::Append { path: path.to_owned(), text }),
            (_, Some(path), Some("line")) => Some(Part::Line { path: path.to_owned(), text }),
            _ => panic!("nobody knows what to do with a block of `{tag}`"),
        }
    };
    blocks(page).into_iter().filter_map(part).collect()
}

/// The commands of a block: behind `$ `, over several lines where they end in `\`.
fn commands(text: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut goes_on = false;
    for line in text.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (_, Some(last)) if goes_on => last.typed.push_str(&format!("\n{line}")),
            (Some(typed), _) => {
                commands.push(Command { typed: typed.to_owned(), answer: Vec::new() });
            }
            (None, Some(last)) => last.answer.push(line.to_owned()),
            (None, None) => panic!("a block of commands begins with `$ `:\n{text}"),
        }
        goes_on = commands.last().is_some_and(|it| it.typed.ends_with('\\'));
    }
    commands
}

/// Follows a page at a desk where those before it were followed.
fn follow(page: &str, desk: &mut Desk) {
    let path = format!("docs/{page}.md");
    let parts = parts(&fs::read_to_string(&path).unwrap());
    let mut count = 0;
    for part in parts {
        count += 1;
        match part {
            Part::File { path, text } => desk.write(&path, &text),
            Part::Append { path, text } => {
                let before = desk.read(&path);
                desk.write(&path, &format!("{before}{text}"));
            }
            Part::Line { path, text } => desk.write(&path, &with_line(&desk.read(&path), &text)),
            Part::Runs(command) => {
                desk.start(&command.typed, &Told::new(command.answer).at_first());
            }
            Part::Typed(commands) => {
                for command in commands {
                    desk.types(&command.typed, &Told::new(command.answer));
                }
            }
        }
    }
    assert!(10 < count, "{path} asks for next to nothing");
}

/// A file with other lines in the place of the line that is most like the first of them.
fn with_line(file: &str, new: &str) -> String {
    let first = new.lines().next().unwrap();
    let alike = |line: &str| line.chars().zip(first.chars()).take_while(|(a, b)| a == b).count();
    let most = file.lines().map(alike).max().unwrap();
    let replaced: Vec<_> = file.lines().filter(|it| alike(it) == most).collect();
    assert!(5 < most && replaced.len() == 1, "which line is meant by\n{new}in\n{file}");
    file.replace(&format!("{}\n", replaced[0]), new)
}

#[test]
fn the_tutorial_leads_a_newcomer_to_where_it_says() {
    let mut desk = Desk::open();
    follow("getting-started", &mut desk);
    follow("going-on", &mut desk);
}

#[test]
fn every_file_that_a_newcomer_shall_save_is_named_in_the_sentence_before_it() {
    for page in ["getting-started", "going-on"] {
        let page = fs::read_to_string(format!("docs/{page}.md")).unwrap();
        for (at, _) in page.match_indices("\n```") {
            let tag = page[at + 4..].lines().next().unwrap_or_default();
            let mut words = tag.split(' ').skip(1);
            if let (Some(path), None) = (words.next(), words.next())
                && path != "runs"
            {
                let before: String = page[..at].chars().rev().take(400).collect();
                let before: String = before.chars().rev().collect();
                assert!(before.contains(&format!("`{path}`")), "`{path}` comes without its name");
            }
        }
    }
}
