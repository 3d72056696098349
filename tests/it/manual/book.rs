//! The pages hang together.

use std::{collections::BTreeSet, fs, path::Path};

use super::pages;

/// The links of a page: where each leads.
fn links(page: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut in_block = false;
    for line in page.lines() {
        in_block ^= line.starts_with("```");
        if in_block {
            continue;
        }
        // What stands in backquotes is shown as it is.
        let shown: String = line.split('`').step_by(2).collect::<Vec<_>>().join("x");
        for part in shown.split("](").skip(1) {
            links.extend(part.split(')').next().map(str::to_owned));
        }
    }
    links
}

/// What a heading is called in an address, as GitHub and mdBook have it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect()
}

fn anchors(page: &str) -> BTreeSet<String> {
    let mut in_block = false;
    let mut anchors = BTreeSet::new();
    for line in page.lines() {
        in_block ^= line.starts_with("```");
        if !in_block && line.starts_with('#') {
            anchors.insert(anchor(line));
        }
    }
    anchors
}

#[test]
fn every_link_of_every_page_leads_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for path in pages().iter().map(|it| it.as_path()).chain([Path::new("README.md")]) {
        let text = fs::read_to_string(path).unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            count += 1;
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.to_owned(),
                file => path.parent().unwrap().join(file),
            };
            if !target.exists() {
                broken.push(format!("{}: {link}: no such file", path.display()));
            } else if !heading.is_empty() {
                let page = fs::read_to_string(&target).unwrap();
                if !anchors(&page).contains(heading) {
                    broken.push(format!("{}: {link}: no such heading", path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
    assert!(50 < count, "{count}");
}

#[test]
fn the_summary_names_every_page_once() {
    let mut summary = fs::read_to_string("docs/SUMMARY.md").unwrap();
    if std::env::var_os("SIMPUL_WRITE_REFERENCE").is_some() {
        summary = with_listed(&summary);
        fs::write("docs/SUMMARY.md", &summary).unwrap();
    }
    assert_eq!(
        summary,
        with_listed(&summary),
        "`SIMPUL_WRITE_REFERENCE=1 cargo test --test it manual::` mends it"
    );
    let named = links(&summary);
    let set: BTreeSet<String> = named.iter().map(|it| format!("docs/{it}")).collect();
    assert_eq!(set.len(), named.len(), "a page is named twice");
    let pages = pages().into_iter().map(|it| it.to_str().unwrap().to_owned());
    let pages: BTreeSet<String> = pages.filter(|it| it != "docs/SUMMARY.md").collect();
    assert_eq!(set, pages);
}

/// The summary with all pages of mistakes and decisions, which are listed by themselves.
fn with_listed(summary: &str) -> String {
    let mut lines = Vec::new();
    for line in summary.lines().filter(|it| !it.starts_with("  - [")) {
        lines.push(line.to_owned());
        for (parent, folder) in
            [("reference/errors.md", "errors"), ("architecture.md", "decisions")]
        {
            if line.ends_with(&format!("({parent})")) {
                lines.extend(listed(folder));
            }
        }
    }
    lines.join("\n") + "\n"
}

fn listed(folder: &str) -> Vec<String> {
    let of_folder = |it: &std::path::PathBuf| it.starts_with(format!("docs/{folder}"));
    let line = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let title = text.lines().next().unwrap_or_default().trim_start_matches('#').trim();
        format!("  - [{title}]({})", path.strip_prefix("docs").unwrap().display())
    };
    pages().iter().filter(|it| of_folder(it)).map(line).collect()
}

#[test]
fn the_book_has_its_sources_where_they_are() {
    let book = fs::read_to_string("book.toml").unwrap();
    assert!(book.contains("src = \"docs\""), "{book}");
}
