//! A browser works through a night's dead letters, as `tests/browser/story.mjs` tells it: each page is
//! looked at in light and dark and on a phone, and by an accessibility checker.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Where the script and what it says it needs are.
const STORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser");

/// Says why a test did nothing; in CI that is a failure.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
fn skipped(why: &str) {
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
    eprintln!("skipped: {why}");
}

fn chromium() -> Option<PathBuf> {
    let given = std::env::var_os("STORY_CHROMIUM").map(PathBuf::from);
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    given.into_iter().chain(known.map(PathBuf::from)).find(|it| it.is_file())
}

/// Installs what the script drives the browser with, as its lock file has it; where it is.
fn modules(target: &Path) -> Option<PathBuf> {
    let place = target.join("modules");
    fs::create_dir_all(&place).ok()?;
    for file in ["package.json", "package-lock.json"] {
        let (wanted, there) = (Path::new(STORY).join(file), place.join(file));
        let same = fs::read(&wanted).ok() == fs::read(&there).ok();
        if same && place.join("node_modules/playwright-core").is_dir() {
            continue;
        }
        let _ = fs::remove_dir_all(place.join("node_modules"));
        fs::copy(wanted, there).ok()?;
    }
    if place.join("node_modules/playwright-core").is_dir() {
        return Some(place);
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&place);
    npm.output().is_ok_and(|it| it.status.success()).then_some(place)
}

#[test]
fn a_night_s_letters_are_found_understood_put_right_and_sent_on_in_a_browser() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    let Some(chromium) = chromium() else { return skipped("there is no chromium") };
    let Some(modules) = modules(&target) else { return skipped("npm installs nothing here") };
    let project = tempfile::tempdir().unwrap();
    let pictures = target.join("pictures");
    let mut node = Command::new("node");
    node.arg(Path::new(STORY).join("story.mjs"));
    node.arg(env!("CARGO_BIN_EXE_simpul")).arg(project.path()).arg(&pictures);
    node.env("STORY_MODULES", &modules).env("STORY_CHROMIUM", chromium);
    let Output { status, stdout, stderr } = node.output().unwrap();
    let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    assert!(status.success(), "{said}\npictures: {}", pictures.display());
}
