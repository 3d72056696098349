//! The documentation as a book: every page is in it, every link leads somewhere, what can be derived
//! is derived, and its examples are what the program takes.

mod book;
mod calls;
mod examples;
mod keys;
mod reference;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// All pages, from the project's directory.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    collect(Path::new("docs"), &mut pages);
    pages.sort();
    pages
}

fn collect(folder: &Path, pages: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, pages);
        } else if path.extension().is_some_and(|it| it == "md") {
            pages.push(path);
        }
    }
}

/// The blocks of a page: what stands behind the fence, and the text.
pub(super) fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is never closed in:\n{page}");
    blocks
}

/// Copies a directory.
pub(super) fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (path, target) = entry.map(|it| (it.path(), to.join(it.file_name()))).unwrap();
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
